"""A store that is a cluster of real Valkey servers, of which any may be killed."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import redis
from cluster_servers import ClusterServers, cluster, servers
from conftest import free_port
from limits import RateLimitItemPerHour
from limits.strategies import FixedWindowRateLimiter
from redis.crc import key_slot
from web_index import a_load

from lookup.errors import Code, InputError, UnavailableError
from lookup.index import figures, keyspace, ledger, ledger_rows, recount, store
from lookup.index.ledger import Load
from lookup.index.seal import Rows
from lookup.index.store import Store, StoreError
from lookup.protocol.suite import Lane
from lookup.settings import Settings

__all__ = ["cluster", "servers"]

ROWS = 2000
NOWHERE = "redis+cluster://127.0.0.1:1"


def settings(url: str) -> Settings:
    return Settings.from_env({"QORGAN_REDIS_URL": url})


@pytest.fixture
def patient(cluster: ClusterServers) -> Iterator[Store]:
    """The store as commands of an operator open it."""
    with store.opened(settings(cluster.url)) as opened:
        yield opened


@pytest.fixture
def impatient(cluster: ClusterServers) -> Iterator[Store]:
    """The store as a web node connects to it; by the loader's user, who may write."""
    opened = store.connect(settings(cluster.url))
    yield opened
    opened.close()


def rows(seed: int = 1) -> Rows:
    return np.random.default_rng(seed).integers(0, 256, size=(ROWS, 18), dtype=np.uint8)


def begun(opened: Store) -> Load:
    return ledger.begin(opened, a_load(1, Lane.PUBLIC, ROWS))


def rows_in(opened: Store, load: Load) -> set[bytes]:
    return {row.tobytes() for part in ledger_rows.read(opened, load) for row in part}


@pytest.mark.parametrize("what", ["rows", "record"])
def test_a_primary_killed_between_two_groups(
    cluster: ClusterServers, patient: Store, what: str
) -> None:
    """Its replica takes over what was acknowledged, and the writer just takes longer."""
    load, written = begun(patient), rows()
    ledger_rows.write(patient, load, written[:1000], 1000)
    key = keyspace.load(load.id) if what == "record" else keyspace.ledger(Lane.PUBLIC, load.id, 0)
    cluster.primary_of(key).kill()
    ledger_rows.write(patient, load, written[1000:], ROWS)
    recount.refuse_short(patient, load)
    assert {row.tobytes() for row in written} == rows_in(patient, load)


def test_a_write_waits_for_a_replica(cluster: ClusterServers, impatient: Store) -> None:
    """What no replica has been sent would be lost with its primary: so it is not done yet."""
    key = keyspace.load(7)
    frozen = cluster.replica_of(cluster.primary_of(key))
    impatient.redis.hset(key, "state", "running")
    cluster.configure("cluster-node-timeout", "60000")  # nobody takes it for dead meanwhile
    assert frozen.process is not None
    os.kill(frozen.process.pid, signal.SIGSTOP)
    try:
        for write in (
            lambda: impatient.redis.hset(key, "state", "loaded"),
            lambda: impatient.carry_out([("HSET", key, "state", "loaded")]),
        ):
            with pytest.raises(StoreError):
                write()
        impatient.redis.hget(key, "state")  # a read waits for nobody
        started = time.monotonic()
        impatient.redis.hincrby(keyspace.usage("app", "2026-11-28"), "checks", 1)
        assert time.monotonic() - started < 1  # nor does a count that may be lost
    finally:
        os.kill(frozen.process.pid, signal.SIGCONT)
        cluster.configure("cluster-node-timeout", "1000")
    impatient.redis.hset(key, "state", "loaded")
    assert b"loaded" == impatient.redis.hget(key, "state")


def _pipelined(opened: Store, key: str) -> None:
    pipeline = opened.redis.pipeline(transaction=False)
    pipeline.hset(key, "state", "loaded")
    pipeline.execute()


def test_a_web_node_does_not_wait_long(cluster: ClusterServers, impatient: Store) -> None:
    """A killed or a frozen primary holds a thread for a few seconds, then it is "away"."""
    cluster.configure("cluster-node-timeout", "60000")  # no replica takes over
    impatient.redis.get(keyspace.INDEX)
    killed, frozen = cluster.primaries()[:2]
    keys = [cluster.key_on(killed), cluster.key_on(frozen)]
    killed.kill()
    assert frozen.process is not None
    os.kill(frozen.process.pid, signal.SIGSTOP)
    try:
        for key in keys:
            started = time.monotonic()
            with pytest.raises(StoreError):
                impatient.redis.hget(key, "state")
            assert time.monotonic() - started < 6
    finally:
        os.kill(frozen.process.pid, signal.SIGCONT)
        cluster.configure("cluster-node-timeout", "1000")


def test_rows_that_were_lost_all_the_same(cluster: ClusterServers, patient: Store) -> None:
    """A load that lacks one is not finished, and written again it is whole."""
    load, written = begun(patient), rows()
    ledger_rows.write(patient, load, written, ROWS)
    lost = written[5].tobytes()
    cluster.primary_of(ledger_rows.shard_of(load, lost)).admin.srem(
        ledger_rows.shard_of(load, lost), lost
    )
    with pytest.raises(UnavailableError) as caught:
        recount.refuse_short(patient, load)
    assert Code.STORE_UNAVAILABLE is caught.value.code
    assert "run the same command again" in caught.value.sentence
    assert 0 == ledger.read(patient, load.id).checkpoint
    ledger_rows.write(patient, load, written, ROWS)
    recount.refuse_short(patient, load)
    assert ROWS == len(rows_in(patient, load))


def test_one_server_is_not_recounted(store: Store) -> None:
    """What it acknowledged is on its disk; a load of millions is not counted twice."""
    recount.refuse_short(store, replace(begun(store), identifiers=5))


@pytest.mark.parametrize("role", ["primary", "replica"])
def test_each_server_is_looked_at(cluster: ClusterServers, patient: Store, role: str) -> None:
    """One that may evict spoils all, also a replica: it will be primary one day."""
    primary = cluster.primaries()[0]
    server = primary if role == "primary" else cluster.replica_of(primary)
    assert store.is_durable(patient)
    server.admin.config_set("appendfsync", "everysec")
    server.admin.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert not store.is_durable(patient)
        with pytest.raises(UnavailableError) as caught:
            store.check(patient)
        assert Code.STORE_EVICTS is caught.value.code
    finally:
        server.admin.config_set("appendfsync", "always")
        server.admin.config_set("maxmemory-policy", "noeviction")
    cluster.replica_of(primary).kill()
    store.check(patient)  # a dead replica is nobody to ask


def test_a_replica_that_does_not_know_us(cluster: ClusterServers) -> None:
    """It is alive, and will lock us out when it is primary: nobody says that it may not evict."""
    replica = cluster.replica_of(cluster.primaries()[0])
    known = replica.admin.execute_command("ACL LIST")
    rules = next(line for line in known if line.startswith("user loader ")).split()[2:]
    replica.admin.execute_command("ACL", "DELUSER", "loader")
    try:
        with pytest.raises(UnavailableError) as caught, store.opened(settings(cluster.url)):
            pytest.fail("the store was trusted")
        assert "credentials" in caught.value.sentence
    finally:
        replica.admin.execute_command("ACL", "SETUSER", "loader", *rules)


def test_memory_is_that_of_all_primaries(cluster: ClusterServers, patient: Store) -> None:
    """A megabyte on one of them is in the sum."""
    before = figures.read(patient).memory_used
    each = [s.admin.info("memory")["used_memory"] for s in cluster.primaries()]
    assert before == pytest.approx(sum(each), rel=0.1)
    patient.redis.set("qorgan:part:x", b"x" * (1 << 20))
    assert figures.read(patient).memory_used > before + 1_000_000


def test_limits_of_clients(impatient: Store) -> None:
    """The library's scripts run on whichever server has the counter."""
    limiter = FixedWindowRateLimiter(store_limits(impatient))
    for number in range(10):
        item = RateLimitItemPerHour(2)
        hits = [limiter.hit(item, f"client-{number}") for _ in range(3)]
        assert [True, True, False] == hits
        assert limiter.get_window_stats(item, f"client-{number}").reset_time > time.time()


def test_a_slot_that_moves(cluster: ClusterServers, patient: Store) -> None:
    """While its keys go from one server to another, and after."""
    keys = [f"qorgan:load:{{moves}}{number}" for number in range(4)]
    slot, source = key_slot(b"moves"), cluster.primary_of(keys[0])
    target = next(s for s in cluster.primaries() if s is not source)
    for key in keys:
        patient.redis.hset(key, "at", "1")
    source.admin.delete(keyspace.fence(keys[0]))
    ids = {s.port: s.admin.execute_command("CLUSTER MYID").decode() for s in (source, target)}
    target.admin.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[source.port])
    source.admin.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[target.port])
    for key in keys[:2]:
        source.move(key, target)
    for write in ("2", "3"):
        patient.carry_out([("HSET", key, "at", write) for key in keys])
        pipeline = patient.redis.pipeline(transaction=False)
        for key in keys:
            pipeline.hgetall(key)
        assert [{b"at": write.encode()}] * 4 == pipeline.execute()
        if write == "2":
            for key in keys[2:]:
                source.move(key, target)
            for server in (target, source):
                server.admin.execute_command("CLUSTER SETSLOT", slot, "NODE", ids[target.port])


def test_a_command_that_is_refused(cluster: ClusterServers, patient: Store) -> None:
    """An error of ours is told at once, in whatever way it was sent."""
    patient.redis.set("qorgan:text", b"x")
    for send in (
        lambda: patient.redis.hget("qorgan:text", "x"),
        lambda: patient.carry_out([("HSET", "qorgan:text", "x", "y")]),
        lambda: _pipelined(patient, "qorgan:text"),
    ):
        with pytest.raises(redis.ResponseError):
            send()


@pytest.mark.parametrize("who", ["loader:wrong", "nobody:loader-pw"])
def test_wrong_credentials(cluster: ClusterServers, who: str) -> None:
    """Told at once, as one server's are."""
    url = cluster.url.replace("loader:loader-pw", who)
    with pytest.raises(UnavailableError) as caught, store.opened(settings(url)):
        pytest.fail("the store was trusted")
    assert "credentials" in caught.value.sentence


@pytest.mark.parametrize("user", ["cluster", "replica"])
@pytest.mark.parametrize("command", [("FLUSHALL",), ("GET", "qorgan:index"), ("KEYS", "*")])
def test_what_a_clusters_own_users_may_not(
    cluster: ClusterServers, user: str, command: tuple[str, ...]
) -> None:
    """Who joins the servers, and a replica at its primary, read and destroy nothing."""
    with pytest.raises(redis.exceptions.NoPermissionError):
        cluster.servers[0].of(user).execute_command(*command)


def test_a_server_that_is_no_cluster(valkey_port: int) -> None:
    """The sentence says what to write instead."""
    url = f"redis+cluster://loader:loader-pw@127.0.0.1:{valkey_port}/"
    with pytest.raises(InputError) as caught, store.opened(settings(url)):
        pytest.fail("the store was trusted")
    assert Code.BAD_SETTING is caught.value.code
    assert "redis:// instead of redis+cluster://" in caught.value.sentence


@pytest.fixture(scope="module")
def valkey_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server by itself, on a port."""
    from cluster_servers import Server

    alone = Server(
        tmp_path_factory.mktemp("alone"), free_port(), free_port(), {"cluster-enabled": "no"}
    )
    alone.start()
    yield alone.port
    alone.kill()


def test_nobody_answers(cluster: ClusterServers) -> None:
    """A web node connects all the same, and asks when somebody does; nor does a command wait."""
    started = time.monotonic()
    with pytest.raises(UnavailableError), store.opened(settings(f"{NOWHERE}/")):
        pytest.fail("the store was trusted")
    assert time.monotonic() - started < 10
    url = f"redis+cluster://web:web-pw@127.0.0.1:{free_port()}"
    opened = store.connect(settings(f"{url}/"))
    with pytest.raises(StoreError):
        opened.redis.get("qorgan:index")
    opened.close()
    one_answers = store.connect(settings(f"{url},127.0.0.1:{cluster.servers[4].port}/"))
    assert one_answers.redis.get("qorgan:register-changes") is None
    one_answers.close()


store_limits = store.limits_storage  # a fixture of this name hides the module inside one test
