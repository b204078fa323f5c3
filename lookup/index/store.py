"""The connection to the store, and what a store must be before we trust it with the index.

``StoreError`` is what callers outside this folder catch; they need not know Redis.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import redis
import redis.exceptions
from hiredis import pack_command
from limits.storage import RedisStorage
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from lookup.errors import Code, InputError, QorganError, UnavailableError
from lookup.index import keyspace
from lookup.index.cluster import Cluster
from lookup.index.cluster_url import SCHEMES
from lookup.index.embedded import EmbeddedStore
from lookup.index.roll_call import Roll
from lookup.settings import Settings

StoreError = redis.RedisError
StoreRefusalError = redis.ResponseError  # it is there, and does not do what it is asked to
Client = redis.Redis  # of one server
T = TypeVar("T")

_AWAY = "the store cannot be reached; check that it runs, then run the same command again"
_TIMEOUT = 10.0  # seconds; a local command takes well under a millisecond
_CONNECT_TIMEOUT = 3.0
_TOGETHER = 10_000  # commands sent at a time: a slow disk takes them within the timeout
# Of a cluster, one of whose servers is dead until another took over (its node timeout, and more):
_PATIENCE = 60.0  # seconds that a command of an operator waits for that,
_IMPATIENCE = 1.0  # and a web node, on which people wait
_IMPATIENT_TIMEOUT = 2.0


@dataclass(frozen=True)
class Store:
    """An open store: a client whose replies are bytes, and the embedded server if it is ours.

    ``cluster`` is that client once more, where it is one of a cluster.
    """

    redis: redis.Redis
    embedded: EmbeddedStore | None
    cluster: Cluster | None = None
    # Connections between two exchanges: the pool takes as long over one as the server.
    _spare: deque[Any] = field(default_factory=deque, repr=False, compare=False)

    @property
    def may_lose(self) -> bool:
        """Whether writes that were acknowledged may be gone all the same.

        A cluster's server that dies takes with it what no replica had; see decision 0031.
        """
        return self.cluster is not None

    def ask_each(self, question: Callable[[Client], T], *, replicas: bool = False) -> list[T]:
        """The answers of every server that has a share of the keys, and of replicas if wanted.

        Raises:
            StoreError: one is away.
        """
        if self.cluster is not None:
            return self.cluster.ask_each(question, replicas=replicas)
        return [question(self.redis)]

    def call_roll(self, question: Callable[[Client], T]) -> Roll[T]:
        """The answers of all servers that give one, in whatever state a cluster is.

        Raises:
            StoreError: the whole store is away, or refuses the question.
            UnavailableError: STORE_UNAVAILABLE, they have not been made a cluster yet.
        """
        if self.cluster is not None:
            return self.cluster.call_roll(question)
        return Roll({"": question(self.redis)})

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
        left = iter(commands)
        while some := list(islice(left, _TOGETHER)):
            if self.cluster is not None:
                self.cluster.carry_out(some)
            else:
                self._exchange(b"".join(map(_packed, some)), len(some))

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """A script's reply; all of its keys are in one slot of a cluster.

        What ``eval`` does, at half of its cost: the server knows the script by its hash.

        Raises:
            StoreError: the store is away, or refused it; it may have been carried out.
        """
        if self.cluster is not None:
            return self.redis.eval(script, len(keys), *keys, *arguments)
        rest = (len(keys), *keys, *arguments)
        try:
            return self._exchange(_packed(("EVALSHA", _sha1(script), *rest)), 1)[0]
        except redis.exceptions.NoScriptError:  # it was started anew
            return self._exchange(_packed(("EVAL", script, *rest)), 1)[0]

    def _exchange(self, packed: bytes, replies: int) -> list[Any]:
        """Send commands to the one server that there is, and read as many replies."""
        try:
            connection: Any = self._spare.pop()  # half of it has no types
        except IndexError:
            connection = self.redis.connection_pool.get_connection()

        def send() -> list[Any]:
            connection.send_packed_command([packed])
            return [connection.read_response() for _ in range(replies)]

        try:
            return list(connection.retry.call_with_retry(send, lambda _: connection.disconnect()))
        except redis.exceptions.NoScriptError:  # the one reply there was
            raise
        except BaseException:
            connection.disconnect()  # replies that nobody read would be another command's
            raise
        finally:
            self._spare.append(connection)  # it connects again when it is next used

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
    store = connect(settings, is_patient=True)
    try:
        check(store)
        yield store
    finally:
        store.close()


def connect(settings: Settings, *, is_patient: bool = False) -> Store:
    """Connect to the configured store, or start or join the embedded one; nothing is asked yet.

    Who is patient waits while a cluster mends itself; else that is a store that is away.

    Raises:
        InputError: BAD_SETTING, the URL cannot be read.
        UnavailableError: STORE_UNAVAILABLE, the embedded server does not start.
    """
    retry = Retry(ExponentialBackoff(cap=1.0, base=0.05), 2)
    if settings.redis_url is not None:
        try:
            if settings.redis_url.startswith(tuple(SCHEMES)):
                return _cluster(settings.redis_url, is_patient=is_patient)
            client = redis.Redis.from_url(
                settings.redis_url,
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_CONNECT_TIMEOUT,
                retry=retry,
            )
        except ValueError:  # its text may hold a password
            raise InputError(
                Code.BAD_SETTING,
                "QORGAN_REDIS_URL must be a URL such as redis://host:6379/0 or"
                " redis+cluster://host:6379,host:6379",
            ) from None
        return Store(client, None)
    embedded = EmbeddedStore.attach(settings.data / "store")
    client = redis.Redis(
        unix_socket_path=str(embedded.socket), socket_timeout=_TIMEOUT, retry=retry
    )
    return Store(client, embedded)


def _cluster(url: str, *, is_patient: bool) -> Store:
    client = Cluster(
        url,
        timeout=_TIMEOUT if is_patient else _IMPATIENT_TIMEOUT,
        patience=_PATIENCE if is_patient else _IMPATIENCE,
    )
    return Store(cast(redis.Redis, client), None, client)  # it has all that is used of one


def check(store: Store) -> None:
    """Refuse a store that does not answer or of which a server may evict keys.

    An evicted ledger set or view chunk would let a leaked person read "not found".

    Raises:
        UnavailableError: STORE_UNAVAILABLE or STORE_EVICTS.
    """
    try:
        found = store.ask_each(lambda server: server.info("memory"), replicas=True)
    except StoreError as error:
        raise unavailable(error) from None
    if any(memory.get("maxmemory_policy") != "noeviction" for memory in found):
        raise UnavailableError(
            Code.STORE_EVICTS,
            "the store may evict keys; set maxmemory-policy to noeviction in its configuration",
        )


def limits_storage(store: Store) -> RedisStorage:
    """Where the rate limits are counted: this store, over the same connections."""
    if store.cluster is not None:
        storage = RedisStorage("redis://", key_prefix=keyspace.LIMITS)  # connects to nothing
        storage.storage = store.redis
        storage.initialize_storage("")
        return storage
    return RedisStorage(
        "redis://", connection_pool=store.redis.connection_pool, key_prefix=keyspace.LIMITS
    )


def is_durable(store: Store) -> bool | None:
    """Whether an acknowledged write has reached the disk (append-only file, fsync always).

    None: the store does not let us ask how often its file is synced.

    Raises:
        StoreError: the store is away.
    """
    found = store.ask_each(_syncs_always, replicas=True)
    if False in found:
        return False
    return None if None in found else True


def _syncs_always(server: redis.Redis) -> bool | None:
    try:
        if not server.info("persistence").get("aof_enabled"):
            return False
        return bool(server.config_get("appendfsync").get("appendfsync") == "always")
    except redis.ResponseError:  # CONFIG may be forbidden to us, or not be there
        return None


def _packed(command: Sequence[bytes | str | int]) -> bytes:
    pack: Any = pack_command  # its type knows tuples of one word only
    packed: bytes = pack(tuple(command))
    return packed


@lru_cache(maxsize=8)
def _sha1(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def told(error: QorganError, settings: Settings) -> str:
    """An error's sentence for a command line; where the store is away, with which one it is.

    Neither user nor password is shown. Web nodes tell nobody where their store is.
    """
    url = settings.redis_url
    if error.sentence != _AWAY or url is None:
        return error.sentence
    parts = urlsplit(url)
    if "@" in f"{parts.path}{parts.query}":
        return error.sentence  # a password that was not escaped could be anywhere
    place = parts.path if parts.scheme == "unix" else parts.netloc.rpartition("@")[2]
    return f"{error.sentence} (the store at {place or 'localhost'})"


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
        sentence = _AWAY
    return UnavailableError(Code.STORE_UNAVAILABLE, sentence)
