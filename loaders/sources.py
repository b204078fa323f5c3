"""Where the rows of a load come from: a file becomes a header and lazy blocks of text rows.

A source promises constant memory, rows of exactly the header's width with every cell as text
(leading zeros stay), a count of every record that it could not read, and the SHA-256 of the bytes
that it read. What is in the cells is not its concern.

No sentence of its errors holds a cell. Column names are repeated, so a file whose first line looks
like a row of data is refused.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from loaders.dump import Dump
from loaders.names import folded, shown
from lookup.errors import Code, InputError
from lookup.facts import column_words

BROKEN_LINE = "broken_line"
LONG_LINE = "long_line"

_MOST_NAMES = 40  # column names in an error
_LONGEST_DATUM = 256  # characters of a name that are looked at for being data

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


class Source:
    """A dump that is open as rows; close it, or use it in a ``with`` statement.

    Attributes:
        header: the column names as they stand in the dump.
        encoding: one of ``ENCODINGS``.
        format: what kind of file this is, as people call it.
        has_schema: whether the column names surely are no row of data.
    """

    format = "table"
    has_schema = False

    def __init__(self, dump: Dump, header: tuple[str, ...], encoding: str) -> None:
        self.header = header
        self.encoding = encoding
        self._dump = dump

    @property
    def size(self) -> int | None:
        """Bytes of the file as given; None from standard input until all was read."""
        return self._dump.size

    @property
    def packing(self) -> str:
        """What it is unpacked from, such as "zip" or "tar in gzip"; "" for a plain file."""
        return self._dump.packing

    @property
    def sample(self) -> bytes:
        """How the content begins, at most 1 MiB; ``is_sample_whole`` says whether that is all."""
        return self._dump.sample

    @property
    def is_sample_whole(self) -> bool:
        return self._dump.is_whole

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
        return find_column(self.header, name, has_schema=self.has_schema)

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


def find_column(header: tuple[str, ...], name: str, *, has_schema: bool) -> int:
    """The number, from 0, of the column of this name: exactly, else ``folded``.

    Args:
        has_schema: see ``Source``.

    Raises:
        InputError: BAD_USAGE, the header has no such column or more than one.
    """
    names = [folded(column) for column in header]
    wanted = folded(name)
    found = [i for i, column in enumerate(header) if column == name]
    found = found or [i for i, column in enumerate(names) if column == wanted]
    if len(found) == 1 and wanted:
        return found[0]
    if found and wanted:
        sentence = "more than one column has that name; tell them apart where the file names them"
    else:
        sentence = f"no column has that name; {_hint(header, wanted, has_schema=has_schema)}"
    raise InputError(Code.BAD_USAGE, sentence)


def refuse_data(
    names: Sequence[str], instead: str = "put a line with the column names above it"
) -> None:
    """Refuse column names that are a person's data: the first row is no header then.

    Args:
        names: the first row.
        instead: what to do, for the sentence.

    Raises:
        InputError: BAD_FILE.
    """
    if any(_DATUM.fullmatch(name.strip()[:_LONGEST_DATUM]) for name in names):
        raise InputError(Code.BAD_FILE, f"the first line looks like data; {instead}")


def _hint(header: tuple[str, ...], wanted: str, *, has_schema: bool) -> str:
    """The nearest name and all names, if this surely is a header: else it could be a row."""
    if header == tuple(str(number) for number in range(1, len(header) + 1)):
        return f"without a header they are called by number, from 1 to {len(header)}"
    names = [folded(column) for column in header]
    if not has_schema and not any(name in column_words() for name in names):
        columns = "1 column" if len(header) == 1 else f"{len(header)} columns"
        return (
            f"the file's first line has {columns}: see whether it names them, and if another line "
            "does, remove what stands above it"
        )
    near = difflib.get_close_matches(wanted, [f for f in names if f], n=1, cutoff=0.0)[0]
    return f"did you mean {_shown((header[names.index(near)],))}? the file has {_shown(header)}"


def _shown(header: tuple[str, ...]) -> str:
    """Names for a sentence, not without end."""
    names = [shown(name.strip()) for name in header if name.strip()]
    return ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
