"""Two programs that share the processors in turns of a second: one runs, the other is stopped.

Neighbours on the machine come and go within seconds, so turns of many seconds would measure them.
A side is a program of ours in a session of its own. It writes "ready" and a JSON object, waits for
a line, writes "begun" when it is warm, works, and writes another JSON object. What it did is
counted against those seconds between its beginning and its end in which it had its turn.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from bench.figures import say

_READY, _BEGUN = "ready ", "begun"
_PATIENCE = 60.0  # seconds


@dataclass
class Side:
    """One of the two programs; ``turns`` are the intervals that it had."""

    name: str
    process: subprocess.Popen[str]
    others: list[int] = field(default_factory=list)
    turns: list[tuple[float, float]] = field(default_factory=list)

    @classmethod
    def start(cls, *arguments: str) -> Self:
        """Start ``python -m ARGUMENTS`` and wait until it is ready to begin."""
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        side = cls(" ".join(arguments), process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith(_READY):
            side.end()
            raise SystemExit(f"bench: {side.name} did not get ready")
        side.others = json.loads(line.removeprefix(_READY)).get("others", [])
        return side

    def begin(self) -> None:
        """Let it get warm, alone, and stop it when it has."""
        began = time.perf_counter()
        self._tell()
        assert self.process.stdout is not None
        while self.process.stdout.readline().strip() not in ("", _BEGUN):
            pass
        self._stop(began)

    def run(self, seconds: float) -> None:
        """Give it a turn."""
        began = time.perf_counter()
        self._signal(signal.SIGCONT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self._stop(began)

    def resume(self) -> None:
        """Let it go on beyond its turns."""
        self._signal(signal.SIGCONT)

    def finish(self) -> None:
        """Tell it to end, in its turn."""
        began = time.perf_counter()
        self._signal(signal.SIGCONT)
        self._tell()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_PATIENCE)
        self._stop(began)

    @property
    def is_done(self) -> bool:
        """Whether the program has ended."""
        return self.process.poll() is not None

    def result(self) -> Any:
        """What it wrote last."""
        assert self.process.stdout is not None
        self._signal(signal.SIGCONT)  # a helper of its, stopped amid its end, would hold the pipe
        lines = self.process.stdout.read().splitlines()
        if code := self.process.wait():
            raise SystemExit(f"bench: {self.name} ended with {code}")
        return json.loads(lines[-1])

    def seconds(self, begin: float, end: float) -> float:
        """How much of a time was its turn."""
        return sum(max(0.0, min(end, b) - max(begin, a)) for a, b in self.turns)

    def end(self) -> None:
        """Stop whatever is left of it."""
        if not self.is_done:
            self._signal(signal.SIGCONT)
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def _stop(self, began: float) -> None:
        if not self.is_done:
            self._signal(signal.SIGSTOP)
        self.turns.append((began, time.perf_counter()))

    def _tell(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def _signal(self, number: int) -> None:
        for send, target in ((os.killpg, self.process.pid), *((os.kill, i) for i in self.others)):
            with suppress(ProcessLookupError):
                send(target, number)


def alternate(one: Side, other: Side, seconds: float) -> None:
    """Turns until ``one`` has ended; ``other`` has the first and the last of them."""
    one.begin()
    other.begin()
    while not one.is_done:
        other.run(seconds)
        one.run(seconds)
    other.run(seconds)
    other.finish()


def ready(*, others: list[int]) -> None:
    """In a side: say that it can begin, name further processes to be stopped, wait to be told."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    say(_READY + json.dumps({"others": others}))
    sys.stdin.readline()


def begun() -> None:
    """In a side: say that it is warm. It may be stopped before this returns."""
    say(_BEGUN)
