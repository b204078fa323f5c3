"""The browser's half of the protocol passes its own tests, over the same vector files."""

import shutil
import subprocess

import pytest
from conftest import ROOT

WEB = ROOT / "web"


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed (Node 20 or newer)")
@pytest.mark.skipif(
    not (WEB / "node_modules").exists(), reason="web/node_modules is missing: run npm ci in web/"
)
def test_the_browsers_half_agrees() -> None:
    """A browser that disagreed with the loaders would tell a leaked person "not found"."""
    done = subprocess.run(
        ["npm", "test"], cwd=WEB, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:]
