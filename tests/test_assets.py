"""The built files: a closed set, kept for ever by browsers, and nothing beside it."""

import gzip
import json
import re
from collections.abc import Iterator
from importlib.resources import files

import brotli
import pytest
from html_page import headers, varies_by
from web_node import WebNode, problem

from lookup import assets
from lookup.index.embedded import EmbeddedStore

STATIC = files("lookup") / "static"
MANIFEST: dict[str, str] = json.loads((STATIC / "manifest.json").read_bytes())
NAMES = sorted(path.name for path in STATIC.iterdir() if path.name != "manifest.json")
TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
MARKER = "900101300017"
IMPORTED = re.compile(r"""(?:from|import)\s*\(?\s*["']\./([\w.-]+)["']""")


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with all roles."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("assets"))
    yield made
    made.close()


def test_the_pages_know_their_files() -> None:
    """Each source of the manifest has an address; another source is an error, not a dead link."""
    wanted = {"check.ts", "register.ts", "worker.ts", "site.css", "icon.svg", "THIRD-PARTY.txt"}
    assert wanted == set(MANIFEST)
    assert [f"/static/{MANIFEST[name]}" for name in wanted] == [*map(assets.address, wanted)]
    with pytest.raises(KeyError):
        assets.address("nothing.ts")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_served_as_it_was_built(web: WebNode, name: str) -> None:
    """Byte for byte, under its type, to be kept for ever and used by this site only."""
    response = web.client.get(f"/static/{name}")
    assert (200, (STATIC / name).read_bytes()) == (response.status_code, response.data)
    assert TYPES[name.rpartition(".")[2]] == response.content_type
    assert "public, max-age=31536000, immutable" == response.headers["Cache-Control"]
    assert "same-origin" == response.headers["Cross-Origin-Resource-Policy"]
    assert "nosniff" == response.headers["X-Content-Type-Options"]
    assert "Set-Cookie" not in response.headers
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip")],
)
def test_a_file_may_come_compressed(web: WebNode, name: str, accepted: str, encoding: str) -> None:
    """Who accepts it gets the same bytes packed, and caches are told that it depends on that."""
    plain = web.client.get(f"/static/{name}")
    packed = web.client.get(f"/static/{name}", headers={"Accept-Encoding": accepted})
    assert {"Accept-Encoding"} == varies_by(plain) == varies_by(packed)
    assert encoding == packed.headers["Content-Encoding"]
    unpack = {"gzip": gzip.decompress, "br": brotli.decompress}[encoding]
    assert plain.data == unpack(packed.data)
    assert len(packed.data) < len(plain.data)
    assert str(len(packed.data)) == packed.headers["Content-Length"]
    assert plain.headers["Content-Security-Policy"] == packed.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/kk/", "/feed.atom", "/v1/breaches"])
def test_a_page_may_come_compressed(web: WebNode, path: str) -> None:
    """Pages, the feed and the register too; the tag of the packed one is another."""
    plain = web.client.get(path, headers={"Accept-Encoding": "identity"})
    packed = web.client.get(path, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert "gzip" == packed.headers["Content-Encoding"]
    assert plain.data == gzip.decompress(packed.data)
    assert plain.headers["ETag"] != packed.headers["ETag"]
    headed = web.client.head(path, headers={"Accept-Encoding": "gzip"})
    assert headers(packed) == headers(headed)


@pytest.mark.parametrize("refusal", ["identity", "*;q=0", "br", ""])
def test_who_refuses_compression_gets_none(web: WebNode, refusal: str) -> None:
    """Who does not name gzip gets the page as it is."""
    response = web.client.get("/kk/", headers={"Accept-Encoding": refusal})
    assert "Content-Encoding" not in response.headers


def test_nothing_lies_beside_the_set() -> None:
    """The folder has what the manifest names and the parts that these scripts import."""
    reached = set(MANIFEST.values())
    waiting = list(reached)
    while waiting:
        name = waiting.pop()
        if name.endswith(".js"):
            parts = set(IMPORTED.findall((STATIC / name).read_text("utf-8"))) - reached
            reached |= parts
            waiting += parts
    assert sorted(reached) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_name_carries_a_hash(name: str) -> None:
    """What is kept for ever is never changed under its name."""
    assert re.fullmatch(r"[A-Za-z-]+(-[A-Z0-9]{8})+\.(js|css|svg|txt)", name)


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "../app.py",
        "%2e%2e/app.py",
        "..%2fapp.py",
        "../facts/actions.json",
        "check.ts",
        "worker.js",
        MANIFEST["site.css"].upper(),
        f"{MANIFEST['site.css']}/",
        f"{MANIFEST['site.css']}.map",
        f"{MARKER}.js",
        MARKER,
        "",
        ".",
        "\0",
    ],
)
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_other_names(web: WebNode, name: str, accept: str) -> None:
    """Nothing else of the machine is there, and what was asked for is not repeated."""
    response = web.client.get(
        headers={"Accept": accept}, environ_overrides={"PATH_INFO": f"/static/{name}"}
    )
    assert "there is nothing at this address" == problem(response, 404, "not_found")
    assert MARKER.encode() not in response.data
    assert MARKER not in str(response.headers)
    assert "Location" not in response.headers


def test_a_name_with_a_question(web: WebNode) -> None:
    """A query changes nothing of a file and is in no answer."""
    path = assets.address("site.css")
    asked, other = web.client.get(path), web.client.get(f"{path}?{MARKER}")
    assert asked.data == other.data
    assert headers(asked) == headers(other)


def test_only_the_worker_runs_webassembly(web: WebNode) -> None:
    """Its policy allows that, its own parts and the API; no page's policy does."""
    worker = web.client.get(assets.address("worker.ts")).headers["Content-Security-Policy"]
    assert [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "connect-src 'self'",
    ] == [directive.strip() for directive in worker.split(";")]
    for path in ("/", "/breaches", "/breaches/leak", "/how-it-works", "/developers", "/feed.atom"):
        assert "wasm" not in web.client.get(path).headers["Content-Security-Policy"]


@pytest.mark.parametrize("source", ["icon.svg", "site.css", "THIRD-PARTY.txt"])
def test_an_opened_file_runs_nothing(web: WebNode, source: str) -> None:
    """A picture or text that is opened by itself is in a sandbox without scripts."""
    policy = web.client.get(assets.address(source)).headers["Content-Security-Policy"]
    directives = [directive.strip() for directive in policy.split(";")]
    assert {"default-src 'none'", "sandbox"} <= set(directives)
    assert "script" not in policy


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(".txt")])
def test_a_file_asks_no_other_origin(name: str) -> None:
    """No style or picture loads from elsewhere, and no script imports from elsewhere."""
    text = (STATIC / name).read_text("utf-8")
    assert [] == re.findall(r"""(?:@import|url\()\s*["']?(?:https?:)?//""", text)
    assert [] == re.findall(r"""(?:from|import)\s*\(?\s*["'](?:https?:)?//""", text)
    assert "sourceMappingURL" not in text
