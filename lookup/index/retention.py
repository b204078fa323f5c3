"""How long notices are kept, and that nothing of a revoked client is."""

from lookup.index import clients, deliveries, keyspace, rounds
from lookup.index.deliveries import Target
from lookup.index.store import Store
from lookup.protocol.suite import Lane

KEPT_DAYS = 30


def clean(store: Store, lane: Lane) -> None:
    """Remove notices that are older than 30 days, delivered or not, and what revoked clients left.

    Killed amid this and called again, it goes on: a round goes after its notices.

    Raises:
        StoreError: the store is away.
    """
    old = rounds.older_than(store, lane, KEPT_DAYS)
    first_kept = f"{old[-1] + 1}-0" if old else ""
    for client in clients.read_history(store):
        if client.revoked_at is not None:
            for left in (keyspace.subscriptions, keyspace.notices, keyspace.deliveries):
                store.redis.unlink(left(lane, client.id))
        elif old:
            key = keyspace.notices(lane, client.id)
            store.redis.xtrim(key, minid=first_kept, approximate=False)
            deliveries.drop_before(store, Target(lane, client.id), old[-1] + 1)
    rounds.drop(store, lane, old)
