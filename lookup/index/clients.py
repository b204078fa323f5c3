"""The API clients: apps that ask with a key, what each may do, and its key's hash.

A key is ``qk_<id>_<secret>``; it is shown once, and the store has the SHA-256 of its secret (256
random bits, so that a fast hash is enough). All clients lie in one hash, with a count of its
changes that web nodes watch; each change is one script, so that no two operators undo each other.
"""

import hashlib
import json
import re
import secrets
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

from lookup.errors import Code, InputError, UnavailableError
from lookup.index import keyspace
from lookup.index.store import Store
from lookup.protocol.suite import Lane

DEFAULT_RATE = "10000/hour"
DEFAULT_SUBJECT_RATE = "60/hour;200/day"
GRACE = 86400  # seconds a key goes on after it was replaced: an app must not go dark meanwhile

_KEY = re.compile(r"qk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_CHANGES = "changes"
_ID, _NAME = "id:", "name:"  # what fields of the hash begin with

# A lost reply makes the library ask again: what is there already was done.
_PUT = """
local now = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if now == ARGV[3] then return 'done' end
if now ~= ARGV[2] then return 'moved' end
if ARGV[5] == 'add' and redis.call('HEXISTS', KEYS[1], ARGV[4]) == 1 then return 'taken' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[5] == 'add' then redis.call('HSET', KEYS[1], ARGV[4], ARGV[1]) end
if ARGV[5] == 'revoke' then redis.call('HDEL', KEYS[1], ARGV[4]) end
redis.call('HINCRBY', KEYS[1], 'changes', 1)
return 'done'
"""


@dataclass(frozen=True)
class OldKey:
    """A key that was replaced, and the second (since 1970) at which it ends."""

    sha256: str = field(repr=False)
    until: int


@dataclass(frozen=True)
class ApiClient:
    """One client. The representation shows no hash, and no webhook: its address may hold a secret.

    Attributes:
        id: 16 hex digits; ``name`` what operators call it.
        lanes: those that its key may ask.
        rate, subject_rate: elements for the client and for each of its users, in the notation of
            the ``limits`` library; None is no limit.
        origins: of web pages that may have elements evaluated, without the key.
        webhook: where notices go.
        created_at, revoked_at: UTC.
        key_sha256: of the secret, hex.
    """

    id: str
    name: str
    lanes: frozenset[Lane]
    rate: str | None
    subject_rate: str | None
    origins: tuple[str, ...]
    webhook: str | None = field(repr=False)
    created_at: str
    key_sha256: str = field(repr=False)
    old_keys: tuple[OldKey, ...] = field(default=(), repr=False)
    revoked_at: str | None = None

    def hashes(self, now: float) -> tuple[str, ...]:
        """Of all secrets that open this client at that second."""
        return (self.key_sha256, *(old.sha256 for old in self.old_keys if now < old.until))


def new(
    name: str,
    lanes: frozenset[Lane] = frozenset({Lane.PUBLIC}),
    *,
    rate: str | None = DEFAULT_RATE,
    subject_rate: str | None = DEFAULT_SUBJECT_RATE,
    origins: tuple[str, ...] = (),
    webhook: str | None = None,
) -> tuple[ApiClient, str]:
    """A client that is in no store yet, and its key: the only time that it is known."""
    client_id = secrets.token_hex(8)
    secret = secrets.token_urlsafe(32)
    client = ApiClient(
        id=client_id,
        name=name,
        lanes=lanes,
        rate=rate,
        subject_rate=subject_rate,
        origins=origins,
        webhook=webhook,
        created_at=_utc(),
        key_sha256=sha256_of(secret),
    )
    return client, _key(client_id, secret)


def add(store: Store, client: ApiClient) -> None:
    """Enter a client; from then on its key opens.

    Raises:
        InputError: BAD_USAGE, there is one of this name.
        StoreError: the store is away.
    """
    _put(store, None, client, "add")


def refuse_taken(store: Store, name: str) -> None:
    """Refuse a name that a client has which is not revoked.

    Raises:
        InputError: BAD_USAGE.
        StoreError: the store is away.
    """
    if store.redis.hexists(keyspace.CLIENTS, f"{_NAME}{name}"):
        raise InputError(
            Code.BAD_USAGE,
            "there is a client of this name; for a new key run: qorgan client rotate NAME",
        )


def rotate(store: Store, client: ApiClient, *, grace: int = GRACE) -> str:
    """Give a client a new key; the one before opens for ``grace`` seconds more. The new key.

    Raises:
        InputError: BAD_USAGE, the client was changed meanwhile.
        StoreError: the store is away.
    """
    secret = secrets.token_urlsafe(32)
    now = int(time.time())
    old = (*client.old_keys, OldKey(client.key_sha256, now + grace))
    kept = tuple(replace(one, until=min(one.until, now + grace)) for one in old)
    after = replace(
        client,
        key_sha256=sha256_of(secret),
        old_keys=tuple(one for one in kept if one.until > now),
    )
    _put(store, client, after, "rotate")
    return _key(client.id, secret)


def revoke(store: Store, client: ApiClient) -> None:
    """End all keys of a client, for good; its name is free again.

    Raises:
        InputError: BAD_USAGE, the client was changed meanwhile.
        StoreError: the store is away.
    """
    _put(store, client, replace(client, revoked_at=_utc(), old_keys=(), key_sha256=""), "revoke")


def readable(store: Store) -> dict[str, ApiClient]:
    """The clients that are not revoked, by id; one whose record cannot be read here has no key."""
    known = (record for record in _records(store) if record is not None)
    return {one.id: one for one in known if one.revoked_at is None}


def read_all(store: Store) -> dict[str, ApiClient]:
    """The clients that are not revoked, by id.

    Raises: as ``read_history``.
    """
    return {one.id: one for one in read_history(store) if one.revoked_at is None}


def read_history(store: Store) -> list[ApiClient]:
    """All clients, the revoked ones too, oldest first.

    Raises:
        UnavailableError: STORE_UNAVAILABLE, a record cannot be read: taken for nobody, its client
            would never be told of what it watches.
    """
    found = []
    for record in _records(store):
        if record is None:
            raise UnavailableError(
                Code.STORE_UNAVAILABLE,
                "an API client's record cannot be read here; use the newest qorgan, or restore "
                "the backup",
            )
        found.append(record)
    return sorted(found, key=lambda one: (one.created_at, one.id))


def _records(store: Store) -> list[ApiClient | None]:
    fields = store.hash(keyspace.CLIENTS)
    return [_of_record(raw) for field, raw in fields.items() if field.startswith(_ID)]


def get(store: Store, name: str) -> ApiClient:
    """The client of this name that is not revoked.

    Raises:
        InputError: BAD_USAGE, there is none.
    """
    for client in read_all(store).values():
        if client.name == name:
            return client
    raise unknown()


def unknown() -> InputError:
    """There is no client of the name that was given."""
    return InputError(Code.BAD_USAGE, "there is no such client; see: qorgan client list")


def changes(store: Store) -> int:
    """How often a client was changed: what a web node watches."""
    return int(store.redis.hget(keyspace.CLIENTS, _CHANGES) or 0)


def split_key(key: str) -> tuple[str, str] | None:
    """Id and secret of a key; None where it has another form."""
    match = _KEY.fullmatch(key)
    return (match[1], match[2]) if match else None


def sha256_of(secret: str) -> str:
    """What is kept of a secret: of its text, because several texts decode to the same bytes."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(client_id: str, secret: str) -> str:
    return f"qk_{client_id}_{secret}"


def _put(store: Store, before: ApiClient | None, after: ApiClient, what: str) -> None:
    outcome = store.redis.eval(
        _PUT,
        1,
        keyspace.CLIENTS,
        f"{_ID}{after.id}",
        "" if before is None else _record(before),
        _record(after),
        f"{_NAME}{after.name}",
        what,
    )
    if outcome == b"taken":
        refuse_taken(store, after.name)
    if outcome != b"done":
        raise InputError(
            Code.BAD_USAGE, "somebody changed this client meanwhile; run the same command again"
        )


def _record(client: ApiClient) -> str:
    fields = asdict(client) | {"lanes": sorted(client.lanes)}
    return json.dumps(fields, sort_keys=True)


def _of_record(raw: str) -> ApiClient | None:
    try:
        fields = json.loads(raw)
        typed = {
            "lanes": frozenset(map(Lane, fields["lanes"])),
            "origins": tuple(fields["origins"]),
            "old_keys": tuple(OldKey(**old) for old in fields["old_keys"]),
        }
        return ApiClient(**fields | typed)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _utc() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
