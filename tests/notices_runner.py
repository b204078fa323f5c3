"""``qorgan`` that tells and delivers in small steps, and is killed at the step that it is told.

``notices_runner.py COMMAND ...`` takes what ``qorgan`` takes. At the step KILLED_AT (from 1) it is
killed: a publisher when a batch of notices is written, a deliverer when one has arrived and is not
noted yet.
"""

import os
import signal
from collections.abc import Sequence
from itertools import count

from loaders import cli, deliver
from lookup.index import deliveries, notices
from lookup.index.deliveries import Batch, Desk
from lookup.index.notice_book import NoticeBook

_send, _delivered = notices._send, Desk.delivered
_step = count(1)


def step() -> None:
    if next(_step) == int(os.environ.get("KILLED_AT", "0")):
        os.kill(os.getpid(), signal.SIGKILL)


def send(book: NoticeBook, key: str, batch: Sequence[tuple[str, bytes]]) -> int:
    written = _send(book, key, batch)
    step()
    return written


def delivered(desk: Desk, batch: Batch) -> None:
    step()
    _delivered(desk, batch)


if __name__ == "__main__":
    notices._BATCH, notices._send, Desk.delivered = 8, send, delivered
    deliveries.NOTICES, deliveries.LEASE, deliver._POLL = 5, 1, 0.05
    cli.main()
