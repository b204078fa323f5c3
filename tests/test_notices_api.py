"""Subscriptions and notices over HTTP: a client's own, bounded, and never "nothing" by mistake."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from verified_node import Asking
from web_index import IINS
from web_node import WebNode, logged, problem
from werkzeug.test import Client, TestResponse

from loaders.notices import Teller
from loaders.progress import Progress
from lookup.api import Service
from lookup.app import _flask
from lookup.index import keyspace, subscriptions
from lookup.index.embedded import EmbeddedStore
from lookup.index.notice_book import NoticeBook
from lookup.index.store import Store
from lookup.protocol import entries
from lookup.protocol.suite import Lane

ADDRESS, NOTICES = "/v1/subscriptions", "/v1/notices"
Headers = Mapping[str, str]


@pytest.fixture(scope="module")
def node(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    web = WebNode.make(valkey, tmp_path_factory.mktemp("notices"))
    yield Asking(web)
    web.close()


@pytest.fixture(autouse=True)
def nobody_watched(node: Asking) -> None:
    for client in (node.egov, node.shop):
        for lane in Lane:
            subscriptions.remove_all(book(node), lane, client.id)


def book(node: Asking) -> NoticeBook:
    made = node.web.service.book
    assert made is not None
    return made


def send(node: Asking, method: str, body: object, headers: Headers, **more: str) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Type": "application/json"} | dict(headers) | more
    return node.web.client.open(ADDRESS, method=method, data=data, headers=named)


def persons(count: int, start: int = 0) -> list[str]:
    return [f"{n:016x}" for n in range(start, start + count)]


def counted(node: Asking, headers: Headers) -> dict[str, int]:
    document = json.loads(node.get(ADDRESS, headers).data)
    assert subscriptions.MOST == document["most"]
    counts: dict[str, int] = document["persons"]
    return counts


def test_subscribing_is_repeatable_and_counted(node: Asking) -> None:
    """The same persons twice are the same persons; each lane is counted apart."""
    for _ in range(2):
        reply = send(node, "POST", {"lane": "public", "persons": persons(3)}, node.good)
        assert {"lane": "public", "persons": 3} == json.loads(reply.data)
    send(node, "POST", {"lane": "verified", "persons": persons(1)}, node.good)
    assert {"public": 3, "verified": 1} == counted(node, node.good)
    assert {"public": 0} == counted(node, node.other)
    assert "private, no-store" == reply.headers["Cache-Control"]


def test_deleting_some_or_all(node: Asking) -> None:
    """Persons that were never watched are no mistake; all of a lane is said in a word."""
    send(node, "POST", {"lane": "public", "persons": persons(5)}, node.good)
    send(node, "POST", {"lane": "verified", "persons": persons(1)}, node.good)
    reply = send(node, "DELETE", {"lane": "public", "persons": persons(4, start=3)}, node.good)
    assert {"lane": "public", "persons": 3} == json.loads(reply.data)
    reply = send(node, "DELETE", {"lane": "public", "persons": "all"}, node.good)
    assert {"lane": "public", "persons": 0} == json.loads(reply.data)
    assert {"public": 0, "verified": 1} == counted(node, node.good)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_10000_persons_a_call(node: Asking, method: str) -> None:
    """Both sides of the bound, as long as they may be written."""
    body = {"lane": "public", "persons": persons(10_000)}
    assert 200 == send(node, method, body, node.good).status_code
    body["persons"] = persons(10_001)
    sentence = problem(send(node, method, body, node.good), 400, "too_many_elements")
    assert "send at most 10000 persons at a time" == sentence
    problem(send(node, method, b" " * (256 * 1024 + 1), node.good), 413, "too_large")


def test_a_client_has_a_bound(node: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it nothing is added, and it says what to do."""
    monkeypatch.setattr(subscriptions, "MOST", 5)
    send(node, "POST", {"lane": "public", "persons": persons(4)}, node.good)
    refused = send(node, "POST", {"lane": "public", "persons": persons(2, start=9)}, node.good)
    sentence = "one client watches at most 5 persons in a lane; delete some first"
    assert sentence == problem(refused, 400, "too_many_elements")
    assert 4 == counted(node, node.good)["public"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_request"),
        (b"{", "bad_request"),
        ({"lane": "public"}, "bad_request"),
        ({"lane": "other", "persons": ["00" * 8]}, "bad_request"),
        ({"lane": "public", "persons": []}, "bad_request"),
        ({"lane": "public", "persons": "00" * 8}, "bad_request"),
        ({"lane": "public", "persons": ["00" * 8], "more": 1}, "bad_request"),
        ({"lane": "public", "persons": ["00" * 7]}, "bad_element"),
        ({"lane": "public", "persons": ["00" * 32]}, "bad_element"),
        ({"lane": "public", "persons": ["AB" * 8]}, "bad_element"),
        ({"lane": "public", "persons": [7]}, "bad_element"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_bad_bodies_are_refused(node: Asking, method: str, body: object, code: str) -> None:
    """A body that a proxy dropped deletes nobody; a whole token is no person."""
    send(node, "POST", {"lane": "public", "persons": persons(1)}, node.good)
    problem(send(node, method, body, node.good), 400, code)
    assert 1 == counted(node, node.good)["public"]


def test_all_is_for_deleting(node: Asking) -> None:
    """Nobody can watch everybody."""
    problem(send(node, "POST", {"lane": "public", "persons": "all"}, node.good), 400, "bad_request")
    wrong = send(node, "POST", b"{}", node.good, **{"Content-Type": "text/plain"})
    problem(wrong, 415, "bad_media_type")


def test_who_may_not_is_refused(node: Asking) -> None:
    """No key, a wrong key, a lane that the key is not for; no page of another site reads it."""
    body = {"lane": "verified", "persons": persons(1)}
    stranger = {"Authorization": f"Bearer qk_{'0' * 16}_{'A' * 43}"}
    for method in ("POST", "DELETE"):
        problem(send(node, method, body, {}), 401, "unauthorised")
        problem(send(node, method, body, stranger), 401, "unauthorised")
        refused = send(node, method, body, node.other | {"Origin": "https://egov.example"})
        problem(refused, 403, "forbidden")
        assert not [name for name, _ in refused.headers if name.startswith("Access-Control")]
    for address in (ADDRESS, NOTICES, f"{NOTICES}?lane=verified"):
        problem(node.get(address), 401, "unauthorised")
    problem(node.get(f"{NOTICES}?lane=verified", node.other), 403, "forbidden")


def test_notices_are_the_clients_own_in_pages(node: Asking) -> None:
    """Subscribed, published, told: to this client, page by page, and to no other."""
    index = node.web.index
    watched = [entries.person(index.token(iin)).hex() for iin in IINS[:12]]
    send(node, "POST", {"lane": "public", "persons": watched}, node.good)
    send(node, "POST", {"lane": "public", "persons": watched[:1]}, node.other)
    teller = Teller(book(node), index.keys.ledger, Progress())
    teller.before_publish(Lane.PUBLIC)
    version = index.published("news", IINS[2:20])
    teller.tell(Lane.PUBLIC)
    after, told = "0-0", []
    for expected in (4, 4, 2):
        page = json.loads(node.get(f"{NOTICES}?limit=4&after={after}", node.good).data)
        assert (expected, expected == 4) == (len(page["notices"]), page["more"])
        told += page["notices"]
        after = page["after"]
    assert sorted(watched[2:]) == sorted(notice["person"] for notice in told)
    assert after == told[-1]["id"]
    first = told[0]
    assert {"id", "lane", "version", "created_at", "person", "datasets"} == set(first)
    assert ("public", version.name) == (first["lane"], first["version"])
    assert [{"name": "news", "data_classes": ["government-issued-ids"]}] == first["datasets"]
    nothing = {"notices": [], "after": after, "more": False}
    assert nothing == json.loads(node.get(f"{NOTICES}?after={after}", node.good).data)
    assert [] == json.loads(node.get(NOTICES, node.other).data)["notices"]
    assert [] == json.loads(node.get(f"{NOTICES}?lane=verified", node.good).data)["notices"]


@pytest.mark.parametrize(
    "query",
    ["after=x", "after=1", f"after=1-{2**64}", "after=-1-1", "limit=0", "limit=1001", "lane=other"],
)
def test_bad_questions_are_refused(node: Asking, query: str) -> None:
    """Also an id that the store would not take."""
    problem(node.get(f"{NOTICES}?{query}", node.good), 400, "bad_request")
    largest = f"{NOTICES}?after={2**63}-{2**64 - 1}&limit=1000"
    assert 200 == node.get(largest, node.good).status_code


def test_with_the_store_away_nothing_is_said(node: Asking, tmp_path: Path) -> None:
    """Neither that there is nothing new, nor that somebody is watched."""
    away = Store(redis.Redis(unix_socket_path=str(tmp_path / "none"), retry=None), None)
    client = other_node(node, NoticeBook(away, b"\x01" * 32))
    body = {"lane": "public", "persons": persons(1)}
    with logged() as lines:
        for reply in (
            client.post(ADDRESS, json=body, headers=node.good),
            client.delete(ADDRESS, json=body, headers=node.good),
            client.get(ADDRESS, headers=node.good),
            client.get(NOTICES, headers=node.good),
        ):
            assert "could not check; try again later" == problem(reply, 503, "store_unavailable")
            assert "5" == reply.headers["Retry-After"]
    assert [] == lines


def test_a_node_without_the_right_key_takes_nothing(node: Asking) -> None:
    """What it would write, no loader could read."""
    wrong = other_node(node, replace(book(node), key=b"\x01" * 32))
    body = {"lane": "public", "persons": persons(1)}
    problem(wrong.post(ADDRESS, json=body, headers=node.good), 503, "store_unavailable")
    store = node.web.index.store
    check = store.redis.hget(keyspace.INDEX, "notices_check")
    store.redis.hdel(keyspace.INDEX, "notices_check")
    problem(wrong.post(ADDRESS, json=body, headers=node.good), 503, "store_unavailable")
    store.redis.hset(keyspace.INDEX, "notices_check", check)
    none = other_node(node, None)
    problem(none.post(ADDRESS, json=body, headers=node.good), 404, "not_found")
    assert "no key" == json.loads(none.get("/readyz").data)["parts"]["notices"]


def test_what_is_sent_is_in_no_log(node: Asking) -> None:
    """Accepted or refused, neither persons nor ids of notices."""
    marker = "0123456789abcdef"
    with logged() as lines:
        send(node, "POST", {"lane": "public", "persons": [marker]}, node.good)
        send(node, "POST", {"lane": "public", "persons": [marker, marker + "0"]}, node.good)
        node.get(f"{NOTICES}?after={marker}", node.good)
        node.get(f"{NOTICES}?after=7-1234567890123", node.good)
    assert not [line for line in lines if marker in line or "1234567890123" in line]


def other_node(node: Asking, other: NoticeBook | None) -> Client:
    """The same node with another book."""
    service: Service = replace(node.web.service, book=other)
    return Client(_flask(service))
