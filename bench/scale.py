"""scale: a register of one size, from the dump to the answers: ``BENCH_SIZE=16m`` (1m, 4m, 64m).

A synthetic dump is loaded by the command at profile ``test``; most of its second pass is filled in
with random rows (``bench.load_run``), for at 64 million it would take an hour; with
``BENCH_LOADED=0`` all of it is, and no load measured. It is published,
stored, fetched and answered from. At last it is published with prefixes so long that its ranges
have about the bytes of 1 million's, and held against these. What takes turns is in
``bench.scale_answers``.
"""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from bench import publish, rows, scale_answers
from bench.figures import Figure, Options, number, ratio, say
from bench.load_run import fill, say_pace, started
from bench.scratch import DATASET, Scratch, scratch
from bench.server import on_core, served
from bench.store_memory import used
from loaders.synth import write_dump
from lookup.index import keyspace, ledger, versions
from lookup.protocol.suite import Lane

STEP = "scale"
_IDENTIFIERS = 29_937_683 / 15_780_000  # of a synthetic person: an IIN, and most have a phone
_LOADED = 3_000_000  # identifiers that the command truly loads, of however many
_SMALL, _COUNTRY = "1m", "16m"
_EVERYWHERE = (f"{STEP}/load", f"{STEP}/ranges/to-1m")  # what has its target at every size


@dataclass(frozen=True)
class Size:
    """How many identifiers.

    Attributes:
        prefix_bits: of its index.
        short_bits: with which its ranges are about 1,000 entries long, as those of 1 million are.
    """

    name: str
    identifiers: int
    prefix_bits: int
    short_bits: int


SIZES = {
    "1m": Size("1m", 1_000_000, 10, 10),
    "4m": Size("4m", 4_000_000, 12, 12),
    "16m": Size("16m", 16_000_000, 12, 14),  # 12 bits is what an index has by default
    "64m": Size("64m", 64_000_000, 16, 16),
}
_TINY = Size("tiny", 2_000, 10, 11)


def run(options: Options) -> Iterator[Figure]:
    """One size, all figures; most have a target at the size of a country only."""
    chosen = os.environ.get("BENCH_SIZE", "16m")
    if chosen not in SIZES:
        raise SystemExit(f"bench: BENCH_SIZE is one of {', '.join(SIZES)}")
    size = _TINY if options.quick else SIZES[chosen]
    for figure in _figures(size, options):
        is_wanted = size in (_TINY, SIZES[_COUNTRY]) or figure.name in _EVERYWHERE
        yield figure if is_wanted else replace(figure, target="")


def _figures(size: Size, options: Options) -> Iterator[Figure]:
    with scratch("test", size.prefix_bits) as index:
        say(f"\nscale: {size.identifiers:,} identifiers, prefixes of {size.prefix_bits} bits")
        empty = used(index)
        if os.environ.get("BENCH_LOADED") == "0":
            rows.fill(index, size.identifiers)
        else:
            yield from _loaded(index, size, options)
        count = ledger.read(index.store, 1).identifiers
        yield from _published(index)
        yield from _stored(index, size, count, empty)
        yield from _started_up(index)
        yield from scale_answers.run(index, options)
        if size.name != _SMALL:
            small = _TINY if options.quick else SIZES[_SMALL]
            with scratch("test", small.prefix_bits) as other:
                rows.fill(other, small.identifiers)
                rows.publisher(other).publish([DATASET])
                if size.short_bits != size.prefix_bits:
                    _publish_again(index, size.short_bits)
                yield from scale_answers.against(index, other, options)


def _loaded(index: Scratch, size: Size, options: Options) -> Iterator[Figure]:
    """By the command, but for the rows that are filled in."""
    dump = index.settings.data / "dump.csv"
    with dump.open("w", encoding="utf-8", newline="") as out:
        count = write_dump(out, round(size.identifiers / _IDENTIFIERS), seed=1)
    say(f"  dump: {count:,} rows, {dump.stat().st_size / 1e6:,.0f} MB")
    with started(index, dump) as first:
        took = first.first_pass()
        first.end()
    found = ledger.read(index.store, 1).identifiers
    fill(index, max(0.0, 1 - _LOADED / found))
    quick = [(0.3, 0.1)] if options.quick else []
    with started(index, dump) as load:
        load.first_pass()
        pace = load.second_pass(float("inf"), "test", *quick)
        if not load.end():
            raise SystemExit("bench: the load was not finished")
    dump.unlink()
    say_pace(pace)
    seconds = took + found / pace.rate
    yield number(f"{STEP}/first-pass", f"{count / took:.0f} rows/s", "", STEP)
    yield number(f"{STEP}/load-seconds", f"{seconds:.0f} s", "", STEP)
    yield ratio(f"{STEP}/load", pace.rate / pace.bare, ">= 0.9", STEP)


def _published(index: Scratch) -> Iterator[Figure]:
    """In a process of its own, whose peak of memory is its alone."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        began = time.perf_counter()
        spent, _, peak = executor.submit(publish.publish, index.settings.data).result()
        took = time.perf_counter() - began
    for task, parts in spent.items():
        say(f"  {task}: {parts.wall:.2f} s, {parts.cpu:.2f} s of processor time")
    yield number(f"{STEP}/publish", f"{took:.2f} s", "<= 60 s", STEP)
    yield number(f"{STEP}/publish-memory", f"{peak / 2**20:.0f} MiB", "< 1536 MiB", STEP)


def _stored(index: Scratch, size: Size, count: int, empty: int) -> Iterator[Figure]:
    """All that the store takes, for each identifier: one version, two, and one again."""
    _publish_again(index, size.prefix_bits)
    two = (used(index) - empty) / count
    _age_old_version(index)
    versions.clean(index.store, Lane.PUBLIC)
    one = (used(index) - empty) / count
    yield number(f"{STEP}/store/one-version", f"{one:.1f} bytes", "<= 36", STEP)
    yield number(f"{STEP}/store/two-versions", f"{two:.1f} bytes", "<= 50", STEP)


def _age_old_version(index: Scratch) -> None:
    """Its hour is over."""
    key = keyspace.versions(Lane.PUBLIC)
    for name in index.store.hash(key):
        if name.startswith("retired:"):
            index.store.set_hash(key, {name: str(int(time.time()) - 3601)})


def _publish_again(index: Scratch, prefix_bits: int) -> None:
    """The same rows; the filter's rate is another, else there would be nothing to do."""
    current = versions.read(index.store, Lane.PUBLIC).current
    assert current is not None
    publisher = rows.publisher(index, error_rate=current.error_rate * 1.01)
    definition = replace(publisher.definition, prefix_bits=prefix_bits)
    replace(publisher, definition=definition).publish([DATASET])


def _started_up(index: Scratch) -> Iterator[Figure]:
    """From the start of a web node's first process to its first answer."""
    for name, most in (("first-fetch", 5), ("cached", 1)):
        began = time.perf_counter()
        with served("wsgi:app", index.settings.data, QORGAN_EVALUATE_LIMIT="off"):
            took = time.perf_counter() - began
        yield number(f"{STEP}/node-ready/{name}", f"{took:.2f} s", f"<= {most} s", STEP)
    with on_core(0):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import lookup.app"], check=True)
        say(f"  of which Python takes {time.perf_counter() - began:.2f} s to import the service")
