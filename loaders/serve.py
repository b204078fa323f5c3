"""``qorgan serve``: check everything once, in clear sentences, then become gunicorn."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from lookup import keys
from lookup.index import definition, store
from lookup.protocol.suite import Lane
from lookup.settings import Role, Settings


def check(settings: Settings) -> None:
    """What start-up refuses: no index, another protocol, keys that do not fit, an evicting store.

    Raises:
        UnavailableError: with what to do.
    """
    with store.opened(settings) as opened:
        index = definition.read(opened)
        if Role.EVALUATE in settings.roles:
            key = keys.lane_key(settings.keys, Lane.PUBLIC)
            definition.check_lane_keys(index, {Lane.PUBLIC: key.public_key})


def serve(settings: Settings) -> NoReturn:
    """Replace this process by gunicorn, which takes its settings from the same environment.

    Raises:
        UnavailableError: start-up is refused.
    """
    check(settings)
    gunicorn = Path(sys.executable).with_name("gunicorn")
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(  # noqa: S606  our own program in our own environment, no shell
        gunicorn, [str(gunicorn), "-c", "python:lookup.gunicorn_conf", "wsgi:app"]
    )
