"""Where the rows of a load come from: a file becomes a header and lazy blocks of text rows.

A source promises constant memory, rows of exactly the header's width with every cell as text
(leading zeros stay), a count of every record that it could not read, and the SHA-256 of the bytes
that it read. It knows CSV in its many dialects (``csv_lines`` reads the lines) and no other format
yet; what is in the cells is not its concern.

No sentence of its errors holds a cell. Column names are repeated, so a file whose first line looks
like a row of data is refused.
"""

import codecs
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from loaders import csv_lines
from loaders.csv_lines import MAX_LINES, NO_DELIMITER
from loaders.dump import Dump
from lookup.errors import Code, InputError
from lookup.facts import column_words

BROKEN_LINE = "broken_line"
LONG_LINE = "long_line"

ENCODINGS = ("utf-8", "cp1251", "kz1048")

_SPELLINGS = {"utf8": "utf-8", "utf-8-sig": "utf-8", "windows-1251": "cp1251", "kz-1048": "kz1048"}
_DELIMITERS = ";,\t|"  # of two as frequent, the first
_LONGEST_DATUM = 256  # characters of a name that are looked at for being data
_MOST_COLUMNS = 2000
_MOST_UNNAMED = 16  # at the end: short rows are filled up with so many empty cells at most
_MOST_NAMES = 40  # column names in an error, each of at most as many characters

# How files begin that are no CSV; parquet's mark alone could be a column name.
_MAGIC = (
    (b"PK\x03\x04", "Excel (xlsx), OpenDocument or zip"),
    (b"PAR1\x15", "parquet"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel (xls)"),
    (b"<?xml", "XML"),
    (b'{"', "JSON"),
)

# A name of nine digits or more, an e-mail address, a date: the first line is a row, no header.
_DATUM = re.compile(
    r"(?:\D*\d){9,}.*|[^@\s]+@[^@\s]+\.[^@\s]+|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?: .*)?", re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """Some consecutive records; seen were ``len(rows) + sum(rejected.values())``.

    Attributes:
        rows: each has exactly as many cells as the header.
        rejected: records that could not be read and are not kept, by reason.
    """

    rows: Sequence[list[str]]
    rejected: dict[str, int]


@dataclass(frozen=True)
class _Layout:
    """What the first MiB says about the file; ``data_at`` is where the header's line ends."""

    header: tuple[str, ...]
    encoding: str
    delimiter: str
    end: str
    data_at: int


class Source:
    """A dump that is open as rows; close it, or use it in a ``with`` statement.

    Attributes:
        header: the column names as they stand in the dump.
        encoding: one of ``ENCODINGS``.
    """

    def __init__(self, dump: Dump, header: tuple[str, ...], encoding: str) -> None:
        self.header = header
        self.encoding = encoding
        self._dump = dump

    @property
    def size(self) -> int | None:
        """Bytes of the file as given; None from standard input until all was read."""
        return self._dump.size

    @property
    def bytes_read(self) -> int:
        """How many of them the current ``blocks`` has read."""
        return self._dump.bytes_read

    @property
    def sha256(self) -> str:
        """The hash of these bytes, in hex; RuntimeError until ``blocks`` is exhausted."""
        return self._dump.sha256

    @property
    def part(self) -> str:
        """Which part of the file is read, where it has several; "" for all of it."""
        return self._dump.member

    def column(self, name: str) -> int:
        """The number of the column of this name; see ``find_column``."""
        return find_column(self.header, name)

    def blocks(self) -> Iterator[Block]:
        """Read the dump from its beginning; a second call starts over (not on standard input).

        Raises:
            InputError: BAD_FILE, the disk failed, a packing is damaged, or the file changed.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close the file; doing so twice is harmless."""
        self._dump.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class CsvSource(Source):
    """A CSV dump.

    Attributes:
        delimiter: one character, or "" for a file of one column.
    """

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


def open_csv(
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    member: str | None = None,
) -> CsvSource:
    """Open a CSV dump and read its header.

    Args:
        path: a file, packed or not, or "-" for standard input.
        encoding: one of ``ENCODINGS`` or a usual spelling of it; None guesses.
        delimiter: one character, or "tab"; None guesses from the header.
        member: which file of an archive.

    Raises:
        InputError: BAD_USAGE, encoding, delimiter or member is none; BAD_FILE, the file cannot be
            read or is not CSV.
    """
    encoding = None if encoding is None else encoding_named(encoding)
    delimiter = None if delimiter is None else _delimiter_named(delimiter)
    dump = Dump(path, member)
    try:
        return CsvSource(dump, _layout(dump, encoding, delimiter))
    except BaseException:
        dump.close()
        raise


def find_column(header: tuple[str, ...], name: str) -> int:
    """The number, from 0, of the column of this name: exactly, else but for case and blanks.

    Raises:
        InputError: BAD_USAGE, the header has no such column or more than one.
    """
    folded = [column.strip().casefold() for column in header]
    wanted = name.strip().casefold()
    found = [i for i, column in enumerate(header) if column == name]
    found = found or [i for i, column in enumerate(folded) if column == wanted]
    if len(found) == 1 and wanted:
        return found[0]
    if found and wanted:
        sentence = "more than one column has that name; tell them apart in the file's first line"
    else:
        sentence = f"no column has that name; {_hint(header, wanted)}"
    raise InputError(Code.BAD_USAGE, sentence)


def _hint(header: tuple[str, ...], wanted: str) -> str:
    """The nearest name and all names, if this surely is a header: else it could be a row."""
    folded = [column.strip().casefold() for column in header]
    if not any(name in column_words() for name in folded):
        return f"the file's first line has {len(header)} columns, see whether it names them"
    near = difflib.get_close_matches(wanted, [f for f in folded if f], n=1, cutoff=0.0)[0]
    return f"did you mean {_shown((header[folded.index(near)],))}? the file has {_shown(header)}"


def _shown(header: tuple[str, ...]) -> str:
    """Names for a sentence: no control characters for the terminal, and not without end."""
    names = [name.strip()[:_MOST_NAMES] for name in header if name.strip()]
    shown = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
    return "".join(c if c.isprintable() else "?" for c in shown)


def encoding_named(name: str) -> str:
    known = _SPELLINGS.get(name.lower(), name.lower())
    if known not in ENCODINGS:
        raise InputError(Code.BAD_USAGE, "the encoding must be one of " + ", ".join(ENCODINGS))
    return known


def _delimiter_named(name: str) -> str:
    delimiter = "\t" if name.lower() in ("tab", "\\t") else name
    if len(delimiter) != 1 or delimiter in '"\r\n':
        sentence = "the delimiter must be one character, such as ; or , or the word tab, no quote"
        raise InputError(Code.BAD_USAGE, sentence)
    return delimiter


def _layout(dump: Dump, encoding: str | None, delimiter: str | None) -> _Layout:
    """Find out how the file is written, from its first MiB."""
    sample, whole = dump.sample, dump.is_whole
    refuse_other_formats(dump)
    marked = sample.startswith(codecs.BOM_UTF8)
    encoding = encoding or encoding_of(sample, whole=whole)
    end = "\n" if b"\n" in sample else "\r"
    at = len(sample) - len(sample[3 * marked :].lstrip(b"\r\n"))
    if hint := re.match(rb'"?sep=([^"\r\n])"?\r*[\r\n]', sample[at:], re.IGNORECASE):  # by Excel
        delimiter = delimiter or hint[1].decode("latin-1")
        at += hint.end()
    lines = sample[at:].split(end.encode("ascii"), MAX_LINES)[:MAX_LINES]
    if len(lines) == 1 and not whole:
        raise _bad_file("the first line is longer than 1 MiB; give a CSV file with line ends")
    text = end.join(line.decode(encoding, "replace") for line in lines)
    delimiter = delimiter or _delimiter_in(text, end)
    names, taken = csv_lines.first_record(text, delimiter, end) if text else ([], 0)
    named = [i for i, name in enumerate(names, 1) if name.strip()]
    if len(names) > _MOST_COLUMNS or (named and len(names) - named[-1] > _MOST_UNNAMED):
        raise _bad_file(
            f"the first line has more than {_MOST_COLUMNS} columns, or more than {_MOST_UNNAMED} "
            "unnamed ones at its end; remove what is empty"
        )
    if not named:
        raise _bad_file("the file has no header; its first line must name the columns")
    if any(_DATUM.fullmatch(name.strip()[:_LONGEST_DATUM]) for name in names):
        raise _bad_file("the first line looks like data; put a line with the column names above it")
    data_at = min(at + sum(len(line) + 1 for line in lines[:taken]), len(sample))
    return _Layout(tuple(names), encoding, delimiter, end, data_at)


def encoding_of(sample: bytes, *, whole: bool) -> str:
    """UTF-8, or what Kazakh and Russian texts are written in where it is not."""
    marked = sample.startswith(codecs.BOM_UTF8)
    return "utf-8" if marked or _is_utf8(sample, whole) else "kz1048"


def refuse_other_formats(dump: Dump) -> None:
    """Refuse what is no text, by its first bytes.

    Raises:
        InputError: BAD_FILE.
    """
    sample = dump.sample
    if not sample:
        raise _bad_file("the file is empty; give a CSV file with a header line")
    if sample[:64].count(b"\x00") * 3 > len(sample[:64]):
        raise _bad_file("the file is no text; give a CSV or SQL file")
    for magic, name in _MAGIC:
        if sample.startswith(magic):
            sentence = f"this looks like {name}, which is not read yet; unpack it or convert it"
            raise _bad_file(f"{sentence} to CSV")


def _is_utf8(sample: bytes, whole: bool) -> bool:
    """Whether the bytes are UTF-8, but for a character that the sample's end cuts."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=whole)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter_in(text: str, end: str) -> str:
    """The most frequent delimiter of the header, outside quotes (a line end may be inside)."""
    bare = re.sub(r'"[^"]*"', "", text).split(end, 1)[0]
    best = max(_DELIMITERS, key=bare.count)
    return best if best in bare else NO_DELIMITER


def _bad_file(sentence: str) -> InputError:
    return InputError(Code.BAD_FILE, sentence)
