"""Memory, files and threads of ``bench.soak``'s web node, and the store's memory, as they were.

A worker's memory is what it alone has written (``Private_Dirty``): mapped files are not in it.
Linux only.
"""

import statistics
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from bench.soak_world import World


@dataclass(frozen=True)
class Sample:
    """A process at a moment: monotonic seconds, its age, bytes, open files, threads."""

    at: float
    age: float
    private: int
    files: int
    threads: int


@dataclass
class Watch:
    """Looks every so many seconds until the block ends; ``workers``: pid -> samples."""

    world: World
    pause: float
    master: list[Sample] = field(default_factory=list)
    workers: dict[int, list[Sample]] = field(default_factory=dict)
    store: list[tuple[float, int, int]] = field(default_factory=list)  # at, used bytes, rows

    def __enter__(self) -> "Watch":
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._look()
            self._stop.wait(self.pause)

    def _look(self) -> None:
        web = self.world.web
        with suppress(OSError):  # amid a restart
            for pid in web.workers():
                with suppress(OSError):
                    self.workers.setdefault(pid, []).append(sample(pid))
            self.master.append(sample(web.pid))
        rows = self.world.rows
        with suppress(redis.RedisError), self.world.valkey.client() as client:
            used = client.info("memory")["used_memory"]
            self.store.append((time.monotonic(), used, rows))

    def living(self) -> list[list[Sample]]:
        """The workers that were there to the end, each with all its samples."""
        last = max(samples[-1].at for samples in self.workers.values())
        return [one for one in self.workers.values() if last - one[-1].at < 2 * self.pause]


def sample(pid: int) -> Sample:
    """A process now.

    Raises:
        OSError: it is gone.
    """
    proc = Path("/proc") / str(pid)
    rollup = dict(
        line.split(":", 1) for line in (proc / "smaps_rollup").read_text("ascii").splitlines()[1:]
    )
    private = sum(int(rollup[name].split()[0]) for name in ("Private_Dirty", "SwapPss")) * 1024
    status = (proc / "status").read_text("utf-8")
    threads = int(status.partition("Threads:")[2].split()[0])
    begun = int((proc / "stat").read_text("utf-8").rpartition(")")[2].split()[19])
    ticks = time.clock_gettime(time.CLOCK_BOOTTIME) * 100  # USER_HZ is 100 on Linux
    age = (ticks - begun) / 100
    return Sample(time.monotonic(), age, private, len(list((proc / "fd").iterdir())), threads)


def at_age(samples: list[Sample], age: float) -> Sample | None:
    """The first sample of a worker that was at least so old."""
    return next((one for one in samples if one.age >= age), None)


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line that fits best, by time; 0 for fewer than three points."""
    if len(points) < 3:
        return 0.0
    return statistics.linear_regression(*zip(*points, strict=True)).slope
