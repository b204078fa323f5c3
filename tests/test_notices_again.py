"""A round that is killed, repeated, or written by two at once: each notice is there once."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from lost_replies import losing
from small_index import iins
from watching import PUBLIC, Watching

from lookup.index import clients, keyspace, notices, rounds, subscriptions, versions
from lookup.index.clients import ApiClient
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store

CROWD = iins(60, start=40_000)
WATCHED, LEAKED = CROWD[:40], CROWD[10:]
BOTH = CROWD[10:40]


@pytest.fixture
def world(store: Store, monkeypatch: pytest.MonkeyPatch) -> Watching:
    """Two apps watch 40 people of whom 30 are in what was just switched to, and is not told."""
    monkeypatch.setattr(notices, "_BATCH", 4)
    made = Watching.make(store)
    for name in ("shop", "bank"):
        made.watch(made.client(name), *WATCHED)
    made.load("one", dict.fromkeys(LEAKED, 1))
    made.teller.before_publish(PUBLIC)
    made.index.publish("one")
    return made


def clients_of(world: Watching) -> list[ApiClient]:
    return list(clients.read_all(world.index.store).values())


def entries_of(world: Watching) -> list[list[str]]:
    """The persons in each client's stream, as they lie there."""
    return [[notice.person for notice in world.told(client)] for client in clients_of(world)]


def assert_told_once(world: Watching) -> None:
    expected = sorted(world.person(iin).hex() for iin in BOTH)
    assert [expected, expected] == [sorted(persons) for persons in entries_of(world)]


class _Dying(redis.Redis):
    """A client whose process dies in the middle of its nth pipeline or script."""

    left = 0

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt

    def eval(self, *arguments: Any, **more: Any) -> Any:
        self._count()
        return super().eval(*arguments, **more)

    def pipeline(self, *arguments: Any, **more: Any) -> Any:
        self._count()
        return super().pipeline(*arguments, **more)


def test_killed_anywhere_and_repeated_it_ends_the_same(
    world: Watching, valkey: EmbeddedStore
) -> None:
    """Whatever step is the last one, whoever tells next writes what is left, and nothing twice."""
    killed = 0
    for step in range(100):
        client = _Dying(unix_socket_path=str(valkey.socket))
        client.left = step
        teller = replace(world.teller, book=replace(world.book, store=Store(client, None)))
        try:
            teller.tell(PUBLIC)
            break
        except KeyboardInterrupt:
            killed += 1
        finally:
            client.close()
        for persons in entries_of(world):
            assert len(persons) == len(set(persons))
        state = world.index.store.hash(keyspace.rounds(PUBLIC))
        current = versions.read(world.index.store, PUBLIC).current
        assert rounds.is_behind(world.index.store, PUBLIC, current), state
    assert killed > 5
    assert_told_once(world)
    assert not rounds.is_behind(world.index.store, PUBLIC, current)
    assert [] == world.teller.tell(PUBLIC)


def test_a_killed_round_is_finished_before_another(world: Watching) -> None:
    """Published meanwhile, another dataset is a round of its own, after the one that was left."""
    assert 4 == next(first_writes(world))
    world.load("two", dict.fromkeys(CROWD[:5], 1))
    first, second = world.publish("two")
    assert (("one",), 56) == (first.datasets, first.notices)
    assert (("two",), 10) == (second.datasets, second.notices)
    shop = clients_of(world)[0]
    expected = {iin: ["one"] for iin in BOTH} | {iin: ["two"] for iin in CROWD[:5]}
    assert expected == world.names(shop)


def first_writes(world: Watching) -> Iterator[int]:
    """The batches of the first client, one by one, as a teller writes them."""
    teller, store = world.teller, world.index.store
    about = rounds.open_next(store, PUBLIC, versions.read(store, PUBLIC).current)
    assert about is not None
    client = clients_of(world)[0]
    persons = subscriptions.read(world.book, PUBLIC, client)
    its = teller._of(PUBLIC, client, persons, teller._matches(PUBLIC, about, persons))
    yield from notices.write(world.book, PUBLIC, client.id, about, its)


def test_two_at_once_write_each_notice_once(world: Watching, valkey: EmbeddedStore) -> None:
    """Several publishers and scans may be at the same round."""
    start = threading.Barrier(4)
    counts: list[int] = []

    def tell() -> None:
        client = redis.Redis(unix_socket_path=str(valkey.socket))
        teller = replace(world.teller, book=replace(world.book, store=Store(client, None)))
        start.wait()
        counts.append(sum(done.notices for done in teller.tell(PUBLIC)))
        client.close()

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 60 == sum(counts)
    assert_told_once(world)


def test_lost_replies_change_nothing(
    world: Watching, valkey: EmbeddedStore, tmp_path: Path
) -> None:
    """What the store did without our hearing of it is not done again."""
    with losing(valkey.socket, tmp_path, b"EVAL", b"XADD") as (store, lost):
        teller = replace(world.teller, book=replace(world.book, store=store))
        teller.tell(PUBLIC)
    assert {b"EVAL", b"XADD"} == set(lost)
    assert_told_once(world)


def test_who_subscribes_while_it_is_written_is_told_once_at_most(world: Watching) -> None:
    """A round that is resumed with other subscriptions doubles nothing."""
    next(first_writes(world))
    late = CROWD[40:]
    for client in clients_of(world):
        world.watch(client, *late)
    world.teller.tell(PUBLIC)
    known = {world.person(iin).hex() for iin in BOTH}
    for persons in entries_of(world):
        assert len(persons) == len(set(persons))
        assert known <= set(persons)
