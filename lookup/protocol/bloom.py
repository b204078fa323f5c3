"""The Bloom filter's arithmetic: size, probes, and a bulk build equal to bloom-filter2's bits.

The layout is bloom-filter2's mmap one: bit n is bit n % 8 (from the least) of byte n // 8.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

ERROR_RATE = 1e-4  # unless the publisher chose another: 19.2 bits a person
_WORD = (1 << 64) - 1
_CHUNK = 1 << 20  # persons probed at a time: 8 MiB of numbers, whatever the number of persons


def size(persons: int, error_rate: float) -> tuple[int, int]:
    """Bits and probes for so many persons, from a count rounded up to two significant digits.

    The rounding hides the exact number of persons from whoever sees the filter's size.
    """
    count = max(persons, 1000)
    step = 10 ** (len(str(count)) - 2)
    count = -(-count // step) * step
    bits = math.ceil(-count * math.log(error_rate) / math.log(2) ** 2)
    return bits, math.ceil(bits / count * math.log(2))


def probes(person: int, bits: int, count: int) -> Iterator[int]:
    """The bit numbers of a person (its 8 bytes as a big-endian integer)."""
    h1 = _splitmix64(person)
    h2 = _splitmix64(h1) | 1
    for i in range(count):
        yield ((h1 + i * h2) & _WORD) % bits


def build(persons: NDArray[np.uint64], bits: int, count: int) -> bytes:
    """The filter of all these persons, (bits + 7) // 8 bytes.

    A byte a bit while it is built (fast, no read-modify-write), packed at the end.
    """
    is_set = np.zeros(bits, dtype=np.uint8)
    for at in range(0, len(persons), _CHUNK):
        h1 = _splitmix64_all(persons[at : at + _CHUNK])
        h2 = _splitmix64_all(h1) | np.uint64(1)
        for _ in range(count):
            is_set[h1 % np.uint64(bits)] = 1
            h1 += h2
    return np.packbits(is_set, bitorder="little").tobytes()


def contains(
    filter_bytes: NDArray[np.uint8], persons: NDArray[np.uint64], bits: int, count: int
) -> NDArray[np.bool_]:
    """For each person, whether all its bits are set."""
    h1 = _splitmix64_all(persons)
    h2 = _splitmix64_all(h1) | np.uint64(1)
    result = np.ones(len(persons), dtype=np.bool_)
    for _ in range(count):
        bit = h1 % np.uint64(bits)
        result &= (
            filter_bytes[bit >> np.uint64(3)] >> (bit & np.uint64(7)).astype(np.uint8)
        ) & 1 == 1
        h1 = h1 + h2
    return result


def _splitmix64(x: int) -> int:
    """Sebastiano Vigna's splitmix64: one step of its generator from state x."""
    x = (x + 0x9E3779B97F4A7C15) & _WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _WORD
    return x ^ (x >> 31)


def _splitmix64_all(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The same for an array; unsigned numbers wrap around as the definition wants."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
