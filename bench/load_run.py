"""The real ``qorgan load`` of a large dump, watched from outside, in turns with its cryptography.

A load of millions takes hours at the profile of a country's index. ``fill`` stands in for most of
it: random rows in the ledger, which cost the store what true ones cost; the command, run again,
goes on from there.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import rows
from bench.figures import process_cpu, say
from bench.processes import family
from bench.scratch import DATASET, Scratch
from bench.turns import Side
from lookup.index import keyspace, ledger, ledger_rows

_TURNS = 3.0, 1.0  # seconds, of the load and of the bare loop
_COLUMNS = ("--iin", "iin", "--phone", "phone")
_FIELDS = ("--field", "full_name=names", "--field", "address=physical-addresses")
_FIRST, _SECOND = "first pass", "second pass"


@dataclass
class Run:
    """One run of the command.

    Attributes:
        before: who ran before it.
        checkpoints: when each was seen, what it was, and the processor time until then.
    """

    index: Scratch
    side: Side
    before: str
    phase: str = _FIRST
    checkpoints: list[tuple[float, int, float]] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.side.process.pid

    def first_pass(self) -> float:
        """Wait for its end; how many seconds it took."""
        lock, load = keyspace.load_lock(self.index.dataset_id), keyspace.load(1)
        self._until(lambda: text(self.index.store.redis.get(lock)))
        began = time.perf_counter()
        self._until(lambda: text(self.index.store.redis.hget(load, "owner")))
        self.phase = _SECOND
        return time.perf_counter() - began

    def second_pass(
        self, seconds: float, profile: str, turns: tuple[float, float] = _TURNS
    ) -> "Pace":
        """Take turns with the bare loop until it ends, or has had so many seconds; its pace."""
        stop = threading.Event()
        looker = threading.Thread(target=self._look, args=(stop,), daemon=True)
        looker.start()
        self.side.run(turns[0])
        try:
            with Side.start("bench.load_sides", "bare", profile, "20000") as bare:
                bare.begin()
                while not self.side.is_done and self._turned() < seconds:
                    bare.run(turns[1])
                    self.side.run(turns[0])
                bare.run(turns[1])
                bare.finish()
                return Pace(self, bare, bare.result())
        finally:
            self.side.resume()
            stop.set()
            looker.join()

    def end(self) -> str:
        """Interrupt it, as Ctrl-C does, if it still runs; what it said last."""
        self.side.resume()
        if not self.side.is_done:
            os.killpg(self.pid, signal.SIGINT)
        out, _ = self.side.process.communicate(timeout=120)
        if self.side.process.returncode not in (0, 130):
            raise SystemExit(f"bench: qorgan load ended with {self.side.process.returncode}")
        return str(out)

    def _turned(self) -> float:
        return sum(end - begin for begin, end in self.side.turns)

    def _look(self, stop: threading.Event) -> None:
        while not stop.wait(0.02):
            now = int(self.index.store.redis.hget(keyspace.load(1), "checkpoint") or 0)
            if not self.checkpoints or now > self.checkpoints[-1][1]:
                cpu = sum(map(process_cpu, (*family([self.pid]), self.index.pid)))
                self.checkpoints.append((time.perf_counter(), now, cpu))

    def _until(self, owner: object) -> None:
        assert callable(owner)
        while owner() in ("", self.before):
            if self.side.is_done:
                raise SystemExit(f"bench: qorgan load ended with {self.side.process.returncode}")
            time.sleep(0.005)


class Pace:
    """How fast identifiers went into the ledger, and through nothing but the cryptography."""

    def __init__(self, run: Run, bare: Side, loops: list[dict[str, float]]) -> None:
        # The first look was at the beginning; what lies before the first checkpoint is the
        # pool's start, too, which is nothing in a load of millions.
        seen = run.checkpoints[1:] if len(run.checkpoints) > 3 else run.checkpoints
        (began, first, cpu), (ended, last, cpu_then) = seen[0], seen[-1]
        self.count = last - first
        self.rate = self.count / run.side.seconds(began, ended)
        self.cpu = (cpu_then - cpu) / self.count
        rates = [loop["count"] / bare.seconds(loop["begin"], loop["end"]) for loop in loops]
        self.bare = sum(rates)
        self.bare_cpu = sum(loop["cpu"] for loop in loops) / sum(loop["count"] for loop in loops)


@contextmanager
def started(index: Scratch, dump: Path) -> Iterator[Run]:
    """The command, in a session of its own; ended with the block."""
    before = text(index.store.redis.hget(keyspace.load(1), "owner"))
    words = ("load", str(dump), "--dataset", DATASET, *_COLUMNS, *_FIELDS)
    process = subprocess.Popen(
        [sys.executable, "-m", "loaders", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # notes
        text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("QORGAN_")}
        | {"QORGAN_DATA": str(index.settings.data)},
        start_new_session=True,
    )
    side = Side("qorgan load", process, [index.pid])
    try:
        yield Run(index, side, before)
    finally:
        side.end()


def families(run: Run) -> dict[str, int]:
    return {"loader and workers": run.pid, "store": run.index.pid}


def fill(index: Scratch, share: float) -> None:
    """Random rows for the beginning of the second pass, and the checkpoint behind them."""
    load = ledger.read(index.store, 1)
    wanted, key = int(load.identifiers * share), index.loader().keys.ledger
    say(f"  filling in {wanted - load.checkpoint:,} of {load.identifiers:,} identifiers' rows")
    for done in range(load.checkpoint, wanted, rows.GROUP):
        sealed = rows.sealed(key, min(rows.GROUP, wanted - done))
        ledger_rows.write(index.store, load, sealed, done + len(sealed))


def say_pace(pace: Pace) -> None:
    say(
        f"  second pass: {pace.count:,} identifiers at {pace.rate:,.0f}/s, {pace.cpu * 1e6:.1f} us "
        f"of processor time each; bare {pace.bare:,.0f}/s, {pace.bare_cpu * 1e6:.1f} us{busy()}"
    )
    say(f"  by processor time alone the ratio would be {pace.bare_cpu / pace.cpu:.3f}")


def say_store(index: Scratch, empty: int, data: Path) -> None:
    load = ledger.read(index.store, 1)
    used = int(index.store.redis.info("memory")["used_memory"]) - empty
    disk = sum(path.stat().st_size for path in (data / "store").rglob("*") if path.is_file())
    whole = f"of {load.identifiers:,} in {load.shards:,} sets"
    say(
        f"  store: {load.checkpoint:,} rows {whole}, {used / 2**20:,.0f} MiB, "
        f"{used / load.checkpoint:.1f} bytes a row; on the disk {disk / 2**20:,.0f} MiB"
    )


def busy() -> str:
    return f" (load average {os.getloadavg()[0]:.1f})"


def text(value: bytes | str | None) -> str:
    """What the store gave for a word; nothing where there is none."""
    return value.decode() if isinstance(value, bytes) else value or ""
