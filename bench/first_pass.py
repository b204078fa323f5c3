"""first_pass: a dump's rows into distinct identifiers, held against nothing but ``csv.reader``.

A: what ``Loader.load`` does before it hashes: a file read, hashed, cut into cells, its IINs and
phone numbers checked, names and addresses looked at, duplicates merged.

B: a bare loop of ``csv.reader`` over the same file, which keeps nothing.

Each run is a process of its own, in turns; memory is the peak of A's process and its children.
``BENCH_ROWS=15780000`` measures a dump of so many people instead, once: with their duplicates 16.3
million rows, 2.7 GB in the temporary folder.
"""

import csv
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from bench.figures import (
    Clock,
    Figure,
    Options,
    Spent,
    T,
    in_turns,
    median,
    number,
    ratio,
    say,
)
from loaders.formats import open_source
from loaders.people import Columns, People
from loaders.synth import write_dump
from lookup.protocol.suite import Kind

STEP = "first_pass"
_ROWS = 2_000_000
_TURNS = 3
_TARGET = 300_000  # rows a second
_MOST_MEMORY = 2048  # MiB


@dataclass(frozen=True)
class _Run:
    """How long one pass took, over how many rows, and the most memory that it had."""

    spent: Spent
    rows: int
    identifiers: int
    mib: int

    @property
    def rate(self) -> float:
        return self.rows / self.spent.wall


def run(options: Options) -> Iterator[Figure]:
    """Both sides, in turns."""
    asked = int(os.environ.get("BENCH_ROWS", _ROWS))
    count = options.size(asked, 2_000)
    turns = options.size(_TURNS if asked <= _ROWS else 1, 1)
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-") as folder:
        path = Path(folder) / "dump.csv"
        rows = _apart(_write, path, count)
        say(f"\nfirst_pass: {rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB")
        passes, bare = in_turns(
            turns, lambda: _apart(_first_pass, path, count), lambda: _apart(_bare, path, count)
        )
    if {one.rows for one in (*passes, *bare)} != {rows}:
        raise SystemExit("bench: the two sides did not read the same rows")
    for name, side in (("first pass", passes), ("csv.reader", bare)):
        each = ", ".join(f"{one.rate:,.0f}/s ({one.spent.cpu:.2f} s cpu)" for one in side)
        say(f"  {name}: {each}, {max(one.mib for one in side):,} MiB")
    cpu = median([one.spent.cpu for one in bare]) / median([one.spent.cpu for one in passes])
    say(f"  {passes[0].identifiers:,} identifiers; by processor time the ratio is {cpu:.3f}")
    rate = median([one.rate for one in passes])
    yield ratio("first_pass/csv", rate / median([one.rate for one in bare]), "", STEP)
    yield number("first_pass/rows-a-second", f"{rate:.0f}", f">= {_TARGET}", STEP)
    memory = max(one.mib for one in passes)
    yield number("first_pass/memory", f"{memory} MiB", f"< {_MOST_MEMORY} MiB", STEP)


def _apart(side: Callable[[Path, int], T], path: Path, count: int) -> T:
    """Run it in a new process, whose peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        return executor.submit(side, path, count).result()


def _write(path: Path, count: int) -> int:
    with path.open("w", encoding="utf-8", newline="") as out:
        return write_dump(out, count, seed=1)


def _first_pass(path: Path, _: int) -> _Run:
    clock = Clock()
    with open_source(path) as source:
        identifiers = {Kind.IIN: source.column("iin"), Kind.PHONE: source.column("phone")}
        bits = ((source.column("full_name"), 1), (source.column("address"), 3))
        people = People(Columns(identifiers, bits, {Kind.IIN: 0, Kind.PHONE: 2}))
        for block in source.blocks():
            people.add(block.rows, block.rejected)
        counts = people.finish()
    return _Run(clock.spent(), counts.read, len(people), _peak_mib())


def _bare(path: Path, _: int) -> _Run:
    clock = Clock()
    rows = -1  # the header
    with path.open(encoding="utf-8", newline="") as file:
        for _row in csv.reader(file, delimiter=";"):
            rows += 1
    return _Run(clock.spent(), rows, 0, _peak_mib())


def _peak_mib() -> int:
    """Of this process and the largest of its ended children together (Linux counts in KiB)."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_maxrss for one in used) // 1024
