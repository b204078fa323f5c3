"""A lane's versions: their files as chunks in the store, and the one atomic switch.

The life of a version: a publisher *stages* it (a random stage id, noted in the lane's hash, names
its chunks, so that no two publishers ever write the same key), writes the chunks with a time to
live, makes them permanent, and *switches* by compare-and-set. The script refuses if somebody else
switched meanwhile, or if a cleaner took the stage away. The version before stays for an hour for
readers that are about to fetch it. Every later publish cleans what a killed publisher left.
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
from lookup.protocol.suite import Lane

# A little under 1 MiB with Valkey's headers: the allocator's next size class wastes a quarter.
CHUNK_BYTES = (1 << 20) - 64
VIEW, FILTER = "view", "filter"
_KEEP_OLD = 3600  # seconds an old version stays fetchable
_STAGE_LIFE = 3600  # seconds: longer than writing any version, short enough after a kill

# A reply can get lost and the client sends the command again: it must not undo what it did.
_SWITCH = """
if redis.call('HGET', KEYS[1], 'record:' .. ARGV[3]) == ARGV[4] then return 'switched' end
local current = redis.call('HGET', KEYS[1], 'current') or ''
if current ~= ARGV[1] then return 'moved' end
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
    """

    name: str
    stage: str
    view_bytes: int
    filter_bytes: int
    document: str
    signature: str
    loads: tuple[int, ...]

    def part_bytes(self, part: str) -> int:
        """The length of a part."""
        return self.view_bytes if part == VIEW else self.filter_bytes


@dataclass(frozen=True)
class LaneVersions:
    """The versions that web nodes map: the current one and the one before, if any."""

    current: Version | None
    previous: Version | None


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


def switch(store: Store, lane: Lane, expected: str, version: Version) -> None:
    """Make a staged version the current one, if the current one is still the expected one.

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


def _chunks(size: int) -> int:
    return -(-size // CHUNK_BYTES)


def _record(fields: dict[str, str], name: str) -> Version | None:
    raw = fields.get(f"record:{name}")
    return None if raw is None else of_dict(json.loads(raw))
