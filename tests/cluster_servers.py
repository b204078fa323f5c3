"""Six real Valkey servers on loopback that are a cluster: three primaries, a replica of each."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from conftest import ROOT, free_port, wait_until
from redis.crc import key_slot

from lookup.index.valkey_server import _binary

_SLOTS = 16384
_PRIMARIES = 3
_DEPLOY = ROOT / "deploy" / "valkey"
_PASSWORDS = {
    f"{name.upper()}-PASSWORD": f"{name}-pw"
    for name in ("range", "web", "loader", "replica", "cluster")
}
_OPTIONS = {  # what is not as deployed
    "bind": "127.0.0.1",
    "cluster-node-timeout": "1000",
    # A replica does not have to be in time to take over: the machine may be busy.
    "cluster-replica-validity-factor": "0",
    "repl-diskless-sync-delay": "0",
}


@dataclass
class Server:
    """One of them; ``port`` + 1 would be somebody else's, so its bus has a port of its own."""

    folder: Path
    port: int
    bus: int
    options: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it; what it had on disk it has again."""
        for name in ("users.acl", "valkey.conf", "cluster.conf"):
            (self.folder / name).write_text(self._deployed(name))
        given = {"port": str(self.port), "cluster-port": str(self.bus), "dir": str(self.folder)}
        given |= _OPTIONS | self.options
        words = [word for name, value in given.items() for word in (f"--{name}", value)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [_binary(), str(self.folder / "cluster.conf"), *words], stdout=log, stderr=log
            )
        wait_until(self._answers, 10)

    def _deployed(self, name: str) -> str:
        """A file of ``deploy/valkey``, with the folder and passwords of a test."""
        if name == "users.acl":
            files = [_DEPLOY / "users.acl.example", _DEPLOY / "users-cluster.acl.example"]
            text = "".join(file.read_text() for file in files)
            text += "user admin on >admin-pw ~* &* +@all\n"
        else:
            text = (_DEPLOY / name).read_text()
        for password, ours in _PASSWORDS.items():
            text = text.replace(password, ours)
        folder = str(self.folder)
        return text.replace("/etc/valkey", folder).replace("dir /data", f"dir {folder}")

    def kill(self) -> None:
        """SIGKILL, by its process id."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def move(self, key: str, target: "Server") -> None:
        """Hand a key to another server."""
        words = ("127.0.0.1", target.port, "", 0, 5000, "AUTH2", "admin", "admin-pw", "KEYS", key)
        self.admin.execute_command("MIGRATE", *words)

    def _answers(self) -> bool:
        with suppress(redis.ConnectionError):
            return bool(self.admin.ping())
        return False

    @property
    def admin(self) -> redis.Redis:
        """A client of this one server, who may do all."""
        return self.of("admin")

    def of(self, user: str) -> redis.Redis:
        """The same for another user."""
        return redis.Redis(port=self.port, username=user, password=f"{user}-pw", socket_timeout=10)


@dataclass
class ClusterServers:
    """The six; the first three were primaries at the beginning."""

    servers: list[Server] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of all of them: any may be dead."""
        return self.url_of("loader")

    def url_of(self, user: str) -> str:
        """The same for another user."""
        places = ",".join(f"127.0.0.1:{server.port}" for server in self.servers)
        return f"redis+cluster://{user}:{user}-pw@{places}/"

    def primaries(self) -> list[Server]:
        """Those that say so themselves, of the living."""
        living = [s for s in self.servers if s.process and s.process.poll() is None]
        return [s for s in living if s.admin.info("replication")["role"] == "master"]

    def primary_of(self, key: str) -> Server:
        """The server that a key lies on now."""
        for low, high, (_, port, *_rest), *_replicas in self._slots():
            if low <= key_slot(key.encode()) <= high:
                return next(s for s in self.servers if s.port == port)
        raise AssertionError(key)

    def key_on(self, server: Server) -> str:
        """The name of a key that lies on it, or would."""
        return next(
            key
            for key in map("qorgan:load:{}".format, range(10_000))
            if self.primary_of(key) is server
        )

    def configure(self, name: str, value: str) -> None:
        """An option of all that live."""
        for server in self.servers:
            if server.process and server.process.poll() is None:
                server.admin.config_set(name, value)

    def replica_of(self, primary: Server) -> Server:
        """A living replica of a server."""
        for server in self.servers:
            if server.process and server.process.poll() is None and server is not primary:
                about = server.admin.info("replication")
                if about["role"] == "slave" and about["master_port"] == primary.port:
                    return server
        raise AssertionError(primary.port)

    def is_whole(self) -> bool:
        """Whether all live, all slots are served, and each primary's replica has what it has."""
        if any(s.process is None or s.process.poll() is not None for s in self.servers):
            return False
        for server in self.servers:
            slots = server.admin.execute_command("CLUSTER SLOTS")
            if len(slots) < _PRIMARIES or not all(len(entry) == 4 for entry in slots):
                return False
            state = server.admin.execute_command("CLUSTER INFO")
            if state["cluster_state"] != "ok" or state["cluster_known_nodes"] != str(
                len(self.servers)
            ):
                return False
            about = server.admin.info("replication")
            if about["role"] == "slave" and about["master_link_status"] != "up":
                return False
        return True

    def mend(self) -> None:
        """Start again whoever is dead, empty all, and wait until the cluster is whole."""
        for server in self.servers:
            if server.process is None or server.process.poll() is not None:
                server.start()
        wait_until(self.is_whole)
        for server in self.primaries():
            server.admin.flushall()

    def _slots(self) -> list[list]:
        for server in self.servers:
            if server.process and server.process.poll() is None:
                return server.admin.execute_command("CLUSTER SLOTS")
        raise AssertionError


@contextmanager
def cluster_servers(**options: str) -> Iterator[ClusterServers]:
    """A whole cluster for the length of a block."""
    folder = Path(tempfile.mkdtemp(prefix="qc-", dir="/tmp"))
    made = ClusterServers()
    try:
        for number in range(2 * _PRIMARIES):
            (folder / str(number)).mkdir()
            server = Server(folder / str(number), free_port(), free_port(), options)
            made.servers.append(server)
            server.start()
        _join(made.servers)
        wait_until(made.is_whole)
        yield made
    finally:
        for server in made.servers:
            if server.process is not None and server.process.poll() is None:
                server.kill()
        shutil.rmtree(folder)


def _join(servers: list[Server]) -> None:
    """What ``valkey-cli --cluster create`` does; the wheel has no such program."""
    first, share = servers[0], -(-_SLOTS // _PRIMARIES)
    for number, server in enumerate(servers):
        server.of("cluster").execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        if number < _PRIMARIES:
            last = min((number + 1) * share, _SLOTS) - 1
            server.of("cluster").execute_command("CLUSTER ADDSLOTSRANGE", number * share, last)
        if server is not first:
            first.of("cluster").execute_command(
                "CLUSTER MEET", "127.0.0.1", server.port, server.bus
            )
    for number, server in enumerate(servers[_PRIMARIES:]):
        primary = servers[number].of("cluster").execute_command("CLUSTER MYID").decode()
        wait_until(lambda server=server, primary=primary: _follows(server, primary))


def _follows(server: Server, primary: str) -> bool:
    with suppress(redis.ResponseError):  # it has not heard of that one yet
        server.of("cluster").execute_command("CLUSTER REPLICATE", primary)
        return True
    return False


@pytest.fixture(scope="module")
def servers() -> Iterator[ClusterServers]:
    """One cluster for all tests of a file; each may kill what it likes."""
    with cluster_servers() as made:
        yield made


@pytest.fixture
def cluster(servers: ClusterServers) -> ClusterServers:
    """The same, whole and empty, with the permissions of a deployment."""
    servers.mend()
    return servers
