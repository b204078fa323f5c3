"""The XML of spreadsheets as events, in constant memory whatever is in it.

Expat reads it piece by piece, and here is what it would not bound by itself: elements within each
other, distinct names (it keeps each for ever), and single tags or comments without end. A document
type, and with it every entity, is refused: spreadsheets have none.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol
from xml.parsers import expat

from lookup.errors import Code, InputError

_PIECE = 1 << 14  # bytes; what a piece can turn into waits in memory
_MOST_SILENT = 64  # pieces without an event
_MOST_NAMES = 10_000
_DEEPEST = 64


class Target(Protocol):
    """What is done with the events. Names are without their prefix in ``start`` and ``end``."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins; names of attributes have their prefix."""

    def end(self, name: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Some text, maybe not all of it."""


class StopError(Exception):
    """A target has all that it wants."""


def parse(chunks: Iterable[bytes], target: Target) -> Iterator[None]:
    """Feed a target; it may be emptied at each step.

    Raises:
        InputError: BAD_FILE, this is no XML, or of no sane shape.
    """
    guard = _Guard(target)
    parser = guard.parser
    try:
        for chunk in chunks:
            for at in range(0, len(chunk), _PIECE):
                guard.silent += 1
                parser.Parse(chunk[at : at + _PIECE], False)
                if guard.silent > _MOST_SILENT or len(parser.intern) > _MOST_NAMES:
                    raise damaged()
                yield
        parser.Parse(b"", True)
        yield
    except StopError:
        yield
    except (expat.ExpatError, LookupError, ValueError):  # Lookup: an encoding nobody knows
        raise damaged() from None


class _Guard:
    """Between expat and the target: what is out of all measure is refused."""

    def __init__(self, target: Target) -> None:
        self.silent = 0
        self._depth = 0
        self._target = target
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.silent = 0
        self._depth += 1
        if self._depth > _DEEPEST:
            raise damaged()
        self._target.start(name.rpartition(":")[2], attributes)

    def _end(self, name: str) -> None:
        self.silent = 0
        self._depth -= 1
        self._target.end(name.rpartition(":")[2])

    def _data(self, text: str) -> None:
        self.silent = 0
        self._target.data(text)

    def _refuse(self, *_: object) -> None:
        raise damaged()


def damaged() -> InputError:
    """A workbook that cannot be read."""
    return InputError(
        Code.BAD_FILE, "the workbook is damaged; open it in a spreadsheet program and save it anew"
    )
