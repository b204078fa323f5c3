"""JSON text as records: objects on lines of their own, in a list, or in a list inside an object.

Pure: an iterator of decoded text in, records out; no files. It promises:

- memory does not grow with the text, and time grows no faster than it, whatever the text is;
- numbers come as they are written (but for an empty fraction: 8.0 is 8), never through a float;
- a broken record costs itself and is counted; so does one of more than ``MAX_RECORD`` characters.

The standard library's decoder reads the records, one at a time from a window of the text. It lets
numbers and objects through as we want them (text, and pairs, so that a name that occurs twice is
not lost), which the faster libraries do not, and a record takes 200 times as long to hash.

What it cannot know: where a list inside an object ends, once something in it was broken. It reads
the objects up to the end of the file then.
"""

import itertools
import json
import re
from collections.abc import Iterator
from enum import Enum

from loaders.nested import Pairs

BROKEN = "broken_line"
LONG = "long_line"

MAX_RECORD = 1 << 20  # characters
_DEEPEST_LIST = 4  # objects within objects that are looked through for lists
_DEEP = 200  # brackets within brackets that are never decoded twice

# Between records. U+FEFF is a byte order mark.
_GAP = re.compile("[\\s,\\[\\]\ufeff]*")
_BLANK = re.compile("[\\s\ufeff]*")
_LINE = re.compile(r"[\r\n]")
_ELEMENT = re.compile(r"[,\n][ \t\r]*(?=\{)")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')
_FORGET = 1 << 12  # read text before a broken record: the decoder counts its lines for each error

Path = tuple[str, ...]


class Shape(Enum):
    """How the records of a text stand in it."""

    LINES = "one after the other"
    LIST = "in a list"
    OBJECT = "in lists inside an object"


class DamagedError(Exception):
    """The text is broken outside its records: nothing behind can be trusted."""


class _BrokenError(Exception):
    """No value begins here; the next record is looked for from ``start`` on."""

    def __init__(self, start: int, *, is_long: bool) -> None:
        super().__init__()
        self.start = start
        self.reason = LONG if is_long else BROKEN


class Records:
    """The records of a text; see ``__iter__``.

    Attributes:
        position: how many characters were taken up.
    """

    def __init__(self, texts: Iterator[str], shape: Shape) -> None:
        self.position = 0
        self._texts = texts
        self._shape = shape
        self._text = ""
        self._at = 0
        self._size = 0  # characters of the last value
        self._is_sound = True  # so far, in an object: brackets tell where its lists end
        self._decode = decoder().raw_decode

    def __iter__(self) -> Iterator[tuple[Path, Pairs | str]]:
        """The path of its list, and the record; or the reason why it is lost.

        Raises:
            DamagedError: see there.
        """
        if self._shape is not Shape.OBJECT:
            yield from self._stream(())
        elif self._next() == "{":
            self._at += 1
            yield from self._members(())

    def _members(self, path: Path) -> Iterator[tuple[Path, Pairs | str]]:
        """The lists inside the object that is open here."""
        while self._is_sound and (char := self._next(",")) != "}":
            name = self._sound_value() if char == '"' else None
            if not isinstance(name, str) or self._next() != ":":
                raise DamagedError
            self._at += 1
            char = self._next()
            if char == "{" and len(path) < _DEEPEST_LIST:
                self._at += 1
                yield from self._members((*path, name))
            elif char == "[":
                self._at += 1
                yield from self._elements((*path, name))
            else:
                self._sound_value()
        self._at += 1

    def _elements(self, path: Path) -> Iterator[tuple[Path, Pairs | str]]:
        """The records of the list that is open here, up to its end."""
        while (char := self._next(",")) != "]":
            if not char:  # the file was cut
                self._is_sound = False
                yield path, BROKEN
                return
            record = self._record()
            yield path, record
            if not self._is_sound:
                yield from self._stream(path)
                return
        self._at += 1

    def _stream(self, path: Path) -> Iterator[tuple[Path, Pairs | str]]:
        """The records from here to the end of the text, whatever stands between them."""
        closed = self._shape is not Shape.LIST
        while True:
            gap = _GAP.match(self._text, self._at)
            assert gap is not None  # noqa: S101  an empty match is one too
            self._at = gap.end()
            closed = closed or "]" in gap[0]
            if self._at < len(self._text):
                record = self._record()
                closed = self._shape is not Shape.LIST or record is BROKEN
                yield path, record
            elif not self._more():
                break
        if not closed:  # the file was cut, just behind a record
            yield path, BROKEN

    def _record(self) -> Pairs | str:
        """The object that begins here, or why it is lost."""
        is_object = self._text[self._at] == "{"
        if not is_object and not (self._shape is Shape.OBJECT and self._is_sound):
            self._skip(self._at)  # a list's element that is none is passed as a value, below
            return BROKEN
        try:
            value = self._value()
        except _BrokenError as broken:
            self._is_sound = False
            self._skip(broken.start)
            return broken.reason
        if self._size > MAX_RECORD:
            return LONG
        return value if isinstance(value, tuple) else BROKEN

    def _sound_value(self) -> object:
        try:
            return self._value()
        except _BrokenError:
            raise DamagedError from None

    def _value(self) -> object:
        """Decode the value that begins here, and go behind it."""
        while True:
            is_cut, passed = False, 0
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                read = error.pos - self._at
                passed = read // 16  # at least, so that all attempts together take linear time
                is_cut = read >= MAX_RECORD or error.msg.startswith("Unterminated string")
            except RecursionError:
                passed = self._deep() - self._at
            else:
                if end < len(self._text) or not self._more():
                    self._size = end - self._at
                    self._at = end
                    return value
                continue  # a number may go on
            is_enough = len(self._text) - self._at > MAX_RECORD
            if is_enough or not self._more():
                raise _BrokenError(self._at + passed, is_long=is_enough and is_cut)

    def _deep(self) -> int:
        """Where what is nested out of all measure is too deep: nothing before it is a record."""
        depth = 0
        for token in _TOKEN.finditer(self._text, self._at):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
            if depth > _DEEP:
                return token.start()
        return self._at

    def _skip(self, start: int) -> None:
        """Go to where the next record may begin, behind ``start``."""
        if self._at > _FORGET:
            self._text = self._text[self._at :]
            start -= self._at
            self._at = 0
        pattern = _LINE if self._shape is Shape.LINES else _ELEMENT
        while (found := pattern.search(self._text, start)) is None:
            edge = max(self._text.rfind("\n"), self._text.rfind(","))
            tail = self._text[edge:]
            is_open = edge > start and len(tail) < MAX_RECORD and not tail.strip(", \t\r\n")
            self._at = edge if is_open else len(self._text)
            if not self._more():
                self._at = len(self._text)
                return
            start = 0
        self._at = found.end()

    def _next(self, passed: str = "") -> str:
        """The next character that is not blank, nor ``passed``; "" at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            assert blank is not None  # noqa: S101  an empty match is one too
            self._at = blank.end()
            if self._at == len(self._text):
                if not self._more():
                    return ""
            elif self._text[self._at] == passed:
                self._at += 1
            else:
                return self._text[self._at]

    def _more(self) -> bool:
        """Take up at least ``MAX_RECORD`` characters, where there are; forget what was read."""
        taken, length = [self._text[self._at :]], 0
        while length < MAX_RECORD and (text := next(self._texts, None)) is not None:
            taken.append(text)
            length += len(text)
        self.position += length
        self._text, self._at = "".join(taken), 0
        return length > 0


def shape_of(sample: str, *, is_whole: bool) -> Shape:
    """How the records stand in a text, by its beginning."""
    gap = _BLANK.match(sample)
    begin = gap.end() if gap else 0
    if sample.startswith("[", begin):
        return Shape.LIST
    try:
        _, end = decoder().raw_decode(sample, begin)
    except (json.JSONDecodeError, RecursionError):
        lines = [_is_object(line) for line in sample.split("\n")]
        # Within one JSON text, a comma or a bracket stands between two objects.
        are_records = any(one and other for one, other in itertools.pairwise(lines))
        return Shape.LINES if are_records else Shape.OBJECT
    if sample[end:].strip() or not is_whole:
        return Shape.LINES
    try:
        found = any(isinstance(one, tuple) for _, one in Records(iter([sample]), Shape.OBJECT))
    except DamagedError:
        found = False
    return Shape.OBJECT if found else Shape.LINES


def decoder() -> json.JSONDecoder:
    """Objects as pairs, numbers as text."""
    return json.JSONDecoder(
        object_pairs_hook=tuple,
        parse_int=str,
        parse_float=_plain,
        parse_constant=_nothing,
    )


def _is_object(line: str) -> bool:
    line = line.strip()
    if not line.startswith("{") or not line.endswith("}"):
        return False
    try:
        return decoder().raw_decode(line)[1] == len(line)
    except (json.JSONDecodeError, RecursionError):
        return False


def _plain(number: str) -> str:
    """A number as it is written, but for an empty fraction, which pandas adds to integers."""
    return number.removesuffix(".0")


def _nothing(_: str) -> None:
    """NaN and the infinities."""
