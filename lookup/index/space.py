"""The room that a load takes in the store: how much it is, and how it is given back."""

from collections.abc import Iterator

from lookup.index import keyspace, ledger
from lookup.index.ledger import GONE, Load, LoadState
from lookup.index.store import Store

_BATCH = 512  # sets deleted at a time
_WEIGHED = 32  # sets whose memory stands for that of all


def purge(store: Store, load: Load) -> Iterator[int]:
    """Delete a load's rows, yielding the sets of each batch; its record and certificate stay.

    Killed amid this and called again, it goes on. (None of a load in another state than we saw.)
    """
    if not ledger.move(store, load, LoadState.PURGED):
        return
    key = keyspace.load(load.id)
    for first in range(load.purged_shards, load.shards, _BATCH):
        end = min(first + _BATCH, load.shards)
        store.carry_out(
            ("UNLINK", keyspace.ledger(load.lane, load.id, shard)) for shard in range(first, end)
        )
        store.set_hash(key, {"purged_shards": str(end)})
        yield end - first
    for row in ledger.gone(store.hash(key)):
        store.redis.hdel(key, f"{GONE}{row.hex()}")


def weigh(store: Store, load: Load) -> int:
    """About how many bytes of the store's memory its rows take, from some of its sets."""
    weighed = range(0, load.shards, max(1, load.shards // _WEIGHED))
    pipeline = store.redis.pipeline(transaction=False)
    for shard in weighed:
        pipeline.memory_usage(keyspace.ledger(load.lane, load.id, shard), samples=0)
    return sum(size or 0 for size in pipeline.execute()) * load.shards // len(weighed)
