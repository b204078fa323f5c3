"""Lines of delimited text to rows of cells, so that a damaged line costs itself and no neighbour.

Pure: bytes or text in, rows out; no files. ``pieces`` cuts a stream of bytes at line ends,
``RecordReader`` reads a piece's text by RFC 4180 and repairs what breaks it, ``PlainReader`` only
cuts the lines that need no reading and gives it the others. Both promise:

- a row has exactly as many cells as the header, and every cell is text as it stood in the file;
- a line whose quotes do not work out is read with its quotes taken literally, or else counted;
- a record spans lines only where it is written exactly as RFC 4180 says, in at most
  ``MAX_LINES`` lines, and where reading its lines one by one would not give more (``_weighed``).

What they cannot know: whether ``x;"a`` and, below, ``b;c"`` are two rows with a stray quote each or
one row with a line end in a cell. They take them for two rows.
"""

import csv
import gc
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loaders.cells import Table

MAX_RECORD = 1 << 20  # bytes of a line, characters of a record that spans lines
MAX_LINES = 16  # lines of one record; bounds what a stray quote makes us look at twice

# Stands for the delimiter of a file that has none: no decoded text contains a lone surrogate.
NO_DELIMITER = "\ud800"

_LINE_FEED, _CARRIAGE_RETURN, _QUOTE = ord("\n"), ord("\r"), ord('"')


@dataclass(frozen=True)
class Piece:
    """Some whole lines.

    Attributes:
        data: their bytes, line ends included (the file's last line may have none).
        more: whether a record that is open at the end of ``data`` may go on in the next piece.
        long_lines: lines skipped just here, for their length.
    """

    data: bytes
    more: bool
    long_lines: int = 0


def pieces(chunks: Iterable[bytes], end: bytes) -> Iterator[Piece]:
    """Cut chunks of at most ``MAX_RECORD`` bytes at line ends, one piece a chunk.

    A line of more than ``MAX_RECORD`` bytes is skipped while it is read, never kept whole. No
    record spans a skipped line, so the piece before it says that nothing follows.
    """
    rest = b""
    skipping = False
    for chunk in chunks:
        data = rest + chunk
        if skipping:
            at = data.find(end)
            if at < 0:
                continue
            data = data[at + 1 :]
            skipping = False
        else:
            at = data.find(end, len(rest))
            if (at if at >= 0 else len(data)) > MAX_RECORD:
                yield Piece(b"", more=False, long_lines=1)
                data = data[at + 1 :] if at >= 0 else b""
                skipping = at < 0
        cut = data.rfind(end) + 1
        rest = data[cut:]
        if cut:
            yield Piece(data[:cut], more=True)
    yield Piece(rest, more=False)


@dataclass(frozen=True)
class Records:
    """What a text held.

    Attributes:
        rows: the rows, each of the header's width.
        broken: lines that are no row in any reading; blank lines are not among them.
        rest: the end of the text, where a record may be open; to be put before the next text.
    """

    rows: list[list[str]]
    broken: int
    rest: str = ""


# A line's row; [] for a blank line, None for a broken one.
Row = list[str] | None


class _Line(NamedTuple):
    """One line read alone: its row, if it is one, and whether it leaves a quote open."""

    row: list[str] | None
    points: int
    opens: bool = False


def first_record(text: str, delimiter: str, end: str) -> tuple[list[str], int]:
    """The cells of the first record, whatever their number, and how many lines it takes."""
    _allow_long_cells()
    lines = _lines(text, end)
    match = _record(delimiter, end).match(text)
    if match is not None:
        taken = _lines(match[0], end)
        return next(csv.reader(taken, delimiter=delimiter)), len(taken)
    cells = _one_record(lines[0], delimiter)
    return cells or lines[0].rstrip("\r\n").split(delimiter), 1


class RecordReader:
    """Reads texts of whole lines into rows of one width.

    A row may have one empty cell too many (a delimiter at the line's end: it is dropped) and may
    lack cells only of the unnamed columns at the end of the header (they are empty). Any other
    number of cells breaks the line: we could not tell which column the values belong to.
    """

    def __init__(self, header: tuple[str, ...], delimiter: str, end: str) -> None:
        """``end`` is the file's line end, a line feed (with or without CR) or a lone CR."""
        self.width = len(header)
        named = [i for i, name in enumerate(header, 1) if name.strip()]
        self._least = named[-1] if named else self.width
        self._delimiter = delimiter
        self._end = end
        self._strict = _record(delimiter, end)
        _allow_long_cells()

    def read(self, text: str, *, more: bool) -> Records:
        """Read whole lines; if there is ``more``, a record that is open here may end in it."""
        with _collector_paused():
            if '"' not in text:
                return _records(self._unquoted(text))
            lines = _lines(text, self._end)
            rows = self._each(lines)
            # Look closer if a quote joins some lines.
            return self._weighed(text, lines, more) if rows is None else _records(rows)

    def each(self, lines: list[str]) -> list[Row] | None:
        """Read lines that stand apart; None if a quote opens in one that does not end there."""
        with _collector_paused():
            return self._each(lines)

    def _each(self, lines: list[str]) -> list[Row] | None:
        try:
            # The blank line at the end shows a quote that is still open: it swallows the line.
            records = list(csv.reader([*lines, ""], delimiter=self._delimiter))
        except csv.Error:
            return None
        if len(records) != len(lines) + 1:
            return None
        records.pop()
        return self._fitted(lines, records)

    def _unquoted(self, text: str) -> list[Row]:
        """Without quotes a line is a record and every delimiter counts: 1.4 times csv's pace."""
        lines = text.split(self._end)
        if "\r" in text:
            lines = [line.rstrip("\r") for line in lines]
        lines = [line for line in lines if line]
        delimiter = self._delimiter
        return self._fitted(lines, [line.split(delimiter) for line in lines])

    def _fitted(self, lines: list[str], records: list[list[str]]) -> list[Row]:
        """The rows of records that each stand on the line of the same number."""
        if set(map(len, records)) <= {self.width, 0}:
            return list(records)
        pairs = zip(lines, records, strict=True)
        return [self._fit(cells) or self._literal(line) for line, cells in pairs]

    def _weighed(self, text: str, lines: list[str], more: bool) -> Records:
        """Read lines among which quotes open that their line does not close.

        Each line can be read alone and, at some, a record of several lines can be. Of all
        combinations we take the one with the most points, of equals the one with more lines read
        alone. A row is worth two points; a line that is a row only with its quotes taken
        literally, one if a quote is open and none if all close; a broken line costs two. So two
        stray quotes lose against the rows they swallow, and half a row and a broken line against
        an address of two lines.
        """
        alone = [self._alone(line) for line in lines]
        opening = [i for i, line in enumerate(alone) if line.opens]
        starts = [0, *itertools.accumulate(map(len, lines))]
        spans: dict[int, tuple[list[str], int]] = {}
        cut = len(lines)
        for i in reversed(opening):
            span = self._span(text, lines, starts, i)
            if span is not None:
                spans[i] = span
            if i + span[1] > cut if span else more and i + MAX_LINES > len(lines):
                cut = i  # what opens here may end in the next text: leave it for then
        if starts[-1] - starts[cut] > MAX_RECORD:
            cut = len(lines)  # but never carry ever more along
        rows, broken = _best(alone[:cut], spans)
        return Records(rows, broken, text[starts[cut] :])

    def _alone(self, line: str) -> _Line:
        """Read one line as if there were no other."""
        cells = _one_record(line, self._delimiter)
        row = self._fit(cells) if cells else None
        if row:
            return _Line(row, 2)
        row = self._literal(line)
        opens = cells is None
        return _Line(row or None, -2 if row is None else int(opens), opens)

    def _span(
        self, text: str, lines: list[str], starts: list[int], i: int
    ) -> tuple[list[str], int] | None:
        """The record of several lines that begins at line ``i``, if it is one to the letter."""
        limit = min(i + MAX_LINES, len(lines))
        match = self._strict.match(text, starts[i], starts[limit])
        if match is None or match.end() - match.start() > MAX_RECORD:
            return None
        count = starts.index(match.end(), i, limit + 1) - i
        row = self._fit(next(csv.reader(lines[i : i + count], delimiter=self._delimiter)))
        return None if row is None else (row, count)

    def _literal(self, line: str) -> list[str] | None:
        """The line's row, its quotes taken as they stand; [] for a blank line, None if broken."""
        body = line.rstrip("\r\n")
        row = self._fit(body.split(self._delimiter)) if body else []
        return [] if row is None and body.isspace() else row

    def _fit(self, cells: list[str]) -> list[str] | None:
        """The cells as a row of the right width, or None."""
        count = len(cells)
        if count == self.width:
            return cells
        if count == self.width + 1 and not cells[-1]:
            return cells[:-1]
        if self._least <= count < self.width:
            return cells + [""] * (self.width - count)
        return None


@dataclass(frozen=True)
class PlainRecords:
    """What the lines held: their rows, and how many lines are none."""

    rows: Table
    broken: int


@dataclass(frozen=True)
class PlainReader:
    """Reads whole lines in a file's encoding; ``reader`` has the last word on odd ones."""

    reader: RecordReader
    encoding: str
    delimiter: str
    end: str

    def read(self, data: bytes) -> PlainRecords | None:
        """The rows of whole lines; None if they must be read as one text."""
        if self.end != "\n" or not (self.delimiter.isascii() or self.delimiter == NO_DELIMITER):
            return None
        returns = data.count(b"\r")
        if not data or (returns and returns != data.count(b"\r\n")):
            return None
        if self.encoding != "utf-8":
            data = data.decode(self.encoding, "replace").encode("utf-8")
        if not data.endswith(b"\n"):
            data += b"\n"
        return self._read(data, carriage_returns=returns > 0)

    def _read(self, data: bytes, *, carriage_returns: bool) -> PlainRecords | None:
        width = self.reader.width
        cuts, ends = self._cuts(data)
        lines = cuts[ends]  # where each line ends
        first = np.concatenate(([0], ends[:-1]))
        is_plain = ends - first == width
        starts = cuts[first] + 1
        # Blank lines are no rows, and there may be millions of them.
        last = np.frombuffer(data, dtype=np.uint8)[lines - 1]
        is_blank = (lines == starts) | ((lines == starts + 1) & (last == _CARRIAGE_RETURN))
        is_plain &= ~is_blank
        if b'"' in data:
            quotes = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == _QUOTE)
            is_plain[np.searchsorted(lines, quotes)] = False
        others = np.flatnonzero(~is_plain & ~is_blank)
        spans = zip(starts[others].tolist(), lines[others].tolist(), strict=True)
        texts = [data[start : end + 1].decode("utf-8", "replace") for start, end in spans]
        read = self.reader.each(texts)
        if read is None:
            return None
        keep = is_plain.copy()
        keep[others] = [bool(row) for row in read]
        places = (np.cumsum(keep) - 1)[others].tolist()
        odd = {place: row for place, row in zip(places, read, strict=True) if row}
        first = np.where(is_plain, first, 0)[keep]
        table = Table(data, cuts, first, width, odd, carriage_returns)
        return PlainRecords(table, read.count(None))

    def _cuts(self, data: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where cells end, -1 before the first; and the numbers of those that end a line."""
        letters = np.frombuffer(data, dtype=np.uint8)
        is_cut = letters == _LINE_FEED
        if self.delimiter != NO_DELIMITER:
            is_cut |= letters == ord(self.delimiter)
        cuts = np.concatenate(([-1], np.flatnonzero(is_cut)))
        ends = np.flatnonzero(letters[cuts[1:]] == _LINE_FEED) + 1
        return cuts, ends


def _records(rows: list[Row]) -> Records:
    return Records([row for row in rows if row], rows.count(None))


def _best(
    alone: list[_Line], spans: dict[int, tuple[list[str], int]]
) -> tuple[list[list[str]], int]:
    """The rows and the number of broken lines of the combination with the most points.

    Args:
        alone: the lines, each read alone.
        spans: by its first line's number, a record of several lines: its row, how many lines.
    """
    points = [0] * (len(alone) + 1)  # the most that the lines from this one on can have
    steps = [1] * len(alone)  # the lines that the record at this one takes, to have them
    for i in reversed(range(len(alone))):
        points[i] = points[i + 1] + alone[i].points
        count = spans[i][1] if i in spans else 1
        if points[i + count] + 2 > points[i] and count > 1:
            points[i] = points[i + count] + 2
            steps[i] = count
    rows = []
    broken = i = 0
    while i < len(alone):
        row = spans[i][0] if steps[i] > 1 else alone[i].row
        if row is not None:
            rows.append(row)
        elif alone[i].points < 0:
            broken += 1
        i += steps[i]
    return rows, broken


def _one_record(line: str, delimiter: str) -> list[str] | None:
    """The cells of a line by csv's forgiving rules, or None where a quote stays open."""
    line = line.rstrip("\r\n")
    if '"' not in line:
        return line.split(delimiter) if line else []
    reader = csv.reader([line, ""], delimiter=delimiter)
    try:
        cells = next(reader)
    except csv.Error:  # a carriage return amid the line
        return line.split(delimiter)
    return cells if reader.line_num == 1 else None


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Rows make no cycles, and the search for some took half the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _allow_long_cells() -> None:
    """Raise a limit of the whole process, by which a cell of 128 KiB is an error."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD))


def _record(delimiter: str, end: str) -> re.Pattern[str]:
    """RFC 4180's record to the letter: a quote opens a cell, ends it, or stands doubled in it."""
    cut = re.escape(delimiter)
    last = r"\r*\n" if end == "\n" else r"\r"
    cell = rf'(?:"(?:[^"]++|"")*+"|[^"{cut}\r\n]*+)'
    return re.compile(rf"{cell}(?:{cut}{cell})*+(?:{last}|\Z)")


def _lines(text: str, end: str) -> list[str]:
    """The lines with their ends; unlike str.splitlines, nothing else ends a line."""
    return list(io.StringIO(text, newline=end))
