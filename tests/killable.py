"""An installation that is killed, and all that its index comes to.

Tests say how often: ``KILLS=200 pytest tests/test_kill*.py`` is a soak test.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import kill_runner
import pytest
import redis
from conftest import ROOT, Installation, wait_until
from redis.backoff import NoBackoff
from redis.retry import Retry

from lookup.index import embedded, keyspace, ledger, ledger_rows, versions
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.index.versions import FILTER, VIEW
from lookup.protocol.suite import Lane

LANE = Lane.PUBLIC
PEOPLE = 6000


def kills(usual: int) -> int:
    """How many kills a test shall make."""
    return int(os.environ.get("KILLS", usual))


@dataclass
class Killable(Installation):
    """An installation whose commands go in small steps."""

    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(
        self, *arguments: str | Path, stdin: str = "", **environ: str
    ) -> subprocess.Popen[str]:
        typed = self.data.parent / "typed"
        typed.write_text(stdin, encoding="ascii")
        with typed.open("rb") as given:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "tests" / "kill_runner.py"), *map(str, arguments)],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=self.env | {"PYTHONPATH": str(ROOT)} | environ,
                cwd=ROOT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def run(self, *arguments: str | Path, stdin: str = "", **environ: str) -> str:
        """Run a command to its end, which must be a good one; what it printed."""
        with self.start(*arguments, stdin=stdin, **environ) as process:
            out, err = process.communicate(timeout=120)
        assert 0 == process.returncode, err
        return out

    def load(self, name: str) -> tuple[str, ...]:
        """The words of the command that loads a dump."""
        columns = ("--iin", "iin", "--field", "full_name=names", "--field", "phone=phone-numbers")
        return ("load", str(self.data.parent / f"{name}.csv"), "--dataset", name, *columns)

    def copy(self, folder: Path) -> "Killable":
        """The same installation in another place; nothing may be running here."""
        shutil.copytree(self.data.parent, folder)
        return Killable(folder / "data")

    def checkpoint(self) -> int | None:
        """How far the first load is; None where no store answers."""
        once = Retry(NoBackoff(), 0)  # by default it would try for some seconds
        socket = embedded._socket_path(self.data / "store")  # elsewhere, if the path is long
        client = redis.Redis(unix_socket_path=str(socket), retry=once)
        with closing(client):
            try:
                return int(client.hget(keyspace.load(1), "checkpoint") or 0)
            except redis.RedisError:
                return None

    def gets_beyond(self, checkpoint: int, process: subprocess.Popen[str]) -> None:
        """Wait until a load has got on, or has ended."""
        wait_until(
            lambda: process.poll() is not None or (self.checkpoint() or 0) > checkpoint, seconds=60
        )

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The embedded store, held for the length of a block."""
        with EmbeddedStore.attach(self.data / "store") as attached:
            client = redis.Redis(unix_socket_path=str(attached.socket))
            with closing(client):
                yield Store(client, attached)


@dataclass(frozen=True)
class Result:
    """All that a load and a publish come to, but for times and the signature over them."""

    rows: frozenset[bytes]
    certificate: dict[str, object]
    parameters: dict[str, object]
    view: bytes
    filter: bytes


def result(installation: Killable) -> Result:
    """What is in the store, read as a web node does."""
    with installation.store() as store:
        load = ledger.read(store, 1)
        version = versions.read(store, LANE).current
        assert version is not None
        parts = [b"".join(versions.read_part(store, LANE, version, p)) for p in (VIEW, FILTER)]
        sealed = b"".join(rows.tobytes() for rows in ledger_rows.read(store, load))
    assert [version.view_bytes, version.filter_bytes] == [len(part) for part in parts]
    document = json.loads(version.document)
    del document["published_at"]
    certificate = json.loads(load.certificate)
    del certificate["started_at"], certificate["finished_at"]
    rows = frozenset(sealed[at : at + 18] for at in range(0, len(sealed), 18))
    return Result(rows, certificate, document, *parts)


@dataclass(frozen=True)
class Prepared:
    """An installation to copy, and what a clean run of it comes to."""

    empty: Killable
    one_published: Killable  # and "two" loaded
    first: Result
    second: Result

    @property
    def old_name(self) -> object:
        """The version that has the first dataset only."""
        return self.first.parameters["version"]

    @property
    def new_name(self) -> object:
        """The version that has both."""
        return self.second.parameters["version"]


@pytest.fixture(scope="module")
def small_chunks() -> Iterator[None]:
    """We read in the chunks that the killed ones write in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(versions, "CHUNK_BYTES", kill_runner.CHUNK_BYTES)
        yield


@pytest.fixture(scope="module")
def prepared(small_chunks: None, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Two datasets and their dumps; loaded and published without disturbance in copies."""
    places = tmp_path_factory.mktemp("kill")
    empty = Killable(places / "empty" / "data")
    empty.qorgan("init", "--argon2", "test", "--prefix-bits", "10")
    for name, seed in (("one", 1), ("two", 2)):
        empty.dataset(name, classes=("names", "government-issued-ids", "phone-numbers"))
        with (empty.data.parent / f"{name}.csv").open("w", encoding="utf-8") as dump:
            dump.write(empty.qorgan("synth", "--people", str(PEOPLE), "--seed", str(seed)).stdout)
    clean = empty.copy(places / "clean")
    clean.run(*clean.load("one"))
    clean.run("publish", "one")
    first = result(clean)
    clean.run(*clean.load("two"))
    one_published = clean.copy(places / "one-published")
    clean.run("publish", "two")
    return Prepared(empty, one_published, first, result(clean))


Copier = Callable[[Killable], Killable]


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[Copier]:
    """Copies an installation; whatever happens, nothing of the copy runs on afterwards."""
    made: list[Killable] = []

    def copy(installation: Killable) -> Killable:
        made.append(installation.copy(tmp_path / f"copy-{len(made)}"))
        return made[-1]

    yield copy
    for installation in made:
        for process in installation.started:
            kill(process)
        with installation.store():
            pass


def kill(process: subprocess.Popen[str]) -> bool:
    """SIGKILL to a command and its workers; whether it was still at work."""
    with process:
        was_alive = process.poll() is None
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            assert not was_alive
    return was_alive
