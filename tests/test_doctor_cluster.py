"""``qorgan doctor`` where the store is a cluster: each server is looked at, and all together."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import redis
from cluster_servers import ClusterServers, Server, cluster, servers
from conftest import free_port, wait_until
from doctor_world import WEB, Patient, wrong
from program import program
from redis.crc import key_slot
from web_index import IINS, WebIndex

from lookup.index import condition, keyspace, notice_book
from lookup.index.condition import Condition
from lookup.index.embedded import EmbeddedStore
from lookup.index.roll_call import Roll
from lookup.index.store import connect
from lookup.settings import Settings

__all__ = ["cluster", "servers"]


@dataclass(frozen=True)
class Deployed:
    """The cluster as the patient's store."""

    cluster: ClusterServers

    def url(self, user: str) -> str:
        return self.cluster.url_of(user)

    def contents(self) -> dict[bytes, bytes]:
        """All that the doctor could have changed; the fences of what wrote it go by themselves."""
        admins = [server.admin for server in self.cluster.primaries()]
        found = {key: admin.dump(key) for admin in admins for key in admin.scan_iter()}
        fence = keyspace.fence("").partition("{")[0].encode()
        return {key: value for key, value in found.items() if not key.startswith(fence)}


@pytest.fixture
def patient(
    cluster: ClusterServers,
    tmp_path: Path,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Patient:
    """A published leak in the cluster, and the command."""
    made = program(tmp_path, valkey, monkeypatch, capsys)
    (made.folder / "data").mkdir()
    store = connect(Settings.from_env({"QORGAN_REDIS_URL": cluster.url}), is_patient=True)
    index = WebIndex.create(store, made.folder / "data" / "keys")
    index.published("leak", IINS[:3])
    notice_book.key_checks(store, index.folder)
    store.close()
    return Patient(Deployed(cluster), index, made)


def name(server: Server) -> str:
    return f"127.0.0.1:{server.port}"


def asked(roll: Roll[Condition], server: Server, **changed: object) -> Roll[Condition]:
    """What all said, with something else from one of them."""
    one = {name(server): replace(roll.answers[name(server)], **changed)}
    return replace(roll, answers={**roll.answers, **one})


def test_in_order(patient: Patient) -> None:
    """Nothing is wrong, at a loader and at a web node; replicas are told as such, and no key is."""
    before = patient.store.contents()
    code, found = patient.examined()
    assert (0, {}) == (code, wrong(found))
    healthy = "ok: all 16,384 slots are on 3 primaries, each with a living replica"
    assert [healthy] == found["cluster"]
    assert found["store"][0].endswith(" answers (all 6 servers)")
    assert ["ok: what the store acknowledged is on its disk"] == found["durability"]
    assert "ok: our user of the store may read versions" in found["permissions"][0]
    code, found = patient.examined(user="range", **WEB)
    assert (0, {"key files", "service"}) == (code, set(wrong(found)))
    assert [healthy] == found["cluster"]
    assert before == patient.store.contents()


@pytest.mark.parametrize("role", ["primary", "replica"])
def test_one_server_is_set_otherwise(patient: Patient, role: str) -> None:
    """It is told which; a replica will be primary one day."""
    cluster = patient.store.cluster
    primary = cluster.primaries()[0]
    server = primary if role == "primary" else cluster.replica_of(primary)
    primary.admin.setrange(
        cluster.key_on(primary), 16 << 20, b"x"
    )  # beside it buffers weigh nothing
    assert 1 == primary.admin.wait(1, 5000)
    full = int(server.admin.info("memory")["used_memory"] * 1.2)
    changed = {"appendfsync": "everysec", "maxmemory": full, "set-max-listpack-entries": 64}
    before = {option: server.admin.config_get(option)[option] for option in changed}
    for option, value in changed.items():
        server.admin.config_set(option, value)
    try:
        code, found = patient.examined()
    finally:
        for option, value in before.items():
            server.admin.config_set(option, value)
    told = wrong(found)
    assert (0, {"durability", "store memory"}) == (code, set(told))
    late = f"the store may lose writes when it crashes ({name(server)}); set appendfsync always"
    assert [f"warning: {late}"] == told["durability"]
    wide, memory = told["store memory"]
    assert f"more than twice the memory ({name(server)}); set set-max-listpack-entries" in wide
    assert f" MiB is used ({name(server)})" in memory


@pytest.mark.parametrize(
    ("changed", "check", "level", "sentence"),
    [
        ({"clock": -60.0}, "clock", "problem", "clock and ours are 60.0 s apart ({})"),
        ({"commands": (7, 0, 1)}, "store", "warning", " answers ({}); before Redis 7.2 "),
        ({"failed": ("snapshot",)}, "durability", "problem", "not write its snapshot ({}); look"),
        ({"has_file": False}, "durability", "warning", "no append-only file ({}), a crash"),
        ({"fsync": None}, "durability", "warning", "not known ({}): our user may not read"),
        ({"memory_max": 0}, "store memory", "warning", "not known: the store does not tell"),
    ],
)
def test_the_worst_is_told(
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, object],
    check: str,
    level: str,
    sentence: str,
) -> None:
    """What one of six says of itself and the others do not."""
    read, server = condition.read, patient.store.cluster.servers[4]
    monkeypatch.setattr(condition, "read", lambda store: asked(read(store), server, **changed))
    code, found = patient.examined()
    (told,) = wrong(found)[check]
    assert ([check], 3 if level == "problem" else 0) == (list(wrong(found)), code)
    assert told.startswith(f"{level}: ")
    assert sentence.format(name(server)) in told


def test_users_that_one_server_does_not_know(patient: Patient) -> None:
    """Each server has its own users.acl: one that is older, and one without our user."""
    older, strange = patient.store.cluster.servers[1], patient.store.cluster.servers[5]
    older.admin.execute_command("ACL", "SETUSER", "loader", "-srem")
    try:
        code, found = patient.examined()
        strange.admin.execute_command("ACL", "SETUSER", "loader", "off")
        strange.admin.execute_command("CLIENT", "KILL", "USER", "loader")
        code_then, found_then = patient.examined()
    finally:
        for server in (older, strange):
            server.admin.execute_command("ACL", "LOAD")
    assert (3, 3) == (code, code_then)
    refused = f"keep subscriptions ({name(older)}); not write the ledger ({name(older)}); give it"
    assert f"problem: our user of the store may not {refused}" in found["permissions"][0]
    assert found_then["store"][0].startswith("problem: the store refuses our credentials; ")
    silent = f"warning: servers of it do not answer us ({name(strange)}); see that they run, "
    assert found_then["cluster"][0].startswith(silent)


def test_a_primary_without_a_replica(patient: Patient) -> None:
    """It works, and the next death takes a third of the index away."""
    cluster = patient.store.cluster
    primary = cluster.primaries()[0]
    cluster.replica_of(primary).kill()
    wait_until(lambda: any(len(entry) == 3 for entry in cluster._slots()))
    code, found = patient.examined()
    assert (0, ["cluster"]) == (code, list(wrong(found)))
    (told,) = found["cluster"]
    assert told.startswith(f"warning: primaries without a living replica: 1 of 3 ({name(primary)})")


def test_a_cluster_that_is_down(patient: Patient) -> None:
    """The store is away; what of it still runs tells which servers to start."""
    cluster = patient.store.cluster
    primary = cluster.primaries()[0]
    cluster.replica_of(primary).kill()
    primary.kill()
    away = "problem: the store cannot be reached; check that it runs, then run the same command "
    silent = f"warning: servers of it do not answer us ({name(primary)}"
    living = [server for server in cluster.servers if server.process.poll() is None]
    wait_until(lambda: all(is_down(server) for server in living))
    code, found = patient.examined()
    assert (3, True) == (code, found["store"][0].startswith(away))
    down = [told for told in found["cluster"] if "it is down" in told]
    assert down[0].startswith("problem: it is down, as servers of it say (4 of ")
    assert any(told.startswith(silent) for told in found["cluster"])
    for server in living:
        server.kill()
    code, found = patient.examined()
    assert (3, True) == (code, found["store"][0].startswith(away))
    assert "cluster" not in found


def is_down(server: Server) -> bool:
    return server.admin.execute_command("CLUSTER INFO")["cluster_state"] == "fail"


def test_slots_that_nobody_has(patient: Patient) -> None:
    """They are counted, also where no server is dead."""
    cluster = patient.store.cluster
    owner = cluster.primary_of("qorgan:index")
    slot = key_slot(b"qorgan:index")
    for server in cluster.primaries():
        server.admin.execute_command("CLUSTER DELSLOTS", slot)
    try:
        for server in cluster.servers:  # replicas follow by themselves, unless they are late
            with suppress(redis.ResponseError):
                server.admin.execute_command("CLUSTER DELSLOTS", slot)
        code, found = patient.examined()
    finally:
        owner.admin.execute_command("CLUSTER ADDSLOTS", slot)
    assert 3 == code
    assert any(told.startswith("problem: 1 of 16,384 slots are on") for told in found["cluster"])


def test_servers_that_are_no_cluster_yet(patient: Patient, tmp_path: Path) -> None:
    """What makes them one is told."""
    alone = Server(tmp_path, free_port(), free_port(), {})
    alone.start()
    try:
        code, found = patient.examined(
            QORGAN_REDIS_URL=f"redis+cluster://loader:loader-pw@127.0.0.1:{alone.port}/"
        )
    finally:
        alone.kill()
    told = "serve no slots yet; make them one cluster first (valkey-cli --cluster create)"
    assert (3, [f"problem: the servers of QORGAN_REDIS_URL {told}"]) == (code, found["cluster"])
