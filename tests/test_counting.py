"""A store that answers who reads and refuses who writes: nobody can be counted, nor evaluated."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from web_node import WebNode, blinded, logged, problem
from werkzeug.test import Client

from lookup.app import assembled
from lookup.index.embedded import EmbeddedStore
from lookup.limits import EvaluateLimit, Rules

REFUSED = "limits cannot be counted, the store refuses error=redis.exceptions.OutOfMemoryError"
TAKEN = "limits are counted again"
ASKED = {"lane": "public", "blinded": blinded(1)}


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node that counts what is asked."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("counting"))
    limit = EvaluateLimit(made.index.store, Rules.of("60/hour", 1000), bytes(32))
    service = replace(made.service, limit=limit)
    yield replace(made, service=service, client=Client(assembled(service)))
    made.close()


@pytest.fixture
def full(web: WebNode, caplog: pytest.LogCaptureFixture) -> Iterator[WebNode]:
    """The same, whose store has no memory left."""
    caplog.set_level(logging.INFO, "qorgan")
    store = web.index.store.redis
    store.config_set("maxmemory", 1)
    yield web
    store.config_set("maxmemory", 0)
    web.client.get("/readyz")


def evaluate_part(web: WebNode) -> tuple[int, str]:
    response = web.client.get("/readyz")
    parts = json.loads(response.data)["parts"]
    assert "ok" == parts["store"]
    return response.status_code, parts["evaluate"]


def test_a_full_store_is_told(full: WebNode) -> None:
    """Once in the log, without a word of who asked, and as long as it lasts by the probe."""
    with logged() as lines:
        for _ in range(3):
            problem(full.ask(ASKED), 503, "store_unavailable")
            assert (503, "store refuses") == evaluate_part(full)
    assert [REFUSED] == lines


def test_a_store_that_has_room_again(full: WebNode) -> None:
    """The probe finds out, for a node that is not ready is asked by nobody; and costs nobody."""
    full.ask(ASKED)
    full.index.store.redis.config_set("maxmemory", 0)
    keys = set(full.index.store.redis.scan_iter("*limits*"))
    with logged() as lines:
        assert [(200, "ok")] * 2 == [evaluate_part(full) for _ in range(2)]
    assert [TAKEN] == lines
    made = set(full.index.store.redis.scan_iter("*limits*")) - keys
    assert all(0 < full.index.store.redis.ttl(key) <= 120 for key in made)


def test_the_next_count_finds_out_too(full: WebNode) -> None:
    """Where nobody probes, the log tells all the same when it is over."""
    full.ask(ASKED)
    full.index.store.redis.config_set("maxmemory", 0)
    with logged() as lines:
        assert 200 == full.ask(ASKED).status_code
    assert [TAKEN] == lines


def test_a_store_that_counts_is_not_told(web: WebNode) -> None:
    """A node whose counts are taken says nothing, and is ready."""
    with logged() as lines:
        assert 200 == web.ask(ASKED).status_code
        assert (200, "ok") == evaluate_part(web)
    assert [] == lines
