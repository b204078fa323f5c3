"""The ledger: loads, and the sealed rows each of them brought.

A load is one file with one column mapping for one dataset. Its rows lie in sets, so writing a row
again changes nothing; its checkpoint is written after the rows it counts were acknowledged. If the
same file gives other identifiers or masks (other phone rules, a data class more in the register),
that is another load: the checkpoint of the first means nothing to it.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

import numpy as np

from lookup.errors import Code, UnavailableError
from lookup.index import keyspace
from lookup.index.seal import SEALED_BYTES, Rows
from lookup.index.store import Store
from lookup.protocol.suite import Lane

_ROWS_PER_SHARD = 80  # a set stays compact up to 128 members: 21 bytes a row instead of 50
_READ_AHEAD = 512  # shards asked for at a time while reading


# Checkpoint and sum move together, and only once if a reply got lost and this is sent again.
_ADVANCE = """
if tonumber(redis.call('HGET', KEYS[1], 'checkpoint')) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'checkpoint', ARGV[1])
  redis.call('HINCRBY', KEYS[1], 'rows_sum', ARGV[2])
end
"""


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
        file_sha256: hex; ``columns`` the mapping, ``"iin=ИИН"`` and so on; ``found`` a keyed hash
            of the identifiers and masks of the first pass: together its identity.
        identifiers: how many distinct ones it has, and so rows; ``shards`` sets hold them.
        checkpoint: how many distinct identifiers have their rows safely in the ledger.
        certificate: the JSON of the finished load, else empty.
    """

    id: int
    dataset_id: int
    lane: Lane
    file_sha256: str
    columns: tuple[str, ...]
    found: str
    identifiers: int
    shards: int
    checkpoint: int
    state: LoadState
    certificate: str


def shards_for(identifiers: int) -> int:
    """How many sets a load of so many distinct identifiers is spread over."""
    return 1 << max(0, math.ceil(math.log2(max(identifiers, 1) / _ROWS_PER_SHARD)))


def begin(store: Store, wanted: Load) -> Load:
    """Enter a load, or find the one of the same dataset and identity (its id is ignored)."""
    client = store.redis
    loads_of = keyspace.loads_of(wanted.dataset_id)
    identity = json.dumps([wanted.file_sha256, wanted.found, *wanted.columns])
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
        found=raw["found"],
        identifiers=int(raw["identifiers"]),
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
    store.redis.eval(_ADVANCE, 1, keyspace.load(load.id), str(checkpoint), str(_sum(rows)))


def finish(store: Store, load: Load, certificate: str) -> None:
    """Mark a load as loaded, together with its certificate: from now on it can be published."""
    store.set_hash(
        keyspace.load(load.id), {"state": LoadState.LOADED.value, "certificate": certificate}
    )


def read_rows(store: Store, load: Load) -> Iterator[Rows]:
    """All rows of a finished load, in arrays of shape (n, 18).

    Raises:
        UnavailableError: STORE_UNAVAILABLE, rows are missing or damaged: their people would read
            "not found". (Only when all rows were read.)
    """
    missing, total = load.identifiers, 0
    for first in range(0, load.shards, _READ_AHEAD):
        pipeline = store.redis.pipeline(transaction=False)
        for shard in range(first, min(first + _READ_AHEAD, load.shards)):
            pipeline.smembers(keyspace.ledger(load.lane, load.id, shard))
        together = b"".join(member for members in pipeline.execute() for member in members)
        rows = np.frombuffer(together, dtype=np.uint8).reshape(-1, SEALED_BYTES)
        missing -= len(rows)
        total += _sum(rows)
        yield rows
    if missing or total != int(store.redis.hget(keyspace.load(load.id), "rows_sum") or 0):
        raise UnavailableError(
            Code.STORE_UNAVAILABLE,
            f"rows of load {load.id} are lost or damaged in the store; restore its backup",
        )


def _sum(rows: Rows) -> int:
    """A sum over rows, whatever their order, that one damaged byte changes."""
    words = np.ascontiguousarray(rows[:, :16]).view(np.uint64)
    fields = np.ascontiguousarray(rows[:, 16:]).view(np.uint16).ravel()
    mixed = words[:, 0] ^ (words[:, 1] << np.uint64(1)) ^ (words[:, 1] >> np.uint64(63)) ^ fields
    return int(np.sum((mixed ^ (mixed >> np.uint64(32))) & np.uint64(0xFFFFFFFF)))


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
