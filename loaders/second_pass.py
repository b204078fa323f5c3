"""The second pass over a load's identifiers: slices for the pool, groups of rows for the ledger.

Rows come in the order of the identifiers, whoever derives them, so that a load which was killed
goes on where its checkpoint is.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future

import numpy as np

from loaders.derive import derive
from loaders.distinct import Distinct
from loaders.people import People
from lookup.index import seal
from lookup.index.ledger import Load
from lookup.protocol.stretch import Argon2Parameters

_SLICE = 2048  # identifiers a worker takes at a time, at most; see _slice
_WAITING = 16  # slices submitted ahead for each worker: four seconds, while a group is written

# Rows that are written together: some for each set, for a command with four rows takes little
# longer than one with one. A kill costs as many.
_GROUP = 65_536  # at least
_GROUP_PER_SET = 4
_GROUP_SECONDS = 60.0  # or as many as come in a minute


def groups(
    executor: Executor,
    people: People,
    load: Load,
    argon2: Argon2Parameters,
    workers: int,
    advance: Callable[[int], None],
) -> Iterator[seal.Rows]:
    """The sealed rows of the identifiers beyond the load's checkpoint; ``derive`` makes them.

    ``advance`` is told of each slice once it is derived, or written if it ends a group.
    """
    slices = people.slices(load.checkpoint, _slice(argon2))
    derived = _derived(executor, slices, workers * _WAITING)
    size = group_rows(load)
    group: list[seal.Rows] = []
    count, since = 0, time.monotonic()
    for rows in derived:
        group.append(rows)
        count += len(rows)
        if count >= size or time.monotonic() - since > _GROUP_SECONDS:
            yield np.concatenate(group)
            group, count, since = [], 0, time.monotonic()
        advance(len(rows))
    if group:
        yield np.concatenate(group)


def group_rows(load: Load) -> int:
    """How many rows of a load are written together, if they come within a minute."""
    return max(_GROUP, _GROUP_PER_SET * load.shards)


def _slice(argon2: Argon2Parameters) -> int:
    """How many identifiers are a quarter of a second of a worker's time, by Argon2's cost."""
    return max(1, min(_SLICE, (1 << 19) // (argon2.memory_kib * argon2.time_cost)))


def _derived(
    executor: Executor, slices: Iterable[tuple[Distinct, int, int]], waiting: int
) -> Iterator[seal.Rows]:
    """Sealed rows in the order of the identifiers, with a few slices submitted ahead."""
    futures: deque[Future[seal.Rows]] = deque()
    for distinct, start, end in slices:
        texts = distinct.texts(start, end)
        futures.append(executor.submit(derive, distinct.kind, texts, distinct.masks[start:end]))
        if len(futures) >= waiting:
            yield futures.popleft().result()
    while futures:
        yield futures.popleft().result()
