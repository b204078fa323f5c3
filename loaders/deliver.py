"""``qorgan notices deliver``: a process of its own that brings notices to the clients' webhooks.

Each client and lane is a piece of work of its own in a small pool of threads, so that an app that
answers slowly holds up no other for long. What was done is in the store
(``lookup.index.deliveries``): it may be killed at any moment, and several may run at once.
"""

import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from loaders.webhook import Hook, Message
from lookup import keys
from lookup.errors import UnavailableError
from lookup.index import clients, notices
from lookup.index.clients import ApiClient
from lookup.index.deliveries import TRIES, Batch, Desk, Target
from lookup.index.notice_book import NoticeBook
from lookup.index.store import StoreError

_POLL = 1.0  # seconds between two looks for work
_TURN = 20.0  # seconds of one client's work after which another's may begin
_THREADS = 16
_DAMAGED = "its notices are damaged in the store"


@dataclass(frozen=True)
class Deliverer:
    """Delivers until it is told to stop.

    Attributes:
        tell: says what an operator should know; what it is told names no address and no person.
        failing: the targets whose last try failed, so that each change is told once.
    """

    book: NoticeBook
    webhook_key: bytes = field(repr=False)
    allow_private: bool
    tell: Callable[[str], None]
    stopped: threading.Event = field(default_factory=threading.Event)
    failing: set[Target] = field(default_factory=set)

    def run(self) -> None:
        """Deliver until ``stopped``; what is on its way is waited for, 10 s at most."""
        busy: dict[Target, Future[None]] = {}
        is_away = False
        with ThreadPoolExecutor(_THREADS) as pool:
            while not self.stopped.wait(_POLL):
                try:
                    for client, target in self.targets():
                        if target not in busy or busy[target].done():
                            busy[target] = pool.submit(self._work, client, target)
                except StoreError:
                    if not is_away:
                        self.tell("the store does not answer; trying again every second")
                    is_away = True
                    continue
                if is_away:
                    self.tell("the store answers again")
                is_away = False

    def targets(self) -> Iterator[tuple[ApiClient, Target]]:
        """What there is to deliver to.

        Raises:
            StoreError: the store is away.
        """
        for client in clients.read_all(self.book.store).values():
            if client.webhook is not None:
                for lane in sorted(client.lanes):
                    yield client, Target(lane, client.id)

    def _work(self, client: ApiClient, target: Target) -> None:
        desk = Desk(self.book, target, secrets.token_hex(8))
        try:
            if not desk.has_work(int(time.time())) or not desk.take():
                return
            until = time.monotonic() + _TURN
            while not self.stopped.is_set() and time.monotonic() < until and desk.take():
                batch = desk.next_batch(int(time.time()))
                if batch is None:
                    break
                self._deliver(desk, client, batch)
            desk.release()
        except StoreError:
            pass  # the next look says so; the lease runs out
        except Exception as error:  # noqa: BLE001  whatever it is, the other clients go on
            self.tell(f"client {client.id}: unforeseen error: {type(error).__name__}")

    def _deliver(self, desk: Desk, client: ApiClient, batch: Batch) -> None:
        try:
            message = self._message(desk.target, batch)
        except UnavailableError:
            failure = _DAMAGED
        else:
            failure = "" if message is None else self._hook(client).deliver(message)
        if not failure:
            desk.delivered(batch)
        else:
            batch = batch.failed(failure, int(time.time()), random.random())  # noqa: S311  a wait
            desk.failed(batch)
        self._tell(desk.target, batch, failure)

    def _message(self, target: Target, batch: Batch) -> Message | None:
        """What to send; None where there is nothing left: too old by now, or taken back."""
        page = notices.read(
            self.book, target.lane, target.client_id, batch.after, batch.notices, batch.last
        )
        if not page.notices:
            return None
        document = {
            "type": "notice.created",
            "timestamp": page.notices[0].created_at,
            "data": {"notices": [notice.document() for notice in page.notices]},
        }
        name = f"msg_{target.lane.value}_{target.client_id}_{batch.last}"
        return Message(name, json.dumps(document))

    def _hook(self, client: ApiClient) -> Hook:
        secret = keys.webhook_secret(self.webhook_key, client.id)
        return Hook(client.webhook or "", secret, self.allow_private)

    def _tell(self, target: Target, batch: Batch, failure: str) -> None:
        who = f"client {target.client_id}, {target.lane.value} lane"
        if not failure:
            if target in self.failing:
                self.tell(f"{who}: delivered again")
            self.failing.discard(target)
        elif batch.is_dead:
            self.tell(
                f"{who}: {batch.notices} notices given up after {TRIES} tries ({failure}); see: "
                "qorgan notices dead"
            )
        elif target not in self.failing:
            self.tell(f"{who}: not delivered ({failure}); it is tried again, {TRIES} times in all")
        if failure:
            self.failing.add(target)
