"""``POST /v1/evaluate``: who may ask, what is understood, what comes back."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from web_index import IINS
from web_node import ORIGIN, WebNode, blinded, logged, problem

from lookup import api
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.limits import EvaluateLimit, Rules
from lookup.proof_of_work import HEADER, solve
from lookup.protocol import entries
from lookup.protocol.oprf import Blinding, Evaluation
from lookup.protocol.stretch import stretch
from lookup.protocol.suite import Kind, Lane

IDENTITY = "00" * 32
ONE = blinded(1)


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node that evaluates without a limit."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("evaluate"))
    yield made
    made.close()


def asked(elements: object, lane: str = "public") -> dict[str, object]:
    return {"lane": lane, "blinded": elements}


@pytest.mark.parametrize("count", [1, 2, 64])
def test_the_reply_is_what_a_client_can_check(web: WebNode, count: int) -> None:
    """Elements come back in their order under one proof, and finalize to the loaders' tokens."""
    inputs = [stretch(Kind.IIN, IINS[n % 40], web.index.definition.argon2) for n in range(count)]
    blinding = Blinding(inputs)
    response = web.ask(asked([element.hex() for element in blinding.blinded]))
    document = json.loads(response.data)
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert set(document) == {"evaluated", "proof"}
    reply = Evaluation(
        tuple(bytes.fromhex(e) for e in document["evaluated"]), bytes.fromhex(document["proof"])
    )
    public_key = bytes.fromhex(web.index.definition.public_keys["public"])
    outputs = blinding.finalize(reply, public_key)
    tokens = [entries.token(output) for output in outputs]
    assert tokens == [web.index.token(IINS[n % 40]) for n in range(count)]


def test_nobody_keeps_a_reply(web: WebNode) -> None:
    """A reply is not cached, and no other site's script may read it."""
    response = web.ask(asked(ONE), headers=ORIGIN)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert not [name for name in response.headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ([], "bad_request"),
        (None, "bad_request"),
        ("00" * 32, "bad_request"),
        ({"0": "00"}, "bad_request"),
        (ONE * 64 + ONE, "too_many_elements"),
        (["00"] * 5000, "too_many_elements"),
        ([ONE[0][:-1]], "bad_element"),
        ([ONE[0] + "0"], "bad_element"),
        ([ONE[0].upper()], "bad_element"),
        ([" " + ONE[0][1:]], "bad_element"),
        ([ONE[0] + "\n"], "bad_element"),
        ([1], "bad_element"),
        ([None], "bad_element"),
        ([ONE], "bad_element"),
        (["900101300017"], "bad_element"),
        ([IDENTITY], "bad_element"),
        (["ff" * 32], "bad_element"),
        (["01" + "00" * 31], "bad_element"),
        ([*blinded(63), IDENTITY], "bad_element"),
    ],
)
def test_elements_that_are_refused(web: WebNode, elements: object, code: str) -> None:
    """One to 64 canonical elements other than the identity; nothing of a refusal is evaluated."""
    response = web.ask(asked(elements))
    problem(response, 400, code)
    assert b"900101300017" not in response.data


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b"1", b'"public"', b"\xff\xfe", b"{}", b"[" * 60_000),
        json.dumps({"lane": "public"}).encode(),
        json.dumps({"blinded": ONE}).encode(),
        json.dumps(asked(ONE) | {"iin": "900101300017"}).encode(),
        json.dumps(asked(ONE, "private")).encode(),
        json.dumps(asked(ONE, "PUBLIC")).encode(),
        json.dumps({"lane": None, "blinded": ONE}).encode(),
        json.dumps({"lane": ["public"], "blinded": ONE}).encode(),
        json.dumps({"lane": {"public": 1}, "blinded": ONE}).encode(),
        b"900101300017",
    ],
)
def test_bodies_that_are_refused(web: WebNode, body: bytes) -> None:
    """Anything but the two keys, each of its form, is refused and not repeated."""
    response = web.ask(body)
    problem(response, 400, "bad_request")
    assert b"900101300017" not in response.data


def test_the_verified_lane_wants_a_key(web: WebNode) -> None:
    """Nobody without an API key learns whether a sensitive dataset has somebody."""
    response = web.ask(asked(ONE, "verified"))
    assert problem(response, 401, "unauthorised") == "this lane needs an API key"
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"),
        *("", "application/jsonp", "application/problem+json", "text/json"),
        "text/plain; application/json",
    ],
)
def test_only_json(web: WebNode, content_type: str) -> None:
    """What any site's form can send without asking is not understood."""
    problem(web.ask(asked(ONE), content_type=content_type), 415, "bad_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
def test_json_by_any_spelling(web: WebNode, content_type: str) -> None:
    """The media type is compared as HTTP compares it."""
    assert web.ask(asked(ONE), content_type=content_type).status_code == 200


def test_a_body_of_any_size(web: WebNode) -> None:
    """64 KiB are read and judged; one byte more is refused unread."""
    body = json.dumps(asked(ONE)).encode()
    assert web.ask(body + b" " * (65536 - len(body))).status_code == 200
    problem(web.ask(body + b" " * (65537 - len(body))), 413, "too_large")


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "https://evil.example", "http://localhost.evil.example", "http://evil"),
        *("http://localhost:8080", "https://localhost/", "localhost", "http://user@localhost"),
    ],
)
def test_other_sites_may_not_ask(web: WebNode, origin: str) -> None:
    """Their visitors are not made to ask in their place."""
    response = web.ask(asked(ONE), headers={"Origin": origin})
    assert problem(response, 403, "forbidden") == "this origin may not ask"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("qorgan.example", "https://qorgan.example"),
        ("qorgan.example:8443", "https://qorgan.example:8443"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("localhost", None),
    ],
)
def test_our_own_page_may_ask(web: WebNode, host: str, origin: str | None) -> None:
    """The page on the same host asks, also behind a proxy that ends TLS; programs do, too."""
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    assert web.ask(asked(ONE), headers=headers).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost", "null"])
def test_no_permission_is_given_beforehand(web: WebNode, origin: str) -> None:
    """A browser that asks whether another site may post is told nothing that allows it."""
    response = web.client.options(
        "/v1/evaluate",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert "Access-Control-Allow-Methods" not in response.headers
    assert "Access-Control-Allow-Headers" not in response.headers
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_evaluate_is_posted(web: WebNode, method: str) -> None:
    """Blinded elements never stand in an address, where logs and caches would keep them."""
    response = web.client.open("/v1/evaluate", method=method)
    assert response.status_code == 405
    assert sorted(response.headers["Allow"].split(", ")) == ["OPTIONS", "POST"]


def limit(store: Store, notation: str) -> EvaluateLimit:
    """A limit that nothing was counted against yet."""
    return EvaluateLimit(store, Rules.of(notation, 1_000_000), os.urandom(32), tries=2)


def limited(web: WebNode, limit: EvaluateLimit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a limit on the node for one test."""
    service = replace(web.service, limit=limit)
    monkeypatch.setattr(web.evaluations, "service", service)


def test_each_element_counts(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit counts elements; the refusal says how long to wait, and tells of no address."""
    limited(web, limit(web.index.store, "10/hour"), monkeypatch)
    assert web.ask(asked(blinded(8))).status_code == 200
    response = web.ask(asked(blinded(3)))
    assert "this network asks much" in problem(response, 429, "proof_of_work_required")
    assert "1" == response.headers["Retry-After"]
    proof = {HEADER: solve(response.get_json()["challenge"])}
    assert web.ask(asked(blinded(2))).status_code == 200
    problem(web.ask(asked(ONE)), 429, "proof_of_work_required")
    assert web.ask(asked(blinded(3)), headers=proof).status_code == 200
    problem(web.ask(asked(blinded(3)), headers=proof), 429, "proof_of_work_required")


def test_a_spent_budget(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the whole service has nothing left, it says so, and never "not found"."""
    spent = EvaluateLimit(web.index.store, Rules((), 2), os.urandom(32), lambda: 4e9)
    limited(web, spent, monkeypatch)
    assert [200, 200] == [web.ask(asked(ONE)).status_code for _ in range(2)]
    response = web.ask(asked(ONE))
    assert problem(response, 429, "budget_spent").startswith("could not check")
    assert 0 < int(response.headers["Retry-After"]) <= 86400


def test_refused_requests_cost_nothing(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in a request does not use up what a citizen may ask."""
    limited(web, limit(web.index.store, "1/hour"), monkeypatch)
    problem(web.ask(b"{"), 400, "bad_request")
    problem(web.ask(asked(["zz"])), 400, "bad_element")
    problem(web.ask(asked(ONE), headers={"Origin": "null"}), 403, "forbidden")
    assert web.ask(asked(ONE)).status_code == 200


def test_the_store_is_away(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a limit that cannot be counted nobody is evaluated, and told so for what it is."""
    client = redis.Redis(unix_socket_path="/nowhere/s", retry=None)
    limited(web, limit(Store(client, None), "10/hour"), monkeypatch)
    with logged() as lines:
        response = web.ask(asked(ONE))
    assert problem(response, 503, "store_unavailable").startswith("could not check")
    assert response.headers["Retry-After"] == "5"
    assert lines == []
    client.close()


class Broken:
    """A key that fails in an unforeseen way, with a telling text."""

    public_key = b""

    def blind_evaluate(self, elements: list[bytes]) -> None:
        raise RuntimeError(f"element {elements[0].hex()}")


def test_the_unforeseen(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody thought of is a 500; its text is in neither answer nor log."""
    broken = replace(web.service, lane_keys={Lane.PUBLIC: Broken()})  # type: ignore[dict-item]
    monkeypatch.setattr(web.evaluations, "service", broken)
    with logged() as lines:
        response = web.ask(asked(ONE))
    problem(response, 500, "internal")
    assert lines == ["unexpected error error=RuntimeError"]
    assert ONE[0].encode() not in response.data


def test_a_node_without_the_role(valkey: EmbeddedStore, tmp_path: Path) -> None:
    """A node that only serves ranges has no key, and no address to ask it at."""
    made = WebNode.make(valkey, tmp_path, roles=[api.Role.RANGE])
    problem(made.ask(asked(ONE)), 404, "not_found")
    assert made.service.lane_keys == {}
    assert Lane.PUBLIC in made.node.state.current
    made.close()
