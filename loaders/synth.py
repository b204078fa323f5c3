"""Synthetic people of Kazakhstan, and dumps of them as messy as a real leak.

Nobody here is real. Every value is drawn by a seeded generator from the word lists of
`loaders.synth_names`; no record of people was read to make it. The numbers must be well formed
all the same, so we keep them away from real ones where we can:

- IINs take the serials of a birth date and sex from 9999 downwards, never below 6400, while real
  ones start at the low end: a real person's is unlikely, though not impossible;
- e-mail addresses are under example.com, example.org and example.net only (RFC 2606);
- phone numbers must be valid, and Kazakhstan sets none aside for fiction: one may by chance be in
  service, but the name, IIN and address beside it are made up;
- house and flat numbers are drawn without regard to what stands there.

Promises: person i depends on (seed, i) only; the IINs of one seed are all different, and so are
the phone numbers, families apart; the dump of n people is the beginning of the dump of more; the
bytes are the same on every machine. Not promised: that two seeds have different IINs (they share
one space), or figures good for anything but exercise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from loaders.synth_names import Bytes, tables, utf8
from loaders.synth_people import (
    BLOCK,
    DOMAINS,
    EXTRA,
    MESS,
    PEOPLE_MAX,
    Block,
    Dice,
    Ints,
    birth_days,
    block,
)
from lookup.errors import Code, InputError

Cells = NDArray[np.uint8]

HEADER = "iin;full_name;birth_date;phone;email;address\n"
BLANKS = ("", "-", "NULL", "н/д")
# What stands before the operator's code and then between the groups of digits, by style.
_STYLES = (
    ("+7", "", "", ""),
    ("8", "", "", ""),
    ("8 (", ") ", "-", "-"),
    ("", "", "", ""),
)
CHUNK = 4_096  # rows turned into text at a time: about 1 MB, so that it stays in the cache


@dataclass(frozen=True)
class Person:
    """One synthetic person, clean: birth date as YYYY-MM-DD, phone as E.164."""

    iin: str
    full_name: str
    birth_date: str
    phone: str
    email: str
    address: str


def people(seed: int, start: int = 0) -> Iterator[Person]:
    """The people of a seed from number `start` on, until there are `PEOPLE_MAX` of them.

    Wherever it starts, the first comes after about 0.2 s: those before are not made.

    Raises:
        InputError: the seed or the start is negative.
    """
    _check(seed, start)
    return _people(seed, start)


def write_dump(out: TextIO, count: int, seed: int) -> int:
    """Write a header and the first `count` people as messy CSV; return the rows after the header.

    Everybody has one row with the right IIN. Among them are some 3 % duplicates of somebody at
    most `BLOCK` people earlier, and 0.3 % rows whose IIN is wrong, too short or missing. For the
    promised bytes open `out` as UTF-8 with ``newline=""``.

    Raises:
        InputError: the seed or the count is negative, or the count is over `PEOPLE_MAX`.
    """
    _check(seed, count)
    if count > PEOPLE_MAX:
        raise InputError(Code.BAD_USAGE, f"ask for at most {PEOPLE_MAX} synthetic people")
    out.write(HEADER)
    written = 0
    for number in range(-(-count // BLOCK)):
        these = block(seed, number)
        rows = _messy_rows(seed, number, min(BLOCK, count - number * BLOCK))
        for low in range(0, rows.who.size, CHUNK):
            out.write(_text(these, rows.part(low, low + CHUNK)))
        written += rows.who.size
    return written


def _check(seed: int, number: int) -> None:
    if seed < 0 or number < 0:
        raise InputError(Code.BAD_USAGE, "give a seed and a number of people of 0 or more")


def _people(seed: int, start: int) -> Iterator[Person]:
    for number in range(start // BLOCK, PEOPLE_MAX // BLOCK):
        these = block(seed, number)
        for low in range(max(0, start - number * BLOCK), BLOCK, CHUNK):
            clean = _clean_rows(np.arange(low, min(low + CHUNK, BLOCK)))
            for line in _text(these, clean).split("\n")[:-1]:
                yield Person(*line.split(";"))  # no word has a semicolon in it


@dataclass(frozen=True)
class _Rows:
    """Who stands in which row of a dump, and what is wrong there.

    Attributes:
        who: the person's place in the block.
        broken: 0 for the right IIN, else 1 wrong, 2 too short, 3 missing.
        style: how the phone is written, see `_STYLES`.
        quoted: 1 where the given name is in quotation marks.
        parted: 1 where the address has semicolons for commas.
        blank: for phone, e-mail and address 0, or else 1 + the place in `BLANKS`.
    """

    who: Ints
    broken: Ints
    style: Ints
    quoted: Ints
    parted: Ints
    blank: Ints

    def part(self, low: int, high: int) -> "_Rows":
        rows = slice(low, high)
        return _Rows(
            *(self.who[rows], self.broken[rows], self.style[rows], self.quoted[rows]),
            *(self.parted[rows], self.blank[:, rows]),
        )


def _clean_rows(who: Ints) -> _Rows:
    no = np.zeros_like(who)
    return _Rows(who, broken=no, style=no, quoted=no, parted=no, blank=np.array([no, no, no]))


def _messy_rows(seed: int, number: int, count: int) -> _Rows:
    """The rows of the first `count` people of a block; more people only add rows at the end."""
    dice = Dice(seed, EXTRA, number)
    own = np.arange(BLOCK)
    earlier = dice.below(np.maximum(own, 1))
    again, broken = own[dice.happens(30)], own[dice.happens(3)]
    slots = np.sort(np.concatenate([3 * own, 3 * again + 1, 3 * broken + 2]))
    person, role = np.divmod(slots, 3)  # role: 0 own row, 1 duplicate, 2 broken IIN
    dice = Dice(seed, MESS, number, slots.size)
    bare = (role == 1) & dice.happens(250)
    rows = _Rows(
        who=np.where(role == 0, person, earlier[person]),
        broken=(1 + dice.below(3)) * (role == 2),
        style=dice.below(len(_STYLES)),
        quoted=dice.happens(3).astype(np.int64),
        parted=dice.happens(40).astype(np.int64),
        blank=np.array(
            [
                (1 + dice.below(len(BLANKS))) * (bare | dice.happens(share))
                for share in (80, 400, 100)
            ]
        ),
    )
    return rows.part(0, int(np.searchsorted(slots, 3 * count)))


@cache
def _styles() -> list[Bytes]:
    return [utf8(column) for column in zip(*_STYLES, strict=True)]


@cache
def _digits(width: int) -> Bytes:
    return utf8(f"{n:0{width}d}" for n in range(10**width))


@cache
def _numbers() -> Bytes:
    return utf8(str(n) for n in range(1000))


@cache
def _flats() -> Bytes:
    return utf8(f"кв. {n}" if n else "" for n in range(1000))


@cache
def _birth_dates() -> Bytes:
    return np.datetime_as_string(birth_days()).astype("S10")


def _text(these: Block, rows: _Rows) -> str:
    """The rows as CSV lines, quoted by the csv rules.

    Every cell is a row of bytes in a matrix, padded with NUL to the longest; no text has a NUL in
    it, so at the end they are all dropped. Three times as fast as strings and the csv module.
    """
    phone, email, address = rows.blank
    cells = (
        _iin(these.iin[rows.who], rows.broken),
        _name(these, rows),
        _cell(_birth_dates()[these.day[rows.who]]),
        _blanked(_phone(these.phone[rows.who], rows.style), phone),
        _blanked(_email(these, rows.who), email),
        _blanked(_address(these, rows), address),
    )
    semicolon, newline = (np.full((rows.who.size, 1), ord(end), dtype=np.uint8) for end in ";\n")
    ends = (*[semicolon] * 5, newline)
    sheet = np.hstack([part for pair in zip(cells, ends, strict=True) for part in pair])
    return sheet.tobytes().translate(None, b"\0").decode()


def _cell(*pieces: Bytes | bytes) -> Cells:
    """The pieces side by side; plain bytes are the same in every row."""
    rows = max(piece.size for piece in pieces if not isinstance(piece, bytes))
    return np.hstack(
        [
            np.broadcast_to(np.frombuffer(piece, dtype=np.uint8), (rows, len(piece)))
            if isinstance(piece, bytes)
            else piece.view(np.uint8).reshape(rows, piece.itemsize)
            for piece in pieces
        ]
    )


def _blanked(cells: Cells, blank: Ints) -> Cells:
    rows = np.flatnonzero(blank)
    words = _cell(utf8(BLANKS)[blank[rows] - 1])
    cells[rows] = 0
    cells[rows, : words.shape[1]] = words
    return cells


def _iin(iin: Ints, broken: Ints) -> Cells:
    digit = iin % 10
    iin = np.where(broken == 1, iin - digit + 9 - digit, iin)  # 9 - digit is another digit
    four = _digits(4)
    cells = _cell(four[iin // 10**8], four[iin // 10**4 % 10**4], four[iin % 10**4])
    cells[broken == 2, 0] = 0
    cells[broken == 3] = 0
    return cells


def _name(these: Block, rows: _Rows) -> Cells:
    table, who = tables(), rows.who
    outside, inside = utf8(("", '"'))[rows.quoted], utf8(("", '""'))[rows.quoted]
    surname, given = table.surname[these.surname[who]], table.given[these.given[who]]
    patronymic = table.patronymic[these.patronymic[who]]
    return _cell(outside, surname, b" ", inside, given, inside, b" ", patronymic, outside)


def _phone(phone: Ints, style: Ints) -> Cells:
    three, two = _digits(3), _digits(2)
    before, after_code, after_three, after_two = (column[style] for column in _styles())
    return _cell(
        *(before, three[phone // 10**7]),
        *(after_code, three[phone // 10**4 % 1000]),
        *(after_three, two[phone // 100 % 100]),
        *(after_two, two[phone % 100]),
    )


def _email(these: Block, who: Ints) -> Cells:
    table, tag = tables(), these.tag[who]
    given, surname = table.given_latin[these.given[who]], table.surname_latin[these.surname[who]]
    tags = _digits(3)[tag // 1000], _digits(3)[tag % 1000]
    return _cell(given, b".", surname, *tags, b"@", utf8(DOMAINS)[these.domain[who]])


def _address(these: Block, rows: _Rows) -> Cells:
    table, who = tables(), rows.who
    flat = these.flat[who]
    quote, comma = utf8(("", '"'))[rows.parted], utf8((", ", "; "))[rows.parted]
    return _cell(
        *(quote, table.town[these.town[who]], comma, table.street[these.street[who]]),
        *(comma, "д. ".encode(), _numbers()[these.house[who]]),
        *(np.where(flat > 0, comma, b""), _flats()[flat], quote),
    )
