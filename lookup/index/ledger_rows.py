"""The rows of the ledger: what each load brought, sealed, in sets.

Writing a row again changes nothing, and a load's checkpoint is written after the rows it counts
were acknowledged. A sum over the rows tells whether any of them was lost or damaged.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from lookup.errors import Code, UnavailableError
from lookup.index import keyspace, ledger
from lookup.index.ledger import Load
from lookup.index.seal import SEALED_BYTES, Rows
from lookup.index.store import Store

_ROWS_PER_SHARD = 96  # a set stays compact up to 128 members: 21 bytes a row instead of 50
_READ_AHEAD = 512  # shards asked for at a time while reading

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


def shards_for(identifiers: int) -> int:
    """How many sets a load of so many distinct identifiers is spread over."""
    return max(1, math.ceil(identifiers / _ROWS_PER_SHARD))


def write(
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
    numbers = (str(checkpoint), str(sum_of(rows)), str(forgotten), str(before))
    if not store.redis.eval(_ADVANCE, 1, keyspace.load(load.id), *numbers):
        raise UnavailableError(
            Code.STORE_UNAVAILABLE,
            "the store has lost this load's checkpoint; run the same command again, which writes"
            " what is missing",
        )


def read(store: Store, load: Load) -> Iterator[Rows]:
    """All rows of a finished load, in arrays of shape (n, 18).

    Raises:
        UnavailableError: STORE_UNAVAILABLE, rows are missing or damaged: their people would read
            "not found". (Only when all rows were read.)
    """
    record = store.hash(keyspace.load(load.id))
    pending = ledger.gone(record)  # out of the ledger, though perhaps not yet out of their sets
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
        total += sum_of(rows)
        yield rows
    if missing or total != int(record.get("rows_sum", 0)):
        raise UnavailableError(
            Code.STORE_UNAVAILABLE,
            f"rows of load {load.id} are lost or damaged in the store; restore its backup"
            if ledger.read(store, load.id).forgotten == load.forgotten
            else "a person was taken out of the ledger meanwhile; run the same command again",
        )


def find(store: Store, load: Load, pair: bytes) -> bytes | None:
    """The row whose sealed 16 bytes are these; there is one set it can be in."""
    members = store.redis.smembers(shard_of(load, pair))
    return next((m for m in members if isinstance(m, bytes) and m.startswith(pair)), None)


def having(store: Store, load: Load, pairs: Sequence[bytes]) -> set[bytes]:
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
    shard = int.from_bytes(row[:4], "big") % load.shards
    return keyspace.ledger(load.lane, load.id, shard)


def sum_of(rows: Rows) -> int:
    """A sum over rows, whatever their order, that one damaged byte changes."""
    words = np.ascontiguousarray(rows[:, :16]).view(np.uint64)
    fields = np.ascontiguousarray(rows[:, 16:]).view(np.uint16).ravel()
    mixed = words[:, 0] ^ (words[:, 1] << np.uint64(1)) ^ (words[:, 1] >> np.uint64(63)) ^ fields
    return int(np.sum((mixed ^ (mixed >> np.uint64(32))) & np.uint64(0xFFFFFFFF)))


def _commands(word: str, load: Load, rows: Rows) -> Iterable[tuple[bytes | str, ...]]:
    """One for each set; its rows are those whose first sealed bytes, as good as random, name it."""
    shard_of = np.ascontiguousarray(rows[:, :4]).view(">u4").ravel() % load.shards
    order = np.argsort(shard_of, kind="stable")
    grouped, counts = np.unique_counts(shard_of)
    members = np.ascontiguousarray(rows[order]).view(f"V{SEALED_BYTES}").ravel().tolist()
    stem, at = keyspace.ledger_stem(load.lane, load.id), 0
    for shard, count in zip(grouped.tolist(), counts.tolist(), strict=True):
        yield word, f"{stem}{shard:x}", *members[at : at + count]
        at += count
