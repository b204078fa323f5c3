"""A page of another site in a real browser: what it may read, and what stays closed to it."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from chromium import chromium, needs_chromium
from conftest import Installation, get
from playwright.sync_api import Browser, Page
from test_cross_origin import CLOSED, OPEN
from web_index import IINS, WebIndex
from web_node import blinded

from lookup.index import clients, store
from lookup.protocol.suite import Lane
from lookup.settings import Settings

pytestmark = needs_chromium
__all__ = ["chromium"]

# Status and headers of what a script may read; null where the browser tells it nothing.
FETCH = """async ([url, options]) => {
  try {
    const reply = await fetch(url, { cache: "no-store", ...options });
    const body = await reply.arrayBuffer();
    return { status: reply.status, size: body.byteLength, ...Object.fromEntries(reply.headers) };
  } catch { return null; }
}"""


class Quiet(SimpleHTTPRequestHandler):
    """An empty folder's page; nothing is printed."""

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """Another site's origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class World:
    """The service, a client's key, and a page of a registered site and of a stranger's."""

    url: str
    versions: dict[str, str]
    key: str
    registered: Page
    stranger: Page

    def fetch(self, page: Page, path: str, **options: object) -> Any:
        return page.evaluate(FETCH, [self.url + path.format(**self.versions), options])


@pytest.fixture(scope="module")
def world(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("origins")
    made = Installation(folder / "data")
    with ExitStack() as stack:
        origins = [stack.enter_context(site(tmp_path_factory.mktemp("site"))) for _ in range(2)]
        with store.opened(Settings.from_env({"QORGAN_DATA": str(made.data)})) as opened:
            index = WebIndex.create(opened, made.data / "keys")
            versions = {
                "public": index.published("leak", IINS[:3]).name,
                "verified": index.published("clinic", IINS[:3], sensitive=True).name,
            }
            client, key = clients.new("app", frozenset(Lane), origins=(origins[0],))
            clients.add(opened, client)
        served = stack.enter_context(made.served(QORGAN_WORKERS="1"))
        pages = [chromium.new_page() for _ in origins]
        for page, origin in zip(pages, origins, strict=True):
            page.goto(origin)
        yield World(served.url, versions, key, *pages)


@pytest.mark.parametrize("path", OPEN)
def test_open_to_any_page(world: World, path: str) -> None:
    """A stranger's page reads it, its tag too, and is told 304 when it names that."""
    first = world.fetch(world.stranger, path)
    assert (200, True) == (first["status"], first["size"] > 0)
    again = world.fetch(world.stranger, path, headers={"If-None-Match": first["etag"]})
    assert (304, 0) == (again["status"], again["size"])


def test_a_signature_can_be_read(world: World) -> None:
    """Without it nothing of the parameters could be believed."""
    assert 128 == len(world.fetch(world.stranger, "/v1/params/public")["qorgan-signature"])


def test_a_part_of_a_filter(world: World) -> None:
    """A download goes on: the browser asks whether it may send Range and If-Range, and may."""
    whole = world.fetch(world.stranger, "/v1/filter/public/{public}")
    headers = {"Range": "bytes=10-19", "If-Range": whole["etag"]}
    part = world.fetch(world.stranger, "/v1/filter/public/{public}", headers=headers)
    assert (206, 10) == (part["status"], part["size"])
    assert f"bytes 10-19/{whole['size']}" == part["content-range"]
    assert whole["repr-digest"] == part["repr-digest"]


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("with_key", [True, False])
def test_closed_to_every_page(world: World, path: str, with_key: bool) -> None:
    """What needs a key can be read by no page, not even that of a site which has one."""
    options: dict[str, object] = {"method": "POST"} if path == "/v1/check" else {}
    if with_key:
        options["headers"] = {"Authorization": f"Bearer {world.key}"}
    for page in (world.registered, world.stranger):
        assert world.fetch(page, path, **options) is None
    if with_key:  # it is there, and the browser asked in vain
        assert 404 != get(world.url + path.format(**world.versions))[0]


@pytest.mark.parametrize("headers", [{}, {"Qorgan-Proof-Of-Work": "bm9uZQ"}])
def test_evaluations_for_registered_sites(world: World, headers: dict[str, str]) -> None:
    """A registered site's page has elements evaluated; a stranger's hears nothing."""
    options = {
        "method": "POST",
        "headers": {"Content-Type": "application/json"} | headers,
        "body": f'{{"lane": "public", "blinded": ["{blinded(1)[0]}"]}}',
    }
    assert 200 == world.fetch(world.registered, "/v1/evaluate", **options)["status"]
    assert world.fetch(world.stranger, "/v1/evaluate", **options) is None
