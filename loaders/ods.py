"""OpenDocument spreadsheets (ods) as rows of text, read as a stream of XML.

Numbers, dates and times are what the cells hold, not how they are shown; errors and comments are
left out. Rows and cells that stand for many equal ones are given so often as they stand there.
"""

import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from loaders.archives import opened_zip, zip_bytes
from loaders.cell_rows import MOST_ROWS, CellRows, Repeated
from loaders.nested import MAX_COLUMNS, number
from loaders.sheet_xml import StopError, damaged, parse
from lookup.errors import Code, InputError

_MOST_TABLES = 10_000
_LONGEST_TEXT = 1 << 16  # characters of a cell
_CELLS = ("table-cell", "covered-table-cell")
_BREAKS = {"tab": "\t", "line-break": "\n"}


class Ods:
    """An open document.

    Attributes:
        names: of its tables.
    """

    def __init__(self, file: BinaryIO) -> None:
        """
        Raises:
            InputError: BAD_FILE.
        """
        try:
            self._zip = opened_zip(file)
            self._content = self._zip.getinfo("content.xml")
            self._refuse_encrypted()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, KeyError):
            raise damaged() from None
        names: dict[str, None] = {}
        content = _Content(names, None)
        for _ in parse(zip_bytes(self._zip, self._content), content):
            pass
        self.names = tuple(names)

    def rows(self, name: str) -> Iterator[Repeated]:
        """The rows of the first table of this name that hold anything.

        Raises:
            InputError: BAD_FILE.
        """
        content = _Content({}, name)
        for _ in parse(zip_bytes(self._zip, self._content), content):
            yield from content.rows.take()

    def _refuse_encrypted(self) -> None:
        listed = [info for info in self._zip.infolist() if info.filename == "META-INF/manifest.xml"]
        if listed and any(b"encryption-data" in chunk for chunk in zip_bytes(self._zip, listed[0])):
            raise InputError(Code.BAD_FILE, "the spreadsheet has a password; save it without one")


class _Content:
    """The tables' names, and the rows of the one that is wanted."""

    def __init__(self, names: dict[str, None], wanted: str | None) -> None:
        self.rows = CellRows()
        self._names = names
        self._wanted = wanted
        self._is_wanted = False
        self._times = 1  # of the row
        self._column = 0
        self._width = 1  # cells that the current one stands for
        self._value: str | None = None
        self._texts: list[str] = []
        self._length = 0
        self._paragraphs = 0
        self._depth = 0  # of paragraphs
        self._noted = 0  # comments that are open

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table":
            if self._is_wanted:  # a table in a table: the rows behind it would be lost
                raise damaged()
            found = attributes.get("table:name", "")
            if len(self._names) < _MOST_TABLES:
                self._names.setdefault(found)
            self._is_wanted = found == self._wanted
        elif not self._is_wanted:
            return
        elif name == "table-row":
            self._times = _count(attributes.get("table:number-rows-repeated"), MOST_ROWS)
            self._column = 0
        elif name in _CELLS:
            self._width = _count(attributes.get("table:number-columns-repeated"), 1 << 20)
            self._value = _value(attributes)
            self._texts, self._length, self._paragraphs = [], 0, 0
        else:
            self._start_text(name, attributes)

    def _start_text(self, name: str, attributes: dict[str, str]) -> None:
        if name == "annotation":
            self._noted += 1
        elif self._noted:
            return
        elif name == "p":
            self._depth += 1
            self._paragraphs += 1
            if self._paragraphs > 1:
                self.data("\n")
        elif name == "s":
            self.data(" " * _count(attributes.get("text:c"), 100))
        elif name in _BREAKS:
            self.data(_BREAKS[name])

    def end(self, name: str) -> None:
        if not self._is_wanted:
            return
        if name in _CELLS:
            text = "".join(self._texts) if self._value is None else self._value
            if text:
                for column in range(self._column, min(self._column + self._width, MAX_COLUMNS)):
                    self.rows.put(column, text)
            self._column += self._width
        elif name == "table-row":
            self.rows.end_row(self._times)
        elif name == "annotation":
            self._noted -= 1
        elif name == "p" and not self._noted:
            self._depth -= 1
        elif name == "table":
            raise StopError

    def data(self, text: str) -> None:
        if self._depth and not self._noted and self._length < _LONGEST_TEXT:
            self._texts.append(text)
            self._length += len(text)


def _value(attributes: dict[str, str]) -> str | None:
    """What a cell holds; None where that is its text."""
    if attributes.get("calcext:value-type") == "error":
        return ""
    match attributes.get("office:value-type"):
        case "float" | "percentage" | "currency":
            return number(attributes.get("office:value", ""))
        case "date":
            return attributes.get("office:date-value", "").removesuffix("T00:00:00")
        case "boolean":
            return attributes.get("office:boolean-value")
        case "string":
            return attributes.get("office:string-value")
    return None


def _count(written: str | None, most: int) -> int:
    """How often; at least once."""
    if written is None or not written.isdecimal():
        return 1
    return max(1, min(int(written), most)) if len(written) < 10 else most
