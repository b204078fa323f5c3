"""A real nginx on loopback, for tests of what it is to serve."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import free_port

PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
_CONF = """\
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log info;
events {{}}
http {{
  access_log {folder}/access.log;
  {folders}
  server {{
    listen 127.0.0.1:{port};
{server}
  }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """One that runs; ``folder`` has its logs."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def reload(self) -> None:
        """Have it read its configuration again, and wait until a new worker has."""
        assert PROGRAM is not None
        subprocess.run(
            [PROGRAM, "-s", "reload", "-c", str(self.folder / "nginx.conf")],
            check=True,
            capture_output=True,
        )
        time.sleep(0.5)

    def written(self) -> str:
        """All that it logged."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


def folders(folder: Path) -> str:
    """Where it keeps what it would else keep in the system's folders."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)


@contextmanager
def running(folder: Path, server: str) -> Iterator[Nginx]:
    """An nginx whose one server block holds this, until the block ends."""
    assert PROGRAM is not None
    folder.mkdir()
    port = free_port()
    conf = folder / "nginx.conf"
    conf.write_text(_CONF.format(folder=folder, folders=folders(folder), port=port, server=server))
    # As root its workers would be nobody, who may not look into a test's folder.
    command = [PROGRAM, "-c", str(conf), "-g", "user root;"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not (folder / "pid").exists() and time.monotonic() < deadline:
            assert process.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.05)
        yield Nginx(f"http://127.0.0.1:{port}", folder, process)
    finally:
        process.terminate()
        process.wait(timeout=10)
