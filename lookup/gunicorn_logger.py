"""What gunicorn may say: its lifecycle, as events of ours; the rest is withheld.

gunicorn's own logger writes request lines, header contents and client addresses, at some levels
or with some options. This one knows a closed list of gunicorn's message templates and turns each
into an event with checked fields. Of anything else it says that there was a message, its level
and the class of the exception. Debug messages are dropped, and there is no access log, whatever
``--log-level``, ``--access-logfile`` or ``GUNICORN_CMD_ARGS`` ask for: no option is read here.
"""

import signal
import sys
from collections.abc import Callable
from typing import Any

from lookup.logs import ERROR, INFO, WARNING, Event, Fields, event


def _nothing(*_: object) -> Fields:
    return {}


def _pid(pid: int, *_: object) -> Fields:
    return {"pid": pid}


def _signal(name: str) -> Fields:
    return {"signal": signal.Signals[f"SIG{name.upper()}"]}


def _pid_and_status(pid: int, status: int) -> Fields:
    return {"pid": pid, "status": status}


def _pid_and_signal(pid: int, name: str) -> Fields:
    return {"pid": pid, "signal": signal.Signals[name]}


# The templates, word for word (gunicorn 27: arbiter.py, sock.py, workers/gthread.py), what each
# becomes, and how its arguments become fields.
KNOWN: dict[str, tuple[Event, Callable[..., Fields]]] = {
    "Starting gunicorn %s": (Event.SERVICE_STARTING, _nothing),
    "Listening at: %s (%s)": (Event.SERVICE_LISTENING, lambda _, pid: {"pid": pid}),
    "Listening at: %s": (Event.SERVICE_LISTENING, _nothing),
    "Hang up: %s": (Event.SERVICE_RELOADING, _nothing),
    "Handling signal: %s": (Event.SIGNAL_RECEIVED, _signal),
    "Shutting down: %s": (Event.SERVICE_STOPPING, _nothing),
    "Connection in use: %s": (Event.CANNOT_LISTEN, _nothing),
    "Invalid address: %s": (Event.CANNOT_LISTEN, _nothing),
    "Can't connect to %s": (Event.CANNOT_LISTEN, _nothing),
    "Booting worker with pid: %s": (Event.WORKER_STARTED, _pid),
    "Worker exiting (pid: %s)": (Event.WORKER_STOPPED, _pid),
    "Worker (pid:%s) exited with code %s.": (Event.WORKER_FAILED, _pid_and_status),
    "Worker (pid:%s) was sent %s!": (Event.WORKER_KILLED, _pid_and_signal),
    "Worker (pid:%s) was sent %s! Perhaps out of memory?": (Event.WORKER_KILLED, _pid_and_signal),
    "WORKER TIMEOUT (pid:%s)": (Event.WORKER_SILENT, _pid),
    "Parent changed, shutting down: %s": (Event.WORKER_ORPHANED, _nothing),
    "Socket error processing request.": (Event.CONNECTION_FAILED, _nothing),
    "Error handling request": (Event.UNEXPECTED_ERROR, _nothing),
}

# Templates whose news another event brings.
SAID_ELSEWHERE = frozenset({"Using worker: %s", "Quick shutdown requested", "Reason: %s"})


class QuietLogger:
    """The ``logger_class`` of gunicorn: it offers what gunicorn calls, and no more."""

    access_log_enabled = False

    def __init__(self, cfg: Any) -> None:
        self.cfg = cfg  # the arbiter reads it back when it reloads

    def setup(self, cfg: Any) -> None:
        """Keep the reloaded configuration; nothing here depends on it."""
        self.cfg = cfg

    def access(self, *_: object) -> None:
        """Log no request."""

    def reopen_files(self) -> None:
        """There are no files."""

    def close_on_exec(self) -> None:
        """There are no files."""

    def debug(self, *_: object, **__: object) -> None:
        """Drop it: most debug messages quote what a client sent."""

    def info(self, msg: object, *args: object, **kwargs: object) -> None:
        _say(INFO, msg, args, kwargs.get("exc_info"))

    def warning(self, msg: object, *args: object, **kwargs: object) -> None:
        _say(WARNING, msg, args, kwargs.get("exc_info"))

    def error(self, msg: object, *args: object, **kwargs: object) -> None:
        _say(ERROR, msg, args, kwargs.get("exc_info"))

    def critical(self, msg: object, *args: object, **kwargs: object) -> None:
        _say(ERROR, msg, args, kwargs.get("exc_info"))

    def exception(self, msg: object, *args: object, **_: object) -> None:
        _say(ERROR, msg, args, True)


def _say(level: int, msg: object, args: tuple[object, ...], exc_info: object) -> None:
    """Log the event that ``msg`` stands for, or that a message was withheld."""
    if msg in SAID_ELSEWHERE or str(msg).startswith("connection to "):  # comes with its address
        return
    what, fields = Event.GUNICORN_WITHHELD, Fields()
    if isinstance(msg, str) and msg in KNOWN:
        what, form = KNOWN[msg]
        try:
            fields = form(*args)
        except (KeyError, TypeError, AttributeError):  # not the arguments it had in gunicorn 27
            what = Event.GUNICORN_WITHHELD
    error = sys.exc_info()[1] if exc_info else None
    if error is not None:
        fields["error"] = error
    if what is Event.CONNECTION_FAILED:
        level = INFO  # gunicorn's error; but clients fall silent every day
    event(what, level, **fields)
