"""What a write to a cluster waits for, and whom."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, cast

import pytest
import redis
from cluster_servers import ClusterServers, Server, cluster, servers
from conftest import wait_until
from redis.crc import key_slot

from lookup.index import keyspace, routing, store
from lookup.index.cluster import Cluster
from lookup.index.routing import Command
from lookup.index.store import Store, StoreError
from lookup.protocol.suite import Lane
from lookup.settings import Settings

__all__ = ["cluster", "servers"]

KEY = keyspace.load(1)
MOVING = "qorgan:load:{moving}"


@pytest.fixture
def opened(cluster: ClusterServers) -> Iterator[Store]:
    """The store as a web node connects to it; by the loader's user, who may write."""
    made = store.connect(Settings.from_env({"QORGAN_REDIS_URL": cluster.url}))
    yield made
    made.close()


@contextmanager
def on_its_way(cluster: ClusterServers, key: str) -> Iterator[Server]:
    """The server to which a key's slot moves during a block, and comes back from."""
    slot, source = key_slot(key.encode()), cluster.primary_of(key)
    target = next(s for s in cluster.primaries() if s is not source)
    ids = {s.port: s.admin.execute_command("CLUSTER MYID").decode() for s in (source, target)}
    target.admin.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[source.port])
    source.admin.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[target.port])
    try:
        yield target
    finally:
        for server in (source, target):
            server.admin.execute_command("CLUSTER SETSLOT", slot, "STABLE")


@pytest.mark.parametrize("word", ["HSET", "UNLINK", "GETDEL", "LPUSH", "SPOP", "a new one"])
def test_what_is_not_known_is_a_write(word: str) -> None:
    """Whoever sends a new command is waited for without a thought of it."""
    assert routing.is_write((word, KEY, "x"))


@pytest.mark.parametrize(
    "words",
    [
        ("HGET", KEY, "state"),
        ("SCRIPT LOAD", "return 1"),
        ("PING",),
        ("HINCRBY", keyspace.usage("app", "2026-11-28"), "checks", 1),
        ("EVALSHA", "0" * 40, 1, keyspace.spent(60, 1)),
    ],
)
def test_what_is_not_waited_for(words: tuple[str | int, ...]) -> None:
    """Reads, what has no key, and counts that may be lost."""
    assert not routing.is_write(words)


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        keyspace.ledger(Lane.PUBLIC, 7, 3),
        keyspace.part(Lane.PUBLIC, "view", "v", 1),
        keyspace.proof("x"),
        MOVING,
    ],
)
def test_a_fence_lies_where_its_key_does(key: str) -> None:
    """A primary with one slot has a fence, too; and the store's users may write it."""
    fence = keyspace.fence(key)
    assert key_slot(key.encode()) == key_slot(fence.encode())
    assert fence.startswith("qorgan:fence:")


def test_a_fence_is_soon_gone(cluster: ClusterServers, opened: Store) -> None:
    """There is one for each key that was ever written: they must not fill the store."""
    opened.redis.hset(KEY, "state", "running")
    server = cluster.primary_of(KEY)
    assert keyspace.fence(KEY).encode() in server.admin.keys("*")
    wait_until(lambda: [KEY.encode()] == server.admin.keys("*"), 5)


def test_another_has_the_key_by_then(cluster: ClusterServers, opened: Store) -> None:
    """Who took over does not answer for what his predecessor took: it is sent again."""
    client = cast(Cluster, opened.redis)
    client.get(KEY)
    replica = cluster.replica_of(cluster.primary_of(KEY))
    asked: list[int] = []

    def taken_over(server: redis.Redis, commands: Sequence[Command]) -> list[Any]:
        replies = routing.send(server, commands)
        if not asked:
            replica.admin.execute_command("CLUSTER FAILOVER", "TAKEOVER")
            wait_until(lambda: replica is cluster.primary_of(KEY))
            wait_until(lambda: replica.port == _looked_up(client))
        asked.append(server.connection_pool.connection_kwargs["port"])
        return replies

    client.scatter([(("HSET", KEY, "state", "loaded"), {})], taken_over)
    assert 1 < len(asked)
    assert replica.port == asked[-1]


def _looked_up(client: Cluster) -> int:
    """Who has the key, as another thread's look would tell."""
    nodes = client._nodes()
    nodes.nodes_manager.initialize()
    return int(nodes.get_node_from_key(KEY).port)


def test_a_key_that_moved_is_waited_for_where_it_is(cluster: ClusterServers, opened: Store) -> None:
    """Not at the server that its slot is about to leave."""
    opened.redis.get(MOVING)
    with on_its_way(cluster, MOVING) as target:
        opened.redis.hset(MOVING, "state", "running")
        frozen = cluster.replica_of(target).process
        assert frozen is not None
        cluster.configure("cluster-node-timeout", "60000")  # nobody takes it for dead meanwhile
        os.kill(frozen.pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreError):
                opened.redis.hset(MOVING, "state", "loaded")
        finally:
            os.kill(frozen.pid, signal.SIGCONT)
            cluster.configure("cluster-node-timeout", "1000")
        opened.redis.hset(MOVING, "state", "loaded")


def test_a_refusal_of_where_a_key_moved_to(cluster: ClusterServers, opened: Store) -> None:
    """It is a reply among the others, as anybody's is."""
    with on_its_way(cluster, MOVING):
        opened.redis.set(MOVING, b"x")
        pipeline = opened.redis.pipeline(transaction=False)
        pipeline.hset(MOVING, "state", "loaded")
        pipeline.get(MOVING)
        refused, read = pipeline.execute(raise_on_error=False)
    assert isinstance(refused, redis.ResponseError)
    assert b"x" == read


def test_a_look_keeps_nobody_waiting(opened: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one thread asks a silent server who is primary, others go on with the rest."""
    client = cast(Cluster, opened.redis)
    client.get(KEY)
    looking, may_end = Event(), Event()

    def silent() -> None:
        looking.set()
        may_end.wait(10)

    monkeypatch.setattr(client._nodes().nodes_manager, "initialize", silent)
    thread = Thread(target=client._look_again)
    thread.start()
    assert looking.wait(5)
    asking = Thread(target=client.get, args=(KEY,))
    asking.start()
    asking.join(2)
    is_waiting = asking.is_alive()
    may_end.set()
    thread.join()
    asking.join()
    assert not is_waiting
