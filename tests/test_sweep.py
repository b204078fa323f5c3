"""Asking for everybody, from 10,000 addresses: on loopback, in as many requests and no more."""

import json
import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

from conftest import Installation, Served, wait_until
from plain_http import ask
from scraped import Scraped
from web_node import blinded

NETWORKS, ADDRESSES = 100, 100
BUDGET = 1000
ALLOWED = 8  # of a /24, where a subscriber may have one
ENVIRON = {
    "QORGAN_PROXY_HOPS": "1",
    "QORGAN_EVALUATE_LIMIT": "1/day",  # an hour may end amid the test
    "QORGAN_EVALUATE_BUDGET": str(BUDGET),
    "QORGAN_WORKERS": "2",
    "QORGAN_ROLES": "evaluate",
}


def sweep(served: Served, addresses: list[str]) -> Counter[str]:
    """Have one element evaluated from each address: how often which answer came."""
    body = json.dumps({"lane": "public", "blinded": blinded(1)})
    host = served.url.removeprefix("http://")

    def ask(some: list[str]) -> Counter[str]:
        connection = HTTPConnection(host, timeout=30)
        told: Counter[str] = Counter()
        for address in some:
            headers = {"Content-Type": "application/json", "X-Forwarded-For": address}
            connection.request("POST", "/v1/evaluate", body, headers)
            reply = connection.getresponse()
            document = json.loads(reply.read())
            told[document.get("code", "evaluated")] += 1
        connection.close()
        return told

    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(ask, [addresses[n::4] for n in range(4)]), Counter())


KEY = "5e" * 32
SCRAPER = {"Authorization": f"Bearer {KEY}"}


def check_counts(served: Served, heard: Counter[str]) -> None:
    """Whichever worker is asked tells what both counted: what alerts on a sweep read."""
    for _ in range(4):
        told = Scraped.of(ask(served.url, "/metrics", headers=SCRAPER).body.decode())
        asked = heard["proof_of_work_required"]
        assert heard["evaluated"] == told.sum("qorgan_evaluations_total", who="anonymous")
        assert asked == told.sum("qorgan_refusals_total", code="proof_of_work_required")
        assert asked == told.sum("qorgan_proof_of_work_demand_count", proof="asked")
        assert 0 == told.sum("qorgan_proof_of_work_demand_count", proof="given")


def test_a_sweep_meets_its_limits(installation: Installation) -> None:
    """Two workers, a restart in between: each network gets its share, all together the budget."""
    everybody = [f"10.0.{n}.{a}" for a in range(ADDRESSES) for n in range(NETWORKS)]
    half = len(everybody) // 2
    (installation.data / "keys" / "metrics.key").write_text(KEY)  # behind a proxy it takes one
    (installation.data / "keys" / "metrics.key").chmod(0o600)
    told: Counter[str] = Counter()
    for addresses in (everybody[:half], everybody[half:]):
        with installation.served(**ENVIRON) as served:
            heard = sweep(served, addresses)
            check_counts(served, heard)
            told += heard
    allowed = NETWORKS * ALLOWED
    assert {
        "evaluated": allowed,
        "proof_of_work_required": len(everybody) - allowed,
    } == told
    with installation.served(**ENVIRON) as served:
        told = sweep(served, [f"10.1.{n}.1" for n in range(250)])
        assert {"evaluated": BUDGET - allowed, "budget_spent": 250 - BUDGET + allowed} == told
        os.kill(_store(installation), signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{_store(installation)}").exists())
        assert {"store_unavailable": 20} == sweep(served, [f"10.2.{n}.1" for n in range(20)])


def _store(installation: Installation) -> int:
    return int((installation.data / "store" / "valkey.pid").read_text())
