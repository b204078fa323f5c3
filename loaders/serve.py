"""``qorgan serve``: become gunicorn or Granian, with settings from the same environment.

What start-up refuses is said by ``lookup.app.create_app`` in the first worker, in one sentence.
"""

import errno
import os
import socket
import sys
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import lookup
from lookup.errors import Code, InputError, UnavailableError
from lookup.settings import Settings


class Server(StrEnum):
    """What can serve the application; both are started by nothing but ``QORGAN_`` settings."""

    GUNICORN = "gunicorn"
    GRANIAN = "granian"  # the extra qorgan[fast]


_PROGRAMS = {
    Server.GUNICORN: (
        *("gunicorn", "--chdir", str(Path(lookup.__file__).parent.parent)),
        *("-c", "python:lookup.gunicorn_conf", "lookup.app:create_app()"),
    ),
    Server.GRANIAN: ("lookup.granian_server",),
}


def serve(settings: Settings, server: Server = Server.GUNICORN) -> NoReturn:
    """Replace this process by the server.

    What happens to lie in the current folder must not be imported in place of our modules, with
    the keys in reach: hence ``-P``, and ``--chdir`` because gunicorn imports from its folder.

    Raises:
        InputError: BAD_USAGE, Granian is wanted and not installed.
        UnavailableError: SERVICE_UNREACHABLE, nobody can listen at that address now.
    """
    if server is Server.GRANIAN and find_spec("granian") is None:
        raise InputError(
            Code.BAD_USAGE, 'Granian is not installed; run: pip install "qorgan[fast]"'
        )
    refuse_taken(settings)
    os.environ["QORGAN_DATA"] = str(settings.data)  # absolute, since the folder changes
    os.environ["QORGAN_KEYS"] = str(settings.keys)
    os.environ["QORGAN_CACHE"] = str(settings.cache)
    os.environ["QORGAN_BIND"] = f"{settings.host}:{settings.port}"
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(  # noqa: S606  our own program in our own environment, no shell
        sys.executable,
        [sys.executable, "-P", "-m", *_PROGRAMS[server]],
    )


def refuse_taken(settings: Settings) -> None:
    """Refuse an address where somebody listens: gunicorn would try on, and not say which it is.

    Raises:
        UnavailableError: SERVICE_UNREACHABLE.
    """
    address = f"{settings.host}:{settings.port}"
    try:
        family, _, _, _, where = socket.getaddrinfo(
            settings.host.strip("[]"), settings.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
            probe.bind(where)
            probe.listen()
    except socket.gaierror:
        raise _cannot_listen(address, "it is no address of this machine") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _cannot_listen(address, "another program does") from None
        raise _cannot_listen(address, os.strerror(error.errno or 0).lower()) from None


def _cannot_listen(address: str, why: str) -> UnavailableError:
    return UnavailableError(
        Code.SERVICE_UNREACHABLE,
        f"cannot listen on {address}: {why}; give another address with --bind or QORGAN_BIND",
    )
