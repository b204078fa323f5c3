"""One load into a dataset at a time, loads that start over, and the list of loads."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_index import SmallIndex, iins

from loaders.formats import open_source
from loaders.load import Loader, Request
from loaders.progress import Advance, Progress
from loaders.publish import Publisher
from loaders.stats import LoadStatus, statuses
from loaders.withdraw import withdraw
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import keyspace, ledger, load_lock
from lookup.index.embedded import EmbeddedStore
from lookup.index.ledger import LoadState
from lookup.index.store import Store
from lookup.protocol.suite import Kind, Lane

ANN, *CROWD = iins(301)
BY_IIN = Request("one", {Kind.IIN: "iin"}, ())
REFUSED = (
    "another load into one is running; wait for it (see: qorgan loads), or, if it was killed on "
    "another machine, run the same command again in a minute"
)


@pytest.fixture
def index(store: Store, monkeypatch: pytest.MonkeyPatch) -> SmallIndex:
    """An index in whose datasets nothing is loaded; a checkpoint every 100 identifiers."""
    monkeypatch.setattr("loaders.second_pass._SLICE", 100)
    monkeypatch.setattr("loaders.second_pass._GROUP", 100)
    return SmallIndex.with_datasets(store)


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """A dump of 300 people."""
    return written(tmp_path / "crowd.csv", CROWD)


def written(path: Path, people: list[str]) -> Path:
    """A dump of these people."""
    path.write_text("".join(f"{line}\n" for line in ("iin", *people)), encoding="utf-8")
    return path


class At(Progress):
    """Does something when the first identifiers of a task are done."""

    def __init__(self, task: str, then: Callable[[], object]) -> None:
        self._task, self._then = task, then

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        with super().task(description, total):
            yield self._advance if description == self._task else lambda _: None

    def _advance(self, amount: int) -> None:
        if amount:
            self._then()


def interrupt() -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


def load(
    index: SmallIndex, path: Path, progress: Progress | None = None, *, fresh: bool = False
) -> str:
    """Load a file with one worker; its certificate."""
    loader = Loader(index.store, index.definition, index.keys, 1, progress or Progress())
    with open_source(path) as source:
        return loader.load(source, BY_IIN, fresh=fresh)[0]


def interrupted(index: SmallIndex, path: Path) -> None:
    """Load the first 100 people of a file."""
    with pytest.raises(KeyboardInterrupt):
        load(index, path, At("hashing", interrupt))


def refusal(something: Callable[[], object]) -> str:
    """Why it is refused."""
    with pytest.raises(InputError) as caught:
        something()
    assert Code.BAD_USAGE is caught.value.code
    return caught.value.sentence


@pytest.mark.parametrize("task", ["reading", "hashing"])
def test_two_loads_into_one_dataset_at_once(
    index: SmallIndex, crowd: Path, tmp_path: Path, task: str
) -> None:
    """The second is refused with what to do, whichever file it has; the first goes on."""
    other = written(tmp_path / "other.csv", [ANN])
    seen: list[str] = []

    def load_too() -> None:
        seen.extend(refusal(lambda path=path: load(index, path)) for path in (crowd, other))

    load(index, crowd, At(task, load_too))
    assert {REFUSED} == set(seen)
    assert [(1, LoadState.LOADED, 300)] == [
        (each.id, each.state, each.checkpoint) for each in ledger.loads_of(index.store, 1)
    ]
    assert not index.store.redis.exists(keyspace.load_lock(1))
    load(index, other)


def test_another_dataset_is_free(index: SmallIndex, crowd: Path) -> None:
    """Two datasets are loaded side by side."""
    with load_lock.hold(index.store, 2, "two"):
        load(index, crowd)


HOLDER = """
import sys, time, redis
from lookup.index import load_lock
from lookup.index.store import Store
with load_lock.hold(Store(redis.Redis(unix_socket_path=sys.argv[1]), None), 1, "one"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells who is dead")
def test_a_killed_load_is_followed_at_once(
    index: SmallIndex, crowd: Path, valkey: EmbeddedStore
) -> None:
    """On the machine where it was killed nobody waits for the lock to run out."""
    arguments = [sys.executable, "-c", HOLDER, str(valkey.socket)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "held\n" == process.stdout.readline()
        assert REFUSED == refusal(lambda: load(index, crowd))
        assert ["reading"] == [status.state for status in statuses(index.store)]
        os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.2)  # it is dead, though nobody has buried it
        assert index.store.redis.exists(keyspace.load_lock(1))
        assert [] == statuses(index.store)
        load(index, crowd)


def test_one_that_was_killed_elsewhere_runs_out(index: SmallIndex, crowd: Path) -> None:
    """Within a minute; until then the sentence says so. A holder says when he is alive."""
    with load_lock.hold(index.store, 1, "one") as held:
        life = index.store.redis.pttl(keyspace.load_lock(1))
    assert 30_000 < life <= 60_000
    elsewhere = held.owner.replace(held.owner[:4], "----", 1)
    index.store.redis.set(keyspace.load_lock(1), elsewhere, px=500)
    assert REFUSED == refusal(lambda: load(index, crowd))
    time.sleep(0.6)
    load(index, crowd)


def test_the_lock_is_renewed(index: SmallIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a load takes."""
    monkeypatch.setattr(load_lock, "_LIFE", 0.4)
    monkeypatch.setattr(load_lock, "_RENEWAL", 0.05)
    with load_lock.hold(index.store, 1, "one") as held:
        time.sleep(1)
        assert held.owner == load_lock.holder(index.store, 1)
        held.refuse_if_lost()


def test_a_load_that_lost_its_lock_stops(
    index: SmallIndex, crowd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine slept, and another may have begun: it writes nothing more, nor frees the lock."""
    monkeypatch.setattr(load_lock, "_RENEWAL", 0.01)

    def sleep() -> None:
        index.store.redis.set(keyspace.load_lock(1), "another")
        time.sleep(0.2)

    with pytest.raises(UnavailableError, match="this load stood still for so long"):
        load(index, crowd, At("hashing", sleep))
    assert 100 == ledger.read(index.store, 1).checkpoint
    assert "another" == load_lock.holder(index.store, 1)


def test_ctrl_c_frees_the_lock(index: SmallIndex, crowd: Path) -> None:
    """The same command goes on at once."""
    interrupted(index, crowd)
    assert "" == load_lock.holder(index.store, 1)
    load(index, crowd)


def test_fresh_starts_an_interrupted_load_over(index: SmallIndex, crowd: Path) -> None:
    """What it wrote is deleted, and another load begins at nothing."""
    interrupted(index, crowd)
    steps: list[int] = []
    load(index, crowd, At("hashing", lambda: steps.append(1)), fresh=True)
    assert 3 == len(steps)
    assert [(1, LoadState.PURGED), (2, LoadState.LOADED)] == [
        (each.id, each.state) for each in ledger.loads_of(index.store, 1)
    ]
    assert [] == index.store.redis.keys("q:p:1:*")
    index.publish("one")
    assert {"one": 1} == index.ask(Lane.PUBLIC, CROWD[0])


def test_fresh_killed_goes_on_without_it(index: SmallIndex, crowd: Path) -> None:
    """A load that was started over is interrupted and goes on like any other."""
    interrupted(index, crowd)
    with pytest.raises(KeyboardInterrupt):
        load(index, crowd, At("hashing", interrupt), fresh=True)
    steps: list[int] = []
    load(index, crowd, At("hashing", lambda: steps.append(1)))
    assert 3 == len(steps)  # 100 that were safe, and twice 100
    assert 300 == ledger.read(index.store, 2).checkpoint


def test_fresh_of_what_is_loaded_is_refused(index: SmallIndex, crowd: Path) -> None:
    """Nothing that may be published is deleted by a flag."""
    load(index, crowd)
    expected = (
        "this file is loaded already; to load it anew, first run: qorgan withdraw one --reason TEXT"
    )
    assert expected == refusal(lambda: load(index, crowd, fresh=True))
    assert LoadState.LOADED is ledger.read(index.store, 1).state


def test_a_withdrawn_file_needs_fresh(index: SmallIndex, crowd: Path) -> None:
    """It does not come back by accident; with --fresh it is another load, beside the old one."""
    load(index, crowd)
    withdraw(Publisher(index.store, index.definition, index.keys, Progress()), "one", "a mistake")
    assert (
        "the load of this file was withdrawn; to show it again run: qorgan rollback VERSION, or "
        "load the file anew with --fresh" == refusal(lambda: load(index, crowd))
    )
    load(index, crowd, fresh=True)
    assert [(1, LoadState.WITHDRAWN), (2, LoadState.LOADED)] == [
        (each.id, each.state) for each in ledger.loads_of(index.store, 1)
    ]
    index.publish("one")
    assert {"one": 1} == index.ask(Lane.PUBLIC, CROWD[0])


def test_another_file_adds_to_the_dataset(index: SmallIndex, crowd: Path, tmp_path: Path) -> None:
    """It is another load, and the next publish has both."""
    load(index, crowd)
    index.publish("one")
    load(index, written(tmp_path / "more.csv", [ANN]))
    assert {} == index.ask(Lane.PUBLIC, ANN)
    index.publish("one")
    assert [{"one": 1}] * 2 == [index.ask(Lane.PUBLIC, who) for who in (ANN, CROWD[0])]


def test_the_list_of_loads(index: SmallIndex, crowd: Path, tmp_path: Path) -> None:
    """Where each load stands, and which of two that are not finished is the running one."""
    more = written(tmp_path / "more.csv", CROWD[:250])
    interrupted(index, crowd)
    seen: list[list[LoadStatus]] = []
    with pytest.raises(KeyboardInterrupt):
        load(
            index,
            more,
            At("hashing", lambda: (seen.append(statuses(index.store)), interrupt())),
        )
    assert [
        [("one", 1, "interrupted", 33, 100), ("one", 2, "running", 40, 100)],
    ] == [[shown(status) for status in listed] for listed in seen]
    load(index, crowd)
    withdraw(Publisher(index.store, index.definition, index.keys, Progress()), "one", "a mistake")
    first, second = statuses(index.store)
    assert (("one", 1, "withdrawn", 100, 300), "a mistake") == (shown(first), first.reason)
    assert ("one", 2, "interrupted", 40, 100) == shown(second)
    assert second.started.startswith("20")


def shown(status: LoadStatus) -> tuple[str, int | None, str, int, int]:
    """What does not depend on the time."""
    return status.dataset, status.load, status.state, status.done, status.rows


def test_a_column_typed_in_another_way_is_the_same_load(index: SmallIndex, crowd: Path) -> None:
    """Columns are found but for case and blanks, so loads are too."""
    load(index, crowd)
    loader = Loader(index.store, index.definition, index.keys, 1, Progress())
    with open_source(crowd) as source:
        _, was_loaded = loader.load(source, Request("one", {Kind.IIN: " IIN"}, ()))
    assert was_loaded
    assert 1 == len(ledger.loads_of(index.store, 1))
