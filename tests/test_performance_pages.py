"""``python -m tools.performance``: the document has what was measured, and nothing else."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bench import results
from bench.figures import Figure
from bench.machine import Machine
from bench.results import Result
from tools.performance import values
from tools.performance.__main__ import main

MACHINE = Machine("A processor", 2, "Linux 6.1", {"Python": "3.11.7", "nginx": "1.22.1"}, 0.4)
PAGE = "# Performance\n\n<!-- measured: begin -->\nold\n<!-- measured: end -->\n\n## More\n"
FIGURES = {
    "scale/load-seconds": ("790 s", ""),
    "scale/load": ("0.93", ">= 0.9"),
    "scale/publish": ("61.20 s", "<= 60 s"),
    "scale/store/one-version": ("35.6 bytes", "<= 36"),
    "scale/store/two-versions": ("48.6 bytes", "<= 50"),
    "scale/ranges/granian/cost": ("42.3 us", ""),
    "scale/ranges/gunicorn/cost": ("180.0 us", ""),
    "scale/ranges/to-1m": ("0.96", ">= 0.9"),
}


def measured(command: str, figures: dict[str, tuple[str, str]]) -> Result:
    """A run with these values and targets."""
    made = tuple(Figure(name, *told, command="-") for name, told in figures.items())
    return Result(date(2026, 11, 28), command, 612, MACHINE, made)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with the document, and 16 million measured."""
    (tmp_path / "performance.md").write_text(PAGE, encoding="utf-8")
    run = measured("BENCH_SIZE=16m python -m bench scale", FIGURES)
    results.save(run, tmp_path / "performance" / "16m.json")
    return tmp_path


def page(docs: Path) -> str:
    """The document as it is written anew."""
    assert 0 == main([], docs)
    return (docs / "performance.md").read_text(encoding="utf-8")


def test_the_document_is_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Its tables and pictures are those of the files beside them: none is edited or stale."""
    assert (0, "") == (main(["--check"]), capsys.readouterr().out)


def test_a_run_is_told_with_where_and_how(docs: Path) -> None:
    """Machine, versions, date, load and command stand above a run's figures."""
    section = page(docs).partition("### 16 million identifiers")[2]
    assert (
        "`BENCH_SIZE=16m python -m bench scale` took 612 s on 2026-11-28, begun at a load average "
        "of\n0.4: A processor, 2 cores, Linux 6.1; Python 3.11.7, nginx 1.22.1.\n"
    ) in section
    assert "| `scale/load` | 0.93 | >= 0.9 | yes |\n" in section
    assert "| `scale/load-seconds` | 790 s | | |\n" in section


def test_a_missed_target_is_shown_as_missed(docs: Path) -> None:
    """In both tables, whatever the reader looks at."""
    text = page(docs)
    assert "| <= 60 s | | | 61.20 s, **missed** | |\n" in text
    assert "| `scale/publish` | 61.20 s | <= 60 s | **missed** |\n" in text
    assert 2 == text.count("missed**")


def test_a_target_of_some_sizes_is_not_held_against_others(docs: Path) -> None:
    """64 million may take longer than a country, and the table does not look as if it failed."""
    run = measured("-", {"scale/publish": ("171.20 s", "")})
    results.save(run, docs / "performance" / "64m.json")
    assert "| <= 60 s (16 million) | | | 61.20 s, **missed** | 171.20 s |\n" in page(docs)


def test_a_size_that_was_not_measured_is_an_empty_column(docs: Path) -> None:
    """All four sizes have theirs, in the tables and on the pictures' axes."""
    text = page(docs)
    assert "| figure | target | 1 million | 4 million | 16 million | 64 million |\n" in text
    assert "| load, both passes, profile `test` | | | | 790 s | |\n" in text
    assert "### 4 million" not in text
    said = words(docs / "performance" / "loads.svg")
    assert {"1", "4", "16", "64", "790", "61.2", "seconds", "linear"} <= said


def test_another_steps_figures_follow(docs: Path) -> None:
    """What a step judged by itself counts, whatever its target's words."""
    run = measured("python -m bench soak", {"soak/files": ("+93 files", "<= 80 more")})
    judged = Figure("soak/answered", "412 of 412", "all", "-")
    grown = Figure("soak/memory", "+1.2 MiB on 30.1", "<= 8 MiB", "-", missed=True)
    run = replace(run, figures=(*run.figures, judged, grown))
    results.save(run, docs / "performance" / "soak.json")
    section = page(docs).partition("### Step `soak`")[2]
    assert "| `soak/files` | +93 files | <= 80 more | **missed** |\n" in section
    assert "| `soak/answered` | 412 of 412 | all | yes |\n" in section
    assert "| `soak/memory` | +1.2 MiB on 30.1 | <= 8 MiB | **missed** |\n" in section


def test_the_pictures_are_the_same_bytes_each_time(docs: Path) -> None:
    """They hold no date and nothing random; each is shown, and says its axes."""
    text = page(docs)
    pictures = {path.name: path.read_bytes() for path in (docs / "performance").glob("*.svg")}
    assert {"lookups.svg", "loads.svg", "store.svg"} == set(pictures)
    assert all(f"](performance/{name})" in text for name in pictures)
    for name in pictures:
        (docs / "performance" / name).unlink()
    assert 1 == main(["--check"], docs)
    assert text == page(docs)
    assert pictures == {p.name: p.read_bytes() for p in (docs / "performance").glob("*.svg")}
    assert "microseconds" in words(docs / "performance" / "lookups.svg")
    assert "bytes" in words(docs / "performance" / "store.svg")


def test_without_results_the_document_says_so(docs: Path) -> None:
    """What was drawn before is gone, and what is written by hand stays."""
    page(docs)
    (docs / "performance" / "16m.json").unlink()
    text = page(docs)
    assert [] == list((docs / "performance").iterdir())
    assert text.startswith("# Performance\n\n<!-- measured: begin -->\n\nNot measured yet")
    assert text.endswith("<!-- measured: end -->\n\n## More\n")


def test_an_edited_document_is_noticed_and_mended(
    docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A better number by hand does not last."""
    text = page(docs)
    (docs / "performance.md").write_text(text.replace("61.20 s", "16.20 s"), encoding="utf-8")
    assert 1 == main(["--check"], docs)
    assert (
        "performance.md is out of date; run: python -m tools.performance\n"
        == capsys.readouterr().out
    )
    assert text == page(docs)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("{", "16m.json is no result of python -m bench --save (invalid JSON: "),
        ('{"date": "2026-11-28"}', "(field required at command); measure it again or delete it\n"),
        (None, "the value of scale/load is no number; measure it again\n"),
    ],
)
def test_a_broken_result_is_one_sentence(
    broken: str | None, told: str, docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is written."""
    path = docs / "performance" / "16m.json"
    text = path.read_text("utf-8").replace('"0.93"', '"fast"') if broken is None else broken
    path.write_text(text, "utf-8")
    assert 1 == main([], docs)
    said = capsys.readouterr().out
    assert told in said
    assert (1, True) == (said.count("\n"), said.startswith("performance: "))
    assert PAGE == (docs / "performance.md").read_text("utf-8")


def test_a_document_without_marks_is_left_alone(
    docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where to write is not guessed."""
    (docs / "performance.md").write_text("# Performance\n", encoding="utf-8")
    assert 1 == main([], docs)
    assert "lacks the lines between which to write" in capsys.readouterr().out
    assert "# Performance\n" == (docs / "performance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "target", "is_met"),
    [
        ("0.9", ">= 0.9", True),
        ("0.899", ">= 0.9", False),
        ("36.0 bytes", "<= 36", True),
        ("36.1 bytes", "<= 36", False),
        ("1536 MiB", "< 1536 MiB", False),
        ("9.6e-05", "<= 1e-4", True),
        ("-1.0 MiB on 30", "<= 8 MiB", True),
        ("0", "0", True),
        ("1", "0", False),
        ("411 of 412", "all", False),
        ("17", "", None),
    ],
)
def test_values_are_held_against_targets(value: str, target: str, is_met: bool | None) -> None:
    """By their numbers, on both sides of the limit."""
    assert is_met == values.is_met(Figure("-", value, target, "-"))


def words(path: Path) -> set[str]:
    """The texts of a picture, which are texts and not outlines."""
    return set(re.findall(r"<text [^>]*>([^<]+)</text>", path.read_text(encoding="utf-8")))
