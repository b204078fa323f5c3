"""The two servers of ``bench.soak``: a Valkey configured as in deploy/, and ``qorgan serve``.

Both can be killed and started again where they were.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from bench.server import free_port
from lookup.index.valkey_server import _binary

_PATIENCE = 60.0  # seconds
_DEPLOY = Path(__file__).parents[1] / "deploy" / "valkey"
_USERS = {"web": "web-soak", "loader": "loader-soak"}  # and their passwords


@dataclass
class Valkey:
    """The store's server process on its folder; always at the same port."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def made(cls, folder: Path) -> "Valkey":
        """Its configuration, from deploy/; not started."""
        folder.mkdir()
        port = free_port()
        acl = (_DEPLOY / "users.acl.example").read_text("utf-8")
        for user, password in _USERS.items():
            acl = acl.replace(f"{user.upper()}-PASSWORD", password)
        (folder / "users.acl").write_text(acl, "utf-8")
        conf = (_DEPLOY / "valkey.conf").read_text("utf-8")
        for old, new in (
            ("port 6379", f"port {port}\nbind 127.0.0.1"),
            ("/etc/valkey/users.acl", f"{folder}/users.acl"),
            ("dir /data", f"dir {folder}"),
        ):
            assert old in conf
            conf = conf.replace(old, new)
        (folder / "valkey.conf").write_text(conf, "utf-8")
        return cls(folder, port)

    def url(self, user: str) -> str:
        """As a node or a loader is configured with it."""
        return f"redis://{user}:{_USERS[user]}@127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """The harness's own look at it."""
        return redis.Redis.from_url(self.url("loader"), socket_timeout=_PATIENCE)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [_binary(), str(self.folder / "valkey.conf")],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        _wait("the store did not start", self._answers)

    def signal(self, number: int) -> None:
        """SIGKILL also waits until it is gone."""
        assert self.process is not None
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait(_PATIENCE)

    def _answers(self) -> bool:
        with self.client() as client, suppress(redis.RedisError):
            return bool(client.ping())
        return False


@dataclass
class Web:
    """``qorgan serve`` at one address; its log goes on over restarts."""

    env: dict[str, str]
    server: str
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The master's."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        before = self._said()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "loaders", "serve", "--server", self.server],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env | {"QORGAN_BIND": f"127.0.0.1:{self.port}"},
                start_new_session=True,
            )
        _wait("the web node did not start", lambda: self._said() > before)

    def stop(self) -> None:
        """SIGTERM, as a service manager does."""
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def workers(self) -> list[int]:
        """The processes that answer, the oldest first."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        pids = [int(pid) for pid in path.read_text("ascii").split()]
        return sorted(pid for pid in pids if _is_worker(pid))

    def renewed(self, act: Callable[[], None], gone: set[int], count: int) -> None:
        """Do something to workers, and wait until there are as many again without these."""
        act()

        def is_renewed() -> bool:
            now = set(self.workers())
            return len(now) == count and not now & gone

        _wait("workers were not replaced", is_renewed)

    def events(self) -> Counter[str]:
        """What its log tells of, and which lines in it are none of ours."""
        counted: Counter[str] = Counter()
        for line in self.log.read_text("utf-8", "replace").splitlines():
            told = json.loads(line) if line.startswith("{") else {"event": line[:60]}
            counted[" ".join(str(told[key]) for key in ("event", "error") if key in told)] += 1
        return counted

    def _said(self) -> int:
        return self.log.read_bytes().count(b"ready: ") if self.log.exists() else 0


def _is_worker(pid: int) -> bool:
    """Whether a child of the master is a worker: multiprocessing has one for its own ends."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z" and b"resource_tracker" not in words


def _wait(otherwise: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.02)
