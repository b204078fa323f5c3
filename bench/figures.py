"""What a step reports, and how it measures: in turns, by the wall and by the processors' time.

A machine that others use drifts by tens of per cent within a minute. So the two sides of a ratio
take turns, A B A B, the ratio is made of medians, and beside the wall clock stands the processors'
time (user and system), which neighbours disturb less.
"""

import os
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        name: mode/suite/step.
        value: the ratio, or a number with its unit.
        target: what we want of it; "" where there is none.
        command: measures it again, alone.
        missed: the run has failed, by this figure.
    """

    name: str
    value: str
    target: str
    command: str
    missed: bool = False


@dataclass(frozen=True)
class Options:
    """How to run; ``quick`` is for the smoke test: every step runs, no number means anything."""

    quick: bool

    def size(self, full: int, tiny: int) -> int:
        """How many of something."""
        return tiny if self.quick else full


@dataclass(frozen=True)
class Spent:
    """Seconds by the wall and of the processors."""

    wall: float
    cpu: float


def say(text: str) -> None:
    """A line of raw numbers, at once."""
    print(text, flush=True)


def ratio(name: str, value: float, target: str, step: str) -> Figure:
    """A figure that is a ratio, printed and returned."""
    say(f"ratio {name} = {value:.3g}" + (f" (target {target})" if target else ""))
    return Figure(name, f"{value:.3g}", target, f"python -m bench {step}")


def number(name: str, value: str, target: str, step: str) -> Figure:
    """A figure that is no ratio, printed and returned."""
    say(f"value {name} = {value}" + (f" (target {target})" if target else ""))
    return Figure(name, value, target, f"python -m bench {step}")


def in_turns(turns: int, *sides: Callable[[], T]) -> list[list[T]]:
    """Run all sides once, then again, ``turns`` times; for each side what it gave."""
    results: list[list[T]] = [[] for _ in sides]
    for _ in range(turns):
        for side, result in zip(sides, results, strict=True):
            result.append(side())
    return results


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


class Clock:
    """Wall and processor time since it was made: this process and its ended children."""

    def __init__(self, *, others: Sequence[int] = ()) -> None:
        """``others``: ids of further processes, no children of ours, whose time counts."""
        self._others = others
        self._wall = time.perf_counter()
        self._cpu = self._cpu_now()

    def spent(self) -> Spent:
        """What has been spent so far."""
        return Spent(time.perf_counter() - self._wall, self._cpu_now() - self._cpu)

    def _cpu_now(self) -> float:
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        own = sum(u.ru_utime + u.ru_stime for u in used)
        return own + sum(map(process_cpu, self._others))


def process_cpu(pid: int) -> float:
    """Processor seconds of a living process (Linux); 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
