"""Publisher and deliverer killed: in the stream exactly once, on the wire at least once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT, wait_until
from small_index import iins
from web_index import WebIndex
from webhook_receiver import Receiver, receiving, slowly

from loaders import operator
from lookup.index import clients, deliveries, keyspace, notices, subscriptions
from lookup.index.clients import ApiClient
from lookup.index.deliveries import Target
from lookup.index.embedded import EmbeddedStore
from lookup.index.notice_book import NoticeBook, opened
from lookup.index.store import Store
from lookup.protocol import entries
from lookup.protocol.suite import Lane

CROWD = iins(330)
WATCHED, LEAKED, BOTH = CROWD[:220], CROWD[110:], CROWD[110:220]


@dataclass
class Apps:
    """An index with a loaded dataset, and two apps that watch half of its people."""

    index: WebIndex
    book: NoticeBook
    clients: tuple[ApiClient, ApiClient]
    env: dict[str, str]

    @contextmanager
    def running(self, *arguments: str, killed_at: int = 0) -> Iterator[subprocess.Popen[str]]:
        """A command, which is over after the block; killed at that step, if any."""
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "notices_runner.py"), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env | {"KILLED_AT": str(killed_at)},
            cwd=ROOT,
        )
        with process:
            yield process
            process.kill()

    def written(self) -> int:
        """The entries in all streams."""
        redis = self.index.store.redis
        return sum(redis.xlen(keyspace.notices(Lane.PUBLIC, each.id)) for each in self.clients)

    def told(self, client: ApiClient) -> list[str]:
        page = notices.read(self.book, Lane.PUBLIC, client.id, notices.FIRST, 10_000)
        return sorted(notice.person for notice in page.notices)


@pytest.fixture
def receivers() -> Iterator[tuple[Receiver, Receiver]]:
    with receiving() as one, receiving() as other:
        yield one, other


@pytest.fixture
def apps(
    store: Store, valkey: EmbeddedStore, tmp_path: Path, receivers: tuple[Receiver, Receiver]
) -> Apps:
    folder = tmp_path / "keys"
    index = WebIndex.create(store, folder)
    operator.create(folder, "tester")
    index.load("news", LEAKED)
    book = opened(store, folder)
    made = tuple(
        clients.new(f"app {n}", webhook=receiver.url)[0] for n, receiver in enumerate(receivers)
    )
    persons = [entries.person(index.token(iin)) for iin in WATCHED]
    for client in made:
        clients.add(store, client)
        subscriptions.add(book, Lane.PUBLIC, client.id, persons)
    env = {k: v for k, v in os.environ.items() if not k.startswith("QORGAN_")} | {
        "QORGAN_DATA": str(tmp_path),
        "QORGAN_REDIS_URL": f"unix://{valkey.socket}",
        "PYTHONPATH": str(ROOT),
    }
    return Apps(index, book, (made[0], made[1]), env)


def test_every_match_and_no_other_whoever_is_killed(
    apps: Apps, receivers: tuple[Receiver, Receiver]
) -> None:
    """Both are killed again and again amid their work, and started again."""
    expected = sorted(entries.person(apps.index.token(iin)).hex() for iin in BOTH)
    for killed_at, written in ((5, 40), (10, 118), (0, 2 * len(expected))):
        with apps.running("publish", "news", "--yes", killed_at=killed_at) as publisher:
            assert (-signal.SIGKILL if killed_at else 0) == publisher.wait(60)
        assert written == apps.written()
    for killed_at in (1, 9, 10):
        with apps.running("notices", "deliver", killed_at=killed_at) as deliverer:
            assert -signal.SIGKILL == deliverer.wait(60)
    with apps.running("notices", "deliver"):
        wait_until(lambda: not waits(apps), 60)
    for client, receiver in zip(apps.clients, receivers, strict=True):
        assert expected == apps.told(client)
        assert expected == sorted(receiver.persons())


def waits(apps: Apps) -> bool:
    """Whether anything is not delivered yet."""
    for client in apps.clients:
        desk = deliveries.Desk(apps.book, Target(Lane.PUBLIC, client.id), "nobody")
        if deliveries.waiting(apps.index.store, desk.target) or desk.has_work(int(time.time())):
            return True
    return False


def test_the_deliverer_stops_in_order(apps: Apps, receivers: tuple[Receiver, Receiver]) -> None:
    """SIGTERM: what is on its way arrives and is noted, the lease is given back, exit code 0."""
    receivers[0].answer = slowly(0.5)
    with apps.running("publish", "news", "--yes") as publisher:
        assert 0 == publisher.wait(60)
    with apps.running("notices", "deliver") as process:
        wait_until(lambda: receivers[1].arrived)
        process.terminate()
        _, err = process.communicate(timeout=12)
    assert (0, "note: stopped") == (process.returncode, err.splitlines()[-1])
    for client in apps.clients:
        target = Target(Lane.PUBLIC, client.id)
        assert [] == deliveries.waiting(apps.index.store, target)
        assert "lease" not in apps.index.store.hash(target.key)
