"""What a web node serves as the store changes, lies, goes away and comes back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import wait_until
from node_world import World, current, make_world
from web_index import IINS, a_dataset

from lookup.index import keyspace, node, register, versions
from lookup.index.embedded import EmbeddedStore
from lookup.index.node import Node
from lookup.index.store import Store
from lookup.index.versions import FILTER, VIEW
from lookup.protocol import entries
from lookup.protocol.suite import Lane

PUBLIC, VERIFIED = Lane.PUBLIC, Lane.VERIFIED


@pytest.fixture
def world(
    store: Store, valkey: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A published dataset, and a node to make."""
    made = make_world(store, valkey, tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the watching thread look often."""
    monkeypatch.setattr(node, "_POLL", 0.02)
    monkeypatch.setattr(node, "_RETRY", 0.02)


def served(of: Node, lane: Lane = PUBLIC) -> str:
    """The counter of the version that a node answers by default, empty if none."""
    mapped = of.state.current.get(lane)
    return "" if mapped is None else mapped.version.name.partition("-")[0]


def all_served(of: Node) -> set[str]:
    return {name.partition("-")[0] for _, name in of.state.mapped}


def cached(world: World) -> set[str]:
    """The files of versions in the cache folder, by lane, counter and part."""
    named = re.compile(r"(public-[0-9]+|verified-[0-9]+)-.*(\..*)")
    found = (named.fullmatch(path.name) for path in world.cache.iterdir())
    return {match[1] + match[2] for match in found if match}


def test_a_node_serves_what_is_published(world: World) -> None:
    """After one look it answers ranges and filter of the current version, and the register."""
    made = world.node()
    assert served(made) == ""
    assert made.is_stale
    assert made.refresh()
    assert served(made) == "1"
    assert not made.is_stale
    assert made.store_answers
    assert world.heard() == ["mapped public 1-"]
    assert [d.name for d in made.state.published().values()] == ["leak"]
    person = entries.person(world.index.token(IINS[0]))
    assert person in made.state.current[PUBLIC].filter


def test_a_new_version_is_served(world: World) -> None:
    """The next look finds it; the one before stays for whoever is in the middle of a lookup."""
    made = world.node()
    made.refresh()
    world.index.published("second", IINS[5:9])
    assert made.refresh()
    assert served(made) == "2"
    assert all_served(made) == {"1", "2"}
    assert cached(world) == {"public-1.view", "public-1.filter", "public-2.view", "public-2.filter"}
    world.index.published("third", IINS[9:12])
    made.refresh()
    assert all_served(made) == {"2", "3"}
    assert cached(world) == {"public-2.view", "public-2.filter", "public-3.view", "public-3.filter"}
    assert world.heard() == ["mapped public 1-", "mapped public 2-", "mapped public 3-"]


def test_the_thread_finds_new_versions(world: World, quick: None) -> None:
    """Nobody has to ask: a started node keeps itself fresh, until it is stopped."""
    made = world.node()
    made.start()
    assert served(made) == "1"
    world.index.published("second", IINS[5:9])
    wait_until(lambda: served(made) == "2")
    made.stop()
    assert not made._thread.is_alive()


def test_both_lanes_are_mapped(world: World) -> None:
    """The sensitive datasets' lane has versions of its own, with people of its own."""
    made = world.node()
    made.refresh()
    world.index.published("clinic", IINS[30:], sensitive=True)
    made.refresh()
    assert (served(made), served(made, VERIFIED)) == ("1", "1")
    person = entries.person(world.index.token(IINS[33], VERIFIED))
    assert person in made.state.current[VERIFIED].filter
    assert person not in made.state.current[PUBLIC].filter
    assert [d.name for d in made.state.published().values()] == ["leak", "clinic"]


def test_a_change_of_the_register_is_seen(world: World) -> None:
    """What is told of a published dataset is up to date; what is not published is not told."""
    made = world.node()
    made.refresh()
    before = made.state.current[PUBLIC]
    register.add(world.index.store, a_dataset("leak", status="confirmed"))
    register.add(world.index.store, a_dataset("not-published"))
    made.refresh()
    assert [(d.name, d.status) for d in made.state.published().values()] == [("leak", "confirmed")]
    assert made.state.current[PUBLIC] is before


def test_a_look_that_finds_nothing_new_is_cheap(world: World) -> None:
    """Each second it asks three small questions and reads nothing."""
    made = world.node()
    made.refresh()
    world.index.store.redis.config_resetstat()
    made.refresh()
    asked = world.index.store.redis.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): asked[name]["calls"] for name in asked}
    assert {k: v for k, v in calls.items() if k in ("get", "hget", "hgetall")} == {
        "get": 1,
        "hget": 2,
    }


def test_the_store_goes_away_and_comes_back(world: World) -> None:
    """Both are told once, however often a node looks; meanwhile it answers as before."""
    made = world.node()
    made.refresh()
    before = made.state
    world.heard()
    world.take_the_store_away()
    assert [made.refresh() for _ in range(3)] == [False] * 3
    assert made.state is before
    assert not made.store_answers
    assert not made.is_stale
    world.bring_the_store_back()
    assert [made.refresh() for _ in range(2)] == [True] * 2
    assert made.store_answers
    assert world.heard() == ["away", "back"]


def test_silence_makes_it_stale(world: World) -> None:
    """After QORGAN_MAX_STALE without a word from the store answers stop; a word revives them."""
    made = world.node(max_stale=3600)
    made.refresh()
    world.take_the_store_away()
    world.clock.now += 3600
    made.refresh()
    assert not made.is_stale
    world.clock.now += 1
    made.refresh()
    assert made.is_stale
    world.bring_the_store_back()
    made.refresh()
    assert not made.is_stale


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


def test_a_node_that_only_evaluates(world: World) -> None:
    """Without lanes it maps nothing, and still knows whether the store answers."""
    made = world.node(lanes=())
    assert made.refresh()
    assert made.state.mapped == {}
    assert cached(world) == set()
    world.take_the_store_away()
    assert not made.refresh()


def test_an_emptied_store(world: World) -> None:
    """A store that lost its versions does not make a node forget the one that it serves."""
    made = world.node()
    made.refresh()
    world.index.store.redis.flushall()
    made.refresh()
    assert served(made) == "1"
    assert versions.current_name(world.index.store, PUBLIC) == ""
