"""The JSON API behind the ranges: parameters, register, probes, and what no request can make."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_index import IINS, a_dataset
from web_node import ORIGIN, Clock, WebNode, blinded, logged, problem

from lookup.index import node as node_module
from lookup.index import register, versions
from lookup.index.embedded import EmbeddedStore
from lookup.index.state import State
from lookup.protocol import parameters
from lookup.protocol.suite import Lane

KNOWN = ("kz-2025-16m", "zaimer-2024", "isoon-2024", "kaznu-2024", "kundelik-2025")
CACHED = ("/v1/params/public", "/v1/breaches", "/v1/breaches/leak")
PLAIN = ("/", "/healthz", "/readyz")
MARKER = "900101300017"


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with all roles."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("api"))
    yield made
    made.close()


def test_parameters_are_served_as_they_were_signed(web: WebNode) -> None:
    """The document comes byte for byte, and the header beside it is its publisher's signature."""
    response = web.client.get("/v1/params/public")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    publisher = bytes.fromhex(web.index.definition.publisher_key)
    signature = bytes.fromhex(response.headers["Qorgan-Signature"])
    parameters.verify(publisher, response.data, signature)
    assert parameters.parse(response.data).version == web.version
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Expose-Headers"] == "ETag, Qorgan-Signature"


def test_lanes_of_the_parameters(web: WebNode) -> None:
    """The verified lane wants an API key; there is no third lane."""
    problem(web.client.get("/v1/params/verified"), 401, "unauthorised")
    for lane in ("private", "PUBLIC", MARKER):
        response = web.client.get(f"/v1/params/{lane}")
        assert problem(response, 404, "not_found") == "there is no such lane"


def test_stale_parameters(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that has not heard from the store for too long serves none."""
    clock = Clock()
    clock.now += 86400 + 60
    monkeypatch.setattr(node_module, "time", clock)
    response = web.client.get("/v1/params/public")
    assert problem(response, 503, "stale").startswith("could not check")
    assert response.headers["Retry-After"] == "60"


def test_before_the_first_publish(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing published is told as that; a client cannot take it for "not found"."""
    monkeypatch.setattr(web.node, "state", State())
    response = web.client.get("/v1/params/public")
    assert "nothing has been published" in problem(response, 404, "not_found")
    listed = web.client.get("/v1/breaches").json
    assert [entry["lane"] for entry in listed] == [None] * 5


def test_the_register(web: WebNode) -> None:
    """All published datasets, each as its file has it, before the leaks that nobody has loaded."""
    entry, *others = json.loads(web.client.get("/v1/breaches").data)
    assert [(other["name"], other["lane"]) for other in others] == [(name, None) for name in KNOWN]
    assert entry == {
        "name": "leak",
        "sensitive": False,
        "title": {"kk": "leak kk", "ru": "leak ru", "en": "leak en"},
        "breach_date": "2025-06-16",
        "data_classes": ["government-issued-ids", "names"],
        "lane": "public",
    }
    assert json.loads(web.client.get("/v1/breaches/leak").data) == entry


def test_an_unpublished_dataset_is_not_there(valkey: EmbeddedStore, tmp_path: Path) -> None:
    """A dataset that was only entered is neither listed nor found by its name."""
    made = WebNode.make(valkey, tmp_path)
    register.add(made.index.store, a_dataset("secret"))
    made.index.load("loaded", IINS[:3])
    made.node.refresh()
    assert len(made.node.state.datasets) == 3
    listed = json.loads(made.client.get("/v1/breaches").data)
    assert [entry["name"] for entry in listed] == ["leak", *KNOWN]
    for name in ("secret", "loaded"):
        problem(made.client.get(f"/v1/breaches/{name}"), 404, "not_found")
    made.close()


def test_a_sensitive_dataset_is_in_the_register(valkey: EmbeddedStore, tmp_path: Path) -> None:
    """That a leak happened is public; who was in it is not."""
    made = WebNode.make(valkey, tmp_path)
    made.index.published("clinic", IINS[30:], sensitive=True)
    made.node.refresh()
    listed = json.loads(made.client.get("/v1/breaches").data)
    names = [(entry["name"], entry["lane"]) for entry in listed if entry["lane"]]
    assert names == [("leak", "public"), ("clinic", "verified")]
    made.close()


@pytest.mark.parametrize("name", ["Leak", "leak.json", MARKER, "нет", "leak%0a", "%2e%2e"])
def test_an_entry_that_is_not_there(web: WebNode, name: str) -> None:
    """A name that is not in the register is not repeated."""
    response = web.client.get(f"/v1/breaches/{name}")
    assert problem(response, 404, "not_found") == "there is no such entry in the register"


@pytest.mark.parametrize("path", [*CACHED, *PLAIN])
def test_head(web: WebNode, path: str) -> None:
    """HEAD tells what GET would, without the body."""
    asked, headed = web.client.get(path), web.client.head(path)
    assert (asked.status_code, headed.status_code) == (200, 200)
    assert headed.data == b""
    headers = [dict(response.headers) for response in (asked, headed)]
    for one in headers:
        one.pop("Date", None)  # a second may have passed between the two
    assert headers[0] == headers[1]
    assert headed.headers["Content-Length"] == str(len(asked.data))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", CACHED)
def test_not_modified(web: WebNode, path: str, method: str) -> None:
    """Who has it already gets 304 with the same tag, readable from any site, and no body."""
    asked = web.client.get(path)
    tag = asked.headers["ETag"]
    response = web.client.open(path, method=method, headers={"If-None-Match": tag})
    assert (response.status_code, response.data) == (304, b"")
    for name in ("ETag", "Cache-Control", "Access-Control-Allow-Origin"):
        assert response.headers[name] == asked.headers[name]
    other = web.client.open(path, method=method, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_tags_follow_the_content(web: WebNode) -> None:
    """No two documents share a tag."""
    assert len({web.client.get(path).headers["ETag"] for path in CACHED}) == len(CACHED)


@pytest.mark.parametrize("path", [*CACHED, *PLAIN, "/v1/none"])
def test_every_answer_is_hardened(web: WebNode, path: str) -> None:
    """No answer is guessed at by a browser, and no address travels on from here."""
    response = web.client.get(path)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in response.headers
    assert "Server" not in response.headers


@pytest.mark.parametrize(
    "path",
    [
        f"/{MARKER}",
        f"/{MARKER}/",
        f"//v1//breaches//{MARKER}",
        f"//{MARKER}.example/",
        f"/v1/breaches/{MARKER}/",
        f"/v1/breaches//{MARKER}",
        f"/v1//params/{MARKER}",
        f"/v1/params/public/{MARKER}",
        f"/v1/../{MARKER}",
        f"/v1/range/public/{MARKER}/{MARKER}",
        f"/v1/range//{MARKER}",
        f"/\\{MARKER}",
        f"/{MARKER}\r\nX-Marker: 1",
        f"/static/{MARKER}",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_nothing_repeats_an_address(web: WebNode, path: str, method: str) -> None:
    """No redirect to a "right" address, no page that says what was not there."""
    with logged() as lines:
        response = web.client.open(method=method, environ_overrides={"PATH_INFO": path})
    assert 400 <= response.status_code < 500 or (response.status_code, method) == (200, "OPTIONS")
    assert "Location" not in response.headers
    assert MARKER.encode() not in response.data
    assert MARKER not in str(response.headers)
    assert lines == []


@pytest.mark.parametrize(
    "path", ["/v1/breaches/", "/v1/params/public/", "/healthz/", "/v1//breaches"]
)
def test_an_address_has_one_spelling(web: WebNode, path: str) -> None:
    """Another slash is another address, and nothing is there."""
    response = web.client.open(environ_overrides={"PATH_INFO": path})
    problem(response, 404, "not_found")


@pytest.mark.parametrize("path", [*CACHED, *PLAIN])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods(web: WebNode, path: str, method: str) -> None:
    """What is only read says how it is read (RFC 9110, section 15.5.6)."""
    response = web.client.open(path, method=method)
    assert problem(response, 405, "bad_request") == "this address is not for that method"
    assert sorted(response.headers["Allow"].split(", ")) == ["GET", "HEAD", "OPTIONS"]


@pytest.mark.parametrize("host", ["a/b", "a b", "<script>", "localhost:port"])
def test_a_strange_host(web: WebNode, host: str) -> None:
    """A host that is none never gets further than a problem, and is not repeated."""
    response = web.ask({"lane": "public", "blinded": blinded(1)}, headers={"Host": host, **ORIGIN})
    assert response.status_code in (400, 403)
    assert host.encode() not in response.data


def test_the_unforeseen(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody thought of is a 500; its text is in neither answer nor log."""

    def fails(_: State) -> None:
        raise RuntimeError(MARKER)

    monkeypatch.setattr(State, "published", fails)
    with logged() as lines:
        response = web.client.get(f"/v1/breaches/{MARKER}")
    assert "on our side" in problem(response, 500, "internal")
    assert lines == ["unexpected error error=RuntimeError"]
    assert MARKER.encode() not in response.data


def test_a_new_version_changes_the_parameters(valkey: EmbeddedStore, tmp_path: Path) -> None:
    """After a publish the next parameters are the new ones, under another tag."""
    made = WebNode.make(valkey, tmp_path)
    tag = made.client.get("/v1/params/public").headers["ETag"]
    made.index.published("second", IINS[5:9])
    made.node.refresh()
    response = made.client.get("/v1/params/public", headers={"If-None-Match": tag})
    assert response.status_code == 200
    current = versions.read(made.index.store, Lane.PUBLIC).current
    assert current is not None
    assert response.data == current.document.encode()
    made.close()
