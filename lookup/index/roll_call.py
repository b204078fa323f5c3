"""A question to all servers of a cluster, also while it is down, and who does not answer it."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import redis
from redis import exceptions

SLOTS = 16384  # of every cluster

T = TypeVar("T")


@dataclass(frozen=True)
class Roll(Generic[T]):
    """What all servers answered.

    Attributes:
        answers: by host and port, primaries and the replicas that the others take for alive; of a
            store that is one server, its answer under no name.
        silent: those that did not answer us.
        unserved: how many slots lie on no server.
    """

    answers: Mapping[str, T]
    silent: tuple[str, ...] = ()
    unserved: int = 0


def call(nodes: Any, question: Callable[[redis.Redis], T]) -> Roll[T]:
    """Ask all at once: the slowest is waited for, and not each.

    Args:
        nodes: redis-py's RedisCluster, half of which has no types.

    Raises:
        RedisError: a server refused the question, or none answers.
    """
    answers: dict[str, T] = {}

    def ask(name: str, client: redis.Redis) -> None:
        try:
            answers[name] = question(client)
        except (exceptions.ConnectionError, exceptions.TimeoutError):
            return

    clients = {node.name: nodes.get_redis_connection(node) for node in nodes.get_nodes()}
    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(ask, clients, clients.values()))  # raises what they did
    if not answers:
        raise exceptions.ConnectionError
    silent = tuple(name for name in clients if name not in answers)
    return Roll(answers, silent, SLOTS - len(nodes.nodes_manager.slots_cache))
