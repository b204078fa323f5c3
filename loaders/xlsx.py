"""Excel workbooks (xlsx) as rows of text, read as a stream of XML.

Only the texts that cells share are held in memory, compactly and within ``_MOST_TEXTS``. Numbers
are written out, dates are ISO, errors and what formulas have no value for are empty.
"""

import posixpath
import re
import zipfile
from array import array
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import BinaryIO

from loaders.archives import opened_zip, zip_bytes
from loaders.cell_rows import CellRows, Repeated
from loaders.nested import number
from loaders.sheet_xml import damaged, parse
from lookup.errors import Code, InputError

_MOST_TEXTS = 512 << 20  # bytes
_MOST_PARTS = 10_000  # sheets, relations or styles
_LONGEST_TEXT = 1 << 16  # characters; a cell of Excel has at most 32,767

# Number formats that are dates or times, by Excel's own numbers; others are told by their letters.
_DATE_FORMATS = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_NOT_LETTERS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LAST_DAY = 2_958_465  # 9999-12-31


class Xlsx:
    """An open workbook.

    Attributes:
        names: of its sheets, hidden ones too.
    """

    def __init__(self, file: BinaryIO) -> None:
        """
        Raises:
            InputError: BAD_FILE.
        """
        try:
            self._zip = opened_zip(file)
            self._parts = {info.filename: info for info in self._zip.infolist()}
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise damaged() from None
        if "xl/workbook.xml" not in self._parts:
            raise InputError(
                Code.BAD_FILE, "this is a binary Excel workbook (xlsb); save it as xlsx"
            )
        book = _Book()
        self._read("xl/workbook.xml", book)
        relations = _Relations()
        self._read("xl/_rels/workbook.xml.rels", relations)
        self._sheets = {  # charts have sheets of their own
            name: relations.targets[key] for name, key in book.sheets if key in relations.targets
        }
        self.names = tuple(self._sheets)
        self._epoch = datetime(1904, 1, 1) if book.is_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
        self._relations = relations
        self._texts: Texts | None = None
        self._dates: list[bool] = []

    def rows(self, name: str) -> Iterator[Repeated]:
        """The rows of a sheet that hold anything.

        Raises:
            InputError: BAD_FILE.
        """
        if self._texts is None:
            self._texts, styles = Texts(), _Styles()
            self._read(self._relations.of("sharedStrings"), self._texts)
            self._read(self._relations.of("styles"), styles)
            self._dates = styles.dates()
        sheet = _Sheet(self._texts, self._dates, self._epoch)
        for _ in parse(self._bytes(self._sheets[name]), sheet):
            yield from sheet.rows.take()

    def _read(self, part: str, target: "_Book | _Relations | _Styles | Texts") -> None:
        if part:
            for _ in parse(self._bytes(part), target):
                pass

    def _bytes(self, part: str) -> Iterator[bytes]:
        if part not in self._parts:
            raise damaged()
        return zip_bytes(self._zip, self._parts[part])


class _Ignoring:
    """A target that ignores what it does not know."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        pass

    def end(self, name: str) -> None:
        pass

    def data(self, text: str) -> None:
        pass


class _Book(_Ignoring):
    """The names of the sheets, with the keys of their relations."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.is_1904 = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet" and len(self.sheets) < _MOST_PARTS:
            keys = [value for key, value in attributes.items() if key.endswith(":id")]
            self.sheets.append((attributes.get("name", ""), keys[0] if keys else ""))
        elif name == "workbookPr":
            self.is_1904 = attributes.get("date1904") in ("1", "true")


class _Relations(_Ignoring):
    """Where the parts of the workbook are; worksheets only, among the sheets."""

    def __init__(self) -> None:
        self.targets: dict[str, str] = {}
        self._single: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name != "Relationship" or len(self.targets) + len(self._single) > _MOST_PARTS:
            return
        kind = attributes.get("Type", "").rpartition("/")[2]
        target = posixpath.normpath(posixpath.join("/xl", attributes.get("Target", "")))[1:]
        if kind == "worksheet":
            self.targets[attributes.get("Id", "")] = target
        else:
            self._single[kind] = target

    def of(self, kind: str) -> str:
        return self._single.get(kind, "")


class _Styles(_Ignoring):
    """Which cell styles are dates."""

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}
        self._formats: list[str] = []
        self._is_inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt" and len(self._codes) < _MOST_PARTS:
            self._codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._is_inside = True
        elif name == "xf" and self._is_inside and len(self._formats) < 1 << 16:
            self._formats.append(attributes.get("numFmtId", ""))

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._is_inside = False

    def dates(self) -> list[bool]:
        """For each style, whether it is one."""
        return [self._is_date(key) for key in self._formats]

    def _is_date(self, key: str) -> bool:
        if key in self._codes:
            bare = _NOT_LETTERS.sub("", self._codes[key][:256]).partition(";")[0].casefold()
            return any(letter in bare for letter in "ymdhs") and "general" not in bare
        return key.isdecimal() and len(key) < 4 and int(key) in _DATE_FORMATS


class Texts(_Ignoring):
    """The texts that cells share, one after the other in one buffer."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._ends = array("Q", [0])
        self._open = False
        self._skipped = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._open = name == "t" and not self._skipped
        self._skipped += name == "rPh"  # how to read it aloud, in Japanese

    def end(self, name: str) -> None:
        self._open = False
        self._skipped -= name == "rPh"
        if name == "si":
            self._ends.append(len(self._buffer))
        if len(self._buffer) + 8 * len(self._ends) > _MOST_TEXTS:
            raise InputError(
                Code.BAD_FILE, "the workbook's texts take more than 512 MiB; save it as CSV"
            )

    def data(self, text: str) -> None:
        if self._open:
            self._buffer += text.encode("utf-8", "replace")

    def __getitem__(self, at: int) -> str:
        first, last = self._ends[at], self._ends[at + 1]
        return self._buffer[first : min(last, first + _LONGEST_TEXT)].decode("utf-8", "replace")

    def __len__(self) -> int:
        return len(self._ends) - 1


class _Sheet(_Ignoring):
    """The cells of one sheet."""

    def __init__(self, texts: Texts, dates: list[bool], epoch: datetime) -> None:
        self.rows = CellRows()
        self._texts = texts
        self._dates = dates
        self._epoch = epoch
        self._columns: dict[str, int] = {}
        self._next = 0
        self._kind = self._style = ""
        self._value: list[str] = []
        self._length = 0
        self._open = False
        self._skipped = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            place = attributes.get("r", "").rstrip("0123456789")
            self._next = self._column(place) if place else self._next
            self._kind = attributes.get("t", "n")
            self._style = attributes.get("s", "")
            self._value, self._length = [], 0
        elif name in ("v", "t"):
            self._open = not self._skipped
        elif name == "row":
            self._next = 0
        elif name == "rPh":
            self._skipped = True

    def end(self, name: str) -> None:
        if name == "c":
            if self._value:
                self.rows.put(self._next, self._text("".join(self._value)))
            self._next += 1
        elif name in ("v", "t"):
            self._open = False
        elif name == "row":
            self.rows.end_row()
        elif name == "rPh":
            self._skipped = False

    def data(self, text: str) -> None:
        if self._open and self._length < _LONGEST_TEXT:
            self._value.append(text)
            self._length += len(text)

    def _text(self, value: str) -> str:
        match self._kind:
            case "s":
                at = int(value) if value.isdecimal() and len(value) < 10 else -1
                if not 0 <= at < len(self._texts):  # a text that is missing is a cell that is lost
                    raise damaged()
                value = self._texts[at]
            case "n":
                style = int(self._style) if self._style.isdecimal() and len(self._style) < 6 else 0
                is_date = style < len(self._dates) and self._dates[style]
                return (self._date(value) if is_date else "") or number(value)
            case "b":
                return {"0": "false", "1": "true"}.get(value, value)
            case "e":
                return ""
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value) if "_x" in value else value

    def _date(self, value: str) -> str:
        """A day number as a date; "" where it is none."""
        try:
            days = float(value)
        except ValueError:
            return ""
        if not 0 <= days <= _LAST_DAY:
            return ""
        days += 1 <= days < 60 and self._epoch.year == 1899
        moment = self._epoch + timedelta(seconds=round(days * 86400))
        if days < 1:
            return moment.time().isoformat()
        return (moment.date() if moment.time() == datetime.min.time() else moment).isoformat()

    def _column(self, letters: str) -> int:
        """The number of a column, from 0; of what is no column, one that is not kept."""
        found = self._columns.get(letters)
        if found is None:
            found = 1 << 20
            if len(letters) <= 3 and letters.isascii() and letters.isalpha():
                found = 0
                for letter in letters.upper():
                    found = found * 26 + ord(letter) - ord("A") + 1
                found -= 1
            if len(self._columns) < _MOST_PARTS:
                self._columns[letters] = found
        return found
