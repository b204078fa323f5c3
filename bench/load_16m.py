"""load_16m: the real ``qorgan load`` of a large dump, watched from outside.

A synthetic dump with IINs, phone numbers, names and addresses, duplicates and broken rows is
loaded by the command into an embedded Valkey that writes to the disk. Told are

- the first pass, from when the command holds its dataset until its load stands in the store;
- the second pass, from one checkpoint to another, against Argon2id and the OPRF alone in as many
  processes: the two take turns (``bench.turns``), for the machine may be anybody's;
- the memory of loader, workers and store together, looked at twice a second.

``BENCH_ROWS=15780000`` is a dump of so many people: with their duplicates 16.3 million rows, 2.7 GB
in the temporary folder. Its second pass takes hours: it is interrupted after ``BENCH_SECONDS`` (30)
of its own turns, at the Argon2 profile ``BENCH_ARGON2`` (test). How much memory its end takes, a
run with ``BENCH_DONE=0.99`` shows: so much of the ledger is filled with random rows first (they
cost the store what true ones cost), then the command is run again and goes on from there.
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
from bench.figures import Figure, Options, median, number, process_cpu, ratio, say
from bench.processes import family, watched
from bench.scratch import DATASET, Scratch, scratch
from bench.turns import Side
from loaders.synth import write_dump
from lookup.index import keyspace, ledger

STEP = "load_16m"
_ROWS = 200_000
_SECONDS = 30.0
_TURNS = 3.0, 1.0  # seconds, of the load and of the bare loop
_RATE, _MIB, _RATIO = 300_000, 2048, 0.9
_COLUMNS = ("--iin", "iin", "--phone", "phone")
_FIELDS = ("--field", "full_name=names", "--field", "address=physical-addresses")
_FIRST, _SECOND = "first pass", "second pass"


def _profile() -> str:
    return os.environ.get("BENCH_ARGON2", "test")


@dataclass
class _Run:
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
        self._until(lambda: self._text(self.index.store.redis.get(lock)))
        began = time.perf_counter()
        self._until(lambda: self._text(self.index.store.redis.hget(load, "owner")))
        self.phase = _SECOND
        return time.perf_counter() - began

    def second_pass(self, seconds: float, turns: tuple[float, float]) -> "_Pace":
        """Take turns with the bare loop until it ends, or has had so many seconds; its pace."""
        stop = threading.Event()
        looker = threading.Thread(target=self._look, args=(stop,), daemon=True)
        looker.start()
        self.side.run(turns[0])
        try:
            with Side.start("bench.load_sides", "bare", _profile(), "20000") as bare:
                bare.begin()
                while not self.side.is_done and self._turned() < seconds:
                    bare.run(turns[1])
                    self.side.run(turns[0])
                bare.run(turns[1])
                bare.finish()
                return _Pace(self, bare, bare.result())
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

    @staticmethod
    def _text(value: bytes | str | None) -> str:
        return value.decode() if isinstance(value, bytes) else value or ""


class _Pace:
    """How fast identifiers went into the ledger, and through nothing but the cryptography."""

    def __init__(self, run: _Run, bare: Side, loops: list[dict[str, float]]) -> None:
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


def run(options: Options) -> Iterator[Figure]:
    """One dump, one load; with ``BENCH_DONE`` the end of one."""
    people = options.size(int(os.environ.get("BENCH_ROWS", _ROWS)), 3_000)
    seconds = float(os.environ.get("BENCH_SECONDS", _SECONDS))
    done = float(os.environ.get("BENCH_DONE", "0"))
    with scratch(_profile()) as index:
        dump = index.settings.data / "dump.csv"
        with dump.open("w", encoding="utf-8", newline="") as out:
            count = write_dump(out, people, seed=1)
        say(f"\nload_16m: {count:,} rows, {dump.stat().st_size / 1e6:,.0f} MB")
        empty = int(index.store.redis.info("memory")["used_memory"])
        took: list[float] = []
        if done:
            with _started(index, dump) as first:
                took.append(first.first_pass())
                first.end()
            _fill(index, done)
        with (
            _started(index, dump) as load,
            watched(_families(load), lambda: load.phase) as peaks,
        ):
            took.append(load.first_pass())
            say(f"  first pass: {', '.join(f'{count / one:,.0f}/s' for one in took)}{_busy()}")
            pace = load.second_pass(seconds, (0.3, 0.1) if options.quick else _TURNS)
            certificate = load.end()
        _say_pace(pace)
        _say_store(index, empty, dump.parent)
        say("  the load was finished" if certificate else "  the load was interrupted")
    for phase, peak in peaks.items():
        say(f"  memory, {phase}: {peak}")
    yield number(f"{STEP}/rows-a-second", f"{count / median(took):.0f}", f">= {_RATE}", STEP)
    most = max(peak.total for peak in peaks.values()) / 2**20
    yield number(f"{STEP}/memory", f"{most:.0f} MiB", f"< {_MIB} MiB", STEP)
    yield ratio(f"{STEP}/second-pass", pace.rate / pace.bare, f">= {_RATIO}", STEP)


@contextmanager
def _started(index: Scratch, dump: Path) -> Iterator[_Run]:
    """The command, in a session of its own; ended with the block."""
    before = _Run._text(index.store.redis.hget(keyspace.load(1), "owner"))  # noqa: SLF001
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
        yield _Run(index, side, before)
    finally:
        side.end()


def _families(run: _Run) -> dict[str, int]:
    return {"loader and workers": run.pid, "store": run.index.pid}


def _fill(index: Scratch, share: float) -> None:
    """Random rows for the beginning of the second pass, and the checkpoint behind them."""
    load = ledger.read(index.store, 1)
    wanted, key = int(load.identifiers * share), index.loader().keys.ledger
    say(f"  filling in {wanted - load.checkpoint:,} of {load.identifiers:,} identifiers' rows")
    for done in range(load.checkpoint, wanted, rows.GROUP):
        sealed = rows.sealed(key, min(rows.GROUP, wanted - done))
        ledger.write_rows(index.store, load, sealed, done + len(sealed))


def _say_pace(pace: _Pace) -> None:
    say(
        f"  second pass: {pace.count:,} identifiers at {pace.rate:,.0f}/s, {pace.cpu * 1e6:.1f} us "
        f"of processor time each; bare {pace.bare:,.0f}/s, {pace.bare_cpu * 1e6:.1f} us{_busy()}"
    )
    say(f"  by processor time alone the ratio would be {pace.bare_cpu / pace.cpu:.3f}")


def _say_store(index: Scratch, empty: int, data: Path) -> None:
    load = ledger.read(index.store, 1)
    used = int(index.store.redis.info("memory")["used_memory"]) - empty
    disk = sum(path.stat().st_size for path in (data / "store").rglob("*") if path.is_file())
    whole = f"of {load.identifiers:,} in {load.shards:,} sets"
    say(
        f"  store: {load.checkpoint:,} rows {whole}, {used / 2**20:,.0f} MiB, "
        f"{used / load.checkpoint:.1f} bytes a row; on the disk {disk / 2**20:,.0f} MiB"
    )


def _busy() -> str:
    return f" (load average {os.getloadavg()[0]:.1f})"
