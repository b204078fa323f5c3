"""The hot path: a range is a slice of the mapped version, or a problem that says nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from web_index import IINS
from web_node import Clock, WebNode, logged, problem

from lookup.index import node as node_module
from lookup.index.embedded import EmbeddedStore
from lookup.index.node import Node
from lookup.protocol import entries
from lookup.protocol.suite import Lane

PUBLIC = Lane.PUBLIC


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with one version of 1,024 ranges."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("ranges"))
    yield made
    made.close()


def path(web: WebNode, last: str, *, lane: str = "public") -> str:
    return f"/v1/range/{lane}/{web.version}/{last}"


def test_every_range_is_its_slice(web: WebNode) -> None:
    """All ranges have one length, and together they are the view, byte for byte."""
    bodies = [web.client.get(path(web, f"{b:03x}")).data for b in range(1024)]
    mapped = web.node.state.current[PUBLIC]
    assert {len(body) for body in bodies} == {mapped.parameters.range_bytes}
    assert b"".join(bodies) == mapped.view[:]


def test_a_person_is_found(web: WebNode) -> None:
    """The range that a token names has the token's entry; anyone else's token finds none."""
    published = web.node.state.current[PUBLIC].parameters
    salt = bytes.fromhex(published.version_salt)
    found = []
    for iin in IINS:
        token = web.index.token(iin)
        prefix = entries.prefix(entries.bucket(token, 10), 10)
        body = web.client.get(path(web, prefix)).data[: 8 * published.range_entries]
        found.append(entries.find(body, entries.block(token, 1), salt))
    assert found == [1] * 30 + [None] * 10


def test_headers(web: WebNode) -> None:
    """A range may be kept for a year by anyone, read by any site, and not be compressed."""
    response = web.client.get(path(web, "000"), headers={"Accept-Encoding": "gzip, br"})
    assert response.status_code == 200
    assert dict(response.headers) == {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(response.data)),
        "ETag": f'"{web.version}-000"',
        "Cache-Control": "public, max-age=31536000, immutable, no-transform",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "ETag",
        "X-Content-Type-Options": "nosniff",
    }


def test_as_json(web: WebNode) -> None:
    """With .json appended it is the same range for people and for languages without bytes."""
    raw = web.client.get(path(web, "3ff")).data
    response = web.client.get(path(web, "3ff.json"))
    document = json.loads(response.data)
    assert response.content_type == "application/json"
    assert response.headers["Content-Length"] == str(len(response.data))
    assert response.headers["ETag"] == f'"{web.version}-3ff.json"'
    assert set(document) == {"version", "prefix", "entries", "path"}
    assert (document["version"], document["prefix"]) == (web.version, "3ff")
    assert bytes.fromhex("".join(document["entries"] + document["path"])) == raw
    assert {len(e) for e in document["entries"]} == {16}
    assert [len(p) for p in document["path"]] == [64] * 10


@pytest.mark.parametrize("last", ["000", "000.json"])
def test_head(web: WebNode, last: str) -> None:
    """HEAD tells what GET would, without the body."""
    asked, headed = web.client.get(path(web, last)), web.client.head(path(web, last))
    assert headed.status_code == 200
    assert headed.data == b""
    assert dict(headed.headers) == dict(asked.headers)


@pytest.mark.parametrize("last", ["000", "000.json"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_not_modified(web: WebNode, last: str, method: str) -> None:
    """Who has a range already gets 304 and nothing else; another's tag does not count."""
    tag = web.client.get(path(web, last)).headers["ETag"]
    response = web.client.open(path(web, last), method=method, headers={"If-None-Match": tag})
    assert response.status_code == 304
    assert response.data == b""
    assert response.headers["ETag"] == tag
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    for other in (f'"{web.version}-001"', tag.strip('"'), "x"):
        again = web.client.open(path(web, last), method=method, headers={"If-None-Match": other})
        assert again.status_code == 200


@pytest.mark.parametrize(
    "prefix",
    [
        *("400", "fff", "00", "0000", "3FF", "3fg", "", ".json", "3ff.JSON", "3ff.json.json"),
        *("-01", "+01", "0x1", " 01", "01 ", "３ff", "3ff%0a", "900101300017", "0" * 64),
    ],
)
def test_bad_prefixes(web: WebNode, prefix: str) -> None:
    """A prefix has three lower-case hex digits below 400; what was sent is not repeated."""
    response = web.client.get(path(web, prefix))
    assert problem(response, 400, "bad_prefix") == (
        "a prefix is 3 lower-case hex digits of a token's first 10 bits; never send an identifier"
    )


@pytest.mark.parametrize(
    "version", ["7", "1-", "1-0123ABCD", "01-0123abcd", "latest", "900101300017", "1-0123abcde", ""]
)
def test_bad_versions(web: WebNode, version: str) -> None:
    """What has not a version's form is a bad request, not a version that is gone."""
    response = web.client.get(f"/v1/range/public/{version}/000")
    sentence = problem(response, 400, "bad_request")
    assert version == "" or version not in sentence


@pytest.mark.parametrize(
    "version", ["1-00000000", "2-0123abcd", "0-0123abcd", "9999999999-00000000"]
)
def test_a_version_that_is_gone(web: WebNode, version: str) -> None:
    """An unknown version is told apart, so that a client fetches the parameters anew."""
    assert "anew" in problem(web.client.get(f"/v1/range/public/{version}/000"), 410, "version_gone")


@pytest.mark.parametrize(
    ("rest", "status", "code"),
    [
        ("", 404, "not_found"),
        ("public", 404, "not_found"),
        ("public/{}", 404, "not_found"),
        ("public/{}/000/", 404, "not_found"),
        ("public/{}/000/1", 404, "not_found"),
        ("/public/{}/000", 404, "not_found"),
        ("private/{}/000", 404, "not_found"),
        ("PUBLIC/{}/000", 404, "not_found"),
        ("verified/{}/000", 401, "unauthorised"),
        ("verified/900101300017/000", 401, "unauthorised"),
    ],
)
def test_other_paths(web: WebNode, rest: str, status: int, code: str) -> None:
    """Paths of another shape are not there; the verified lane wants an API key."""
    response = web.client.get("/v1/range/" + rest.format(web.version))
    problem(response, status, code)
    assert ("WWW-Authenticate" in response.headers) is (status == 401)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "X"])
def test_other_methods(web: WebNode, method: str) -> None:
    """A range is only read; the answer says how."""
    response = web.client.open(path(web, "000"), method=method)
    problem(response, 405, "bad_request")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_a_problem_has_no_body_for_head(web: WebNode) -> None:
    """HEAD of what is refused tells status and length only."""
    response = web.client.head(path(web, "400"))
    assert (response.status_code, response.data) == (400, b"")


def test_a_query_changes_nothing(web: WebNode) -> None:
    """What is appended to the address is not looked at."""
    plain = web.client.get(path(web, "000"))
    assert web.client.get(path(web, "000") + "?iin=900101300017").data == plain.data


def test_stale(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that has not heard from the store for too long does not answer, mapped or not."""
    clock = Clock()
    monkeypatch.setattr(node_module, "time", clock)
    clock.now += 86400 + 60
    for asked in (path(web, "000"), "/v1/range/public/1-00000000/000"):
        response = web.client.get(asked)
        assert problem(response, 503, "stale").startswith("could not check")
        assert response.headers["Retry-After"] == "60"


def test_the_version_before_is_answered_too(valkey: EmbeddedStore, tmp_path: Path) -> None:
    """Who fetched the parameters just before a switch still gets the ranges of that version."""
    made = WebNode.make(valkey, tmp_path)
    before = made.version
    made.index.published("second", IINS[5:9])
    made.node.refresh()
    assert made.version != before
    for version in (before, made.version):
        assert made.client.get(f"/v1/range/public/{version}/000").status_code == 200
    assert made.client.get(f"/v1/range/public/{before}/000").headers["ETag"] == f'"{before}-000"'
    made.close()


def test_the_unforeseen(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong is a 500 without its text; the log has the class of the error."""
    mapped = replace(web.node.state.current[PUBLIC], view=None)  # type: ignore[arg-type]
    broken = replace(web.node.state, mapped={(PUBLIC, web.version): mapped})
    monkeypatch.setattr(web.node, "state", broken)
    with logged() as lines:
        response = web.client.get(path(web, "1ab"))
    problem(response, 500, "internal")
    assert lines == ["unexpected error error=TypeError"]
    assert "subscriptable" not in response.text


def test_what_is_not_a_range_goes_on_to_the_application(web: WebNode) -> None:
    """The callable in front answers ranges alone."""
    assert web.client.get("/healthz").status_code == 200
    assert web.client.get("/v1/range").status_code == 404
    assert web.client.get("/v1/ranges/public").status_code == 404
    assert isinstance(web.node, Node)
