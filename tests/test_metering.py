"""The meter: counts in memory, written in batches, that wait while the store is away."""

import threading
from datetime import UTC, datetime

import pytest
import redis

from lookup import metering
from lookup.index import usage
from lookup.index.store import Store
from lookup.index.usage import Use
from lookup.metering import Meter

DAY = "2026-11-22"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
A, B = "a" * 16, "b" * 16


def unexpected(error: Exception) -> None:
    raise AssertionError from error


def test_counts_by_client_day_and_use(store: Store) -> None:
    """Batches of several workers add up; days and clients are kept apart."""
    now = [NOON]
    meters = [Meter(store, unexpected, lambda: now[0]) for _ in range(2)]
    for meter in meters:
        meter.count(A, Use.EVALUATIONS, 3)
        meter.count(A, Use.RANGES)
        meter.count(B, Use.CHECKS, 1000)
    now[0] += 86400
    meters[0].count(A, Use.RANGES)
    for meter in (*meters, *meters):
        meter.flush()
    assert usage.read(store, A, [DAY, "2026-11-23", "2026-11-24"]) == {
        DAY: {"evaluations": 6, "ranges": 2, "checks": 0},
        "2026-11-23": {"evaluations": 0, "ranges": 1, "checks": 0},
    }
    assert {DAY: {"evaluations": 0, "ranges": 0, "checks": 2000}} == usage.read(store, B, [DAY])


def test_counts_wait_for_the_store(store: Store) -> None:
    """What cannot be written is neither lost nor written twice."""
    gone = redis.Redis(unix_socket_path="/nowhere/s", retry=None)
    meter = Meter(Store(gone, None), unexpected, lambda: NOON)
    meter.count(A, Use.RANGES)
    meter.flush()
    meter.count(A, Use.RANGES)
    meter.flush()
    meter._store = store
    meter.flush()
    meter.flush()
    assert {DAY: {"evaluations": 0, "ranges": 2, "checks": 0}} == usage.read(store, A, [DAY])
    gone.close()


def test_nothing_counted_asks_nothing() -> None:
    """An idle worker leaves the store alone."""
    Meter(Store(redis.Redis(unix_socket_path="/nowhere/s"), None), unexpected).flush()


def test_it_writes_by_itself_and_at_the_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread writes now and then; what is left when a worker stops is written then."""
    written = threading.Event()
    add = usage.add

    def seen(*arguments: object) -> None:
        add(*arguments)  # type: ignore[arg-type]
        written.set()

    monkeypatch.setattr(metering, "_PAUSE", 0.01)
    monkeypatch.setattr(usage, "add", seen)
    meter = Meter(store, unexpected, lambda: NOON)
    meter.start()
    meter.count(A, Use.RANGES)
    assert written.wait(5)
    meter.stop()
    meter.count(A, Use.RANGES)
    meter.stop()
    assert {DAY: {"evaluations": 0, "ranges": 2, "checks": 0}} == usage.read(store, A, [DAY])


def test_whatever_goes_wrong_the_thread_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody thought of is told by its owner, once."""
    told: list[Exception] = []

    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(usage, "add", fails)
    meter = Meter(store, told.append)
    meter.count(A, Use.RANGES)
    meter.flush()
    meter.flush()
    assert [RuntimeError] == list(map(type, told))
