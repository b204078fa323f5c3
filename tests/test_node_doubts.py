"""A store that lies, forgets or talks nonsense, and the node that goes on answering."""

import json
from dataclasses import asdict

import pytest
from conftest import wait_until
from node_world import World, all_served, current, quick, served, world
from web_index import IINS, WebIndex, a_dataset

from lookup.errors import Code, UnavailableError
from lookup.index import keyspace, register
from lookup.index.versions import FILTER, VIEW
from lookup.protocol.suite import Lane

PUBLIC, VERIFIED = Lane.PUBLIC, Lane.VERIFIED
__all__ = ["quick", "world"]  # fixtures


@pytest.mark.parametrize("part", [VIEW, FILTER])
def test_a_broken_version_is_not_served(world: World, part: str) -> None:
    """The old version stays until the new one can be mapped; that is tried every ten seconds."""
    made = world.node()
    made.refresh()
    world.index.published("second", IINS[5:9])
    chunk = world.chunk(current(world), part)
    genuine = world.index.store.redis.getdel(chunk)
    world.heard()
    for seconds in (0, 1, 8):
        world.clock.now += seconds
        assert made.refresh()
        assert served(made) == "1"
    assert world.heard() == ["refused public bad_range"]
    world.clock.now += 1
    made.refresh()
    assert world.heard() == ["refused public bad_range"]
    world.index.store.redis.set(chunk, genuine)
    world.clock.now += 10
    made.refresh()
    assert (served(made), all_served(made)) == ("2", {"1", "2"})
    assert not made.is_stale


def test_a_broken_version_holds_nothing_else_up(world: World) -> None:
    """While one lane's version cannot be mapped, the other lane and the register move on."""
    made = world.node()
    made.refresh()
    world.index.published("second", IINS[5:9])
    world.index.store.redis.delete(world.chunk(current(world)))
    made.refresh()
    world.clock.now += 1
    world.index.published("clinic", IINS[30:], sensitive=True)
    register.add(world.index.store, a_dataset("leak", status="refuted"))
    made.refresh()
    assert (served(made), served(made, VERIFIED)) == ("1", "1")
    assert made.state.datasets[1].status == "refuted"


def test_a_worker_that_starts_on_a_broken_version(world: World) -> None:
    """It does not offer the version before as if it were the newest one: it is not ready."""
    world.index.published("second", IINS[5:9])
    world.index.store.redis.delete(world.chunk(current(world)))
    made = world.node()
    made.refresh()
    assert (served(made), all_served(made)) == ("", {"1"})


def test_a_document_that_is_none_holds_nothing_else_up(world: World) -> None:
    """A record with a damaged document is refused like a damaged file."""
    made = world.node()
    made.refresh()
    second = world.index.published("second", IINS[5:9])
    world.index.published("clinic", IINS[30:], sensitive=True)
    for document in ("{", "\ud800", "[]"):
        record = json.dumps(asdict(second) | {"document": document})
        key = keyspace.versions(PUBLIC)
        world.index.store.redis.hset(key, f"record:{second.name}", record)
        world.heard()
        world.clock.now += 10
        assert made.refresh()
        assert "refused public bad_parameters" in world.heard()
    assert (served(made), served(made, VERIFIED)) == ("1", "1")


def test_a_store_that_lost_the_newest_version(world: World) -> None:
    """A store put back from an old backup does not take the newest leaks out of the answers."""
    made = world.node(max_stale=3600)
    before = world.index.store.redis.dump(keyspace.versions(PUBLIC))
    made.refresh()
    world.index.published("second", IINS[5:9])
    made.refresh()
    world.index.store.redis.restore(keyspace.versions(PUBLIC), 0, before, replace=True)
    world.heard()
    made.refresh()
    assert world.heard() == ["refused public rolled_back"]
    assert served(made) == "2"
    world.clock.now += 3601
    made.refresh()
    assert made.is_stale


def test_another_index_may_begin_anew(world: World) -> None:
    """A lower counter under other keys is no older version, but another index."""
    world.index.published("second", IINS[5:9])
    made = world.node()
    made.refresh()
    assert served(made) == "2"
    world.index.store.redis.flushall()
    other = WebIndex.create(world.index.store, world.link.parent / "other-keys")
    other.published("leak", IINS[:3])
    made.refresh()
    assert served(made) == "1"
    assert (
        made.state.current[PUBLIC].parameters.public_key == other.definition.public_keys["public"]
    )


def test_a_store_that_must_not_be_believed(world: World) -> None:
    """A store that comes back with other keys is not followed; that is told once."""
    doubts: list[Code | None] = [Code.KEY_MISMATCH, Code.KEY_MISMATCH, None]

    def trust() -> None:
        if doubt := doubts.pop(0):
            raise UnavailableError(doubt, "no")

    made = world.node(trust=trust)
    assert [made.refresh() for _ in range(2)] == [False, False]
    assert (made.is_misfit, made.store_answers, served(made)) == (True, False, "")
    assert world.heard() == ["misfit key_mismatch", "away"]
    assert [made.refresh() for _ in range(2)] == [True, True]
    assert (made.is_misfit, made.store_answers, served(made)) == (False, True, "1")
    assert world.heard() == ["mapped public 1-", "back"]
    assert doubts == []


def test_a_store_that_came_back_is_doubted_anew(world: World) -> None:
    """Trust ends when the store goes away: what comes back may be another one."""
    doubts: list[Code | None] = [None, Code.STORE_UNAVAILABLE, Code.KEY_MISMATCH, None]

    def trust() -> None:
        if doubt := doubts.pop(0):
            raise UnavailableError(doubt, "no")

    made = world.node(trust=trust)
    made.refresh()
    world.heard()
    world.take_the_store_away()
    assert not made.refresh()
    assert not made.refresh()
    assert (made.is_misfit, served(made)) == (False, "1")
    world.bring_the_store_back()
    assert not made.refresh()
    assert (made.is_misfit, served(made)) == (True, "1")
    assert made.refresh()
    assert world.heard() == ["away", "misfit key_mismatch", "back"]
    assert doubts == []


def test_a_store_that_changed_unseen_is_doubted(world: World) -> None:
    """One that was replaced between two looks was never away: trust ends by itself."""
    doubts: list[Code | None] = [None, Code.STORE_EVICTS]

    def trust() -> None:
        if doubt := doubts.pop(0):
            raise UnavailableError(doubt, "no")

    made = world.node(trust=trust)
    assert [True, True] == [made.refresh() for _ in range(2)]
    world.heard()
    world.clock.now += 10
    assert not made.refresh()
    assert (True, False, "1") == (made.is_misfit, made.store_answers, served(made))
    assert ["misfit store_evicts", "away"] == world.heard()


@pytest.mark.parametrize("record", ["", "{", "[]", "{}", '{"loads": 1}'])
def test_the_thread_survives_nonsense(world: World, quick: None, record: str) -> None:
    """Whatever a store says, the node goes on answering, and recovers when it talks sense."""
    made = world.node()
    made.start()
    world.index.published("second", IINS[5:9])
    second = current(world)
    key, field = keyspace.versions(PUBLIC), f"record:{second.name}"
    genuine = world.index.store.redis.hget(key, field)
    world.index.store.redis.hset(key, field, record)
    register.add(world.index.store, a_dataset("leak", status="claimed"))
    wait_until(lambda: sum(told.startswith("unexpected") for told in world.told) >= 2)
    world.index.store.redis.hset(key, field, genuine)
    wait_until(lambda: served(made) == "2")
