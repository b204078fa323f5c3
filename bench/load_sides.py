"""The two sides of ``bench.load``: a real load's second pass, and its cryptography alone.

``python -m bench.load_sides load|bare PROFILE COUNT``
"""

import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier, Event
from time import perf_counter, sleep

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw
from voprf import ristretto

import loaders.load
from bench.figures import Clock, say
from bench.scratch import DATASET, scratch
from bench.turns import begun, ready
from loaders.derive import Recipe, pool
from loaders.formats import open_source
from loaders.load import Request
from loaders.progress import Advance, Progress
from loaders.synth import people, write_dump
from lookup.protocol.stretch import PROFILES, STRETCHED_BYTES
from lookup.protocol.suite import Kind

_SALT = b"qorgan bench v1."
_BATCH = 512  # identifiers taken through each step, between two looks at whether to stop


class _Timed(Progress):
    """Notes when each task began and ended."""

    def __init__(self) -> None:
        self.tasks: dict[str, tuple[float, float]] = {}

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        """Time the block."""
        del total
        begin = perf_counter()
        yield lambda _: None
        self.tasks[description] = begin, perf_counter()


class _Measured:
    """In place of the loader's ``pool``: the same, measured from its start to its end.

    Start and end of a pool are nothing in a load of millions; here they would be one part in
    twenty.
    """

    def __init__(self, server: int) -> None:
        self._server = server
        self.begin = self.end = self.cpu = 0.0

    @contextmanager
    def pool(self, recipe: Recipe, workers: int) -> Iterator[Executor]:
        """The loader's own pool; the clock runs from when all its workers are there."""
        with pool(recipe, workers) as executor:
            up: set[int] = set()
            while len(up) < workers:
                up.update(f.result() for f in [executor.submit(_nap) for _ in range(workers)])
            begun()
            self.begin, clock = perf_counter(), Clock(others=[self._server, *up])
            yield executor
            self.end, self.cpu = perf_counter(), clock.spent().cpu


def _nap() -> int:
    """Long enough for another worker, if there is one, to take the next nap."""
    sleep(0.02)
    return os.getpid()


def load(profile: str, count: int) -> None:
    """A load of a synthetic dump into a new index."""
    with scratch(profile) as index:
        path = index.settings.data / "dump.csv"
        with path.open("w", encoding="utf-8", newline="") as out:
            write_dump(out, count, seed=1)
        timed, measured = _Timed(), _Measured(index.pid)
        vars(loaders.load)["pool"] = measured.pool
        ready(others=[index.pid])
        begin = perf_counter()
        with open_source(path) as source:
            request = Request(DATASET, {Kind.IIN: "iin"}, (("full_name", "names"),))
            certificate, _ = index.loader(timed).load(source, request)
        end = perf_counter()
    document = {
        "whole": (begin, end),
        "reading": timed.tasks["reading"],
        "hashing": (measured.begin, measured.end),
        "cpu": measured.cpu,
        "count": json.loads(certificate)["identifiers"]["iin"],
    }
    say(json.dumps(document))


def bare(profile: str, count: int) -> None:
    """Argon2id and OPRF of the same identifiers, round and round, in as many processes."""
    texts = [
        f"iin:{person.iin}".encode() for person, _ in zip(people(1), range(count), strict=False)
    ]
    workers = multiprocessing.cpu_count()
    context = multiprocessing.get_context("spawn")
    start, stop = context.Barrier(workers + 1), context.Event()
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_keep, initargs=(start, stop)
    ) as executor:
        futures = [executor.submit(_loop, texts[at::workers], profile) for at in range(workers)]
        start.wait()
        ready(others=[])
        start.wait()
        begun()
        sys.stdin.readline()
        stop.set()
        say(json.dumps([future.result() for future in futures]))


_shared: tuple[Barrier, Event] | None = None


def _keep(start: Barrier, stop: Event) -> None:
    global _shared  # noqa: PLW0603  a pool's worker has no other place to keep it
    _shared = start, stop


def _loop(texts: list[bytes], profile: str) -> dict[str, float]:
    assert _shared is not None
    start, stop = _shared
    memory_kib, time_cost, parallelism = PROFILES[profile]
    rest = (_SALT, time_cost, memory_kib, parallelism, STRETCHED_BYTES, Type.ID, ARGON2_VERSION)
    evaluate = ristretto.Evaluator.from_seed(bytes(32), b"bench").evaluate_known_input
    start.wait()  # all are there, one part each
    start.wait()  # the turn has come
    begin, clock, count, at = perf_counter(), Clock(), 0, 0
    while not stop.is_set():
        stretched = [hash_secret_raw(text, *rest) for text in texts[at : at + _BATCH]]
        count += len([evaluate(one) for one in stretched])
        at = at + _BATCH if at + _BATCH < len(texts) else 0
    return {"begin": begin, "end": perf_counter(), "cpu": clock.spent().cpu, "count": count}


if __name__ == "__main__":
    {"load": load, "bare": bare}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
