"""A sheet of a workbook as the rows of a load: ``xlsx`` and ``ods`` read the cells.

The first row that holds anything is the header. A sheet is opened anew for each reading, and read
as a stream.
"""

from collections.abc import Iterator
from typing import BinaryIO

from loaders.cell_rows import MOST_ROWS, Repeated
from loaders.dump import Dump
from loaders.names import folded, shown
from loaders.nested import MAX_CELLS
from loaders.ods import Ods
from loaders.sources import LONG_LINE, Block, Source, refuse_data
from loaders.xlsx import Xlsx
from lookup.errors import Code, InputError

_MOST_SHOWN = 20
_ROWS = 4096  # of a block


class SheetSource(Source):
    """One sheet of an Excel or OpenDocument workbook."""

    def __init__(self, dump: Dump, book: Xlsx | Ods, name: str, header: tuple[str, ...]) -> None:
        super().__init__(dump, header, "utf-8")
        self.format = dump.format
        self._book = book
        self._name = name

    @property
    def part(self) -> str:
        """The sheet, and the archive's member that it is in."""
        return f"{super().part}:{self._name}".removeprefix(":")

    def blocks(self) -> Iterator[Block]:
        """Some thousand rows at a time, the file's bytes having been hashed before."""
        for _ in self._dump.chunks():
            pass
        width = len(self.header)
        rows: list[list[str]] = []
        long_lines = read = 0
        for cells, times in self._below_header():
            read += times
            if read > MOST_ROWS:
                raise _bad_file(f"the sheet has more than {MOST_ROWS} rows; split it")
            if cells is None:
                long_lines += times
                continue
            rows += [(cells + [""] * (width - len(cells)))[:width]] * times
            if len(rows) >= _ROWS or len(rows) * width > MAX_CELLS:
                yield Block(rows, {LONG_LINE: long_lines} if long_lines else {})
                rows, long_lines = [], 0
        if rows or long_lines:
            yield Block(rows, {LONG_LINE: long_lines} if long_lines else {})

    def _below_header(self) -> Iterator[Repeated]:
        found = self._book.rows(self._name)
        next(found)
        yield from found


def sheet_source(dump: Dump, file: BinaryIO, table: str | None) -> SheetSource:
    """A workbook that is open as a file of its own.

    Args:
        table: the sheet's name; None where only one has anything in it.

    Raises:
        InputError: BAD_USAGE, the sheet is not there or must be chosen; BAD_FILE, the workbook
            cannot be read or has no header.
    """
    book = Xlsx(file) if dump.format == "xlsx" else Ods(file)
    headers = _headers(book, table)
    if table is None and not headers:
        raise _bad_file("the workbook has no cells with anything in them; see what it should hold")
    if len(headers) != 1:
        told = "several sheets" if headers else "no such sheet with anything in it"
        listed = ", ".join(shown(name) for name in (tuple(headers) or book.names)[:_MOST_SHOWN])
        raise InputError(
            Code.BAD_USAGE, f"the workbook has {told}; choose one with --table: {listed}"
        )
    ((name, header),) = headers.items()
    if not header:
        raise _bad_file(
            "the sheet's first row must name the columns; it is over 1 MiB long, or repeated"
        )
    refuse_data(header)
    return SheetSource(dump, book, name, header)


def _headers(book: Xlsx | Ods, table: str | None) -> dict[str, tuple[str, ...]]:
    """The first rows of the sheets that have any, of the one that is wanted if one is."""
    names = book.names
    if table is not None:
        names = tuple(name for name in names if name == table) or tuple(
            name for name in names if folded(name) == folded(table)
        )
    found = {}
    for name in names:
        first = next(book.rows(name), None)
        if first is not None:
            found[name] = tuple(first[0] or ()) if first[1] == 1 else ()
    return found


def _bad_file(sentence: str) -> InputError:
    return InputError(Code.BAD_FILE, sentence)
