"""Publishes that are killed, outrun or cut off: what they leave behind, and what clears it away."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from lost_replies import losing
from small_index import SmallIndex, iins

from loaders.progress import Advance, Progress
from loaders.publish import Publisher
from lookup.errors import Code, InputError
from lookup.index import keyspace, versions
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.index.versions import FILTER, VIEW
from lookup.protocol.suite import Lane

PUBLIC = Lane.PUBLIC
ANN, BOB, EVE, *CROWD = iins(40)


@pytest.fixture
def index(store: Store) -> SmallIndex:
    """An index in whose datasets nothing is loaded."""
    return SmallIndex.with_datasets(store)


def refused(publish: Callable[[], object]) -> InputError:
    """The refusal of a publish that must be refused."""
    with pytest.raises(InputError) as caught:
        publish()
    return caught.value


def age(store: Store, lane: Lane, seconds: int = 7200) -> None:
    """Let stages and retired versions of a lane be older than they are."""
    key = keyspace.versions(lane)
    for field, value in store.hash(key).items():
        if field.startswith(("stage:", "retired:")) and value.isdigit():
            store.set_hash(key, {field: str(int(value) - seconds)})


class Meanwhile(Progress):
    """Does something else at the moment when the version is stored but not switched to."""

    def __init__(self, something: Callable[[], object]) -> None:
        self._something = something

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        with super().task(description, total) as advance:
            yield advance
        if description.startswith("storing"):
            self._something()


def publish_while(index: SmallIndex, something: Callable[[], object], *names: str) -> None:
    """Publish with an interruption just before the switch."""
    progress = Meanwhile(something)
    list(Publisher(index.store, index.definition, index.keys, progress).publish(names))


def test_old_version_stays_for_an_hour(index: SmallIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers on their way still get the old version whole; later its last trace is cleaned."""
    monkeypatch.setattr(versions, "CHUNK_BYTES", 100_000)
    index.fill("one", {ANN: 1})
    index.fill("two", {BOB: 1})
    index.fill("three", {EVE: 1})
    index.publish("one")
    first, of_first = index.current(PUBLIC)[0], index.chunks()
    assert {-1} == {index.store.redis.ttl(key) for key in of_first}
    index.publish("two")
    both = versions.read(index.store, PUBLIC)
    assert first == both.previous
    assert all(0 < index.store.redis.ttl(key) <= 3600 for key in of_first)
    assert {-1} == {index.store.redis.ttl(key) for key in index.chunks() - of_first}
    for part in (VIEW, FILTER):
        read = b"".join(versions.read_part(index.store, PUBLIC, first, part))
        assert first.part_bytes(part) == len(read)
    age(index.store, PUBLIC)
    index.publish("three")
    assert set() == of_first & index.chunks()
    names = {both.current.name if both.current else "", index.current(PUBLIC)[0].name}
    fields = index.store.hash(keyspace.versions(PUBLIC))
    assert names == {field[7:] for field in fields if field.startswith("record:")}


def test_twenty_publishes_leave_no_keys_behind(
    index: SmallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store does not grow with the number of publishes."""
    monkeypatch.setattr(versions, "CHUNK_BYTES", 100_000)
    for number, who in enumerate(CROWD[:20], start=1):
        index.fill("one", {who: number})
        index.publish("one")
        age(index.store, PUBLIC)
    versions.clean(index.store, PUBLIC)
    version, document = index.current(PUBLIC)
    assert 20 == document.counter
    stages = {key.split(b":")[3].decode() for key in index.chunks()}
    assert {version.stage} == stages
    assert {-1} == {index.store.redis.ttl(key) for key in index.chunks()}
    fields = set(index.store.hash(keyspace.versions(PUBLIC)))
    assert {"current", "previous", f"record:{version.name}"} == fields
    assert {"one": 20} == index.ask(PUBLIC, CROWD[19])


@pytest.mark.parametrize("is_permanent", [False, True])
def test_killed_publishers_stage_is_cleaned(index: SmallIndex, *, is_permanent: bool) -> None:
    """What a publisher left that was killed, before or after its chunks were made permanent."""
    index.fill("one", {ANN: 1})
    stage = versions.open_stage(index.store, PUBLIC)
    for part in (VIEW, FILTER):
        for _ in versions.write_part(index.store, PUBLIC, stage, part, b"x" * 2_500_000):
            pass
    left = index.chunks()
    assert 6 == len(left)
    assert all(0 < index.store.redis.ttl(key) <= 3600 for key in left)
    if is_permanent:
        assert 6 == sum(index.store.redis.persist(key) for key in left)
    index.publish("one")
    assert left < index.chunks()  # it may be alive
    age(index.store, PUBLIC)
    index.publish("one")
    assert set() == left & index.chunks()
    assert f"stage:{stage}" not in index.store.hash(keyspace.versions(PUBLIC))
    assert {"one": 1} == index.ask(PUBLIC, ANN)


class _Killed(redis.Redis):
    """A client whose process is killed at its third delete."""

    deletes = 0

    def delete(self, *names: object) -> object:
        self.deletes += 1
        if self.deletes == 3:
            raise KeyboardInterrupt
        return super().delete(*names)


def test_killed_cleaner_is_followed_by_another(index: SmallIndex, valkey: EmbeddedStore) -> None:
    """Cleaning that is killed half way is taken up by the next publish, whatever the age."""
    stage = versions.open_stage(index.store, PUBLIC)
    for part in (VIEW, FILTER):
        for _ in versions.write_part(index.store, PUBLIC, stage, part, b"x" * 2_500_000):
            pass
    for key in index.chunks():
        index.store.redis.persist(key)
    client = _Killed(unix_socket_path=str(valkey.socket))
    with pytest.raises(KeyboardInterrupt):
        versions.drop_stage(Store(client, None), PUBLIC, stage)
    client.close()
    assert 4 == len(index.chunks())
    versions.clean(index.store, PUBLIC)
    assert set() == index.chunks()
    assert {} == index.store.hash(keyspace.versions(PUBLIC))


def test_of_two_publishes_at_once_one_wins(index: SmallIndex) -> None:
    """Who switches first counts; the other is told so, and leaves nothing behind."""
    index.fill("one", {ANN: 1})
    index.fill("two", {BOB: 1})
    index.fill("three", {EVE: 1})
    index.publish("one")
    error = refused(lambda: publish_while(index, lambda: index.publish("two"), "three"))
    assert Code.PUBLISH_CONFLICT is error.code
    expected = "another publish finished while this one ran, and that one counts; run publish again"
    assert expected == error.sentence
    both = versions.read(index.store, PUBLIC)
    stages = {version.stage for version in (both.current, both.previous) if version}
    assert stages == {key.split(b":")[3].decode() for key in index.chunks()}
    assert [{"two": 1}, {}] == [index.ask(PUBLIC, who) for who in (BOB, EVE)]
    index.publish("three")
    assert [{"one": 1}, {"two": 1}, {"three": 1}] == [
        index.ask(PUBLIC, who) for who in (ANN, BOB, EVE)
    ]


def test_first_publishes_at_once_conflict_too(index: SmallIndex) -> None:
    """Two publishers of the very same dataset: the one that comes second is refused."""
    index.fill("one", {ANN: 1})
    error = refused(lambda: publish_while(index, lambda: index.publish("one"), "one"))
    assert Code.PUBLISH_CONFLICT is error.code
    assert {"one": 1} == index.ask(PUBLIC, ANN)
    assert 2 == len(index.chunks())


@pytest.mark.parametrize(("part", "place"), [(VIEW, 0), (VIEW, -1), (FILTER, 0)])
def test_expired_chunk_refuses_the_switch(
    index: SmallIndex, part: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A publish slower than its chunks' life never switches to a version with a hole."""
    monkeypatch.setattr(versions, "CHUNK_BYTES", 100_000)
    index.fill("one", {ANN: 1})
    index.publish("one")
    before, kept = index.current(PUBLIC), index.chunks()
    index.fill("two", {ANN: 1})

    def expire() -> None:
        staged = [key for key in index.chunks() - kept if f":{part}:".encode() in key]
        staged.sort(key=lambda key: int(key.rpartition(b":")[2]))
        index.store.redis.pexpire(staged[place], 1)
        while index.store.redis.exists(staged[place]):
            time.sleep(0.001)

    error = refused(lambda: publish_while(index, expire, "two"))
    assert Code.PUBLISH_CONFLICT is error.code
    expected = "storing the version took more than an hour, so it was removed; run publish again"
    assert expected == error.sentence
    assert before == index.current(PUBLIC)
    left = index.chunks() - kept  # those after a hole go by themselves
    assert all(0 < index.store.redis.ttl(key) <= 3600 for key in left)
    assert {-1} == {index.store.redis.ttl(key) for key in kept}


def test_cleaned_stage_refuses_the_switch(index: SmallIndex) -> None:
    """A publisher that was taken for dead cannot switch to chunks that a cleaner removed."""
    index.fill("one", {ANN: 1})

    def clean() -> None:
        age(index.store, PUBLIC)
        versions.clean(index.store, PUBLIC)

    assert Code.PUBLISH_CONFLICT is refused(lambda: publish_while(index, clean, "one")).code
    assert set() == index.chunks()
    assert {} == index.store.hash(keyspace.versions(PUBLIC))


class _Late(redis.Redis):
    """A client that is held up just before the switch, while something else happens."""

    meanwhile: Callable[[], object]

    def eval(self, *arguments: Any) -> Any:
        self.meanwhile()
        return super().eval(*arguments)


@pytest.mark.parametrize("is_half_done", [False, True])
def test_stage_cleaned_at_the_last_moment_refuses_the_switch(
    index: SmallIndex, valkey: EmbeddedStore, *, is_half_done: bool
) -> None:
    """Chunks that were permanent already, and are being removed, are never switched to."""
    index.fill("one", {ANN: 1})
    client = _Late(unix_socket_path=str(valkey.socket))

    def clean() -> None:
        if is_half_done:  # the cleaner has only said so
            (stage,) = index.store.hash(keyspace.versions(PUBLIC))
            index.store.set_hash(keyspace.versions(PUBLIC), {stage: "dropped"})
        else:
            age(index.store, PUBLIC)
            versions.clean(index.store, PUBLIC)

    client.meanwhile = clean
    behind = SmallIndex(Store(client, None), index.keys, index.definition)
    assert Code.PUBLISH_CONFLICT is refused(lambda: behind.publish("one")).code
    client.close()
    assert versions.read(index.store, PUBLIC).current is None
    assert set() == index.chunks()


@pytest.mark.parametrize(
    ("command", "is_cleaning"),
    [
        *((b"EVAL", False), (b"PERSIST", False), (b"HSET", False), (b"SET", False)),
        *((b"EVAL", True), (b"HDEL", True)),
    ],
)
def test_a_lost_reply_does_not_undo_a_publish(
    index: SmallIndex, valkey: EmbeddedStore, tmp_path: Path, command: bytes, *, is_cleaning: bool
) -> None:
    """A command is sent again when its reply got lost; the version is switched to all the same."""
    index.fill("one", {ANN: 1})
    if is_cleaning:
        versions.open_stage(index.store, PUBLIC)
        age(index.store, PUBLIC)
    with losing(valkey.socket, tmp_path, command) as (store, lost):
        behind = SmallIndex(store, index.keys, index.definition)
        (published,) = behind.publish("one")
    assert [command] == lost
    assert published.changed
    assert {"one": 1} == index.ask(PUBLIC, ANN)
    assert {-1} == {index.store.redis.ttl(key) for key in index.chunks()}
