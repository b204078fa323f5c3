"""The deliverer and a real receiver on loopback: everything arrives, whatever breaks."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis
from conftest import wait_until
from small_index import iins
from standardwebhooks import Webhook
from watching import PUBLIC, Watching
from webhook_receiver import Receiver, receiving, slowly

from loaders import deliver
from loaders.deliver import Deliverer
from lookup import keys
from lookup.index import clients, deliveries
from lookup.index.clients import ApiClient
from lookup.index.deliveries import Target
from lookup.index.embedded import EmbeddedStore
from lookup.index.notice_book import NoticeBook
from lookup.index.store import Store

CROWD = iins(30, start=40_000)
KEY = b"\x09" * 32


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def world(store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Watching:
    """An app with a webhook and 30 notices, in batches of four."""
    monkeypatch.setattr(deliveries, "NOTICES", 4)
    monkeypatch.setattr(deliver, "_POLL", 0.02)
    made = Watching.make(store)
    made.watch(made.client("shop", webhook=receiver.url), *CROWD)
    made.watch(made.client("no webhook"), *CROWD)
    made.load("one", dict.fromkeys(CROWD, 0b11))
    made.publish("one")
    return made


def shop(world: Watching) -> ApiClient:
    return clients.get(world.index.store, "shop")


def expected(world: Watching) -> list[str]:
    return sorted(world.person(iin).hex() for iin in CROWD)


@contextmanager
def delivering(
    world: Watching, valkey: EmbeddedStore, said: Callable[[str], None] = lambda _: None
) -> Iterator[Deliverer]:
    """A deliverer at work, with connections of its own."""
    client = redis.Redis(unix_socket_path=str(valkey.socket))
    book = NoticeBook(Store(client, None), world.book.key)
    made = Deliverer(book, KEY, allow_private=False, tell=said)
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stopped.set()
        thread.join(20)
        assert not thread.is_alive()
        client.close()


def test_every_notice_arrives_once(
    world: Watching, valkey: EmbeddedStore, receiver: Receiver
) -> None:
    """Signed, in batches, and with nothing in it but what asking gives."""
    with delivering(world, valkey):
        wait_until(lambda: len(receiver.arrived) >= 8)
        time.sleep(0.2)
    assert expected(world) == sorted(receiver.persons())
    assert 8 == len(receiver.arrived) == len(set(receiver.ids()))
    secret = keys.webhook_secret(KEY, shop(world).id)
    told = {notice.id: notice.document() for notice in world.told(shop(world))}
    for headers, body in receiver.arrived:
        document = Webhook(secret).verify(body, headers)
        assert {"type", "timestamp", "data"} == set(document)
        assert "notice.created" == document["type"]
        assert {"notices"} == set(document["data"])
        for notice in document["data"]["notices"]:
            assert told.pop(notice["id"]) == notice
    assert {} == told


def test_several_deliverers_do_not_double(
    world: Watching, valkey: EmbeddedStore, receiver: Receiver
) -> None:
    """While all are alive, each batch arrives once."""
    receiver.answer = slowly(0.02)
    with delivering(world, valkey), delivering(world, valkey), delivering(world, valkey):
        wait_until(lambda: len(receiver.arrived) >= 8)
        time.sleep(0.2)
    assert expected(world) == sorted(receiver.persons())
    assert 8 == len(receiver.arrived)


def test_what_fails_is_tried_again_with_the_same_id(
    world: Watching, valkey: EmbeddedStore, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch is refused three times, and accepted at the fourth; nobody is left out."""
    monkeypatch.setattr(deliveries, "WAITS", (0, 0, 0, 0))
    seen: dict[bytes, int] = {}
    lines: list[str] = []

    def fourth(body: bytes) -> int:
        seen[body] = seen.get(body, 0) + 1
        return 503 if seen[body] < 4 else 200

    receiver.answer = fourth
    with delivering(world, valkey, lines.append):
        wait_until(lambda: len(receiver.arrived) >= 32)
        wait_until(lambda: deliveries.waiting(world.index.store, target(world)) == [])
    assert expected(world) == sorted(receiver.persons())
    assert {4} == {receiver.ids().count(one) for one in receiver.ids()}
    who = f"client {shop(world).id}, public lane"
    assert f"{who}: not delivered (status 503); it is tried again, 5 times in all" == lines[0]
    assert f"{who}: delivered again" in lines


def test_after_five_tries_it_is_dead_until_replayed(
    world: Watching, valkey: EmbeddedStore, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that the app cannot read holds up no other; replayed, it arrives."""
    monkeypatch.setattr(deliveries, "WAITS", (0, 0, 0, 0))
    poison = world.told(shop(world))[5].person
    receiver.answer = lambda body: 400 if poison.encode() in body else 204
    lines: list[str] = []
    with delivering(world, valkey, lines.append):
        wait_until(lambda: len(deliveries.dead(world.index.store, target(world))) == 1)
        wait_until(lambda: len(receiver.arrived) >= 12)
        time.sleep(0.2)
        assert 12 == len(receiver.arrived)
        (dead,) = deliveries.dead(world.index.store, target(world))
        assert (4, 5, "status 400") == (dead.notices, dead.tries, dead.failure)
        receiver.answer = lambda _: 204
        assert 1 == deliveries.replay(world.index.store, target(world))
        wait_until(lambda: len(receiver.arrived) >= 13)
    assert expected(world) == sorted(receiver.persons())
    assert any("4 notices given up after 5 tries (status 400); see:" in line for line in lines)
    for line in lines:
        assert receiver.url not in line
        assert poison not in line


def test_a_slow_app_holds_up_no_other(
    world: Watching, valkey: EmbeddedStore, receiver: Receiver
) -> None:
    """Each has a thread of its own."""
    receiver.answer = slowly(0.5)
    with receiving() as quick:
        bank = world.client("bank", webhook=quick.url)
        world.watch(bank, *CROWD)
        world.load("two", dict.fromkeys(CROWD, 1))
        world.publish("two")
        with delivering(world, valkey):
            wait_until(lambda: len(quick.arrived) >= 8)
            assert len(receiver.arrived) < 5
    assert expected(world) == sorted(quick.persons())


def test_what_was_taken_back_is_not_delivered(
    world: Watching, valkey: EmbeddedStore, receiver: Receiver
) -> None:
    """Withdrawn before it was told, it is told to nobody."""
    world.withdraw("one")
    with delivering(world, valkey) as deliverer:
        wait_until(lambda: b"cursor" in world.index.store.redis.hgetall(target(world).key))
        wait_until(lambda: deliveries.waiting(world.index.store, target(world)) == [])
        assert 1 == len(list(deliverer.targets()))
        world.load("two", {CROWD[0]: 1})
        world.publish("two")
        wait_until(lambda: receiver.arrived)
    ((_, body),) = receiver.arrived
    (notice,) = json.loads(body)["data"]["notices"]
    assert [{"name": "two", "data_classes": ["government-issued-ids"]}] == notice["datasets"]


def test_stopped_between_arrival_and_note_it_arrives_again(
    world: Watching, valkey: EmbeddedStore, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed there, the next deliverer sends the same batch, by the same id."""
    with monkeypatch.context() as patch:
        patch.setattr(deliveries.Desk, "delivered", lambda *_: _die())
        with delivering(world, valkey):
            wait_until(lambda: receiver.arrived)
            patch.setattr(deliver, "_POLL", 9)
    first = receiver.ids()[0]
    world.index.store.redis.hdel(target(world).key, "lease")  # as when it has run out
    with delivering(world, valkey):
        wait_until(lambda: deliveries.waiting(world.index.store, target(world)) == [])
        wait_until(lambda: len(set(receiver.ids())) == 8)
    assert receiver.ids().count(first) >= 2
    assert expected(world) == sorted(receiver.persons())


def _die() -> None:
    raise SystemError


def target(world: Watching) -> Target:
    return Target(PUBLIC, shop(world).id)
