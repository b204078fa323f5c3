"""A web node in this process: assembled as a service's, asked through WSGI."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from flask import Flask
from node_world import Clock
from web_index import WebIndex
from werkzeug.test import Client, TestResponse

from lookup import keys
from lookup.api import Service
from lookup.app import assembled
from lookup.client_limits import ClientLimit
from lookup.counting import Counting
from lookup.evaluations import Evaluations
from lookup.front import Front
from lookup.index import notice_book
from lookup.index.embedded import EmbeddedStore
from lookup.index.node import Node
from lookup.index.store import Store, limits_storage
from lookup.index.watch import Watch
from lookup.limits import EvaluateLimit
from lookup.metering import Meter
from lookup.protocol.oprf import Blinding
from lookup.protocol.suite import Lane
from lookup.settings import Role

ORIGIN = {"Origin": "http://localhost"}  # the host that werkzeug's client asks by default


@dataclass
class WebNode:
    """A node that looks at the store only when told to; ``client`` asks it."""

    index: WebIndex
    node: Node
    service: Service
    client: Client

    @classmethod
    def make(
        cls,
        valkey: EmbeddedStore,
        folder: Path,
        *,
        roles: Iterable[Role] = tuple(Role),
        limit: EvaluateLimit | None = None,
        prepare: Callable[[WebIndex, Path], None] = lambda *_: None,
    ) -> "WebNode":
        """A node that serves an index with one published dataset of 30 people.

        ``prepare`` is given the index and the cache folder before the node first looks.
        """
        connection = redis.Redis(unix_socket_path=str(valkey.socket))
        connection.flushall()
        store = Store(connection, None)
        index = WebIndex.with_a_leak(store, folder / "keys")
        prepare(index, folder / "cache")
        ignored = Watch(*[lambda *_: None] * 6)
        node = Node(store, folder / "cache", 86400, tuple(Lane), ignored)
        node.refresh()
        held = frozenset(roles)
        lanes = Lane if Role.EVALUATE in held else ()
        lane_keys = {lane: keys.derive_lane_key(index.keys.lanes[lane], lane) for lane in lanes}
        meter = Meter(store, lambda _: None)
        client_limit = ClientLimit(limits_storage(store), index.keys.lanes[Lane.PUBLIC])
        counting = Counting(store)
        book = notice_book.opened(store, index.folder)
        service = Service(held, node, meter, lane_keys, limit, client_limit, counting, book)
        return cls(index, node, service, Client(assembled(service)))

    def close(self) -> None:
        for mapped in self.node.state.mapped.values():
            mapped.close()
        self.index.store.close()

    @property
    def evaluations(self) -> Evaluations:
        """What evaluates, of a node with all roles."""
        answerer = self._fronts[1].answerer
        assert isinstance(answerer, Evaluations)
        return answerer

    @property
    def flask(self) -> Flask:
        """What answers everything else."""
        flask = self._fronts[1].behind
        assert isinstance(flask, Flask)
        return flask

    @property
    def _fronts(self) -> tuple[Front, Front]:
        """Ranges before evaluations."""
        ranges = self.client.application
        assert isinstance(ranges, Front)
        assert isinstance(ranges.behind, Front)
        return ranges, ranges.behind

    @property
    def version(self) -> str:
        """The name of the version that is served."""
        return self.node.state.current[Lane.PUBLIC].version.name

    def ask(self, body: object, **more: Any) -> TestResponse:
        """POST to evaluate; a body that is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        more.setdefault("content_type", "application/json")
        return self.client.post("/v1/evaluate", data=data, **more)


def blinded(count: int) -> list[str]:
    """So many blinded elements, as a client sends them."""
    return [element.hex() for element in Blinding([bytes([n]) * 32 for n in range(count)]).blinded]


def problem(response: TestResponse, status: int, code: str) -> str:
    """The sentence of a problem document that is as it should be."""
    document = json.loads(response.data)
    assert (response.status_code, document["status"], document["code"]) == (status, status, code)
    assert response.content_type == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    sentence: str = document["detail"]
    return sentence


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def logged() -> Iterator[list[str]]:
    """The lines that every logger of this process writes meanwhile."""
    kept = _Kept()
    loggers = [logging.getLogger("qorgan"), logging.getLogger()]
    before = [logger.handlers[:] for logger in loggers]
    loggers[0].handlers[:], propagate = [kept], loggers[0].propagate
    loggers[1].addHandler(kept)
    loggers[0].propagate = False
    try:
        yield kept.lines
    finally:
        for logger, handlers in zip(loggers, before, strict=True):
            logger.handlers[:] = handlers
        loggers[0].propagate = propagate


__all__ = ["ORIGIN", "Clock", "WebNode", "blinded", "logged", "problem"]
