"""The operator's commands that only look: versions, diff, verify, stats, loads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loaders.terminal import json_option, note
from lookup.errors import Code, InputError, QorganError, UnavailableError
from lookup.protocol.suite import Lane
from lookup.settings import Settings

if TYPE_CHECKING:
    from loaders.publish import Publisher


@contextmanager
def reading() -> Iterator["Publisher"]:
    """An index, opened with all keys.

    Raises:
        UnavailableError: the store, the index or a key cannot be reached or trusted.
    """
    from loaders.opened import loader
    from loaders.publish import Publisher

    with loader(Settings.from_env()) as opened:
        yield Publisher(opened.store, opened.definition, opened.keys, opened.progress)


@click.command()
@json_option
def versions(*, as_json: bool) -> None:
    """List the last versions of each lane, and what they were made of."""
    from loaders import report
    from loaders import withdraw as withdrawing

    with reading() as publisher:
        rows = [
            {"lane": lane.value, **asdict(past), "current": is_current}
            for lane, past, is_current in withdrawing.past_versions(publisher.store)
        ]
    columns = ("lane", "name", "published_at", "datasets", "loads", "current")
    report.show(rows, columns, as_json=as_json)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def diff(names: tuple[str, ...], *, as_json: bool) -> None:
    """Show what `qorgan publish NAME...` would change, in people and datasets.

    Nothing is stored. The line without a dataset counts everybody in the lane once. Without a name
    it shows what publishing anything would change.
    """
    from loaders import diff as differing
    from loaders import report

    with reading() as publisher:
        rows = [asdict(change) for change in differing.diff(publisher, names)]
    columns = ("lane", "dataset", "before", "after", "added", "removed")
    report.show(rows, columns, as_json=as_json)


@click.command()
@click.option("--sample", type=click.Path(path_type=Path), help="A dump to ask people of.")
@click.option("--iin", metavar="COLUMN", help="The column of the dump that holds IINs.")
@click.option("--server", metavar="URL", help="The service to ask.")
@click.option("--count", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--dataset", "name", help="Count only who is found in this dataset.")
@json_option
def verify(
    sample: Path | None,
    iin: str | None,
    server: str | None,
    count: int,
    name: str | None,
    *,
    as_json: bool,
) -> None:
    """Build each lane's version again from its ledger, and compare it with what the store has.

    Every byte of view and filter, the root, the parameters and their signature. Exit code 3 if
    anything differs.

    With --sample, --iin and --server, ask a running service instead, as a citizen would, for
    random people of the dump and as many random IINs that are not in it, and show counts only.
    Exit code 3 if anybody of the dump is not found (who was forgotten is not). The service's limit
    on evaluations counts each of them: raise or turn off QORGAN_EVALUATE_LIMIT.
    """
    given = (sample, iin, server)
    if all(given):
        assert sample is not None and iin is not None and server is not None  # noqa: S101, PT018
        _verify_sample((sample, iin), server, count, name, as_json=as_json)
    elif any(given):
        raise InputError(Code.BAD_USAGE, "--sample, --iin and --server go together")
    else:
        _verify_versions(as_json=as_json)


def _verify_versions(*, as_json: bool) -> None:
    from loaders import report
    from loaders import verify as verifying

    done: list[verifying.Verified] = []
    failed: list[QorganError] = []
    with reading() as publisher:
        for lane in Lane:
            try:
                verified = verifying.verify(publisher, lane)
            except QorganError as error:  # the other lane may be whole
                failed.append(error)
            else:
                done += [] if verified is None else [verified]
    if as_json:
        report.show([asdict(each) for each in done], (), as_json=True)
    else:
        for each in done:
            click.echo(
                f"{each.lane} {each.version}: {each.datasets} datasets, {each.identifiers} "
                f"identifiers, {each.bytes} bytes as the ledger says"
            )
    if failed:
        for earlier in failed[:-1]:
            note(earlier.sentence)
        raise failed[-1]
    if not done:
        raise InputError(Code.BAD_USAGE, "nothing is published; run: qorgan publish NAME")


def _verify_sample(
    dump: tuple[Path, str], server: str, count: int, name: str | None, *, as_json: bool
) -> None:
    from loaders import report
    from loaders import sample as sampling
    from loaders.formats import open_source
    from lookup.client import Client

    path, column = dump
    settings = Settings.from_env()
    with reading() as publisher:
        key = publisher.definition.publisher_key
    client = Client(server, publisher_key=key, pins=settings.data / "pins.json")
    with open_source(path) as source:
        done = sampling.sample(source, column, client, count, name)
    columns = ("version", "asked", "found", "others_asked", "others_found")
    report.show([asdict(done)], columns, as_json=as_json)
    if done.found < done.asked:
        raise UnavailableError(
            Code.BAD_RANGE,
            f"{done.asked - done.found} of {done.asked} people of the dump are not found; publish "
            "the dataset, and run: qorgan verify",
        )


@click.command()
@click.option(
    "--picture", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw it into a file."
)
@json_option
def stats(picture: Path | None, *, as_json: bool) -> None:
    """Show how much each dataset holds: loads, rows, identifiers, and bytes in the store."""
    from loaders import picture as drawing
    from loaders import report
    from loaders import stats as counting

    with reading() as publisher:
        found = counting.stats(publisher.store)
    columns = (
        *("dataset", "lane", "loads", "rows", "identifiers", "published", "bytes_per_identifier"),
    )
    report.show([asdict(each) for each in found], columns, as_json=as_json)
    if not as_json and found:
        click.echo("\n" + "\n".join(drawing.terminal(found)))
    if picture is not None:
        drawing.write(picture, found)
        note("the picture is written")


@click.command()
@json_option
def loads(*, as_json: bool) -> None:
    """List all loads: running, interrupted, loaded, withdrawn, purged.

    An interrupted load goes on when its command is run again; with --fresh that starts over.
    """
    from loaders import report
    from loaders import stats as counting

    with reading() as publisher:
        rows = [asdict(status) for status in counting.statuses(publisher.store)]
    columns = ("dataset", "load", "state", "done", "rows", "started", "reason")
    shown = rows if as_json else [{**row, "done": f"{row['done']} %"} for row in rows]
    report.show(shown, columns, as_json=as_json)
