"""Nested values as flat rows of text: what JSON and Parquet have, and a table has not.

Pure. An object is a tuple of (name, value) pairs, a list is a list, all else is a single cell.
Objects within objects give columns with dotted names (``contact.phone``). Lists give a row for each
element, side by side with the other lists of the record, and all else of the record is repeated in
each of these rows: so no identifier in a list is lost, and each row has the data classes of the
whole record. A shorter list repeats its last element; a name that occurs twice in an object is read
like a list.
"""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

MAX_DEPTH = 32  # objects and lists within each other
MAX_CELLS = 1 << 20  # that one record may become; a list of lists could be billions

MAX_COLUMNS = 2000
_MOST_LETTERS = 1 << 20  # of all column names together
_LONGEST_NUMBER = 400  # characters; the largest double has 309 digits
_MOST_DIGITS = 25  # of an integer that is written out: its text stays short

Pairs = tuple[tuple[str, Any], ...]


class TooMuchError(Exception):
    """A record that is nested too deeply, or would become too many cells."""


def rows(record: Pairs, width: int = 1) -> list[dict[str, str]]:
    """The rows of one record, at least one, as column name → cell; in all there are ``width``.

    Raises:
        TooMuchError: it is beyond ``MAX_DEPTH`` or ``MAX_CELLS``.
    """
    row: dict[str, str] = {}
    for name, value in record:
        if isinstance(value, (tuple, list)) or name in row:
            found = _rows("", record, 0)
            if len(found) * width > MAX_CELLS:
                raise TooMuchError
            return found
        row[name] = value if isinstance(value, str) else text(value)
    return [row]


def text(value: object) -> str:
    """A single cell: nothing is empty, the rest as JSON writes it."""
    if isinstance(value, str):
        return value
    return "" if value is None else str(value).lower()


def number(written: str) -> str:
    """A number without what only its notation adds: 8.1E+2 and 810.0 are 810.

    What is no whole number, or a very large one, stays as it is written; NaN is nothing.
    """
    if written.isdecimal() or len(written) > _LONGEST_NUMBER:
        return written
    try:
        value = Decimal(written)
    except InvalidOperation:
        return written
    if not value.is_finite():
        return ""
    if value.adjusted() > _MOST_DIGITS or value != value.to_integral_value():
        return written
    return str(int(value))


class Header:
    """The column names that records turn out to have, in the order of their appearance."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self._letters = 0

    def add(self, found: Iterable[dict[str, str]]) -> bool:
        """Take up the names of some rows; False once there are too many to be names."""
        for row in found:
            if row.keys() <= self.names.keys():
                continue
            for name in row:
                if name not in self.names:
                    self.names[name] = None
                    self._letters += len(name)
        return len(self.names) <= MAX_COLUMNS and self._letters <= _MOST_LETTERS


def _rows(name: str, value: object, depth: int) -> list[dict[str, str]]:
    """The rows of one value, under the dotted name of where it stands."""
    if depth > MAX_DEPTH:
        raise TooMuchError
    if isinstance(value, list):
        found = [row for element in value for row in _rows(name, element, depth + 1)]
        return found or [{name: ""}]
    if not isinstance(value, tuple):
        return [{name: text(value)}]
    parts: dict[str, list[dict[str, str]]] = {}
    for key, inner in value:
        path = f"{name}.{key}" if name else key
        parts.setdefault(path, []).extend(_rows(path, inner, depth + 1))
    return _side_by_side(list(parts.values()))


def _side_by_side(parts: list[list[dict[str, str]]]) -> list[dict[str, str]]:
    """Row i has the i-th of each part, or its last."""
    height = max(map(len, parts), default=1)
    width = sum(max(map(len, part)) for part in parts)
    if height * max(width, 1) > MAX_CELLS:
        raise TooMuchError
    made: list[dict[str, str]] = [{} for _ in range(height)]
    clashing = []
    for part in parts:
        for at, row in enumerate(made):
            more = part[min(at, len(part) - 1)]
            if more.keys() & row.keys():  # "a.b" beside an "a" that has a "b"
                clashing.append(more)
            else:
                row.update(more)
    return made + clashing
