"""A backup, restored by the commands of the documents, gives the same answers."""

import re
import shutil
import sys
from pathlib import Path

from conftest import ROOT, Installation
from site_world import CLEAN, LEAKED
from test_docs import shell

OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_a_restore_from_backup(published_site: Installation, tmp_path: Path) -> None:
    """Keys and store are all that is needed; what nodes had kept is not."""
    section = OPERATIONS.partition("## Back up and restore")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    back_up, restore = (block for block in blocks if "docker" not in block)
    installation = published_site.copy(tmp_path)
    env = installation.env | {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    before = installation.qorgan("versions", "--json").stdout
    for line in back_up.splitlines():
        assert 0 == (done := shell(line, tmp_path, env)).returncode, (line, done.stderr)
    shutil.rmtree(installation.data)
    installation.data.mkdir(mode=0o700)
    for line in restore.splitlines():
        assert 0 == (done := shell(line, tmp_path, env)).returncode, (line, done.stderr)
    assert before == installation.qorgan("versions", "--json").stdout
    with installation.served() as served:
        for iin, code in ((LEAKED, 10), (CLEAN, 0)):
            installation.qorgan("check", "--server", served.url, stdin=iin, code=code)
