"""The program that asks for ``bench.soak``: a mix of lookups, as fast as it gets or paced.

``python -m bench.soak_lookups RECORDS`` is told by lines of JSON on standard input (``Program``)
and writes what it asked, and what came of it, to a file: ``soak_oracle`` judges that afterwards.
"""

import json
import queue
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

from bench.figures import say
from bench.soak_asker import Asker, Citizens
from bench.soak_oracle import EVALUATING, Asked, Kind

MIX = {
    Kind.RANGE: 45,
    Kind.CHECK: 25,
    Kind.BULK: 8,
    Kind.BOTH: 6,
    Kind.PARAMS: 6,
    Kind.REGISTER: 5,
    Kind.PAGE: 4,
    Kind.FILTER: 1,
}
# Paced. Those who wait for the store must not keep others from asking for files.
_EVALUATING, _OTHERS = 16, 8  # threads
_AT_ONCE = 8  # of them, as fast as it gets


def drawn(chance: random.Random) -> Kind:
    """One kind of the mix."""
    (kind,) = chance.choices(list(MIX), list(MIX.values()))
    return kind


class Program:
    """Does what it is told: ``{"citizens": ...}``, ``{"measure": seconds}``, ``{"pace": rate}``."""

    def __init__(self, records: Path, first: dict[str, Any]) -> None:
        self._citizens = Citizens()
        self._askers = [
            Asker(first["url"], first["key"], self._citizens, seed)
            for seed in range(_EVALUATING + _OTHERS)
        ]
        self._out = records.open("w", encoding="utf-8")
        self._lock = threading.Lock()
        self._queues: dict[bool, queue.SimpleQueue[tuple[Kind, float] | None]] = {
            is_evaluating: queue.SimpleQueue() for is_evaluating in (True, False)
        }

    def obey(self) -> None:
        """Until standard input ends; then until what is under way has ended."""
        threads: list[threading.Thread] = []
        ended = threading.Event()
        for line in sys.stdin:
            match json.loads(line):
                case {"citizens": rows}:
                    self._citizens.add(rows)
                case {"measure": seconds}:
                    say(json.dumps({"rate": self._measured(seconds)}))
                case {"pace": rate}:
                    threads = [
                        threading.Thread(target=self._serve, args=(n,))
                        for n in range(len(self._askers))
                    ]
                    threads.append(threading.Thread(target=self._pace, args=(rate, ended)))
                    for thread in threads:
                        thread.start()
        ended.set()
        for thread in threads:
            thread.join()
        self._out.close()

    def _measured(self, seconds: float) -> float:
        """Lookups a second, each thread asking as fast as it is answered."""
        until, counts = time.monotonic() + seconds, [0] * _AT_ONCE

        def loop(n: int) -> None:
            chance = random.Random(n)
            while time.monotonic() < until:
                self._note(self._askers[n].ask(drawn(chance)))
                counts[n] += 1

        threads = [threading.Thread(target=loop, args=(n,)) for n in range(_AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / seconds

    def _pace(self, rate: float, ended: threading.Event) -> None:
        """Lookups fall due at random, whatever became of those before."""
        chance, due = random.Random(1), time.monotonic()
        while not ended.wait(max(0.0, due - time.monotonic())):
            kind = drawn(chance)
            self._queues[kind in EVALUATING].put((kind, due))
            due += chance.expovariate(rate)
        for one in self._queues.values():
            for _ in self._askers:
                one.put(None)

    def _serve(self, n: int) -> None:
        while (wanted := self._queues[n < _EVALUATING].get()) is not None:
            self._note(self._askers[n].ask(*wanted))

    def _note(self, asked: Asked) -> None:
        with self._lock:
            self._out.write(asked.line() + "\n")


if __name__ == "__main__":
    Program(Path(sys.argv[1]), json.loads(sys.stdin.readline())).obey()
