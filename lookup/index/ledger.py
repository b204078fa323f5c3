"""The ledger: loads, and the sealed rows each of them brought.

A load is one file with one column mapping for one dataset. Its rows lie in sets, so writing a row
again changes nothing; its checkpoint is written after the rows it counts were acknowledged.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

import numpy as np

from lookup.index import keyspace
from lookup.index.seal import SEALED_BYTES, Rows
from lookup.index.store import Store
from lookup.protocol.suite import Lane

_ROWS_PER_SHARD = 80  # a set stays compact up to 128 members: 21 bytes a row instead of 50
_READ_AHEAD = 512  # shards asked for at a time while reading


class LoadState(StrEnum):
    """Only a loaded load is ever published."""

    RUNNING = "running"
    LOADED = "loaded"


@dataclass(frozen=True)
class Load:
    """One load as the store knows it.

    Attributes:
        id: its number, never used twice.
        dataset_id, lane: what it belongs to.
        file_sha256: hex; ``columns`` the mapping, ``"iin=ИИН"`` and so on: together its identity.
        shards: how many sets hold its rows, known after the first pass.
        checkpoint: how many distinct identifiers have their rows safely in the ledger.
        certificate: the JSON of the finished load, else empty.
    """

    id: int
    dataset_id: int
    lane: Lane
    file_sha256: str
    columns: tuple[str, ...]
    shards: int
    checkpoint: int
    state: LoadState
    certificate: str


def shards_for(identifiers: int) -> int:
    """How many sets a load of so many distinct identifiers is spread over."""
    return 1 << max(0, math.ceil(math.log2(max(identifiers, 1) / _ROWS_PER_SHARD)))


def begin(store: Store, wanted: Load) -> Load:
    """Enter a load, or find the one with the same dataset, file and columns (its id is ignored)."""
    client = store.redis
    loads_of = keyspace.loads_of(wanted.dataset_id)
    identity = json.dumps([wanted.file_sha256, *wanted.columns])
    known = client.hget(loads_of, identity)
    if known is None:
        load = replace(wanted, id=int(client.incr(keyspace.LAST_LOAD)))
        store.set_hash(keyspace.load(load.id), _to_hash(load))
        client.hsetnx(loads_of, identity, load.id)
        known = client.hget(loads_of, identity)
    return read(store, int(known or 0))


def read(store: Store, load_id: int) -> Load:
    """A load by id."""
    raw = store.hash(keyspace.load(load_id))
    return Load(
        id=load_id,
        dataset_id=int(raw["dataset_id"]),
        lane=Lane(raw["lane"]),
        file_sha256=raw["file_sha256"],
        columns=tuple(json.loads(raw["columns"])),
        shards=int(raw["shards"]),
        checkpoint=int(raw["checkpoint"]),
        state=LoadState(raw["state"]),
        certificate=raw["certificate"],
    )


def loads_of(store: Store, dataset_id: int) -> list[Load]:
    """All loads of a dataset, oldest first."""
    ids = store.redis.hvals(keyspace.loads_of(dataset_id))
    return [read(store, load_id) for load_id in sorted(map(int, ids))]


def write_rows(store: Store, load: Load, rows: Rows, checkpoint: int) -> None:
    """Add rows and, once all are acknowledged, move the checkpoint."""
    pipeline = store.redis.pipeline(transaction=False)
    for shard, members in _by_shard(rows, load.shards):
        pipeline.sadd(keyspace.ledger(load.lane, load.id, shard), *members)
    pipeline.execute()
    store.redis.hset(keyspace.load(load.id), "checkpoint", checkpoint)


def finish(store: Store, load: Load, certificate: str) -> None:
    """Mark a load as loaded, together with its certificate: from now on it can be published."""
    store.set_hash(
        keyspace.load(load.id), {"state": LoadState.LOADED.value, "certificate": certificate}
    )


def read_rows(store: Store, load: Load) -> Iterator[Rows]:
    """All rows of a load, in arrays of shape (n, 18)."""
    for first in range(0, load.shards, _READ_AHEAD):
        pipeline = store.redis.pipeline(transaction=False)
        for shard in range(first, min(first + _READ_AHEAD, load.shards)):
            pipeline.smembers(keyspace.ledger(load.lane, load.id, shard))
        together = b"".join(member for members in pipeline.execute() for member in members)
        yield np.frombuffer(together, dtype=np.uint8).reshape(-1, SEALED_BYTES)


def _by_shard(rows: Rows, shards: int) -> Iterable[tuple[int, list[bytes]]]:
    """Rows grouped by the shard that their first sealed bytes, as good as random, name."""
    shard_of = np.ascontiguousarray(rows[:, :4]).view(">u4").ravel() & (shards - 1)
    order = np.argsort(shard_of, kind="stable")
    grouped, ends = np.unique_counts(shard_of)
    members = np.ascontiguousarray(rows[order]).view(f"V{SEALED_BYTES}").ravel().tolist()
    at = 0
    for shard, count in zip(grouped.tolist(), ends.tolist(), strict=True):
        yield shard, members[at : at + count]
        at += count


def _to_hash(load: Load) -> dict[str, str]:
    fields = {key: str(value) for key, value in asdict(load).items() if key != "id"}
    return fields | {
        "lane": load.lane.value,
        "state": load.state.value,
        "columns": json.dumps(load.columns),
    }
