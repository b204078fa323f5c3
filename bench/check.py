"""check/1000-tokens: one bulk check against the same 1,000 people's ranges asked one by one.

One gunicorn worker on one core; the asker, on the other, has one connection and sends the next
request when it has all of the answer. What a client does with a range afterwards (root, entries)
is not counted, so its side is better here than in life. The sides take turns.
"""

import json
import os
from collections.abc import Iterator

from bench import http_load, rows
from bench.figures import Figure, Options, in_turns, median, ratio, say
from bench.scratch import DATASET, PREFIX_BITS, scratch
from bench.server import Server, on_core, served
from lookup.index import clients, versions
from lookup.protocol import entries
from lookup.protocol.suite import MAX_TOKENS, TOKEN_BYTES, Lane

STEP = "check"
_ROWS = 1_000_000
_TURNS = 9
_TARGET = 50


def run(options: Options) -> Iterator[Figure]:
    """Where nobody asked about is in a leak, and where every tenth is."""
    count = options.size(_ROWS, 2_000)
    turns = options.size(_TURNS, 2)
    members = [os.urandom(TOKEN_BYTES) for _ in range(MAX_TOKENS // 10)]
    strangers = [os.urandom(TOKEN_BYTES) for _ in range(MAX_TOKENS)]
    with scratch() as index:
        rows.fill(index, count, members)
        rows.publisher(index).publish([DATASET])
        client, key = clients.new("bench", frozenset({Lane.PUBLIC}))
        clients.add(index.store, client)
        current = versions.read(index.store, Lane.PUBLIC).current
        assert current is not None
        say(f"\ncheck/1000-tokens: {count:,} rows")
        with served("wsgi:app", index.settings.data) as server:
            for name, asked in (
                ("none-in", strangers),
                ("tenth-in", members + strangers[len(members) :]),
            ):
                check = http_load.post("/v1/check", _body(asked), key)
                _assert_answers(server, check, sum(token in members for token in asked))
                ranges = [http_load.get(_range(current.name, token)) for token in asked]
                yield _compared(name, server, (check, ranges), turns)


def _compared(name: str, server: Server, asked: tuple[bytes, list[bytes]], turns: int) -> Figure:
    check, ranges = asked
    with on_core(1):
        slow, fast = in_turns(
            turns,
            lambda: http_load.one_by_one(server.port, ranges),
            lambda: http_load.one_by_one(server.port, [check] * 20) / 20,
        )
    for side, seconds in ((f"{len(ranges):,} ranges", slow), ("one check", fast)):
        say(f"  {name}, {side}: {', '.join(f'{s * 1e3:.2f}' for s in seconds)} ms")
    value = median([a / b for a, b in zip(slow, fast, strict=True)])
    return ratio(f"check/1000-tokens/{name}", value, f">= {_TARGET}", STEP)


def _body(tokens: list[bytes]) -> bytes:
    return json.dumps({"lane": "public", "tokens": [token.hex() for token in tokens]}).encode()


def _range(version: str, token: bytes) -> str:
    bucket = entries.bucket(token, PREFIX_BITS)
    return f"/v1/range/public/{version}/{entries.prefix(bucket, PREFIX_BITS)}"


def _assert_answers(server: Server, check: bytes, members: int) -> None:
    """The right number of people is found, before it is measured how fast."""
    body = http_load.once(server.port, check).partition(b"\r\n\r\n")[2]
    results = json.loads(body)["results"]
    assert (len(results), sum(map(bool, results))) == (MAX_TOKENS, members)
