"""One gunicorn worker with the service's own configuration, on a core of its own."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.figures import process_cpu, say

_PATIENCE = 60.0  # seconds; 1 is usual
_READY = re.compile(r"ready: http://[^ ]*:([0-9]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Server:
    """A server that answers on this port; its arbiter's process id."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Processor seconds of its worker so far (Linux)."""
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii")
        except OSError:
            return 0.0
        return sum(process_cpu(int(child)) for child in children.split())


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
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("QORGAN_", "GUNICORN_"))}
    ours = {"QORGAN_DATA": str(data), "QORGAN_WORKERS": "1", "QORGAN_BIND": "127.0.0.1:0"}
    with tempfile.NamedTemporaryFile("wb") as log:
        with on_core(0):
            process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "python:lookup.gunicorn_conf", app],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean | ours | environ,
                start_new_session=True,
            )
        try:
            yield Server(_port(process, Path(log.name)), process.pid)
        finally:
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
        time.sleep(0.05)
    raise SystemExit(f"bench: the server did not start:\n{log.read_text('utf-8', 'replace')}")
