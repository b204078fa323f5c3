"""notices: a new dataset's matches among many subscriptions, told by webhook, with kills.

Publisher and deliverer are commands of their own, as an operator runs them; each is killed amid its
work and started again. The clock runs from the switch until the last notice has arrived. A receiver
on loopback answers at once; what an app's network adds is not measured.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from bench import rows
from bench.figures import Figure, Options, number, say
from bench.scratch import DATASET, Scratch, scratch
from loaders import operator
from lookup.index import (
    clients,
    keyspace,
    ledger,
    ledger_rows,
    notices,
    seal,
    subscriptions,
    versions,
)
from lookup.index.clients import ApiClient
from lookup.index.notice_book import NoticeBook, opened
from lookup.protocol.suite import Lane

STEP = "notices"
_PEOPLE, _SUBSCRIPTIONS, _CLIENTS = 1_000_000, 100_000, 4
_PUBLIC = Lane.PUBLIC


@dataclass
class _Apps:
    """What arrived at the clients' webhooks."""

    batches: dict[str, bytes] = field(default_factory=dict)  # by webhook-id, as an app counts
    arrived: int = 0

    def notices(self) -> int:
        """How many notices have arrived."""
        return sum(body.count(b'"person"') for body in list(self.batches.values()))

    def persons(self, client: ApiClient) -> list[str]:
        """Whom a client was told of."""
        its = [body for name, body in self.batches.items() if client.id in name]
        told = [notice for body in its for notice in json.loads(body)["data"]["notices"]]
        return sorted(notice["person"] for notice in told)


def run(options: Options) -> Iterator[Figure]:
    """Subscribe, load, publish, deliver; kill both; compare."""
    people = options.size(_PEOPLE, 2_000)
    count = options.size(_SUBSCRIPTIONS, 400)
    say(f"\nnotices: {count:,} subscriptions of {_CLIENTS} clients, {people:,} people, half match")
    with scratch() as index, _receiving() as (apps, url):
        book = opened(index.store, index.settings.keys)
        operator.create(index.settings.keys, "bench")
        leaked = _fill(index, people)
        made = [_client(index, url, n) for n in range(_CLIENTS)]
        expected = _subscribe(book, made, leaked, count)
        timed = _Timed()
        _told_and_killed(index, timed, apps, made, count // 2)
        seconds = timed.at["delivered"] - timed.at["switched"]
        assert expected == {one.id: _in_stream(book, one) for one in made}
        assert expected == {one.id: apps.persons(one) for one in made}
        total, twice = sum(map(len, expected.values())), apps.arrived - len(apps.batches)
        say(f"  every match and no other: {total:,} notices, each in its stream once")
        say(f"  {apps.arrived:,} batches sent, {twice} of them again; killed: {timed.kills}")
        say(f"  publish began to switched {timed.at['switched'] - timed.at['began']:.2f} s")
        written = timed.at["written"] - timed.at["switched"]
        say(f"  switched to all written {written:.2f} s, to all delivered {seconds:.2f} s")
        load_now = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        say(f"  load average at the end {load_now}")
        name = f"notices/told/{count}-of-{people}"
        yield number(name, f"{seconds:.2f} s", "< 60 s" if not options.quick else "", STEP)


def _told_and_killed(
    index: Scratch, timed: "_Timed", apps: _Apps, made: list[ApiClient], matches: int
) -> None:
    """Publish and deliver at once; each is killed when a third of its work is done."""

    def written() -> int:
        streams = (keyspace.notices(_PUBLIC, one.id) for one in made)
        return sum(index.store.redis.xlen(stream) for stream in streams)

    def is_switched() -> bool:
        return versions.current_name(index.store, _PUBLIC) != ""

    timed.at["began"] = time.perf_counter()
    with _command(index, "notices", "deliver") as deliverer:
        with _command(index, "publish", DATASET, "--yes") as publisher:
            _wait(is_switched, publisher)
            timed.at["switched"] = time.perf_counter()
            _wait(lambda: written() >= matches // 3, publisher)
            timed.kill("publisher", publisher)
        with _command(index, "publish", DATASET, "--yes") as publisher:
            _wait(lambda: len(apps.batches) >= matches // 300, deliverer)
            timed.kill("deliverer", deliverer)
            with _command(index, "notices", "deliver") as deliverer_again:
                assert publisher.wait(300) == 0, "the second publish failed"
                timed.at["written"] = time.perf_counter()
                assert written() == matches
                _wait(lambda: apps.notices() >= matches, None)
                timed.at["delivered"] = time.perf_counter()
                deliverer_again.send_signal(signal.SIGTERM)
                assert deliverer_again.wait(30) == 0


class _Timed:
    """When what happened, and who was killed."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.kills: list[str] = []

    def kill(self, who: str, process: subprocess.Popen[bytes]) -> None:
        """Kill a process, if it is still at work."""
        if process.poll() is None:
            process.kill()
            self.kills.append(who)
        process.wait()


def _fill(index: Scratch, people: int) -> list[bytes]:
    """One finished load of random persons; these."""
    key = index.loader().keys.ledger
    load = rows.begin(index, people)
    pairs = os.urandom(people * 16)
    for done in range(0, people, rows.GROUP):
        part = pairs[16 * done : 16 * (done + rows.GROUP)]
        sealed = seal.seal(key, part, np.full(len(part) // 16, 0b101, dtype=np.uint16))
        ledger_rows.write(index.store, load, sealed, done + len(sealed))
    ledger.finish(index.store, load, "{}")
    return [pairs[at : at + 8] for at in range(0, len(pairs), 16)]


def _client(index: Scratch, url: str, n: int) -> ApiClient:
    made, _ = clients.new(f"app {n}", webhook=url)
    clients.add(index.store, made)
    return made


def _subscribe(
    book: NoticeBook, made: list[ApiClient], leaked: list[bytes], count: int
) -> dict[str, list[str]]:
    """Half of each client's persons are in the leak; by client, these."""
    each = count // len(made)
    expected = {}
    for n, client in enumerate(made):
        its = leaked[n * each : n * each + each // 2]  # a client's own: streams differ
        others = [os.urandom(8) for _ in range(each - len(its))]
        for at in range(0, each, 10_000):
            subscriptions.add(book, _PUBLIC, client.id, (its + others)[at : at + 10_000])
        expected[client.id] = sorted(person.hex() for person in its)
    return expected


def _in_stream(book: NoticeBook, client: ApiClient) -> list[str]:
    told: list[str] = []
    after = notices.FIRST
    while True:
        page = notices.read(book, _PUBLIC, client.id, after, 10_000)
        if not page.entries:
            return sorted(told)
        told += [notice.person for notice in page.notices]
        after = page.last


@contextmanager
def _command(index: Scratch, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A ``qorgan`` command, which is dead after the block."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("QORGAN_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "loaders", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env | {"QORGAN_DATA": str(index.settings.data)},
    )
    with process:
        yield process
        process.kill()


def _wait(condition: Callable[[], bool], process: subprocess.Popen[bytes] | None) -> None:
    """Wait until something is so, or a process has ended."""
    deadline = time.monotonic() + 600
    while not condition() and (process is None or process.poll() is None):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.005)


@contextmanager
def _receiving() -> Iterator[tuple[_Apps, str]]:
    apps, lock = _Apps(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                apps.arrived += 1
                apps.batches[self.headers["webhook-id"]] = body
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:  # a deliverer that was killed
                self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield apps, f"http://127.0.0.1:{server.server_address[1]}/hook"
        server.shutdown()
        thread.join()
