"""``qorgan serve``: become gunicorn, which takes its settings from the same environment.

What start-up refuses is said by ``lookup.app.create_app`` in the first worker, in one sentence.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

import lookup
from lookup.settings import Settings


def serve(settings: Settings) -> NoReturn:
    """Replace this process by gunicorn.

    What happens to lie in the current folder must not be imported in place of our modules, with
    the keys in reach: hence ``-P``, and ``--chdir`` because gunicorn imports from its folder.
    """
    os.environ["QORGAN_DATA"] = str(settings.data)  # absolute, since the folder changes
    os.environ["QORGAN_KEYS"] = str(settings.keys)
    os.environ["QORGAN_CACHE"] = str(settings.cache)
    os.environ["QORGAN_BIND"] = f"{settings.host}:{settings.port}"
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(  # noqa: S606  our own program in our own environment, no shell
        sys.executable,
        [
            *(sys.executable, "-P", "-m", "gunicorn"),
            *("--chdir", str(Path(lookup.__file__).parent.parent)),
            *("-c", "python:lookup.gunicorn_conf", "lookup.app:create_app()"),
        ],
    )
