"""``python -m bench [STEP ...]``: measure, as ratios within one run."""

import argparse
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import Figure, Options, say

# A pool's workers import this file, and should start as they do for real: no import but these.
if TYPE_CHECKING:
    from bench.machine import Machine

_STEPS = (
    "load",
    "first_pass",
    "load_16m",
    "ledger_write",
    "store_memory",
    "ranges",
    "check",
    "offline",
    "bloom",
    "publish",
    "evaluate",
    "site",
    "notices",
)
_APART = ("scale", "soak")  # ten minutes, half an hour: only where they are asked for by name


def main(arguments: list[str]) -> None:
    """Run the steps asked for, or all but the long ones, and end with one table.

    Exits with 1 if a figure was missed that must not be.
    """
    from bench import machine, results

    known = (*_STEPS, *_APART)
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(known))
    parser.add_argument("--quick", action="store_true", help="tiny sizes: only shows that it runs")
    parser.add_argument("--save", action="store_true", help="keep the figures in FOLDER, as JSON")
    parser.add_argument("--folder", type=Path, help="docs/performance, if it is not said")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.steps) - set(known):
        parser.error(f"no such step: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if chosen.quick and chosen.save and not chosen.folder:
        parser.error("--quick measures nothing worth keeping; to try --save, name another --folder")
    folder = (chosen.folder or results.FOLDER) if chosen.save else None
    began = time.monotonic()
    here = machine.here()
    _say_machine(here)
    figures: list[Figure] = []
    for step in chosen.steps or _STEPS:
        figures += _run(step, Options(quick=chosen.quick), here, folder)
    _table(figures)
    say(f"\n{time.monotonic() - began:.0f} s in all")
    if missed := [figure.name for figure in figures if figure.missed]:
        raise SystemExit(f"bench: missed: {', '.join(missed)}")


def _run(step: str, options: Options, here: "Machine", folder: Path | None) -> tuple[Figure, ...]:
    """One step, kept in a folder, if there is one, as soon as it is done."""
    from bench import results

    began = time.monotonic()
    figures = tuple(import_module(f"bench.{step}").run(options))
    if folder is not None:
        took = round(time.monotonic() - began)
        today = datetime.now(UTC).date()
        path = folder / f"{results.name(step)}.json"
        results.save(results.Result(today, results.command(step), took, here, figures), path)
    return figures


def _say_machine(here: "Machine") -> None:
    say(f"{here.model}, {here.cores} cores, {here.system}; load average {here.load_average}")
    say(", ".join(f"{name} {version}" for name, version in here.versions.items()))


def _table(figures: list[Figure]) -> None:
    rows = [("figure", "value", "target", "command")]
    rows += [(f.name, f.value, f.target or "-", f.command) for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    say("")
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main(sys.argv[1:])
