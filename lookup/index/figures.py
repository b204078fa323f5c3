"""How the store and the work in it are doing, in numbers: for operators, who watch many nodes.

Nothing here names a dataset or a client: what is not published yet has no name outside.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lookup.index import clients, deliveries, keyspace, versions
from lookup.index.deliveries import Target
from lookup.index.ledger import LoadState
from lookup.index.store import Store
from lookup.protocol.suite import Lane

UNDELIVERED_MOST = 1000  # entries of a stream that are counted behind what was cut into batches

_FIELDS = ("state", "lane", "identifiers", "checkpoint", "owner")


@dataclass(frozen=True)
class RunningLoad:
    """A load that is running, or was interrupted.

    Attributes:
        id: the load's number.
        identifiers, written: how many distinct ones it has, and how many of these are safe.
        is_worked_on: whether a process holds its dataset's lock for it.
    """

    id: int
    identifiers: int
    written: int
    is_worked_on: bool


@dataclass(frozen=True)
class Figures:
    """All figures of one moment.

    Attributes:
        memory_used, memory_max: bytes; of a cluster, all its primaries' together; the most is the
            machine's memory where no limit is set.
        loads: how many there are of each state.
        unpublished: finished loads that are in no lane's current version.
        running: the unfinished ones.
        undelivered, dead: notices for webhooks, by lane: still to deliver, and tried no more.
    """

    memory_used: int
    memory_max: int
    loads: Mapping[LoadState, int]
    unpublished: int
    running: tuple[RunningLoad, ...]
    undelivered: Mapping[Lane, int]
    dead: Mapping[Lane, int]


def read(store: Store) -> Figures:
    """Ask the store.

    Raises:
        StoreError: it is away.
    """
    servers = store.ask_each(lambda server: server.info("memory"))
    states, unpublished, running = _loads(store)
    undelivered, dead = _notices(store)
    return Figures(
        memory_used=sum(int(memory["used_memory"]) for memory in servers),
        memory_max=sum(map(memory_max, servers)),
        loads=states,
        unpublished=unpublished,
        running=running,
        undelivered=undelivered,
        dead=dead,
    )


def memory_max(memory: Mapping[str, Any]) -> int:
    """The most bytes that a server may use, by its INFO; 0 if it does not tell."""
    return int(memory.get("maxmemory") or memory.get("total_system_memory") or 0)


def _loads(store: Store) -> tuple[Counter[LoadState], int, tuple[RunningLoad, ...]]:
    """Three exchanges, however many loads there are."""
    datasets = sorted(int(raw) for raw in store.redis.hkeys(keyspace.DATASETS))
    pipeline = store.redis.pipeline(transaction=False)
    for dataset_id in datasets:
        pipeline.hvals(keyspace.loads_of(dataset_id))
        pipeline.get(keyspace.load_lock(dataset_id))
    replies = iter(pipeline.execute())
    holders = {int(raw): lock for ids, lock in zip(replies, replies, strict=True) for raw in ids}
    for load_id in holders:
        pipeline.hmget(keyspace.load(load_id), _FIELDS)
    current = {lane: versions.read(store, lane).current for lane in Lane}
    states: Counter[LoadState] = Counter()
    unpublished, running = 0, []
    for load_id, fields in zip(holders, pipeline.execute(), strict=True):
        if fields[0] is None:
            continue  # it was entered at this very moment
        state, lane, owner = LoadState(fields[0].decode()), Lane(fields[1].decode()), fields[4]
        states[state] += 1
        if state is LoadState.RUNNING:
            at_work = owner is not None and owner == holders[load_id]
            running.append(RunningLoad(load_id, int(fields[2]), int(fields[3]), at_work))
        published = current[lane]
        if state is LoadState.LOADED and (published is None or load_id not in published.loads):
            unpublished += 1
    return states, unpublished, tuple(sorted(running, key=lambda load: load.id))


def _notices(store: Store) -> tuple[Counter[Lane], Counter[Lane]]:
    """Only of clients that have a webhook: the others come and ask."""
    undelivered: Counter[Lane] = Counter()
    dead: Counter[Lane] = Counter()
    for client in clients.readable(store).values():
        for lane in client.lanes if client.webhook else ():
            left = deliveries.backlog(store, Target(lane, client.id), UNDELIVERED_MOST)
            undelivered[lane] += left.undelivered
            dead[lane] += left.dead
    return undelivered, dead
