"""Commands for the nodes of a cluster: which one has a key, and how it is asked."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import redis
from hiredis import pack_command
from redis import exceptions
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry

from lookup.errors import Code, InputError, UnavailableError
from lookup.index import keyspace

# What is not waited for. All else is taken for a write: one round trip too many loses nothing.
_READS = {"EXISTS", "GET", "MEMORY USAGE", "SCARD", "SISMEMBER", "SMEMBERS", "SSCAN", "TTL"}
_READS |= {"HEXISTS", "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "HSCAN", "HVALS"}
_READS |= {"XINFO STREAM", "XLEN", "XRANGE", "XREVRANGE"}
_READS |= {"INFO", "PING", "SCRIPT LOAD", "TIME"}  # these have no key

_CONNECT_TIMEOUT = 1.0  # seconds; a dead machine's address is silent
_GREETINGS = 2  # more primaries that may say what commands there are, where the first is dead
_ACKNOWLEDGED = 1000  # milliseconds that a replica has for what it was sent; 1 is usual

_LASTING = (exceptions.AuthenticationError, exceptions.NoPermissionError)
_NO_CLUSTER = "cluster support disabled"

Command = tuple[Sequence[Any], dict[str, Any]]  # its words, and what redis-py parses it with
Sender = Callable[[redis.Redis, Sequence[Command]], list[Any]]


def connected(
    first: str, others: Iterable[tuple[str, int]], timeout: float, *, is_whole: bool
) -> RedisCluster:
    """redis-py's client: who has which slots, and connections to all; it sends nothing again.

    ``is_whole``: only if each slot lies somewhere.

    Raises:
        RedisError, RedisClusterException: no node answers, or the cluster is not whole.
        UnavailableError: STORE_UNAVAILABLE, they have not been made a cluster yet.
    """
    node: Any = ClusterNode  # it has no types
    try:
        made = RedisCluster(
            url=first,
            startup_nodes=[node(*other) for other in others],
            socket_timeout=timeout,
            socket_connect_timeout=_CONNECT_TIMEOUT,
            retry=Retry(NoBackoff(), _GREETINGS),
            require_full_coverage=is_whole,
        )
    except IndexError:  # its way of saying that there are no primaries
        raise UnavailableError(
            Code.STORE_UNAVAILABLE,
            "the servers of QORGAN_REDIS_URL serve no slots yet; make them one cluster first"
            " (valkey-cli --cluster create)",
        ) from None
    made.set_retry(Retry(NoBackoff(), 0))
    return made


def has_replica(nodes: Any, node: ClusterNode, key: str) -> bool:
    """Whether somebody lives who would take over from a server that has a key, or soon will."""
    shards = nodes.nodes_manager.slots_cache
    shard = shards[nodes.keyslot(key)]
    if shard[0] != node:
        shard = next((other for other in shards.values() if other[0] == node), [node])
    return len(shard) > 1


def retire(nodes: Any) -> None:
    """Close a client's connections, but for those on which somebody waits for a reply."""
    for node in nodes.get_nodes():
        if node.redis_connection is not None:
            node.redis_connection.connection_pool.disconnect(inuse_connections=False)


def send(client: redis.Redis, commands: Sequence[Command]) -> list[Any]:
    """All replies of one node, as redis-py parses them."""
    pipeline: Any = client.pipeline(transaction=False)  # half of it has no types
    for words, options in commands:
        pipeline.execute_command(*words, **options)
    return list(pipeline.execute(raise_on_error=False))


def send_packed(client: redis.Redis, commands: Sequence[Command]) -> list[Any]:
    """All replies of one node, as they come: much the faster way for a load."""
    pack: Any = pack_command  # its type knows tuples of one word only
    packed = b"".join([pack(tuple(words)) for words, _ in commands])
    connection: Any = client.connection_pool.get_connection()
    try:
        connection.send_packed_command([packed])
        return [_reply(connection) for _ in commands]
    except BaseException:
        connection.disconnect()  # replies that nobody read would be another command's
        raise
    finally:
        client.connection_pool.release(connection)


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except exceptions.ResponseError as error:
        return error


def follow(nodes: Any, where: exceptions.AskError, command: Command) -> tuple[ClusterNode, Any]:
    """Who has a key whose slot is on its way there, and its reply; an error among them.

    Raises:
        RedisError: that server is away, or nobody told us of it yet.
    """
    node = nodes.get_node(host=where.host, port=where.port)
    if node is None:
        raise exceptions.TryAgainError
    words, options = command
    asked = send(nodes.get_redis_connection(node), [(("ASKING",), {}), (words, options)])
    return node, asked[1]


def acknowledged(client: redis.Redis, fence: str, wanted: int, *, is_asking: bool) -> int | None:
    """How many replicas have what a primary was sent; None if this fence cannot tell.

    WAIT counts from the last write of its own connection: hence one, of a key that does not matter.

    ``is_asking``: its slot is on its way to this server.
    """
    sent: Any = client.pipeline(transaction=False)
    if is_asking:
        sent.execute_command("ASKING")
    sent.set(fence, b"", ex=1)
    sent.wait(wanted, _ACKNOWLEDGED)
    *_, written, replicas = sent.execute(raise_on_error=False)
    if type(written) is exceptions.AskError:  # its slot is on its way to another server
        return None
    for reply in (written, replicas):
        if isinstance(reply, Exception) and "UNBLOCKED" not in str(reply):
            raise reply
    return replicas if isinstance(replicas, int) else 0  # it is no primary any more


def refuse_errors(replies: Iterable[Any]) -> None:
    """Raise the first error among replies."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply


def by_node(
    nodes: Any, commands: Sequence[Command], replies: Mapping[int, Any]
) -> dict[ClusterNode, list[int]]:
    """The numbers of the commands that have no reply yet, by the node that has their keys."""
    found: dict[ClusterNode, list[int]] = defaultdict(list)
    for number, (words, _) in enumerate(commands):
        if number not in replies:
            found[nodes.get_node_from_key(key(words))].append(number)
    return found


def key(words: Sequence[Any]) -> str:
    """The key of a command: each of ours has one, or several of one slot."""
    found = words[3 if words[0] in ("EVAL", "EVALSHA") else 1]
    return found if isinstance(found, str) else str(found, "ascii")


def is_write(words: Sequence[Any]) -> bool:
    """Whether a command writes what must not be lost."""
    return words[0] not in _READS and not keyspace.is_expendable(key(words))


def lasting(error: BaseException) -> Exception | None:
    """Why it will not work at the next try either, where that is so; redis-py wraps the reason."""
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, _LASTING):
            return reason
        if _NO_CLUSTER in str(reason):
            return InputError(
                Code.BAD_SETTING,
                "the server of QORGAN_REDIS_URL is not a node of a cluster; without one write"
                " redis:// instead of redis+cluster://",
            )
        reason = reason.__cause__ or reason.__context__
    return None
