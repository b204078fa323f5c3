"""The browser's half of the protocol passes its own tests, over the same vector files."""

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

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
