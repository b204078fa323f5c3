"""What each client asked on each day, in counts: no more is kept of a question.

Workers add what they counted in batches. A batch whose reply got lost may count twice, and what a
killed worker had not written is lost: this is a meter, no account.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from lookup.index import keyspace
from lookup.index.store import Store

KEPT_DAYS = 400


class Use(StrEnum):
    """What is counted: elements evaluated, ranges served, tokens checked."""

    EVALUATIONS = "evaluations"
    RANGES = "ranges"
    CHECKS = "checks"


Counts = Mapping[tuple[str, str, Use], int]  # by client's id, day (UTC, ISO), and use


def add(store: Store, counts: Counts) -> None:
    """Add these counts, in one exchange with the store.

    Raises:
        StoreError: the store is away; how many were added is not known.
    """
    pipeline = store.redis.pipeline(transaction=False)
    for (client_id, day, use), count in counts.items():
        key = keyspace.usage(client_id, day)
        pipeline.hincrby(key, use.value, count)
        pipeline.expire(key, KEPT_DAYS * 86400)
    pipeline.execute()


def read(store: Store, client_id: str, days: Iterable[str]) -> dict[str, dict[str, int]]:
    """What a client asked on these days; a day without a question is left out.

    Raises:
        StoreError: the store is away.
    """
    wanted = list(days)
    pipeline = store.redis.pipeline(transaction=False)
    for day in wanted:
        pipeline.hgetall(keyspace.usage(client_id, day))
    return {
        day: {use.value: int(found.get(use.value.encode(), 0)) for use in Use}
        for day, found in zip(wanted, pipeline.execute(), strict=True)
        if found
    }
