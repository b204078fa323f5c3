"""Fixtures: a real store for each test that needs one, and whole installations on loopback."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import pytest
import redis

from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store

QORGAN = (sys.executable, "-m", "loaders")
ROOT = Path(__file__).parent.parent
# A quarter of a minute or more each: begun first, so that no worker is left alone with one.
LONG = (
    "test_story.py",
    "test_kill.py",
    "test_kill_publish.py",
    "test_browser_looks.py",
    "test_browser_doubts.py",
    "test_browser_check.py",
    "test_web.py",
    "test_bench.py",
    "test_browser_privacy.py",
    "test_privacy.py",
    "test_operations_cli.py",
    "test_store_cluster.py",
    "test_cluster_story.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; else as they are found."""
    items.sort(key=lambda item: item.path.name not in LONG)


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

    def copy(self, folder: Path) -> Self:
        """The same installation in another folder; nothing may run in this one."""
        shutil.copytree(self.data, folder / "data")
        return replace(self, data=folder / "data")

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
    def served(self, *arguments: str, **environ: str) -> Iterator["Served"]:
        """The web service on a free port until the block ends; limits are off unless set."""
        port = free_port()
        env = {"QORGAN_EVALUATE_LIMIT": "off", "QORGAN_BIND": f"127.0.0.1:{port}"} | environ
        log = self.data.parent / f"serve-{port}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*QORGAN, "serve", *arguments],
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


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """What ``installation`` copies."""
    made = Installation(tmp_path_factory.mktemp("initialised") / "data")
    made.qorgan("init", "--argon2", "test", "--prefix-bits", "10")
    return made


@pytest.fixture
def installation(initialised: Installation, tmp_path: Path) -> Installation:
    """A new index with the test profile and 10 prefix bits."""
    return initialised.copy(tmp_path)


@pytest.fixture(scope="session")
def published_site(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """What ``site_world.serving`` copies and serves."""
    from site_world import published

    return published(tmp_path_factory.mktemp("site"))


def wait_until(condition: object, seconds: float = 30.0) -> None:
    """Wait until a callable is true; fail after so many seconds."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def free_port() -> int:
    """A port on loopback that nobody listens on.

    None of those that the kernel gives to whoever connects somewhere: until our service listens,
    another test could get it.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def get(url: str) -> tuple[int, bytes]:
    """Status and body of a GET, whatever the status."""
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A long value is called by its argument: random ones would differ from worker to worker."""
    return argname if isinstance(val, str | bytes) and len(val) > 60 else None
