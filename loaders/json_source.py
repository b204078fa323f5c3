"""A JSON dump as the rows of a load: ``json_text`` finds records, ``nested`` makes rows of them.

A file is read twice: first for the names of all columns, since any object may have one that no
other has. From standard input, the first MiB must do.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from loaders.dump import Dump
from loaders.encodings import encoding_named, encoding_of
from loaders.json_text import (
    LONG,
    DamagedError,
    Path,
    Records,
    Shape,
    shape_of,
)
from loaders.names import folded, shown
from loaders.nested import MAX_CELLS, MAX_COLUMNS, Header, TooMuchError, rows
from loaders.sources import Block, Source
from lookup.errors import Code, InputError

_MOST_LISTS = 100
_MOST_SHOWN = 20
_BEGIN = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]])")


def is_json(dump: Dump) -> bool:
    """Whether a dump begins like JSON, or goes on like JSON lines after a line that was cut."""
    lines = [line.strip() for line in dump.sample[: 1 << 16].split(b"\n")[1:5]]
    return _BEGIN.match(dump.sample) is not None or (
        len(lines) == 4 and all(one[:2] == b'{"' and one[-1:] == b"}" for one in lines[:3])
    )


@dataclass(frozen=True)
class _Layout:
    """What a JSON dump is: see ``Shape``; the path is that of its list inside an object."""

    shape: Shape
    path: Path
    header: tuple[str, ...]
    encoding: str


class JsonSource(Source):
    """One list of objects, or objects one after the other."""

    format = "JSON"
    has_schema = True

    def __init__(self, dump: Dump, layout: _Layout) -> None:
        super().__init__(dump, layout.header, layout.encoding)
        self._layout = layout

    @property
    def part(self) -> str:
        """The list inside an object, and the archive's member that it is in."""
        path = ".".join(self._layout.path)
        return f"{super().part}:{path}".strip(":") if path else super().part

    def column(self, name: str) -> int:
        """See ``Source.column``; of standard input, only the beginning was seen."""
        try:
            return super().column(name)
        except InputError as error:
            if not self._dump.is_stdin:
                raise
            raise InputError(
                error.code,
                f"{error.sentence}; only the first MiB of standard input was looked through, so "
                "if it comes later, give the file",
            ) from None

    def blocks(self) -> Iterator[Block]:
        """About 1 MiB at a time."""
        at = {name: number for number, name in enumerate(self.header)}
        empty = [""] * len(at)
        records = Records(self._dump.texts(self.encoding), self._layout.shape)
        made: list[list[str]] = []
        rejected: dict[str, int] = {}
        begun = 0
        for path, record in _checked(records):
            if path != self._layout.path:
                continue
            found = _rows(record, len(at))
            if isinstance(found, str):
                rejected[found] = rejected.get(found, 0) + 1
                continue
            for row in found:
                cells = empty.copy()
                for name, cell in row.items():
                    if name in at:  # always, but from standard input
                        cells[at[name]] = cell
                made.append(cells)
            if len(made) * len(at) > MAX_CELLS or records.position > begun:
                yield Block(made, rejected)
                made, rejected, begun = [], {}, records.position
        if made or rejected:
            yield Block(made, rejected)


def json_source(dump: Dump, table: str | None, encoding: str | None) -> JsonSource:
    """An open dump as JSON.

    Args:
        table: the name of the list that is read, inside an object; dots where it is deeper.

    Raises:
        InputError: BAD_USAGE, the list is not there or must be chosen; BAD_FILE, the file cannot be
            read or has no objects.
    """
    chosen = None if encoding is None else encoding_named(encoding)
    chosen = chosen or encoding_of(dump.sample, whole=dump.is_whole)
    begin = dump.sample.decode(chosen, "replace")
    shape = shape_of(begin, is_whole=dump.is_whole)
    if dump.is_stdin and shape is Shape.OBJECT and table is None:
        raise InputError(
            Code.BAD_USAGE,
            "name the list inside the JSON object with --table, or give the dump as a file",
        )
    texts = iter([begin]) if dump.is_stdin else dump.texts(chosen)
    lists = _lists(Records(texts, shape), is_whole=not dump.is_stdin)
    path = _chosen(list(lists), table)
    return JsonSource(dump, _Layout(shape, path, tuple(lists[path].names), chosen))


def _lists(records: Records, *, is_whole: bool) -> dict[Path, Header]:
    """The lists that have objects in them, with the names of these."""
    lists: dict[Path, Header] = {}
    try:
        for path, record in records:
            found = _rows(record, 1)
            if isinstance(found, str):
                continue
            if path not in lists and len(lists) == _MOST_LISTS:
                raise _bad_file(
                    f"the JSON object has more than {_MOST_LISTS} lists in it; split it"
                )
            if not lists.setdefault(path, Header()).add(found):
                raise _bad_file(
                    f"the JSON objects have more than {MAX_COLUMNS} different names in them, as if "
                    "these were data; give one object a row, with the same names in each"
                )
    except DamagedError:
        if is_whole:
            raise _damaged() from None
    if not lists:
        raise _bad_file("the JSON has no objects in a list; give a list of them, or one a line")
    return lists


def _checked(records: Records) -> Iterator[tuple[Path, object]]:
    try:
        yield from records
    except DamagedError:
        raise _damaged() from None


def _rows(record: object, width: int) -> list[dict[str, str]] | str:
    """The rows of a record, or why it is lost."""
    if not isinstance(record, tuple):
        return str(record)
    try:
        return rows(record, width)
    except TooMuchError:
        return LONG


def _chosen(paths: list[Path], table: str | None) -> Path:
    """The list that is wanted, or the only one."""
    if table is None and len(paths) == 1:
        return paths[0]
    wanted = [path for path in paths if table and folded(".".join(path)) == folded(table)]
    if len(wanted) == 1:
        return wanted[0]
    if paths == [()]:
        raise InputError(
            Code.BAD_USAGE, "the JSON has no named lists; leave out --table, all of it is read"
        )
    told = "several lists" if table is None else "no such list"
    listed = ", ".join(shown(".".join(path)) for path in paths[:_MOST_SHOWN])
    raise InputError(
        Code.BAD_USAGE, f"the JSON object has {told}; choose one with --table: {listed}"
    )


def _damaged() -> InputError:
    return _bad_file("the JSON is broken outside its records or cut short; fetch it again")


def _bad_file(sentence: str) -> InputError:
    return InputError(Code.BAD_FILE, sentence)
