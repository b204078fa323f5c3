"""An app with a key, from `qorgan client add` to the revoked key, through real HTTP."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Installation, Served, wait_until
from plain_http import Heard, ask
from web_index import IINS, WebIndex

from lookup.client import Client, Found, NotFound
from lookup.errors import Code, CouldNotCheckError
from lookup.index import clients, store
from lookup.protocol.oprf import Blinding
from lookup.protocol.suite import Kind, Lane
from lookup.settings import Settings

SHOPPER, PATIENT, CLEAN = IINS[0], IINS[1], IINS[2]


@dataclass
class World:
    """An installation with a public and a sensitive dataset, and two clients' keys."""

    installation: Installation
    egov: str
    shop: str

    def client(self, served: Served, key: str | None = None) -> Client:
        return Client(served.url, api_key=key or self.egov, lanes=tuple(Lane))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = Installation(tmp_path_factory.mktemp("apps") / "data")
    with store.opened(Settings.from_env({"QORGAN_DATA": str(made.data)})) as opened:
        index = WebIndex.create(opened, made.data / "keys")
        index.published("shop", [SHOPPER])
        index.published("clinic", [PATIENT], sensitive=True)
        lanes = ("--lanes", "public,verified", "--subject-rate", "6/hour")
        egov = made.qorgan("client", "add", "egov", *lanes).stdout.strip()
        client, shop = clients.new("shop")
        clients.add(opened, client)
    return World(made, egov, shop)


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[Served]:
    """Two workers, and a limit for the anonymous that the app does not share."""
    with world.installation.served(QORGAN_WORKERS="2", QORGAN_EVALUATE_LIMIT="50/hour") as running:
        yield running


def evaluate(served: Served, count: int = 1, **headers: str) -> Heard:
    blinded = [element.hex() for element in Blinding([b"x"] * count).blinded]
    body = json.dumps({"lane": "verified", "blinded": blinded}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["Content-Type"] = "application/json"
    return ask(served.url, "/v1/evaluate", method="POST", headers=named, body=body)


def test_only_the_app_learns_of_the_sensitive_leak(world: World, served: Served) -> None:
    """The same person is found by the app, and not found by anyone without a key."""
    with_key, anonymous = world.client(served), Client(served.url)
    answer = with_key.check(Kind.IIN, PATIENT)
    assert isinstance(answer, Found)
    assert ["clinic"] == [leak.name for leak in answer.leaks]
    assert isinstance(anonymous.check(Kind.IIN, PATIENT), NotFound)
    for client in (with_key, anonymous):
        assert isinstance(client.check(Kind.IIN, SHOPPER), Found)
        assert isinstance(client.check(Kind.IIN, CLEAN), NotFound)


def test_the_command_asks_both_lanes(world: World, served: Served, tmp_path: Path) -> None:
    """`qorgan check` with a key in a file; the key of the other lane alone is no answer."""
    for key, code in ((world.egov, 10), (world.shop, 3)):
        file = tmp_path / "key"
        file.touch(0o600)
        file.write_text(key)
        asked = ("check", "--server", served.url, "--api-key-file", file)
        done = world.installation.qorgan(*asked, stdin=PATIENT, code=code)
        assert key not in done.stdout + done.stderr
    sentence = f"qorgan: could not check: this API key is not for this lane (asked {served.url})\n"
    assert sentence == done.stderr


def test_a_users_share_holds_over_all_workers(world: World, served: Served) -> None:
    """Six elements an hour are six, whichever worker evaluates them; another user has his own."""
    headers = {"Authorization": f"Bearer {world.egov}", "X_Subject": "user-1"}
    assert [200] * 6 == [evaluate(served, **headers).status for _ in range(6)]
    refused = [evaluate(served, **headers) for _ in range(6)]
    assert {(429, "rate_limited")} == {(heard.status, heard.code) for heard in refused}
    assert 3500 < int(refused[0].headers["retry-after"]) <= 3600
    assert 200 == evaluate(served, 6, **headers | {"X_Subject": "user-2"}).status
    with pytest.raises(CouldNotCheckError) as caught:
        world.client(served).check(Kind.IIN, CLEAN, subject="user-1")
    assert caught.value.code is Code.RATE_LIMITED


def test_headers_are_as_in_process(world: World, served: Served) -> None:
    """What the real server sends of the verified lane is kept by nobody."""
    headers = {"Authorization": f"Bearer {world.egov}", "Origin": "https://evil.example"}
    version = world.client(served).check(Kind.IIN, CLEAN).lanes[1].version
    heard = ask(served.url, f"/v1/range/verified/{version}/000", headers=headers)
    assert (200, "private, no-store, no-transform") == (
        heard.status,
        heard.headers["cache-control"],
    )
    assert "access-control-allow-origin" not in heard.headers
    assert 401 == ask(served.url, f"/v1/range/verified/{version}/000").status


def test_keys_come_and_go(world: World, served: Served) -> None:
    """A new key opens at once, the old one until it is ended; a revoked client within seconds."""
    qorgan = world.installation.qorgan

    def opens(key: str) -> bool:
        headers = {"Authorization": f"Bearer {key}"}
        return all(  # of every worker
            ask(served.url, "/v1/params/verified", headers=headers).status == 200 for _ in range(12)
        )

    first = qorgan("client", "add", "app", "--lanes", "verified").stdout.strip()
    wait_until(lambda: opens(first), 5)
    second = qorgan("client", "rotate", "app").stdout.strip()
    wait_until(lambda: opens(second), 5)
    assert opens(first)
    third = qorgan("client", "rotate", "app", "--now").stdout.strip()
    wait_until(lambda: opens(third) and not opens(first) and not opens(second), 5)
    began = time.monotonic()
    qorgan("client", "revoke", "app")
    wait_until(lambda: not opens(third), 5)
    assert time.monotonic() - began < 5


def test_what_was_asked_is_metered_and_nothing_is_told(world: World) -> None:
    """Once the server has stopped all is counted; neither its log nor the store names a key."""
    with world.installation.served(QORGAN_WORKERS="2") as running:
        before = _asked(world)
        for _ in range(3):
            world.client(running).check(Kind.IIN, PATIENT, subject="user-unmistakable")
        log = running.log
    after = _asked(world)
    assert (6, 3) == tuple(after[use] - before[use] for use in ("evaluations", "ranges"))
    told = log.read_text(encoding="utf-8")
    for secret in (world.egov[-43:], "unmistakable", PATIENT, "egov"):
        assert secret not in told
    files = (world.installation.data / "store").rglob("*.aof")
    kept = b"".join(path.read_bytes() for path in files)
    assert b"qorgan:clients" in kept
    for secret in (world.egov[-43:], world.shop[-43:], "unmistakable"):
        assert secret.encode() not in kept


def _asked(world: World) -> dict[str, int]:
    """What the app asked on all days, as the operator sees it."""
    listed = json.loads(world.installation.qorgan("client", "list", "--json").stdout)
    (egov,) = (one for one in listed if one["name"] == "egov")
    days = egov["usage"].values()
    return {use: sum(day[use] for day in days) for use in ("evaluations", "ranges", "checks")}
