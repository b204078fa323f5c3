"""What the HTTP API promises, asked of a real node: lengths, headers, refusals, limits."""

import json
from collections.abc import Iterator

import pytest
import urllib3
from plain_http import Heard, ask, parse, post, say
from promised_nodes import WRONG_PREFIXES, Nodes, blinded, fixed, served_nodes
from small_publication import CLEAN, LEAKED

from lookup.client import Client, Found, NotFound
from lookup.protocol import parameters, tree, wire
from lookup.protocol.suite import Kind, Lane

IMMUTABLE = {
    "cache-control": "public, max-age=31536000, immutable, no-transform",
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "ETag",
    "x-content-type-options": "nosniff",
}
REFUSAL = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "access-control-allow-origin": "*",
    "x-content-type-options": "nosniff",
}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with served_nodes(tmp_path_factory.mktemp("promises")) as nodes:
        yield nodes


def test_all_ranges_have_one_length_and_the_signed_root(nodes: Nodes) -> None:
    """Every one of the 1024 ranges has the same length and lies under the root."""
    published, seen = nodes.published, set()
    with urllib3.PoolManager(headers={"Accept-Encoding": "gzip, br"}) as http:
        for bucket in range(1 << published.prefix_bits):
            reply = http.request("GET", f"{nodes.url}{nodes.root}/{bucket:03x}")
            assert (200, None) == (reply.status, reply.headers.get("Content-Encoding"))
            rows, path = wire.split_range(
                reply.data, published.range_entries, published.prefix_bits
            )
            leaf = tree.leaf(Lane.PUBLIC, published.counter, bucket, rows)
            assert published.root == tree.root(leaf, bucket, path).hex()
            seen |= {rows[at : at + 8] for at in range(0, len(rows), 8)}
    assert published.range_entries << published.prefix_bits == len(seen)  # no entry twice


@pytest.mark.parametrize("prefix", ["000", "0ff", "3ff"])
def test_json_form_is_the_same_range(nodes: Nodes, prefix: str) -> None:
    """The range as JSON has the very entries and siblings of the binary one."""
    plain, as_json = (ask(nodes.url, f"{nodes.root}/{prefix}{end}") for end in ("", ".json"))
    document = as_json.json
    assert ["version", "prefix", "entries", "path"] == list(document)
    assert (nodes.published.version, prefix) == (document["version"], document["prefix"])
    assert plain.body.hex() == "".join([*document["entries"], *document["path"]])
    assert nodes.published.range_entries == len(document["entries"])
    assert sorted(document["entries"]) == document["entries"]


@pytest.mark.parametrize(
    ("last", "kind"), [("0ff", "application/octet-stream"), ("0ff.json", "application/json")]
)
def test_range_headers(nodes: Nodes, last: str, kind: str) -> None:
    """A range may be cached for ever by anyone and read by any page; HEAD and 304 have no body."""
    target = f"{nodes.root}/{last}"
    heard = ask(nodes.url, target, headers={"Accept-Encoding": "gzip", "Origin": "https://a.kz"})
    tag = f'"{nodes.published.version}-{last}"'
    assert (200, IMMUTABLE | {"etag": tag, "content-type": kind}) == (heard.status, fixed(heard))
    assert str(len(heard.body)) == heard.headers["content-length"]
    head = ask(nodes.url, target, method="HEAD")
    assert (200, b"", fixed(heard)) == (head.status, head.body, fixed(head))
    assert heard.headers["content-length"] == head.headers["content-length"]
    again = ask(nodes.url, target, headers={"If-None-Match": tag})
    assert (304, b"", IMMUTABLE | {"etag": tag}) == (again.status, again.body, fixed(again))
    other = ask(nodes.url, target, headers={"If-None-Match": '"0-00000000-0ff"'})
    assert (200, heard.body) == (other.status, other.body)


def test_parameters_headers(nodes: Nodes) -> None:
    """The parameters are asked for anew each time, their signature can be read by any page."""
    heard = ask(nodes.url, "/v1/params/public")
    signature = heard.headers["qorgan-signature"]
    parameters.verify(
        bytes.fromhex(nodes.published.publisher_key), heard.body, bytes.fromhex(signature)
    )
    expected = {
        "content-type": "application/json",
        "cache-control": "no-cache",
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "ETag, Qorgan-Signature",
        "qorgan-signature": signature,
        "etag": heard.headers["etag"],
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "vary": "Accept-Encoding",
    }
    assert expected == fixed(heard)
    again = ask(nodes.url, "/v1/params/public", headers={"If-None-Match": heard.headers["etag"]})
    assert (304, b"") == (again.status, again.body)
    head = ask(nodes.url, "/v1/params/public", method="HEAD")
    assert (200, b"", expected) == (head.status, head.body, fixed(head))


@pytest.mark.parametrize("target", ["/v1/breaches", "/v1/breaches/first"])
def test_register_headers(nodes: Nodes, target: str) -> None:
    """The register is public: any page may read it, caches ask whether it has changed."""
    heard = ask(nodes.url, target)
    assert (200, "*") == (heard.status, heard.headers["access-control-allow-origin"])
    assert "no-cache" == heard.headers["cache-control"]
    again = ask(nodes.url, target, headers={"If-None-Match": heard.headers["etag"]})
    assert (304, b"") == (again.status, again.body)


@pytest.mark.parametrize("name", WRONG_PREFIXES)
def test_wrong_prefix(nodes: Nodes, name: str) -> None:
    """What is no prefix is refused, is kept by no cache, and is not repeated."""
    sent = WRONG_PREFIXES[name]
    heard = ask(nodes.url, nodes.root.encode() + b"/" + sent)
    if name != "Arabic digits":  # not ASCII: refused before it is looked at
        assert (400, "bad_prefix") == (heard.status, heard.code)
        assert REFUSAL == fixed(heard)
    assert 400 == heard.status
    for form in (sent, LEAKED.encode(), b"aigerim", b"77012345678"):
        assert len(form) < 5 or form not in heard.raw


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/v1/range/verified/{version}/0ff", 401, "unauthorised"),
        ("/v1/range/private/{version}/0ff", 404, "not_found"),
        ("/v1/range/Public/{version}/0ff", 404, "not_found"),
        ("/v1/range/public/{version}", 404, "not_found"),
        ("/v1/range/public/{version}/0ff/", 404, "not_found"),
        ("/v1/range/public/{version}/0%2Fff", 404, "not_found"),
        ("/v1/range/public//0ff", 400, "bad_request"),
        ("/v1/range/public/latest/0ff", 400, "bad_request"),
        (f"/v1/range/public/{LEAKED}/0ff", 400, "bad_request"),
        ("/v1/range/public/0{version}/0ff", 400, "bad_request"),
        ("/v1/range/public/2-00000000/0ff", 410, "version_gone"),
        ("/v1/params/verified", 401, "unauthorised"),
        (f"/v1/params/{LEAKED}", 404, "not_found"),
        (f"/v1/breaches/{LEAKED}", 404, "not_found"),
        ("/v1/breaches/First", 404, "not_found"),
        (f"/{LEAKED}", 404, "not_found"),
        ("/v1/breaches/", 404, "not_found"),
        ("/v1/../v1/breaches", 404, "not_found"),
    ],
)
def test_wrong_address(nodes: Nodes, target: str, status: int, code: str) -> None:
    """Whatever else is asked for is a problem of a closed code, without a redirect or an echo."""
    heard = ask(nodes.url, target.format(version=nodes.published.version))
    assert (status, code) == (heard.status, heard.code)
    assert "location" not in heard.headers
    assert LEAKED.encode() not in heard.raw
    assert ("Bearer" if status == 401 else None) == heard.headers.get("www-authenticate")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("target", ["{root}/0ff", "/v1/params/public", "/v1/breaches"])
def test_wrong_method(nodes: Nodes, method: str, target: str) -> None:
    """What is read is only read."""
    heard = ask(nodes.url, target.format(root=nodes.root), method=method, body=b"x")
    assert (405, "bad_request") == (heard.status, heard.code)
    assert {"GET", "HEAD"} <= set(heard.headers["allow"].split(", "))


def test_evaluate_bounds(nodes: Nodes) -> None:
    """1 to 64 elements are evaluated with one proof; 0 and 65 are refused."""
    for count in (1, 64):
        heard = post(nodes.url, {"lane": "public", "blinded": blinded(count)})
        assert (200, "no-store") == (heard.status, heard.headers["cache-control"])
        assert (count, 128) == (len(heard.json["evaluated"]), len(heard.json["proof"]))
        assert "access-control-allow-origin" not in heard.headers
    heard = post(nodes.url, {"lane": "public", "blinded": blinded(65)})
    assert (400, "too_many_elements") == (heard.status, heard.code)
    heard = post(nodes.url, {"lane": "public", "blinded": []})
    assert (400, "bad_request") == (heard.status, heard.code)


ONE = {
    "lane": "public",
    "blinded": ["e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"],
}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"\xff", 400, "bad_request"),
        (b"[" * 60_000, 400, "bad_request"),
        (b"[]", 400, "bad_request"),
        (LEAKED.encode(), 400, "bad_request"),
        ({"lane": "public"}, 400, "bad_request"),
        (ONE | {"iin": LEAKED}, 400, "bad_request"),
        (ONE | {"lane": LEAKED}, 400, "bad_request"),
        (ONE | {"lane": "verified"}, 401, "unauthorised"),
        (ONE | {"blinded": LEAKED}, 400, "bad_request"),
        (ONE | {"blinded": [LEAKED]}, 400, "bad_element"),
        (ONE | {"blinded": ["00" * 32]}, 400, "bad_element"),
        (ONE | {"blinded": ["ff" * 32]}, 400, "bad_element"),
        (ONE | {"blinded": [int(LEAKED)]}, 400, "bad_element"),
        (ONE | {"blinded": [ONE["blinded"][0].upper()]}, 400, "bad_element"),
        (b" " * (64 * 1024 + 1), 413, "too_large"),
    ],
)
def test_evaluate_refusals(
    nodes: Nodes, body: bytes | dict[str, object], status: int, code: str
) -> None:
    """What is not exactly such a document is refused for its first fault, and not repeated."""
    assert 200 == post(nodes.url, ONE).status
    heard = post(nodes.url, body)
    assert (status, code) == (heard.status, heard.code)
    assert LEAKED.encode() not in heard.raw


def test_body_without_a_length(nodes: Nodes) -> None:
    """A body that does not say how long it is has the same bound."""
    chunked = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    for size, status in ((1, 200), (70_000, 413)):
        document = json.dumps(ONE).encode() + b" " * size
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(document), document)
        request = "POST /v1/evaluate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in chunked.items())
        heard = parse(say(nodes.url, request.encode() + lines.encode() + b"\r\n" + body))
        assert status == heard.status


@pytest.mark.parametrize(
    "media_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_media_type(nodes: Nodes, media_type: str) -> None:
    """Only application/json is read, which no page of another site can send unasked."""
    heard = post(nodes.url, ONE, Content_Type=media_type)
    assert (415, "bad_media_type") == (heard.status, heard.code)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "http://127.0.0.1:1", LEAKED]
)
def test_foreign_origin(nodes: Nodes, origin: str) -> None:
    """Pages of other sites may not ask in their visitors' place, nor does a preflight let them."""
    heard = post(nodes.url, ONE, Origin=origin)
    assert (403, "forbidden") == (heard.status, heard.code)
    assert 200 == post(nodes.url, ONE, Origin=nodes.url).status
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    heard = ask(nodes.url, "/v1/evaluate", method="OPTIONS", headers=preflight)
    assert "access-control-allow-origin" not in heard.headers
    assert "access-control-allow-headers" not in heard.headers


def test_limit_counts_elements_over_all_workers(nodes: Nodes) -> None:
    """A network's elements are counted, not its requests, whichever worker answers them."""
    url = nodes.limited.url

    def spend(count: int, **headers: str) -> Heard:
        return post(url, {"lane": "public", "blinded": blinded(count)}, **headers)

    assert 400 == post(url, ONE | {"blinded": [LEAKED]}).status  # what is refused costs nothing
    assert [200] * 4 == [spend(1).status for _ in range(4)]
    assert 200 == spend(6).status
    heard = spend(3)
    assert (429, "proof_of_work_required") == (heard.status, heard.code)
    assert "1" == heard.headers["retry-after"]
    assert [200, 200] == [spend(1).status for _ in range(2)]
    pretended = {"X_Forwarded_For": "203.0.113.9", "X_Real_IP": "203.0.113.9"}
    assert [429] * 8 == [spend(1, **pretended).status for _ in range(8)]
    assert 200 == ask(url, f"{nodes.root}/0ff").status  # the rest is not limited
    assert NotFound is type(Client(url).check(Kind.IIN, CLEAN))  # after some work
    heard = spend(64)
    assert (429, "proof_of_work_required") == (heard.status, heard.code)


def test_probes(nodes: Nodes) -> None:
    """A node says that it lives and that it can answer."""
    assert {"status": "alive"} == ask(nodes.url, "/healthz").json
    parts = {"store": "ok", "range": "ok", "register": "ok", "keys": "ok", "evaluate": "ok"}
    assert {"ready": True, "parts": parts} == ask(nodes.url, "/readyz").json


def test_answers(nodes: Nodes) -> None:
    """The nodes of these tests do answer."""
    client = Client(nodes.url)
    assert Found is type(client.check(Kind.IIN, LEAKED))
    assert NotFound is type(client.check(Kind.IIN, CLEAN))
