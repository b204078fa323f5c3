"""A version's bytes from the ledger's rows: entries, ranges, tree, view and filter. No store here.

The same rows, counter and padding seed always give the same bytes. Arrays throughout: 16 million
rows take a few times 128 MB, never a Python object a row (hashing goes by chunks).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookup.protocol import bloom, tree
from lookup.protocol.suite import BLOCK_BYTES, ENTRY_BYTES, SALT_BYTES, Lane

_ROUND_ENTRIES = 32  # range_entries is the fullest bucket's size rounded up to a multiple of this
_CHUNK = 1 << 16  # rows hashed between two signs of progress

U64 = NDArray[np.uint64]
U16 = NDArray[np.uint16]


@dataclass(frozen=True)
class Rows:
    """Rows of one dataset: person and block as big-endian numbers, the masks."""

    person: U64
    block: U64
    fields: U16


@dataclass(frozen=True)
class Place:
    """What binds a version's bytes: lane, counter, prefix_bits, padding seed, the filter's rate."""

    lane: Lane
    counter: int
    prefix_bits: int
    padding_seed: bytes
    error_rate: float = bloom.ERROR_RATE

    def shake(self, purpose: bytes, content: bytes, length: int) -> bytes:
        """Bytes that only the holder of the padding seed can tell from entries, or make again."""
        text = b"qorgan v1 " + purpose + b"\0" + self.lane.value.encode() + b"\0"
        text += self.counter.to_bytes(4, "big") + content
        return hashlib.shake_256(self.padding_seed + text).digest(length)


@dataclass(frozen=True)
class Built:
    """A version before it has a document."""

    version_salt: bytes
    range_entries: int
    root: bytes
    view: bytes
    filter: bytes
    filter_bits: int
    filter_probes: int
    identifiers: int


def rows_of(parts: Iterable[tuple[NDArray[np.uint8], U16]], *, loads: int) -> Rows:
    """One dataset's rows from its loads' unsealed pairs and masks, one row a person.

    The rows of one load are distinct persons already; over several, masks are ORed.
    """
    persons, blocks, masks = [], [], []
    for pair, mask in parts:
        both = np.ascontiguousarray(pair).view(">u8")
        persons.append(both[:, 0].astype(np.uint64))
        blocks.append(both[:, 1].astype(np.uint64))
        masks.append(mask)
    person, block = _joined(persons), _joined(blocks)
    fields = np.concatenate(masks) if masks else np.empty(0, dtype=np.uint16)
    if loads < 2 or not len(person):
        return Rows(person, block, fields)
    order = np.lexsort((block, person))
    person, block, fields = person[order], block[order], fields[order]
    first = np.flatnonzero(_differs(person) | _differs(block))
    return Rows(person[first], block[first], np.bitwise_or.reduceat(fields, first))


def build(place: Place, datasets: Iterable[Rows], progress: Callable[[int], None]) -> Built:
    """Build a version; ``progress`` is told the rows hashed since it was last told.

    Salt and padding depend on the rows, too: a counter used twice (a restored store) must not
    show which entries are the same.
    """
    left = list(datasets)
    rows_sum = np.sum([_sum(rows) for rows in left], axis=0, dtype=np.uint64).tobytes()
    salt = place.shake(b"version salt", rows_sum, SALT_BYTES)
    persons: list[U64] = []
    entries: list[U64] = []
    while left:
        rows = left.pop(0)
        persons.append(rows.person)
        entries.append(_entries(rows, salt, progress))
        del rows  # its blocks are needed no more
    person = _joined(persons)
    table = _ranges(place, person, _joined(entries), salt)
    range_entries = table.shape[1]
    view, root = _view(place, table)
    del table
    person = np.sort(person)
    distinct = person[_differs(person)] if len(person) else person
    del person
    bits, probes = bloom.size(len(distinct), place.error_rate)
    return Built(
        version_salt=salt,
        range_entries=range_entries,
        root=root,
        view=view,
        filter=bloom.build(distinct, bits, probes),
        filter_bits=bits,
        filter_probes=probes,
        identifiers=len(distinct),
    )


def _entries(rows: Rows, salt: bytes, progress: Callable[[int], None]) -> U64:
    """The entries of rows (protocol: ``entries.entry``) as big-endian numbers."""
    result = np.empty(len(rows.block), dtype=np.uint64)
    sha256 = hashlib.sha256
    for at in range(0, len(result), _CHUNK):
        blocks = rows.block[at : at + _CHUNK].astype(">u8").tobytes()
        digests = b"".join(
            [
                sha256(blocks[i : i + BLOCK_BYTES] + salt).digest()[:ENTRY_BYTES]
                for i in range(0, len(blocks), BLOCK_BYTES)
            ]
        )
        result[at : at + _CHUNK] = np.frombuffer(digests, dtype=">u8")
        progress(len(blocks) // BLOCK_BYTES)
    # The mask lies over the last two bytes: the low bits of the big-endian number.
    return result ^ rows.fields


def _ranges(place: Place, person: U64, entry: U64, salt: bytes) -> U64:
    """All ranges, a row each, padded and sorted: shape (2^prefix_bits, range_entries)."""
    bucket = (person >> np.uint64(64 - place.prefix_bits)).astype(
        np.uint16 if place.prefix_bits <= 16 else np.uint32  # the short ones are sorted at once
    )
    counts = np.bincount(bucket, minlength=1 << place.prefix_bits)
    width = max(1, -(-int(counts.max()) // _ROUND_ENTRIES)) * _ROUND_ENTRIES
    order = np.argsort(bucket, kind="stable")
    del bucket
    table = np.empty((1 << place.prefix_bits, width), dtype=np.uint64)
    at = 0
    for b, count in enumerate(counts.tolist()):
        table[b, :count] = entry[order[at : at + count]]
        at += count
        content = salt + b.to_bytes(4, "big")
        padding = place.shake(b"padding", content, ENTRY_BYTES * (width - count))
        table[b, count:] = np.frombuffer(padding, dtype=">u8")
    table.sort(axis=1)
    return table


def _view(place: Place, table: U64) -> tuple[bytes, bytes]:
    """The file of all ranges, entries and siblings, and the root."""
    entries = [row.astype(">u8").tobytes() for row in table]
    levels = tree.levels(
        [tree.leaf(place.lane, place.counter, b, row) for b, row in enumerate(entries)]
    )
    return b"".join(_with_paths(entries, levels)), levels[-1][0]


def _with_paths(entries: list[bytes], levels: list[list[bytes]]) -> Iterator[bytes]:
    for bucket, row in enumerate(entries):
        yield row
        yield tree.path(levels, bucket)


def _sum(rows: Rows) -> U64:
    """Four numbers that depend on every row and not on their order.

    Sums of tokens' bytes: random, and nobody who lacks the key can choose rows with an equal sum.
    """
    sums = np.zeros(4, dtype=np.uint64)
    for at in range(0, len(rows.person), _CHUNK):
        person, block, fields = (
            column[at : at + _CHUNK] for column in (rows.person, rows.block, rows.fields)
        )
        mixed = (person ^ (block << np.uint64(1))) * (2 * fields.astype(np.uint64) + 1)
        columns = (person, block, mixed, np.ones_like(person))
        sums += np.array([np.sum(column) for column in columns], dtype=np.uint64)
    return sums


def _joined(arrays: list[U64]) -> U64:
    """One array of several, which are given up; one alone is not copied."""
    whole = arrays[0] if len(arrays) == 1 else np.concatenate([np.empty(0, np.uint64), *arrays])
    arrays.clear()
    return whole


def _differs(values: U64) -> NDArray[np.bool_]:
    """Whether each value differs from the one before it; the first one does."""
    return np.concatenate(([True], values[1:] != values[:-1]))
