"""Batches of notices: cut, tried five times with growing waits, dead, replayed; one at a time."""

from collections.abc import Iterator

import pytest
from small_index import iins
from watching import PUBLIC, Watching

from lookup.index import deliveries, keyspace, retention
from lookup.index.deliveries import LEASE, TRIES, WAITS, Batch, Desk, Target
from lookup.index.store import Store

NOW = 1_800_000_000
CROWD = iins(25, start=40_000)


@pytest.fixture
def world(store: Store, monkeypatch: pytest.MonkeyPatch) -> Watching:
    """One client with 25 notices, in batches of ten."""
    monkeypatch.setattr(deliveries, "NOTICES", 10)
    made = Watching.make(store)
    made.watch(made.client("shop", webhook="http://127.0.0.1/"), *CROWD)
    made.load("one", dict.fromkeys(CROWD, 1))
    made.publish("one")
    return made


@pytest.fixture
def target(world: Watching) -> Target:
    (key,) = world.index.store.redis.keys("qorgan:notices:*")
    return Target(PUBLIC, key.decode().rpartition(":")[2])


@pytest.fixture
def desk(world: Watching, target: Target) -> Desk:
    made = Desk(world.book, target, "me")
    assert made.take()
    return made


def cut(desk: Desk, now: int = NOW) -> Iterator[Batch]:
    """Batches one after the other, each delivered."""
    while batch := desk.next_batch(now):
        yield batch
        desk.delivered(batch)


def test_a_stream_is_cut_into_batches_in_order(desk: Desk, world: Watching) -> None:
    """Each notice is in one batch; delivered, nothing of a batch is left."""
    assert desk.has_work(NOW)
    batches = list(cut(desk))
    assert [10, 10, 5] == [batch.notices for batch in batches]
    assert ["0-0", batches[0].last, batches[1].last] == [batch.after for batch in batches]
    assert not desk.has_work(NOW)
    state = world.index.store.hash(desk.target.key)
    assert {"cursor", "lease"} == set(state)


def test_the_waits_between_five_tries_grow(desk: Desk) -> None:
    """It is not tried before it is due, and the fifth failure is the last."""
    batch = desk.next_batch(NOW)
    assert batch is not None
    waits = []
    while not batch.is_dead:
        desk.failed(batch.failed("status 500", max(NOW, batch.due), stray=0.5))
        others = list(cut(desk))  # they go on
        assert batch.last not in [other.last for other in others]
        (batch,) = deliveries.waiting(desk.book.store, desk.target)
        if not batch.is_dead:
            assert not desk.has_work(batch.due - 1)
            assert [batch] == [desk.next_batch(batch.due)]
            waits.append(batch.due - batch.failed_at)
    assert (list(WAITS), TRIES) == (waits, batch.tries)
    assert [batch] == deliveries.dead(desk.book.store, desk.target)
    assert not desk.has_work(NOW + 10**6)


def test_waits_stray_by_a_tenth() -> None:
    """What failed together is not all tried again in the same second."""
    batch = Batch("0-0", "1-1", 1, tries=1)
    assert [270, 330] == [batch.failed("x", NOW, stray).due - NOW for stray in (0.0, 1.0)]


def test_a_dead_batch_is_replayed_as_if_new(desk: Desk) -> None:
    """The same notices under the same id, five tries again."""
    first = desk.next_batch(NOW)
    assert first is not None
    dead = first
    for _ in range(TRIES):
        dead = dead.failed("status 500", NOW, 0.5)
    desk.failed(dead)
    list(cut(desk))
    assert not desk.has_work(NOW + 10**6)
    store = desk.book.store
    assert [1, 0] == [deliveries.replay(store, desk.target) for _ in range(2)]
    again = desk.next_batch(NOW)
    assert again is not None
    same = (first.after, first.last, first.notices, 0)
    assert same == (again.after, again.last, again.notices, again.tries)


def test_one_deliverer_is_at_a_client_at_a_time(desk: Desk, world: Watching) -> None:
    """Another gets nothing to do until the lease is given back or has run out."""
    other = Desk(world.book, desk.target, "other")
    assert [False, True, True] == [other.take(), desk.take(), desk.take()]
    assert other.next_batch(NOW) is None
    desk.release()
    assert other.take()
    lease = world.index.store.hash(desk.target.key)["lease"]
    holder, until = lease.split()
    seconds, _ = world.index.store.redis.time()
    assert ("other", True) == (holder, 0 < int(until) - seconds <= LEASE)
    world.index.store.set_hash(desk.target.key, {"lease": f"other {seconds - 1}"})
    assert desk.take()


def test_who_lost_the_lease_changes_nothing(desk: Desk, world: Watching) -> None:
    """He slept: what he thinks of a batch counts no more."""
    batch = desk.next_batch(NOW)
    assert batch is not None
    world.index.store.set_hash(desk.target.key, {"lease": "other 9999999999"})
    before = world.index.store.hash(desk.target.key)
    desk.delivered(batch)
    desk.failed(batch.failed("status 500", NOW, 0.5))
    desk.release()
    assert desk.next_batch(NOW) in (None, batch)
    assert before == world.index.store.hash(desk.target.key)


def test_what_waits_is_bounded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, world: Watching
) -> None:
    """An app that is down has so many batches on its list; the rest stays in its stream."""
    monkeypatch.setattr(deliveries, "_MOST_WAITING", 2)
    for _ in range(2):
        batch = desk.next_batch(NOW)
        assert batch is not None
        desk.failed(batch.failed("status 500", NOW, 0.5))
    assert desk.next_batch(NOW) is None
    assert not desk.has_work(NOW)
    assert 2 == len(deliveries.waiting(world.index.store, desk.target))


def test_batches_go_with_their_notices(
    desk: Desk, world: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 30 days a batch that was never delivered is listed no more."""
    batch = desk.next_batch(NOW)
    assert batch is not None
    retention.clean(world.index.store, PUBLIC)
    assert [batch] == deliveries.waiting(world.index.store, desk.target)
    monkeypatch.setattr(retention, "KEPT_DAYS", -1)
    retention.clean(world.index.store, PUBLIC)
    assert [] == deliveries.waiting(world.index.store, desk.target)
    assert keyspace.deliveries(PUBLIC, desk.target.client_id) == desk.target.key
