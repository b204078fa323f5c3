"""What subscriptions and notices are kept in: the store, and the keys that seal them.

Both are as good as random to whoever has the store alone: not even that two clients watch the same
person shows. Web nodes of role api have the key, so that they can take subscriptions and answer
with notices; they have no ledger key, and no webhook key.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

from lookup import keys
from lookup.errors import Code, UnavailableError
from lookup.index import keyspace
from lookup.index.store import Store, StoreError, unavailable
from lookup.protocol.suite import Lane

PERSON = 8  # bytes


@dataclass(frozen=True)
class NoticeBook:
    """A store and its notices key."""

    store: Store
    key: bytes = field(repr=False)

    def subscription_key(self, lane: Lane) -> bytes:
        """AES-256: of the persons watched in a lane."""
        purpose = b"qorgan v1 subscriptions " + lane.value.encode()
        return hmac.digest(self.key, purpose, "sha256")

    @property
    def notice_key(self) -> bytes:
        """AES-256-SIV, which is two keys: of all notices."""
        return hashlib.sha512(b"qorgan v1 notices" + self.key).digest()

    def refuse_other_key(self) -> None:
        """Write nothing under a key that the others do not have.

        Raises:
            UnavailableError: KEY_MISMATCH.
            StoreError: the store is away.
        """
        refuse_other(self.store, keys.NOTICES, self.key)


def opened(store: Store, folder: Path) -> NoticeBook:
    """The book of a store, with the key of this machine.

    Raises: as ``read_key``.
    """
    return NoticeBook(store, read_key(store, folder, keys.NOTICES))


def read_key(store: Store, folder: Path, name: str) -> bytes:
    """A key for a command: an index from before there were notices gets it by who first needs it.

    Raises:
        UnavailableError: BAD_KEY_FILE; KEY_MISMATCH, the index is used with another key.
    """
    try:
        if not keys.exists(folder, name) and not is_used(store, name):
            keys.create(folder, (name,))
        key = keys.read(folder, name)
        adopt(store, name, key)
        refuse_other(store, name, key)
    except StoreError as error:
        raise unavailable(error) from None
    return key


def is_used(store: Store, name: str) -> bool:
    """Whether the index is used with any such key yet.

    Raises:
        StoreError: the store is away.
    """
    return bool(store.redis.hexists(keyspace.INDEX, _field(name)))


def key_checks(store: Store, folder: Path) -> dict[str, str]:
    """The keys of notices and webhooks, made where they are missing: what each is known by.

    Raises: as ``read_key``.
    """
    names = (keys.NOTICES, keys.WEBHOOK)
    return {name: keys.check_value(read_key(store, folder, name), name) for name in names}


def adopt(store: Store, name: str, key: bytes) -> None:
    """Use the index with this key from now on, unless it is used with one already.

    Never by a web node: whose key is the right one is not for it to say.
    """
    store.redis.hsetnx(keyspace.INDEX, _field(name), keys.check_value(key, name))


def refuse_other(store: Store, name: str, key: bytes) -> None:
    """Refuse a key of notices or webhooks that the index is not used with.

    Raises:
        UnavailableError: KEY_MISMATCH.
        StoreError: the store is away.
    """
    if store.redis.hget(keyspace.INDEX, _field(name)) != keys.check_value(key, name).encode():
        raise UnavailableError(
            Code.KEY_MISMATCH,
            f"the key file {name}.key is not the one that this index is used with; copy it from "
            "the machine that made it, or restore it from backup",
        )


def _field(name: str) -> str:
    return f"{name}_check"
