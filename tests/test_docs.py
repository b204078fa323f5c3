"""The documents' commands run as they stand, and name what exists."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from conftest import ROOT, Installation, free_port, wait_until

from lookup.errors import Code
from lookup.settings import SETTINGS

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def shell(line: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one line of a document as a person would, in a folder."""
    return subprocess.run(
        ["bash", "-c", line], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


def test_the_readmes_own_index_works_as_written(tmp_path: Path) -> None:
    """Copying the README line by line gives an index that answers, and the examples run."""
    (tmp_path / "kz-2025-example.toml").write_text(blocks("toml")[0], encoding="utf-8")
    lines = [line.partition(" #")[0].strip() for line in blocks("sh")[1].splitlines()]
    port = free_port()
    env = Installation(tmp_path / "data").env | {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "QORGAN_BIND": f"127.0.0.1:{port}",
    }
    serve = lines.index("qorgan serve")
    for line in lines[:serve]:
        assert 0 == (done := shell(line, tmp_path, env)).returncode, (line, done.stderr)
    with (tmp_path / "serve.log").open("wb") as log:
        served = subprocess.Popen(["qorgan", "serve"], cwd=tmp_path, env=env, stderr=log)
        try:
            wait_until(lambda: "ready: " in (tmp_path / "serve.log").read_text())
            (check,) = lines[serve + 1 :]
            asked = shell(check, tmp_path, env)
            assert (0, True) == (asked.returncode, asked.stdout.startswith("not found"))
            for line in blocks("sh")[2].splitlines():
                assert 0 == (done := shell(line, tmp_path, env)).returncode, (line, done.stderr)
            assert 0o600 == (tmp_path / "my-app.key").stat().st_mode & 0o777
            for example in blocks("python"):
                ran = subprocess.run(
                    [sys.executable, "-c", example.replace("8000", str(port)) + "print(answer)"],
                    cwd=tmp_path,
                    capture_output=True,
                    text=True,
                    check=False,
                    env=env,
                )
                assert ran.stdout.startswith("NotFound("), ran.stderr
        finally:
            served.terminate()
            served.wait(timeout=15)


def test_the_readmes_first_two_commands_are_makes() -> None:
    """The two commands of the first screen are targets of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [shlex.split(line, comments=True)[1] for line in blocks("sh")[0].splitlines()]
    assert ["demo", "test"] == targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_every_command_is_told_and_every_told_command_exists() -> None:
    """A command that is not in the changelog is unknown to users; one that does not exist lies."""
    from loaders.cli import cli

    told = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for name in cli.commands:
        assert re.search(rf"`(qorgan )?{name}\b", told), name
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for name in re.findall(r"^(?:.*\| )?qorgan ([a-z]+)", text, re.MULTILINE):
            assert name in cli.commands, (document, name)


def test_every_setting_in_the_documents_exists() -> None:
    """A misspelt setting in a document would be refused by the program."""
    for document in DOCUMENTS:
        for name in re.findall(r"QORGAN_[A-Z_]+[A-Z]", document.read_text(encoding="utf-8")):
            assert name in SETTINGS, (document, name)


def test_every_local_link_leads_somewhere() -> None:
    """A link from a document to a file of the tree is not broken."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert (document.parent / target).exists(), (document, target)


def test_every_symbol_named_in_the_architecture_exists() -> None:
    """Tables link symbols, not line numbers; a renamed symbol must be renamed here too."""
    import importlib

    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for path in set(re.findall(r"`(lookup(?:\.[a-z_]+)+)\.([A-Za-z_]+)`", text)):
        module, name = path
        assert hasattr(importlib.import_module(module), name), path


def test_the_protocol_says_what_each_vector_file_is_for() -> None:
    """Who writes a client finds every file of cases, and the step that it is for."""
    told = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    _, _, table = told.partition("## Vectors")
    files = {path.name for path in (ROOT / "tests" / "vectors").glob("*.json")}
    assert 7 == len(files)
    assert files == set(re.findall(r"`([a-z0-9-]+\.json)`", table))


def test_the_documents_agree_on_what_clients_could_not_check() -> None:
    """The protocol's table has the codes that the JavaScript client's README names."""
    protocol = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    package = (ROOT / "web" / "client" / "README.md").read_text(encoding="utf-8")
    _, _, section = protocol.partition("### Could not check")
    first_cells = re.findall(r"^\| (`.*?) \|", section.partition("\n## ")[0], re.MULTILINE)
    (row,) = re.findall(r"^\| `CouldNotCheckError` \| `code`: (.*) \|$", package, re.MULTILINE)
    told = re.findall(r"`(\w+)`", " ".join(first_cells))
    assert sorted(re.findall(r"`(\w+)`", row)) == sorted(told)
    assert {code.value for code in Code} >= set(told)
