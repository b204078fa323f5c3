"""Rounds: which loads apps were told of, so that a publish that was killed is made up for.

A round is what one telling is about: the loads of a lane's version that nobody was told of before.
It is opened before the first notice is written, and closed after the last; there is one open round
at most, and it is finished before another is opened. A load belongs to one round for ever: taken
back and published again, it is nothing new.

All of it lies in one hash a lane, changed by scripts, so that of two who tell at once none undoes
what the other did.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from lookup.index import keyspace, ledger, register
from lookup.index.dataset import Dataset
from lookup.index.store import Store
from lookup.index.versions import Version
from lookup.protocol.suite import Lane

_ROUND, _TOLD = "round:", "told:"

_BASELINE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'last', '0')
for i = 1, #ARGV do redis.call('HSET', KEYS[1], 'told:' .. ARGV[i], '0') end
return 1
"""

# Sent again because its reply got lost, it finds its own round open, and changes nothing.
_OPEN = """
if redis.call('HEXISTS', KEYS[1], 'open') == 1 then return 0 end
if redis.call('HGET', KEYS[1], 'last') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'last', ARGV[2], 'open', ARGV[2], 'round:' .. ARGV[2], ARGV[3])
return 1
"""

_CLOSE = """
if redis.call('HGET', KEYS[1], 'open') ~= ARGV[1] then return 0 end
for i = 2, #ARGV do redis.call('HSET', KEYS[1], 'told:' .. ARGV[i], ARGV[1]) end
redis.call('HDEL', KEYS[1], 'open')
return 1
"""


@dataclass(frozen=True)
class Round:
    """What one telling is about.

    Attributes:
        number: from 1, within the lane.
        version: the first that held these loads; ``at`` when it was told of, UTC.
        loads: ids of the new loads.
        datasets: by id as text, the name and the data classes in the order of the mask's bits.
    """

    number: int
    version: str
    at: str
    loads: tuple[int, ...]
    datasets: dict[str, tuple[str, tuple[str, ...]]]


def set_baseline(store: Store, lane: Lane, version: Version | None) -> None:
    """What was published before anybody could be told of it is nothing new.

    Called before each publish; only the first call in a lane's life does anything.
    """
    loads = () if version is None else version.loads
    store.redis.eval(_BASELINE, 1, keyspace.rounds(lane), *map(str, loads))


def open_next(store: Store, lane: Lane, version: Version | None) -> Round | None:
    """The round that is open, or a new one for what is new in the current version; None if none is.

    Raises:
        StoreError: the store is away; run again.
    """
    key = keyspace.rounds(lane)
    while True:
        state = store.hash(key)
        if "open" in state:
            return _of(state[f"{_ROUND}{state['open']}"])
        if not state or version is None:
            return None
        new = [load for load in version.loads if f"{_TOLD}{load}" not in state]
        if not new:
            return None
        number = int(state["last"]) + 1
        made = _new(store, number, version, new)
        store.redis.eval(_OPEN, 1, key, state["last"], str(number), json.dumps(asdict(made)))


def close(store: Store, lane: Lane, finished: Round) -> None:
    """All notices of a round are written."""
    loads = map(str, finished.loads)
    store.redis.eval(_CLOSE, 1, keyspace.rounds(lane), str(finished.number), *loads)


def told(store: Store, lane: Lane) -> set[int]:
    """The ids of all loads that a closed round was about, or that were there before the first."""
    state = store.hash(keyspace.rounds(lane))
    return {int(field.removeprefix(_TOLD)) for field in state if field.startswith(_TOLD)}


def read(store: Store, lane: Lane, numbers: Iterable[int]) -> dict[int, Round]:
    """Those of these rounds that are kept, by number."""
    wanted = sorted(set(numbers))
    if not wanted:
        return {}
    fields = [f"{_ROUND}{number}" for number in wanted]
    found = store.redis.hmget(keyspace.rounds(lane), fields)
    return {
        number: _of(raw.decode())
        for number, raw in zip(wanted, found, strict=True)
        if isinstance(raw, bytes)
    }


def is_behind(store: Store, lane: Lane, version: Version | None) -> bool:
    """Whether somebody who published was stopped before all his notices were written."""
    state = store.hash(keyspace.rounds(lane))
    loads = () if version is None or not state else version.loads
    return "open" in state or any(f"{_TOLD}{load}" not in state for load in loads)


def older_than(store: Store, lane: Lane, days: int) -> list[int]:
    """The numbers of the closed rounds that are so old."""
    limit = datetime.now(UTC) - timedelta(days=days)
    state = store.hash(keyspace.rounds(lane))
    kept = [_of(raw) for field, raw in state.items() if field.startswith(_ROUND)]
    old = [one.number for one in kept if datetime.fromisoformat(one.at) < limit]
    return sorted(number for number in old if str(number) != state.get("open"))


def drop(store: Store, lane: Lane, numbers: Iterable[int]) -> None:
    """Forget what these rounds told; not that they did."""
    for number in numbers:
        store.redis.hdel(keyspace.rounds(lane), f"{_ROUND}{number}")


def _new(store: Store, number: int, version: Version, loads: list[int]) -> Round:
    entries: dict[int, Dataset] = register.read_all(store)
    ids = sorted({ledger.read(store, load).dataset_id for load in loads})
    return Round(
        number=number,
        version=version.name,
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        loads=tuple(loads),
        datasets={str(i): (entries[i].name, tuple(entries[i].data_classes)) for i in ids},
    )


def _of(raw: str) -> Round:
    fields = json.loads(raw)
    datasets = {key: (name, tuple(classes)) for key, (name, classes) in fields["datasets"].items()}
    return Round(**fields | {"loads": tuple(fields["loads"]), "datasets": datasets})
