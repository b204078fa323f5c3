"""An index in a Redis Cluster whose servers are killed while it is loaded, published and asked."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_servers import ClusterServers, cluster, servers
from conftest import wait_until
from killable import Killable, kill
from web_index import IINS, WebIndex, a_dataset

from lookup import keys
from lookup.answers import Found, NotFound
from lookup.client import Client
from lookup.errors import CouldNotCheckError
from lookup.index import definition, keyspace, ledger, ledger_rows, register, store, versions
from lookup.index.store import Store
from lookup.protocol.identifiers import iin_check_digit
from lookup.protocol.suite import Kind, Lane
from lookup.settings import Settings

__all__ = ["cluster", "servers"]

MANY = tuple(  # nobody's: a few thousand valid IINs
    f"{day}{serial}{check}"
    for day in ("0001013", "0001023", "0001033", "0001043")
    for serial in range(1000, 2000)
    if (check := iin_check_digit(f"{day}{serial}")) is not None
)
SECONDS = 15.0  # until a dead primary is replaced, with what the tests' servers are set to: 2


@pytest.fixture
def opened(cluster: ClusterServers) -> Iterator[Store]:
    with store.opened(Settings.from_env({"QORGAN_REDIS_URL": cluster.url})) as made:
        yield made


@pytest.fixture
def installation(cluster: ClusterServers, opened: Store, tmp_path: Path) -> Iterator[Killable]:
    """An index with one dataset, in the cluster, and a dump."""
    WebIndex.create(opened, tmp_path / "data" / "keys")
    register.add(opened, a_dataset("one"))
    (tmp_path / "one.csv").write_text("iin;full_name\n" + "".join(f"{iin};x\n" for iin in MANY))
    made = Killable(tmp_path / "data", {"QORGAN_REDIS_URL": cluster.url, "QORGAN_WORKERS": "1"})
    yield made
    for process in made.started:
        kill(process)


def test_a_primary_killed_while_a_load_runs(
    cluster: ClusterServers, opened: Store, installation: Killable
) -> None:
    """The load goes on with whoever takes over; every row is in the ledger, and is published."""
    words = ("--dataset", "one", "--iin", "iin", "--field", "full_name=names")
    process = installation.start("load", installation.data.parent / "one.csv", *words)
    wait_until(lambda: _checkpoint(opened) > 0 or process.poll() is not None)
    cluster.primary_of(keyspace.ledger(Lane.PUBLIC, 1, 0)).kill()
    assert 0 < _checkpoint(opened) < len(MANY)
    _, said = process.communicate(timeout=120)
    assert 0 == process.returncode, said
    load, keys_folder = ledger.read(opened, 1), installation.data / "keys"
    assert len(MANY) == sum(map(len, ledger_rows.read(opened, load)))
    index = WebIndex(opened, keys_folder, keys.loader_keys(keys_folder), definition.read(opened))
    index.publish("one")
    current = versions.read(opened, Lane.PUBLIC).current
    assert current is not None
    assert (1,) == current.loads


def _checkpoint(opened: Store) -> int:
    return int(opened.redis.hget(keyspace.load(1), "checkpoint") or 0)


def test_a_primary_killed_before_a_publish(
    cluster: ClusterServers, opened: Store, tmp_path: Path
) -> None:
    """What was loaded is there, and the switch is made where it was going to be."""
    index = WebIndex.create(opened, tmp_path / "keys")
    index.load("leak", IINS[:30])
    cluster.primary_of(keyspace.versions(Lane.PUBLIC)).kill()
    index.publish("leak")
    version = versions.read(opened, Lane.PUBLIC).current
    assert version is not None
    for part in (versions.VIEW, versions.FILTER):
        found = b"".join(versions.read_part(opened, Lane.PUBLIC, version, part))
        assert version.part_bytes(part) == len(found)


@pytest.mark.parametrize("key", ["limits", "versions"])
def test_a_primary_killed_while_people_ask(
    cluster: ClusterServers, opened: Store, tmp_path: Path, key: str
) -> None:
    """Each answer is right or "could not check", soon all are right, and news are served."""
    index = WebIndex.create(opened, tmp_path / "data" / "keys")
    index.published("leak", IINS[:20])
    web = {"QORGAN_REDIS_URL": cluster.url_of("web"), "QORGAN_WORKERS": "1"}
    limit = {"QORGAN_EVALUATE_LIMIT": "100000/day"}
    with Killable(tmp_path / "data").served(**web, **limit) as node:
        client = Client(node.url)
        assert [Found, NotFound] == _asked(client)
        at = int(time.time()) // 86400
        place = {"limits": keyspace.spent(86400, at), "versions": keyspace.versions(Lane.PUBLIC)}
        cluster.primary_of(place[key]).kill()
        killed, answers, unanswered = time.monotonic(), 0, 0
        while answers < 5:
            assert time.monotonic() - killed < SECONDS
            try:
                assert [Found, NotFound] == _asked(client)
                answers += 1
            except CouldNotCheckError:
                answers, unanswered = 0, unanswered + 1
        if key == "limits":
            assert unanswered
        version = index.published("more", IINS[20:25])
        wait_until(lambda: version.name == _version(client), SECONDS)
        assert [Found, Found] == _asked(client)


def _asked(client: Client) -> list[type]:
    """What somebody is told who is in the first leak, and somebody in the second one only."""
    return [type(client.check(Kind.IIN, iin)) for iin in (IINS[0], IINS[20])]


def _version(client: Client) -> str:
    return client.check(Kind.IIN, IINS[0]).version


def test_a_node_that_starts_while_a_primary_is_dead(cluster: ClusterServers) -> None:
    """Whichever it is, what the others have is told."""
    cluster.configure("cluster-node-timeout", "60000")  # no replica takes over
    killed = next(s for s in cluster.servers if s.port == cluster._slots()[0][2][1])
    key = cluster.key_on(next(s for s in cluster.primaries() if s is not killed))
    killed.kill()
    try:
        opened = store.connect(Settings.from_env({"QORGAN_REDIS_URL": cluster.url}))
        assert opened.redis.hget(key, "state") is None
        opened.close()
    finally:
        cluster.configure("cluster-node-timeout", "1000")
