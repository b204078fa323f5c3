"""The log: a line is one static text and allow-listed fields, nothing else, ever.

Promises, from ``configure`` on and for the whole process:
- our lines say only members of ``Event`` and the fields of ``Fields``, each of a closed form;
- a line of any other library (Flask, Werkzeug, redis, urllib3, Python's warnings) is replaced,
  where it is made, by a static text that names the library and the exception's class;
- an exception that nobody caught shows its class only: no text, no arguments, no traceback.

So no URL, body, address, identifier, token, blinded element or prefix can get in. Harder
debugging is the price. A field of an unknown name or a wrong form never raises, because a log
line must not break an answer: it is left out, and ``withheld`` says how many were. mypy finds
both where they are written.

Not promised: what code writes to standard error itself; the linter forbids ``print``.
Only programs call ``configure``, never ``create_app``: it changes the whole process.
"""

import json
import logging
import re
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, TextIO, TypedDict, Unpack, cast

from lookup.errors import Code, QorganError

INFO, WARNING, ERROR = logging.INFO, logging.WARNING, logging.ERROR


class Event(StrEnum):
    """Every text a line can have."""

    # the service
    SERVICE_STARTING = "service starting"
    SERVICE_LISTENING = "service listening"
    SERVICE_RELOADING = "service reloading"
    SERVICE_STOPPING = "service stopping"
    SIGNAL_RECEIVED = "signal received"
    CANNOT_LISTEN = "cannot listen on the configured address"
    CANNOT_START = "cannot start"
    # its workers
    WORKER_STARTED = "worker started"
    WORKER_STOPPED = "worker stopped"
    WORKER_KILLED = "worker ended by a signal"
    WORKER_FAILED = "worker failed"
    WORKER_SILENT = "worker gave no sign of life"
    WORKER_ORPHANED = "worker lost its parent"
    # requests
    REQUEST_UNREADABLE = "request could not be parsed"
    CONNECTION_FAILED = "connection failed"
    UNEXPECTED_ERROR = "unexpected error"
    # the index
    VERSION_MAPPED = "new version mapped"
    VERSION_FETCH_FAILED = "version could not be fetched"
    VERSION_STALE = "version is stale"
    STORE_AWAY = "store cannot be reached"
    STORE_BACK = "store is back"
    COUNTS_REFUSED = "limits cannot be counted, the store refuses"
    COUNTS_TAKEN = "limits are counted again"
    KEY_MISFIT = "keys or store cannot be trusted"
    # what others said
    GUNICORN_WITHHELD = "gunicorn: message withheld"
    LIBRARY_WITHHELD = "library: message withheld"


class Fields(TypedDict, total=False):
    """Every field a line can have; ``_FORMS`` has the form of each.

    ``error`` is the exception or its class, never text; ``route`` is a route's static name,
    never a path; ``status`` is an HTTP status or an exit code.
    """

    code: Code
    count: int
    error: BaseException | type[BaseException]
    lane: str
    library: str
    pid: int
    route: str
    seconds: float
    signal: signal.Signals
    status: int
    version: str


def configure(*, json_lines: bool, stream: TextIO | None = None) -> None:
    """Send the log, and nothing but the log, to ``stream`` (default: standard error)."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonLines() if json_lines else _TextLines())
    handler.addFilter(lambda record: record.name == _NAME or record.levelno >= WARNING)
    for logger, level in ((logging.getLogger(_NAME), INFO), (logging.getLogger(), WARNING)):
        logger.handlers[:] = [handler]
        logger.setLevel(level)
    logging.getLogger(_NAME).propagate = False
    logging.setLogRecordFactory(_record)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a failing handler would print the line's arguments
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, None)
    sys.unraisablehook = lambda args: _uncaught(args.exc_type, args.exc_value, None)


def event(text: Event, level: int = INFO, **fields: Unpack[Fields]) -> None:
    """Write one line; never raises."""
    line = _line(text, cast("dict[str, object]", fields))
    logging.getLogger(_NAME).log(level if level in _LEVELS else ERROR, line)


def unexpected(error: BaseException) -> None:
    """Write that something unforeseen happened: the exception's class; of ours the code, too."""
    if isinstance(error, QorganError):
        event(Event.UNEXPECTED_ERROR, ERROR, error=error, code=error.code)
        return
    event(Event.UNEXPECTED_ERROR, ERROR, error=error)


_NAME = "qorgan"
_LEVELS = {INFO: "info", WARNING: "warning", ERROR: "error", logging.CRITICAL: "error"}


@dataclass(frozen=True)
class _Line:
    """The only kind of message that our formatters write out; all of it has been checked."""

    text: Event
    fields: tuple[tuple[str, str | int | float], ...]

    def __str__(self) -> str:
        return " ".join([self.text, *(f"{name}={value}" for name, value in self.fields)])


def _line(text: Event, fields: dict[str, object]) -> _Line:
    known = isinstance(text, Event)
    kept: list[tuple[str, str | int | float]] = []
    for name, value in fields.items():
        shown = _FORMS[name](value) if name in _FORMS else None
        if shown is not None:
            kept.append((name, shown))
    withheld = len(fields) - len(kept) + (not known)
    if withheld:
        kept.append(("withheld", withheld))
    return _Line(text if known else Event.LIBRARY_WITHHELD, tuple(kept))


def _whole(low: int, high: int) -> Callable[[object], int | None]:
    return lambda value: value if type(value) is int and low <= value <= high else None


def _matching(pattern: str) -> Callable[[object], str | None]:
    form = re.compile(pattern, re.ASCII)
    return lambda value: value if type(value) is str and form.fullmatch(value) else None


def _seconds(value: object) -> float | None:
    fits = type(value) in (int, float) and 0 <= cast("float", value) < 10**7
    return round(cast("float", value), 3) if fits else None


def _class_name(value: object) -> str | None:
    """The qualified name of an exception's class; text is refused, it could be a message."""
    kind = value if isinstance(value, type) else type(value)
    if not issubclass(kind, BaseException):
        return None
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return _class_form(module + kind.__qualname__)


_class_form = _matching(r"(?!.*[0-9]{5})[\w.<>]{1,120}")

# The forms leave an identifier no room: a count below 10^8 holds no phone number and no IIN
# (one that begins with 0001 has 9 digits), the texts hold no "@" and no long run of digits.
_FORMS: dict[str, Callable[[object], str | int | float | None]] = {
    "code": lambda value: value.value if isinstance(value, Code) else None,
    "count": _whole(0, 10**8 - 1),
    "error": _class_name,
    "lane": _matching("public|verified"),
    "library": _matching(r"[A-Za-z_]{1,32}[0-9]?"),
    "pid": _whole(1, 2**22),  # Linux's highest
    "route": _matching(r"[a-z_]{1,32}(?:\.[a-z_]{1,32})?"),
    "seconds": _seconds,
    "signal": lambda value: value.name if isinstance(value, signal.Signals) else None,
    "status": _whole(0, 599),
    "version": _matching(r"[0-9]{1,7}-[0-9a-f]{8}"),
}


def _record(
    name: str, level: int, path: str, number: int, msg: object, *rest: Any, **_: Any
) -> logging.LogRecord:
    """Make a log record, whoever logs: a foreign message is dropped before anyone can see it."""
    if not isinstance(msg, _Line):
        fields: dict[str, object] = {"library": str(name).partition(".")[0]}
        exc_info = rest[1] if len(rest) > 1 else None
        if isinstance(exc_info, tuple) and exc_info[1] is not None:
            fields["error"] = exc_info[1]
        msg = _line(Event.LIBRARY_WITHHELD, fields)
    return logging.LogRecord(name, level, path, number, msg, (), None)


def _uncaught(
    kind: type[BaseException], error: BaseException | None, _: TracebackType | None
) -> None:
    if not issubclass(kind, (KeyboardInterrupt, SystemExit)):  # whoever stopped it knows
        event(Event.UNEXPECTED_ERROR, ERROR, error=kind if error is None else error)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(dict(_parts(record)), ensure_ascii=True)


class _TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(
            f"{name}={json.dumps(value) if ' ' in str(value) else value}"
            for name, value in _parts(record)
        )


def _parts(record: logging.LogRecord) -> list[tuple[str, str | int | float]]:
    line = record.msg if isinstance(record.msg, _Line) else _Line(Event.LIBRARY_WITHHELD, ())
    at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    level = _LEVELS.get(record.levelno, "error")
    return [("at", at), ("level", level), ("event", line.text.value), *line.fields]
