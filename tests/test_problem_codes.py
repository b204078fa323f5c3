"""Every problem of ``docs/problems.md``, provoked over HTTP: the table, the code and this are one.

Most come from a node in this process behind a plain HTTP server; what cannot be read at all is
gunicorn's to refuse, so that it is asked.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NoReturn

import pytest
import redis
from conftest import ROOT
from gunicorn_server import Server
from listening import listening
from plain_http import Heard, ask
from redis.backoff import NoBackoff
from redis.retry import Retry
from web_node import WebNode, blinded

from lookup import gunicorn_problem, problems
from lookup.errors import Code, ProblemError
from lookup.index.embedded import EmbeddedStore
from lookup.index.state import State
from lookup.index.store import Store
from lookup.limits import EvaluateLimit, Rules

MARKER = "900101300017"
JSON = {"Content-Type": "application/json"}
ADDRESS = "127.0.0.1"
_ROW = re.compile(r"^\| `([a-z_]+)` \| ([0-9]{3}) \| \S.* \| \S.* \|$", re.MULTILINE)


@dataclass
class World:
    """A node, where it listens, and where a gunicorn does."""

    web: WebNode
    url: str
    gunicorn: str
    patch: pytest.MonkeyPatch

    def get(self, path: str, **headers: str) -> Heard:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.url, f"{path}?{MARKER}", headers={"X-Marker": MARKER} | named)

    def evaluate(self, elements: object, **headers: str) -> Heard:
        body = json.dumps({"lane": "public", "blinded": elements}).encode()
        return self.post(body, **headers)

    def post(self, body: bytes, **headers: str) -> Heard:
        named = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/v1/evaluate?{MARKER}"
        return ask(self.url, path, method="POST", headers=named, body=body)

    def raw(self, path: str = f"/{MARKER}", **headers: str) -> Heard:
        """Asks gunicorn, which refuses before there is an application."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.gunicorn, path, headers=named)

    def limited(self, notation: str, budget: int, store: Store | None = None) -> EvaluateLimit:
        """From now on the node has this limit, and nobody has spent anything."""
        self.web.index.store.redis.flushall()
        limit = EvaluateLimit(
            store or self.web.index.store, Rules.of(notation, budget), bytes(32), tries=1
        )
        service = replace(self.web.service, limit=limit)
        self.patch.setattr(self.web.evaluations, "service", service)
        return limit


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Server.start(tmp_path_factory.mktemp("gunicorn"))
    yield server.wait_for("ready: ").rpartition("ready: ")[2]
    server.process.terminate()
    server.process.wait(timeout=15)


@pytest.fixture(scope="module")
def node(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    made = WebNode.make(valkey, tmp_path_factory.mktemp("problems"))
    yield made
    made.close()


@pytest.fixture
def world(node: WebNode, gunicorn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with listening(node.client.application) as url:
        yield World(node, url, gunicorn, monkeypatch)


def beyond_the_end(world: World) -> Heard:
    return world.get(f"/v1/filter/public/{world.web.version}", Range="bytes=99999999-")


def rate_limited(world: World) -> Heard:
    world.limited("1/hour", 20).spend(ADDRESS, 1)  # no network has more than a twentieth
    return world.evaluate(blinded(1))


def unproven(world: World) -> Heard:
    world.limited("1/hour", 1000).spend(ADDRESS, 1)
    return world.evaluate(blinded(1), Qorgan_Proof_Of_Work=MARKER)


def budget_spent(world: World) -> Heard:
    limit = world.limited("60/hour", 1)
    limit.spend("192.0.2.1", 1)
    return world.evaluate(blinded(1))


def unforeseen(world: World) -> Heard:
    def fails(_: State) -> NoReturn:
        raise RuntimeError(MARKER)

    world.patch.setattr(State, "published", fails)
    return world.get("/v1/breaches")


def store_away(world: World) -> Heard:
    nowhere = redis.Redis(unix_socket_path="/nonexistent/socket", retry=Retry(NoBackoff(), 0))
    world.limited("60/hour", 1000, Store(nowhere, None))
    return world.evaluate(blinded(1))


def stale(world: World) -> Heard:
    world.patch.setattr(world.web.node, "_heard_at", 0.0)
    return world.get("/v1/params/public")


PROVOKED: dict[tuple[str, int], Callable[[World], Heard]] = {
    ("bad_request", 400): lambda world: world.post(f'{{"iin": "{MARKER}"}}'.encode()),
    ("bad_request", 405): lambda world: ask(
        world.url, f"/v1/breaches/{MARKER}", method="DELETE", headers={"X-Marker": MARKER}
    ),
    ("bad_request", 416): beyond_the_end,
    ("bad_request", 417): lambda world: world.raw(Expect=MARKER),
    ("bad_request", 501): lambda world: world.raw(Transfer_Encoding=MARKER),
    ("bad_prefix", 400): lambda world: world.get(f"/v1/range/public/{world.web.version}/{MARKER}"),
    ("bad_element", 400): lambda world: world.evaluate([MARKER]),
    ("too_many_elements", 400): lambda world: world.evaluate([MARKER] * 65),
    ("unauthorised", 401): lambda world: world.get(
        "/v1/subscriptions", Authorization=f"Bearer {MARKER}"
    ),
    ("forbidden", 403): lambda world: world.evaluate(blinded(1), Origin=f"https://{MARKER}.kz"),
    ("not_found", 404): lambda world: world.get(f"/api/v3/breach/{MARKER}"),
    ("version_gone", 410): lambda world: world.get("/v1/range/public/9-00000000/000"),
    ("too_large", 413): lambda world: world.post(MARKER.encode(), Content_Length="65537"),
    ("too_large", 414): lambda world: world.raw(f"/{MARKER * 200}"),
    ("too_large", 431): lambda world: world.raw(X_Marker=MARKER * 700),
    ("bad_media_type", 415): lambda world: world.evaluate(blinded(1), Content_Type=f"a/{MARKER}"),
    ("rate_limited", 429): rate_limited,
    ("proof_of_work_required", 429): unproven,
    ("budget_spent", 429): budget_spent,
    ("internal", 500): unforeseen,
    ("store_unavailable", 503): store_away,
    ("stale", 503): stale,
}


@pytest.mark.parametrize(("code", "status"), PROVOKED)
def test_it_comes_as_the_table_says(world: World, code: str, status: int) -> None:
    """Its status and code, when to try again where that helps, and nothing of what was sent."""
    heard = PROVOKED[code, status](world)
    assert (status, code) == (heard.status, heard.code)
    assert MARKER.encode() not in heard.raw
    assert "no-store" == heard.headers["cache-control"]
    assert (status in (429, 503)) is ("retry-after" in heard.headers)
    assert ("challenge" in heard.json) is (code == "proof_of_work_required")
    for of, name in ((401, "www-authenticate"), (405, "allow"), (416, "content-range")):
        assert (status == of) is (name in heard.headers)


def test_the_table_is_what_there_is() -> None:
    """The document, the codes of ``lookup.errors`` that reach HTTP, and what is provoked here."""
    told = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
    rows = [(code, int(status)) for code, status in _ROW.findall(told)]
    made = {shown(problems.of(ProblemError(code, ""))) for code in Code}
    unread = {(code.value, status) for status, (_, code, _) in gunicorn_problem.ANSWERS.items()}
    assert sorted(made | unread) == sorted(rows)
    assert sorted(PROVOKED) == sorted(rows)


def shown(problem: problems.Problem) -> tuple[str, int]:
    return json.loads(problem.body)["code"], problem.status
