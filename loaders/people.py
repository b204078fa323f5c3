"""The first pass: all rows into distinct identifiers, each with the OR of its rows' field masks.

Compact arrays, never a Python object a row: 14 bytes for each distinct IIN or phone number, about
50 for an e-mail address. Sorted, so that the second pass always goes in the same order.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loaders import cells
from lookup.errors import Code, InputError
from lookup.protocol.suite import Kind

_MAX_ROWS = 2**32 - 1
_BUFFER = 1 << 20  # identifiers buffered before they are merged, at least
_EMAIL_BUFFER = 1 << 18  # these wait as Python objects


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
    """What a certificate says of rows and cells."""

    read: int
    accepted: int
    duplicates: int
    rejected: dict[str, int]
    bad_cells: dict[str, int]


class Distinct:
    """The distinct identifiers of one kind: key, mask and first row of each, sorted by key."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        is_text = kind is Kind.EMAIL
        key_type = np.dtype("S16") if is_text else np.dtype(np.int64)
        self.keys: NDArray[np.generic] = np.empty(0, dtype=key_type)
        self.masks: NDArray[np.uint16] = np.empty(0, dtype=np.uint16)
        self.rows: NDArray[np.uint32] = np.empty(0, dtype=np.uint32)
        self._texts_at: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._texts = bytearray()  # canonical e-mails, each ended by a newline
        self._buffer: list[tuple[NDArray[np.generic], NDArray[np.uint16], NDArray[np.uint32]]] = []
        self._buffer_texts: list[str] = []
        self._buffered = 0

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, found: cells.Cells, masks: NDArray[np.uint16], rows: NDArray[np.uint32]) -> None:
        """Take the valid cells of a block; ``masks`` and ``rows`` are the whole block's."""
        chosen = np.flatnonzero(found.valid)
        if found.numbers is not None:
            keys: NDArray[np.generic] = found.numbers[chosen]
        else:
            texts = [found.texts[i] for i in chosen.tolist()] if found.texts else []
            self._buffer_texts.extend(texts)
            digests = [hashlib.blake2b(t.encode(), digest_size=16).digest() for t in texts]
            keys = np.array(digests, dtype="S16")
        self._buffer.append((keys, masks[chosen], rows[chosen]))
        self._buffered += len(chosen)
        limit = _EMAIL_BUFFER if self.kind is Kind.EMAIL else max(_BUFFER, len(self) // 4)
        if self._buffered >= limit:
            self.merge()

    def merge(self) -> None:
        """Take up what is buffered: sort it, then one linear merge into the sorted arrays."""
        if not self._buffered:
            return
        keys, masks, rows = (np.concatenate(part) for part in zip(*self._buffer, strict=True))
        order = np.argsort(keys)  # not stable: that takes almost four times as long
        keys, masks = keys[order], masks[order]
        first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        keys, masks = keys[first], np.bitwise_or.reduceat(masks, first)
        order = np.minimum.reduceat(order, first)  # of equals, the first row
        at = np.searchsorted(self.keys, keys)
        known = np.zeros(len(keys), dtype=np.bool_)
        inside = at < len(self.keys)
        known[inside] = self.keys[at[inside]] == keys[inside]
        self.masks[at[known]] |= masks[known]
        fresh, at = ~known, at[~known]
        self.keys = np.insert(self.keys, at, keys[fresh])
        self.masks = np.insert(self.masks, at, masks[fresh])
        self.rows = np.insert(self.rows, at, rows[order[fresh]])
        if self.kind is Kind.EMAIL:
            self._texts_at = np.insert(self._texts_at, at, self._keep_texts(order[fresh]))
        self._buffer, self._buffer_texts, self._buffered = [], [], 0

    def texts(self, first: int, last: int) -> list[str]:
        """The canonical texts of some of the identifiers, by their place in the order."""
        if self.kind is not Kind.EMAIL:
            return [cells.text_of(self.kind, key) for key in self.keys[first:last].tolist()]
        starts = self._texts_at[first:last].tolist()
        return [self._texts[s : self._texts.index(b"\n", s)].decode() for s in starts]

    def _keep_texts(self, chosen: NDArray[np.intp]) -> list[int]:
        places = []
        for i in chosen.tolist():
            places.append(len(self._texts))
            self._texts += self._buffer_texts[i].encode() + b"\n"
        return places


class People:
    """All kinds of a load, and the counts of its rows."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.kinds = [Distinct(kind) for kind in Kind if kind in columns.identifiers]
        self._read = 0
        self._with_identifier = 0
        self._rejected: Counter[str] = Counter()
        self._bad_cells: Counter[str] = Counter()

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
        columns = {number: _column(rows, number) for number in needed}
        found = {
            distinct.kind: cells.parse(
                distinct.kind, columns[self._columns.identifiers[distinct.kind]]
            )
            for distinct in self.kinds
        }
        masks = self._masks(columns, found, len(rows))
        numbers = np.arange(self._read, self._read + len(rows), dtype=np.uint32)
        for distinct in self.kinds:
            distinct.add(found[distinct.kind], masks, numbers)
        self._count(found, len(rows))
        self._read += len(rows)

    def finish(self) -> Counts:
        """Merge what is left; the counts. A row is accepted if it brought an identifier."""
        brought = np.zeros(self._read, dtype=np.bool_)
        for distinct in self.kinds:
            distinct.merge()
            brought[distinct.rows] = True
        accepted = int(np.count_nonzero(brought))
        return Counts(
            read=self._with_identifier + self._rejected.total(),
            accepted=accepted,
            duplicates=self._with_identifier - accepted,
            rejected=dict(sorted(self._rejected.items())),
            bad_cells=dict(sorted(self._bad_cells.items())),
        )

    def __len__(self) -> int:
        return sum(len(distinct) for distinct in self.kinds)

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


def _column(rows: Sequence[Sequence[str]], number: int) -> cells.Column:
    """One column: cut from the file's bytes where they are at hand, else made of the texts."""
    if isinstance(rows, cells.Table):
        return rows.column(number)
    return cells.Column.of([row[number] for row in rows])
