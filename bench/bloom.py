"""bloom/build: our build of a filter in one go, against bloom-filter2's own ``add``.

Theirs adds person by person into its mmap backend, with the protocol's probes; both have the same
bits and probes. At the end both files must be the same, and a web node's reader of ours must say
of members and of strangers what theirs says.
"""

import hashlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from bloom_filter2 import BloomFilter
from bloom_filter2.bloom_filter import Mmap_backend
from numpy.typing import NDArray

from bench.figures import Figure, Options, median, ratio, say
from lookup.filter import ReadOnlyFilter
from lookup.protocol import bloom
from lookup.protocol.parameters import FilterDocument

STEP = "bloom"
_PERSONS = 1_000_000
_TURNS = 5  # theirs adds a part of the persons in each, ours builds all of them
_ASKED = 10_000
_TARGET = 10


def run(options: Options) -> Iterator[Figure]:
    """Build both, compare them."""
    count = options.size(_PERSONS, 5_000)
    asked = options.size(_ASKED, 500)
    persons = np.random.default_rng(1).integers(0, 2**64, count, dtype=np.uint64)
    bits, probes = bloom.size(count, bloom.ERROR_RATE)
    say(f"\nbloom/build: {count:,} persons, {bits:,} bits, {probes} probes")
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-") as folder:
        theirs = BloomFilter(max_elements=1, error_rate=0.5, probe_bitnoer=_probes)
        theirs.backend = Mmap_backend(bits, str(Path(folder) / "theirs"))
        theirs.num_bits_m, theirs.num_probes_k = bits, probes
        ours, slow, fast = b"", [], []
        for part in np.array_split(persons, _TURNS):
            slow.append(_seconds_to_add(theirs, part.tolist()) / len(part))
            began = time.perf_counter()
            ours = bloom.build(persons, bits, probes)
            fast.append((time.perf_counter() - began) / count)
        assert ours == theirs.backend.mmap[:]
        _compare(Path(folder) / "ours", ours, theirs, persons[:asked])
        theirs.backend.mmap.close()  # it closes its file by itself when it goes
    say(f"  bloom-filter2's add: {_micro(slow)} us a person")
    say(f"  ours: {_micro(fast)} us a person, {median(fast) * count:.2f} s for all")
    say(f"  both files are the same, and so are the answers to 2 x {asked:,} questions")
    yield ratio("bloom/build", median(slow) / median(fast), f">= {_TARGET}", STEP)


def _seconds_to_add(theirs: BloomFilter, persons: list[int]) -> float:
    began = time.perf_counter()
    for person in persons:
        theirs.add(person)
    return time.perf_counter() - began


def _compare(path: Path, ours: bytes, theirs: BloomFilter, members: NDArray[np.uint64]) -> None:
    path.write_bytes(ours)
    published = FilterDocument(
        bits=theirs.num_bits_m,
        probes=theirs.num_probes_k,
        bytes=len(ours),
        sha256=hashlib.sha256(ours).hexdigest(),
    )
    others = np.random.default_rng(2).integers(0, 2**64, len(members), dtype=np.uint64)
    with closing(ReadOnlyFilter.open(path, published)) as reader:
        for person in members.tolist():
            assert person.to_bytes(8, "big") in reader
            assert person in theirs
        for person in others.tolist():
            assert (person.to_bytes(8, "big") in reader) == (person in theirs)


def _probes(asked: BloomFilter, person: int) -> Iterator[int]:
    return bloom.probes(person, asked.num_bits_m, asked.num_probes_k)


def _micro(seconds: list[float]) -> str:
    return ", ".join(f"{s * 1e6:.3f}" for s in seconds)
