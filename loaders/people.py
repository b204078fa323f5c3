"""The first pass: all rows into distinct identifiers, each with the OR of its rows' field masks."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loaders import cells, fractions, iin_shape, lost_zeros, unseen
from loaders.distinct import Distinct
from loaders.lost_zeros import Waiting
from lookup.errors import Code, InputError
from lookup.protocol.suite import Kind

_MAX_ROWS = 2**32 - 1
_PART = 1 << 20  # identifiers


@dataclass(frozen=True)
class Columns:
    """Where things stand in a row.

    Attributes:
        identifiers: kind → column.
        bits: (column, bit of the data class that a present cell sets); a column may have several.
        own_bits: kind → the bit that a valid identifier sets by itself, if the dataset lists it.
    """

    identifiers: dict[Kind, int]
    bits: tuple[tuple[int, int], ...]
    own_bits: dict[Kind, int]


@dataclass(frozen=True)
class Counts:
    """What a certificate says of rows and cells.

    Attributes:
        restored: how many cells were identifiers kept as numbers, by what was undone.
    """

    read: int
    accepted: int
    duplicates: int
    rejected: dict[str, int]
    bad_cells: dict[str, int]
    restored: dict[str, int] = field(default_factory=dict)


class People:
    """All kinds of a load, and the counts of its rows."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.kinds = [Distinct(kind) for kind in Kind if kind in columns.identifiers]
        self._waiting = Waiting(distinct.kind for distinct in self.kinds)
        self._read = 0
        self._with_identifier = 0
        self._rejected: Counter[str] = Counter()
        self._bad_cells: Counter[str] = Counter()
        self._restored: Counter[str] = Counter()

    def add(self, rows: Sequence[Sequence[str]], unreadable: dict[str, int]) -> None:
        """Take a block of rows, and the counts of those that could not even be read.

        Raises:
            InputError: BAD_FILE, there are more rows than we can number.
        """
        if self._read + len(rows) > _MAX_ROWS:
            raise InputError(Code.BAD_FILE, "the file has more than 4,294,967,295 rows; split it")
        self._rejected.update(unreadable)
        if not rows:
            return
        needed = {number for number, _ in self._columns.bits}
        needed.update(self._columns.identifiers.values())
        columns = {number: cells.column_of(rows, number) for number in needed}
        found = {
            distinct.kind: self._parse(
                distinct.kind, columns[self._columns.identifiers[distinct.kind]]
            )
            for distinct in self.kinds
        }
        masks = self._masks(columns, found, len(rows))
        numbers = np.arange(self._read, self._read + len(rows), dtype=np.uint32)
        if Kind.IIN in found and found[Kind.IIN].bad:
            self._look_again(columns[self._columns.identifiers[Kind.IIN]], found, masks, numbers)
        for distinct in self.kinds:
            distinct.add(found[distinct.kind], masks, numbers)
        self._count(found, len(rows))
        self._read += len(rows)

    def finish(self) -> Counts:
        """Merge what is left; the counts. A row is accepted if it brought an identifier."""
        if self._waiting.counts:
            self._take(self._waiting)
        brought = np.zeros(self._read, dtype=np.bool_)
        for distinct in self.kinds:
            distinct.merge()
            brought[distinct.rows] = True
        accepted = int(np.count_nonzero(brought))
        return Counts(
            read=self._with_identifier + self._rejected.total(),
            accepted=accepted,
            duplicates=self._with_identifier - accepted,
            rejected=_sorted(self._rejected),
            bad_cells=_sorted(self._bad_cells),
            restored=_sorted(self._restored),
        )

    def __len__(self) -> int:
        return sum(len(distinct) for distinct in self.kinds)

    @property
    def looks_like_bins(self) -> bool:
        """Whether most of the IINs look like numbers of organisations."""
        keys = next((each.keys for each in self.kinds if each.kind is Kind.IIN), np.empty(0))
        # A part at a time: the copies of all together took half a GB for a whole country.
        parts = (keys[at : at + _PART].astype(np.int64) for at in range(0, len(keys), _PART))
        return 2 * sum(int(np.count_nonzero(iin_shape.bins(part))) for part in parts) > len(keys)

    def digest(self) -> str:
        """A hash (hex) of all identifiers and masks, the order of the second pass included."""
        result = hashlib.blake2b(digest_size=16)
        for distinct in self.kinds:
            result.update(f"{distinct.kind.value} {len(distinct)} ".encode())
            result.update(distinct.keys.view(np.uint8).data)
            result.update(distinct.masks.view(np.uint8).data)
        return result.hexdigest()

    def slices(self, first: int, size: int) -> Iterator[tuple[Distinct, int, int]]:
        """The identifiers from the ``first`` on, in slices of one kind and at most ``size``."""
        start = 0
        for distinct in self.kinds:
            for at in range(max(0, first - start), len(distinct), size):
                yield distinct, at, min(at + size, len(distinct))
            start += len(distinct)

    def _parse(self, kind: Kind, column: cells.Column) -> cells.Cells:
        if kind is Kind.IIN:
            return cells.parse(kind, column)
        cut: list[int] = []
        if kind is Kind.PHONE:
            column, cut = fractions.dropped(column)
        found = cells.parse(kind, column)
        restored = int(np.count_nonzero(found.valid[cut]))
        found, seen = unseen.look(kind, column, found)
        self._restored[f"{kind.value}_format"] += restored + seen
        return found

    def _look_again(
        self,
        column: cells.Column,
        found: dict[Kind, cells.Cells],
        masks: NDArray[np.uint16],
        rows: NDArray[np.uint32],
    ) -> None:
        """Put IINs that were kept as numbers into ``found`` and ``masks``, or let them wait."""
        looked = lost_zeros.look(column, found[Kind.IIN])
        found[Kind.IIN] = looked.cells
        self._restored[lost_zeros.FORMAT] += looked.formatted
        own = np.uint16(
            1 << self._columns.own_bits[Kind.IIN] if Kind.IIN in self._columns.own_bits else 0
        )
        masks |= looked.cells.valid * own
        self._waiting.add(found, looked, masks | own, rows)

    def _take(self, waiting: Waiting) -> None:
        """Count the rows that waited."""
        for distinct, waited in zip(self.kinds, waiting.kinds, strict=True):
            distinct.take(waited)
        self._with_identifier += waiting.rows
        self._rejected.update(waiting.changes)
        self._bad_cells.update(waiting.cell_changes)
        self._restored[lost_zeros.ZEROS] += waiting.cells

    def _masks(
        self, columns: dict[int, cells.Column], found: dict[Kind, cells.Cells], count: int
    ) -> NDArray[np.uint16]:
        masks = np.zeros(count, dtype=np.uint16)
        for column, bit in self._columns.bits:
            masks |= cells.present(columns[column]).astype(np.uint16) << np.uint16(bit)
        for kind, bit in self._columns.own_bits.items():
            masks |= found[kind].valid.astype(np.uint16) << np.uint16(bit)
        return masks

    def _count(self, found: dict[Kind, cells.Cells], count: int) -> None:
        has_identifier = np.zeros(count, dtype=np.bool_)
        for column in found.values():
            has_identifier |= column.valid
        self._with_identifier += int(np.count_nonzero(has_identifier))
        for at in np.flatnonzero(~has_identifier).tolist():
            reasons = (column.bad[at].value for column in found.values() if at in column.bad)
            self._rejected[next(reasons, Code.EMPTY.value)] += 1
        for column in found.values():
            for at, code in column.bad.items():
                if has_identifier[at]:
                    self._bad_cells[code.value] += 1


def _sorted(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted((+counter).items()))
