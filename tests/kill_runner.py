"""``qorgan`` in small steps, so that there are many moments to kill it at: checkpoints, chunks.

``kill_runner.py COMMAND ...`` takes what ``qorgan`` takes. With ``KILL_AT=N`` it is killed instead
of saying its N-th word to the store; ``WORDS=FILE`` gets how many it said.
"""

import os
import signal
from pathlib import Path
from typing import Any

from redis.connection import AbstractConnection

from loaders import cli, second_pass
from lookup.index import versions

SLICE, GROUP, CHUNK_BYTES = 64, 256, 10_000

_send = AbstractConnection.send_packed_command
_words = 0


def _counted(connection: AbstractConnection, *arguments: Any, **options: Any) -> None:
    global _words  # noqa: PLW0603  the moment is the process's
    _words += 1
    if _words == int(os.environ.get("KILL_AT", "0")):
        os.kill(os.getpid(), signal.SIGKILL)
    _send(connection, *arguments, **options)


if __name__ == "__main__":  # a spawned pool worker imports this file too
    second_pass._SLICE, second_pass._GROUP = SLICE, GROUP
    versions.CHUNK_BYTES = CHUNK_BYTES
    AbstractConnection.send_packed_command = _counted  # type: ignore[method-assign]
    try:
        cli.main()
    finally:
        if path := os.environ.get("WORDS"):
            Path(path).write_text(str(_words), encoding="ascii")
