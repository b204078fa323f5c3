"""The costly part of a load, made to run in a pool: identifiers in, sealed ledger rows out.

A worker process gets the keys once, when it starts, and forgets the identifiers as it goes.
voprf holds the interpreter's lock, so workers are processes.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.process import BaseProcess

import numpy as np
from numpy.typing import NDArray

from lookup import keys
from lookup.errors import Code, UnavailableError
from lookup.index import seal
from lookup.protocol import entries
from lookup.protocol.stretch import Argon2Parameters, stretch_all
from lookup.protocol.suite import Kind, Lane
from lookup.secrecy import forbid_core_dumps

_GRACE = 5.0  # seconds from a worker's end to that of the whole pool


@dataclass(frozen=True)
class Recipe:
    """What turns an identifier into a ledger row. The representation shows no key."""

    lane: Lane
    dataset_id: int
    argon2: Argon2Parameters
    lane_seed: bytes = field(repr=False)
    ledger_key: bytes = field(repr=False)


class Deriver:
    """A recipe with its OPRF key made ready."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._key = keys.derive_lane_key(recipe.lane_seed, recipe.lane)

    def rows(self, kind: Kind, texts: list[str], masks: NDArray[np.uint16]) -> seal.Rows:
        """The sealed rows, shape (n, 18), of n canonical identifiers."""
        # Step by step and not text by text: each stays in the processor's caches.
        stretched = stretch_all(kind, texts, self._recipe.argon2)
        outputs = [self._key.evaluate(one) for one in stretched]
        pairs = entries.pairs(map(entries.token, outputs), self._recipe.dataset_id)
        return seal.seal(self._recipe.ledger_key, pairs, masks)


@contextmanager
def pool(recipe: Recipe, workers: int) -> Iterator[Executor]:
    """Local worker processes that hold the recipe; ``derive`` is what to submit.

    Raises:
        UnavailableError: INTERNAL, a worker was killed from outside.

    If the block fails or is interrupted, workers are ended in the middle of their work.
    """
    executor = ProcessPoolExecutor(
        workers,
        # Spawned, not forked: a fork would share our locks, sockets and big arrays.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(recipe,),
    )
    over = threading.Event()
    try:
        _start_workers(executor, workers)
        started = multiprocessing.active_children()
        threading.Thread(target=_free, args=(executor, started, over), daemon=True).start()
        yield executor
    except BaseException as error:
        for worker in multiprocessing.active_children():
            worker.terminate()  # with a slow profile, what is submitted takes a minute
        if isinstance(error, BrokenProcessPool):
            raise UnavailableError(
                Code.INTERNAL,
                "a hashing worker was killed; free memory or lower QORGAN_WORKERS, then run the "
                "same command again",
            ) from None
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
        over.set()


def derive(kind: Kind, texts: list[str], masks: NDArray[np.uint16]) -> seal.Rows:
    """``Deriver.rows`` in a pool's worker."""
    assert _deriver is not None  # noqa: S101  the pool's initializer has run
    return _deriver.rows(kind, texts, masks)


def _start_workers(executor: Executor, workers: int) -> None:
    """Start them whole, with Ctrl-C put off: one half told what to do would show a traceback.

    A worker inherits SIGINT blocked, until ``_start`` runs. To block it is not enough here: a
    library's thread would take it, and Python raise it in ours.
    """
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        for _ in range(workers):
            executor.submit(os.getpid)  # a pool starts a worker when there is work for it
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGINT, handler)
    if came:
        raise KeyboardInterrupt


def _free(executor: ProcessPoolExecutor, workers: list[BaseProcess], over: threading.Event) -> None:
    """End a pool that does not see that it is broken.

    A worker that is killed while it sends a result leaves the pool's thread to wait for the rest of
    it. There is none, but no end either: the others could send, and so could we.
    """
    connection.wait([worker.sentinel for worker in workers])
    if not over.wait(_GRACE):
        for worker in workers:
            worker.kill()
        # concurrent.futures has no other way to wake who reads it; typeshed does not know it.
        executor._result_queue._writer.close()  # type: ignore[attr-defined]  # noqa: SLF001


_deriver: Deriver | None = None


def _start(recipe: Recipe) -> None:
    global _deriver  # noqa: PLW0603  a pool's worker has no other place to keep it
    forbid_core_dumps()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the loader, who ends the pool
    threading.Thread(target=_follow_parent, daemon=True).start()
    _deriver = Deriver(recipe)


def _follow_parent() -> None:
    """A killed loader leaves no workers behind: they would wait for ever on its queue."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
