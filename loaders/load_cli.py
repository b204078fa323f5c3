"""``qorgan load``: a dump into the ledger of a dataset."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loaders.names import shown
from loaders.terminal import note, warn_if_not_durable
from lookup.errors import Code, InputError
from lookup.protocol.suite import Kind
from lookup.settings import Settings

if TYPE_CHECKING:
    from loaders.cluster import Cluster
    from loaders.mapping import Mapping


def _once(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> str | None:
    """click would take the last of several: the people of the others would read "not found"."""
    if len(values) > 1:
        raise click.BadParameter("give one column; load the file again for another")
    return values[0] if values else None


def _kinds(_: click.Context, __: click.Parameter, value: str | None) -> tuple[Kind, ...]:
    names = [] if value is None else [name.strip().lower() for name in value.split(",")]
    if not set(names) <= set(Kind):
        raise click.BadParameter("write iin, phone, email, or several with commas between")
    return tuple(kind for kind in Kind if kind in names)


def _field(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[Any, ...]:
    pairs = [value.rpartition("=") for value in values]
    if not all(column for column, _, _ in pairs):
        raise click.BadParameter("write it as COLUMN=CLASS, or as COLUMN= for none")
    return tuple((column, slug) for column, _, slug in pairs)


def _cluster(url: str | None) -> AbstractContextManager["Cluster | None"]:
    """The cluster, connected to before the first of the work; or none."""
    if url is None:
        return nullcontext()
    try:
        from loaders import cluster
    except ModuleNotFoundError:
        raise InputError(
            Code.BAD_USAGE,
            "--scheduler needs Dask; in this program's checkout run: pip install -e '.[dask]'",
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
    help="COLUMN=CLASS: a cell that holds something means this data class, whatever the column's "
    "name says; COLUMN= for none. Repeatable.",
)
@click.option(
    "--scan",
    "kinds",
    callback=_kinds,
    help="iin, phone, email or several with commas: instead of columns, look for these in any "
    "text. It finds what looks right, and can be wrong: columns are better.",
)
@click.option(
    "--encoding",
    help="utf-8, cp1251, kz1048, cp866, koi8-r or mac-cyrillic; else, and where it is UTF-16 or "
    "UTF-32, it is detected.",
)
@click.option("--delimiter", help="The character between cells, or tab; else it is detected.")
@click.option(
    "--no-header",
    is_flag=True,
    help="No line names the columns: they are called 1, 2, 3. For plain lists too: --iin 1.",
)
@click.option("--table", help="Which table, sheet or list, where the dump has several.")
@click.option(
    "--member",
    help="Which file of an archive (shell patterns allowed; not from standard input).",
)
@click.option(
    "--max-rejects",
    type=click.FloatRange(0, 100),
    default=100,
    metavar="PERCENT",
    help="Refuse the file, before anything is written, if more of its rows have no valid "
    "identifier.",
)
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
def load(  # noqa: PLR0913  one for each option
    file: Path,
    name: str,
    fields: tuple[tuple[str, str], ...],
    kinds: tuple[Kind, ...],
    *,
    no_header: bool,
    max_rejects: float,
    fresh: bool,
    **given: str | None,
) -> None:
    """Load the dump FILE into a dataset and print the load's certificate.

    FILE is CSV, a plain list, JSON (a list of objects, or one a line), SQL or, with --scan, any
    text; plain, in gzip, bzip2, xz, zstandard, zip, 7z or tar, or - for standard input. It may be
    an Excel, OpenDocument or Parquet file, too.

    Columns whose names say what they hold count for the dataset's data classes that no --field
    names; a note tells which. `qorgan inspect` shows them before.

    Interrupted or killed, the same command goes on where it stopped. Nothing becomes visible
    before `qorgan publish`.
    """
    from loaders.formats import Reading, open_source
    from loaders.load import Request
    from loaders.mapping import map_columns
    from loaders.opened import loader
    from loaders.recording import Recorder
    from lookup.index import register

    identifiers = {kind: column for kind in Kind if (column := given[kind.value])}
    if kinds and (identifiers or fields or no_header or given["delimiter"] or given["table"]):
        raise InputError(
            Code.BAD_USAGE,
            "a scan knows no columns: with --scan give only --encoding, --member and --fresh",
        )
    identifiers = identifiers or {kind: kind.value for kind in kinds}
    if not identifiers:
        raise InputError(
            Code.BAD_USAGE, "say which column holds identifiers: --iin, --phone or --email COLUMN"
        )
    reading = Reading(
        given["encoding"],
        given["delimiter"],
        given["member"],
        given["table"],
        header=not no_header,
        scan=kinds,
    )
    chosen = Settings.from_env()
    with (
        open_source(file, reading) as source,
        _cluster(given["scheduler"]) as cluster,
        loader(chosen) as opened,
    ):
        warn_if_not_durable(opened.store)
        if source.encoding != "utf-8" and reading.encoding is None:
            note(
                f"the file is not UTF-8 and is read as {source.encoding}; "
                "if that is wrong, give --encoding"
            )
        recorder = Recorder(opened.store, chosen.keys)
        _, dataset = register.get(opened.store, name)
        if not kinds:  # a scan knows no columns
            mapping = map_columns(source, dataset, identifiers, fields)
            _tell(mapping)
            fields = mapping.fields
        request = Request(name, identifiers, fields, max_rejects)
        certificate, was_loaded = replace(opened, cluster=cluster).load(
            source, request, fresh=fresh
        )
        recorder.purged(name)  # with --fresh, what an interrupted load had written
        recorder.loaded(certificate)
    if was_loaded:
        note("this file was loaded into this dataset before; here is that load's certificate")
    click.echo(certificate)


def _tell(mapping: "Mapping") -> None:
    """What nobody said: it would be too late when people read it in their answers."""
    if mapping.guessed:
        taken = ", ".join(f"{shown(column)} for {slug}" for column, slug in mapping.guessed)
        note(
            f"by their names, columns are taken: {taken}; where that is wrong, give --field COLUMN="
        )
    if mapping.missing:
        note(
            f"no column is taken for {', '.join(mapping.missing)}; if there is one, give --field "
            "COLUMN=CLASS"
        )
