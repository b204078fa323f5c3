"""The rows of PostgreSQL's COPY in its text format: a line a row, tabs between cells.

Pure. The rows end with a line ``\\.``, or where another COPY or INSERT begins: a dump that lost
that line loses no more.
"""

import re
from dataclasses import dataclass, field

from loaders.sql_headers import MOST_COLUMNS, copy_header, insert_header
from loaders.sql_window import Window, whole_characters

BROKEN = "broken_statement"
LONG = "long_statement"
WRONG_WIDTH = "wrong_width"

_BLOCK = 1 << 16  # characters read at once
_STOP = re.compile(r"^(?:\\\.[ \t\r]*+$|(?:COPY|INSERT)\s[^\n]*+)", re.MULTILINE | re.IGNORECASE)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass
class Taken:
    """Some rows of a statement, ``rejected`` those lost among them; ``more`` may follow."""

    rows: list[list[str]] = field(default_factory=list)
    rejected: dict[str, int] = field(default_factory=dict)
    more: bool = True

    def reject(self, reason: str) -> None:
        """Count a row that is lost."""
        self.rejected[reason] = self.rejected.get(reason, 0) + 1


def take_lines(window: Window, width: int, most: int) -> Taken:
    """Read at most so many lines of a COPY; a ``width`` of 0 takes every width there is."""
    taken = Taken()
    if not window.look():
        taken.more = False
        taken.reject(BROKEN)  # no "\\." before the file's end: it was cut
        return taken
    text, at, limit = window.text, window.at, window.limit
    end = text.rfind("\n", at, min(at + _BLOCK, limit)) + 1 or text.find("\n", at, limit) + 1
    if not end:
        if limit < len(text) or not window.ended:
            window.skip_line()
            taken.reject(LONG)
            return taken
        end = limit
    stop, after = _stop(text, at, end, width)
    lines = text[at:stop].split("\n")
    if not lines[-1]:
        lines.pop()  # what is behind the last line feed
    if len(lines) > most:
        lines = lines[:most]
        window.at = at + sum(map(len, lines)) + most
    else:
        window.at = after
        taken.more = after == stop == end
    _read(taken, lines, width)
    return taken


def _stop(text: str, at: int, end: int, width: int) -> tuple[int, int]:
    """Where the rows stop, and where to read on; both are ``end`` if they go on there."""
    for match in _STOP.finditer(text, at, end):
        line = match[0]
        if line.startswith("\\"):
            return match.start(), min(match.end() + 1, end)
        if line.count("\t") + 1 != width and (
            copy_header(line + "\n", 0) or (width != 1 and insert_header(line, 0))
        ):
            return match.start(), match.start()
    return end, end


def _read(taken: Taken, lines: list[str], width: int) -> None:
    """The rows of the lines, those of another width counted."""
    for line in lines:
        cells = line.removesuffix("\r").split("\t")
        if "\\" in line:
            cells = [_cell(c) if "\\" in c else c for c in cells]
        if len(cells) == width or (not width and len(cells) <= MOST_COLUMNS):
            taken.rows.append(cells)
        else:
            taken.reject(WRONG_WIDTH)


def _cell(cell: str) -> str:
    if cell == "\\N":
        return ""
    return whole_characters(_ESCAPE.sub(_unescaped, cell))


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 8) & 0xFF)
    if match[2]:
        return chr(int(match[2], 16))
    return _ESCAPED.get(match[3], match[3])
