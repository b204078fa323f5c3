"""What was measured, as a file: ``python -m bench --save``; ``python -m tools.performance`` reads.

A file holds one step's figures and all that is needed to judge them and to measure them again.
"""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bench.figures import Figure
from bench.machine import Machine

FOLDER = Path(__file__).parents[1] / "docs" / "performance"
# What is chosen for a step by the environment belongs to its command.
_CHOICES = {
    "load_16m": ("BENCH_ARGON2", "BENCH_DONE", "BENCH_ROWS", "BENCH_SECONDS"),
    "scale": ("BENCH_LOADED", "BENCH_SIZE"),
    "soak": ("SOAK_SECONDS", "SOAK_SERVER"),
}


class ResultError(Exception):
    """A file does not tell what was measured."""


@dataclass(frozen=True)
class Result:
    """One run of one step.

    Attributes:
        date: of its end.
        command: measures it again.
        seconds: that it took, by the wall.
    """

    date: date
    command: str
    seconds: int
    machine: Machine
    figures: tuple[Figure, ...]


_RESULT = TypeAdapter(Result)


def command(step: str) -> str:
    """How a step was started, with what the environment chose for it."""
    chosen = [f"{k}={os.environ[k]}" for k in _CHOICES.get(step, ()) if k in os.environ]
    return " ".join([*chosen, "python -m bench", step])


def name(step: str) -> str:
    """Of a step's file: its own, but ``scale`` has one for each size."""
    return os.environ.get("BENCH_SIZE", "16m") if step == "scale" else step


def save(result: Result, path: Path) -> None:
    """Write, in place of what was measured before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_RESULT.dump_json(result, indent=2) + b"\n")


def read(path: Path) -> Result:
    """One file.

    Raises:
        ResultError: it was not written by ``save``.
    """
    try:
        return _RESULT.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f" at {place}" for place in first["loc"])
        raise ResultError(
            f"{path.name} is no result of python -m bench --save "
            f"({first['msg'][:1].lower()}{first['msg'][1:]}{where}); measure it again or delete it"
        ) from None
