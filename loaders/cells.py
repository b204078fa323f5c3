"""Whole columns of identifier cells at once: which are valid, and which number or text they are.

``lookup.protocol.identifiers`` is the rule; what is done here for speed gives the same verdicts,
which property tests hold. An IIN and a phone number become integers, so that a load never keeps a
Python object a row; an e-mail address stays text. What is written in no usual way is asked of the
rule, cell by cell.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray
from phonenumbers import PhoneMetadata

from lookup.errors import Code, InputError
from lookup.protocol.identifiers import WEIGHTS_1, WEIGHTS_2, canonical
from lookup.protocol.suite import Kind

# What stands for "nothing" in dumps, in lower case and without spaces around: people's dashes and
# words, and what databases (\N, NULL), pandas (nan, None), Excel (#N/A) and scripts write.
_NOTHING = frozenset(
    (
        *("", "-", "–", "—", "null", "(null)", "\\n", "none", "nan", "n/a", "#n/a", "undefined"),
        *("н/д", "нет", "нет данных", "не указан", "не указана", "не указано", "отсутствует"),
        *("жоқ", "деректер жоқ", "көрсетілмеген"),
    )
)
_LONGEST_NOTHING = max(map(len, _NOTHING))

_FIRST_PASS = np.array(WEIGHTS_1, dtype=np.int64)
_SECOND_PASS = np.array(WEIGHTS_2, dtype=np.int64)
SHORT_IINS = (9, 10, 11)  # digits of a number that an IIN with zeros before it may have become
_TENS = 10 ** np.arange(11, -1, -1, dtype=np.int64)

_LONGEST_PHONE = 24  # bytes of a number whose punctuation is removed in bulk
_PHONE_SIGNS = np.zeros(256, dtype=np.bool_)  # of lookup.protocol.identifiers.PHONE_WRITTEN
_PHONE_SIGNS[list(b"0123456789 ()./-")] = True


@dataclass(frozen=True)
class Column:
    """A column of cells as spans of bytes: cell i is ``raw[starts[i]:ends[i]]``, in UTF-8.

    What is not UTF-8 reads as U+FFFD.
    """

    raw: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, cells: Sequence[str]) -> "Column":
        """The column of cells that are text; a lone surrogate in one becomes U+FFFD."""
        encoded = [cell.encode("utf-8", "surrogatepass") for cell in cells]
        sizes = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
        ends = np.cumsum(sizes)
        return cls(b"".join(encoded), ends - sizes, ends)

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """How many bytes each cell has."""
        return self.ends - self.starts

    def heads(self, chosen: NDArray[np.intp], size: int) -> NDArray[np.uint8]:
        """A line for each chosen cell: ``size`` bytes from its start on, beyond its end too."""
        starts = self.starts[chosen]
        over = starts.max(initial=0) + size > len(self.raw)
        data = np.frombuffer(self.raw + bytes(size if over else 0), dtype=np.uint8)
        return np.lib.stride_tricks.sliding_window_view(data, size)[starts]

    def texts(self, chosen: NDArray[np.intp] | None = None) -> list[str]:
        """The chosen cells, or all."""
        starts, ends = self.starts, self.ends
        if chosen is not None:
            starts, ends = starts[chosen], ends[chosen]
        spans = zip(starts.tolist(), ends.tolist(), strict=True)
        return [self.raw[start:end].decode("utf-8", "replace") for start, end in spans]


@dataclass(frozen=True, eq=False)
class Table(Sequence[list[str]]):
    """Rows of one width, most of them still as they stood in the file.

    Attributes:
        raw: the lines.
        cuts: where their delimiters and line ends are, -1 before the first.
        first: for each row, the number of the cut before its first cell.
        width: how many cells each row has.
        odd: rows that had to be read as text, by their place; their ``first`` means nothing.
        carriage_returns: whether one may stand before a line's end.
    """

    raw: bytes
    cuts: NDArray[np.int64]
    first: NDArray[np.int64]
    width: int
    odd: dict[int, list[str]]
    carriage_returns: bool

    def column(self, number: int) -> Column:
        """The column of this number, from 0."""
        if len(self.odd) == len(self):
            return Column.of([row[number] for row in self.odd.values()])
        starts = self.cuts[self.first + number] + 1
        ends = self.cuts[self.first + number + 1]
        if self.carriage_returns and number == self.width - 1:
            data = np.frombuffer(self.raw, dtype=np.uint8)
            ends = ends - ((ends > starts) & (data[ends - 1] == ord("\r")))
        if self.odd:
            places = list(self.odd)
            starts[places] = self._odd.starts[number :: self.width]
            ends[places] = self._odd.ends[number :: self.width]
        return Column(self._odd.raw, starts, ends)

    @cached_property
    def _odd(self) -> Column:
        """All cells of the odd rows, behind the lines."""
        cells = Column.of([cell for row in self.odd.values() for cell in row])
        behind = len(self.raw)
        return Column(self.raw + cells.raw, cells.starts + behind, cells.ends + behind)

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[list[str]]:
        columns = [self.column(number).texts() for number in range(self.width)]
        return map(list, zip(*columns, strict=True))

    @overload
    def __getitem__(self, at: int) -> list[str]: ...
    @overload
    def __getitem__(self, at: slice) -> list[list[str]]: ...
    def __getitem__(self, at: int | slice) -> list[str] | list[list[str]]:
        return list(self)[at]

    def __eq__(self, other: object) -> bool:
        """Equal to any sequence of the same rows, a list too."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list has none


def column_of(rows: Sequence[Sequence[str]], number: int) -> Column:
    """One column: cut from the file's bytes where they are at hand, else made of the texts."""
    if isinstance(rows, Table):
        return rows.column(number)
    return Column.of([row[number] for row in rows])


@dataclass(frozen=True)
class Cells:
    """A column's verdicts.

    Attributes:
        valid: for each cell.
        numbers: int64 for each cell (0 where invalid); None for e-mail.
        texts: canonical e-mails ("" where invalid); None for numbers.
        bad: for each cell that holds something and is not valid, its index and reason.
    """

    valid: NDArray[np.bool_]
    numbers: NDArray[np.int64] | None
    texts: list[str] | None
    bad: dict[int, Code]


def is_present(cell: str) -> bool:
    """Whether a cell holds something: blanks, dashes and words such as NULL or "н/д" do not."""
    text = cell.strip()
    return len(text) > _LONGEST_NOTHING or text.lower() not in _NOTHING


def present(column: Column) -> NDArray[np.bool_]:
    """``is_present`` of each cell."""
    result = column.sizes > 0
    filled = np.flatnonzero(result)
    heads = column.heads(filled, 2)
    lasts = np.frombuffer(column.raw, dtype=np.uint8)[column.ends[filled] - 1]
    # Only a cell that begins and ends like nothing has to be looked at as a whole.
    begins, ends = _like_nothing()
    doubtful = begins[heads[:, 0].astype(np.intp) << 8 | heads[:, 1]] & ends[lasts]
    looked_at = filled[doubtful]
    result[looked_at] = [is_present(cell) for cell in column.texts(looked_at)]
    return result


def parse(kind: Kind, cells: Column | Sequence[str]) -> Cells:
    """The verdicts on a column of cells that should hold identifiers of this kind."""
    column = cells if isinstance(cells, Column) else Column.of(cells)
    match kind:
        case Kind.IIN:
            chosen, valid = iins(column, 12)
            numbers = np.zeros(len(column), dtype=np.int64)
            numbers[chosen] = valid
            short = np.concatenate([_digits(column, size)[0] for size in SHORT_IINS])
            return _numbers(kind, column, numbers, dict.fromkeys(short.tolist(), Code.IIN_LENGTH))
        case Kind.PHONE:
            return _numbers(kind, column, _phones(column), {})
        case Kind.EMAIL:
            return _emails(column)


def text_of(kind: Kind, number: int) -> str:
    """The canonical text of a number that ``parse`` gave."""
    return f"{number:012d}" if kind is Kind.IIN else f"+{number}"


def iins(column: Column, size: int) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """The cells of just so many digits, at most 12: the valid IINs that they are, if need be with
    zeros before them, and 0 for the others."""
    chosen, digits = _digits(column, size)
    wide = np.zeros((len(chosen), 12), dtype=np.int64)
    wide[:, 12 - size :] = digits
    check = wide[:, :11] @ _FIRST_PASS % 11
    check = np.where(check == 10, wide[:, :11] @ _SECOND_PASS % 11, check)
    return chosen, np.where(check == wide[:, 11], wide @ _TENS, 0)


def _numbers(kind: Kind, column: Column, numbers: NDArray[np.int64], bad: dict[int, Code]) -> Cells:
    """The verdicts, once the rule has been asked about all cells that are neither."""
    unknown = (numbers == 0) & (column.sizes > 0)
    unknown[list(bad)] = False
    asked = np.flatnonzero(unknown)
    for at, cell in zip(asked.tolist(), column.texts(asked), strict=True):
        if is_present(cell):
            try:
                numbers[at] = int(canonical(kind, cell))
            except InputError as error:
                bad[at] = error.code
    return Cells(numbers != 0, numbers, None, bad)


def _digits(column: Column, size: int) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """The cells of just so many digits, and a line of digits for each."""
    chosen = np.flatnonzero(column.sizes == size)
    if not len(chosen):  # most blocks have no short ones
        return chosen, np.empty((0, size), dtype=np.uint8)
    digits = column.heads(chosen, size) - np.uint8(ord("0"))  # what is no digit is over 9
    is_plain = digits.max(axis=1, initial=0) <= 9
    return chosen[is_plain], digits[is_plain]


def _phones(column: Column) -> NDArray[np.int64]:
    """The numbers of plainly written, valid Kazakhstan phones, else 0."""
    numbers = np.zeros(len(column), dtype=np.int64)
    chosen = np.flatnonzero((column.sizes >= 10) & (column.sizes <= _LONGEST_PHONE))
    signs = column.heads(chosen, _LONGEST_PHONE)
    signs[np.arange(_LONGEST_PHONE) >= column.sizes[chosen, None]] = ord(" ")
    has_plus = signs[:, 0] == ord("+")
    signs[has_plus, 0] = ord(" ")
    digits = signs - np.uint8(ord("0"))
    is_digit = digits <= 9
    counts = np.where(_PHONE_SIGNS[signs].all(axis=1), is_digit.sum(axis=1), 0)
    for count in (10, 11):
        # +7, 7 or 8 before the ten national digits, or nothing.
        fitting = np.flatnonzero((counts == count) & ((count == 11) | ~has_plus))
        written = digits[fitting][is_digit[fitting]].reshape(-1, count).astype(np.int64)
        national = written[:, count - 10 :]
        valid = (national[:, 0] == 7) & _kz_prefixes()[national[:, 1:5] @ _TENS[-4:]]
        if count == 11:
            valid &= (written[:, 0] == 7) | ((written[:, 0] == 8) & ~has_plus[fitting])
        numbers[chosen[fitting[valid]]] = 70_000_000_000 + national[valid] @ _TENS[-10:]
    return numbers


def _emails(column: Column) -> Cells:
    texts = [""] * len(column)
    bad: dict[int, Code] = {}
    for i, cell in enumerate(column.texts()):
        if is_present(cell):
            try:
                texts[i] = canonical(Kind.EMAIL, cell)
            except InputError as error:
                bad[i] = error.code
    return Cells(np.array([bool(text) for text in texts], dtype=np.bool_), None, texts, bad)


@cache
def _like_nothing() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """By its first two bytes, and by its last, whether a cell could hold nothing."""
    starts = {text[0] for text in _NOTHING if text}
    stops = {text[-1] for text in _NOTHING if text}
    begins, ends = np.zeros(1 << 16, dtype=np.bool_), np.zeros(1 << 8, dtype=np.bool_)
    for letter in map(chr, (*range(0xD800), *range(0xE000, 0x10000))):
        code = letter.encode("utf-8")
        if letter.isspace() or letter.lower() in starts:
            # The byte after an ASCII letter is the next letter's, or another cell's: any.
            seconds = slice(code[1], code[1] + 1) if len(code) > 1 else slice(None)
            begins.reshape(256, 256)[code[0], seconds] = True
        if letter.isspace() or letter.lower() in stops:
            ends[code[-1]] = True
    return begins, ends


@cache
def _kz_prefixes() -> NDArray[np.bool_]:
    """By the four digits after a 7, whether all five that may follow make a valid number.

    From libphonenumber's metadata. Its patterns write a digit that may be any as ``\\d``, which
    also fits digits of other scripts: a pattern that looks at one of the last five digits fits no
    number here, and the rule decides.
    """
    metadata = PhoneMetadata.metadata_for_region("KZ")
    assert metadata is not None  # noqa: S101  the package has had Kazakhstan since its first version
    patterns = {
        description.national_number_pattern
        for description in (metadata.mobile, metadata.fixed_line)
        if description is not None and description.national_number_pattern
    }
    pattern = re.compile("|".join(f"(?:{pattern})" for pattern in sorted(patterns)))
    any_five = "\N{ARABIC-INDIC DIGIT ZERO}" * 5
    return np.array([bool(pattern.fullmatch(f"7{n:04d}{any_five}")) for n in range(10_000)])
