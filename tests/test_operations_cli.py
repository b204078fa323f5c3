"""The operations as an operator types them: output, exit codes, and one whole story over HTTP."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import ROOT, Installation, get, wait_until
from small_index import iins

from loaders import cli
from loaders.operations_cli import COMMANDS

RUNNER = Path(__file__).parent / "operations_runner.py"
ANN, BOB, *CROWD = iins(42)


def run(
    installation: Installation, *arguments: str | Path, stdin: str = "", code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a command; its exit code must be ``code``."""
    done = subprocess.run(
        [sys.executable, str(RUNNER), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        env=installation.env | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert code == done.returncode, done.stderr
    return done


@pytest.fixture(scope="module")
def made(initialised: Installation, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """What ``published`` copies."""
    folder = tmp_path_factory.mktemp("operations")
    installation = initialised.copy(folder)
    for name, people in (("one", [ANN, BOB, *CROWD]), ("two", [ANN])):
        installation.dataset(name, classes=("government-issued-ids",))
        dump = folder / f"{name}.csv"
        dump.write_text("iin\n" + "".join(f"{iin}\n" for iin in people), encoding="utf-8")
        installation.qorgan("load", dump, "--dataset", name, "--iin", "iin")
    installation.qorgan("publish", "one", "two")
    return installation


@pytest.fixture
def published(made: Installation, tmp_path: Path) -> Installation:
    """One (42 people) and two (Ann) are published."""
    return made.copy(tmp_path)


def test_a_whole_story(made: Installation, published: Installation) -> None:
    """Verify, ask, forget, withdraw, roll back and purge, while a web node serves."""
    dump = made.data.parent / "one.csv"
    sample = ("verify", "--sample", dump, "--iin", "iin", "--dataset", "one", "--count", "20")
    with published.served(QORGAN_WORKERS="1") as served:  # two learn of a switch apart
        asked = json.loads(run(published, *sample, "--server", served.url, "--json").stdout)
        version = asked[0].pop("version")
        assert [{"asked": 20, "found": 20, "others_asked": 20, "others_found": 0}] == asked
        assert f"public {version}: 2 datasets, 42 identifiers, " in run(published, "verify").stdout
        forgotten = run(published, "forget", "--publish", "--json", stdin=f"{BOB}\n")
        assert 41 == json.loads(forgotten.stdout)[0]["identifiers"]
        withdrawn = run(published, "withdraw", "one", "--reason", "a court's order", "--json")
        (done,) = json.loads(withdrawn.stdout)
        assert (["two"], 1) == (done["datasets"], done["identifiers"])
        wait_until(lambda: version.encode() not in get(f"{served.url}/v1/params/public")[1])
        missed = run(published, *sample, "--server", served.url, "--json", code=3)
        assert 0 == json.loads(missed.stdout)[0]["found"]
        assert (
            "qorgan: 20 of 20 people of the dump are not found; publish the dataset, and run: "
            "qorgan verify\n" == missed.stderr
        )
        refused = run(published, "purge", "one", code=2).stderr
        assert refused.startswith("qorgan: a version that may still be served has one")
        (done,) = json.loads(run(published, "rollback", version, "--json").stdout)
        assert (["one", "two"], 41) == (done["datasets"], done["identifiers"])
        run(published, "verify")


def test_tables(published: Installation, tmp_path: Path) -> None:
    """What only looks, as a table and as JSON."""
    loads = json.loads(run(published, "loads", "--json").stdout)
    assert [("one", 1, "loaded", 100, 42), ("two", 2, "loaded", 100, 1)] == [
        (row["dataset"], row["load"], row["state"], row["done"], row["rows"]) for row in loads
    ]
    assert "100 %" in run(published, "loads").stdout
    picture = tmp_path / "stats.svg"
    shown = run(published, "stats", "--picture", picture)
    assert f"one {'█' * 40} 42" in shown.stdout
    assert picture.read_text(encoding="utf-8").startswith("<svg ")
    stats = json.loads(run(published, "stats", "--json").stdout)
    assert [("one", 42, 42, True), ("two", 1, 1, True)] == [
        (row["dataset"], row["rows"], row["identifiers"], row["published"]) for row in stats
    ]
    assert [("one", 42, 42), ("two", 1, 1), (None, 42, 42)] == [
        (row["dataset"], row["before"], row["after"])
        for row in json.loads(run(published, "diff", "one", "--json").stdout)
    ]
    (version,) = json.loads(run(published, "versions", "--json").stdout)
    assert ("public", ["one", "two"], [1, 2], True) == (
        *(version["lane"], version["datasets"]),
        *(version["loads"], version["current"]),
    )


def test_forget_says_what_is_left_to_do(published: Installation) -> None:
    """Without --publish it names the command; it never shows whom it was about."""
    done = run(published, "forget", stdin=f"{ANN}\n")
    assert "forgotten: out of all ledgers, and kept out of later loads\n" == done.stdout
    note, *more = done.stderr.splitlines()
    assert note.startswith("note: audit head ")
    assert ["note: what is published has not changed yet; run: qorgan publish one"] == more
    assert "people were forgotten" in run(published, "verify", code=3).stderr
    refused = run(published, "forget", ANN, code=2)
    assert ANN not in refused.stderr
    assert "an identifier is never an argument" in refused.stderr


def test_refusals(published: Installation) -> None:
    """Exit code 2 and one sentence that says what to do."""
    for arguments, sentence in (
        (("withdraw", "one"), "missing option '--reason'; see: qorgan --help"),
        (
            ("verify", "--iin", "iin"),
            "--sample, --iin and --server go together",
        ),
        (("rollback", "9-9"), "there is no such version, or it is too old; see: qorgan versions"),
    ):
        assert f"qorgan: {sentence}\n" == run(published, *arguments, code=2).stderr


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_help(name: str) -> None:
    """Every command teaches what it does."""
    shown = CliRunner().invoke(cli.cli, [name, "--help"])
    assert 0 == shown.exit_code
    assert len(shown.output.splitlines()) > 6
    assert "--json" in shown.output
