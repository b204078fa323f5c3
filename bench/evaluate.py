"""evaluate/one: one element under gunicorn, against its cryptography plus Flask's "hello".

What one worker could reach is one answer in the time of an evaluation with its proof and of a
"hello"; the limit costs some round trips to the store on top.
"""

import json
import time
from collections.abc import Iterator

from bench import http_load
from bench.figures import Figure, Options, in_turns, median, number, say
from bench.scratch import scratch
from bench.server import Server, on_core, served
from lookup import keys
from lookup.protocol.oprf import Blinding, ServerKey
from lookup.protocol.suite import Lane

STEP = "evaluate"
_TURNS = 8
_SECONDS = 0.75
_PROOFS = 300
_ENDLESS = "1000000000/hour;1000000000/day"


def run(options: Options) -> Iterator[Figure]:
    """With the limit off and on."""
    turns, seconds = options.size(_TURNS, 1), 0.1 if options.quick else _SECONDS
    proofs = options.size(_PROOFS, 5)
    say("\nevaluate/one")
    blinded = Blinding([b"qorgan bench"]).blinded[0]
    body = json.dumps({"lane": Lane.PUBLIC.value, "blinded": [blinded.hex()]}).encode()
    asked = [http_load.post("/v1/evaluate", body)]
    with scratch() as index:
        data = index.settings.data
        key = keys.lane_key(index.settings.keys, Lane.PUBLIC)
        with (
            served("bench.hello:app", data) as hello,
            served("wsgi:app", data, QORGAN_EVALUATE_LIMIT="off") as unlimited,
            served("wsgi:app", data, QORGAN_EVALUATE_LIMIT=_ENDLESS) as limited,
        ):

            def load(server: Server, requests: list[bytes]) -> float:
                with on_core(1):
                    return http_load.run(server.port, requests, seconds).rate

            evaluations, hellos, off, on = in_turns(
                turns,
                lambda: _evaluations(key, blinded, proofs),
                lambda: load(hello, [http_load.get("/hello")]),
                lambda: load(unlimited, asked),
                lambda: load(limited, asked),
            )
    for name, rates in (
        ("evaluate and prove, alone", evaluations),
        ("hello", hellos),
        ("evaluate, limit off", off),
        ("evaluate, limit on", on),
    ):
        say(f"  {name}: {', '.join(f'{rate:,.0f}' for rate in rates)} a second")
    reachable = [1 / (1 / e + 1 / h) for e, h in zip(evaluations, hellos, strict=True)]
    for name, rates, least in (("limit-off", off, 0.95), ("limit-on", on, 0.75)):
        value = median([rate / most for rate, most in zip(rates, reachable, strict=True)])
        yield number(f"evaluate/one/{name}", f"{value:.3g}", f">= {least}", STEP)


def _evaluations(key: ServerKey, blinded: bytes, count: int) -> float:
    """Evaluations with proof a second, on the servers' core."""
    with on_core(0):
        began = time.perf_counter()
        for _ in range(count):
            key.blind_evaluate([blinded])
        return count / (time.perf_counter() - began)
