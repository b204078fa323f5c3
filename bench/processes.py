"""The memory of a family of processes, counted as the kernel shares it out.

A page that several processes map counts once in the sum (PSS), so a forked server's child or two
workers with the same libraries are not counted double. Linux only; elsewhere all is 0.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_PROC = Path("/proc")
_PAUSE = 0.5  # seconds


@dataclass
class Peak:
    """The most memory that a family had at one moment, in bytes, and who had it then."""

    total: int = 0
    parts: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {size / 2**20:,.0f}" for name, size in self.parts.items())
        return f"{self.total / 2**20:,.0f} MiB ({parts})"


def family(roots: list[int]) -> list[int]:
    """These processes and all that descend from them."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for stat in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            after_name = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
            children[int(after_name.split()[1])].append(int(stat.parent.name))
    found = list(roots)
    for pid in found:
        found += children[pid]
    return found


def pss(pid: int) -> int:
    """A process's proportional share of memory, in bytes; 0 where it is gone."""
    return _rolled_up(pid, "Pss:")


def private(pid: int) -> int:
    """The memory that is a process's own, in bytes: no file that it maps, no library."""
    return _rolled_up(pid, "Private_Dirty:")


def _rolled_up(pid: int, *names: str) -> int:
    with suppress(OSError):
        lines = (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(names))
    return 0


@contextmanager
def watched(roots: dict[str, int], phase: Callable[[], str]) -> Iterator[dict[str, Peak]]:
    """Look every half second for the length of a block; for each phase, the peak of all together.

    ``roots``: name → process whose family it stands for.
    """
    peaks: defaultdict[str, Peak] = defaultdict(Peak)
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            began, now = time.monotonic(), phase()
            sizes = {name: sum(map(pss, family([pid]))) for name, pid in roots.items()}
            if sum(sizes.values()) > peaks[now].total:
                peaks[now] = Peak(sum(sizes.values()), sizes)
            stop.wait(max(0.0, began + _PAUSE - time.monotonic()))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        stop.set()
        watcher.join()
