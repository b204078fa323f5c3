"""``qorgan notices``: apps are told of new leaks; what is left to tell, and what did not arrive.

House rules: those of ``loaders.cli``.
"""

import signal
import threading
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from loaders.terminal import json_option, note
from lookup.protocol.suite import Lane
from lookup.settings import Settings

if TYPE_CHECKING:
    from loaders.load import Loader
    from loaders.notices import Teller, Told
    from lookup.index.notice_book import NoticeBook

_TOLD = ("lane", "version", "datasets", "clients", "notices")
_DEAD = ("client", "lane", "notices", "tries", "failure", "failed_at")


def teller(opened: "Loader", settings: Settings) -> "Teller":
    """Who writes notices, with this machine's keys.

    Raises:
        UnavailableError: BAD_KEY_FILE or KEY_MISMATCH, of notices.key.
    """
    from loaders.notices import Teller
    from lookup.index import notice_book

    book = notice_book.opened(opened.store, settings.keys)
    return Teller(book, opened.keys.ledger, opened.progress)


def note_told(told: Iterable["Told"]) -> None:
    """Say how many notices a publish came to."""
    for one in told:
        if one.notices:
            note(f"{one.lane} lane: notices written: {one.notices}; clients told: {one.clients}")


@click.group()
def notices() -> None:
    """Tell apps of new leaks: deliver notices, and see what did not arrive."""


@notices.command("scan")
@json_option
def notices_scan(*, as_json: bool) -> None:
    """Write the notices that a publish which was killed has left to write.

    Every publish does this, too, and nothing is written twice.
    """
    from loaders import report
    from loaders.opened import loader

    settings = Settings.from_env()
    with loader(settings) as opened:
        one = teller(opened, settings)
        told = [asdict(done) for lane in Lane for done in one.tell(lane)]
    report.show(told, _TOLD, as_json=as_json)


@notices.command("deliver")
@click.option(
    "--allow-private",
    is_flag=True,
    help="Deliver to private addresses (10.0.0.0/8 and the like), too: apps in a closed network.",
)
def notices_deliver(*, allow_private: bool) -> None:
    """Deliver notices to the clients' webhooks until Ctrl-C; several of these may run.

    A batch of up to 100 is tried five times within about two and a half hours. It needs notices.key
    and webhook.key, and none of the other keys.
    """
    from loaders import webhook
    from loaders.deliver import Deliverer
    from lookup import keys
    from lookup.index import notice_book, store

    webhook.silence()
    stopped = threading.Event()
    settings = Settings.from_env()
    with store.opened(settings) as opened:
        book = notice_book.opened(opened, settings.keys)
        key = notice_book.read_key(opened, settings.keys, keys.WEBHOOK)
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, lambda *_: stopped.set())
        _note_left(book)
        deliverer = Deliverer(book, key, allow_private, note, stopped)
        targets = [client for client, _ in deliverer.targets()]
        note(
            f"delivering; clients with a webhook: {len({client.id for client in targets})}, their "
            f"streams of notices (one a lane): {len(targets)}; Ctrl-C stops it in order"
        )
        deliverer.run()
    note("stopped")


@notices.command("dead")
@json_option
def notices_dead(*, as_json: bool) -> None:
    """List the batches that were given up after five tries."""
    from rich.markup import escape

    from loaders import report
    from lookup.index import clients, deliveries, store
    from lookup.index.deliveries import Target

    rows: list[dict[str, object]] = []
    with store.opened(Settings.from_env()) as opened:
        for client in clients.read_all(opened).values():
            for lane in sorted(client.lanes):
                for batch in deliveries.dead(opened, Target(lane, client.id)):
                    at = datetime.fromtimestamp(batch.failed_at, UTC)
                    rows.append(
                        {
                            "client": client.name if as_json else escape(client.name),
                            "lane": lane.value,
                            "notices": batch.notices,
                            "tries": batch.tries,
                            "failure": batch.failure,
                            "failed_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                        }
                    )
    report.show(rows, _DEAD, as_json=as_json)


@notices.command("replay")
@click.argument("name")
def notices_replay(name: str) -> None:
    """Have all batches of the client NAME that were given up tried again, five times each."""
    from lookup.index import clients, deliveries, store
    from lookup.index.deliveries import Target

    with store.opened(Settings.from_env()) as opened:
        client = clients.get(opened, name)
        revived = sum(
            deliveries.replay(opened, Target(lane, client.id)) for lane in sorted(client.lanes)
        )
    click.echo(f"client {client.id}: batches that are tried again: {revived}")


@notices.command("secret")
@click.argument("name")
def notices_secret(name: str) -> None:
    """Print the secret by which the client NAME checks that a delivery is genuine.

    It comes from webhook.key and the client's id: whoever has that key can print it again. For a
    new secret revoke the client and add it anew.
    """
    from lookup import keys
    from lookup.index import clients, notice_book, store

    settings = Settings.from_env()
    with store.opened(settings) as opened:
        client = clients.get(opened, name)
        key = notice_book.read_key(opened, settings.keys, keys.WEBHOOK)
    note("give it to the app on a safe way, as its key")
    click.echo(keys.webhook_secret(key, client.id))


def _note_left(book: "NoticeBook") -> None:
    from lookup.index import rounds, versions

    for lane in Lane:
        if rounds.is_behind(book.store, lane, versions.read(book.store, lane).current):
            note(
                f"{lane.value} lane: a publish is at its notices, or was stopped before it wrote "
                "them all; if none is running: qorgan notices scan"
            )
