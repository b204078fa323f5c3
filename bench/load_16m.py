"""load_16m: the real ``qorgan load`` of a whole country's dump: pace and memory of all processes.

A synthetic dump (IIN, phone, name, address, duplicates) is loaded by the command, with phones, into
an embedded Valkey. The first pass is timed from the command's start to the load's record; memory
is the sum of all processes' proportional set sizes (PSS), looked at every half second.

The second pass takes turns with nothing but its cryptography in as many processes: one side is
stopped while the other goes on. It is interrupted after ``BENCH_SECONDS`` of its own turns.
``BENCH_ROWS=15780000 BENCH_SECONDS=600`` is the country: 16.3 million rows with their duplicates,
2.7 GB in the temporary folder and the store beside it.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw
from voprf import ristretto

from bench.figures import Figure, Options, number, process_cpu, ratio, say
from bench.scratch import DATASET, Scratch, scratch
from loaders.synth import write_dump
from lookup.index import ledger
from lookup.protocol.stretch import PROFILES, STRETCHED_BYTES

STEP = "load_16m"
_PEOPLE = 300_000
_SECONDS = 30.0  # of the second pass
_TURN = 10.0
_LEAST_ROWS = 300_000  # a second
_MOST_MEMORY = 2048  # MiB
_LEAST_RATIO = 0.9
_LEDGER_ROW = 21  # bytes that the store grows by, ``bench store_memory``


def run(options: Options) -> Iterator[Figure]:
    """One load, as far as it is let."""
    count = options.size(int(os.environ.get("BENCH_ROWS", _PEOPLE)), 2000)
    seconds = 1.0 if options.quick else float(os.environ.get("BENCH_SECONDS", _SECONDS))
    with scratch() as index, ProcessPoolExecutor(_cores(), get_context("spawn")) as cores:
        path = index.settings.data / "dump.csv"
        with path.open("w", encoding="utf-8", newline="") as out:
            rows = write_dump(out, count, seed=1)
        size = path.stat().st_size / 1e6
        load_now = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        say(f"\nload_16m: {rows:,} rows, {size:,.0f} MB; load average {load_now}")
        list(cores.map(_bare, [0.1] * _cores()))  # started, before anything is timed
        with _loading(index, path) as load:
            first = load.first_pass()
            took = load.second_pass(cores, seconds, min(_TURN, seconds))
    rate = rows / first
    say(
        f"  first pass {first:.1f} s, {rate:,.0f} rows/s; second pass {took.hashed:,} of "
        f"{took.identifiers:,} identifiers in {took.seconds:.0f} s, {took.rate:,.0f}/s, against "
        f"{took.bare:,.0f}/s bare; {took.cpu * 1e6:.0f} us of processor time each"
    )
    grows = (took.identifiers - took.hashed) * _LEDGER_ROW / 2**20
    say(
        f"  peak {load.peak:,.0f} MiB: {load.told}; {took.identifiers - took.hashed:,} identifiers "
        f"were still to come, {grows:,.0f} MiB more in the store"
    )
    yield number("load_16m/first-pass", f"{rate:.0f} rows/s", f">= {_LEAST_ROWS}", STEP)
    yield number("load_16m/memory", f"{load.peak:.0f} MiB", f"< {_MOST_MEMORY} MiB", STEP)
    yield number("load_16m/memory-at-its-end", f"{load.peak + grows:.0f} MiB", "", STEP)
    yield ratio("load_16m/second-pass", took.rate / took.bare, f">= {_LEAST_RATIO}", STEP)


@dataclass(frozen=True)
class _Second:
    """As much of a second pass as there was; ``cpu`` seconds an identifier, all processes."""

    identifiers: int
    hashed: int
    seconds: float
    bare: float
    cpu: float

    @property
    def rate(self) -> float:
        """Identifiers a second, while it was its turn."""
        return self.hashed / self.seconds


class _Load:
    """The running command; ``peak`` MiB of all its processes and the store together."""

    def __init__(self, index: Scratch, process: subprocess.Popen[bytes], began: float) -> None:
        self.peak = 0.0
        self.told = ""
        self._index = index
        self._process = process
        self._began = began
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def first_pass(self) -> float:
        """Seconds from the command's start until the load is recorded, with what was found."""
        while not ledger.loads_of(self._index.store, self._index.dataset_id):
            self._refuse_if_ended()
            time.sleep(0.02)
        return time.perf_counter() - self._began

    def second_pass(self, cores: ProcessPoolExecutor, seconds: float, turn: float) -> _Second:
        """Let it go on in turns with the bare side, from its first checkpoint on."""
        while not self._checkpoint() and self._goes_on():
            time.sleep(0.02)
        start, clock, spent, took, bare = self._checkpoint(), self._cpu(), 0.0, 0.0, []
        while took < seconds and self._goes_on():
            before = time.perf_counter()
            self._until(before + turn)
            took += time.perf_counter() - before
            spent = self._cpu() - clock
            with self._stopped():
                bare.append(sum(cores.map(_bare, [turn] * _cores())) / turn)
        hashed = self._checkpoint() - start
        (load,) = ledger.loads_of(self._index.store, self._index.dataset_id)
        middle = sorted(bare)[len(bare) // 2] if bare else float("nan")
        return _Second(load.identifiers, hashed, took, middle, spent / max(1, hashed))

    def end(self) -> None:
        """Interrupt what still runs."""
        self._ended.set()
        self._watch.join()
        self._signal(signal.SIGINT)
        self._process.wait(timeout=60)

    def _until(self, moment: float) -> None:
        while time.perf_counter() < moment and self._goes_on():
            time.sleep(0.02)

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._goes_on():
            os.killpg(self._process.pid, number)

    def _goes_on(self) -> bool:
        return self._process.poll() is None

    def _refuse_if_ended(self) -> None:
        if not self._goes_on():
            raise SystemExit("bench: the load ended before its first pass was over")

    def _checkpoint(self) -> int:
        loads = ledger.loads_of(self._index.store, self._index.dataset_id)
        return loads[0].checkpoint if loads else 0

    def _pids(self) -> list[int]:
        return [self._process.pid, *_children(self._process.pid), self._index.pid]

    def _cpu(self) -> float:
        return sum(map(process_cpu, self._pids()))

    def _look(self) -> None:
        while not self._ended.wait(0.5):
            loader, *workers, server = (_pss_mib(pid) for pid in self._pids())
            total = loader + sum(workers) + server
            if total > self.peak:
                self.peak = total
                self.told = (
                    f"loader {loader:,.0f}, {len(workers)} others {sum(workers):,.0f}, "
                    f"store {server:,.0f}"
                )


@contextmanager
def _loading(index: Scratch, path: Path) -> Iterator[_Load]:
    """The command, for the length of a block."""
    command = (
        *(sys.executable, "-m", "loaders", "load", str(path), "--dataset", DATASET),
        *("--iin", "iin", "--phone", "phone", "--field", "full_name=names"),
    )
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=os.environ | {"QORGAN_DATA": str(index.settings.data)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    load = _Load(index, process, began)
    try:
        yield load
    finally:
        load.end()


def _bare(seconds: float) -> int:
    """How many identifiers' cryptography one process does in so many seconds."""
    memory_kib, time_cost, parallelism = PROFILES["test"]
    rest = (bytes(16), time_cost, memory_kib, parallelism, STRETCHED_BYTES, Type.ID, ARGON2_VERSION)
    evaluate = ristretto.Evaluator.from_seed(bytes(32), b"bench").evaluate_known_input
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        evaluate(hash_secret_raw(f"iin:{count:012d}".encode(), *rest))
        count += 1
    return count


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    found = list(map(int, text.split()))
    return [*found, *(grandchild for child in found for grandchild in _children(child))]


def _pss_mib(pid: int) -> float:
    """Proportional set size: pages that processes share count once among them all."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
