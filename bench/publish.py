"""publish: how long and how much memory, and how soon a web node answers. For information.

Building and storing run in a process of their own, whose peak of memory is theirs alone.
"""

import multiprocessing
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench import rows
from bench.figures import Clock, Figure, Options, Spent, number, say
from bench.scratch import DATASET, Scratch, reopened, scratch
from loaders.progress import Advance, Progress
from lookup.index import versions, view
from lookup.protocol.suite import Lane

STEP = "publish"
_ROWS = 1_000_000


class _Timed(Progress):
    """Notes what each task took."""

    def __init__(self) -> None:
        self.spent: dict[str, Spent] = {}

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        """Time the block."""
        del total
        clock = Clock()
        yield lambda _: None
        self.spent[description.split(maxsplit=1)[0]] = clock.spent()


def run(options: Options) -> Iterator[Figure]:
    """Publish, then fetch as a web node does, then open what is in its cache folder."""
    count = options.size(_ROWS, 2_000)
    say(f"\npublish: {count:,} rows")
    with scratch() as index:
        rows.fill(index, count)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            spent, before, peak = executor.submit(publish, index.settings.data).result()
        for task, took in spent.items():
            say(f"  {task}: {took.wall:.2f} s, {took.cpu:.2f} s of processor time")
        say(f"  peak memory {peak / 2**20:.0f} MiB, before publishing {before / 2**20:.0f} MiB")
        seconds = sum(took.wall for took in spent.values())
        yield number(f"publish/build-and-store/{count}", f"{seconds:.2f} s", "", STEP)
        memory = f"{(peak - before) / 2**20:.0f} MiB"
        yield number(f"publish/memory/{count}", memory, "", STEP)
        for name in ("first-fetch", "cached"):
            yield number(f"publish/node-ready/{name}", f"{_load(index):.2f} s", "", STEP)


def publish(data: Path) -> tuple[dict[str, Spent], int, int]:
    """Publish; what its tasks took, and the peak of memory before and after, in bytes."""
    with reopened(data) as index:
        timed = _Timed()
        publisher = rows.publisher(index, timed)
        before = _peak()
        publisher.publish([DATASET])
        return timed.spent, before, _peak()


def _peak() -> int:
    """The most memory this process ever had, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's ru_maxrss begins with what the parent process had
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS, where it is in bytes


def _load(index: Scratch) -> float:
    """Seconds until a version can be answered from."""
    current = versions.read(index.store, Lane.PUBLIC).current
    assert current is not None
    began = time.perf_counter()
    mapped = view.load(index.store, Lane.PUBLIC, current, index.settings.cache)
    took = time.perf_counter() - began
    mapped.close()
    return took
