"""The command's help, and what it says, or keeps to itself, when something goes wrong."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from io import RawIOBase
from pathlib import Path

import click
import pytest
from conftest import ROOT, Installation
from program import DATASET, DUMP, IIN, Program, Said, program, refused

from loaders import cli
from lookup.index import keyspace
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store


@pytest.fixture
def bare(
    tmp_path: Path,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command with an empty store, before ``init``."""
    del store  # its being empty is what matters
    return program(tmp_path, valkey, monkeypatch, capsys)


@pytest.fixture
def qorgan(bare: Program) -> Program:
    """The command with an index and one dataset."""
    assert 0 == bare("init", "--argon2", "test", "--prefix-bits", "10").code
    assert 0 == bare("dataset", "add", bare.write("one.toml", DATASET)).code
    return bare


def commands() -> Iterator[tuple[str, ...]]:
    """Every command and group, as it is typed."""
    yield ()
    for name, command in sorted(cli.cli.commands.items()):
        yield (name,)
        if isinstance(command, click.Group):
            yield from ((name, below) for below in sorted(command.commands))


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_has_help(bare: Program, words: tuple[str, ...]) -> None:
    """It says what the command does, and every option of ours says what it is for."""
    said = bare(*words, "--help")
    assert (0, "") == (said.code, said.err)
    assert re.match(f"Usage: .*qorgan {' '.join((*words, ''))}", said.out)
    command: click.Command = cli.cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    assert " ".join((command.help or "?").split()) in " ".join(said.out.split()) or not words
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.opts[0] in said.out
            assert option.help or isinstance(option.type, click.Choice | click.IntRange)
    assert said == bare(*words, "-h")


def test_all_commands_are_known_here() -> None:
    """A new command is seen by these tests."""
    names = "check dataset demo init load publish serve settings synth"
    assert set(names.split()) <= set(cli.cli.commands)


@pytest.mark.parametrize("words", [(), ("dataset",)])
def test_no_command_shows_the_help(bare: Program, words: tuple[str, ...]) -> None:
    """Whoever types just the name reads what there is to type, and scripts get an error."""
    said = bare(*words)
    assert (2, "") == (said.code, said.out)
    assert bare(*words, "--help").out == said.err


SECRETS = (IIN, f"-{IIN}", f"--{IIN}", "8(701)2345678", "+7 701 234 56 78", "ann@example.com")


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "before",
    [
        *("", "check", "publish", "settings", "dataset", "dataset add", "load", "init", "serve"),
        *("check --kind", "check --server", "check --publisher-key", "check --json"),
        *("synth --people", "init --prefix-bits", "init --argon2", "serve --bind", "publish --"),
        *("load dump.csv --dataset", "load dump.csv --dataset one --iin"),
        *("load dump.csv --dataset one --iin iin --field", "load dump.csv --delimiter"),
    ],
)
def test_an_identifier_as_argument_is_never_repeated(
    bare: Program, before: str, secret: str
) -> None:
    """Wherever a person's data is typed by mistake, no terminal or log shows it again."""
    said = bare(*before.split(), secret)
    assert said.code in (2, 3)
    assert "" == said.out
    assert re.fullmatch(r"qorgan: [^\n]+[^.\n]\n", said.err)
    assert secret.lstrip("-") not in said.err
    assert max(map(len, re.findall(r"\d+", said.err)), default=0) < 9


def test_version_is_the_packages(bare: Program) -> None:
    """``--version`` is what is installed."""
    assert Said(0, f"qorgan, version {version('qorgan')}\n", "") == bare("--version")


def test_unforeseen_errors_show_their_class_only(qorgan: Program, store: Store) -> None:
    """What nobody foresaw may hold data in its text, which therefore is not shown."""
    store.set_hash(keyspace.loads_of(1), {"x": "7"})
    store.set_hash(keyspace.load(7), {"dataset_id": "Ann"})
    assert refused("unforeseen error: ValueError", 1) == qorgan("publish", "one")


def test_module_and_script_are_the_same_program(tmp_path: Path) -> None:
    """``python -m loaders`` and ``qorgan`` print the same and end the same."""
    installed = Installation(tmp_path / "data")
    script = [str(Path(sys.executable).with_name("qorgan"))]
    for arguments in (["settings"], ["dataset", "list"], ["publish"]):
        done = [
            subprocess.run(
                [*program, *arguments],
                capture_output=True,
                text=True,
                env=installed.env,
                cwd=ROOT,
                check=False,
            )
            for program in (script, [sys.executable, "-m", "loaders"])
        ]
        assert done[0].returncode == done[1].returncode
        assert (done[0].stdout, done[0].stderr) == (done[1].stdout, done[1].stderr)
        assert done[0].stdout or done[0].stderr


def test_progress_is_shown_on_a_terminal_only(installation: Installation) -> None:
    """A person sees the two passes of a load on standard error; the certificate stays clean."""
    installation.dataset("one", classes=("names",))
    dump = installation.data.parent / "dump.csv"
    dump.write_text(DUMP, encoding="utf-8")
    load = ("load", dump, "--dataset", "one", "--iin", "iin")
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0) as terminal:  # noqa: PTH123  it is a descriptor
        process = subprocess.run(
            [sys.executable, "-m", "loaders", *map(str, load)],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=installation.env | {"TERM": "xterm"},
            cwd=ROOT,
            timeout=60,
            check=True,
        )
        os.close(theirs)
        shown = b"".join(_read_all(terminal))
    assert b"reading" in shown
    assert b"hashing" in shown
    assert IIN.encode() not in shown
    assert 1 == json.loads(process.stdout)["rows"]["read"]
    assert "building" not in installation.qorgan("publish", "one").stderr


def _read_all(terminal: RawIOBase) -> Iterator[bytes]:
    """All that was shown; a terminal that nobody writes to any more ends in an error."""
    with suppress(OSError):
        while shown := terminal.read(65536):
            yield shown


def test_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    """``qorgan synth | head`` is no error to talk about."""
    with subprocess.Popen(
        [sys.executable, "-m", "loaders", "synth", "--people", "60000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=Installation(tmp_path).env,
        cwd=ROOT,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        assert writer.stdout.readline().startswith(b"iin;full_name;")
        writer.stdout.close()
        assert b"" == writer.stderr.read()
        assert 130 == writer.wait(60)
