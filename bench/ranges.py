"""ranges/gunicorn: ranges against Flask's "hello", one gunicorn worker each, on the same core.

The load generator has the other core and turns from one to the other twice a second; the ratio is
the median of neighbouring turns'. Then the store is stopped, and the same ranges go on, each with
its version.
"""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench import http_load, rows
from bench.figures import Figure, Options, in_turns, median, number, ratio, say
from bench.scratch import DATASET, Scratch, scratch
from bench.server import Server, on_core, served
from lookup.index import versions, view
from lookup.protocol.entries import prefix
from lookup.protocol.suite import Lane

STEP = "ranges"
_ROWS = 1_000_000
_TURNS = 16
_SECONDS = 0.5
_TARGET = 1.3
_PATIENCE = 60.0  # seconds; 1 is usual


_HELLO = http_load.get("/hello")


@dataclass(frozen=True)
class _Turn:
    """Requests a second, and processor seconds of the server for each."""

    rate: float
    cpu: float
    generator: float


@dataclass(frozen=True)
class _Side:
    """A server and what it is asked."""

    name: str
    server: Server
    requests: list[bytes]

    def run(self, seconds: float) -> _Turn:
        """One turn."""
        before = self.server.cpu()
        load = http_load.run(self.server.port, self.requests, seconds)
        return _Turn(load.rate, (self.server.cpu() - before) / load.answers, load.busy)


def run(options: Options) -> Iterator[Figure]:
    """With the store, and without."""
    count = options.size(_ROWS, 2_000)
    with scratch() as index:
        rows.fill(index, count)
        rows.publisher(index).publish([DATASET])
        requests, first = _requests(index)
        say(f"\nranges/gunicorn: {count:,} rows, {len(first):,} bytes a range")
        with (
            served("bench.hello:app", index.settings.data) as hello,
            served("wsgi:app", index.settings.data, QORGAN_EVALUATE_LIMIT="off") as ranges,
        ):
            sides = (_Side("ranges", ranges, requests), _Side("hello", hello, [_HELLO]))
            yield ratio("ranges/gunicorn", _compared(options, *sides), f">= {_TARGET}", STEP)
            _stop_store(index, ranges)
            value = _compared(options, *sides)
            assert http_load.once(ranges.port, requests[0]).endswith(first)
            say("  that was without the store; the first range is the one it was")
            yield number("ranges/gunicorn/store-away", f"{value:.3g}", "", STEP)


def _requests(index: Scratch) -> tuple[list[bytes], bytes]:
    """A request for each range, and the body of the first."""
    current = versions.read(index.store, Lane.PUBLIC).current
    assert current is not None
    mapped = view.load(index.store, Lane.PUBLIC, current, index.settings.cache)
    bits = mapped.parameters.prefix_bits
    paths = (f"/v1/range/public/{current.name}/{prefix(b, bits)}" for b in range(1 << bits))
    first = mapped.range(0)
    mapped.close()
    return [http_load.get(path) for path in paths], first


def _compared(options: Options, side: _Side, other: _Side) -> float:
    """How many times as many requests a second one gets than the other."""
    turns, seconds = options.size(_TURNS, 2), 0.1 if options.quick else _SECONDS
    with on_core(1):
        both = in_turns(turns, lambda: side.run(seconds), lambda: other.run(seconds))
    for name, run in zip((side.name, other.name), both, strict=True):
        cpu = sum(turn.cpu for turn in run) / len(run)
        busy = median([turn.generator for turn in run])
        say(
            f"  {name}: {', '.join(f'{turn.rate:,.0f}' for turn in run)} requests/s;"
            f" {cpu * 1e6:.0f} us of the server's processor time each;"
            f" the generator was busy {busy:.0%} of the time"
        )
    return median([a.rate / b.rate for a, b in zip(*both, strict=True)])


def _stop_store(index: Scratch, ranges: Server) -> None:
    """Stop the store, and wait until the web node has noticed."""
    index.store.redis.close()
    os.kill(index.pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while b'"store": "away"' not in http_load.once(ranges.port, http_load.get("/readyz")):
        assert time.monotonic() < deadline, "the web node does not notice that the store is away"
        time.sleep(0.2)
