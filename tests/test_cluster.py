"""A load on a Dask cluster: the same ledger, and neither key nor identifier with the scheduler."""

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import wait_until
from program import DATASET, Program, program, refused
from small_index import SmallIndex, iins

from loaders.derive import Deriver, Recipe, derive
from loaders.formats import open_source
from loaders.load import Loader, Request
from loaders.progress import Advance, Progress
from lookup.errors import Code, UnavailableError
from lookup.index import keyspace, ledger, ledger_rows
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.protocol.stretch import Argon2Parameters
from lookup.protocol.suite import Kind, Lane

pytest.importorskip("distributed", reason="the extra qorgan[dask] is not installed")

from dask import config as dask_config
from dask_cluster import DaskCluster, dask_cluster

from loaders import cluster

PEOPLE = iins(600)
BY_IIN = Request("one", {Kind.IIN: "iin"}, ())
LOST = (
    "the cluster cannot be reached; check that scheduler and workers run, and that the "
    "certificates of DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ..._CLIENT__CERT and ..._CLIENT__KEY "
    "fit, then run the same command again"
)


class During(Progress):
    """Does something once, when the first identifiers are hashed."""

    def __init__(self, then: Callable[[], object]) -> None:
        self._then: Callable[[], object] | None = then

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        with super().task(description, total):
            yield self._advance if description == "hashing" else lambda _: None

    def _advance(self, amount: int) -> None:
        if amount and self._then is not None:
            then, self._then = self._then, None
            then()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler with two workers."""
    with dask_cluster(tmp_path_factory.mktemp("dask"), 2) as made:
        yield made


@pytest.fixture
def index(store: Store, monkeypatch: pytest.MonkeyPatch) -> SmallIndex:
    """An index in whose datasets nothing is loaded; a checkpoint every 40 identifiers."""
    monkeypatch.setattr("loaders.second_pass._SLICE", 40)
    monkeypatch.setattr("loaders.second_pass._GROUP", 40)
    return SmallIndex.with_datasets(store)


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """A dump of 600 people."""
    path = tmp_path / "dump.csv"
    path.write_text("".join(f"{line}\n" for line in ("iin", *PEOPLE)), encoding="utf-8")
    return path


def load(
    index: SmallIndex, path: Path, url: str | None = None, progress: Progress | None = None
) -> None:
    """Load a file, on the cluster at a URL if one is given."""
    loader = Loader(index.store, index.definition, index.keys, 1, progress or Progress())
    with ExitStack() as stack:
        source = stack.enter_context(open_source(path))
        chosen = stack.enter_context(cluster.connected(url)) if url else None
        replace(loader, cluster=chosen).load(source, BY_IIN)


def rows(index: SmallIndex) -> frozenset[bytes]:
    """The first load's sealed rows; it must be whole."""
    load_1 = ledger.read(index.store, 1)
    assert (ledger.LoadState.LOADED, len(PEOPLE)) == (load_1.state, load_1.checkpoint)
    return frozenset(
        row.tobytes() for part in ledger_rows.read(index.store, load_1) for row in part
    )


def local(index: SmallIndex, dump: Path) -> frozenset[bytes]:
    """The rows of a load by this machine into an index of the same keys; nothing of it is left."""
    load(index, dump)
    found = rows(index)
    made = index.store.redis.hget(keyspace.INDEX, "definition")
    assert made is not None
    index.store.redis.flushall()
    index.store.redis.hset(keyspace.INDEX, "definition", made)
    for name in ("one", "two"):
        index.dataset(name, lane=Lane.PUBLIC)
    return found


def test_a_clusters_ledger_is_this_machines(
    dask: DaskCluster, index: SmallIndex, dump: Path
) -> None:
    """The same rows; the scheduler's memory and all logs hold no key and no identifier."""
    expected = local(index, dump)
    secrets = (index.keys.lanes[Lane.PUBLIC], index.keys.ledger)
    seen: list[list[bool]] = []

    def search() -> None:
        wanted = (*secrets, *(iin.encode() for iin in PEOPLE[::50]))
        seen.append(dask.memory_holds(dask.scheduler, b"derive_sealed", *wanted))
        seen.append(dask.memory_holds(dask.workers[0], *secrets))

    load(index, dump, dask.url, During(search))
    assert expected == rows(index)
    assert [[True, *[False] * 14], [True, True]] == seen
    assert not [text for text in (*PEOPLE, *(s.hex() for s in secrets)) if text in dask.log]


def test_workers_forget(dask: DaskCluster, index: SmallIndex, dump: Path) -> None:
    """When a load ends or is interrupted, its keys are in no worker's store of data."""
    held: list[int] = []

    def interrupt() -> None:
        held.extend(kept(dask))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(index, dump, dask.url, During(interrupt))
    assert 2 == len(held)
    assert min(held) > 0
    wait_until(lambda: [0, 0] == kept(dask))


def kept(dask: DaskCluster) -> list[int]:
    """How many things each worker keeps."""
    with cluster.connected(dask.url) as connected:
        return list(connected.client.run(lambda dask_worker: len(dask_worker.data)).values())


def test_a_worker_that_may_write_keys_to_its_disk_gets_none(
    dask: DaskCluster, index: SmallIndex, dump: Path
) -> None:
    """One that spills its memory is told apart before any key is sent; another is not asked."""
    dask.add_workers(1, "--memory-limit", "1GiB")
    try:
        with pytest.raises(UnavailableError) as caught:
            load(index, dump, dask.url)
    finally:
        dask.end(dask.workers.pop())
    assert (
        "a worker of the cluster may write keys to its disk; start it with --memory-limit 0, then "
        "run the same command again"
    ) == caught.value.sentence
    assert [False] == dask.memory_holds(dask.workers[0], index.keys.ledger)


def test_a_worker_without_this_program_is_found_out(
    dask: DaskCluster, index: SmallIndex, dump: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names what to install."""
    monkeypatch.setattr(cluster, "_refuse_unfit", only_here)
    with pytest.raises(UnavailableError) as caught:
        load(index, dump, dask.url)
    assert caught.value.sentence.startswith(
        "a worker of the cluster does not have this program; install qorgan[dask] "
    )


def only_here(dask_worker: object) -> None:
    """A function of a module that no worker has."""


class Other(Executor):
    """A worker with another program: what it gives is not what was asked for."""

    def __init__(self, rows: np.ndarray[Any, Any]) -> None:
        self._rows = rows

    def submit(self, fn: Any, /, *_: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(self._rows)
        return future


def test_rows_of_another_program_are_refused(index: SmallIndex) -> None:
    """Other rows for what we derived ourselves, or a row too few: nothing of it is taken."""
    recipe = Recipe(
        Lane.PUBLIC, 1, index.definition.argon2, index.keys.lanes[Lane.PUBLIC], index.keys.ledger
    )
    masks = np.zeros(2, dtype=np.uint16)
    witness = cluster.witness(Deriver(recipe), Kind.IIN)
    right = np.concatenate([Deriver(recipe).rows(Kind.IIN, PEOPLE[:2], masks), witness])
    for given, is_right in ((right, True), (right[1:], False), (right[::-1], False)):
        sealing = cluster.Sealing(Other(given), None, cluster.Sealed(recipe, bytes(32)))
        future = sealing.submit(derive, Kind.IIN, PEOPLE[:2], masks)
        if is_right:
            assert np.array_equal(right[:2], future.result())
        else:
            with pytest.raises(UnavailableError, match="derives other rows than this program"):
                future.result()


def test_the_command(
    dask: DaskCluster,
    tmp_path: Path,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With a cluster it prints a certificate; else one sentence, before it reads the dump."""
    qorgan: Program = program(tmp_path, valkey, monkeypatch, capsys)
    assert 0 == qorgan("init", "--argon2", "test", "--prefix-bits", "10").code
    assert 0 == qorgan("dataset", "add", qorgan.write("one.toml", DATASET)).code
    on = ("load", "dump.csv", "--dataset", "one", "--iin", "iin", "--scheduler")
    for url in (dask.url.replace("tls", "tcp"), "tls://127.0.0.1", "x", "tls://[", "tls://a:1/b"):
        sentence = "--scheduler must be tls://HOST:PORT: keys travel over TLS only"
        assert refused(sentence) == qorgan(*on, url)
    monkeypatch.setattr(cluster, "_CONNECT", 0.2)
    assert refused(LOST, 3) == qorgan(*on, "tls://127.0.0.1:1")
    with dask_config.set({"distributed.comm.tls.client.cert": None}):
        sentence = (
            "--scheduler needs certificates; set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
            "..._CLIENT__CERT and ..._CLIENT__KEY to their files"
        )
        assert refused(sentence) == qorgan(*on, dask.url)
    monkeypatch.setattr(cluster, "_CONNECT", 10.0)
    assert 1 == json.loads(qorgan(*on, dask.url).out)["rows"]["accepted"]
    monkeypatch.setitem(sys.modules, "loaders.cluster", None)
    monkeypatch.delattr("loaders.cluster")
    sentence = "--scheduler needs Dask; in this program's checkout run: pip install -e '.[dask]'"
    assert refused(sentence) == qorgan(*on, dask.url)


def test_killed_workers_and_a_killed_scheduler(
    tmp_path: Path, index: SmallIndex, dump: Path
) -> None:
    """Others do a dead worker's work; without a scheduler the load stops, and goes on later."""
    expected = local(index, dump)
    (folder := tmp_path / "dask").mkdir()
    with dask_cluster(folder, 2) as made:
        load(index, dump, made.url, During(lambda: made.end(made.workers.pop())))
        assert expected == rows(index)
        local(index, dump)
        with pytest.raises(UnavailableError) as caught:
            load(index, dump, made.url, During(lambda: made.end(made.scheduler)))
        assert LOST == caught.value.sentence
    stopped = ledger.read(index.store, 1)
    assert ledger.LoadState.RUNNING is stopped.state
    assert 0 < stopped.checkpoint < len(PEOPLE)
    load(index, dump)
    assert expected == rows(index)


class NeverDone(Executor):
    """Takes work, as a cluster does whose scheduler has just gone."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return Future()


def test_who_waits_hears_of_a_lost_scheduler() -> None:
    """Dask may never end what was submitted: a load must stop all the same, and say so."""
    recipe = Recipe(Lane.PUBLIC, 1, Argon2Parameters(bytes(16), 64, 1, 1), bytes(32), bytes(32))
    sealing = cluster.Sealing(NeverDone(), None, cluster.Sealed(recipe, bytes(32)))
    submitted = (derive, Kind.IIN, PEOPLE[:2], np.zeros(2, dtype=np.uint16))
    before = sealing.submit(*submitted)
    sealing.give_up(UnavailableError(Code.SERVICE_UNREACHABLE, LOST))
    for waiting in (before, sealing.submit(*submitted)):
        with pytest.raises(UnavailableError, match="the cluster cannot be reached"):
            waiting.result(timeout=1)
