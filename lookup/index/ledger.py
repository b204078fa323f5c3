"""The ledger: loads. The rows that each of them brought are in ``ledger_rows``.

A load is one file with one column mapping for one dataset. If the same file gives other
identifiers or masks (other phone rules, a data class more in the register), that is another load:
the checkpoint of the first means nothing to it.

Whoever changes a running load holds its dataset's lock (``load_lock``). A finished one changes its
state by compare-and-set only, and loses rows only to ``forgotten``.
"""

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from lookup.errors import Code, UnavailableError
from lookup.index import keyspace
from lookup.index.store import Store
from lookup.protocol.suite import Kind, Lane

GONE = "gone:"  # a load's fields for rows that are being taken out, row in hex -> its sum

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


def gone(record: dict[str, str]) -> dict[bytes, int]:
    """The rows that are being taken out of a load, and the sum of each, from its hash."""
    return {
        bytes.fromhex(field.removeprefix(GONE)): int(value)
        for field, value in record.items()
        if field.startswith(GONE)
    }


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
