"""A real nginx on loopback, for tests of what it is to serve."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT, free_port
from tls_files import tls_files

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


@contextmanager
def deployed(folder: Path, upstream: str) -> Iterator[str]:
    """The nginx of ``deploy/``, with names and folders of this machine: where it answers by TLS.

    ``upstream``: HOST:PORT of the node that is behind all of it. ``folder`` gets ``cert.pem``.
    """
    assert PROGRAM is not None
    tls_files(folder, "localhost")
    port = free_port()
    conf = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text()
    for server in ("range-1", "range-2", "evaluator"):
        conf = conf.replace(f"server {server}:8000", f"server {upstream}")
    for before, after in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/nginx/tls/fullchain.pem", f"{folder}/cert.pem"),
        ("/etc/nginx/tls/privkey.pem", f"{folder}/key.pem"),
        ("/var/cache/nginx", str(folder)),
        ("/dev/stderr", f"{folder}/error.log"),
        ("http {", f"http {{ {folders(folder)}"),
    ):
        assert before in conf
        conf = conf.replace(before, after)
    path = folder / "nginx.conf"
    path.write_text(conf)
    process = subprocess.Popen(
        [PROGRAM, "-c", str(path), "-g", f"daemon off; user root; pid {folder}/pid;"]
    )
    try:
        yield f"https://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)
