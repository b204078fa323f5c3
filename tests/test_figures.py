"""What operators see of the store: loads on their way, notices that wait, memory."""

import pytest
from small_index import iins
from watching import PUBLIC, Watching

from lookup.index import clients, deliveries, figures, keyspace, ledger, load_lock
from lookup.index.deliveries import TRIES, Desk, Target
from lookup.index.figures import RunningLoad
from lookup.index.ledger import LoadState
from lookup.index.store import Store
from lookup.protocol.suite import Lane

CROWD = iins(25, start=40_000)


@pytest.fixture
def world(store: Store) -> Watching:
    """A client with a webhook that watches 25 people."""
    made = Watching.make(store)
    made.watch(made.client("shop", webhook="http://127.0.0.1/"), *CROWD)
    return made


def test_loads_from_their_beginning_to_a_version(world: Watching, store: Store) -> None:
    """Loaded is not published; what is published, withdrawn or purged waits for nobody."""
    assert {} == figures.read(store).loads
    world.load("one", dict.fromkeys(CROWD, 1))
    before = figures.read(store)
    assert ({LoadState.LOADED: 1}, 1, ()) == (before.loads, before.unpublished, before.running)
    world.publish("one")
    assert 0 == figures.read(store).unpublished
    world.load("two", dict.fromkeys(CROWD, 1))
    (second,) = ledger.loads_of(store, 2)
    ledger.move(store, second, LoadState.WITHDRAWN)
    after = figures.read(store)
    assert {LoadState.LOADED: 1, LoadState.WITHDRAWN: 1} == after.loads
    assert 0 == after.unpublished


def test_an_unfinished_load(world: Watching, store: Store) -> None:
    """How far it is, and whether somebody works on it or it was interrupted."""
    world.load("one", dict.fromkeys(CROWD, 1))
    (load,) = ledger.loads_of(store, 1)
    store.set_hash(keyspace.load(load.id), {"state": "running", "checkpoint": "7"})
    assert (RunningLoad(load.id, 25, 7, is_worked_on=False),) == figures.read(store).running
    with load_lock.hold(store, 1, "one") as held:
        assert not figures.read(store).running[0].is_worked_on  # it is at another one
        ledger.own(store, load, held.owner)
        assert figures.read(store).running[0].is_worked_on
    assert not figures.read(store).running[0].is_worked_on


def test_notices_wait_or_are_dead(
    world: Watching, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut into batches or not, until they arrive; after five tries they are dead."""
    monkeypatch.setattr(deliveries, "NOTICES", 10)
    world.watch(world.client("no webhook"), *CROWD)
    world.load("one", dict.fromkeys(CROWD, 1))
    world.publish("one")
    assert ({PUBLIC: 25, Lane.VERIFIED: 0}, 0) == told(store)
    (shop,) = [client for client in clients.read_all(store).values() if client.webhook]
    desk = Desk(world.book, Target(PUBLIC, shop.id), "me")
    assert desk.take()
    batch = desk.next_batch(1_800_000_000)
    assert batch is not None
    assert ({PUBLIC: 25, Lane.VERIFIED: 0}, 0) == told(store)
    for _ in range(TRIES):
        batch = batch.failed("status 500", 1_800_000_000, 0.5)
    desk.failed(batch)
    assert ({PUBLIC: 15, Lane.VERIFIED: 0}, 10) == told(store)
    monkeypatch.setattr(figures, "UNDELIVERED_MOST", 4)
    assert 4 == told(store)[0][PUBLIC]


def told(store: Store) -> tuple[dict[Lane, int], int]:
    found = figures.read(store)
    return {lane: found.undelivered.get(lane, 0) for lane in Lane}, sum(found.dead.values())


def test_memory(store: Store) -> None:
    """The store's limit where it has one, else the memory of its machine."""
    unlimited = figures.read(store)
    assert 100_000 < unlimited.memory_used < unlimited.memory_max
    store.redis.config_set("maxmemory", 10**9)
    try:
        assert 10**9 == figures.read(store).memory_max
    finally:
        store.redis.config_set("maxmemory", 0)
