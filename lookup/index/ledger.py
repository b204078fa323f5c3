"""The ledger: loads, and the sealed rows each of them brought.

A load is one file with one column mapping for one dataset. Its rows lie in sets, so writing a row
again changes nothing; its checkpoint is written after the rows it counts were acknowledged. If the
same file gives other identifiers or masks (other phone rules, a data class more in the register),
that is another load: the checkpoint of the first means nothing to it.

Whoever changes a running load holds its dataset's lock (``load_lock``). A finished one changes its
state by compare-and-set only, and loses rows only to ``forgotten``.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

import numpy as np

from lookup.errors import Code, UnavailableError
from lookup.index import keyspace
from lookup.index.seal import SEALED_BYTES, Rows
from lookup.index.store import Store
from lookup.protocol.suite import Kind, Lane

_ROWS_PER_SHARD = 80  # a set stays compact up to 128 members: 21 bytes a row instead of 50
_READ_AHEAD = 512  # shards asked for at a time while reading
GONE = "gone:"  # a load's fields for rows that are being taken out, row in hex -> its sum


# Checkpoint and sum move together, and only once if a reply got lost and this is sent again; not
# at all if the store forgot the move before (a cluster may): these rows' sum would lack others.
_ADVANCE = """
local at = tonumber(redis.call('HGET', KEYS[1], 'checkpoint') or '-1')
if at < tonumber(ARGV[4]) then return 0 end
if at < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'checkpoint', ARGV[1])
  redis.call('HINCRBY', KEYS[1], 'rows_sum', ARGV[2])
  redis.call('HINCRBY', KEYS[1], 'forgotten', ARGV[3])
end
return 1
"""

# Sent again because its reply got lost, it says the same.
_MOVE = """
local state = redis.call('HGET', KEYS[1], 'state')
if state == ARGV[2] then return 1 end
if state ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'reason', ARGV[3]) end
return 1
"""

_FINISH = """
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'running' and state ~= 'loaded' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'loaded', 'certificate', ARGV[1])
return 1
"""

# An identity is a JSON list, so no identity is an "old:" field.
_REPLACE = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3], 'old:' .. ARGV[2], ARGV[2])
end
"""


class LoadState(StrEnum):
    """Only a loaded load is ever published; only a withdrawn or running one is ever purged."""

    RUNNING = "running"  # also when it was interrupted
    LOADED = "loaded"
    WITHDRAWN = "withdrawn"
    PURGED = "purged"  # its rows are deleted, or are being deleted


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
        forgotten: how many of its identifiers have no row, because these people asked for it.
        reason: why it was withdrawn, in the operator's words.
        started_at: when it was first begun; ``owner`` who holds or held the lock for it.
        purged_shards: how many of its sets are deleted.
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
    forgotten: int = 0
    reason: str = ""
    started_at: str = ""
    owner: str = ""
    purged_shards: int = 0

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of identifiers that its people can be asked for by."""
        return frozenset(k for k in Kind if any(c.startswith(f"{k.value}=") for c in self.columns))

    @property
    def has_rows(self) -> bool:
        """Whether any of its rows may still be in the store."""
        return self.state is not LoadState.PURGED or self.purged_shards < self.shards


def shards_for(identifiers: int) -> int:
    """How many sets a load of so many distinct identifiers is spread over."""
    return 1 << max(0, math.ceil(math.log2(max(identifiers, 1) / _ROWS_PER_SHARD)))


def find(store: Store, wanted: Load) -> Load | None:
    """The load of the same dataset and identity, if there is one; of several the newest."""
    known = store.redis.hget(keyspace.loads_of(wanted.dataset_id), _identity(wanted))
    return None if known is None else read(store, int(known))


def begin(store: Store, wanted: Load, instead_of: Load | None = None) -> Load:
    """Enter a load, or find the one of the same dataset and identity (its id is ignored).

    With ``instead_of``, the load found before, another one takes its place; that one is kept.
    """
    client = store.redis
    loads_of = keyspace.loads_of(wanted.dataset_id)
    identity = _identity(wanted)
    known = client.hget(loads_of, identity)
    if known is None or instead_of is not None:
        load = replace(wanted, id=int(client.incr(keyspace.LAST_LOAD)))
        store.set_hash(keyspace.load(load.id), _to_hash(load))
        if instead_of is None:
            client.hsetnx(loads_of, identity, load.id)
        else:
            client.eval(_REPLACE, 1, loads_of, identity, str(instead_of.id), str(load.id))
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
        forgotten=_forgotten(raw),
        reason=raw.get("reason", ""),
        started_at=raw.get("started_at", ""),
        owner=raw.get("owner", ""),
        purged_shards=int(raw.get("purged_shards", 0)),
    )


def loads_of(store: Store, dataset_id: int) -> list[Load]:
    """All loads of a dataset, oldest first."""
    ids = store.redis.hvals(keyspace.loads_of(dataset_id))
    return [read(store, load_id) for load_id in sorted(map(int, ids))]


def own(store: Store, load: Load, owner: str) -> None:
    """Note who works on a load: the holder of its dataset's lock."""
    store.set_hash(keyspace.load(load.id), {"owner": owner})


def write_rows(
    store: Store, load: Load, rows: Rows, checkpoint: int, dropped: Rows | None = None
) -> None:
    """Add rows and, once all are acknowledged, move the checkpoint.

    ``dropped`` are rows that shall not be there, of people who asked to be forgotten: a run that
    was killed may have written them.

    Raises:
        UnavailableError: STORE_UNAVAILABLE, the store has lost the checkpoint before this one.
        StoreError: the store is away.
    """
    store.carry_out(_commands("SADD", load, rows))
    if dropped is not None:
        store.carry_out(_commands("SREM", load, dropped))
    forgotten = 0 if dropped is None else len(dropped)
    before = checkpoint - len(rows) - forgotten
    numbers = (str(checkpoint), str(rows_sum(rows)), str(forgotten), str(before))
    if not store.redis.eval(_ADVANCE, 1, keyspace.load(load.id), *numbers):
        raise UnavailableError(
            Code.STORE_UNAVAILABLE,
            "the store has lost this load's checkpoint; run the same command again, which writes"
            " what is missing",
        )


def finish(store: Store, load: Load, certificate: str) -> None:
    """Mark a load as loaded, together with its certificate: from now on it can be published.

    Raises:
        UnavailableError: STORE_UNAVAILABLE, it was withdrawn or purged meanwhile.
    """
    if not store.redis.eval(_FINISH, 1, keyspace.load(load.id), certificate):
        raise UnavailableError(
            Code.STORE_UNAVAILABLE,
            "this load was withdrawn or purged while it ran; start it over with --fresh",
        )


def move(store: Store, load: Load, to: LoadState, reason: str = "") -> bool:
    """Change the state of a load if it still is the one that we saw; whether it is so now."""
    arguments = (load.state.value, to.value, reason)
    return bool(store.redis.eval(_MOVE, 1, keyspace.load(load.id), *arguments))


def read_rows(store: Store, load: Load) -> Iterator[Rows]:
    """All rows of a finished load, in arrays of shape (n, 18).

    Raises:
        UnavailableError: STORE_UNAVAILABLE, rows are missing or damaged: their people would read
            "not found". (Only when all rows were read.)
    """
    record = store.hash(keyspace.load(load.id))
    pending = gone(record)  # out of the ledger already, though perhaps not yet out of its set
    missing = load.identifiers - int(record.get("forgotten", 0)) - len(pending)
    total = sum(pending.values())
    for first in range(0, load.shards, _READ_AHEAD):
        pipeline = store.redis.pipeline(transaction=False)
        for shard in range(first, min(first + _READ_AHEAD, load.shards)):
            pipeline.smembers(keyspace.ledger(load.lane, load.id, shard))
        sets = pipeline.execute()
        if pending:
            sets = [set(members) - pending.keys() for members in sets]
        together = b"".join(member for members in sets for member in members)
        rows = np.frombuffer(together, dtype=np.uint8).reshape(-1, SEALED_BYTES)
        missing -= len(rows)
        total += rows_sum(rows)
        yield rows
    if missing or total != int(record.get("rows_sum", 0)):
        raise UnavailableError(
            Code.STORE_UNAVAILABLE,
            f"rows of load {load.id} are lost or damaged in the store; restore its backup"
            if read(store, load.id).forgotten == load.forgotten
            else "a person was taken out of the ledger meanwhile; run the same command again",
        )


def find_row(store: Store, load: Load, pair: bytes) -> bytes | None:
    """The row whose sealed 16 bytes are these; there is one set it can be in."""
    members = store.redis.smembers(shard_of(load, pair))
    return next((m for m in members if isinstance(m, bytes) and m.startswith(pair)), None)


def having_rows(store: Store, load: Load, pairs: Sequence[bytes]) -> set[bytes]:
    """Which of these sealed 16 bytes have a row in a load."""
    found = set()
    for first in range(0, len(pairs), _READ_AHEAD):
        batch = pairs[first : first + _READ_AHEAD]
        pipeline = store.redis.pipeline(transaction=False)
        for pair in batch:
            pipeline.smembers(shard_of(load, pair))
        for pair, members in zip(batch, pipeline.execute(), strict=True):
            if any(member.startswith(pair) for member in members):
                found.add(pair)
    return found


def shard_of(load: Load, row: bytes) -> str:
    """The key of the set that holds a row."""
    shard = int.from_bytes(row[:4], "big") & (load.shards - 1)
    return keyspace.ledger(load.lane, load.id, shard)


def gone(record: dict[str, str]) -> dict[bytes, int]:
    """The rows that are being taken out of a load, and the sum of each, from its hash."""
    return {
        bytes.fromhex(field.removeprefix(GONE)): int(value)
        for field, value in record.items()
        if field.startswith(GONE)
    }


def rows_sum(rows: Rows) -> int:
    """A sum over rows, whatever their order, that one damaged byte changes."""
    words = np.ascontiguousarray(rows[:, :16]).view(np.uint64)
    fields = np.ascontiguousarray(rows[:, 16:]).view(np.uint16).ravel()
    mixed = words[:, 0] ^ (words[:, 1] << np.uint64(1)) ^ (words[:, 1] >> np.uint64(63)) ^ fields
    return int(np.sum((mixed ^ (mixed >> np.uint64(32))) & np.uint64(0xFFFFFFFF)))


def _commands(word: str, load: Load, rows: Rows) -> Iterable[tuple[bytes | str, ...]]:
    """One for each set; its rows are those whose first sealed bytes, as good as random, name it."""
    shard_of = np.ascontiguousarray(rows[:, :4]).view(">u4").ravel() & (load.shards - 1)
    order = np.argsort(shard_of, kind="stable")
    grouped, counts = np.unique_counts(shard_of)
    members = np.ascontiguousarray(rows[order]).view(f"V{SEALED_BYTES}").ravel().tolist()
    stem, at = keyspace.ledger_stem(load.lane, load.id), 0
    for shard, count in zip(grouped.tolist(), counts.tolist(), strict=True):
        yield word, f"{stem}{shard:x}", *members[at : at + count]
        at += count


def _forgotten(record: dict[str, str]) -> int:
    """A running load counts anew what is being taken out of it."""
    pending = 0 if record["state"] == LoadState.RUNNING else len(gone(record))
    return int(record.get("forgotten", 0)) + pending


def _identity(load: Load) -> str:
    return json.dumps([load.file_sha256, load.found, *load.columns])


def _to_hash(load: Load) -> dict[str, str]:
    fields = {key: str(value) for key, value in asdict(load).items() if key != "id"}
    return fields | {
        "lane": load.lane.value,
        "state": load.state.value,
        "columns": json.dumps(load.columns),
    }
