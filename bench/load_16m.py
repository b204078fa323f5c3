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
from collections.abc import Iterator

from bench.figures import Figure, Options, median, number, ratio, say
from bench.load_run import busy, families, fill, say_pace, say_store, started
from bench.processes import watched
from bench.scratch import scratch
from loaders.synth import write_dump

STEP = "load_16m"
_ROWS = 200_000
_SECONDS = 30.0
_RATE, _MIB, _RATIO = 300_000, 2048, 0.9


def _profile() -> str:
    return os.environ.get("BENCH_ARGON2", "test")


def run(options: Options) -> Iterator[Figure]:
    """One dump, one load; with ``BENCH_DONE`` the end of one."""
    people = options.size(int(os.environ.get("BENCH_ROWS", _ROWS)), 3_000)
    seconds = float(os.environ.get("BENCH_SECONDS", _SECONDS))
    done = float(os.environ.get("BENCH_DONE", "0"))
    quick = [(0.3, 0.1)] if options.quick else []
    with scratch(_profile()) as index:
        dump = index.settings.data / "dump.csv"
        with dump.open("w", encoding="utf-8", newline="") as out:
            count = write_dump(out, people, seed=1)
        say(f"\nload_16m: {count:,} rows, {dump.stat().st_size / 1e6:,.0f} MB")
        empty = int(index.store.redis.info("memory")["used_memory"])
        took: list[float] = []
        if done:
            with started(index, dump) as first:
                took.append(first.first_pass())
                first.end()
            fill(index, done)
        with (
            started(index, dump) as load,
            watched(families(load), lambda: load.phase) as peaks,
        ):
            took.append(load.first_pass())
            say(f"  first pass: {', '.join(f'{count / one:,.0f}/s' for one in took)}{busy()}")
            pace = load.second_pass(seconds, _profile(), *quick)
            certificate = load.end()
        say_pace(pace)
        say_store(index, empty, dump.parent)
        say("  the load was finished" if certificate else "  the load was interrupted")
    for phase, peak in peaks.items():
        say(f"  memory, {phase}: {peak}")
    yield number(f"{STEP}/rows-a-second", f"{count / median(took):.0f}", f">= {_RATE}", STEP)
    most = max(peak.total for peak in peaks.values()) / 2**20
    yield number(f"{STEP}/memory", f"{most:.0f} MiB", f"< {_MIB} MiB", STEP)
    yield ratio(f"{STEP}/second-pass", pace.rate / pace.bare, f">= {_RATIO}", STEP)
