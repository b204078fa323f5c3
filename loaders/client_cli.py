"""``qorgan client``: apps that ask with a key.

House rules: those of ``loaders.cli``. A key is the only line on standard output, so that a script
can take it; it is shown once and never again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from loaders.terminal import json_option, note
from lookup.settings import Settings

if TYPE_CHECKING:
    from loaders.recording import Recorder
    from lookup.index.store import Store

_SHOWN = ("name", "lanes", "rate", "state", "evaluations", "ranges", "checks")


@contextmanager
def _opened() -> Iterator["Store"]:
    from lookup.index import definition, store

    with store.opened(Settings.from_env()) as opened:
        definition.read(opened)
        yield opened


@contextmanager
def _changing() -> Iterator["Recorder"]:
    from loaders.recording import Recorder

    with _opened() as opened:
        yield Recorder(opened, Settings.from_env().keys)


@click.group()
def client() -> None:
    """Say which apps may ask with a key, what, and how often."""


@client.command("add")
@click.argument("name")
@click.option("--lanes", default="public", show_default=True, help="public,verified for both.")
@click.option("--rate", default="10000/hour", show_default=True, help="Elements; or off.")
@click.option(
    "--subject-rate",
    default="60/hour;200/day",
    show_default=True,
    help="Elements for each of its users (X-Subject); or off.",
)
@click.option("--webhook", metavar="URL", help="Where notices of new leaks go.")
@click.option(
    "--origin",
    "origins",
    metavar="ORIGIN",
    multiple=True,
    help="Of web pages that may ask the public lane, without the key; can be repeated.",
)
def client_add(
    *,
    name: str,
    lanes: str,
    rate: str,
    subject_rate: str,
    webhook: str | None,
    origins: tuple[str, ...],
) -> None:
    """Enter the app NAME and print its key, once.

    The verified lane is for apps that have identified the person they ask about.
    """
    from loaders import client as logic

    wanted = logic.Wanted(name, lanes, rate, subject_rate, webhook, origins)
    with _changing() as recorder:
        made, key = logic.add(recorder, wanted)
    note(f"client {made.id}; keep its key where only the app can read it: it is not shown again")
    if made.webhook is not None:
        note("for the secret by which it checks its notices run: qorgan notices secret NAME")
    click.echo(key)


@client.command("list")
@json_option
def client_list(*, as_json: bool) -> None:
    """List the clients, and what each asked in the last 30 days.

    Counted are elements evaluated, ranges that were asked with the key, and tokens checked. The
    JSON has them day by day, and all that is known of a client but its keys.
    """
    from rich.markup import escape

    from loaders import client as logic
    from loaders import report

    with _opened() as opened:
        listed = logic.listed(opened)
    rows = [one.document() for one in listed]
    if not as_json:
        rows = [
            {**row, **one.totals(), "name": escape(one.client.name)}
            for row, one in zip(rows, listed, strict=True)
        ]
    report.show(rows, _SHOWN, as_json=as_json)


@client.command("rotate")
@click.argument("name")
@click.option("--now", is_flag=True, help="End the keys before at once: they may be stolen.")
def client_rotate(name: str, *, now: bool) -> None:
    """Give the app NAME a new key and print it, once.

    The key before opens for 24 hours more, so that the app does not go dark meanwhile.
    """
    from loaders import client as logic
    from lookup.index.clients import GRACE

    with _changing() as recorder:
        key = logic.rotate(recorder, name, grace=0 if now else GRACE)
    before = "every key before ended" if now else "the key before opens for 24 hours more"
    note(f"it is not shown again; {before}")
    click.echo(key)


@client.command("revoke")
@click.argument("name")
def client_revoke(name: str) -> None:
    """End all keys of the app NAME, for good; web nodes follow within 5 seconds."""
    from loaders import client as logic

    with _changing() as recorder:
        gone = logic.revoke(recorder, name)
    click.echo(f"client {gone.id} revoked")
