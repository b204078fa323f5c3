"""Purge on the real store: what is deleted, what is kept, what is refused."""

import pytest
from small_index import SmallIndex, iins

from loaders.progress import Progress
from loaders.publish import Publisher
from loaders.purge import Purged, purge
from loaders.withdraw import withdraw
from lookup.errors import InputError
from lookup.index import keyspace, ledger, ledger_rows, load_lock, space
from lookup.index.ledger import LoadState
from lookup.index.store import Store
from lookup.protocol.suite import Lane

PUBLIC = Lane.PUBLIC
ANN, BOB, *CROWD = iins(42)


@pytest.fixture
def index(store: Store, monkeypatch: pytest.MonkeyPatch) -> SmallIndex:
    """One (40 people in 20 sets) and two are published."""
    monkeypatch.setattr(ledger_rows, "_ROWS_PER_SHARD", 2)
    made = SmallIndex.with_datasets(store)
    made.fill("one", dict.fromkeys(CROWD, 1))
    made.fill("two", {ANN: 1})
    made.publish("one", "two")
    return made


def withdrawn(index: SmallIndex, name: str = "one", *, hours_ago: int = 2) -> None:
    """Withdraw a dataset, so many hours ago."""
    withdraw(Publisher(index.store, index.definition, index.keys, Progress()), name, "a mistake")
    key = keyspace.versions(PUBLIC)
    for field, value in index.store.hash(key).items():
        if field.startswith("retired:"):
            index.store.set_hash(key, {field: str(int(value) - 3600 * hours_ago)})


def refused(index: SmallIndex, name: str = "one") -> str:
    """Why a purge is refused."""
    with pytest.raises(InputError) as caught:
        purge(index.store, name, Progress())
    return caught.value.sentence


def test_the_rows_go_and_the_record_stays(index: SmallIndex) -> None:
    """No set of the ledger is left; what was loaded, and the certificate, can still be read."""
    (before,) = ledger.loads_of(index.store, 1)
    withdrawn(index)
    assert len(index.store.redis.keys("q:p:1:*")) > 10
    assert Purged("one", (before.id,), 40) == purge(index.store, "one", Progress())
    assert [] == index.store.redis.keys("q:p:1:*")
    assert 1 == len(index.store.redis.keys("q:p:2:*"))
    (after,) = ledger.loads_of(index.store, 1)
    assert (LoadState.PURGED, "a mistake", before.certificate, before.file_sha256) == (
        after.state,
        after.reason,
        after.certificate,
        after.file_sha256,
    )
    assert {"two": 1} == index.ask(PUBLIC, ANN)
    assert Purged("one", (), 0) == purge(index.store, "one", Progress())


def test_what_is_published_is_refused(index: SmallIndex) -> None:
    """A dataset must be withdrawn first."""
    expected = "one is not withdrawn; first run: qorgan withdraw one --reason TEXT"
    assert expected == refused(index)


def test_what_nodes_may_still_serve_is_refused(index: SmallIndex) -> None:
    """For an hour after the switch the way back stays open."""
    withdrawn(index, hours_ago=0)
    assert (
        "a version that may still be served has one; run this again an hour after it was withdrawn"
        == refused(index)
    )
    assert LoadState.WITHDRAWN is ledger.read(index.store, 1).state


def test_a_killed_purge_goes_on(index: SmallIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a load that is partly deleted is ever published; run again, the rest goes."""
    monkeypatch.setattr(space, "_BATCH", 5)
    withdrawn(index)
    deleting = space.purge(index.store, ledger.read(index.store, 1))
    assert 5 == next(deleting)
    deleting.close()
    assert (LoadState.PURGED, True) == (
        (killed := ledger.read(index.store, 1)).state,
        killed.has_rows,
    )
    with pytest.raises(InputError, match="was withdrawn and purged"):
        index.publish("one")
    assert (1,) == purge(index.store, "one", Progress()).loads
    assert [] == index.store.redis.keys("q:p:1:*")
    assert not ledger.read(index.store, 1).has_rows


def test_other_loads_of_the_dataset_stay(index: SmallIndex) -> None:
    """A newer load, published since, is left alone."""
    withdrawn(index)
    index.fill("one", {BOB: 1})
    index.publish("one")
    assert (1,) == purge(index.store, "one", Progress()).loads
    assert {"one": 1} == index.ask(PUBLIC, BOB)
    assert not index.publish("one")[0].changed


def test_interrupted_loads_only_if_asked(index: SmallIndex) -> None:
    """Hours of hashing are not thrown away by the way."""
    load = index.fill("three", {BOB: 1}, finished=False)
    expected = "three has only interrupted loads; to delete these, add --interrupted"
    assert expected == refused(index, "three")
    assert (load.id,) == purge(index.store, "three", Progress(), interrupted=True).loads
    assert [] == index.store.redis.keys(f"q:p:{load.id}:*")


def test_a_running_load_is_not_disturbed(index: SmallIndex) -> None:
    """While somebody loads into the dataset, nothing of it is deleted."""
    withdrawn(index)
    with load_lock.hold(index.store, 1, "one"):
        assert refused(index).startswith("another load into one is running")
    assert LoadState.WITHDRAWN is ledger.read(index.store, 1).state
