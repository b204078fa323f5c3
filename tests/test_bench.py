"""The benchmarks run: whoever measures on a machine of his own gets every figure."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nginx
import pytest
from chromium import needs_chromium

from bench import __main__ as main
from bench import results

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
    "scale": (
        "scale/first-pass",
        "scale/load-seconds",
        "scale/load",
        "scale/publish",
        "scale/publish-memory",
        "scale/store/one-version",
        "scale/store/two-versions",
        "scale/node-ready/first-fetch",
        "scale/node-ready/cached",
        "scale/ranges/granian-to-nginx",
        "scale/ranges/gunicorn-to-hello",
        "scale/ranges/granian/p99",
        "scale/ranges/granian/cost",
        "scale/ranges/gunicorn/p99",
        "scale/ranges/gunicorn/cost",
        "scale/worker-memory",
        "scale/ranges/to-1m",
    ),
    "site": ("site/check/first", "site/check/further"),
    "notices": ("notices/told/400-of-2000",),
    "soak": ("soak/lookups", "soak/wrong-answers", "soak/errors-unexcused"),
}


FILES = {"scale": "4m.json"}  # of a step that has one for each size
needs_nginx = pytest.mark.skipif(
    nginx.PROGRAM is None, reason="nginx is not installed (Debian: apt-get install nginx-light)"
)


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    unset = ("QORGAN_", "BENCH_", "SOAK_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        capture_output=True,
        text=True,
        env=env | {"BENCH_SIZE": "4m"},
        cwd=ROOT,
        timeout=300,
        check=False,
    )


def needing(step: str) -> object:
    """What is measured in a browser, or beside nginx, needs it."""
    marks = {"site": [needs_chromium], "scale": [needs_nginx]}
    return pytest.param(step, marks=marks.get(step, []))


@pytest.mark.parametrize("step", [needing(step) for step in FIGURES])
def test_step_prints_and_keeps_its_figures(step: str, tmp_path: Path) -> None:
    """Each step runs by itself, ends with its figures, and keeps them where it is told to."""
    done = bench("--quick", "--save", "--folder", str(tmp_path), step)
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    lines = done.stdout.splitlines()
    assert any(line.startswith("Python 3.") for line in lines)
    kept = results.read(tmp_path / FILES.get(step, f"{step}.json"))
    chosen = "BENCH_SIZE=4m " if step == "scale" else ""
    assert f"{chosen}python -m bench {step}" == kept.command
    assert 1 == len(list(tmp_path.iterdir()))
    values = {figure.name: figure.value for figure in kept.figures}
    for figure in FIGURES[step]:
        raw = rf"(ratio|value) {re.escape(figure)} = ([0-9.e+-]+( [a-zA-Z/]+)?)( \(target .+\))?"
        found = [match for line in lines if (match := re.fullmatch(raw, line))]
        assert [values[figure]] == [match[2] for match in found], done.stdout
        in_table = rf"{re.escape(figure)} +{re.escape(found[0][2])} .* python -m bench {step}"
        assert 1 == sum(bool(re.fullmatch(in_table, line)) for line in lines), done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["speed"], ["speed", *FIGURES]), (["--quick", "--save", "bloom"], ["--quick", "--folder"])],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], told: list[str]) -> None:
    """A mistyped step, or to keep what only shows that it runs: nothing is measured."""
    done = bench(*arguments)
    assert (2, "") == (done.returncode, done.stdout)
    assert all(word in done.stderr for word in told)


def test_long_steps_run_only_by_name() -> None:
    """``make bench`` runs neither half an hour of lookups nor millions of rows."""
    assert {"scale", "soak"} == set(FIGURES) - set(main._STEPS) == set(main._APART)
