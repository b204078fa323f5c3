"""A lane's versions: their files as chunks in the store, and the one atomic switch.

The life of a version: a publisher *stages* it (a random stage id, noted in the lane's hash, names
its chunks, so that no two publishers ever write the same key), writes the chunks with a time to
live, makes them permanent, and *switches* by compare-and-set. The script refuses if somebody else
switched meanwhile, or if a cleaner took the stage away. The version before stays for an hour for
readers that are about to fetch it. Every later publish cleans what a killed publisher left.

Withdrawals are counted, and the switch compares that, too: no publish that had looked at the loads
before one of them was withdrawn can bring it back.
"""

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from lookup.errors import Code, InputError
from lookup.index import keyspace
from lookup.index.store import Store
from lookup.protocol.bloom import ERROR_RATE
from lookup.protocol.suite import Lane

# A little under 1 MiB with Valkey's headers: the allocator's next size class wastes a quarter.
CHUNK_BYTES = (1 << 20) - 64
VIEW, FILTER = "view", "filter"
_KEEP_OLD = 3600  # seconds an old version stays fetchable
_HISTORY = 100  # versions of a lane whose loads are remembered
_STAGE_LIFE = 3600  # seconds: longer than writing any version, short enough after a kill

# A reply can get lost and the client sends the command again: it must not undo what it did.
_SWITCH = """
if redis.call('HGET', KEYS[1], 'record:' .. ARGV[3]) == ARGV[4] then return 'switched' end
local current = redis.call('HGET', KEYS[1], 'current') or ''
local withdrawals = redis.call('HGET', KEYS[1], 'withdrawals') or '0'
if current ~= ARGV[1] or withdrawals ~= ARGV[6] then return 'moved' end
local staged = redis.call('HGET', KEYS[1], 'stage:' .. ARGV[2])
if not staged or staged == 'dropped' then return 'cleaned' end
redis.call('HDEL', KEYS[1], 'stage:' .. ARGV[2])
redis.call('HSET', KEYS[1], 'current', ARGV[3], 'record:' .. ARGV[3], ARGV[4])
if current ~= '' then
  redis.call('HSET', KEYS[1], 'previous', current, 'retired:' .. current, ARGV[5])
end
return 'switched'
"""

# From now on no switch of this stage works; the note stays until its last chunk is gone.
_DROP = """
if redis.call('HEXISTS', KEYS[1], 'stage:' .. ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'stage:' .. ARGV[1], 'dropped')
return 1
"""


@dataclass(frozen=True)
class Version:
    """A published version as the store knows it.

    Attributes:
        name: ``<counter>-<8 hex digits>``.
        stage: names its chunks.
        view_bytes, filter_bytes: lengths of its two files.
        document: the parameters, ASCII JSON, exactly as signed.
        signature: hex.
        loads: ids of the loads it was made of.
        forgotten: how many rows had been taken out of these, by people who asked to be forgotten.
        error_rate: of the filter; the lane's next version has it, too, unless told otherwise.
    """

    name: str
    stage: str
    view_bytes: int
    filter_bytes: int
    document: str
    signature: str
    loads: tuple[int, ...]
    forgotten: int = 0
    error_rate: float = ERROR_RATE

    def part_bytes(self, part: str) -> int:
        """The length of a part."""
        return self.view_bytes if part == VIEW else self.filter_bytes


@dataclass(frozen=True)
class LaneVersions:
    """The versions that web nodes map: the current one and the one before, if any."""

    current: Version | None
    previous: Version | None


@dataclass(frozen=True)
class PastVersion:
    """What is remembered of a version: enough to publish again what it was made of."""

    name: str
    published_at: str
    datasets: tuple[str, ...]
    loads: tuple[int, ...]


def of_dict(raw: dict[str, Any] | None) -> Version | None:
    """A version from what ``asdict`` made of it; None stays None."""
    return None if raw is None else Version(**raw | {"loads": tuple(raw["loads"])})


def current_name(store: Store, lane: Lane) -> str:
    """The name of the current version, empty before the first publish. What web nodes poll."""
    raw = store.redis.hget(keyspace.versions(lane), "current")
    return "" if raw is None else str(raw, "ascii") if isinstance(raw, bytes) else raw


def read(store: Store, lane: Lane) -> LaneVersions:
    """The current and the previous version."""
    fields = store.hash(keyspace.versions(lane))
    return LaneVersions(
        _record(fields, fields.get("current", "")), _record(fields, fields.get("previous", ""))
    )


def withdrawals(store: Store, lane: Lane) -> int:
    """How often something was withdrawn from this lane; a switch must still find that number."""
    return int(store.redis.hget(keyspace.versions(lane), "withdrawals") or 0)


def in_service(store: Store, lane: Lane) -> set[int]:
    """The loads that the current version, or one whose hour is not over, is made of."""
    fields = store.hash(keyspace.versions(lane))
    now = int(time.time())
    names = [name for field, name in fields.items() if field == "current"]
    for field, value in fields.items():
        kind, _, name = field.partition(":")
        if kind == "retired" and now - int(value) <= _KEEP_OLD:
            names.append(name)
    found = [_record(fields, name) for name in names]
    return {load for version in found if version for load in version.loads}


def count_withdrawal(store: Store, lane: Lane) -> None:
    """Say that a load was withdrawn: publishes that have looked before will not switch."""
    store.redis.hincrby(keyspace.versions(lane), "withdrawals", 1)


def remember(store: Store, lane: Lane, version: Version) -> None:
    """Keep what a version was made of, and forget the oldest of many.

    Called for the current version before another is switched to: so none is ever missing.
    """
    key = keyspace.history(lane)
    store.redis.hset(key, version.name, json.dumps(asdict(_past(version))))
    for name in sorted(store.hash(key), key=_counter)[:-_HISTORY]:
        store.redis.hdel(key, name)


def history(store: Store, lane: Lane) -> list[PastVersion]:
    """The versions that can be named, oldest first; the current one is the last."""
    past = {}
    for name, value in store.hash(keyspace.history(lane)).items():
        raw = json.loads(value)
        raw |= {"datasets": tuple(raw["datasets"]), "loads": tuple(raw["loads"])}
        past[name] = PastVersion(**raw)
    current = read(store, lane).current
    if current is not None:
        past[current.name] = _past(current)
    return [past[name] for name in sorted(past, key=_counter)]


def open_stage(store: Store, lane: Lane) -> str:
    """Note a new stage, so that its chunks are found again if this publisher dies; its id."""
    stage = secrets.token_hex(8)
    store.set_hash(keyspace.versions(lane), {f"stage:{stage}": str(int(time.time()))})
    return stage


def write_part(store: Store, lane: Lane, stage: str, part: str, content: bytes) -> Iterator[int]:
    """Write one file's chunks, yielding the bytes of each."""
    for chunk, at in enumerate(range(0, len(content), CHUNK_BYTES)):
        key = keyspace.part(lane, stage, part, chunk)
        written = content[at : at + CHUNK_BYTES]
        store.redis.set(key, written, ex=_STAGE_LIFE)
        yield len(written)


def read_part(store: Store, lane: Lane, version: Version, part: str) -> Iterator[bytes]:
    """The chunks of one file; a missing chunk ends the iteration early (callers check length)."""
    for chunk in range(_chunks(version.part_bytes(part))):
        content = store.redis.get(keyspace.part(lane, version.stage, part, chunk))
        if not isinstance(content, bytes):
            return
        yield content


def switch(store: Store, lane: Lane, expected: str, version: Version, withdrawals: int = 0) -> None:
    """Make a staged version the current one, if the current one is still the expected one.

    ``withdrawals`` is the number that was read before the states of its loads were.

    Raises:
        InputError: PUBLISH_CONFLICT; the stage is removed and nothing has changed.
    """
    # Stops at the first that is gone: what is permanent always begins at chunk 0, as clean expects.
    # One that is there and is not made permanent now was by a try whose reply got lost.
    client = store.redis
    is_whole = all(client.persist(key) or client.exists(key) for key in _part_keys(lane, version))
    outcome = (
        b"expired"
        if not is_whole
        else store.redis.eval(
            _SWITCH,
            1,
            keyspace.versions(lane),
            expected,
            version.stage,
            version.name,
            json.dumps(asdict(version)),
            str(int(time.time())),
            str(withdrawals),
        )
    )
    if outcome != b"switched":
        drop_stage(store, lane, version.stage)
        sentence = "another publish finished while this one ran, and that one counts"
        if outcome != b"moved":
            sentence = "storing the version took more than an hour, so it was removed"
        raise InputError(Code.PUBLISH_CONFLICT, f"{sentence}; run publish again")
    old = _record(store.hash(keyspace.versions(lane)), expected)
    for key in _part_keys(lane, old) if old else ():
        store.redis.expire(key, _KEEP_OLD)


def drop_stage(store: Store, lane: Lane, stage: str) -> None:
    """Remove a version that never was switched to; killed amid this, ``clean`` goes on."""
    key = keyspace.versions(lane)
    if store.redis.eval(_DROP, 1, key, stage):
        _delete_chunks(store, lane, stage)
        store.redis.hdel(key, f"stage:{stage}")


def clean(store: Store, lane: Lane) -> None:
    """Remove what killed publishers left, and versions retired for more than an hour."""
    key = keyspace.versions(lane)
    fields = store.hash(key)
    now = int(time.time())
    for field, value in fields.items():
        kind, _, name = field.partition(":")
        if kind == "stage" and (value == "dropped" or now - int(value) > _STAGE_LIFE):
            drop_stage(store, lane, name)
        retired = kind == "retired" and now - int(value) > _KEEP_OLD
        if retired and name != fields.get("current"):
            old = _record(fields, name)
            if old is not None:
                for part_key in _part_keys(lane, old):
                    store.redis.delete(part_key)
            store.redis.hdel(key, f"record:{name}", field)


def _delete_chunks(store: Store, lane: Lane, stage: str) -> None:
    """Delete a stage's chunks, whose number nobody noted: written in order, deleted in reverse."""
    for part in (VIEW, FILTER):
        chunk = 0
        while store.redis.exists(keyspace.part(lane, stage, part, chunk)):
            chunk += 1
        while chunk:
            chunk -= 1
            store.redis.delete(keyspace.part(lane, stage, part, chunk))


def _part_keys(lane: Lane, version: Version) -> Iterator[str]:
    for part in (VIEW, FILTER):
        for chunk in range(_chunks(version.part_bytes(part))):
            yield keyspace.part(lane, version.stage, part, chunk)


def _past(version: Version) -> PastVersion:
    document = json.loads(version.document)
    datasets = tuple(dataset["name"] for dataset in document["datasets"])
    return PastVersion(version.name, document["published_at"], datasets, version.loads)


def _counter(name: str) -> int:
    return int(name.partition("-")[0])


def _chunks(size: int) -> int:
    return -(-size // CHUNK_BYTES)


def _record(fields: dict[str, str], name: str) -> Version | None:
    raw = fields.get(f"record:{name}")
    return None if raw is None else of_dict(json.loads(raw))
