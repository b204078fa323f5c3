"""The operator's commands on what is loaded: withdraw, rollback, purge, forget; and what looks.

House rules as in ``loaders.cli``. Every command that changes what is answered or kept goes through
``_changing``, and is told in the audit trail.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from loaders import status_cli
from loaders.status_cli import reading
from loaders.terminal import json_option, note
from lookup.errors import Code, InputError
from lookup.protocol.suite import Kind, Lane
from lookup.settings import Settings

if TYPE_CHECKING:
    from loaders.publish import Publisher
    from loaders.recording import Recorder

_PUBLISHED = ("lane", "version", "datasets", "identifiers", "changed")


@contextmanager
def _changing() -> Iterator[tuple["Publisher", "Recorder"]]:
    """An index that a command may change, and the trail it is told in."""
    from loaders.recording import Recorder

    with reading() as publisher:
        recorder = Recorder(publisher.store, Settings.from_env().keys)
        yield publisher, recorder


@click.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why, in one line; kept with its loads.")
@json_option
def withdraw(name: str, reason: str, *, as_json: bool) -> None:
    """Take the dataset NAME out of the answers, in one switch.

    Its rows stay in the ledger until `qorgan purge`, so that `qorgan rollback` can bring it back.
    Publishing other datasets does not. Web nodes follow within 5 seconds.
    """
    from loaders import report
    from loaders import withdraw as withdrawing
    from lookup.index import ledger, register
    from lookup.index.audit_record import Details, Event
    from lookup.index.ledger import LoadState

    with _changing() as (publisher, recorder):
        done = withdrawing.withdraw(publisher, name, reason)
        dataset_id, _ = register.get(publisher.store, name)
        its_loads = ledger.loads_of(publisher.store, dataset_id)
        gone = tuple(load.id for load in its_loads if load.state is LoadState.WITHDRAWN)
        recorder.record(
            Event.WITHDRAWN,
            Details(
                dataset=name,
                loads=gone,
                lane=Lane(done.lane),
                version=done.version or None,
                reason=reason,
            ),
        )
    report.show([asdict(done)], _PUBLISHED, as_json=as_json)
    if done.version and not done.datasets:
        note("the lane has no dataset left: its version searches nothing, and says so")


@click.command()
@click.argument("version")
@json_option
def rollback(version: str, *, as_json: bool) -> None:
    """Publish again what VERSION was made of, as a new version with a higher counter.

    `qorgan versions` lists what can be named. Clients refuse a lower counter than they have seen,
    so an old version itself never comes back. People forgotten since stay out.
    """
    from loaders import report
    from loaders import withdraw as withdrawing
    from lookup.index.audit_record import Event

    with _changing() as (publisher, recorder):
        done = withdrawing.rollback(publisher, version)
        recorder.published(done, Event.ROLLED_BACK)
    report.show([asdict(done)], _PUBLISHED, as_json=as_json)


@click.command()
@click.argument("name")
@click.option("--interrupted", is_flag=True, help="Delete what interrupted loads wrote, too.")
@json_option
def purge(name: str, *, interrupted: bool, as_json: bool) -> None:
    """Delete the ledgers of the withdrawn loads of the dataset NAME, for good.

    Their records and certificates stay. Refused for an hour after the withdrawal: until then web
    nodes may still serve the version before. Interrupted, the same command goes on.
    """
    from loaders import purge as purging
    from loaders import report

    with _changing() as (publisher, recorder):
        done = purging.purge(publisher.store, name, publisher.progress, interrupted=interrupted)
        recorder.purged(name)
    report.show([asdict(done)], ("dataset", "loads", "rows"), as_json=as_json)
    if not done.loads:
        note(f"{name} has no rows that could be deleted")


@click.command()
@click.option(
    "--kind", type=click.Choice([k.value for k in Kind]), default="iin", show_default=True
)
@click.option("--publish", "and_publish", is_flag=True, help="Publish what that changes, at once.")
@click.argument("extra", nargs=-1, type=click.UNPROCESSED, metavar="")
@json_option
def forget(kind: str, extra: tuple[str, ...], *, and_publish: bool, as_json: bool) -> None:
    """Take a person out of all ledgers, and keep him out of all later loads.

    Asks for the identifier without echo, or reads one line of standard input. Who is known by an
    IIN and by a phone number is forgotten by each of them apart. He is found until the next
    publish, and web nodes keep the version before it for an hour more. Undoing it takes a backup.
    """
    from loaders import ask, report
    from loaders import forget as forgetting
    from lookup.index.audit_record import Details, Event

    if extra:
        raise InputError(
            Code.BAD_USAGE,
            "an identifier is never an argument, shells keep those; give it on standard input",
        )
    chosen = Kind(kind)
    with _changing() as (publisher, recorder):
        value = ask.read_identifier(chosen)
        done = forgetting.forget(
            publisher.store, publisher.definition, publisher.keys, chosen, value
        )
        recorder.record(Event.FORGOT, Details(request=secrets.token_hex(8)))  # never who
        # One that was killed may have published and not told of it.
        waiting = [each.lane for each in done if each.publish or not recorder.tells(each.lane)]
        published = [publisher.extend(lane) for lane in waiting] if and_publish else []
        for one in published:
            recorder.published(one)
    rows = [
        {"lane": each.lane.value, "publish": None if and_publish else each.publish} for each in done
    ]
    if as_json or published:
        report.show(
            [asdict(each) for each in published] if and_publish else rows,
            _PUBLISHED,
            as_json=as_json,
        )
    if not as_json:
        _tell_forgotten([str(row["publish"]) for row in rows if row["publish"]])


def _tell_forgotten(names: Sequence[str]) -> None:
    click.echo("forgotten: out of all ledgers, and kept out of later loads")
    if names:
        note(f"what is published has not changed yet; run: qorgan publish {' '.join(names)}")


COMMANDS = (
    *(withdraw, rollback, purge, forget),
    *(status_cli.versions, status_cli.diff, status_cli.verify),
    *(status_cli.stats, status_cli.loads),
)
