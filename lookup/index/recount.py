"""A load's rows counted once more, where the store may lose what it had acknowledged.

A cluster's server that takes over has what it was sent, which may be less. A load that lacks rows
is never finished: its checkpoint goes back to the beginning, and the same command writes them all
again.
"""

from lookup.errors import Code, UnavailableError
from lookup.index import keyspace
from lookup.index.ledger import Load
from lookup.index.store import Store

_BATCH = 512  # sets counted at a time


def refuse_short(store: Store, load: Load) -> None:
    """Refuse to finish a running load, all of whose rows are written, if some are not there.

    Raises:
        UnavailableError: STORE_UNAVAILABLE, some are not; the load begins anew.
        StoreError: the store is away.
    """
    if not store.may_lose:
        return
    record = store.hash(keyspace.load(load.id))
    due = load.identifiers - int(record.get("forgotten", 0))
    if int(record.get("checkpoint", 0)) == load.identifiers and _count(store, load) == due:
        return
    store.set_hash(keyspace.load(load.id), {"checkpoint": "0", "rows_sum": "0", "forgotten": "0"})
    raise UnavailableError(
        Code.STORE_UNAVAILABLE,
        "the store has lost rows that it had acknowledged; run the same command again, which"
        " writes them anew",
    )


def _count(store: Store, load: Load) -> int:
    rows = 0
    for first in range(0, load.shards, _BATCH):
        pipeline = store.redis.pipeline(transaction=False)
        for shard in range(first, min(first + _BATCH, load.shards)):
            pipeline.scard(keyspace.ledger(load.lane, load.id, shard))
        rows += sum(pipeline.execute())
    return rows
