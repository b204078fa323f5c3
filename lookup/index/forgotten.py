"""People who asked to be forgotten: kept out of a lane by a sealed list, and taken out of loads.

The list holds ``person`` sealed with the ledger key: whoever has the store alone learns how many
they are and no more. A row cannot be deleted together with its load's counts (they may lie on
different servers of a cluster), so the row is noted in the load's record first; from that moment
readers leave it out and count it as gone, whether it is still in its set or not.
"""

import numpy as np
from numpy.typing import NDArray

from lookup.index import keyspace, ledger, ledger_rows, seal
from lookup.index.ledger import GONE, Load
from lookup.index.store import Store
from lookup.protocol.suite import BLOCK_BYTES, PERSON_BYTES, Lane

_PAIR_BYTES = PERSON_BYTES + BLOCK_BYTES
_NO_BLOCK = bytes(BLOCK_BYTES)

# A running load may have this row beyond its checkpoint, uncounted: it starts to count anew.
_NOTE = """
if redis.call('HGET', KEYS[1], 'state') == 'running' then
  redis.call('HSET', KEYS[1], 'checkpoint', '0', 'rows_sum', '0', 'forgotten', '0')
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
"""
_COUNT = """
local sum = redis.call('HGET', KEYS[1], ARGV[1])
if not sum then return end
redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then
  if sum ~= '0' then redis.call('HINCRBY', KEYS[1], 'rows_sum', '-' .. sum) end
  redis.call('HINCRBY', KEYS[1], 'forgotten', '1')
end
"""

Persons = NDArray[np.uint64]


def add(store: Store, lane: Lane, ledger_key: bytes, person: bytes) -> bool:
    """Put a person on the lane's list; False where he is on it already."""
    sealed = sealed_pair(ledger_key, person + _NO_BLOCK)
    return bool(store.redis.sadd(keyspace.forgotten(lane), sealed))


def read(store: Store, lane: Lane, ledger_key: bytes) -> Persons:
    """All persons on the lane's list, as big-endian numbers."""
    members = (m for m in store.redis.smembers(keyspace.forgotten(lane)) if isinstance(m, bytes))
    rows = np.frombuffer(b"".join(members), dtype=np.uint8).reshape(-1, _PAIR_BYTES)
    padded = np.pad(rows, ((0, 0), (0, seal.SEALED_BYTES - _PAIR_BYTES)))
    return _persons(ledger_key, padded)


def split(
    rows: seal.Rows, ledger_key: bytes, persons: Persons
) -> tuple[seal.Rows, seal.Rows | None]:
    """The rows of all but these persons, and their own; None where there are none."""
    if not len(persons):
        return rows, None
    theirs = np.isin(_persons(ledger_key, rows), persons)
    return rows[~theirs], rows[theirs] if theirs.any() else None


def remove(store: Store, load: Load, pair: bytes) -> bool:
    """Take the row with these sealed 16 bytes out of a load; whether there was one.

    Killed amid this and called again, or followed by ``complete``, it ends the same. Nobody may be
    at work on the load: hold its dataset's lock.
    """
    row = ledger_rows.find(store, load, pair)
    if row is not None:
        row_sum = ledger_rows.sum_of(np.frombuffer(row, dtype=np.uint8).reshape(1, -1))
        store.redis.eval(_NOTE, 1, keyspace.load(load.id), f"{GONE}{row.hex()}", str(row_sum))
    complete(store, load)
    return row is not None


def complete(store: Store, load: Load) -> None:
    """Finish what a killed ``remove`` of this load began."""
    key = keyspace.load(load.id)
    for row in ledger.gone(store.hash(key)):
        store.redis.srem(ledger_rows.shard_of(load, row), row)
        store.redis.eval(_COUNT, 1, key, f"{GONE}{row.hex()}")


def sealed_pair(ledger_key: bytes, pair: bytes) -> bytes:
    """The sealed 16 bytes of person and block, whatever the mask beside them."""
    return seal.seal(ledger_key, pair, np.zeros(1, dtype=np.uint16))[0, :_PAIR_BYTES].tobytes()


def _persons(ledger_key: bytes, rows: seal.Rows) -> Persons:
    pairs, _ = seal.unseal(ledger_key, rows)
    numbers = np.ascontiguousarray(pairs).view(">u8").astype(np.uint64).reshape(-1, 2)
    return np.ascontiguousarray(numbers[:, 0])
