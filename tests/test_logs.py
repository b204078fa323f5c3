import gc
import io
import json
import logging
import re
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from lookup import logs
from lookup.errors import Code, UnavailableError
from lookup.logs import Event

IIN = "950515390002"  # synthetic
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

Configure = Callable[..., io.StringIO]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """``logs.configure`` into a string; afterwards the process is as it was."""
    loggers = [logging.getLogger(), logging.getLogger("qorgan")]
    before = [(log.handlers[:], log.level, log.propagate) for log in loggers]
    factory, hooks = (
        logging.getLogRecordFactory(),
        (
            sys.excepthook,
            threading.excepthook,
            sys.unraisablehook,
        ),
    )

    def start(*, json_lines: bool = True) -> io.StringIO:
        stream = io.StringIO()
        logs.configure(json_lines=json_lines, stream=stream)
        return stream

    yield start
    for log, (handlers, level, propagate) in zip(loggers, before, strict=True):
        log.handlers[:], log.propagate = handlers, propagate
        log.setLevel(level)
    logging.setLogRecordFactory(factory)
    logging.captureWarnings(False)
    logging.raiseExceptions = True
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def _only(stream: io.StringIO) -> dict[str, Any]:
    (line,) = _lines(stream)
    assert AT.fullmatch(line.pop("at"))
    return line


def test_json_line(configure: Configure) -> None:
    """A JSON line has time, level, static text and fields, in this order."""
    stream = configure()
    logs.event(Event.VERSION_MAPPED, lane="public", version="7-ed0447ca", seconds=1.23456)
    (line,) = _lines(stream)
    assert list(line) == ["at", "level", "event", "lane", "version", "seconds"]
    assert _only(stream) == {
        "level": "info",
        "event": "new version mapped",
        "lane": "public",
        "version": "7-ed0447ca",
        "seconds": 1.235,
    }


def test_text_line(configure: Configure) -> None:
    """A text line has the same as ``name=value``, quoted where it has a space."""
    stream = configure(json_lines=False)
    logs.event(Event.STORE_AWAY, logs.WARNING, error=ConnectionError, seconds=3)
    at, rest = stream.getvalue().split(" ", 1)
    assert AT.fullmatch(at.removeprefix("at="))
    assert rest == 'level=warning event="store cannot be reached" error=ConnectionError seconds=3\n'


def test_configured_twice(configure: Configure) -> None:
    """Configuring again replaces the first, so that no line appears twice."""
    first, second = configure(), configure()
    logs.event(Event.STORE_BACK)
    assert (first.getvalue(), len(_lines(second))) == ("", 1)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("code", Code.BAD_PREFIX, "bad_prefix"),
        ("count", 0, 0),
        ("count", 99_999_999, 99_999_999),
        ("error", ValueError(IIN), "ValueError"),
        ("error", json.JSONDecodeError, "json.decoder.JSONDecodeError"),
        ("lane", "verified", "verified"),
        ("library", "urllib3", "urllib3"),
        ("pid", 1, 1),
        ("route", "api.evaluate", "api.evaluate"),
        ("seconds", 0, 0),
        ("signal", signal.SIGTERM, "SIGTERM"),
        ("status", 599, 599),
        ("version", "1234567-00000000", "1234567-00000000"),
    ],
)
def test_field(configure: Configure, name: str, value: object, shown: object) -> None:
    """Each field is shown in its form, up to the last value allowed."""
    stream = configure()
    logs.event(Event.STORE_BACK, **{name: value})  # type: ignore[arg-type]
    assert {"level": "info", "event": "store is back", name: shown} == _only(stream)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("code", "bad_prefix"),
        ("count", -1),
        ("count", 100_000_000),
        ("count", int(IIN)),
        ("count", int("000101500003")),  # the least number that an IIN can be: nine digits
        ("count", True),
        ("count", "7"),
        ("count", None),
        ("error", "ValueError"),
        ("error", str),
        ("error", type(f"E{IIN}", (Exception,), {})),
        ("error", type("E f", (Exception,), {})),
        ("lane", "other"),
        ("library", f"redis{IIN}"),
        ("pid", 0),
        ("route", "/v1/range/public/7-ed0447ca/0a1"),
        ("route", "Aigerim"),
        ("route", "a" * 33),
        ("seconds", -1),
        ("seconds", float("nan")),
        ("seconds", float("inf")),
        ("seconds", 77011234567.0),
        ("signal", "SIGTERM"),
        ("status", 600),
        ("version", f"{IIN}-ed0447ca"),
        ("version", "7-ed0447ca\n"),
        ("prefix", "0a1"),
        (IIN, 1),
    ],
)
def test_wrong_field(configure: Configure, name: str, value: object) -> None:
    """A field of an unknown name or a wrong form is left out and counted, and nothing raises."""
    stream = configure()
    logs.event(Event.STORE_BACK, **{name: value})  # type: ignore[arg-type]
    assert _only(stream) == {"level": "info", "event": "store is back", "withheld": 1}


def test_wrong_text(configure: Configure) -> None:
    """A text that is no member of Event is not written, even where it looks harmless."""
    stream = configure()
    logs.event("store is back", pid=2)  # type: ignore[arg-type]
    expected = {"level": "info", "event": "library: message withheld", "pid": 2, "withheld": 1}
    assert expected == _only(stream)


def test_unexpected(configure: Configure) -> None:
    """Of an unexpected exception, its cause and its notes only the class is written."""
    stream = configure()
    error = json.JSONDecodeError(IIN, IIN, 0)
    error.__cause__ = KeyError(IIN)
    error.add_note(IIN)
    logs.unexpected(error)
    assert _only(stream) == {
        "level": "error",
        "event": "unexpected error",
        "error": "json.decoder.JSONDecodeError",
    }


def test_unexpected_of_our_own(configure: Configure) -> None:
    """Of our own errors the code is written too: it says what to look at; the sentence is not."""
    stream = configure()
    logs.unexpected(UnavailableError(Code.BAD_FILE, IIN))
    assert {
        "level": "error",
        "event": "unexpected error",
        "error": "lookup.errors.UnavailableError",
        "code": "bad_file",
    } == _only(stream)


@pytest.mark.parametrize("name", ["redis.connection", "werkzeug", "root", "qorgan"])
def test_library(configure: Configure, name: str) -> None:
    """A line of another library, or one that bypasses ``event``, shows library and class."""
    stream = configure()
    error = ConnectionError(IIN)
    logging.getLogger(name).error("asked for %s", IIN, extra={"iin": IIN}, exc_info=error)
    assert {
        "level": "error",
        "event": "library: message withheld",
        "library": name.partition(".")[0],
        "error": "ConnectionError",
    } == _only(stream)


def test_library_chatter(configure: Configure) -> None:
    """What a library says below a warning is dropped, also where it asked for its debug level."""
    stream = configure()
    chatty = logging.getLogger("chatty")
    chatty.setLevel(logging.DEBUG)
    chatty.info("GET /%s", IIN)
    assert stream.getvalue() == ""


def test_library_with_a_handler(configure: Configure) -> None:
    """A library that brings its own handler and format gets nothing to write either."""
    configure()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s %(exc_text)s"))
    loud = logging.getLogger("loud")
    loud.addHandler(handler)
    try:
        loud.warning("GET /%s", IIN)
    finally:
        loud.removeHandler(handler)
    assert stream.getvalue() == "loud library: message withheld library=loud () None\n"


def test_flask(configure: Configure) -> None:
    """An exception in a Flask view leaves its class, not its text or the request."""
    stream = configure()
    app = Flask("tiny")

    @app.get("/<iin>")
    def _view(iin: str) -> str:
        raise LookupError(iin)

    assert app.test_client().get(f"/{IIN}").status_code == 500
    assert tuple(_only(stream)[name] for name in ("event", "library", "error")) == (
        "library: message withheld",
        "tiny",
        "LookupError",
    )
    assert IIN not in stream.getvalue()


def test_python_warning(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning of Python's is withheld like a library's line."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        stream = configure()
        warnings.warn(IIN, UserWarning, stacklevel=1)
    expected = {"level": "warning", "event": "library: message withheld", "library": "py"}
    assert _only(stream) == expected
    assert tuple(capsys.readouterr()) == ("", "")


def test_uncaught_exceptions(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    """An exception that ends a thread, a finaliser or the program shows its class only."""
    stream = configure()

    def fail() -> None:
        raise ArithmeticError(IIN)

    class Fails:
        def __del__(self) -> None:
            raise BufferError(IIN)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    Fails()
    gc.collect()
    sys.excepthook(ValueError, ValueError(IIN), None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    errors = [line["error"] for line in _lines(stream)]
    assert errors == ["ArithmeticError", "BufferError", "ValueError"]
    assert IIN not in stream.getvalue()
    assert tuple(capsys.readouterr()) == ("", "")


def test_failing_stream(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    """A log that cannot be written breaks nothing and is not written elsewhere instead."""
    configure().close()
    logs.event(Event.STORE_BACK)
    assert tuple(capsys.readouterr()) == ("", "")
