"""A store that is a cluster: each key lies on one of several primaries, each with its replicas.

To the other modules it is a client like that of one server, with three promises of its own:

- a write is done when a replica has it, too, for whoever takes over has only what he was sent.
  Not so counts that may be lost (``keyspace.is_expendable``), nor where no replica is alive;
- only primaries are read: a replica may not know yet what is published or withdrawn;
- while a primary is dead and until its replica took over, a command waits and is sent again, for
  as long as the client has patience; then it fails as if the store were away.

So a command may be carried out twice, as on one server whose reply got lost.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import redis
from redis import exceptions
from redis.cluster import ClusterNode
from redis.commands import CoreCommands

from lookup.index import cluster_url, keyspace, roll_call, routing
from lookup.index.roll_call import Roll
from lookup.index.routing import Command, Sender

_STRANGE = 5.0  # seconds of patience where no node has ever answered
_PAUSE = 0.2  # seconds between two tries
_SPARE = 1000  # names of fences, of which a server with many slots has some
_LOOK = 5.0  # seconds until a shard without a replica may have one again

# The cluster is about to mend itself, or at least may be.
_PASSING = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ClusterError,
    exceptions.AskError,  # and its child MOVED
    exceptions.TryAgainError,
    exceptions.RedisClusterException,
)
T = TypeVar("T")
_Nodes = Any  # redis-py's RedisCluster, half of which has no types


class Cluster(CoreCommands):
    """A client of a whole cluster; nothing is asked before the first command."""

    _event_dispatcher: Any = None  # CoreCommands wants one for what we do not use

    def __init__(self, url: str, *, timeout: float, patience: float) -> None:
        """
        Args:
            url: ``redis+cluster://user:password@host:port,host:port/``: some of its nodes.
            timeout: seconds that one node has for one answer.
            patience: seconds that a command is sent again before it fails.

        Raises:
            ValueError: the URL cannot be read.
        """
        self._first, self._others = cluster_url.start_nodes(url)
        self._timeout = timeout
        self._patience = patience
        self._lock = threading.Lock()
        self._known: _Nodes = None
        self._looked_at = 0.0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """What all commands of a client come down to; the name is redis-py's.

        Raises:
            RedisError: the cluster is away, or refused it.
        """
        if not routing.is_write(args):
            return self._patiently(lambda nodes: nodes.execute_command(*args, **options))
        replies = self.scatter([(args, options)], routing.send)
        routing.refuse_errors(replies)
        return replies[0]

    def pipeline(self, *, transaction: bool) -> "Pipeline":
        """Commands for several nodes, sent together; there are no transactions here."""
        if transaction:
            raise NotImplementedError
        return Pipeline(self)

    def carry_out(self, commands: Iterable[Sequence[bytes | str]]) -> None:
        """As ``Store.carry_out``; when it returns, a replica has them all.

        Raises: as there.
        """
        routing.refuse_errors(
            self.scatter([(command, {}) for command in commands], routing.send_packed)
        )

    def ask_each(self, question: Callable[[redis.Redis], T], *, replicas: bool) -> list[T]:
        """A question to every primary, and to the replicas that are alive, if these are wanted.

        Raises: as ``execute_command``.
        """

        def attempt(nodes: _Nodes) -> list[T]:
            answers = [question(nodes.get_redis_connection(one)) for one in nodes.get_primaries()]
            for one in nodes.get_replicas() if replicas else ():
                try:
                    answers.append(question(nodes.get_redis_connection(one)))
                except exceptions.AuthenticationError:  # redis-py's kind of ConnectionError
                    raise
                except (exceptions.ConnectionError, exceptions.TimeoutError):
                    continue  # nobody needs it at this moment
            return answers

        return self._patiently(attempt)

    def call_roll(self, question: Callable[[redis.Redis], T]) -> Roll[T]:
        """A question to all servers, whatever state the cluster is in; it is asked once.

        Raises:
            RedisError: none answers, or all refuse our credentials.
            UnavailableError: STORE_UNAVAILABLE, they have not been made a cluster yet.
        """
        try:
            nodes = routing.connected(self._first, self._others, self._timeout, is_whole=False)
            try:
                return roll_call.call(nodes, question)
            finally:
                nodes.close()
        except _PASSING as error:
            raise routing.lasting(error) or exceptions.ConnectionError from None

    def scatter(self, commands: Sequence[Command], send: Sender) -> list[Any]:
        """Send each command to the node that has its key; all replies, errors among them.

        Raises:
            RedisError: the cluster is away; some may have been carried out.
        """
        replies: dict[int, Any] = {}

        def attempt(nodes: _Nodes) -> None:
            trouble: Exception | None = None
            for node, numbers in routing.by_node(nodes, commands, replies).items():
                try:
                    heard = send(nodes.get_redis_connection(node), [commands[n] for n in numbers])
                    by_number = zip(numbers, heard, strict=True)
                    kept, passing = self._settled(nodes, node, commands, by_number)
                    replies.update(kept)
                    trouble = passing or trouble
                except _PASSING as error:
                    trouble = error
            if trouble is not None:
                raise trouble

        self._patiently(attempt)
        return [replies[number] for number in range(len(commands))]

    def get_encoder(self) -> Any:
        """How text becomes bytes; the name is redis-py's, whose scripts ask for it."""
        return redis.Redis().get_encoder()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._known is not None:
                self._known.close()
            self._known = None

    def _settled(
        self,
        nodes: _Nodes,
        node: ClusterNode,
        commands: Sequence[Command],
        heard: Iterable[tuple[int, Any]],
    ) -> tuple[dict[int, Any], Exception | None]:
        """What one node replied, secured; and an error with which commands must be sent again."""
        kept: dict[int, Any] = {}
        passing: Exception | None = None
        written = ""
        for number, reply in heard:
            answer, words = reply, commands[number][0]
            has_moved = type(reply) is exceptions.AskError  # this key has, its slot has not yet
            if has_moved:
                target, answer = routing.follow(nodes, reply, commands[number])
            if isinstance(answer, _PASSING):
                passing = answer
                continue
            kept[number] = answer
            if routing.is_write(words) and has_moved:
                self._secure(nodes, target, routing.key(words), is_asking=True)
            elif routing.is_write(words):
                written = routing.key(words)
        if written:
            self._secure(nodes, node, written)
        return kept, passing

    def _secure(
        self, nodes: _Nodes, node: ClusterNode, key: str, *, is_asking: bool = False
    ) -> None:
        """Wait until a replica has all that the node which took a write was sent before.

        Raises:
            RedisError: none has it yet, the node is away, or another has the key by now.
        """
        if not routing.has_replica(nodes, node, key) and self._may_look():
            nodes.nodes_manager.initialize()
        if not is_asking and nodes.get_node_from_key(key) != node:
            raise exceptions.TryAgainError
        wanted = int(routing.has_replica(nodes, node, key))
        client = nodes.get_redis_connection(node)
        told = routing.acknowledged(client, keyspace.fence(key), wanted, is_asking=is_asking)
        if told is None:  # the slot is about to leave it: one of another slot is as good
            spare = (keyspace.fence(str(number)) for number in range(_SPARE))
            here = (fence for fence in spare if nodes.get_node_from_key(fence) == node)
            counts = (routing.acknowledged(client, one, wanted, is_asking=False) for one in here)
            told = next((count for count in counts if count is not None), -1)
        if told < wanted:
            raise exceptions.TimeoutError

    def _may_look(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at < _LOOK:
            return False
        self._looked_at = now
        return True

    def _patiently(self, attempt: Callable[[_Nodes], T]) -> T:
        """Try until it works, or the first try that failed was begun too long ago.

        Raises:
            RedisError: no attempt worked in time, or one was refused.
            InputError: BAD_SETTING, the server is no node of a cluster.
        """
        give_up: float | None = None
        while True:
            began = time.monotonic()
            try:
                return attempt(self._nodes())
            except _PASSING as error:
                cause = routing.lasting(error)
                if cause is not None:
                    raise cause from None
                most = self._patience if self._known is not None else _STRANGE
                give_up = give_up or began + min(self._patience, most)
                if time.monotonic() >= give_up:
                    raise exceptions.ConnectionError from None
            time.sleep(_PAUSE)
            self._look_again()

    def _nodes(self) -> _Nodes:
        with self._lock:
            if self._known is None:
                self._known = routing.connected(
                    self._first, self._others, self._timeout, is_whole=True
                )
            return self._known

    def _look_again(self) -> None:
        """Who is primary of what; where no node that was known answers, begin with the URL's."""
        with self._lock:
            nodes = self._known
        try:
            if nodes is not None:  # not under the lock: a silent node takes seconds
                nodes.nodes_manager.initialize()
        except _PASSING:
            with self._lock:
                if self._known is nodes:
                    self._known = None
            routing.retire(nodes)


class Pipeline(CoreCommands):
    """Commands that are kept until ``execute``, as redis-py's pipeline does."""

    _event_dispatcher: Any = None

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kept: list[Command] = []

    def execute_command(self, *args: Any, **options: Any) -> "Pipeline":
        """Keep a command."""
        self._kept.append((args, options))
        return self

    def execute(self, *, raise_on_error: bool = True) -> list[Any]:
        """Send what was kept; the replies in that order.

        Raises:
            RedisError: the cluster is away, or refused one of them, which is then among the
                replies if ``raise_on_error`` is False.
        """
        kept, self._kept = self._kept, []
        replies = self._cluster.scatter(kept, routing.send)
        if raise_on_error:
            routing.refuse_errors(replies)
        return replies
