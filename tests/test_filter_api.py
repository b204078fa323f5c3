"""The filter's file: whole, in parts, under its own tag, and to whom."""

import base64
import hashlib
from collections.abc import Iterator

import pytest
from web_index import IINS
from web_node import WebNode, problem
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from lookup import filter_api
from lookup.index import clients
from lookup.index.embedded import EmbeddedStore
from lookup.protocol.suite import Lane

PUBLIC, VERIFIED = Lane


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with a version in each lane."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("filter"))
    made.index.published("clinic", IINS[:3], sensitive=True)
    made.node.refresh()
    yield made
    made.close()


def path(web: WebNode, lane: Lane = PUBLIC) -> str:
    return f"/v1/filter/{lane.value}/{web.node.state.current[lane].version.name}"


def content(web: WebNode, lane: Lane = PUBLIC) -> bytes:
    mapped = web.node.state.current[lane]
    return mapped.filter.read(0, mapped.parameters.filter.bytes)


def part(web: WebNode, wanted: str, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.client.get(path(web), headers={"Range": wanted} | named)


def test_whole(web: WebNode) -> None:
    """The bytes that were signed, to keep for a year, with a strong tag and their digest."""
    reply = web.client.get(path(web), headers={"Accept-Encoding": "gzip, br"})
    signed = web.node.state.current[PUBLIC].parameters.filter
    raw = bytes.fromhex(signed.sha256)
    assert (200, signed.bytes) == (reply.status_code, len(reply.data))
    assert hashlib.sha256(reply.data).digest() == raw
    assert dict(reply.headers) == {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(signed.bytes),
        "Accept-Ranges": "bytes",
        "ETag": f'"{signed.sha256}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(raw).decode()}:",
        "Cache-Control": "public, max-age=31536000, immutable, no-transform",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "ETag, Content-Range, Repr-Digest",
        "Vary": "Accept-Encoding",  # as of all that might be compressed; this is not
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def test_a_head_has_no_body(web: WebNode) -> None:
    """A HEAD tells the same and sends nothing; to it a range means nothing."""
    head = web.client.head(path(web), headers={"Range": "bytes=0-9"})
    assert (200, b"") == (head.status_code, head.data)
    assert dict(web.client.get(path(web)).headers) == dict(head.headers)


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=100-999999", 100, None),
        ("bytes=-1", -1, None),
        ("bytes=-100", -100, None),
        ("BYTES=7-8", 7, 9),
    ],
)
def test_a_part(web: WebNode, wanted: str, start: int, stop: int | None) -> None:
    """The bytes asked for, and which they are of how many."""
    whole = content(web)
    reply = part(web, wanted)
    at = start % len(whole)
    expected = whole[at:stop]
    assert (206, expected) == (reply.status_code, reply.data)
    assert str(len(expected)) == reply.headers["Content-Length"]
    last = at + len(expected) - 1
    assert f"bytes {at}-{last}/{len(whole)}" == reply.headers["Content-Range"]
    assert reply.headers["ETag"] == web.client.get(path(web)).headers["ETag"]


def test_it_is_sent_in_pieces(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a slow client is a piece, and never the filter."""
    monkeypatch.setattr(filter_api, "_PIECE", 100)
    assert web.client.application is not None
    for headers, expected in (({}, content(web)), ({"Range": "bytes=50-"}, content(web)[50:])):
        environ = EnvironBuilder(path(web), headers=headers).get_environ()
        pieces, _, _ = run_wsgi_app(web.client.application, environ)
        sent = list(pieces)
        lengths = [len(piece) for piece in sent]
        assert expected == b"".join(sent)
        assert {100} == set(lengths[:-1])
        assert lengths[-1] <= 100


def test_parts_make_the_whole(web: WebNode) -> None:
    """Whoever goes on from what he has ends with the file."""
    got = b""
    while len(got) < len(content(web)):
        got += part(web, f"bytes={len(got)}-{len(got) + 699}").data
    assert content(web) == got


@pytest.mark.parametrize("wanted", ["bytes=2397-", "bytes=999999-", "bytes=2397-2500"])
def test_beyond_the_end(web: WebNode, wanted: str) -> None:
    """Whoever has all of it is told how long it is."""
    assert 2397 == len(content(web))
    reply = part(web, wanted)
    problem(reply, 416, "bad_request")
    assert "bytes */2397" == reply.headers["Content-Range"]
    assert 206 == part(web, "bytes=2396-").status_code


@pytest.mark.parametrize(
    "wanted", ["", "bytes", "bytes=", "bytes=5-2", "bytes=a-b", "items=0-1", "bytes=0-1,5-9"]
)
def test_what_is_no_part(web: WebNode, wanted: str) -> None:
    """What is not understood, and several parts at once, are answered with all of it."""
    reply = part(web, wanted)
    assert (200, content(web)) == (reply.status_code, reply.data)


def test_to_go_on_with_another_file(web: WebNode) -> None:
    """A part is only for who has the beginning of this very file; to others the whole is sent."""
    tag = web.client.get(path(web)).headers["ETag"]
    assert 206 == part(web, "bytes=9-", If_Range=tag).status_code
    date = "Sun, 22 Nov 2026 10:00:00 GMT"
    for other in (f"W/{tag}", '"other"', tag.strip('"'), date, ""):
        reply = part(web, "bytes=9-", If_Range=other)
        assert (200, len(content(web))) == (reply.status_code, len(reply.data)), other


def test_who_has_it(web: WebNode) -> None:
    """A client that names the tag is sent nothing."""
    first = web.client.get(path(web)).headers
    for known in (first["ETag"], f"W/{first['ETag']}", f'"x", {first["ETag"]}', "*"):
        reply = part(web, "bytes=0-9", If_None_Match=known)
        assert (304, b"") == (reply.status_code, reply.data)
        assert first["ETag"] == reply.headers["ETag"]
        assert first["Cache-Control"] == reply.headers["Cache-Control"]
    assert 200 == web.client.get(path(web), headers={"If-None-Match": '"x"'}).status_code


def test_the_verified_lanes_is_for_its_clients(web: WebNode) -> None:
    """Without a key for the lane nobody learns even whether there is such a version."""
    keys = []
    for lanes in ({PUBLIC}, set(Lane)):
        client, key = clients.new(f"app {len(lanes)}", frozenset(lanes))
        clients.add(web.index.store, client)
        keys.append({"Authorization": f"Bearer {key}"})
    web.node.refresh()
    verified, gone = path(web, VERIFIED), "/v1/filter/verified/9-00000000"
    for one in (verified, gone, "/v1/filter/verified/900101300017"):
        refusal = web.client.get(one)
        problem(refusal, 401, "unauthorised")
        assert "Access-Control-Allow-Origin" not in refusal.headers
        problem(web.client.get(one, headers=keys[0]), 403, "forbidden")
    reply = web.client.get(verified, headers=keys[1])
    assert (200, content(web, VERIFIED)) == (reply.status_code, reply.data)
    assert "private, no-store" == reply.headers["Cache-Control"]
    assert "Access-Control-Allow-Origin" not in reply.headers
    problem(web.client.get(gone, headers=keys[1]), 410, "version_gone")


def test_what_is_not_there(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another lane, no version's name, a version that went, an index too old."""
    problem(web.client.get("/v1/filter/other/1-00000000"), 404, "not_found")
    problem(web.client.get("/v1/filter/public"), 404, "not_found")
    problem(web.client.get(f"{path(web)}/x"), 404, "not_found")
    said = problem(web.client.get("/v1/filter/public/900101300017"), 400, "bad_request")
    assert "900101300017" not in said
    problem(web.client.get("/v1/filter/public/9-00000000"), 410, "version_gone")
    problem(web.client.post(path(web)), 405, "bad_request")
    monkeypatch.setattr(web.node, "_heard_at", 0.0)
    problem(web.client.get(path(web)), 503, "stale")


def test_the_version_before_is_still_there(web: WebNode) -> None:
    """Who has begun to fetch a filter can go on after a switch."""
    before, start = path(web), content(web)[:1000]
    web.index.published("another", IINS[30:])
    web.node.refresh()
    assert before != path(web)
    reply = web.client.get(before, headers={"Range": "bytes=1000-"})
    assert hashlib.sha256(start + reply.data).hexdigest() == reply.headers["ETag"].strip('"')
