"""offline: tokens in hand against the filter held here, and how often it takes a stranger for one.

The whole of it: a real index, a gunicorn that serves its filter, the Python client that fetches,
checks and asks it, on one core. Every answer "possible" about a random token is a false positive;
then the lane is published again with a tenth of the rate, and the same strangers are asked about.
"""

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

from bench import rows
from bench.figures import Figure, Options, median, number, say
from bench.scratch import DATASET, Scratch, scratch
from bench.server import on_core, served
from lookup.client import Client
from lookup.index import versions
from lookup.offline import OfflineClient, Possible
from lookup.protocol.suite import TOKEN_BYTES, Kind, Lane

STEP = "offline"
_ROWS = 1_000_000
_TOKENS = 50_000  # of one call
_CALLS = 80
_TARGET = 50_000
_PATIENCE = 10.0  # seconds until a web node serves what was published; 1 is usual


def run(options: Options) -> Iterator[Figure]:
    """How fast, and how wrong at 1e-4 and at 1e-5."""
    calls, size = options.size(_CALLS, 2), options.size(_TOKENS, 500)
    with scratch() as index:
        rows.fill(index, options.size(_ROWS, 2_000))
        rows.publisher(index).publish([DATASET])
        data = index.settings.data
        with served("wsgi:app", data) as server, on_core(1):
            client = OfflineClient(Client(f"http://127.0.0.1:{server.port}"), data / "held")
            seconds, hits = _asked(client, calls, size)
            rates = ", ".join(f"{size / s:,.0f}" for s in seconds[:9])
            say(f"\noffline: {calls} calls of {size:,} tokens; tokens a second: {rates} ...")
            per_second = f"{size / median(seconds):.0f}"
            yield number("offline/tokens-a-second", per_second, f">= {_TARGET}", STEP)
            yield _wrong("1e-4", hits, calls * size)
            rows.publisher(index, error_rate=1e-5).publish([DATASET])
            _wait_for(client, index)
            yield _wrong("1e-5", _asked(client, calls, size)[1], calls * size)
            held = sum(path.stat().st_size for path in Path(data / "held").glob("*.filter"))
            say(f"  at 1e-5 the filter has {held:,} bytes")


def _asked(client: OfflineClient, calls: int, size: int) -> tuple[list[float], int]:
    """Seconds of each call, and how many strangers were possible."""
    client.refresh()
    seconds, hits = [], 0
    for _ in range(calls):
        drawn = os.urandom(size * TOKEN_BYTES)
        tokens = [drawn[at : at + TOKEN_BYTES] for at in range(0, len(drawn), TOKEN_BYTES)]
        began = time.perf_counter()
        answers = client.look_up(Kind.IIN, tokens)
        seconds.append(time.perf_counter() - began)
        hits += sum(isinstance(answer, Possible) for answer in answers)
    return seconds, hits


def _wrong(rate: str, hits: int, strangers: int) -> Figure:
    error = math.sqrt(hits) / strangers
    say(f"  {hits:,} of {strangers:,} strangers, {hits / strangers:.2e} +- {error:.1e}")
    return number(f"offline/false-positives/{rate}", f"{hits / strangers:.2e}", f"<= {rate}", STEP)


def _wait_for(client: OfflineClient, index: Scratch) -> None:
    """Until the server serves the version that was published last."""
    current = versions.current_name(index.store, Lane.PUBLIC)
    deadline = time.monotonic() + _PATIENCE
    while client.refresh() != current:
        assert time.monotonic() < deadline, "the web node does not serve the new version"
        time.sleep(0.2)
