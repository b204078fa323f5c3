"""The web service as it is built from its settings: what start-up refuses, whom it believes."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, wait_until
from web_index import IINS, WebIndex
from web_node import blinded, problem
from werkzeug.test import Client, TestResponse

from lookup import app as app_module
from lookup.app import create_app
from lookup.errors import Code, UnavailableError
from lookup.index import keyspace, node, state
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.settings import Settings

OPERATIONS = ROOT / "docs" / "operations.md"


class Exits:
    """Stands in for the atexit module, so that a test ends what an app began."""

    def __init__(self) -> None:
        self.registered: list[Callable[[], object]] = []

    def register(self, function: Callable[[], object]) -> None:
        self.registered.append(function)

    def run(self) -> None:
        while self.registered:
            self.registered.pop()()


class Site:
    """Builds apps on one index, with settings as an operator would set them."""

    def __init__(self, index: WebIndex, socket: Path, folder: Path) -> None:
        self.index = index
        self.environ = {
            "QORGAN_DATA": str(folder),
            "QORGAN_REDIS_URL": f"unix://{socket}",
            "QORGAN_EVALUATE_LIMIT": "off",
        }

    def client(self, **environ: str) -> Client:
        return Client(create_app(Settings.from_env(self.environ | environ)))

    def refusal(self, **environ: str) -> UnavailableError:
        with pytest.raises(UnavailableError) as caught:
            self.client(**environ)
        return caught.value


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exits]:
    """What would be called when the process ends; called when the test ends."""
    made = Exits()
    monkeypatch.setattr(app_module, "atexit", made)
    yield made
    made.run()


@pytest.fixture
def site(store: Store, valkey: EmbeddedStore, tmp_path: Path, exits: Exits) -> Site:
    """An index with one published dataset, in a data folder."""
    index = WebIndex.with_a_leak(store, tmp_path / "keys")
    return Site(index, valkey.socket, tmp_path)


def ask(client: Client, count: int = 1, **more: Any) -> TestResponse:
    document = {"lane": "public", "blinded": blinded(count)}
    return client.post("/v1/evaluate", json=document, **more)


def test_all_roles_in_one(site: Site) -> None:
    """With the settings' defaults a node does everything."""
    client = site.client()
    version = json.loads(client.get("/v1/params/public").data)["version"]
    assert client.get(f"/v1/range/public/{version}/000").status_code == 200
    assert ask(client).status_code == 200
    assert client.get("/v1/breaches").status_code == 200
    assert client.get("/").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_a_node_of_ranges_needs_no_key(site: Site) -> None:
    """Ranges, register and page are served without any key file."""
    for path in site.index.folder.iterdir():
        path.unlink()
    client = site.client(QORGAN_ROLES="range,site,api")
    assert client.get("/v1/params/public").status_code == 200
    problem(ask(client), 404, "not_found")
    error = site.refusal(QORGAN_ROLES="evaluate")
    assert error.code is Code.BAD_KEY_FILE


def test_a_node_that_evaluates_needs_no_version(site: Site, tmp_path: Path) -> None:
    """It has public.key alone, fetches nothing, and has no ranges to serve."""
    for name in ("verified", "ledger", "padding", "publisher"):
        (site.index.folder / f"{name}.key").unlink()
    client = site.client(QORGAN_ROLES="evaluate")
    assert ask(client).status_code == 200
    assert client.get("/readyz").status_code == 200
    assert list((tmp_path / "cache").glob("*.view")) == []
    problem(client.get("/v1/params/public"), 404, "not_found")
    problem(client.get("/v1/range/public/1-00000000/000"), 404, "not_found")


def test_a_key_that_does_not_fit(site: Site) -> None:
    """A node with another index's key would only give proofs that fail; it does not start."""
    path = site.index.folder / "public.key"
    path.write_text("11" * 32 + "\n")
    error = site.refusal()
    assert error.code is Code.KEY_MISMATCH
    assert "public.key does not fit" in error.sentence


def test_a_store_that_may_evict(site: Site, store: Store) -> None:
    """A web node refuses it as loaders do."""
    store.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert site.refusal().code is Code.STORE_EVICTS
    finally:
        store.redis.config_set("maxmemory-policy", "noeviction")


def test_a_store_without_an_index(site: Site, store: Store) -> None:
    """An empty store is refused with the command that makes an index."""
    store.redis.delete(keyspace.INDEX)
    error = site.refusal()
    assert error.code is Code.INDEX_MISSING
    assert error.sentence.endswith("run: qorgan init")


def test_an_unusable_cache_folder(site: Site, tmp_path: Path) -> None:
    """Said at start-up, in a sentence with the setting."""
    (tmp_path / "file").write_text("")
    error = site.refusal(QORGAN_CACHE=str(tmp_path / "file"))
    assert error.code is Code.BAD_FILE
    assert "set QORGAN_CACHE" in error.sentence


def test_the_store_is_away(site: Site, exits: Exits) -> None:
    """A worker that starts meanwhile serves what its node knew; only limits need the store."""
    site.client()
    exits.run()
    client = site.client(QORGAN_REDIS_URL="unix:///nowhere/s", QORGAN_EVALUATE_LIMIT="9/hour")
    version = json.loads(client.get("/v1/params/public").data)["version"]
    assert client.get(f"/v1/range/public/{version}/000").status_code == 200
    assert client.get("/v1/breaches/leak").status_code == 200
    problem(ask(client), 503, "store_unavailable")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert json.loads(response.data)["parts"] == {
        "store": "away",
        "range": "ok",
        "register": "ok",
        "keys": "ok",
        "evaluate": "store away",
    }
    unlimited = site.client(QORGAN_REDIS_URL="unix:///nowhere/s")
    assert ask(unlimited).status_code == 200


def test_a_store_that_comes_back_with_another_index(
    site: Site, valkey: EmbeddedStore, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node whose key does not fit what came back evaluates nobody, and says which part it is."""
    monkeypatch.setattr(node, "_POLL", 0.02)
    link = tmp_path / "s"
    client = site.client(QORGAN_REDIS_URL=f"unix://{link}")
    assert ask(client).status_code == 200
    store.redis.flushall()
    WebIndex.create(store, tmp_path / "other")
    link.symlink_to(valkey.socket)
    wait_until(lambda: b"do not fit the index" in client.get("/readyz").data)
    problem(ask(client), 503, "store_unavailable")


def test_it_follows_the_store(site: Site, exits: Exits, monkeypatch: pytest.MonkeyPatch) -> None:
    """A started app serves a new version by itself, and stops asking when it ends."""
    monkeypatch.setattr(node, "_POLL", 0.02)
    client = site.client()
    site.index.published("second", IINS[5:9])
    wait_until(lambda: client.get("/v1/breaches/second").status_code == 200)
    watching = [t for t in node.threading.enumerate() if t.name == "index-watch"]
    assert len(watching) == 1
    exits.run()
    assert not watching[0].is_alive()


def spend(client: Client, forwarded: str | None, address: str = "192.0.2.1") -> int:
    """The status of one question that comes from an address with a header."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return ask(client, headers=headers, environ_overrides={"REMOTE_ADDR": address}).status_code


ONE_AN_HOUR = {"QORGAN_EVALUATE_LIMIT": "1/hour"}


def test_no_proxy_is_believed(site: Site) -> None:
    """Without proxies of ours, no header makes anyone somebody else."""
    client = site.client(**ONE_AN_HOUR)
    assert spend(client, None) == 200
    for forged in (None, "198.51.100.1", "198.51.100.1, 203.0.113.1", "garbage", ""):
        assert spend(client, forged) == 429
    assert spend(client, "192.0.2.1", address="192.0.2.2") == 200


def test_one_proxy_is_believed_once(site: Site) -> None:
    """What our proxy added on the right counts; what the client wrote before it does not."""
    client = site.client(QORGAN_PROXY_HOPS="1", **ONE_AN_HOUR)
    assert spend(client, "203.0.113.1") == 200
    for forged in ("203.0.113.1", "198.51.100.1, 203.0.113.1", "a, b, c,203.0.113.1"):
        assert spend(client, forged) == 429
        assert spend(client, forged, address="192.0.2.99") == 429
    assert spend(client, "203.0.113.1, 203.0.113.2") == 200
    assert spend(client, None) == 200
    assert spend(client, None) == 429


def test_two_proxies(site: Site) -> None:
    """The address before our two proxies counts, however much stands before that."""
    client = site.client(QORGAN_PROXY_HOPS="2", **ONE_AN_HOUR)
    assert spend(client, "203.0.113.1, 10.0.0.1") == 200
    for forged in ("203.0.113.1, 10.0.0.2", "198.51.100.1, 203.0.113.1, 10.0.0.1"):
        assert spend(client, forged) == 429
    assert spend(client, "198.51.100.1, 203.0.113.2, 10.0.0.1") == 200
    assert spend(client, "203.0.113.3") == 200
    assert spend(client, "198.51.100.3") == 429


@pytest.mark.parametrize(
    "header", ["X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-Port"]
)
def test_nothing_else_of_a_proxy_is_believed(site: Site, header: str) -> None:
    """A header cannot make another site's origin ours."""
    client = site.client(QORGAN_PROXY_HOPS="1")
    headers = {"Origin": "https://evil.example", header: "evil.example"}
    problem(ask(client, headers=headers), 403, "forbidden")


@pytest.mark.parametrize("name", ["FLASK_DEBUG", "FLASK_ENV", "FLASK_TESTING"])
def test_flask_s_environment_changes_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Nobody makes the service talk by a variable that is not ours."""
    monkeypatch.setenv(name, "1" if name != "FLASK_ENV" else "development")
    client = site.client(QORGAN_ROLES="api")
    flask: Any = client.application
    assert not flask.debug
    assert not flask.testing

    def fails(_: object) -> None:
        raise RuntimeError("telling")

    monkeypatch.setattr(state.State, "published", fails)
    response = client.get("/v1/breaches")
    assert problem(response, 500, "internal")
    assert b"telling" not in response.data
    assert b"Traceback" not in response.data
    problem(client.get("/v1/breaches/"), 404, "not_found")


def test_a_key_to_the_metrics(site: Site, tmp_path: Path) -> None:
    """Made as the operator's handbook says; without it who asks on the machine may read."""
    local = {"REMOTE_ADDR": "127.0.0.1"}
    assert 200 == site.client().get("/metrics", environ_base=local).status_code
    (line,) = re.findall(
        r"^\(umask 077; .*data/keys/metrics.key\)$",
        OPERATIONS.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    (tmp_path / "data").symlink_to(tmp_path)
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True)
    key = (tmp_path / "keys" / "metrics.key").read_text().strip()
    client = site.client()
    assert 404 == client.get("/metrics", environ_base=local).status_code
    assert 200 == client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code
    (tmp_path / "keys" / "metrics.key").chmod(0o644)
    assert Code.BAD_KEY_FILE is site.refusal().code
