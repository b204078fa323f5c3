"""``qorgan load``: a dump into the ledger of a dataset."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loaders.terminal import note, warn_if_not_durable
from lookup.errors import Code, InputError
from lookup.protocol.suite import Kind
from lookup.settings import Settings

if TYPE_CHECKING:
    from loaders.cluster import Cluster


def _once(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> str | None:
    """click would take the last of several: the people of the others would read "not found"."""
    if len(values) > 1:
        raise click.BadParameter("give one column; load the file again for another")
    return values[0] if values else None


def _field(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[Any, ...]:
    pairs = [value.rpartition("=") for value in values]
    if not all(column and slug for column, _, slug in pairs):
        raise click.BadParameter("write it as COLUMN=CLASS")
    return tuple((column, slug) for column, _, slug in pairs)


def _cluster(url: str | None) -> AbstractContextManager["Cluster | None"]:
    """The cluster, connected to before the first of the work; or none."""
    if url is None:
        return nullcontext()
    try:
        from loaders import cluster
    except ModuleNotFoundError:
        raise InputError(
            Code.BAD_USAGE, "--scheduler needs Dask; run: pip install 'qorgan[dask]'"
        ) from None
    return cluster.connected(url)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dataset", "name", required=True, help="The dataset's name in the register.")
@click.option("--iin", callback=_once, multiple=True, help="The column that holds IINs.")
@click.option("--phone", callback=_once, multiple=True, help="The column of phone numbers.")
@click.option("--email", callback=_once, multiple=True, help="The column of e-mail addresses.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    callback=_field,
    help="COLUMN=CLASS: a cell that holds something means this data class; repeatable.",
)
@click.option("--encoding", help="utf-8, cp1251 or kz1048; else it is detected.")
@click.option("--delimiter", help="The character between cells, or tab; else it is detected.")
@click.option("--table", help="Which table of a SQL dump, where it has several.")
@click.option("--member", help="Which file of an archive (shell patterns allowed).")
@click.option(
    "--fresh",
    is_flag=True,
    help="Start over, without what an interrupted load wrote; a withdrawn file needs it.",
)
@click.option(
    "--scheduler",
    metavar="URL",
    help="Hash on the Dask cluster at tls://HOST:PORT; needs qorgan[dask].",
)
def load(
    file: Path,
    name: str,
    fields: tuple[tuple[str, str], ...],
    *,
    fresh: bool,
    scheduler: str | None,
    **given: str | None,
) -> None:
    """Load the dump FILE into a dataset and print the load's certificate.

    FILE is CSV or SQL, plain, in gzip, bzip2, xz, zstandard, zip, 7z or tar, or - for standard
    input.

    Interrupted or killed, the same command goes on where it stopped. Nothing becomes visible
    before `qorgan publish`.
    """
    from loaders.formats import Reading, open_source
    from loaders.load import Request
    from loaders.opened import loader
    from loaders.recording import Recorder

    identifiers = {kind: column for kind in Kind if (column := given[kind.value])}
    if not identifiers:
        raise InputError(
            Code.BAD_USAGE, "say which column holds identifiers: --iin, --phone or --email COLUMN"
        )
    reading = Reading(given["encoding"], given["delimiter"], given["member"], given["table"])
    chosen = Settings.from_env()
    with (
        open_source(file, reading) as source,
        _cluster(scheduler) as cluster,
        loader(chosen) as opened,
    ):
        warn_if_not_durable(opened.store)
        if source.encoding == "kz1048" and reading.encoding is None:
            note("the file is not UTF-8 and is read as kz1048; if that is wrong, give --encoding")
        recorder = Recorder(opened.store, chosen.keys)
        request = Request(name, identifiers, fields)
        certificate, was_loaded = replace(opened, cluster=cluster).load(
            source, request, fresh=fresh
        )
        recorder.purged(name)  # with --fresh, what an interrupted load had written
        recorder.loaded(certificate)
    if was_loaded:
        note("this file was loaded into this dataset before; here is that load's certificate")
    click.echo(certificate)
