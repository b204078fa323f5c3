"""A version's Bloom filter: bloom-filter2 over a file that can be neither made nor changed here.

Left to itself bloom-filter2 opens a file for writing, makes a missing one as an empty filter
(everybody "clean"), lengthens a short one, and works out bits and probes on its own. So it gets
bits of ours to read from, and its numbers from the signed parameters. A miss means that the
person is in no published dataset of the lane; a hit alone means nothing (DESIGN, promise 3).

Web nodes and clients that hold a filter both read it with this.
"""

import hashlib
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Self

import numpy as np
from bloom_filter2 import BloomFilter
from numpy.typing import NDArray

from lookup.errors import Code, UnavailableError
from lookup.protocol import bloom
from lookup.protocol.parameters import FilterDocument
from lookup.protocol.suite import PERSON_BYTES, TOKEN_BYTES

# An array costs 0.1 ms, however short: up to about so many tokens one by one is faster.
_FEW = 48


@dataclass(frozen=True, eq=False)
class ReadOnlyFilter:
    """An opened filter: ``person in filter``; ``open`` makes it."""

    published: FilterDocument
    _content: mmap.mmap = field(repr=False)
    _bloom: BloomFilter = field(repr=False)

    @classmethod
    def open(cls, path: Path, published: FilterDocument) -> Self:
        """Map the file, and check every byte of it, once.

        Raises:
            UnavailableError: BAD_RANGE, the file is not there or not the one that was signed.
        """
        filled = BloomFilter(max_elements=1, error_rate=0.5, probe_bitnoer=_probes)
        content = _mapped(path, published)
        filled.backend = _MappedBits(content)
        filled.num_bits_m, filled.num_probes_k = published.bits, published.probes
        return cls(published, content, filled)

    def __contains__(self, person: bytes) -> bool:
        """Whether the person may be in a published dataset; False is certain."""
        if len(person) != PERSON_BYTES:
            raise ValueError("a person is 8 bytes")
        return int.from_bytes(person, "big") in self._bloom

    def may_have(self, tokens: bytes) -> NDArray[np.bool_]:
        """For each of these tokens (32 bytes each, end to end), whether its person may be there.

        bloom-filter2 answers a few, an array many: the same bits, 0.4 us a token.
        """
        if len(tokens) % TOKEN_BYTES:
            raise ValueError("a token is 32 bytes")
        table = np.frombuffer(tokens, dtype=">u8").reshape(-1, TOKEN_BYTES // PERSON_BYTES)
        persons = table[:, 0].astype(np.uint64)
        if len(persons) <= _FEW:
            return np.array([person in self._bloom for person in persons.tolist()], dtype=np.bool_)
        content = np.frombuffer(self._content, dtype=np.uint8)
        return bloom.contains(content, persons, self.published.bits, self.published.probes)

    def read(self, at: int, size: int) -> bytes:
        """Bytes of the file, from memory that the system may take back."""
        return self._content[at : at + size]

    def close(self) -> None:
        """Let go of the file; to ask afterwards is an error, never a miss."""
        self._content.close()


class _MappedBits:
    """What bloom-filter2 asks of its bits, over a map that cannot be written to."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content

    def is_set(self, bit: int) -> bool:
        """Bit n is bit n % 8, from the least, of byte n // 8."""
        return bool(self._content[bit >> 3] >> (bit & 7) & 1)

    def set(self, bit: int) -> NoReturn:
        raise TypeError("this filter is read only")

    def clear(self, bit: int) -> NoReturn:
        raise TypeError("this filter is read only")

    def close(self) -> None:
        self._content.close()


def _probes(asked: BloomFilter, person: int) -> Iterator[int]:
    return bloom.probes(person, asked.num_bits_m, asked.num_probes_k)


def _mapped(path: Path, published: FilterDocument) -> mmap.mmap:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        raise _broken("the filter cannot be opened") from None
    try:
        if os.fstat(descriptor).st_size != (published.bits + 7) // 8:
            raise _broken("the filter has not the length that was signed")
        content = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)
    if hashlib.sha256(content).hexdigest() != published.sha256:
        content.close()
        raise _broken("the filter is not the one that was signed")
    return content


def _broken(what: str) -> UnavailableError:
    return UnavailableError(Code.BAD_RANGE, f"a version cannot be served: {what}")
