"""What a node of each role answers, and how it says whether it can."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from web_node import WebNode, blinded, problem

from lookup.app import _flask
from lookup.index.embedded import EmbeddedStore
from lookup.index.state import State
from lookup.settings import Role


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with all roles."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("roles"))
    yield made
    made.close()


PARTS = {
    Role.RANGE: {"range"},
    Role.EVALUATE: {"keys", "evaluate"},
    Role.SITE: {"register"},
    Role.API: {"register"},
}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_alone(valkey: EmbeddedStore, tmp_path: Path, role: Role) -> None:
    """A node of one role has the addresses of that role, the probes, and nothing else."""
    made = WebNode.make(valkey, tmp_path, roles=[role])
    reads_register = role in (Role.SITE, Role.API)
    expected = {
        "/healthz": True,
        "/readyz": True,
        "/v1/params/public": role is Role.RANGE,
        f"/v1/range/public/{made.version}/000": role is Role.RANGE,
        "/v1/breaches": reads_register,
        "/v1/breaches/leak": reads_register,
        "/": role is Role.SITE,
    }
    found = {path: made.client.get(path).status_code for path in expected}
    assert found == {path: 200 if is_there else 404 for path, is_there in expected.items()}
    evaluated = made.ask({"lane": "public", "blinded": blinded(1)})
    assert (evaluated.status_code == 200) is (role is Role.EVALUATE)
    parts = json.loads(made.client.get("/readyz").data)["parts"]
    assert set(parts) == {"store"} | PARTS[role]
    made.close()


def ready(web: WebNode) -> tuple[int, dict[str, object]]:
    response = web.client.get("/readyz")
    assert response.headers["Cache-Control"] == "no-store"
    document: dict[str, object] = json.loads(response.data)
    return response.status_code, document


def test_ready(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A balancer reads the status; a person reads which part is missing."""
    parts = dict.fromkeys(("store", "range", "register", "keys", "evaluate"), "ok")
    assert ready(web) == (200, {"ready": True, "parts": parts})
    monkeypatch.setattr(web.node, "_away", True)
    parts |= {"store": "away"}
    assert ready(web) == (200, {"ready": True, "parts": parts})
    monkeypatch.setattr(web.node, "_heard_at", 0.0)
    assert ready(web) == (503, {"ready": False, "parts": parts | {"range": "stale"}})
    monkeypatch.setattr(web.node, "state", State())
    monkeypatch.setattr(web.node, "_heard_at", time.time())
    missing = parts | {"range": "nothing published"}
    assert ready(web) == (503, {"ready": False, "parts": missing})
    assert web.client.get("/healthz").json == {"status": "alive"}


def test_what_is_unknown_is_not_none(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that never heard from a store does not say that there are no leaks."""
    monkeypatch.setattr(web.node, "state", State())
    monkeypatch.setattr(web.node, "_heard_at", float("-inf"))
    for path in ("/v1/breaches", "/v1/breaches/leak"):
        response = web.client.get(path)
        assert problem(response, 503, "store_unavailable").startswith("could not check")
        assert response.headers["Retry-After"] == "5"
    status, document = ready(web)
    assert status == 503
    parts = dict.fromkeys(("store", "keys", "evaluate"), "ok")
    assert document["parts"] == parts | dict.fromkeys(("range", "register"), "store away")


def test_ready_to_evaluate(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a limit, a node that evaluates needs the store; without one it does not."""
    flask = _flask(replace(web.service, limit=object()))  # type: ignore[arg-type]
    monkeypatch.setattr(web.node, "_away", True)
    response = flask.test_client().get("/readyz")
    assert response.status_code == 503
    assert response.json is not None
    parts = dict.fromkeys(("store", "range", "register", "keys", "evaluate"), "ok")
    assert response.json["parts"] == parts | {"store": "away", "evaluate": "store away"}
