"""Publish, withdraw, rollback, forget and purge, killed at any moment, end as clean runs do.

Moments are random but seeded; ``make soak`` takes more of them.
"""

import json
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import kill_runner
import pytest
from conftest import wait_until
from killable import (
    LANE,
    Copier,
    Killable,
    Prepared,
    copied,
    kill,
    kills,
    prepared,
    result,
    small_chunks,
)

from lookup.index import audit, keyspace, ledger, versions, view
from lookup.index.audit_record import Event
from lookup.index.store import Store
from lookup.index.versions import FILTER, VIEW

__all__ = ["copied", "prepared", "small_chunks"]


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
    moments = [min(dice.randrange(chunks * 5 // 4), chunks) for _ in range(kills(6))]
    killed = 0
    while moments:
        installation = copied(prepared.one_published)
        with installation.store() as store, reading(store, tmp_path / "cache") as reader:
            while moments and versions.current_name(store, LANE) == prepared.old_name:
                process = installation.start("publish", "two")
                wait_for_chunks(store, process, moments.pop())
                killed += kill(process)
            installation.run("publish", "two")
            wait_until(lambda reader=reader: reader.seen[-1:] == [prepared.new_name])
        assert [] == reader.errors
        assert [prepared.old_name, prepared.new_name] == list(dict.fromkeys(reader.seen))
        assert [prepared.new_name] == left_two_hours_later(installation)
        assert prepared.second == result(installation)
    assert killed > kills(6) // 2


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


def left_two_hours_later(installation: Killable) -> list[str]:
    """The versions whose chunks are there when a publish has cleaned up two hours later."""
    key = keyspace.versions(LANE)
    with installation.store() as store:
        age(store)
        fields = store.hash(key)
        versions.clean(store, LANE)
        stages = {each.split(b":")[3].decode() for each in store.redis.keys("qorgan:part:*")}
        assert {"current", "previous", f"record:{fields['current']}"} == set(store.hash(key))
    records = [json.loads(value) for name, value in fields.items() if name.startswith("record:")]
    named = {record["stage"]: record["name"] for record in records}
    return [named.get(stage, stage) for stage in stages]


def age(store: Store) -> None:
    """Let two hours pass, for what publishes left and versions that were replaced."""
    key = keyspace.versions(LANE)
    for name, value in store.hash(key).items():
        if name.startswith(("stage:", "retired:")):
            store.set_hash(key, {name: str(int(value) - 7200)})


# What an operator types, and what lies before it.
OPERATIONS: dict[str, tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]] = {
    "withdraw": (("withdraw", "one", "--reason", "a court's order"), ()),
    "rollback": (("rollback", "VERSION"), (("publish", "two"),)),
    "forget": (("forget", "--publish"), ()),
    "purge": (("purge", "one"), (("withdraw", "one", "--reason", "a court's order"),)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_killed_again_and_again(prepared: Prepared, copied: Copier, name: str) -> None:
    """Killed at any word to the store and run again, it leaves what one clean run leaves."""
    words, before = OPERATIONS[name]
    command = [str(prepared.old_name) if word == "VERSION" else word for word in words]
    dump = prepared.empty.data.parent / "one.csv"
    someone = dump.read_text(encoding="utf-8").splitlines()[1].partition(";")[0] + "\n"
    made = copied(prepared.one_published)
    for earlier in before:
        made.run(*earlier)
    with made.store() as store:
        age(store)
    clean = copied(made)
    said = clean.data.parent / "words"
    clean.run(*command, stdin=someone, WORDS=str(said))
    expected = everything(clean)

    dice = random.Random(name)
    killed = 0
    while killed < kills(3):
        installation = copied(made)
        for _ in range(3):
            moment = dice.randint(1, int(said.read_text()))
            process = installation.start(*command, stdin=someone, KILL_AT=str(moment))
            process.communicate(timeout=60)
            assert process.returncode in (0, -signal.SIGKILL)
            killed += process.returncode != 0
            if killed == kills(3):
                break
        installation.run(*command, stdin=someone)
        assert expected == everything(installation)
        installation.run("verify")
        installation.run("audit", "verify")


def everything(installation: Killable) -> tuple[object, ...]:
    """All that an index comes to, but for times and the signatures over them."""
    with installation.store() as store:
        loads = [replace(load, owner="") for load in ledger.loads_of(store, 1)]
        rows = {key: store.redis.smembers(key) for key in store.redis.keys("q:*")}
        version = versions.read(store, LANE).current
        assert version is not None
        parts = [b"".join(versions.read_part(store, LANE, version, p)) for p in (VIEW, FILTER)]
        events = [record.event for record in audit.read(store).records]
        events = [event for event in events if event is not Event.FORGOT]  # one for each try
    document = json.loads(version.document)
    del document["published_at"]
    return loads, rows, document, parts, events
