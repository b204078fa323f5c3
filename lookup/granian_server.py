"""The same application under Granian: ``qorgan serve --server granian`` (extra ``qorgan[fast]``).

What ``gunicorn_conf`` does for gunicorn, this does for Granian: it reads ``Settings``, starts the
log, holds the embedded store, says ``ready: URL``, and stops in order. Granian's own log, which
may quote what an application raised, is off; its HTTP errors have no body and repeat nothing.

Granian builds the environment of every request from that of the process. So a worker empties the
latter once the application has its settings: no setting is in reach of a request, and a request
costs a fifth less.
"""

import atexit
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable
from functools import partial
from multiprocessing import Value
from multiprocessing.util import Finalize
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from lookup import logs, open_files, problems, tally
from lookup.app import create_app
from lookup.bodies import WholeBodies
from lookup.errors import QorganError
from lookup.gunicorn_worker import REFUSED, UNAVAILABLE
from lookup.index.embedded import EmbeddedStore
from lookup.logs import Event
from lookup.readiness import announce
from lookup.secrecy import forbid_core_dumps
from lookup.settings import Settings

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    Outcome = Synchronized[int]

_THREADS = 2048  # a worker's, started as they are needed
_BODIES = 1536  # that are waited for at once; the other threads are for what has none
_BACKLOG = 4096  # connections that wait to be accepted
_CONNECTIONS = 100_000  # a worker's; idle ones cost 20 KB each
_HEAD_TIMEOUT = 10_000  # ms for a request's head; an idle connection is one, too
_HEAD_BYTES = 16 * 1024  # the longest head, and the most that is read ahead of a body
_STOP_TIMEOUT = 3  # seconds; leaves the store most of the 10 s in which all must have stopped
_AGAIN = 6  # seconds before a worker that failed ends; sooner, Granian would call it a crash loop

# What has become of the workers, seen by all of them; any other value is an exit code.
_STARTING, _STARTED = 0, 1


class _Guarded:
    """The application; what it lets through is logged by its class, and never reaches Granian."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        try:
            return self._app(environ, start)
        except Exception as error:  # noqa: BLE001  Granian would print its text
            logs.unexpected(error)
            problem = problems.of(error)
            start(problem.status_line, list(problem.headers))
            return [problem.body]


def main() -> NoReturn:
    """Serve until a signal; the process exits as gunicorn's would."""
    forbid_core_dumps()
    open_files.allow_most()
    # A shell without job control starts background processes with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop_early)
    try:
        settings = Settings.from_env()
        logs.configure(json_lines=settings.log_json)
        held = EmbeddedStore.attach(settings.data / "store") if settings.redis_url is None else None
    except QorganError as error:
        sys.stderr.write(f"qorgan: {error.sentence}\n")
        sys.exit(error.exit_code)
    outcome = Value("i", _STARTING)
    share = tally.share()
    try:
        _serve(settings, outcome)
    finally:
        if share is not None:
            share.end()
        if held is not None:
            held.detach()
    sys.exit(outcome.value if outcome.value in (REFUSED, UNAVAILABLE) else 0)


def _serve(settings: Settings, outcome: "Outcome") -> None:
    """Run the workers until a signal, or until the first of them cannot start."""
    address = _numeric(settings.host, settings.port)
    server = Granian(
        "lookup.app:create_app",
        address=address,
        port=settings.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.workers,
        blocking_threads=_THREADS,
        backpressure=_CONNECTIONS,
        backlog=_BACKLOG,
        http1_settings=HTTP1Settings(
            header_read_timeout=_HEAD_TIMEOUT, max_buffer_size=_HEAD_BYTES
        ),
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_TIMEOUT,
        log_enabled=False,
    )
    stopped = threading.Event()
    url = f"http://{settings.host}:{settings.port}"
    server.on_startup(lambda: logs.event(Event.SERVICE_LISTENING, pid=os.getpid()))
    teller = threading.Thread(
        target=announce,
        args=(address, settings.port, url, lambda: not stopped.is_set()),
        daemon=True,
    )
    teller.start()
    try:
        server.serve(target_loader=partial(_load, settings, outcome))
    except SystemExit:  # a worker ended by itself; each has said why
        if outcome.value == _STARTED:
            outcome.value = UNAVAILABLE
    finally:
        stopped.set()
        logs.event(Event.SERVICE_STOPPING)


def _load(settings: Settings, outcome: "Outcome", _target: str) -> "WSGIApplication":
    """A worker's application."""
    for number in (signal.SIGINT, signal.SIGTERM):  # until Granian takes them, it just ends
        signal.signal(number, signal.SIG_DFL)
    try:
        app = WholeBodies(_Guarded(create_app(settings)), _BODIES)
    except QorganError as error:
        logs.event(Event.CANNOT_START, logs.ERROR, code=error.code)
        _give_up(outcome, error.exit_code, f"qorgan: {error.sentence}\n")
    except Exception as error:  # noqa: BLE001  multiprocessing would print its text
        logs.unexpected(error)
        _give_up(outcome, UNAVAILABLE, "")
    # A worker's process ends without these: the last counts, the store's connections.
    Finalize(None, atexit._run_exitfuncs, exitpriority=0)  # noqa: SLF001
    os.environ.clear()
    with outcome.get_lock():
        outcome.value = outcome.value or _STARTED
    logs.event(Event.WORKER_STARTED, pid=os.getpid())
    return app


def _give_up(outcome: "Outcome", code: int, sentence: str) -> NoReturn:
    """Exit: before any worker has started, so that the service stops with ``code``.

    A later one is started again after a while: what went on before goes on.
    """
    with outcome.get_lock():
        is_first = outcome.value == _STARTING
        if is_first:  # its siblings would say the same
            outcome.value = REFUSED if code == REFUSED else UNAVAILABLE
            sys.stderr.write(sentence)
            sys.stderr.flush()
    if is_first:
        os.kill(os.getppid(), signal.SIGTERM)
    else:
        time.sleep(_AGAIN)
    os._exit(1)


def _stop_early(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _numeric(host: str, port: int) -> str:
    """Granian binds to numbers only."""
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return str(found[0][4][0])


if __name__ == "__main__":
    main()
