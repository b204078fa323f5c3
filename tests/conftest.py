"""Fixtures: a real store for each test that needs one, and whole installations on loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store

QORGAN = (sys.executable, "-m", "loaders")
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """One real Valkey for all tests of a session; use ``store``, which is empty."""
    with EmbeddedStore.attach(tmp_path_factory.mktemp("valkey")) as embedded:
        yield embedded


@pytest.fixture
def store(valkey: EmbeddedStore) -> Iterator[Store]:
    """An empty real store."""
    client = redis.Redis(unix_socket_path=str(valkey.socket))
    client.flushall()
    yield Store(client, None)
    client.close()


@dataclass
class Installation:
    """A data folder with its own embedded store, used through the ``qorgan`` command."""

    data: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("QORGAN_")}
        return clean | {"QORGAN_DATA": str(self.data)} | self.environ

    def qorgan(
        self, *arguments: str | Path, stdin: str = "", code: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run the command; its exit code must be ``code`` (None: any)."""
        done = subprocess.run(
            [*QORGAN, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.env,
            cwd=ROOT,
            timeout=300,
            check=False,
        )
        if code is not None:
            assert code == done.returncode, done.stderr
        return done

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start the command in a process group of its own and do not wait."""
        return subprocess.Popen(
            [*QORGAN, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
            cwd=ROOT,
            start_new_session=True,
        )

    def dataset(self, name: str, *, classes: tuple[str, ...], sensitive: bool = False) -> None:
        """Enter a dataset in the register."""
        path = self.data.parent / f"{name}.toml"
        path.write_text(
            f'name = "{name}"\nsensitive = {str(sensitive).lower()}\n'
            f'title = {{kk = "{name} kk", ru = "{name} ru", en = "{name} en"}}\n'
            f"breach_date = 2025-06-16\ndata_classes = {json.dumps(classes)}\n",
            encoding="utf-8",
        )
        self.qorgan("dataset", "add", path)

    @contextmanager
    def served(self, **environ: str) -> Iterator["Served"]:
        """The web service on a free port until the block ends; limits are off unless set."""
        port = free_port()
        env = {"QORGAN_EVALUATE_LIMIT": "off", "QORGAN_BIND": f"127.0.0.1:{port}"} | environ
        log = self.data.parent / f"serve-{port}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*QORGAN, "serve"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self.env | env,
                cwd=ROOT,
                start_new_session=True,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: process.poll() is not None or f"ready: {url}" in log.read_text())
            assert process.poll() is None, log.read_text()
            yield Served(url, process, log)
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise


@dataclass
class Served:
    """A running service: where it is, its gunicorn master, and all that it printed."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A new index with the test profile and 10 prefix bits."""
    made = Installation(tmp_path / "data")
    made.qorgan("init", "--argon2", "test", "--prefix-bits", "10")
    return made


def wait_until(condition: object, seconds: float = 30.0) -> None:
    """Wait until a callable is true; fail after so many seconds."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(url: str) -> tuple[int, bytes]:
    """Status and body of a GET, whatever the status."""
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
