"""A version's bytes: everybody is found in them by the protocol, and nothing else can be read."""

import random
from collections.abc import Iterable, Mapping

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_index import range_of

from loaders import build
from loaders.build import Built, Place, Rows
from lookup.protocol import bloom, entries
from lookup.protocol.suite import Lane

PLACE = Place(Lane.PUBLIC, 7, 10, b"\x5e" * 32)
People = Mapping[bytes, int]  # token to mask


def tokens(count: int, seed: int = 1, start: bytes = b"") -> list[bytes]:
    """So many tokens, as good as random, all beginning alike if wished."""
    dice = random.Random(seed)
    return [start + dice.randbytes(32 - len(start)) for _ in range(count)]


def dataset(dataset_id: int, *loads: People) -> Rows:
    """A dataset's rows from its loads, as ``publish`` takes them from the ledger."""
    parts = []
    for people in loads:
        pairs = b"".join(entries.person(t) + entries.block(t, dataset_id) for t in people)
        masks = np.array(list(people.values()), dtype=np.uint16)
        parts.append((np.frombuffer(pairs, dtype=np.uint8).reshape(-1, 16), masks))
    return build.rows_of(parts, loads=len(loads))


def built(*datasets: Rows, place: Place = PLACE) -> Built:
    """A version of these datasets."""
    return build.build(place, datasets, lambda _: None)


def find(place: Place, version: Built, token: bytes, dataset_id: int) -> int | None:
    """What a client finds for a token, its proof checked."""
    found = range_of(version.view, token, place.prefix_bits, version.range_entries)
    assert version.root == found.root(place.lane, place.counter)
    return entries.find(found.entries, entries.block(token, dataset_id), version.version_salt)


def all_entries(version: Built, place: Place = PLACE) -> np.ndarray:
    """All entries of a view, shape (ranges, range_entries, 8)."""
    rows = np.frombuffer(version.view, dtype=np.uint8).reshape(1 << place.prefix_bits, -1)
    return rows[:, : 8 * version.range_entries].reshape(1 << place.prefix_bits, -1, 8)


def chi_square(values: np.ndarray) -> float:
    """How uneven bytes are: 255 on average where they are random, 23 its standard deviation."""
    expected = values.size / 256
    counts = np.bincount(values.ravel(), minlength=256)
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("prefix_bits", [10, 13])
def test_everybody_is_found_and_nobody_else(prefix_bits: int) -> None:
    """Each person has each dataset's mask by the real protocol; others have none."""
    place = Place(Lane.VERIFIED, 3, prefix_bits, b"\x5e" * 32)
    dice = random.Random(2)
    everybody = tokens(3000)
    held = {
        i: {t: dice.randrange(1 << 16) for t in everybody if dice.random() < share}
        for i, share in ((1, 0.9), (258, 0.3), (65535, 0.01))
    }
    version = built(*(dataset(i, people) for i, people in held.items()), place=place)
    for i, people in held.items():
        assert people == {
            t: mask for t in everybody if (mask := find(place, version, t, i)) is not None
        }
    assert len(set().union(*held.values())) == version.identifiers


PERSONS = st.sampled_from(tokens(6) + tokens(6, start=b"\xff\xff"))
LOADS = st.lists(st.dictionaries(PERSONS, st.integers(0, 0xFFFF), max_size=8), max_size=4)


@settings(deadline=None, max_examples=40, phases=(Phase.reuse, Phase.generate))  # slow to shrink
@given(LOADS, LOADS, st.randoms(use_true_random=False))
def test_masks_are_ored_over_loads_in_any_order(
    one: list[People], two: list[People], dice: random.Random
) -> None:
    """Whatever the order of datasets' loads and rows, the bytes are the same and masks add up."""
    version = built(dataset(1, *one), dataset(2, *two))
    for dataset_id, loads in ((1, one), (2, two)):
        expected: dict[bytes, int] = {}
        for people in loads:
            for token, mask in people.items():
                expected[token] = expected.get(token, 0) | mask
        for token in tokens(6) + tokens(6, start=b"\xff\xff"):
            assert expected.get(token) == find(PLACE, version, token, dataset_id)
    shuffled = [
        dataset(
            i, *(dict(dice.sample(sorted(p.items()), len(p))) for p in dice.sample(ls, len(ls)))
        )
        for i, ls in ((2, two), (1, one))
    ]
    assert version == built(*shuffled)


@pytest.mark.parametrize(
    ("fullest", "range_entries"), [(0, 32), (1, 32), (32, 32), (33, 64), (64, 64), (1000, 1024)]
)
def test_ranges_have_the_fullest_buckets_size_rounded_up(fullest: int, range_entries: int) -> None:
    """Every range of a version has one length, of which only a multiple of 32 can be told."""
    version = built(dataset(1, dict.fromkeys(tokens(fullest, start=b"\xab\xcd"), 1)))
    assert range_entries == version.range_entries
    assert (8 * range_entries + 32 * 10) << 10 == len(version.view)


def test_one_bucket_may_hold_everything() -> None:
    """The last bucket of all is found like any other, however full."""
    everybody = dict.fromkeys(tokens(700, start=b"\xff\xff"), 0x8001)
    version = built(dataset(9, everybody))
    assert {0x8001} == {find(PLACE, version, t, 9) for t in everybody}
    assert 700 == version.identifiers


def test_nothing_published_is_a_version_too() -> None:
    """An empty dataset, or none, gives full ranges of padding and an empty filter."""
    for version in (built(dataset(1, {})), built(dataset(1, {}, {})), built()):
        assert (32, 0) == (version.range_entries, version.identifiers)
        assert 0 == sum(version.filter)
        assert [None] * 50 == [find(PLACE, version, t, 1) for t in tokens(50)]


def places() -> Iterable[Place]:
    """Places that differ from ``PLACE`` in one thing each."""
    yield Place(PLACE.lane, PLACE.counter + 1, PLACE.prefix_bits, PLACE.padding_seed)
    yield Place(PLACE.lane, PLACE.counter + (1 << 24), PLACE.prefix_bits, PLACE.padding_seed)
    yield Place(Lane.VERIFIED, PLACE.counter, PLACE.prefix_bits, PLACE.padding_seed)
    yield Place(PLACE.lane, PLACE.counter, PLACE.prefix_bits, b"\x5f" * 32)


@pytest.mark.parametrize("other", list(places()))
def test_no_entry_outlives_its_version(other: Place) -> None:
    """Two archived versions of the same people have no entry in common, padding included."""
    rows = dataset(1, dict.fromkeys(tokens(500), 3))
    one, two = built(rows), built(rows, place=other)
    seen = [{entry.tobytes() for entry in all_entries(v).reshape(-1, 8)} for v in (one, two)]
    assert [32 << 10] * 2 == [len(entries_of) for entries_of in seen]
    assert set() == seen[0] & seen[1]
    assert one.version_salt != two.version_salt
    assert one.root != two.root
    assert one.filter == two.filter  # persons do not change; a filter tells no datasets


def test_the_same_rows_counter_and_seed_give_the_same_bytes() -> None:
    """A publish that is killed and run again ends in the very same version."""
    people = dict.fromkeys(tokens(500), 3)
    assert built(dataset(1, people)) == built(dataset(1, people))


def test_padding_looks_like_entries() -> None:
    """Entries are sorted, and every byte is random whether a range is full or all padding."""
    crowd = dict.fromkeys(tokens(30_000), 1)
    for version in (built(dataset(1, crowd)), built(dataset(1, {}))):
        table = all_entries(version)
        numbers = table.copy().view(">u8")[:, :, 0]
        assert (numbers[:, 1:] > numbers[:, :-1]).all()
        for byte in range(8):
            assert chi_square(table[:, :, byte]) < 255 + 6 * 23


def test_real_entries_look_like_padding() -> None:
    """The mask leaves no trace: where everybody has the same one, its bytes are random still."""
    everybody = tokens(20_000)
    rows = dataset(1, dict.fromkeys(everybody, 1))
    real = build._entries(rows, b"\x07" * 16, lambda _: None).astype(">u8").view(np.uint8)
    for byte in range(8):
        assert chi_square(real.reshape(-1, 8)[:, byte]) < 255 + 6 * 23


def test_filter_holds_everybody_and_hardly_anybody_else() -> None:
    """Nobody of any dataset is missed; one stranger in 10,000 is a false alarm."""
    first, second = tokens(5000), tokens(5000, seed=2)
    version = built(
        dataset(1, dict.fromkeys(first, 1)), dataset(2, dict.fromkeys(first[:9] + second, 1))
    )
    bits = np.frombuffer(version.filter, dtype=np.uint8)
    size = (version.filter_bits, version.filter_probes)

    def held(some: list[bytes]) -> int:
        persons = np.array([int.from_bytes(t[:8], "big") for t in some], dtype=np.uint64)
        return int(bloom.contains(bits, persons, *size).sum())

    assert (10_000, 10_000) == (version.identifiers, held(first + second))
    assert held(tokens(50_000, seed=3)) < 25
    assert bloom.size(10_000, 1e-4) == size
    assert (size[0] + 7) // 8 == len(version.filter)


def test_progress_counts_every_row() -> None:
    """The bar of a publish ends where it should."""
    told: list[int] = []
    rows = [dataset(i, dict.fromkeys(tokens(70_000, seed=i), 1)) for i in (1, 2)]
    build.build(PLACE, rows, told.append)
    assert 140_000 == sum(told)
    assert len(told) > 2
