"""Killed at any moment and run again, load and publish end in the index of a clean run.

Moments are random but seeded. For a soak test say how many kills each test shall make:
``KILLS=200 pytest tests/test_kill.py``.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import kill_runner
import pytest
from conftest import wait_until
from killable import LANE, Killable, Result, kill, result
from processes import children, lives

from lookup.index import keyspace, versions, view
from lookup.index.store import Store

PEOPLE = 6000
LOAD_KILLS = int(os.environ.get("KILLS", "8"))
PUBLISH_KILLS = int(os.environ.get("KILLS", "6"))
INTERRUPTED = "\nqorgan: interrupted; run the same command again to go on\n"


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


@pytest.fixture(scope="module", autouse=True)
def _small_chunks() -> Iterator[None]:
    """We read in the chunks that the killed ones write in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(versions, "CHUNK_BYTES", kill_runner.CHUNK_BYTES)
        yield


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
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


def test_a_load_killed_again_and_again(prepared: Prepared, copied: Copier) -> None:
    """No row is lost or made up, and the certificate counts what a clean one counts."""
    dice = random.Random(1)
    installation = copied(prepared.empty)
    kills = moves = 0
    checkpoints = [0]
    for number in range(LOAD_KILLS):
        process = installation.start(*installation.load("one"))
        if number % 2:
            installation.gets_beyond(checkpoints[-1], process)
            time.sleep(dice.uniform(0, 0.05))
        else:
            time.sleep(dice.uniform(0, 1.5))  # while it starts, or reads, or early in its hashing
        if kill(process):
            kills += 1
            checkpoint = installation.checkpoint()
            checkpoints.append(checkpoints[-1] if checkpoint is None else checkpoint)
            assert sorted(checkpoints) == checkpoints
            moves += checkpoints[-1] > checkpoints[-2]
        else:  # it was done before the kill came
            finish_load(installation, prepared.first)
            installation, checkpoints = copied(prepared.empty), [0]
    assert kills > LOAD_KILLS // 2
    assert moves >= LOAD_KILLS // 4
    finish_load(installation, prepared.first)


def finish_load(installation: Killable, expected: Result) -> None:
    """Load to the end and publish: all must be as after a clean load."""
    installation.run(*installation.load("one"))
    installation.run("publish", "one")
    assert expected == result(installation)


def test_a_load_interrupted_by_ctrl_c(prepared: Prepared, copied: Copier) -> None:
    """It ends soon, in order, with a sentence; the next run goes on from its checkpoint."""
    installation = copied(prepared.empty)
    process = installation.start(*installation.load("one"))
    installation.gets_beyond(0, process)
    family = children(process.pid)
    server = int((installation.data / "store" / "valkey.pid").read_text())
    assert len(family) > 1
    assert lives(server)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (130, "", INTERRUPTED) == (process.returncode, out, err)
    wait_until(lambda: not any(lives(pid) for pid in (*family, server)), seconds=5)
    with installation.store():
        stopped_at = installation.checkpoint() or 0
    assert 0 < stopped_at < len(prepared.first.rows)
    assert 0 == stopped_at % kill_runner.GROUP
    finish_load(installation, prepared.first)


def test_a_load_whose_workers_are_starting_when_ctrl_c_comes(
    prepared: Prepared, copied: Copier
) -> None:
    """However early Ctrl-C comes, no worker's traceback is shown in place of the sentence."""
    installation = copied(prepared.empty)
    for pause in (0.0, 0.1, 0.2):
        process = installation.start(*installation.load("one"))
        wait_until(lambda process=process: len(children(process.pid)) > 1)
        time.sleep(pause)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (130, "", INTERRUPTED) == (process.returncode, out, err)


def test_a_load_whose_store_is_killed(prepared: Prepared, copied: Copier) -> None:
    """The loader says so and ends with 3; what was acknowledged is on the disk, and it goes on."""
    installation = copied(prepared.empty)
    process = installation.start(*installation.load("one"))
    installation.gets_beyond(0, process)
    seen = installation.checkpoint() or 0
    os.kill(int((installation.data / "store" / "valkey.pid").read_text()), signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    sentence = "the store cannot be reached; check that it runs, then run the same command again"
    assert (3, "", f"qorgan: {sentence}\n") == (process.returncode, out, err)
    with installation.store():
        assert 0 < seen <= (installation.checkpoint() or 0) < len(prepared.first.rows)
    finish_load(installation, prepared.first)


class Reader(threading.Thread):
    """A web node that looks for a new version all the time, and remembers what it was served."""

    def __init__(self, store: Store, cache: Path) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.errors: list[Exception] = []
        self.stopped = threading.Event()
        self._store, self._cache = store, cache

    def run(self) -> None:
        number = 0
        while not self.stopped.wait(0.01):
            try:
                version = versions.read(self._store, LANE).current
                assert version is not None
                number += 1  # a new folder each time: all is fetched and checked anew
                view.load(self._store, LANE, version, self._cache / str(number)).close()
                shutil.rmtree(self._cache / str(number))
                self.seen.append(version.name)
            except Exception as error:  # noqa: BLE001  whatever it is, the test shall hear of it
                self.errors.append(error)


def test_a_publish_killed_again_and_again(
    prepared: Prepared, copied: Copier, tmp_path: Path
) -> None:
    """Whoever reads meanwhile sees the old version or the new one, each of them whole."""
    # At any chunk, or when all are written: about the switch.
    dice = random.Random(2)
    files = prepared.second.view, prepared.second.filter
    chunks = sum(-(-len(file) // kill_runner.CHUNK_BYTES) for file in files)
    moments = [min(dice.randrange(chunks * 5 // 4), chunks) for _ in range(PUBLISH_KILLS)]
    kills = 0
    while moments:
        installation = copied(prepared.one_published)
        with installation.store() as store, reading(store, tmp_path / "cache") as reader:
            while moments and versions.current_name(store, LANE) == prepared.old_name:
                process = installation.start("publish", "two")
                wait_for_chunks(store, process, moments.pop())
                kills += kill(process)
            installation.run("publish", "two")
            wait_until(lambda reader=reader: reader.seen[-1:] == [prepared.new_name])
        assert [] == reader.errors
        assert [prepared.old_name, prepared.new_name] == list(dict.fromkeys(reader.seen))
        assert [prepared.new_name] == _left_two_hours_later(installation)
        assert prepared.second == result(installation)
    assert kills > PUBLISH_KILLS // 2


@contextmanager
def reading(store: Store, cache: Path) -> Iterator["Reader"]:
    """Read all the while."""
    reader = Reader(store, cache)
    reader.start()
    try:
        wait_until(lambda: bool(reader.seen or reader.errors))
        yield reader
    finally:
        reader.stopped.set()
        reader.join()


def wait_for_chunks(store: Store, process: subprocess.Popen[str], count: int) -> None:
    """Wait until a publish has written so many chunks, or has ended."""
    before = len(store.redis.keys("qorgan:part:*"))
    while process.poll() is None and len(store.redis.keys("qorgan:part:*")) < before + count:
        time.sleep(0.001)


def _left_two_hours_later(installation: Killable) -> list[str]:
    """The versions whose chunks are there when a publish has cleaned up two hours later."""
    key = keyspace.versions(LANE)
    with installation.store() as store:
        fields = store.hash(key)
        for name, value in fields.items():
            if name.startswith(("stage:", "retired:")):
                store.set_hash(key, {name: str(int(value) - 7200)})
        versions.clean(store, LANE)
        stages = {each.split(b":")[3].decode() for each in store.redis.keys("qorgan:part:*")}
        assert {"current", "previous", f"record:{fields['current']}"} == set(store.hash(key))
    records = [json.loads(value) for name, value in fields.items() if name.startswith("record:")]
    named = {record["stage"]: record["name"] for record in records}
    return [named.get(stage, stage) for stage in stages]
