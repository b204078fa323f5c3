"""The tuples of INSERT statements, one by one however many a statement has.

Pure. A tuple is accepted only where it is whole, and what follows it is what may follow a tuple.
What is broken costs itself: reading goes on where the next tuple seems to begin, or at the next
line that begins an INSERT, COPY or CREATE.
"""

import functools
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from loaders.sql_cells import ESCAPED, NULLS, PLAIN, SPACE, read_cell, read_tuple, unquoted
from loaders.sql_copy import BROKEN, LONG, WRONG_WIDTH, Taken
from loaders.sql_window import MAX_STATEMENT, Window

_MOST_GROUPS = 200  # cells of a tuple for which a pattern of its own is compiled
_MOST_INNER = 8  # places looked at inside a tuple of the wrong width

_SPACE = re.compile(SPACE)
_KEYWORD = (
    "INSERT|REPLACE|COPY|CREATE|DROP|ALTER|SET|LOCK|UNLOCK|COMMIT|BEGIN|START|USE|PRINT|DECLARE"
    "|UPDATE|DELETE|SELECT|EXEC|IF|END|DELIMITER|PRAGMA|GO|ANALYZE|TRUNCATE"
)
_FOLLOW = re.compile(
    rf"(?P<next>,?+{SPACE}(?=\())|,?+{SPACE}(?:;|\Z|(?=(?:{_KEYWORD}|ON|AS|RETURNING)\b))",
    re.IGNORECASE,
)
_NEXT = r"(?=[ \t]*+\r?\n(?:INSERT|GO)\b)"  # MSSQL ends statements without a semicolon
# What stands between two statements of one row each, where nothing needs care.
_BETWEEN = re.compile(r"[\s;]*+(?:GO[ \t]*+\r?\n\s*+)?+", re.IGNORECASE)
_HEADER = r"(?:INSERT\s|REPLACE\s++INTO\s|COPY\s|CREATE\s)"
_PLACE = re.compile(
    r"(?P<tuple>\)\s*+,\s*+(?=\()|^[ \t]*+(?=\())"
    rf"|^[ \t]*+(?={_HEADER})|;\s*+(?={_HEADER})|;[ \t]*+\r?\n(?=\s*+(?:{_KEYWORD}|--|/\*))",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Statement:
    """What the beginning of an INSERT tells of its tuples.

    Attributes:
        written: all of it, up to the first tuple.
        width: how many cells a tuple must have, or 0 for any number.
        escapes: whether backslashes escape; a tuple that is broken so is read the other way.
    """

    written: str
    width: int
    escapes: bool


class TupleReader:
    """Reads the tuples of one statement after another."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def take(self, statement: Statement, most: int) -> Taken:
        """Read at most so many tuples from the window's place, where one begins.

        Statements that follow at once and are written alike are read as if they were this one:
        some dumps have one for each row. Tuples of about 1 MiB end it earlier.
        """
        taken = Taken()
        window = self._window
        stop = window.position + MAX_STATEMENT
        while taken.more and len(taken.rows) < most and window.position < stop:
            if not window.look():
                taken.more = False
            elif not 0 < statement.width <= _MOST_GROUPS or not self._run(
                taken, statement, most, window.at + stop - window.position
            ):
                self._step(taken, statement.width, statement.escapes)
        return taken

    def _run(self, taken: Taken, statement: Statement, most: int, stop: int) -> bool:
        """Read simple tuples at full speed; False before the first that needs care."""
        window = self._window
        text, at, escapes = window.text, window.at, statement.escapes
        match = _fast(statement.width, escapes)
        last = min(stop - 1, len(text) - (0 if window.ended else MAX_STATEMENT))
        rows = taken.rows
        while at <= last and len(rows) < most:
            found = match(text, at, at + MAX_STATEMENT)
            if found is None:
                window.at = at
                return False
            raw = found[0]
            row = [
                c[1:-1] if c[0] == "'" else "" if c in NULLS else c if c[-1] != "'" else c[2:-1]
                for c in found.groups()
            ]
            if "''" in raw or "\\" in raw:
                row = [unquoted(c, escapes) if "'" in c or "\\" in c else c for c in row]
            if "CAST(" in raw:
                row = [
                    read_cell(c, escapes) if c[:5] == "CAST(" else cell
                    for c, cell in zip(found.groups(), row, strict=True)
                ]
            rows.append(row)
            end = found.end()
            if text[end - 1] in ";)":
                end = _same_again(text, end, at + MAX_STATEMENT, statement.written)
                if not end:
                    window.at = found.end()
                    taken.more = False
                    return True
            at = end
        window.at = at
        return True

    def _step(self, taken: Taken, width: int, escapes: bool) -> None:
        """Read one tuple with all care, or find out where to go on."""
        window = self._window
        row, end, more = self._tuple(window.at, width, escapes)
        if row is None:
            self._recover(taken)
            return
        if width in (0, len(row)):
            taken.rows.append(row)
        else:
            for place in self._inner(window.at, end):
                if self._fits(place, width, escapes):
                    taken.reject(BROKEN)
                    window.at = place
                    return
            taken.reject(WRONG_WIDTH)
        window.at = end
        taken.more = more

    def _tuple(self, at: int, width: int, escapes: bool) -> tuple[list[str] | None, int, bool]:
        """The tuple at a place, where reading goes on, and whether another tuple is there."""
        window = self._window
        text = window.text
        limit = window.limit
        best: tuple[list[str] | None, int, bool] = (None, at, False)
        for way in (escapes, not escapes):
            read = read_tuple(text, at, limit, way)
            if read.cells is None:
                window.spend(read.work)
            else:
                behind = _space_end(text, read.end, limit)
                follow = _FOLLOW.match(text, behind, limit)
                if follow is None:
                    window.spend(read.work + behind - read.end)
                else:
                    found = (read.cells, follow.end(), follow["next"] is not None)
                    if width in (0, len(read.cells)):
                        return found
                    window.spend(read.work)
                    best = best if best[0] is not None else found
            if "\\" not in text[at : read.end]:
                break  # both ways are one
        return best

    def _fits(self, at: int, width: int, escapes: bool) -> bool:
        row = self._tuple(at, width, escapes)[0]
        return row is not None and width in (0, len(row))

    def _inner(self, at: int, end: int) -> Iterator[int]:
        """Places inside a tuple where another may begin, if a stray quote joined two."""
        places = _PLACE.finditer(self._window.text, at + 1, end)
        tuples = (place for place in places if place["tuple"] is not None)
        for place in itertools.islice(tuples, _MOST_INNER):
            if self._window.exhausted():
                return
            yield place.end()

    def _recover(self, taken: Taken) -> None:
        """Count a broken tuple, and go on at the next place where another may begin."""
        window = self._window
        start = window.position
        window.at += 1
        more = False
        while window.look():
            if window.exhausted():
                window.skip()
                continue
            place = _PLACE.search(window.text, window.at, window.limit)
            if place is None:
                window.skip()
                continue
            window.at = place.end()
            more = place["tuple"] is not None
            break
        taken.more = more and window.look()
        taken.reject(LONG if window.position - start > MAX_STATEMENT else BROKEN)


def _same_again(text: str, at: int, limit: int, written: str) -> int:
    """Where the tuples of the statement behind this one begin, if it is written alike; else 0."""
    between = _BETWEEN.match(text, at, limit)
    begin = at if between is None else between.end()
    end = begin + len(written)
    return end if end < limit and text.startswith(written, begin) and text[end] == "(" else 0


def _space_end(text: str, at: int, limit: int) -> int:
    match = _SPACE.match(text, at, limit)
    return at if match is None else match.end()


@functools.lru_cache(maxsize=64)
def _fast(width: int, escapes: bool) -> Callable[[str, int, int], re.Match[str] | None]:
    """Matches a tuple of simple cells and what follows it, if that is simple as well."""
    string = f"N?+{ESCAPED if escapes else PLAIN}"
    cast = rf"CAST\((?:{string}|[-+.0-9A-Za-z_]++) AS [A-Za-z0-9]++(?:\([0-9, ]++\))?+\)"
    cell = rf"\s?+({string}|{cast}|[-+.0-9A-Za-z_]++)"
    return re.compile(
        rf"\({','.join([cell] * width)}\)(?:\s*+,\s*+(?=\()|;|{_NEXT})", re.DOTALL
    ).match
