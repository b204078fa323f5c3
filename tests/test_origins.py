"""Pages of registered origins may have elements evaluated; no other site's, and never by key."""

from collections.abc import Iterator

import pytest
import redis
from verified_node import REGISTERED, Asking
from web_node import WebNode, blinded, problem

from lookup.index import clients
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.limits import EvaluateLimit, Rules
from lookup.proof_of_work import HEADER

PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}


@pytest.fixture(scope="module")
def node(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    opened = Store(redis.Redis(unix_socket_path=str(valkey.socket)), None)
    limit = EvaluateLimit(opened, Rules.of("3/hour", 100), bytes(32))
    web = WebNode.make(valkey, tmp_path_factory.mktemp("origins"), limit=limit)
    yield Asking(web)
    web.close()
    opened.close()


def shared(headers: object) -> dict[str, str]:
    """The headers by which a browser lets other sites in."""
    assert hasattr(headers, "items")
    return {name: value for name, value in headers.items() if name.startswith("Access-Control")}


def test_a_registered_page_asks_without_a_key(node: Asking) -> None:
    """It may read answers and refusals; its visitors count as what they are, the anonymous."""
    for _ in range(3):
        reply = node.evaluate("public", Origin=REGISTERED)
        assert 200 == reply.status_code
        assert {
            "Access-Control-Allow-Origin": REGISTERED,
            "Access-Control-Expose-Headers": "Retry-After",
        } == shared(reply.headers)
        assert "Origin" in reply.vary
    reply = node.evaluate("public", Origin=REGISTERED)
    assert "this network asks much" in problem(reply, 429, "proof_of_work_required")
    assert REGISTERED == reply.headers["Access-Control-Allow-Origin"]
    problem(node.evaluate("verified", Origin=REGISTERED), 401, "unauthorised")


def test_a_browser_is_given_leave(node: Asking) -> None:
    """To send JSON and a proof of work, and nothing else: a key does not belong in a page."""
    headers = PREFLIGHT | {"Origin": REGISTERED}
    reply = node.web.client.options("/v1/evaluate", headers=headers)
    assert {
        "Access-Control-Allow-Origin": REGISTERED,
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": f"Content-Type, {HEADER}",
        "Access-Control-Max-Age": "600",
        "Access-Control-Expose-Headers": "Retry-After",
    } == shared(reply.headers)


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "http://egov.example", "https://egov.example:8443", "null", ""),
        *("https://EGOV.example", "https://egov.example/", "https://a.egov.example"),
    ],
)
def test_no_other_origin(node: Asking, origin: str) -> None:
    """An origin is its scheme, host and port, all of them."""
    headers = PREFLIGHT | {"Origin": origin}
    assert {} == shared(node.web.client.options("/v1/evaluate", headers=headers).headers)
    reply = node.evaluate("public", Origin=origin)
    assert "this origin may not ask" == problem(reply, 403, "forbidden")
    assert {} == shared(reply.headers)


def test_no_leave_for_keys_anywhere_else(node: Asking) -> None:
    """What takes a key lets no other site's page in, registered or not."""
    asks = {"Origin": REGISTERED, "Access-Control-Request-Headers": "authorization"}
    for path in ("/v1/params/verified", f"/v1/range/verified/{node.version}/000"):
        reply = node.web.client.options(path, headers=PREFLIGHT | asks)
        assert {} == shared(reply.headers)


def test_an_origin_goes_with_its_client(node: Asking) -> None:
    """Once the client is revoked its pages are strangers."""
    other = "https://other.example"
    made, _ = clients.new("other", origins=(other,))
    clients.add(node.web.index.store, made)
    node.web.node.refresh()
    body = {"lane": "public", "blinded": blinded(65)}  # refused after the origin was looked at
    problem(node.web.ask(body, headers={"Origin": other}), 400, "too_many_elements")
    clients.revoke(node.web.index.store, made)
    node.web.node.refresh()
    problem(node.web.ask(body, headers={"Origin": other}), 403, "forbidden")
