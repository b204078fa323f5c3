"""The connection to the store, and what a store must be before we trust it with the index.

``StoreError`` is what callers outside this folder catch; they need not know Redis.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
import redis.exceptions
from hiredis import pack_command
from limits.storage import RedisStorage
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from lookup.errors import Code, InputError, UnavailableError
from lookup.index import keyspace
from lookup.index.embedded import EmbeddedStore
from lookup.settings import Settings

StoreError = redis.RedisError

_TIMEOUT = 10.0  # seconds; a local command takes well under a millisecond
_CONNECT_TIMEOUT = 3.0


@dataclass(frozen=True)
class Store:
    """An open store: a client whose replies are bytes, and the embedded server if it is ours."""

    redis: redis.Redis
    embedded: EmbeddedStore | None

    def hash(self, key: str) -> dict[str, str]:
        """A hash as text; empty where the key does not exist."""
        return {_text(name): _text(value) for name, value in self.redis.hgetall(key).items()}

    def set_hash(self, key: str, fields: Mapping[str, str]) -> None:
        """Set fields of a hash, all of them in one command."""
        mapping: dict[Any, Any] = dict(fields)
        self.redis.hset(key, mapping=mapping)

    def carry_out(self, commands: Iterable[Sequence[bytes | str]]) -> None:
        """Many small commands whose replies mean nothing but that they were carried out.

        What a pipeline does, at a third of its cost: redis-py builds objects for each command, and
        a load of a whole country has one command for each of its rows.

        Raises:
            StoreError: the store is away, or refused one of them; some may have been carried out.
        """
        pack: Any = pack_command  # its type knows tuples of one word only
        packed = [pack(tuple(command)) for command in commands]
        connection: Any = self.redis.connection_pool.get_connection()  # half of it has no types

        def send() -> None:
            connection.send_packed_command([b"".join(packed)])
            for _ in packed:
                connection.read_response()

        try:
            connection.retry.call_with_retry(send, lambda _: connection.disconnect())
        except BaseException:
            connection.disconnect()  # replies that nobody read would be another command's
            raise
        finally:
            self.redis.connection_pool.release(connection)

    def close(self) -> None:
        """Close the connections, then let go of the embedded server."""
        self.redis.close()
        if self.embedded is not None:
            self.embedded.detach()


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """A checked store for the length of a block.

    Raises:
        UnavailableError: STORE_UNAVAILABLE or STORE_EVICTS.
    """
    store = connect(settings)
    try:
        check(store)
        yield store
    finally:
        store.close()


def connect(settings: Settings) -> Store:
    """Connect to the configured store, or start or join the embedded one; nothing is asked yet.

    Raises:
        InputError: BAD_SETTING, the URL cannot be read.
        UnavailableError: STORE_UNAVAILABLE, the embedded server does not start.
    """
    retry = Retry(ExponentialBackoff(cap=1.0, base=0.05), 2)
    if settings.redis_url is not None:
        try:
            client = redis.Redis.from_url(
                settings.redis_url,
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_CONNECT_TIMEOUT,
                retry=retry,
            )
        except ValueError:  # its text may hold a password
            raise InputError(
                Code.BAD_SETTING, "QORGAN_REDIS_URL must be a URL such as redis://host:6379/0"
            ) from None
        return Store(client, None)
    embedded = EmbeddedStore.attach(settings.data / "store")
    client = redis.Redis(
        unix_socket_path=str(embedded.socket), socket_timeout=_TIMEOUT, retry=retry
    )
    return Store(client, embedded)


def check(store: Store) -> None:
    """Refuse a store that does not answer or that may evict keys.

    An evicted ledger set or view chunk would let a leaked person read "not found".

    Raises:
        UnavailableError: STORE_UNAVAILABLE or STORE_EVICTS.
    """
    try:
        policy = store.redis.info("memory").get("maxmemory_policy")
    except StoreError as error:
        raise unavailable(error) from None
    if policy != "noeviction":
        raise UnavailableError(
            Code.STORE_EVICTS,
            "the store may evict keys; set maxmemory-policy to noeviction in its configuration",
        )


def limits_storage(store: Store) -> RedisStorage:
    """Where the rate limits are counted: this store, over the same connections."""
    return RedisStorage(
        "redis://", connection_pool=store.redis.connection_pool, key_prefix=keyspace.LIMITS
    )


def is_durable(store: Store) -> bool:
    """Whether an acknowledged write has reached the disk (append-only file, fsync always).

    Raises:
        StoreError: the store is away.
    """
    try:
        if not store.redis.info("persistence").get("aof_enabled"):
            return False
        return store.redis.config_get("appendfsync").get("appendfsync") == "always"
    except redis.ResponseError:
        return False  # CONFIG may be forbidden to us: unknown is not durable


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def unavailable(error: Exception) -> UnavailableError:
    """What a person is told when the store does not answer; the library's text stays out of it."""
    if isinstance(error, redis.exceptions.NoPermissionError):
        sentence = (
            "the store's user may not do this; name another user in QORGAN_REDIS_URL, or give this "
            "one what deploy/valkey/users.acl.example does"
        )
    elif isinstance(error, redis.exceptions.AuthenticationError):
        sentence = (
            "the store refuses our credentials; check the user and password in QORGAN_REDIS_URL"
        )
    elif isinstance(error, redis.ResponseError):
        sentence = "the store refused a command; check its memory, disk and the user's permissions"
    else:
        sentence = (
            "the store cannot be reached; check that it runs, then run the same command again"
        )
    return UnavailableError(Code.STORE_UNAVAILABLE, sentence)
