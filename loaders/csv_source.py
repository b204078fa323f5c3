"""A CSV dump as rows: its encoding, delimiter and header; ``csv_lines`` reads the lines."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from loaders import csv_lines
from loaders.csv_lines import MAX_LINES, NO_DELIMITER
from loaders.dump import Dump
from loaders.encodings import encoding_named, encoding_of
from loaders.sources import BROKEN_LINE, LONG_LINE, Block, Source, refuse_data
from lookup.errors import Code, InputError

_DELIMITERS = "\t;|,"  # of two as good, the first: a comma is in many a text, a tab in few
_ODD_DELIMITERS = "^~:"  # where none of these does, and all lines agree, at least
_FEWEST_ROWS = 2  # below the first line
_MOST_COLUMNS = 2000
_MOST_UNNAMED = 16  # at the end: short rows are filled up with so many empty cells at most

# How files begin that are no CSV; parquet's mark alone could be a column name.
_MAGIC = (
    (b"PK\x03\x04", "a zip inside another packing", "unpack it first"),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "old Excel (xls), or Excel with a password",
        "save it as xlsx or CSV, without a password",
    ),
    (b"<?xml", "XML", "convert it to CSV, or look for identifiers in it with --scan"),
    (b"%PDF-", "PDF", "convert it to text, then look for identifiers in that with --scan"),
    (
        b"PGDMP",
        "a PostgreSQL dump in its own format",
        "make SQL of it with: pg_restore -f dump.sql FILE",
    ),
    (b"SQLite format 3\x00", "an SQLite database", "make SQL of it with: sqlite3 FILE .dump"),
)


@dataclass(frozen=True)
class _Layout:
    """What the first MiB says about the file; ``data_at`` is where its first row begins."""

    header: tuple[str, ...]
    encoding: str
    delimiter: str
    end: str
    data_at: int


class CsvSource(Source):
    """A CSV dump.

    Attributes:
        delimiter: one character, or "" for a file of one column.
    """

    format = "CSV"

    def __init__(self, dump: Dump, layout: _Layout) -> None:
        super().__init__(dump, layout.header, layout.encoding)
        self.delimiter = layout.delimiter.replace(NO_DELIMITER, "")
        self._layout = layout

    def blocks(self) -> Iterator[Block]:
        """About 1 MiB at a time."""
        layout = self._layout
        reader = csv_lines.RecordReader(layout.header, layout.delimiter, layout.end)
        plain = csv_lines.PlainReader(reader, layout.encoding, layout.delimiter, layout.end)
        rest = ""
        for piece in csv_lines.pieces(self._chunks(), layout.end.encode("ascii")):
            if not rest and not piece.long_lines and (found := plain.read(piece.data)):
                if found.rows or found.broken:
                    yield Block(found.rows, {BROKEN_LINE: found.broken} if found.broken else {})
                continue
            text = rest + piece.data.decode(layout.encoding, "replace")
            records = reader.read(text, more=piece.more)
            rest = records.rest
            counts = {BROKEN_LINE: records.broken, LONG_LINE: piece.long_lines}
            rejected = {reason: count for reason, count in counts.items() if count}
            if records.rows or rejected:
                yield Block(records.rows, rejected)

    def _chunks(self) -> Iterator[bytes]:
        """The bytes after the header."""
        skip = self._layout.data_at
        for chunk in self._dump.chunks():
            yield chunk[skip:]
            skip = max(0, skip - len(chunk))


def csv_source(
    dump: Dump, encoding: str | None, delimiter: str | None, *, header: bool = True
) -> CsvSource:
    """An open dump as CSV, its header read.

    Args:
        encoding: one of ``ENCODINGS`` or a usual spelling of it; None guesses.
        delimiter: one character, or "tab"; None guesses from the first lines.
        header: whether the first line names the columns; else they are called 1, 2, 3, and a
            plain list is a file of one column.

    Raises:
        InputError: BAD_USAGE, encoding or delimiter is none; BAD_FILE, it is not CSV.
    """
    encoding = None if encoding is None else encoding_named(encoding)
    delimiter = None if delimiter is None else _delimiter_named(delimiter)
    source = CsvSource(dump, _layout(dump, encoding, delimiter, header=header))
    source.has_schema = not header  # numbers are nobody's data
    return source


def _delimiter_named(name: str) -> str:
    delimiter = "\t" if name.lower() in ("tab", "\\t") else name
    if len(delimiter) != 1 or delimiter in '"\r\n':
        sentence = "the delimiter must be one character, such as ; or , or the word tab, no quote"
        raise InputError(Code.BAD_USAGE, sentence)
    return delimiter


def _layout(dump: Dump, encoding: str | None, delimiter: str | None, *, header: bool) -> _Layout:
    """Find out how the file is written, from its first MiB."""
    sample, whole = dump.sample, dump.is_whole
    marked = sample.startswith(codecs.BOM_UTF8)
    encoding = encoding or encoding_of(sample, whole=whole)
    end = "\n" if b"\n" in sample else "\r"
    at = len(sample) - len(sample[3 * marked :].lstrip(b"\r\n"))
    if hint := re.match(rb'"?sep=([^"\r\n])"?\r*[\r\n]', sample[at:], re.IGNORECASE):  # by Excel
        delimiter = delimiter or hint[1].decode("latin-1")
        at += hint.end()
    lines = sample[at:].split(end.encode("ascii"), MAX_LINES)[:MAX_LINES]
    if len(lines) == 1 and not whole:
        raise _bad_file(
            "the first line is longer than 1 MiB; give a file with line ends, or look for "
            "identifiers in it with --scan"
        )
    text = end.join(line.decode(encoding, "replace") for line in lines)
    delimiter = delimiter or _delimiter_in(text, end)
    names, taken = csv_lines.first_record(text, delimiter, end) if text else ([], 0)
    if not header and names:
        names, taken = [str(number) for number in range(1, len(names) + 1)], 0
    named = [i for i, name in enumerate(names, 1) if name.strip()]
    if len(names) > _MOST_COLUMNS or (named and len(names) - named[-1] > _MOST_UNNAMED):
        raise _bad_file(
            f"the first line has more than {_MOST_COLUMNS} columns, or more than {_MOST_UNNAMED} "
            "unnamed ones at its end; remove what is empty"
        )
    if not named:
        raise _bad_file(
            "the file has no header; its first line must name the columns"
            if header
            else "the file has no lines; give one with an identifier in each line"
        )
    refuse_data(
        names, "if no line names the columns, give --no-header and call them by number: 1, 2, 3"
    )
    data_at = min(at + sum(len(line) + 1 for line in lines[:taken]), len(sample))
    return _Layout(tuple(names), encoding, delimiter, end, data_at)


def refuse_other_formats(dump: Dump) -> None:
    """Refuse what is no text, by its first bytes.

    Raises:
        InputError: BAD_FILE.
    """
    sample = dump.sample
    if not sample:
        raise _bad_file("the file is empty; give a CSV file with a header line")
    for magic, name, advice in _MAGIC:
        if sample.startswith(magic):
            raise _bad_file(f"this looks like {name}, which is not read; {advice}")
    if sample[:64].count(b"\x00") * 3 > len(sample[:64]):
        raise _bad_file("the file is no text; give a CSV, JSON or SQL file, or a workbook")


def _delimiter_in(text: str, end: str) -> str:
    """The delimiter by which most of these lines are rows as wide as the first one."""
    bare = re.sub(r'"[^"]*"', "", text).split(end, 1)[0]
    fits = {sign: _fit(text, sign, end) for sign in _DELIMITERS if sign in bare}
    best = max(fits, key=lambda sign: fits[sign][:2], default=NO_DELIMITER)
    if best == NO_DELIMITER or fits[best][2]:
        for sign in _ODD_DELIMITERS:
            rows, _, broken = _fit(text, sign, end) if sign in bare else (0, 0, 0)
            if rows >= _FEWEST_ROWS and not broken:
                return sign
    return best


def _fit(text: str, delimiter: str, end: str) -> tuple[int, int, int]:
    """How many lines are rows as wide as the first (broken ones taken off); the width, if there
    are none; how many are broken."""
    names, _ = csv_lines.first_record(text, delimiter, end)
    read = csv_lines.RecordReader(tuple(names), delimiter, end).read(text, more=False)
    rows = len(read.rows) - 1
    return rows - read.broken, 0 if rows + read.broken else len(names), read.broken


def _bad_file(sentence: str) -> InputError:
    return InputError(Code.BAD_FILE, sentence)
