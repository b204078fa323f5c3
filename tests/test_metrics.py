"""/metrics: what is counted, what is measured, who may read it, and that it names nobody."""

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from marked_requests import SENT
from scraped import LOCAL, Scraped
from verified_node import Asking
from web_index import IINS
from web_node import WebNode, blinded, problem
from werkzeug.test import Client

from lookup import metrics
from lookup.app import assembled
from lookup.index.embedded import EmbeddedStore
from lookup.index.state import State
from lookup.limits import EvaluateLimit, Rules

REQUESTS = "qorgan_http_request_duration_seconds"
BUDGET = 1000


@pytest.fixture
def web(valkey: EmbeddedStore, tmp_path: Path) -> Iterator[WebNode]:
    """A node that has just been started, whose limit is two elements a subscriber."""
    made = WebNode.make(valkey, tmp_path)
    rules = Rules.of("2/day", BUDGET)
    limit = EvaluateLimit(made.index.store, rules, bytes(32), tries=2)
    yield restarted(made, limit=limit)
    made.close()


def restarted(web: WebNode, **changes: object) -> WebNode:
    """The same node with another service, which has counted nothing yet."""
    service = replace(web.service, **changes)  # type: ignore[arg-type]
    return replace(web, service=service, client=Client(assembled(service)))


def test_requests_by_route_and_status(web: WebNode) -> None:
    """Counted once each, by the name of the route, never by what was asked for."""
    good = f"/v1/range/public/{web.version}/000"
    asked = {
        ("range", "200"): [good, f"{good}.json"],
        ("range", "400"): [f"/v1/range/public/{web.version}/{SENT}"],
        ("range", "410"): ["/v1/range/public/9-00000000/000"],
        ("parameters.params", "200"): ["/v1/params/public"],
        ("register.breach", "404"): [f"/v1/breaches/{SENT}", f"/v1/breaches/{SENT}"],
        ("site.check", "200"): ["/", "/kk/"],
        ("none", "404"): [f"/{SENT}"],
    }
    for path in (path for paths in asked.values() for path in paths):
        web.client.get(path)
    web.client.get(good, headers={"If-None-Match": f'"{web.version}-000"'})
    web.client.delete(f"/v1/breaches/{SENT}")
    told = Scraped.at(web.client)
    asked |= {("range", "304"): [""], ("none", "405"): [""]}
    assert {key: float(len(paths)) for key, paths in asked.items()} == {
        (route, status): told.sum(f"{REQUESTS}_count", route=route, status=status)
        for route, status in asked
    }
    assert told.sum(f"{REQUESTS}_count") == sum(map(len, asked.values()))
    assert 0 < told.sum(f"{REQUESTS}_sum", route="range") < 1


def test_how_long_requests_take(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is in the bucket of its time, and in those above it."""
    ticks = iter([0, 900_000, 0, 1_000_000, 0, 1_000_001, 0, 10**10])
    monkeypatch.setattr("lookup.front.perf_counter_ns", lambda: next(ticks))
    for _ in range(4):
        web.client.get(f"/v1/range/public/{web.version}/000")
    told = Scraped.at(web.client)
    counts = [
        told.sum(f"{REQUESTS}_bucket", route="range", le=le)
        for le in ("0.0005", "0.001", "0.0025", "2.5", "+Inf")
    ]
    assert [0, 2, 3, 3, 4] == counts
    assert 10.002900001 == told.sum(f"{REQUESTS}_sum", route="range")


def test_evaluations_refusals_and_proofs(web: WebNode) -> None:
    """Elements count, by lane and by whether a client asked; so does what was refused and why."""
    asking = Asking(web, IINS[36])
    web.ask({"lane": "public", "blinded": blinded(2)}, environ_base=LOCAL)
    asking.evaluate("verified", 5, **asking.good)
    refused = web.ask({"lane": "public", "blinded": blinded(1)}, environ_base=LOCAL)
    problem(refused, 429, "proof_of_work_required")
    web.ask(b"{}")
    web.client.get("/v1/range/public/9-00000000/000")
    tokens = [web.index.token(iin).hex() for iin in IINS[:3]]
    document = {"lane": "public", "tokens": tokens}
    assert 200 == web.client.post("/v1/check", json=document, headers=asking.good).status_code
    told = Scraped.at(web.client)
    assert 2 == told.sum("qorgan_evaluations_total", lane="public", who="anonymous")
    assert 5 == told.sum("qorgan_evaluations_total", lane="verified", who="client")
    assert 7 == told.sum("qorgan_evaluations_total")
    assert 3 == told.sum("qorgan_checked_tokens_total")
    assert 1 == told.sum("qorgan_refusals_total", code="proof_of_work_required")
    assert 1 == told.sum("qorgan_refusals_total", code="bad_request")
    assert 1 == told.sum("qorgan_refusals_total", code="version_gone")
    assert 3 == told.sum("qorgan_refusals_total")
    assert 1.5 == told.sum("qorgan_proof_of_work_demand_sum", proof="asked")
    assert 1 == told.sum("qorgan_proof_of_work_demand_bucket", proof="asked", le="1.5")
    assert 0 == told.sum("qorgan_proof_of_work_demand_count", proof="given")
    assert (BUDGET, 2) == (
        told.sum("qorgan_budget_elements"),
        told.sum("qorgan_budget_spent_elements"),
    )


def test_a_proof_that_was_given(web: WebNode) -> None:
    """It counts with what it was for."""
    from lookup.proof_of_work import HEADER, solve

    web.ask({"lane": "public", "blinded": blinded(2)}, environ_base=LOCAL)
    refused = web.ask({"lane": "public", "blinded": blinded(1)}, environ_base=LOCAL)
    proof = {HEADER: solve(json.loads(refused.data)["challenge"])}
    document = {"lane": "public", "blinded": blinded(1)}
    assert 200 == web.ask(document, headers=proof, environ_base=LOCAL).status_code
    told = Scraped.at(web.client)
    assert 1 == told.sum("qorgan_proof_of_work_demand_count", proof="given")
    assert 1.5 == told.sum("qorgan_proof_of_work_demand_sum", proof="given")


def test_the_version_that_is_served(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counter, age and sizes for each lane that has one; nothing of one that has none."""
    mapped = next(iter(web.node.state.current.values()))
    told = Scraped.at(web.client)
    assert 1 == told.sum("qorgan_version_counter", lane="public")
    assert 0 <= told.sum("qorgan_version_age_seconds", lane="public") < 3600
    assert len(mapped.view) == told.sum("qorgan_view_bytes", lane="public")
    assert mapped.parameters.filter.bytes == told.sum("qorgan_filter_bytes", lane="public")
    assert 1 == told.sum("qorgan_loads", state="loaded")
    assert 0 == told.sum("qorgan_loads_unpublished")
    assert 10**5 < told.sum("qorgan_store_memory_used_bytes")
    monkeypatch.setattr(web.node, "state", State())
    assert "qorgan_version_counter" not in Scraped.at(web.client).names


def test_a_store_that_is_away(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is told, at once; of the store only that it is away, and for how long."""
    told = Scraped.at(web.client)
    assert (1, 0) == (told.sum("qorgan_store_up"), told.sum("qorgan_stale"))
    assert 0 <= told.sum("qorgan_store_silence_seconds") < 60
    monkeypatch.setattr(web.node, "_away", True)
    monkeypatch.setattr(web.node, "_heard_at", time.time() - 90_000)
    told = Scraped.at(web.client)
    assert (0, 1) == (told.sum("qorgan_store_up"), told.sum("qorgan_stale"))
    assert 90_000 <= told.sum("qorgan_store_silence_seconds") < 90_060
    assert told.names.isdisjoint({"qorgan_loads", "qorgan_store_memory_used_bytes"})


def test_a_slow_store_holds_nobody(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread waits for it, readers do not; they get what was read last, for a while."""
    Scraped.at(web.client)
    asked, answer = [], threading.Event()

    def slow(_: object) -> None:
        asked.append(1)
        answer.wait(10)
        raise RuntimeError

    monkeypatch.setattr(metrics, "_PATIENCE", 0.05)
    monkeypatch.setattr(metrics.figures, "read", slow)
    started = time.monotonic()
    assert all("qorgan_loads" in Scraped.at(web.client).names for _ in range(3))
    monkeypatch.setattr(metrics, "_FRESH", 0)
    assert "qorgan_loads" not in Scraped.at(web.client).names
    assert time.monotonic() - started < 5
    assert [1] == asked
    answer.set()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_who_asks_on_the_machine_itself_may_read(web: WebNode, address: str) -> None:
    """Whatever way loopback is spelt; nobody keeps what he read."""
    reply = web.client.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert 200 == reply.status_code
    assert reply.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert "no-store" == reply.headers["Cache-Control"]
    assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize("address", ["", "10.0.0.1", "192.0.2.1", "::ffff:10.0.0.1", "2001:db8::1"])
def test_nobody_else_may(web: WebNode, address: str) -> None:
    """To others there is nothing at this address."""
    reply = web.client.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert "there is nothing at this address" == problem(reply, 404, "not_found")


@pytest.mark.parametrize("header", ["Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"])
def test_a_proxy_on_the_machine_is_not_who_asks(web: WebNode, header: str) -> None:
    """What a proxy hands on came from somewhere else."""
    for value in ("127.0.0.1", ""):
        reply = web.client.get("/metrics", headers={header: value}, environ_base=LOCAL)
        problem(reply, 404, "not_found")


def test_behind_a_proxy_of_ours_only_a_key_is_good(web: WebNode) -> None:
    """A bare proxy adds no header: everybody would seem to ask on the machine."""
    web = restarted(web, is_proxied=True)
    problem(web.client.get("/metrics", environ_base=LOCAL), 404, "not_found")


def test_with_a_key_whoever_has_it_may(web: WebNode) -> None:
    """From anywhere, through a proxy too; and nobody without it, on the machine neither."""
    key = bytes(range(32))
    web = restarted(web, metrics_key=key)
    good = {"Authorization": f"Bearer {key.hex()}", "X-Forwarded-For": "192.0.2.1"}
    far = {"REMOTE_ADDR": "192.0.2.9"}
    assert 200 == web.client.get("/metrics", headers=good, environ_base=far).status_code
    for bad in (f"Bearer {key.hex()[:-1]}", key.hex(), f"Bearer {bytes(32).hex()}", "Bearer ключ"):
        wire = bad.encode().decode("latin-1")
        reply = web.client.get("/metrics", headers={"Authorization": wire}, environ_base=LOCAL)
        problem(reply, 404, "not_found")
    problem(web.client.get("/metrics", environ_base=LOCAL), 404, "not_found")
    assert key.hex() not in repr(web.service)


def test_labels_are_of_closed_sets(web: WebNode) -> None:
    """Names of routes, codes, lanes and states, and numbers of loads; nothing that was sent."""
    Asking(web, IINS[36])
    for path in (f"/{SENT}", f"/v1/params/{SENT}", f"/v1/range/public/{SENT}/0ff"):
        for method in ("GET", SENT):
            web.client.open(path, method=method)
    forms = {
        "route": r"[a-z_]+(\.[a-z_]+)?",
        "status": "[1-5][0-9]{2}|other",
        "le": r"[0-9.e-]+|\+Inf",
        "lane": "public|verified",
        "who": "anonymous|client",
        "code": "[a-z_]+",
        "proof": "asked|given",
        "state": "running|loaded|withdrawn|purged",
        "load": "[0-9]+",
    }
    told = Scraped.at(web.client)
    assert 100 < len(told.samples)
    for name, value in told.labels():
        assert re.fullmatch(forms[name], value), (name, value)
