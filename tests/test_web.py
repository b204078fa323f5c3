"""The browser's half of the protocol passes its own tests, over the same vector files."""

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from documented_service import LEAKED, documented

from lookup.protocol.suite import Lane

WEB = ROOT / "web"
STATIC = ROOT / "lookup" / "static"
pytestmark = [
    pytest.mark.skipif(
        shutil.which("npm") is None, reason="npm is not installed (Node 20 or newer)"
    ),
    pytest.mark.skipif(
        not (WEB / "node_modules").exists(),
        reason="web/node_modules is missing: run npm ci in web/",
    ),
]


def test_the_browsers_half_agrees() -> None:
    """A browser that disagreed with the loaders would tell a leaked person "not found"."""
    run(WEB, "npm", "test")


def test_the_served_files_are_these_sources(tmp_path: Path) -> None:
    """Whoever builds again gets the committed bytes: nothing else is in what visitors run."""
    run(WEB, "npm", "run", "build", "--workspace", "client")
    run(WEB / "site", "npx", "--no-install", "tsc", "-p", ".")
    run(WEB / "site", "node", "build.js", str(tmp_path))
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_bytes() for path in STATIC.iterdir()}
    assert sorted(committed) == sorted(built), "run: make web"
    assert committed == built, "run: make web"


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_the_examples_in_javascript(tmp_path: Path) -> None:
    """Those of ``docs/clients.md`` and of the package, against a real service."""
    run(WEB, "npm", "run", "build", "--workspace", "client")
    with documented(tmp_path) as service:
        asking, reading = service.blocks("js")
        versions = " and ".join(service.versions[lane] for lane in Lane)
        found = ["found: shop government-issued-ids", "found: clinic government-issued-ids"]
        assert [f"not found in {versions}"] == node(asking, service.folder)
        assert found == node(asking.replace("950515390002", LEAKED), service.folder)
        assert ["kz-2025-16m confirmed"] == [
            line for line in node(reading, service.folder) if "16m" in line
        ]
        example = (WEB / "client" / "example.js").read_text(encoding="utf-8")
        example = example.replace("http://127.0.0.1:8000", service.url)
        found = ["found: shop en: government-issued-ids"]
        assert found == node(example, service.folder, LEAKED)


def node(program: str, folder: Path, line: str = "") -> list[str]:
    """What a module prints that runs in a folder where the packages are installed."""
    script = folder / "example.mjs"
    script.write_text(program, encoding="utf-8")
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(WEB / "node_modules")
    done = subprocess.run(
        ["node", script.name],
        cwd=folder,
        input=line,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()
