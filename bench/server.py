"""Servers of one worker on a core of their own: gunicorn and Granian with our settings, nginx.

What one core can do is asked of each of them from the other core.
"""

import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.figures import process_cpu, say

_PATIENCE = 60.0  # seconds; 1 is usual
_READY = re.compile(r"ready: http://[^ ]*:([0-9]+)$", re.MULTILINE)


NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
_NGINX_CONF = """\
daemon off;
worker_processes 1;
user root;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  keepalive_requests 1000000000;
  {temporary}
  server {{
    listen 127.0.0.1:{port};
    include {exported}/nginx.conf;
  }}
}}
"""


@dataclass(frozen=True)
class Server:
    """A server that answers on this port; the process id of its arbiter, or its own."""

    port: int
    pid: int

    @property
    def workers(self) -> list[int]:
        """Process ids of its workers (Linux)."""
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii")
        except OSError:
            return []
        return [int(child) for child in children.split()]

    def cpu(self) -> float:
        """Processor seconds of its workers so far (Linux)."""
        return sum(map(process_cpu, self.workers))


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """This process, and what it starts, on its first core (0) or on another (1)."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(cores) < 2:
        say("  (cores cannot be chosen here: server and load generator share)")
        yield
        return
    os.sched_setaffinity(0, {cores[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def served(app: str, data: Path, **environ: str) -> Iterator[Server]:
    """An application under gunicorn, on the first core, until the block ends."""
    words = ("gunicorn", "-c", "python:lookup.gunicorn_conf", app)
    with _started(words, data, environ | {"QORGAN_BIND": "127.0.0.1:0"}) as made:
        yield made


@contextmanager
def under_granian(data: Path, **environ: str) -> Iterator[Server]:
    """The service under Granian, on the first core, until the block ends."""
    address = {"QORGAN_BIND": f"127.0.0.1:{free_port()}"}
    with _started(("lookup.granian_server",), data, environ | address) as made:
        yield made


@contextmanager
def under_nginx(exported: Path) -> Iterator[Server]:
    """An exported version under nginx, on the first core, until the block ends."""
    if NGINX is None:
        raise SystemExit("bench: nginx is not installed here; install it to compare with it")
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-nginx-") as name:
        folder, port = Path(name), free_port()
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        conf = _NGINX_CONF.format(folder=folder, port=port, temporary=temporary, exported=exported)
        (folder / "conf").write_text(conf)
        with on_core(0):
            process = subprocess.Popen([NGINX, "-c", str(folder / "conf")])
        try:
            deadline = time.monotonic() + _PATIENCE
            while not (folder / "pid").exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("bench: nginx did not start; what it said is above")
                time.sleep(0.05)
            yield Server(port, process.pid)
        finally:
            _end(process)


def free_port() -> int:
    """A port on loopback that the kernel gives to nobody who connects somewhere."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def _started(words: Sequence[str], data: Path, environ: Mapping[str, str]) -> Iterator[Server]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("QORGAN_", "GUNICORN_"))}
    ours = {"QORGAN_DATA": str(data), "QORGAN_WORKERS": "1"}
    with tempfile.NamedTemporaryFile("wb") as log:
        with on_core(0):
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**clean, **ours, **environ},
                start_new_session=True,
            )
        try:
            yield Server(_port(process, Path(log.name)), process.pid)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE)
    process.kill()
    process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        written = log.read_text("utf-8", "backslashreplace")
        if ready := _READY.search(written):
            return int(ready[1])
        time.sleep(0.02)
    raise SystemExit(f"bench: the server did not start:\n{log.read_text('utf-8', 'replace')}")
