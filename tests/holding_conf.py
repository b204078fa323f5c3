"""The configuration of gunicorn with a store that only says when it is held and released."""

import os
import sys
import time

from lookup import gunicorn_conf
from lookup.errors import Code, UnavailableError
from lookup.gunicorn_conf import *  # noqa: F403 # gunicorn reads the names of this module


def _hold() -> None:
    sys.stderr.write(f"store held: by {os.getpid()}\n")
    time.sleep(float(os.environ.get("HOLD_SECONDS", "0")))
    if "HOLD_FAILS" in os.environ:
        raise UnavailableError(Code.STORE_UNAVAILABLE, "the store does not start; see its log")


def _release() -> None:
    sys.stderr.write("store released\n")


gunicorn_conf._hold_store = _hold
gunicorn_conf._release_store = _release
