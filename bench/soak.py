"""soak: lookups at half load while datasets come and go, and workers and store are restarted.

``SOAK_SECONDS`` (1800) and ``SOAK_SERVER`` (gunicorn, or granian) choose how long and which. First
it is measured how many lookups of the mix this machine answers; then half as many fall due, come
what may. Every answer is judged (``soak_oracle``); a wrong one, an error that nothing excuses, or
growth fails the run. The asker shares the cores with what it asks; latencies are from when a
lookup was due, in the second half, in which no web node is restarted.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.figures import Figure, Options, number, say
from bench.soak_changes import Changes
from bench.soak_oracle import Asked, Kind, Oracle, Timeline, Verdict
from bench.soak_watch import Watch, at_age, slope
from bench.soak_world import World, world

STEP = "soak"
_SECONDS = int(os.environ.get("SOAK_SECONDS", "1800"))
_SERVER = os.environ.get("SOAK_SERVER", "gunicorn")
# A folder: what was asked and what happened is kept there, to look into what the table tells of.
_KEEP = Path(os.environ["SOAK_KEEP"]) if "SOAK_KEEP" in os.environ else None
_MEASURE = 10  # seconds
_MOST_GROWTH = 8 * 2**20  # bytes, of a worker from a sixth of the run on, and of the store
_MOST_FILES = 80  # more than at first: each of the asker's 24 threads keeps three connections
_ROW = 24  # bytes in the store's memory
_CACHE_FILES = 8  # two versions of two lanes, view and filter


def run(options: Options) -> Iterator[Figure]:
    """Half an hour of it, or as long as was asked for."""
    seconds = options.size(_SECONDS, 10)
    say(f"\nsoak: {seconds} s under {_SERVER}")
    with tempfile.TemporaryDirectory(prefix="qorgan-soak-") as folder:
        records = Path(folder) / "records"
        with world(Path(folder), _SERVER) as its, _asker(records) as asker:
            timeline = Timeline()
            changes = Changes(its, timeline, lambda: asker.tell(its), quick=options.quick)
            key = its.create()
            asker.begin(its, key)
            changes.begin()
            its.web.start()
            rate = asker.measured(options.size(_MEASURE, 1)) / 2
            say(f"  {2 * rate:.0f} lookups a second at most; half of it from now on")
            began = time.monotonic()
            with Watch(its, max(1.0, min(10.0, seconds / 60))) as watch:
                asker.pace(rate)
                changes.run(seconds)
                asker.end()
            files = list((its.data / "cache").glob("*.*"))
            if _KEEP is not None:
                _KEEP.mkdir(parents=True, exist_ok=True)
                shutil.copy(records, _KEEP / "records.jsonl")
                (_KEEP / "timeline.json").write_text(
                    json.dumps(asdict(timeline), default=sorted), "utf-8"
                )
            logged = its.web.events()
            oracle = Oracle(timeline, [one.leaks for one in its.citizens])
            outcome = _judged(records, oracle, _Outcome(began, began + seconds / 2))
        for line in outcome.told(changes.done):
            say(f"  {line}")
        for event, count in logged.most_common():
            say(f"  the node's log: {count:,} {event}")
        yield from _answers(outcome, rate)
        if not options.quick:  # workers of a few seconds only grow
            yield from _growth(watch, began, seconds)
        cached = sum(path.suffix in (".view", ".filter") for path in files)
        yield _judgement("cache-files", str(cached), cached <= _CACHE_FILES, f"<= {_CACHE_FILES}")


@dataclass
class _Asker:
    """The asking program."""

    process: subprocess.Popen[str]
    told: int = 0

    def begin(self, its: World, key: str) -> None:
        """Whom it asks."""
        self._write({"url": its.web.url, "key": key})

    def tell(self, its: World) -> None:
        """Of people that it does not know yet."""
        fresh = its.citizens[self.told :]
        self.told += len(fresh)
        self._write({"citizens": [[one.iin, one.token] for one in fresh]})

    def measured(self, seconds: int) -> float:
        """Lookups a second, as many as there can be."""
        self._write({"measure": seconds})
        assert self.process.stdout is not None
        return float(json.loads(self.process.stdout.readline())["rate"])

    def pace(self, rate: float) -> None:
        """From now on, so many a second."""
        self._write({"pace": rate})

    def end(self) -> None:
        """No more; wait for what is under way."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        if self.process.wait(120):
            raise SystemExit("bench: the asker failed")

    def _write(self, told: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()


@contextmanager
def _asker(records: Path) -> Iterator[_Asker]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.soak_lookups", str(records)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield _Asker(process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


class _Outcome:
    """All lookups, judged and counted; how long they took, in the half without restarted nodes."""

    def __init__(self, began: float, half: float) -> None:
        self._began, self._half = began, half
        self.verdicts: Counter[Verdict] = Counter()
        self.kinds: Counter[Kind] = Counter()
        self.reasons: Counter[tuple[Verdict, Kind, str]] = Counter()
        self._first: dict[tuple[Verdict, Kind, str], float] = {}
        self.outage: Counter[bool] = Counter()  # asked of files with the store away: answered?
        self.outage_took: list[float] = []  # of these in the second half
        self.took: dict[Kind, list[float]] = {kind: [] for kind in Kind}

    def add(self, asked: Asked, verdict: Verdict, why: str, is_outage: bool) -> None:
        """One more."""
        self.verdicts[verdict] += 1
        self.kinds[asked.kind] += 1
        if why:
            self.reasons[verdict, asked.kind, why] += 1
            self._first.setdefault((verdict, asked.kind, why), asked.began)
        if is_outage:
            self.outage[not asked.error] += 1
        if not asked.error and asked.due >= self._half:
            if is_outage:
                self.outage_took.append(asked.ended - asked.due)
            self.took[asked.kind].append(asked.ended - asked.due)

    def told(self, changes: dict[str, int]) -> Iterator[str]:
        """Line by line."""
        yield "changes: " + ", ".join(f"{name} {count}" for name, count in changes.items())
        yield "asked: " + ", ".join(f"{kind} {count:,}" for kind, count in self.kinds.items())
        yield "verdicts: " + ", ".join(f"{one} {self.verdicts[one]:,}" for one in Verdict)
        for (verdict, kind, why), count in self.reasons.most_common():
            at = self._first[verdict, kind, why] - self._began
            yield f"{verdict}: {count:,} {kind}: {why}; first at {at:.1f} s"


def _judged(records: Path, oracle: Oracle, outcome: _Outcome) -> _Outcome:
    with records.open(encoding="utf-8") as lines:
        for line in lines:
            asked = Asked.of_line(line)
            outcome.add(asked, *oracle.judge(asked), oracle.is_outage_test(asked))
    return outcome


def _answers(outcome: _Outcome, rate: float) -> Iterator[Figure]:
    wrong, errors = outcome.verdicts[Verdict.WRONG], outcome.verdicts[Verdict.ERROR]
    yield number(f"{STEP}/lookups", str(outcome.verdicts.total()), "", STEP)
    yield _judgement("wrong-answers", str(wrong), wrong == 0, "0")
    yield _judgement("errors-unexcused", str(errors), errors == 0, "0")
    yield number(f"{STEP}/errors-excused", str(outcome.verdicts[Verdict.EXCUSED]), "", STEP)
    answered, asked = outcome.outage[True], outcome.outage.total()
    yield _judgement(
        "answered-from-files-while-store-away", f"{answered} of {asked}", answered == asked, "all"
    )
    yield number(f"{STEP}/rate", f"{rate:.0f} a second", "", STEP)
    for name, took in (
        ("check", outcome.took[Kind.CHECK]),
        ("range", outcome.took[Kind.RANGE]),
        ("files-while-store-away", outcome.outage_took),
    ):
        if took:
            took.sort()
            middle, late = (1e3 * took[int(share * (len(took) - 1))] for share in (0.5, 0.99))
            yield number(f"{STEP}/latency/{name}", f"{middle:.1f} / {late:.1f} ms", "", STEP)


def _growth(watch: Watch, began: float, seconds: int) -> Iterator[Figure]:
    """Workers as old as a sixth of the run: the first, the last, and these at the end."""
    age = seconds / 6
    first = [one for samples in watch.workers.values() if (one := at_age(samples, age))]
    last = [(one, samples[-1]) for samples in watch.living() if (one := at_age(samples, age))]
    if first and last:
        firsts = statistics.median(one.private for one in first if one.at <= first[0].at + age / 2)
        pairs = [(early.private, late.private) for early, late in last]
        early, late = (statistics.median(side) for side in zip(*pairs, strict=True))
        grown = early - firsts, late - early
        for name, value in zip(("later-worker", "to-the-end"), grown, strict=True):
            text = f"{value / 2**20:+.1f} MiB on {firsts / 2**20:.1f}"
            yield _judgement(
                f"memory/{name}", text, value <= _MOST_GROWTH, f"<= {_MOST_GROWTH >> 20} MiB"
            )
        slopes = [
            slope([(one.at, one.private) for one in samples if one.age >= age]) * 3600 / 2**20
            for samples in watch.living()
        ]
        text = ", ".join(f"{one:+.1f}" for one in slopes)
        yield number(f"{STEP}/memory/slope", f"{text} MiB an hour", "", STEP)
        more_files = max(late.files - early.files for early, late in last)
        threads = max(late.threads for _, late in last)
        text = f"{more_files:+d} files, {threads} threads"
        yield _judgement("files", text, more_files <= _MOST_FILES, f"<= {_MOST_FILES} more")
    master = [one.private for one in watch.master]
    yield number(
        f"{STEP}/memory/master", f"{master[0] / 2**20:.1f}, {master[-1] / 2**20:.1f} MiB", "", STEP
    )
    since = [one for one in watch.store if one[0] >= began + age]
    if since:
        (_, used, rows), (_, used_last, rows_last) = since[0], since[-1]
        beyond = used_last - used - (rows_last - rows) * _ROW
        yield _judgement(
            "memory/store-beyond-its-rows",
            f"{beyond / 2**20:+.1f} MiB on {used / 2**20:.1f}",
            beyond <= _MOST_GROWTH,
            f"<= {_MOST_GROWTH >> 20} MiB",
        )


def _judgement(name: str, value: str, is_met: bool, target: str) -> Figure:
    """A figure that fails the run where its target is missed."""
    made = number(f"{STEP}/{name}", value, target, STEP)
    return Figure(made.name, made.value, made.target, made.command, missed=not is_met)
