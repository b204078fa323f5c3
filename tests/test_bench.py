"""The benchmarks run: whoever measures on a machine of his own gets every figure."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from chromium import needs_chromium

ROOT = Path(__file__).parents[1]

FIGURES = {
    "load": ("load/throughput/test", "load/throughput/standard"),
    "load_16m": ("load_16m/rows-a-second", "load_16m/memory", "load_16m/second-pass"),
    "first_pass": ("first_pass/csv", "first_pass/rows-a-second", "first_pass/memory"),
    "ledger_write": ("ledger/write/200k", "ledger/write/16M"),
    "store_memory": ("store/memory/identifier",),
    "ranges": ("ranges/gunicorn", "ranges/gunicorn/store-away"),
    "check": ("check/1000-tokens/none-in", "check/1000-tokens/tenth-in"),
    "offline": (
        "offline/tokens-a-second",
        "offline/false-positives/1e-4",
        "offline/false-positives/1e-5",
    ),
    "bloom": ("bloom/build",),
    "publish": (
        "publish/build-and-store/2000",
        "publish/memory/2000",
        "publish/node-ready/first-fetch",
        "publish/node-ready/cached",
    ),
    "evaluate": ("evaluate/one/limit-off", "evaluate/one/limit-on"),
    "site": ("site/check/first", "site/check/further"),
    "notices": ("notices/told/400-of-2000",),
    "soak": ("soak/lookups", "soak/wrong-answers", "soak/errors-unexcused"),
}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("QORGAN_")}
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        capture_output=True,
        text=True,
        env=env,
        cwd=ROOT,
        timeout=300,
        check=False,
    )


def needing(step: str) -> object:
    """What is measured in a browser needs one."""
    marks = [needs_chromium] if step == "site" else []
    return pytest.param(step, marks=marks)


@pytest.mark.parametrize("step", [needing(step) for step in FIGURES])
def test_step_prints_its_figures(step: str) -> None:
    """Each step runs by itself and ends with its figures and how to measure them again."""
    done = bench("--quick", step)
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    lines = done.stdout.splitlines()
    assert any(line.startswith("Python 3.") for line in lines)
    for figure in FIGURES[step]:
        raw = rf"(ratio|value) {re.escape(figure)} = ([0-9.e+-]+( [a-zA-Z]+)?)( \(target .+\))?"
        found = [match for line in lines if (match := re.fullmatch(raw, line))]
        assert 1 == len(found), done.stdout
        in_table = rf"{re.escape(figure)} +{re.escape(found[0][2])} .* python -m bench {step}"
        assert 1 == sum(bool(re.fullmatch(in_table, line)) for line in lines), done.stdout


def test_unknown_step_is_refused() -> None:
    """A mistyped step is answered with those there are, and nothing is measured."""
    done = bench("speed")
    assert (2, "") == (done.returncode, done.stdout)
    assert all(step in done.stderr for step in ("speed", *FIGURES))
