"""Look at a dump before it is loaded: what its columns hold, and what a load would make of it.

The first rows are looked at cell by cell, which tells the columns' meanings; the rest goes through
the very first pass of a load, so that the counts are those of its certificate, and of each block
some more rows are looked at. Nothing is kept or written; what comes out are counts, names of
columns (masked where they could be data) and masked cells.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from loaders import cells, encoding_preview
from loaders.column_content import ColumnContent
from loaders.column_meaning import OWN_CLASS, KnownBy, Meaning, is_header, of_name
from loaders.encoding_preview import Preview
from loaders.enumeration import Enumeration, examine
from loaders.names import shown
from loaders.people import Columns, Counts, People
from loaders.sources import Block, Source
from lookup.protocol.suite import Kind

_LOOKED_AT = 5_000  # rows at the beginning, all of their cells: about a second
_MOST_BLOCKS = 16  # of 1 MiB, among which they are
_LATER = 64  # rows of each later block


@dataclass(frozen=True)
class Column:
    """A column; shares are of its filled cells among those looked at.

    Attributes:
        name: as it may be shown.
        filled: the share of rows in which it holds something.
        valid: the share of valid identifiers, where it holds some.
        lost_zeros, rounded: IINs that a spreadsheet kept as numbers: to be restored, or gone.
        bins: numbers of organisations.
    """

    number: int
    name: str
    meaning: Meaning
    known_by: KnownBy | None
    filled: float
    valid: float | None
    lost_zeros: float
    rounded: float
    bins: float

    @property
    def holds(self) -> str | None:
        """What identifiers it holds: iin, phone, email or bin."""
        if self.meaning.kind is not None:
            return self.meaning.kind.value
        return "bin" if self.meaning.is_bin else None


@dataclass(frozen=True)
class Inspection:
    """A dump that was looked at.

    Attributes:
        is_whole: whether all of its rows were read; ``share`` how much of its bytes, if known.
        looked_at: rows of which every cell was.
        previews: the plausible encodings, where there are several.
        chosen: the column (from 0) that a load should take each kind of identifiers from.
        counts: what a load's certificate would say of the rows read.
        people: their distinct identifiers.
        enumeration: of their IINs, where there are any.
    """

    header: tuple[str, ...]
    is_header: bool
    is_whole: bool
    share: float | None
    looked_at: int
    columns: tuple[Column, ...]
    previews: tuple[Preview, ...]
    chosen: dict[Kind, int]
    counts: Counts
    people: People
    enumeration: Enumeration | None


def inspect(
    source: Source, most_rows: int | None, today: date, advance: Callable[[int], None]
) -> Inspection:
    """Look at a dump, or at its first rows.

    Raises:
        InputError: BAD_FILE, it cannot be read.
    """
    reading = _Reading(source, most_rows, advance)
    begin = reading.begin()
    contents = [ColumnContent() for _ in source.header]
    for block in begin:
        _look(block.rows, contents, _LOOKED_AT - contents[0].looked_at)
    examples = _examples(begin)
    meanings = [
        content.known_by(of_name(name), today)
        for name, content in zip(source.header, contents, strict=True)
    ]
    chosen = _chosen([meaning for meaning, _ in meanings], contents)
    people = People(Columns(chosen, (), {}))
    for block in begin:
        people.add(block.rows, block.rejected)
    for block in reading:
        people.add(block.rows, block.rejected)
        _look(block.rows, contents, _LATER)
    counts = people.finish()
    sure = source.has_schema or is_header(source.header)
    columns = tuple(
        _column(number, name if sure else None, meaning, content)
        for number, (name, meaning, content) in enumerate(
            zip(source.header, meanings, contents, strict=True), 1
        )
    )
    return Inspection(
        header=source.header,
        is_header=sure,
        is_whole=reading.is_whole,
        share=reading.share,
        looked_at=contents[0].looked_at,
        columns=columns,
        previews=encoding_preview.previews(
            source.sample,
            whole=source.is_sample_whole,
            read_as=source.encoding,
            names=source.header if sure else (),
            cells=examples,
        ),
        chosen=chosen,
        counts=counts,
        people=people,
        enumeration=_enumeration(people, today),
    )


class _Reading:
    """The blocks of a source up to so many rows, with progress."""

    def __init__(
        self, source: Source, most_rows: int | None, advance: Callable[[int], None]
    ) -> None:
        self._source = source
        self._left = most_rows
        self._advance = advance
        self._blocks = self._all()
        self.is_whole = True
        self.share: float | None = 1.0

    def begin(self) -> list[Block]:
        """The first blocks, with enough rows to know the columns by."""
        found: list[Block] = []
        rows = 0
        for block in self._blocks:
            found.append(block)
            rows += len(block.rows)
            if rows >= _LOOKED_AT or len(found) >= _MOST_BLOCKS:
                break
        return found

    def __iter__(self) -> Iterator[Block]:
        return self._blocks

    def _all(self) -> Iterator[Block]:
        before = 0
        for block in self._source.blocks():
            self._advance(self._source.bytes_read - before)
            before = self._source.bytes_read
            if self._left is not None and len(block.rows) > self._left:
                self._stop(len(block.rows) - self._left, len(block.rows))
                yield Block(block.rows[: self._left], block.rejected)
                return
            yield block
            if self._left is not None:
                self._left -= len(block.rows)

    def _stop(self, unread: int, of: int) -> None:
        """Note how much of the file was read, as far as its bytes tell."""
        size, read = self._source.size, self._source.bytes_read
        self.is_whole = False
        # Some formats are read to their end before the first row: then nobody knows.
        self.share = read / size * (1 - unread / of) if size and read < size else None


def _look(rows: Sequence[Sequence[str]], contents: list[ColumnContent], most: int) -> None:
    """Look at some rows, evenly spread."""
    if most <= 0 or not rows:
        return
    places: NDArray[np.intp] = np.unique(
        np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.intp)
    )
    for number, content in enumerate(contents):
        content.look(cells.column_of(rows, number).texts(places))


def _examples(begin: list[Block]) -> list[str]:
    return [cell for block in begin[:1] for row in block.rows[:50] for cell in row]


def _chosen(meanings: list[Meaning], contents: list[ColumnContent]) -> dict[Kind, int]:
    """For each kind the column with most identifiers; a relative's only if there is no other."""
    chosen = {}
    for kind in Kind:
        own = [
            (meaning.data_class == OWN_CLASS[kind], valid, -number)
            for number, (meaning, content) in enumerate(zip(meanings, contents, strict=True))
            if meaning.kind is kind
            and (valid := content.valid[kind] + (content.lost_zeros if kind is Kind.IIN else 0))
        ]
        if own:
            chosen[kind] = -max(own)[2]
    return chosen


def _column(
    number: int,
    name: str | None,
    known: tuple[Meaning, KnownBy | None],
    content: ColumnContent,
) -> Column:
    meaning, known_by = known
    filled = content.filled
    kind = Kind.IIN if meaning.is_bin and meaning.kind is None else meaning.kind
    is_iin = kind is Kind.IIN

    def share(count: int) -> float:
        return round(count / filled, 4) if filled else 0.0

    return Column(
        number=number,
        name="(masked)" if name is None else shown(name),
        meaning=meaning,
        known_by=known_by,
        filled=round(filled / content.looked_at, 4) if content.looked_at else 0.0,
        valid=None if kind is None else share(content.valid[kind]),
        lost_zeros=share(content.lost_zeros) if is_iin else 0.0,
        rounded=share(content.rounded) if is_iin else 0.0,
        bins=share(content.bins) if is_iin else 0.0,
    )


def _enumeration(people: People, today: date) -> Enumeration | None:
    for distinct in people.kinds:
        if distinct.kind is Kind.IIN and len(distinct):
            return examine(distinct.keys.astype(np.int64), distinct.rows, today)
    return None
