"""What a published register answers: ranges beside others' servers, their latency, its memory.

Each server has one worker on the first core, the load generator the other; sides take turns.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import http_load
from bench.figures import Figure, Options, in_turns, median, number, process_cpu, ratio, say
from bench.processes import family, private
from bench.scratch import Scratch
from bench.server import Server, on_core, served, under_granian, under_nginx
from lookup.index import versions, view
from lookup.protocol.entries import prefix
from lookup.protocol.suite import Lane

STEP = "scale"
_TURNS, _SECONDS = 12, 0.5
_HELLO = [http_load.get("/hello")]
_LOAD = 0.8  # of the capacity that was just measured
_OFF = {"QORGAN_EVALUATE_LIMIT": "off"}


@dataclass(frozen=True)
class _Side:
    """A server, what it is asked, and its processor time for an answer in each turn."""

    name: str
    server: Server
    requests: Sequence[bytes]
    spent: list[float]

    def turn(self, seconds: float) -> float:
        """Answers a second."""
        before = self._cpu()
        with on_core(1):
            load = http_load.run(self.server.port, self.requests, seconds)
        self.spent.append((self._cpu() - before) / load.answers)
        return load.rate

    def _cpu(self) -> float:
        return sum(map(process_cpu, family([self.server.pid])))


def run(index: Scratch, options: Options) -> Iterator[Figure]:
    """Granian beside nginx, gunicorn beside a "hello", the latency of both, a worker's memory."""
    data, requests = index.settings.data, requests_of(index)
    exported = data / "exported"
    subprocess.run(
        [sys.executable, "-m", "loaders", "export", str(exported)],
        env={"QORGAN_DATA": str(data)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    with (
        under_nginx(exported) as nginx,
        under_granian(data, **_OFF) as granian,
        served("wsgi:app", data, **_OFF) as gunicorn,
        served("bench.hello:app", data) as hello,
    ):
        length = len(http_load.once(gunicorn.port, requests[0]))
        say(f"  {len(requests):,} ranges, an answer has {length:,} bytes")
        sides = [
            _Side("nginx", nginx, requests, []),
            _Side("granian", granian, requests, []),
            _Side("gunicorn", gunicorn, requests, []),
            _Side("hello", hello, _HELLO, []),
        ]
        rates = _rates(sides, options)
        yield ratio(f"{STEP}/ranges/granian-to-nginx", _to(rates, 1, 0), ">= 0.55", STEP)
        yield ratio(f"{STEP}/ranges/gunicorn-to-hello", _to(rates, 2, 3), ">= 1.4", STEP)
        for side in sides[1:3]:
            p99 = _p99(side, options)
            name = f"{STEP}/ranges/{side.name}/p99"
            yield number(name, f"{p99 * 1000:.2f} ms", "<= 10 ms", STEP)
            cost = median(side.spent) * 1e6
            yield number(f"{STEP}/ranges/{side.name}/cost", f"{cost:.1f} us", "", STEP)
        own, bare = (max(map(private, s.workers)) for s in (gunicorn, hello))
        value = f"{(own - bare) / 2**20:.1f} MiB"
        yield number(f"{STEP}/worker-memory", value, "<= 32 MiB", STEP)


def against(index: Scratch, small: Scratch, options: Options) -> Iterator[Figure]:
    """The same ranges, many and few, under Granian."""
    with (
        under_granian(index.settings.data, **_OFF) as many,
        under_granian(small.settings.data, **_OFF) as few,
    ):
        sides = [
            _Side("all ranges", many, requests_of(index), []),
            _Side("those of 1 million", few, requests_of(small), []),
        ]
        rates = _rates(sides, options)
        yield ratio(f"{STEP}/ranges/to-1m", _to(rates, 0, 1), ">= 0.9", STEP)


def requests_of(index: Scratch) -> list[bytes]:
    """A request for each range of the current version."""
    current = versions.read(index.store, Lane.PUBLIC).current
    assert current is not None
    mapped = view.load(index.store, Lane.PUBLIC, current, Path(index.settings.cache))
    bits = mapped.parameters.prefix_bits
    mapped.close()
    paths = (f"/v1/range/public/{current.name}/{prefix(b, bits)}" for b in range(1 << bits))
    return [http_load.get(path) for path in paths]


def _rates(sides: Sequence[_Side], options: Options) -> list[list[float]]:
    """For each side its answers a second, turn by turn; one turn before warms all up."""
    seconds = 0.3 if options.quick else _SECONDS  # 0.1 s may see no answer on a busy machine
    for side in sides:
        side.turn(seconds)
        side.spent.clear()
    turns = [lambda side=side: side.turn(seconds) for side in sides]
    rates = in_turns(options.size(_TURNS, 2), *turns)
    for side, rate in zip(sides, rates, strict=True):
        said = ", ".join(f"{one:,.0f}" for one in rate)
        say(f"  {side.name}: {said} a second; {median(side.spent) * 1e6:.1f} us each")
    return rates


def _to(rates: Sequence[Sequence[float]], one: int, other: int) -> float:
    """The median of how many times as many a side answered as another in the same turn."""
    return median([a / b for a, b in zip(rates[one], rates[other], strict=True)])


def _p99(side: _Side, options: Options) -> float:
    """At four fifths of the capacity: of nine stretches, the median of their 99th percentiles.

    The capacity is measured anew before each stretch, for the machine may be anybody's.
    """
    seconds = 0.2 if options.quick else 1.5
    found = []
    for _ in range(options.size(9, 1)):
        with on_core(1):
            capacity = http_load.run(side.server.port, side.requests, seconds / 2).rate
            took = http_load.paced(side.server.port, side.requests, capacity * _LOAD, seconds)
        found.append(sorted(took)[len(took) * 99 // 100])
    said = ", ".join(f"{one * 1000:.2f}" for one in found)
    say(f"  {side.name} at {_LOAD:.0%} of what it can: 99 % within {said} ms")
    return median(found)
