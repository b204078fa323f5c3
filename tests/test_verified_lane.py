"""The verified lane over HTTP: who may ask it, and that nobody else learns anything of it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from limits.storage import MemoryStorage
from verified_node import PATIENT, REGISTERED, Asking
from web_index import IINS
from web_node import WebNode, problem

from lookup.client_limits import ClientLimit
from lookup.index import clients, usage
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store, limits_storage
from lookup.protocol import entries, parameters, tree, wire
from lookup.protocol.oprf import Blinding, Evaluation
from lookup.protocol.stretch import stretch
from lookup.protocol.suite import Kind, Lane

NOBODY = IINS[5]


@pytest.fixture(scope="module")
def node(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    web = WebNode.make(valkey, tmp_path_factory.mktemp("verified"))
    yield Asking(web)
    web.close()


def test_a_client_with_the_lane_finds_its_people(node: Asking) -> None:
    """Parameters, evaluation under the lane's own key, range, entry: the protocol as ever."""
    reply = node.get("/v1/params/verified", node.good)
    published = parameters.parse(reply.data)
    key = bytes.fromhex(published.publisher_key)
    parameters.verify(key, reply.data, bytes.fromhex(reply.headers["Qorgan-Signature"]))
    assert ("verified", ["clinic"]) == (published.lane, [d.name for d in published.datasets])
    for iin, expected in ((PATIENT, 1), (NOBODY, None)):
        blinding = Blinding([stretch(Kind.IIN, iin, node.web.index.definition.argon2)])
        body = {"lane": "verified", "blinded": [blinding.blinded[0].hex()]}
        told = json.loads(node.web.ask(body, headers=node.good).data)
        evaluated = tuple(bytes.fromhex(element) for element in told["evaluated"])
        evaluation = Evaluation(evaluated, bytes.fromhex(told["proof"]))
        (output,) = blinding.finalize(evaluation, bytes.fromhex(published.public_key))
        token = entries.token(output)
        bucket = entries.bucket(token, 10)
        path = wire.range_path(Lane.VERIFIED, published.version, entries.prefix(bucket, 10))
        rows, siblings = wire.split_range(
            node.get(path, node.good).data, published.range_entries, 10
        )
        leaf = tree.leaf(Lane.VERIFIED, published.counter, bucket, rows)
        assert published.root == tree.root(leaf, bucket, siblings).hex()
        block = entries.block(token, published.datasets[0].id)
        assert expected == entries.find(rows, block, bytes.fromhex(published.version_salt))


def test_nothing_of_it_is_kept_or_shared(node: Asking) -> None:
    """No cache keeps a range or shares parameters, and no page of another site reads them."""
    told = node.get("/v1/params/verified", node.good | {"Origin": REGISTERED})
    asked = node.get(f"/v1/range/verified/{node.version}/000", node.good | {"Origin": REGISTERED})
    as_json = node.get(f"/v1/range/verified/{node.version}/000.json", node.good)
    assert [200] * 3 == [each.status_code for each in (told, asked, as_json)]
    assert "private, no-cache" == told.headers["Cache-Control"]
    for each in (asked, as_json):
        assert "private, no-store, no-transform" == each.headers["Cache-Control"]
        assert "ETag" not in each.headers
    for each in (told, asked, as_json):
        assert not [name for name, _ in each.headers if name.startswith("Access-Control")]
    named = node.good | {"If-None-Match": f'"{node.version}-000"'}
    assert 200 == node.get(f"/v1/range/verified/{node.version}/000", named).status_code
    tag = told.headers["ETag"]
    assert 304 == node.get("/v1/params/verified", node.good | {"If-None-Match": tag}).status_code


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("nobody", 401, "unauthorised"),
        ("stranger", 401, "unauthorised"),
        ("shop", 403, "forbidden"),
    ],
)
def test_everyone_else_is_refused(node: Asking, who: str, status: int, code: str) -> None:
    """Without a key, with one that is none, and with one for the other lane."""
    stranger = {"Authorization": f"Bearer qk_{'0' * 16}_{'a' * 43}"}
    headers = {"nobody": {}, "stranger": stranger, "shop": node.other}[who]
    for reply in (
        node.get("/v1/params/verified", headers),
        node.get(f"/v1/range/verified/{node.version}/000", headers),
        node.evaluate(**headers),
    ):
        problem(reply, status, code)
        assert ("Bearer" if status == 401 else None) == reply.headers.get("WWW-Authenticate")
        assert "Access-Control-Allow-Origin" not in reply.headers


def test_a_wrong_key_is_refused_on_the_public_lane_too(node: Asking) -> None:
    """An app whose key was revoked learns that at once, rather than that it goes on by luck."""
    headers = {"Authorization": "Bearer 900101300017"}
    for reply in (
        node.get("/v1/params/public", headers),
        node.get(f"/v1/range/public/{node.web.version}/000", headers),
        node.evaluate("public", **headers),
    ):
        problem(reply, 401, "unauthorised")
        assert b"900101300017" not in reply.data


def test_the_public_lane_by_key(node: Asking) -> None:
    """The same bytes as for anyone."""
    for path in ("/v1/params/public", f"/v1/range/public/{node.web.version}/000"):
        assert node.get(path).data == node.get(path, node.other).data
    assert 200 == node.evaluate("public", **node.other).status_code


def test_a_node_that_has_heard_of_no_client(node: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started while the store is away it cannot know a key: "could not check", not "unknown"."""
    monkeypatch.setattr(node.web.node, "knows_clients", False)
    for path in ("/v1/params/verified", f"/v1/range/verified/{node.version}/000"):
        assert "could not check" in problem(node.get(path, node.good), 503, "store_unavailable")
        problem(node.get(path), 401, "unauthorised")
    assert "5" == node.evaluate(**node.good).headers["Retry-After"]


def test_a_node_without_the_lanes_key(node: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """It serves the public lane alone, says so, and is ready."""
    monkeypatch.delitem(node.web.service.lane_keys, Lane.VERIFIED)  # type: ignore[arg-type]
    problem(node.evaluate(**node.good), 404, "not_found")
    assert 200 == node.evaluate("public").status_code
    reply = node.get("/readyz")
    assert (200, "no key") == (reply.status_code, json.loads(reply.data)["parts"]["verified"])


def test_a_revoked_key_ends_at_the_next_look(valkey: EmbeddedStore, tmp_path: Path) -> None:
    """For all that it opened; a node looks once a second."""
    web = WebNode.make(valkey, tmp_path)
    node = Asking(web)
    assert 200 == node.get("/v1/params/verified", node.good).status_code
    clients.revoke(web.index.store, node.egov)
    web.node.refresh()
    problem(node.get("/v1/params/verified", node.good), 401, "unauthorised")
    problem(node.get(f"/v1/range/verified/{node.version}/000", node.good), 401, "unauthorised")
    problem(node.evaluate(**node.good), 401, "unauthorised")
    web.close()


def test_what_a_client_asks_is_metered(node: Asking) -> None:
    """Elements and ranges, by day, once written; what was refused is not counted."""
    store = node.web.index.store
    node.web.service.meter.flush()
    store.redis.delete(*store.redis.keys("qorgan:usage:*") or ["none"])
    node.evaluate(count=3, **node.good)
    node.evaluate("public", count=2, **node.good)
    problem(node.evaluate(count=65, **node.good), 400, "too_many_elements")
    for _ in range(4):
        node.get(f"/v1/range/verified/{node.version}/000", node.good)
    problem(node.get(f"/v1/range/verified/{node.version}/zzz", node.good), 400, "bad_prefix")
    assert [] == store.redis.keys("qorgan:usage:*")
    node.web.service.meter.flush()
    (key,) = store.redis.keys("qorgan:usage:*")
    day = key.decode().rpartition(":")[2]
    counted = usage.read(store, node.egov.id, [day])
    assert {day: {"evaluations": 5, "ranges": 4, "checks": 0}} == counted
    assert 399 * 86400 < store.redis.ttl(key) <= 400 * 86400


def limited(node: Asking, monkeypatch: pytest.MonkeyPatch, limit: ClientLimit) -> None:
    """Put a limit on the node's clients for one test."""
    service = replace(node.web.service, client_limit=limit)
    monkeypatch.setattr(node.web.evaluations, "service", service)


def test_limits_of_client_and_user(node: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both lanes count for both, and a refusal says when to come back."""
    limited(node, monkeypatch, ClientLimit(MemoryStorage(), bytes(32)))
    headers = {**node.good, "X_Subject": "user-7"}
    assert 200 == node.evaluate(count=40, **headers).status_code
    assert 200 == node.evaluate("public", count=20, **headers).status_code
    reply = node.evaluate(**headers)
    assert "questions of this user" in problem(reply, 429, "rate_limited")
    assert 3500 < int(reply.headers["Retry-After"]) <= 3600
    assert 200 == node.evaluate(count=60, **{**headers, "X_Subject": "user-8"}).status_code
    for _ in range(13):
        assert 200 == node.evaluate(count=64, **node.good).status_code
    assert "of this API key" in problem(node.evaluate(count=64, **node.good), 429, "rate_limited")


@pytest.mark.parametrize(
    "subject", ["", "870402391009", "+77012345678", "a@example.com", "a" * 65, "a b", "8701-234"]
)
def test_a_user_is_never_named_by_an_identifier(node: Asking, subject: str) -> None:
    """What could be one is refused, before anything is counted, and not repeated."""
    reply = node.evaluate(**node.good, X_Subject=subject)
    assert problem(reply, 400, "bad_request").startswith("X-Subject is the app's own pseudonym")
    assert not subject or subject.encode() not in reply.data


def test_with_the_store_away_nobody_is_evaluated(
    node: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client's limit that cannot be counted is a limit that is spent; ranges go on."""
    gone = redis.Redis(unix_socket_path="/nowhere/s", retry=None)
    limited(node, monkeypatch, ClientLimit(limits_storage(Store(gone, None)), bytes(32)))
    reply = node.evaluate(**node.good)
    assert "could not check" in problem(reply, 503, "store_unavailable")
    assert 200 == node.get(f"/v1/range/verified/{node.version}/000", node.good).status_code
    gone.close()
