"""Bulk checks: which published datasets a token's person is in, from one mapped version.

The Bloom filter answers for those in none; whoever it may have is looked up in his range, entry by
entry. Nothing is asked of the store, and nothing is kept.
"""

from dataclasses import dataclass

import numpy as np

from lookup.errors import Code, UnavailableError
from lookup.index.view import MappedVersion
from lookup.protocol import entries
from lookup.protocol.parameters import PublishedDataset
from lookup.protocol.suite import TOKEN_BYTES

_MASK = np.uint64(0xFFFF)  # an entry as a big-endian number: 6 bytes to recognise, 2 of fields


@dataclass(frozen=True)
class Exposure:
    """A dataset with a person in it, and which of the person's data."""

    name: str
    data_classes: tuple[str, ...]


def exposures(mapped: MappedVersion, tokens: bytes) -> list[list[Exposure]]:
    """For each token (32 bytes each, end to end), in order, where its person is; often nowhere.

    Raises:
        UnavailableError: BAD_RANGE, the version says what no version can.
    """
    found: list[list[Exposure]] = [[] for _ in range(len(tokens) // TOKEN_BYTES)]
    salt = bytes.fromhex(mapped.parameters.version_salt)
    for at in np.flatnonzero(mapped.filter.may_have(tokens)).tolist():
        token = tokens[at * TOKEN_BYTES : (at + 1) * TOKEN_BYTES]
        found[at] = _confirmed(mapped, token, salt)
    return found


def _confirmed(mapped: MappedVersion, token: bytes, salt: bytes) -> list[Exposure]:
    """Where a person is by the entries of the range; nowhere after a false hit of the filter."""
    published = mapped.parameters
    if not published.datasets:
        return []
    body = mapped.range(entries.bucket(token, published.prefix_bits))
    rows = np.frombuffer(body, dtype=">u8", count=published.range_entries).astype(np.uint64)
    wanted = np.frombuffer(
        b"".join(entries.entry(entries.block(token, d.id), salt, 0) for d in published.datasets),
        dtype=">u8",
    ).astype(np.uint64)
    # Sorted as the protocol has it: an entry is at or after the least number with its 6 bytes.
    place = np.minimum(np.searchsorted(rows, wanted & ~_MASK), len(rows) - 1)
    masks = rows[place] ^ wanted
    return [
        Exposure(dataset.name, _classes(dataset, mask))
        for dataset, mask in zip(published.datasets, masks.tolist(), strict=True)
        if mask <= int(_MASK)
    ]


def _classes(dataset: PublishedDataset, mask: int) -> tuple[str, ...]:
    if mask >> len(dataset.data_classes):
        raise UnavailableError(Code.BAD_RANGE, "an entry names a data class that does not exist")
    return tuple(slug for bit, slug in enumerate(dataset.data_classes) if mask >> bit & 1)
