"""A WSGI application for the tests of the gunicorn configuration: it fails in chosen ways."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lookup import gunicorn_socket
from lookup.errors import Code, InputError, UnavailableError

LONG = 8_000_000  # bytes, more than a client that does not read is sent


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer by the path's last part; what fails repeats the query string, the tests' marker."""
    text = environ["QUERY_STRING"]
    match environ["PATH_INFO"].rpartition("/")[2]:
        case "raise":
            raise RuntimeError(text)
        case "exit":
            sys.exit(text)
        case "late" | "unreadable" as how:
            start_response("200 OK", [("Content-Length", "10")])(b"12345")
            raise (RuntimeError if how == "late" else OSError)(text)
        case "header":
            start_response("200 OK", [("X-Bad", text + "\n")])
        case "errors-stream":
            environ["wsgi.errors"].write(text)
            environ["wsgi.errors"].writelines([text])
            environ["wsgi.errors"].flush()
        case "thread":
            thread = threading.Thread(target=_fail, args=(text,))
            thread.start()
            thread.join()
        case "slow":
            time.sleep(30)
        case "long":
            start_response("200 OK", [("Content-Length", str(LONG))])
            return [bytes(LONG)]
        case "parts":
            start_response("200 OK", [])
            return [b"one", b"two"]
    body = environ["wsgi.input"].read() and b"ok"
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def once() -> Any:
    """An application factory that works while the file named by ``ONCE`` is absent; it makes it."""
    try:
        Path(os.environ["ONCE"]).touch(exist_ok=False)
    except FileExistsError:
        raise UnavailableError(Code.STORE_UNAVAILABLE, "the store is away; start it") from None
    return app


def broken() -> Any:
    """An application factory that refuses its configuration."""
    raise InputError(Code.BAD_KEY_FILE, "public.key is not one line of hex; run qorgan init")


def unforeseen() -> Any:
    """An application factory that fails in a way nobody planned."""
    raise RuntimeError("950515390002")


def slow_to_look() -> Any:
    """An application factory after which a worker's loop dawdles when it has seen a request."""
    look = gunicorn_socket.asks_range

    def looked(client: socket.socket) -> bool:
        found = look(client)
        time.sleep(0.1)
        return found

    gunicorn_socket.asks_range = looked
    return app


def _fail(text: str) -> None:
    raise RuntimeError(text)
