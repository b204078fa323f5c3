"""The Bloom filter's bits, held against bloom-filter2's own and against one bit at a time."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from bloom_filter2 import BloomFilter
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lookup.protocol.bloom import build, contains, probes, size

WORD = (1 << 64) - 1
EDGES = (0, 1, 2, 255, 1 << 32, 1 << 63, WORD - 1, WORD)


class Sized(Protocol):
    """What bloom-filter2 hands to a probe function: the filter, with its two numbers."""

    num_bits_m: int
    num_probes_k: int


def probe(bloom_filter: Sized, person: int) -> Iterator[int]:
    """Our probes as a ``probe_bitnoer`` of bloom-filter2."""
    return probes(person, bloom_filter.num_bits_m, bloom_filter.num_probes_k)


def persons(seed: int, count: int) -> NDArray[np.uint64]:
    """So many random persons, with the edge values among them."""
    drawn = np.random.default_rng(seed).integers(0, WORD, count, dtype=np.uint64, endpoint=True)
    drawn[: len(EDGES)] = EDGES
    return drawn


def bit_by_bit(people: NDArray[np.uint64], bits: int, count: int) -> bytes:
    """The filter as the specification's text has it: one person, one probe at a time."""
    result = bytearray((bits + 7) // 8)
    for person in people.tolist():
        for n in probes(person, bits, count):
            result[n // 8] |= 1 << n % 8
    return bytes(result)


def test_splitmix64_of_its_author() -> None:
    """The hash is Vigna's splitmix64: the first numbers of his generator from state 0."""
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    states = [i * 0x9E3779B97F4A7C15 & WORD for i in range(3)]
    assert [next(probes(state, WORD, 1)) for state in states] == published


@given(st.integers(0, WORD), st.integers(1, 1 << 40), st.integers(1, 64))
def test_probes_lie_within_the_filter(person: int, bits: int, count: int) -> None:
    """There are as many probes as asked for, none outside the filter."""
    found = list(probes(person, bits, count))
    assert len(found) == count
    assert all(0 <= n < bits for n in found)


@pytest.mark.parametrize("bits", [1, 7, 8, 9, 63, 64, 65, 1000, 19_171, 1_000_003])
@pytest.mark.parametrize("count", [1, 7, 14])
def test_build_sets_the_bits_that_probes_names(bits: int, count: int) -> None:
    """The bulk build and the single probes give the same bytes, for any size."""
    people = persons(bits, 40)
    built = build(people, bits, count)
    assert len(built) == (bits + 7) // 8
    assert built == bit_by_bit(people, bits, count)


def test_build_in_several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """More persons than are probed at a time lose none, at the seams neither."""
    monkeypatch.setattr("lookup.protocol.bloom._CHUNK", 7)
    for count in (0, 1, 6, 7, 8, 14, 50):
        people = persons(3, 50)[:count]
        assert build(people, 10_007, 7) == bit_by_bit(people, 10_007, 7)


def test_build_leaves_the_persons_as_they_were() -> None:
    """The caller's array, which may be mapped from a file, is not written to."""
    people = persons(4, 100)
    before = people.copy()
    people.setflags(write=False)
    build(people, 10_007, 7)
    contains(np.zeros(1251, dtype=np.uint8), people, 10_007, 7)
    assert np.array_equal(people, before)


def test_the_same_file_as_bloom_filter2_s(tmp_path: Path) -> None:
    """A filter that bloom-filter2 fills with our probes is bit for bit the one we build."""
    people = persons(5, 3000)
    bits, count = size(3000, 1e-4)
    path = tmp_path / "filter"
    theirs = BloomFilter(3000, 1e-4, probe, (str(path), -1))
    assert (theirs.num_bits_m, theirs.num_probes_k) == (bits, count)
    for person in people.tolist():
        theirs.add(person)
    theirs.backend.mmap.flush()
    theirs.backend.mmap.close()
    theirs.close()
    length = (bits + 7) // 8
    assert path.read_bytes()[:length] == build(people, bits, count)


def test_answers_as_bloom_filter2_does() -> None:
    """bloom-filter2 on our bytes, one by one, and our batch give the same answers."""
    members, others = persons(6, 2000), persons(7, 4000)[len(EDGES) :]
    bits, count = 14_379, 5  # far too few bits: enough false hits to see them agree
    built = np.frombuffer(build(members, bits, count), dtype=np.uint8)
    theirs = BloomFilter(1000, 0.1, probe)
    theirs.num_bits_m, theirs.num_probes_k = bits, count
    theirs.backend.num_bits = bits
    theirs.backend.array_ *= math.ceil(bits / 32 / len(theirs.backend.array_))
    for n in np.flatnonzero(np.unpackbits(built, bitorder="little")).tolist():
        theirs.backend.set(n)
    assert contains(built, members, bits, count).all()
    answers = contains(built, others, bits, count)
    assert answers.tolist() == [person in theirs for person in others.tolist()]
    assert 0 < answers.sum() < len(others)
    theirs.close()


@given(st.lists(st.integers(0, WORD), max_size=30), st.lists(st.integers(0, WORD), max_size=30))
def test_contains_agrees_with_probes(members: list[int], others: list[int]) -> None:
    """Nobody who was put in is missed, and a hit is a hit of all the probes."""
    bits, count = 499, 3
    built = np.frombuffer(build(np.array(members, dtype=np.uint64), bits, count), dtype=np.uint8)
    asked = np.array(members + others, dtype=np.uint64)
    answers = contains(built, asked, bits, count).tolist()
    assert answers == [
        all(built[n // 8] >> n % 8 & 1 for n in probes(person, bits, count))
        for person in asked.tolist()
    ]
    assert all(answers[: len(members)])


def test_an_empty_filter_contains_nobody() -> None:
    """A lane without datasets has a filter, and nobody is in it."""
    bits, count = size(0, 1e-4)
    built = np.frombuffer(build(np.array([], dtype=np.uint64), bits, count), dtype=np.uint8)
    assert not contains(built, persons(8, 100), bits, count).any()
    assert len(contains(built, np.array([], dtype=np.uint64), bits, count)) == 0


def test_size_hides_the_exact_count() -> None:
    """The size tells a count rounded up to two digits, at least 1,000, and no more."""
    assert size(0, 1e-4) == size(1, 1e-4) == size(1000, 1e-4)
    assert size(1001, 1e-4) == size(1100, 1e-4) != size(1101, 1e-4)
    assert size(15_900_001, 1e-4) == size(16_000_000, 1e-4) == (306_721_869, 14)
    assert size(99_000, 1e-4) != size(99_001, 1e-4) == size(100_000, 1e-4)
    assert len({size(count, 1e-4) for count in range(10_000, 100_001, 37)}) <= 91


@given(st.integers(0, 10**8), st.integers(0, 10**6), st.sampled_from([1e-2, 1e-4, 1e-6]))
def test_size_never_falls_short(count: int, more: int, rate: float) -> None:
    """More persons never get fewer bits, and never fewer than their error rate needs."""
    bits, probe_count = size(count, rate)
    assert size(count + more, rate)[0] >= bits
    assert bits >= -count * math.log(rate) / math.log(2) ** 2
    assert bits <= 1.101 * -max(count, 1000) * math.log(rate) / math.log(2) ** 2 + 1
    assert probe_count == math.ceil(-math.log2(rate))


def test_error_rate_is_what_was_asked_for() -> None:
    """One in 10,000 of those who are not in a full filter is reported, within a factor of 1.5."""
    bits, count = size(10_000, 1e-4)
    built = np.frombuffer(build(persons(9, 10_000), bits, count), dtype=np.uint8)
    others = persons(10, 1_000_000)[len(EDGES) :]
    rate = contains(built, others, bits, count).mean()
    assert 1e-4 / 1.5 < rate < 1e-4 * 1.5
