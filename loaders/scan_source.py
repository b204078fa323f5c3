"""Any text as the identifiers that stand in it: ``qorgan load --scan``.

Each valid identifier found is a row of its own with one cell filled: a text does not say which of
them belong to one person, so nobody guesses it. What is found is counted; what is passed over
cannot be. So of such a load, rows read are the identifiers found, and none is rejected.

A scan can be wrong, and columns are better where there are some. An IIN must stand apart from other
digits, and from the letters a to f (hashes hold digits too), and look like a person's: of random
numbers of 12 digits, one in 400 does. A phone number must be Kazakhstan's, written from +7, 7 or 8
on in one of the usual ways, and stand as much apart. An e-mail address must have an ASCII name of
letters, digits and . _ + -.

Constant memory: a match has less than ``_LONGEST`` characters, and so many are looked at twice
where one chunk ends and the next begins.
"""

import codecs
import re
from collections.abc import Iterator

from loaders import cells, iin_shape
from loaders.dump import Dump
from loaders.encodings import encoding_named, encoding_of
from loaders.sources import Block, Source
from lookup.errors import Code, InputError
from lookup.protocol.suite import Kind

_LONGEST = 1024

_BLANK = r"[ \u00a0\u202f]"
_GAP = rf"(?:{_BLANK}?[-.]{_BLANK}?|{_BLANK})?"
_AREA = {digits: rf"(?:\(7[0-9]{{{digits - 1}}}\)|7[0-9]{{{digits - 1}}})" for digits in (3, 4, 5)}
_NAME = r"[A-Za-z0-9._+-]"
_LETTERS = r"[\u0400-\u04ff]"
_LABEL = r"[A-Za-z0-9\u00df-\u00f6\u00f8-\u00ff\u0400-\u04ff-]"

# What is found is the first group. What stands before is looked at behind the first sign: a pattern
# that begins with a set of signs is searched for much faster.
_PATTERNS = {
    Kind.IIN: re.compile(r"([0-9]{12})(?<![0-9A-Fa-f]............)(?![0-9A-Fa-f])"),
    Kind.PHONE: re.compile(
        rf"([+78](?<![0-9A-Fa-f+].)(?:(?<=\+)7|(?<=[78])){_GAP}(?:"
        rf"{_AREA[3]}{_GAP}[0-9]{{3}}{_GAP}[0-9]{{2}}{_GAP}[0-9]{{2}}"
        rf"|{_AREA[3]}{_GAP}[0-9]{{2}}{_GAP}[0-9]{{2}}{_GAP}[0-9]{{3}}"
        rf"|{_AREA[4]}{_GAP}[0-9]{{2}}{_GAP}[0-9]{{2}}{_GAP}[0-9]{{2}}"
        rf"|{_AREA[5]}{_GAP}[0-9]{_GAP}[0-9]{{2}}{_GAP}[0-9]{{2}}))(?![0-9A-Fa-f@])"
    ),
    Kind.EMAIL: re.compile(
        rf"(@(?:{_LABEL}{{1,63}}+\.){{1,8}}"
        rf"(?:xn--[A-Za-z0-9-]{{2,58}}|[A-Za-z]{{2,62}}|{_LETTERS}{{2,62}}))(?![A-Za-z0-9])"
    ),
}
# The name of an address, which ends where its domain begins.
_LOCAL = re.compile(rf"(?<![@A-Za-z0-9._+-])[.+-]*+([A-Za-z0-9_]{_NAME}{{0,63}}+)\Z")
_BEFORE = 68  # characters: the longest name and some signs before it
# So is a line end written in SQL and JSON: its letter is no part of an address.
_ESCAPED = re.compile(r"\\[nrt]")


class ScanSource(Source):
    """The identifiers in a text; the header names the kinds that are looked for."""

    def __init__(self, dump: Dump, kinds: tuple[Kind, ...], encoding: str) -> None:
        super().__init__(dump, tuple(kind.value for kind in kinds), encoding)
        self._kinds = kinds

    @property
    def part(self) -> str:
        """Marked: found by a scan, the same file is another load than by its columns."""
        return f"{super().part}:scan".removeprefix(":")

    def blocks(self) -> Iterator[Block]:
        """What stands in each MiB or so: all of one kind, then of the next."""
        begins = dict.fromkeys(self._kinds, 0)
        carried = ""
        for chunk, more in _chunks(self._dump, self.encoding):
            text = _ESCAPED.sub("  ", carried + chunk)
            last = max(0, len(text) - _LONGEST) if more else len(text)  # what begins here waits
            cut = max(0, last - _BEFORE - 1)  # and what stands before that
            rows = []
            for number, kind in enumerate(self._kinds):
                found, end = _matches(kind, text, begins[kind], last)
                begins[kind] = end - cut
                for cell in _valid(kind, found):
                    row = [""] * len(self._kinds)
                    row[number] = cell
                    rows.append(row)
            carried = text[cut:]
            if rows:
                yield Block(rows, {})


def scan_source(dump: Dump, kinds: tuple[Kind, ...], encoding: str | None) -> ScanSource:
    """An open dump as the identifiers of these kinds in it.

    Raises:
        InputError: BAD_USAGE, the encoding is none; BAD_FILE, this is no text.
    """
    sample = dump.sample
    if not sample:
        raise InputError(Code.BAD_FILE, "the file is empty; give one with text in it")
    if dump.format or sample.count(b"\0") * 100 > len(sample) or sample.startswith(b"PAR1"):
        raise InputError(
            Code.BAD_FILE, "the file is no text, so it cannot be scanned; load it by its columns"
        )
    chosen = None if encoding is None else encoding_named(encoding)
    return ScanSource(dump, kinds, chosen or encoding_of(sample, whole=dump.is_whole))


def _chunks(dump: Dump, encoding: str) -> Iterator[tuple[str, bool]]:
    """The text, and whether more follows."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in dump.chunks():
        yield decoder.decode(chunk), True
    yield decoder.decode(b"", final=True), False


def _matches(kind: Kind, text: str, first: int, last: int) -> tuple[list[str], int]:
    """What looks like an identifier and begins in ``text[first:last]``; where to go on."""
    found = []
    end = max(first, last)
    for match in _PATTERNS[kind].finditer(text, first):
        if match.start() >= last:
            break
        end = max(last, match.end())
        if kind is not Kind.EMAIL:
            found.append(match[1])
        elif name := _LOCAL.search(text, max(0, match.start() - _BEFORE), match.start()):
            found.append(name[1] + match[1])
    return found, end


def _valid(kind: Kind, found: list[str]) -> list[str]:
    """The canonical texts of those that are identifiers."""
    verdicts = cells.parse(kind, found)
    if verdicts.numbers is None:
        return [text for text in verdicts.texts or () if text]
    numbers = verdicts.numbers[verdicts.valid]
    if kind is Kind.IIN:
        numbers = numbers[iin_shape.persons(numbers)]
    return [cells.text_of(kind, number) for number in numbers.tolist()]
