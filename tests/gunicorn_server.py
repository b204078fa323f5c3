"""A real gunicorn with our configuration, for tests: it starts, is talked to, and is gone."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lookup.logs import Event

ROOT = Path(__file__).parents[1]

FOREGROUND = 'exec "$@"'
BACKGROUND = '"$@" & wait $!'  # a shell without job control: SIGINT is ignored at start


@dataclass
class Server:
    """A gunicorn in a session of its own."""

    process: subprocess.Popen[bytes]
    folder: Path

    @classmethod
    def start(
        cls,
        folder: Path,
        app: str = "tests.tiny_wsgi:app",
        conf: str = "lookup.gunicorn_conf",
        shell: str = FOREGROUND,
        **env: str,
    ) -> "Server":
        home = folder / "home"
        home.mkdir()
        inherited = {k: v for k, v in os.environ.items() if k[:6] not in ("QORGAN", "GUNICO")}
        ours = {"QORGAN_BIND": "127.0.0.1:0", "QORGAN_WORKERS": "1"}
        homes = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
        command = [sys.executable, "-m", "gunicorn", "-c", f"python:{conf}", app]
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                ["sh", "-c", shell, "sh", *command],
                cwd=ROOT,
                env=inherited | ours | homes | env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        return cls(process, folder)

    def written(self, name: str = "err") -> list[str]:
        return (self.folder / name).read_text("utf-8", "backslashreplace").splitlines()

    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.written() if line.startswith("{")]

    def wait_for(self, part: str, times: int = 1) -> str:
        """The line with ``part`` in it, once there are that many."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = [line for line in self.written() if part in line]
            if len(found) >= times:
                return found[-1]
            assert self.process.poll() is None, self.written()
            time.sleep(0.02)
        raise TimeoutError(part, self.written())

    def connect(self, data: bytes = b"") -> socket.socket:
        """A connection on which ``data`` was sent."""
        port = int(self.wait_for("ready: ").rpartition(":")[2])
        client = socket.create_connection(("127.0.0.1", port), timeout=10)
        client.sendall(data)
        return client

    def ask(self, data: bytes) -> bytes:
        """What comes back until the server hangs up, to a client that has said all it has."""
        received = b""
        with self.connect() as client:
            with suppress(ConnectionError):  # refused before it was read
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            while chunk := client.recv(65536):
                received += chunk
        return received

    def signal(self, number: int) -> None:
        """Signal the arbiter, which need not be the process that we started."""
        pids = [line["pid"] for line in self.log() if line["event"] == Event.SERVICE_LISTENING]
        pid = pids[0] if pids else self.process.pid
        assert isinstance(pid, int)
        os.kill(pid, number)

    def gone(self, seconds: float = 15) -> bool:
        """Whether the whole session ends in time; kills what is left."""
        deadline = time.monotonic() + seconds
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                self.process.poll()
                os.killpg(self.process.pid, 0)
                time.sleep(0.02)
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return False
        return True

    def stop(self) -> None:
        """Stop it, however far it has come."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        self.gone()
