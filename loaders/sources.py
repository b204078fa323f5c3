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
import hashlib
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from loaders import csv_lines
from loaders.csv_lines import MAX_LINES, NO_DELIMITER
from lookup.errors import Code, InputError
from lookup.facts import column_words

BROKEN_LINE = "broken_line"
LONG_LINE = "long_line"

ENCODINGS = ("utf-8", "cp1251", "kz1048")

_CHUNK = csv_lines.MAX_RECORD  # bytes read at once; a block is what they hold
_SPELLINGS = {"utf8": "utf-8", "utf-8-sig": "utf-8", "windows-1251": "cp1251", "kz-1048": "kz1048"}
_DELIMITERS = ";,\t|"  # of two as frequent, the first
_LONGEST_DATUM = 256  # characters of a name that are looked at for being data
_MOST_COLUMNS = 2000
_MOST_UNNAMED = 16  # at the end: short rows are filled up with so many empty cells at most
_MOST_NAMES = 40  # column names in an error, each of at most as many characters

# How files begin that are no CSV; parquet's mark alone could be a column name.
_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip or Excel (xlsx)"),
    (b"PAR1\x15", "parquet"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"BZh91AY&SY", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
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


class CsvSource:
    """A CSV file that is open; close it, or use it in a ``with`` statement.

    Attributes:
        header: the column names as they stand in the file.
        encoding: one of ``ENCODINGS``.
        delimiter: one character, or "" for a file of one column.
        size: bytes of the file.
        bytes_read: how many of them the current ``blocks`` has read.
    """

    def __init__(self, file: BinaryIO, size: int, layout: _Layout) -> None:
        self.header = layout.header
        self.encoding = layout.encoding
        self.delimiter = layout.delimiter.replace(NO_DELIMITER, "")
        self.size = size
        self.bytes_read = 0
        self._file = file
        self._layout = layout
        self._sha256: str | None = None

    @property
    def sha256(self) -> str:
        """The hash of the file's bytes, in hex; RuntimeError until ``blocks`` is exhausted."""
        if self._sha256 is None:
            raise RuntimeError("the hash is known only after the last block")
        return self._sha256

    def column(self, name: str) -> int:
        """The number of the column of this name; see ``find_column``."""
        return find_column(self.header, name)

    def blocks(self) -> Iterator[Block]:
        """Read the file from its beginning, about 1 MiB at a time.

        A second call starts over; the iterator of the first is of no use then.

        Raises:
            InputError: BAD_FILE, the disk failed or the file is not the size it had when opened.
        """
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

    def close(self) -> None:
        """Close the file; doing so twice is harmless."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _chunks(self) -> Iterator[bytes]:
        """The bytes after the header; all of the file's are hashed and counted."""
        digest = hashlib.sha256()
        self._sha256 = None
        self.bytes_read = 0
        skip = self._layout.data_at
        try:
            self._file.seek(0)
            while chunk := self._file.read(_CHUNK):
                digest.update(chunk)
                self.bytes_read += len(chunk)
                yield chunk[skip:]
                skip = 0
        except OSError:
            raise _bad_file("the file could not be read to its end; check the disk") from None
        if self.bytes_read != self.size:
            raise _bad_file("the file changed while it was read; load it again when it is complete")
        self._sha256 = digest.hexdigest()


def open_csv(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> CsvSource:
    """Open a CSV file and read its header.

    Args:
        path: a regular file, not compressed.
        encoding: one of ``ENCODINGS`` or a usual spelling of it; None guesses.
        delimiter: one character, or "tab"; None guesses from the header.

    Raises:
        InputError: BAD_USAGE, encoding or delimiter is none; BAD_FILE, the file cannot be read or
            is not CSV.
    """
    encoding = None if encoding is None else _encoding_named(encoding)
    delimiter = None if delimiter is None else _delimiter_named(delimiter)
    file, size = _opened(path)
    try:
        sample = file.read(_CHUNK)
        return CsvSource(file, size, _layout(sample, len(sample) == size, encoding, delimiter))
    except BaseException as error:
        file.close()
        if isinstance(error, OSError):
            raise _bad_file("the file could not be read; check the disk") from None
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


def _encoding_named(name: str) -> str:
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


def _opened(path: Path) -> tuple[BinaryIO, int]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _bad_file("this is a folder or a device; give a regular file")
        return path.open("rb"), status.st_size
    except FileNotFoundError:
        raise _bad_file("there is no such file; check the path") from None
    except PermissionError:
        raise _bad_file("the file may not be read; check its permissions") from None
    except (OSError, ValueError):  # ValueError: a NUL in the path
        raise _bad_file("the file cannot be opened; check the path") from None


def _layout(sample: bytes, whole: bool, encoding: str | None, delimiter: str | None) -> _Layout:
    """Find out how the file is written, from its first MiB."""
    _refuse_other_formats(sample)
    marked = sample.startswith(codecs.BOM_UTF8)
    encoding = encoding or ("utf-8" if marked or _is_utf8(sample, whole) else "kz1048")
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


def _refuse_other_formats(sample: bytes) -> None:
    if not sample:
        raise _bad_file("the file is empty; give a CSV file with a header line")
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
        sample[:64].count(b"\x00") * 3 > len(sample[:64])
    ):
        raise _bad_file("the file is UTF-16; convert it to UTF-8 first, for example with iconv")
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
