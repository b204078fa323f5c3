"""What the pages of other sites may ask: what is open to anyone, in every way that a browser asks.

A browser that is to send ``If-None-Match`` or ``Range`` to another site asks first.
"""

from collections.abc import Iterator

import pytest
from web_index import IINS
from web_node import WebNode

from lookup.index.embedded import EmbeddedStore
from lookup.protocol.suite import Lane

ELSEWHERE = {"Origin": "https://elsewhere.example"}
BEFORE = ELSEWHERE | {
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "if-none-match,range",
}
LEAVE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "If-None-Match, If-Range, Range",
    "Access-Control-Max-Age": "86400",
}
OPEN = [
    "/v1/params/public",
    "/v1/range/public/{public}/000",
    "/v1/range/public/{public}/000.json",
    "/v1/filter/public/{public}",
    "/v1/breaches",
    "/v1/breaches/kz-2025-16m",
    "/v1/latest",
    "/v1/dataclasses",
    "/api/v3/breaches",
    "/api/v3/breach/kz-2025-16m",
    "/api/v3/latestbreach",
    "/api/v3/dataclasses",
]
CLOSED = [
    "/v1/params/verified",
    "/v1/range/verified/{verified}/000",
    "/v1/filter/verified/{verified}",
    "/v1/check",
    "/v1/subscriptions",
    "/v1/notices",
]


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with a version in each lane."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("origins"))
    made.index.published("clinic", IINS[:3], sensitive=True)
    made.node.refresh()
    yield made
    made.close()


def address(web: WebNode, path: str) -> str:
    names = {lane.value: web.node.state.current[lane].version.name for lane in Lane}
    return path.format(**names)


def shared(headers: object) -> dict[str, str]:
    assert hasattr(headers, "items")
    return {name: value for name, value in headers.items() if name.startswith("Access-Control")}


@pytest.mark.parametrize("path", OPEN)
def test_open(web: WebNode, path: str) -> None:
    """A page of any site reads it, its tag too, and may send conditional and partial requests."""
    reply = web.client.get(address(web, path), headers=ELSEWHERE)
    assert (200, "*") == (reply.status_code, reply.headers["Access-Control-Allow-Origin"])
    assert "ETag" in reply.headers["Access-Control-Expose-Headers"]
    leave = web.client.options(address(web, path), headers=BEFORE)
    assert (200, LEAVE, b"") == (leave.status_code, shared(leave.headers), leave.data)
    assert {"GET", "HEAD", "OPTIONS"} == set(leave.headers["Allow"].split(", "))


@pytest.mark.parametrize("path", CLOSED)
def test_closed(web: WebNode, path: str) -> None:
    """What needs a key is for no page: neither the leave to ask nor the refusal can be read."""
    assert {} == shared(web.client.options(address(web, path), headers=BEFORE).headers)
    ask = web.client.post if path == "/v1/check" else web.client.get
    reply = ask(address(web, path), headers=ELSEWHERE)
    assert (401, {}) == (reply.status_code, shared(reply.headers))


@pytest.mark.parametrize("path", CLOSED)
def test_closed_when_it_says_when_to_try_again(
    web: WebNode, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even that the node has heard of no keys yet, and how long that may take."""
    monkeypatch.setattr(web.node, "knows_clients", False)
    ask = web.client.post if path == "/v1/check" else web.client.get
    reply = ask(address(web, path), headers=ELSEWHERE | {"Authorization": "Bearer key"})
    assert (503, {}) == (reply.status_code, shared(reply.headers))
    assert "Retry-After" in reply.headers
