"""What a real node goes on answering when the store is killed under it, and what it refuses."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Installation, Served, wait_until
from plain_http import Heard, ask, post
from processes import children, lives
from small_publication import CLEAN, LEAKED

from lookup.client import Client, Found, NotFound
from lookup.errors import Code, CouldNotCheckError
from lookup.index.embedded import EmbeddedStore
from lookup.protocol.oprf import Blinding
from lookup.protocol.suite import Kind

TARGETS = ("/v1/params/public", "/v1/breaches", "/v1/breaches/first", "/")


@dataclass
class Fleet:
    """Three nodes on one store, which has been killed; and what they answered before."""

    unlimited: Served
    limited: Served
    impatient: Served  # refuses what is older than 2 s
    range: str
    before: dict[str, bytes]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("outage")
    with EmbeddedStore.attach(folder / "valkey") as store:
        url = {"QORGAN_REDIS_URL": f"unix://{store.socket}", "QORGAN_WORKERS": "1"}
        installation = Installation(folder / "data", url)
        publish(installation)
        caches = [{"QORGAN_CACHE": str(folder / f"cache-{n}")} for n in (1, 2, 3)]
        with (
            installation.served(QORGAN_WORKERS="2", **caches[0]) as unlimited,
            installation.served(QORGAN_EVALUATE_LIMIT="1000/hour", **caches[1]) as limited,
            installation.served(QORGAN_MAX_STALE="2s", **caches[2]) as impatient,
        ):
            version = ask(unlimited.url, "/v1/params/public").json["version"]
            targets = [*TARGETS, *(f"/v1/range/public/{version}/{n:03x}" for n in range(40))]
            before = {target: ask(unlimited.url, target).body for target in targets}
            for served in (unlimited, limited, impatient):
                assert Found is type(Client(served.url).check(Kind.IIN, LEAKED))
                assert 200 == ask(served.url, "/readyz").status
            os.kill(store.pid, signal.SIGKILL)
            wait_until(lambda: not lives(store.pid))
            for served in (unlimited, limited, impatient):
                wait_until(lambda s=served: "away" == ask(s.url, "/readyz").json["parts"]["store"])
            yield Fleet(unlimited, limited, impatient, targets[-1], before)


def publish(installation: Installation) -> None:
    installation.qorgan("init", "--argon2", "test", "--prefix-bits", "10")
    installation.dataset("first", classes=("names", "phone-numbers"))
    dump: Path = installation.data.parent / "dump.csv"
    dump.write_text(f"iin;name\n{LEAKED};Айгерим\n", encoding="utf-8")
    installation.qorgan("load", dump, "--dataset", "first", "--iin", "iin", "--field", "name=names")
    installation.qorgan("publish", "first")


def evaluate(served: Served) -> Heard:
    blinded = [element.hex() for element in Blinding([b"x"]).blinded]
    return post(served.url, {"lane": "public", "blinded": blinded})


@pytest.mark.parametrize("node", ["unlimited", "limited"])
def test_what_is_mapped_is_answered_as_before(fleet: Fleet, node: str) -> None:
    """Ranges, parameters, register and page are the same bytes with the store away."""
    url = getattr(fleet, node).url
    assert fleet.before == {target: ask(url, target).body for target in fleet.before}
    assert 410 == ask(url, "/v1/range/public/9-00000000/000").status


def test_evaluation_without_a_limit_needs_no_store(fleet: Fleet) -> None:
    """With the limit off a person is found, and not found, with the store away."""
    client = Client(fleet.unlimited.url)
    assert Found is type(client.check(Kind.IIN, LEAKED))
    assert NotFound is type(client.check(Kind.IIN, CLEAN))
    heard = ask(fleet.unlimited.url, "/readyz")
    parts = {"store": "away", "range": "ok", "register": "ok", "keys": "ok", "evaluate": "ok"}
    assert (200, {"ready": True, "parts": parts}) == (heard.status, heard.json)


def test_evaluation_with_a_limit_fails_closed(fleet: Fleet) -> None:
    """With a limit that cannot be counted nothing is evaluated, and the probe says which part."""
    heard = evaluate(fleet.limited)
    assert (503, "store_unavailable", "5") == (
        heard.status,
        heard.code,
        heard.headers["retry-after"],
    )
    with pytest.raises(CouldNotCheckError) as raised:
        Client(fleet.limited.url).check(Kind.IIN, CLEAN)
    assert Code.SERVICE_UNREACHABLE is raised.value.code
    heard = ask(fleet.limited.url, "/readyz")
    parts = {
        "store": "away",
        "range": "ok",
        "register": "ok",
        "keys": "ok",
        "evaluate": "store away",
    }
    assert (503, {"ready": False, "parts": parts}) == (heard.status, heard.json)
    assert 200 == ask(fleet.limited.url, "/healthz").status


def test_too_old_is_not_answered(fleet: Fleet) -> None:
    """After QORGAN_MAX_STALE nobody is told "not found" from an old version."""
    url = fleet.impatient.url
    wait_until(lambda: "stale" == ask(url, "/readyz").json["parts"]["range"])
    for target in (fleet.range, f"{fleet.range}.json", "/v1/params/public"):
        heard = ask(url, target)
        assert (503, "stale") == (heard.status, heard.code)
        assert 0 < int(heard.headers["retry-after"])
        assert "no-store" == heard.headers["cache-control"]
    assert 503 == ask(url, fleet.range, headers={"If-None-Match": "*"}).status
    heard = ask(url, "/readyz")
    parts = {"store": "away", "range": "stale", "register": "ok", "keys": "ok", "evaluate": "ok"}
    assert (503, {"ready": False, "parts": parts}) == (heard.status, heard.json)
    with pytest.raises(CouldNotCheckError):
        Client(url).check(Kind.IIN, CLEAN)


def test_killed_worker_comes_back_without_the_store(fleet: Fleet) -> None:
    """Workers that start while the store is away serve what the node served, from its cache."""
    served = fleet.unlimited
    killed = children(served.process.pid)
    assert 2 == len(killed)
    for worker in killed:
        os.kill(worker, signal.SIGKILL)

    def replaced() -> bool:
        now = children(served.process.pid)
        return 2 == len(now) and not set(now) & set(killed)

    wait_until(replaced)
    wait_until(lambda: 200 == ask(served.url, "/healthz").status)
    for _ in range(6):  # each on a connection of its own, so that both workers are asked
        assert fleet.before[fleet.range] == ask(served.url, fleet.range).body
    assert fleet.before == {target: ask(served.url, target).body for target in fleet.before}
    assert Found is type(Client(served.url).check(Kind.IIN, LEAKED))


def test_restarted_worker_is_still_too_old(fleet: Fleet) -> None:
    """A restart does not make an old version young: the node was last told of it before."""
    served = fleet.impatient
    (killed,) = children(served.process.pid)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: children(served.process.pid) not in ([], [killed]))
    wait_until(lambda: 200 == ask(served.url, "/healthz").status)
    assert (503, "stale") == ((heard := ask(served.url, fleet.range)).status, heard.code)
