"""A node in a world that a test can change: a store that goes away, a clock that jumps."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from web_index import WebIndex

from lookup.index import keyspace, node, versions
from lookup.index.embedded import EmbeddedStore
from lookup.index.node import Node
from lookup.index.store import Store
from lookup.index.versions import VIEW, Version
from lookup.index.watch import Watch
from lookup.protocol.suite import Lane

DAY = 86400


class Clock:
    """Stands in for the time module in the node; it only moves when told to."""

    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@dataclass
class World:
    """Makes nodes over one store, and keeps what they tell their owner."""

    index: WebIndex
    link: Path
    socket: Path
    cache: Path
    clock: Clock
    told: list[str] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    clients: list[redis.Redis] = field(default_factory=list)

    def node(
        self,
        lanes: tuple[Lane, ...] = tuple(Lane),
        max_stale: int = DAY,
        trust: Callable[[], None] = lambda: None,
    ) -> Node:
        """A new node, as a worker that has just been started; it has not looked yet."""
        client = redis.Redis(unix_socket_path=str(self.link), retry=None)
        self.clients.append(client)
        watch = Watch(
            mapped=lambda lane, name: self.told.append(f"mapped {lane.value} {name[:2]}"),
            refused=lambda lane, code: self.told.append(f"refused {lane.value} {code.value}"),
            misfit=lambda code: self.told.append(f"misfit {code.value}"),
            store_away=lambda: self.told.append("away"),
            store_back=lambda: self.told.append("back"),
            unexpected=lambda error: self.told.append(f"unexpected {type(error).__name__}"),
            stale=lambda: self.told.append("stale"),
        )
        made = Node(Store(client, None), self.cache, max_stale, lanes, watch, trust)
        self.nodes.append(made)
        return made

    def take_the_store_away(self) -> None:
        """From now on nobody can connect, and who was connected is cut off."""
        self.link.unlink()
        for client in self.clients:
            client.close()

    def bring_the_store_back(self) -> None:
        self.link.symlink_to(self.socket)

    def heard(self) -> list[str]:
        """What was told since this was last asked."""
        told = self.told[:]
        self.told.clear()
        return told

    def chunk(self, version: Version, part: str = VIEW) -> str:
        return keyspace.part(Lane.PUBLIC, version.stage, part, 0)

    def close(self) -> None:
        for each in self.nodes:
            each.stop()
            for mapped in each.state.mapped.values():
                mapped.close()
        for client in self.clients:
            client.close()


def make_world(
    store: Store, valkey: EmbeddedStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """An index with one published dataset, and no node yet."""
    clock = Clock()
    monkeypatch.setattr(node, "time", clock)
    link = folder / "s"
    link.symlink_to(valkey.socket)
    index = WebIndex.with_a_leak(store, folder / "keys")
    return World(index, link, valkey.socket, folder / "cache", clock)


def current(world: World) -> Version:
    """The public lane's current version in the store."""
    found = versions.read(world.index.store, Lane.PUBLIC).current
    assert found is not None
    return found


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


def served(of: Node, lane: Lane = Lane.PUBLIC) -> str:
    """The counter of the version that a node answers by default, empty if none."""
    mapped = of.state.current.get(lane)
    return "" if mapped is None else mapped.version.name.partition("-")[0]


def all_served(of: Node) -> set[str]:
    """The counters of all versions that a node answers."""
    return {name.partition("-")[0] for _, name in of.state.mapped}


def cached(world: World) -> set[str]:
    """The files of versions in the cache folder, by lane, counter and part."""
    named = re.compile(r"(public-[0-9]+|verified-[0-9]+)-.*(\..*)")
    found = (named.fullmatch(path.name) for path in world.cache.iterdir())
    return {match[1] + match[2] for match in found if match}
