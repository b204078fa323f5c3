"""Every trap of ``tests/traps``: all that loading it says, who is in the ledger then, and what an
inspection tells.

What a load says is compared whole with ``traps/expected``; its number, its times and the audit
trail's head are left out. A file that is missing there is written, and the test
fails once: read it before it is committed.
"""

import io
import json
import shlex
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import redis
from conftest import Installation
from program import Program, Said, program
from traps.make import DUMPS, EXPECTED, TRAPS
from traps.trap import CLASSES, MARKS, NAMES, Trap

from loaders import derive
from loaders import load as loading
from loaders.derive import Deriver, Recipe
from lookup import keys
from lookup.index import definition, ledger, ledger_rows
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.protocol.suite import Kind, Lane

DATASET, SUGGESTED = "traps", "suggested"
_COLUMNS = ("--iin", "--phone", "--email", "--scan")
_LEFT_OUT = ("load", "started_at", "finished_at")


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """A store of this module's own, which is not emptied between its tests."""
    with EmbeddedStore.attach(tmp_path_factory.mktemp("valkey")) as embedded:
        yield embedded


@pytest.fixture(scope="module")
def folder(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with two datasets, and a folder with all dumps."""
    made = tmp_path_factory.mktemp("traps")
    url = {"QORGAN_REDIS_URL": f"unix://{valkey.socket}"}
    installation = Installation(made / "data", url)
    installation.qorgan("init", "--argon2", "test", "--prefix-bits", "10")
    for name in (DATASET, SUGGESTED):
        installation.dataset(name, classes=tuple(CLASSES.values()))
    for trap in TRAPS:
        content = trap.content if trap.is_made else (DUMPS / trap.file).read_bytes()
        (made / trap.file).write_bytes(content)
    return made


@pytest.fixture
def qorgan(
    folder: Path,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command in that folder; the pool works in this process, to start none for each trap."""
    monkeypatch.setattr(loading, "pool", _pool)
    return program(folder, valkey, monkeypatch, capsys)


@contextmanager
def _pool(recipe: Recipe, workers: int) -> Iterator[Executor]:
    derive._deriver = Deriver(recipe)
    with ThreadPoolExecutor(workers) as executor:
        yield executor
    derive._deriver = None


def words_of(trap: Trap) -> list[str]:
    """The words of the command that loads a trap."""
    file = "-" if trap.is_piped else trap.file
    return ["load", file, "--dataset", DATASET, *shlex.split(trap.words)]


def words_about_the_file(trap: Trap) -> list[str]:
    """Those of them that an inspection takes, too: not the columns."""
    words = iter(shlex.split(trap.words))
    kept = ["-" if trap.is_piped else trap.file]
    for word in words:
        value = [] if word == "--no-header" else [next(words)]
        kept += [] if word in _COLUMNS else [word, *value]
    return kept


def run(qorgan: Program, trap: Trap, *words: str) -> Said:
    """Run a command, with the dump on standard input if it is piped."""
    if trap.is_piped:
        content = (qorgan.folder / trap.file).read_bytes()
        qorgan.patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    return qorgan(*words)


def compared(said: Said) -> dict[str, object]:
    """All of what was said, but for what differs from load to load."""
    certificate = json.loads(said.out) if said.out else None
    for name in _LEFT_OUT if certificate else ():
        del certificate[name]
    return {"exit": said.code, "certificate": certificate, "told": said.told.splitlines()}


def in_ledger(valkey: EmbeddedStore, load_id: int) -> Counter[bytes]:
    """The rows of a load."""
    with redis.Redis(unix_socket_path=str(valkey.socket)) as client:
        store = Store(client, None)
        load = ledger.read(store, load_id)
        return Counter(row.tobytes() for rows in ledger_rows.read(store, load) for row in rows)


def rows_of(folder: Path, valkey: EmbeddedStore, people: dict[str, str]) -> Counter[bytes]:
    """The rows that these people should have."""
    with redis.Redis(unix_socket_path=str(valkey.socket)) as client:
        store = Store(client, None)
        argon2 = definition.read(store).argon2
    held = keys.loader_keys(folder / "data" / "keys")
    deriver = Deriver(Recipe(Lane.PUBLIC, 1, argon2, held.lanes[Lane.PUBLIC], held.ledger))
    bits = {letter: 1 << at for at, letter in enumerate(CLASSES)}
    rows: Counter[bytes] = Counter()
    for identifier, letters in people.items():
        mask = np.array([sum(bits[letter] for letter in letters)], dtype=np.uint16)
        kind = Kind.EMAIL if "@" in identifier else Kind.PHONE if "+" in identifier else Kind.IIN
        rows[deriver.rows(kind, [identifier], mask).tobytes()] += 1
    return rows


def secrets_in(text: str) -> list[str]:
    """The pieces of somebody in a text, whoever of the traps' people it is."""
    everyone = {one for trap in TRAPS for one in trap.people} | set(NAMES)
    pieces = {one.lstrip("0").removeprefix("+7").lower() for one in everyone} | set(MARKS)
    return sorted(piece for piece in pieces if piece in text.lower())


def test_the_traps_are_all_there() -> None:
    """So many, of as many names, each with its dump and expectation and nothing besides."""
    names = sorted(trap.file for trap in TRAPS)
    committed = sorted(trap.file for trap in TRAPS if not trap.is_made)
    assert 117 == len(set(names)) == len(names)
    assert committed == sorted(path.name for path in DUMPS.iterdir())
    assert [f"{name}.json" for name in names] == sorted(path.name for path in EXPECTED.iterdir())
    assert all(path.stat().st_size < 4096 for path in DUMPS.iterdir())


def test_the_dumps_are_what_the_script_makes() -> None:
    """Where the libraries that pack them leave no freedom."""
    fixed = [trap for trap in TRAPS if trap.is_same_everywhere and not trap.is_made]
    assert 60 < len(fixed)
    differing = [trap.file for trap in fixed if (DUMPS / trap.file).read_bytes() != trap.content]
    assert [] == differing


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.file)
def test_what_a_load_says(qorgan: Program, folder: Path, valkey: EmbeddedStore, trap: Trap) -> None:
    """The whole certificate or refusal; those in the ledger, with what is known of each."""
    said = run(qorgan, trap, *words_of(trap))
    told = {"trap": trap.says, "command": shlex.join(["qorgan", *words_of(trap)])} | compared(said)
    path = EXPECTED / f"{trap.file}.json"
    if not path.exists():
        path.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        pytest.fail("what to expect was not written down; it is now: read it")
    assert json.loads(path.read_text(encoding="utf-8")) == told
    assert [] == secrets_in(said.out + said.err)
    if said.code:
        assert ((2, ""), {}) == ((said.code, said.out), trap.people)
        return
    certificate = json.loads(said.out)
    rows = certificate["rows"]
    assert rows["read"] == rows["accepted"] + rows["duplicates"] + rows["rejected"]
    assert rows["rejected"] == sum(certificate["rejected"].values())
    assert len(trap.people) == sum(certificate["identifiers"].values())
    expected = rows_of(folder, valkey, trap.people)
    assert expected == in_ledger(valkey, certificate["load"])


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.file)
def test_what_an_inspection_tells(qorgan: Program, trap: Trap) -> None:
    """Nobody is in it; and what it suggests loads the same."""
    said = run(qorgan, trap, "inspect", *words_about_the_file(trap))
    assert said.code in (0, 2)
    assert [] == secrets_in(said.out + said.err)
    if said.code:
        assert ("", 1, True) == (
            said.out,
            len(said.err.splitlines()),
            said.err.startswith("qorgan: "),
        )
    elif trap.people and trap.is_suggested:
        command = said.out.splitlines()[-1].removeprefix("command  qorgan ")
        again = run(qorgan, trap, *shlex.split(command.replace("NAME", SUGGESTED)))
        expected = json.loads((EXPECTED / f"{trap.file}.json").read_text(encoding="utf-8"))
        expected["certificate"]["dataset"] = SUGGESTED
        assert expected["certificate"] == compared(again)["certificate"]
