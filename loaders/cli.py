"""The ``qorgan`` command: reads what was asked, calls one function, shows what came of it.

House rules: results on standard output, all else on standard error; errors are one lower-case
sentence without a full stop after ``qorgan:``; nothing an operator typed is repeated if it could
be an identifier; an unforeseen exception shows its class only.
"""

import json
import re
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from loaders.audit_cli import audit, operator
from loaders.import_cli import import_record
from loaders.operations_cli import COMMANDS
from lookup.errors import Code, InputError, QorganError
from lookup.protocol.stretch import PROFILES
from lookup.protocol.suite import MAX_PREFIX_BITS, MIN_PREFIX_BITS, Kind
from lookup.secrecy import forbid_core_dumps
from lookup.settings import Settings, parse_bind

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from loaders.load import Loader
    from loaders.recording import Recorder
    from loaders.sources import Source
    from lookup.index.store import Store

EXIT_UNFORESEEN, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
_LONG_NUMBER = re.compile(r"\d(?:[^\w'\"]*\d){8,}|\S+@\S+")  # any marks between its digits


def main() -> NoReturn:
    """Run the command; every way out goes through here."""
    forbid_core_dumps()
    # A shell without job control starts background programs with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(_run())


def _run() -> int:
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show(sys.stderr)
        return EXIT_USAGE
    except BaseException as error:  # noqa: BLE001  every way out is a sentence and an exit code
        sentence, exit_code = _outcome(error)
        if sentence:
            click.echo(f"qorgan: {sentence}", err=True)
        return exit_code
    return code if isinstance(code, int) else 0


def _outcome(error: BaseException) -> tuple[str, int]:
    """What a person is told of an error, and the exit code."""
    from lookup.index.store import StoreError, unavailable

    if isinstance(error, StoreError):
        error = unavailable(error)
    match error:
        case QorganError():
            return error.sentence, error.exit_code
        case click.UsageError():
            return f"{_masked(error.format_message())}; see: qorgan --help", EXIT_USAGE
        case click.ClickException():
            return _masked(error.format_message()), EXIT_USAGE
        case KeyboardInterrupt() | click.exceptions.Abort():
            return "interrupted; run the same command again to go on", EXIT_INTERRUPTED
        case BrokenPipeError() | SystemExit():  # click exits where a pipe is broken
            return "", EXIT_INTERRUPTED  # the reader of our output went away
    # The text of an unforeseen error may hold data.
    return f"unforeseen error: {type(error).__name__}", EXIT_UNFORESEEN


def _masked(message: str) -> str:
    """A usage error without what may be an identifier, in the style of our own sentences."""
    message = _LONG_NUMBER.sub("...", message).strip().removesuffix(".")
    message = message.replace(". Did you", "; did you").replace(". (Did you mean one of:", "; try:")
    message = message.replace("?)", "")
    return message[:1].lower() + message[1:]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def note(text: str) -> None:
    """Something worth knowing that is no result."""
    click.echo(f"note: {text}", err=True)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="qorgan", prog_name="qorgan")
def cli() -> None:
    """Is my IIN in a leak? Load dumps, publish them, serve and ask.

    \b
    A first index:
      qorgan init
      qorgan dataset add FILE.toml
      qorgan load DUMP.csv --dataset NAME --iin COLUMN --field COLUMN=CLASS
      qorgan publish NAME
      qorgan serve
      qorgan check
    """


@cli.command()
@click.option(
    "--prefix-bits",
    type=click.IntRange(MIN_PREFIX_BITS, MAX_PREFIX_BITS),
    default=12,
    show_default=True,
    help="Length of the prefix that a question shows: fewer bits hide better, more serve smaller.",
)
@click.option(
    "--argon2",
    "profile",
    type=click.Choice(list(PROFILES)),
    default="standard",
    show_default=True,
    help="Cost of hashing an identifier: 1 MiB; 19 MiB in two passes; or 64 KiB, for tests only.",
)
def init(prefix_bits: int, profile: str) -> None:
    """Make a new index: its keys, then its fixed parameters in the store."""
    from lookup import keys
    from lookup.index import definition, store

    settings = Settings.from_env()
    with store.opened(settings) as opened:
        definition.refuse_existing(opened)
        keys.create(settings.keys)
        made = definition.create(opened, keys.loader_keys(settings.keys), profile, prefix_bits)
        _warn_if_not_durable(opened)
    if profile == "test":
        note("THIS INDEX IS FOR TESTS ONLY: its Argon2 profile protects nobody")
    note(f"back up the key files in {settings.keys}: without them the index is noise")
    click.echo(f"index made; publisher key {made.publisher_key}")


@cli.group()
def dataset() -> None:
    """Enter datasets in the register."""


@dataset.command("add")
@click.argument("file", type=click.Path(path_type=Path))
def dataset_add(file: Path) -> None:
    """Enter the dataset described in FILE (TOML), or change what is told of it."""
    from lookup.index import definition, register, store
    from lookup.index.dataset import read_file

    entry = read_file(file)
    with store.opened(Settings.from_env()) as opened:
        definition.read(opened)
        dataset_id = register.add(opened, entry)
    click.echo(f"{entry.name}: dataset {dataset_id}, {entry.lane.value} lane")


@dataset.command("list")
@json_option
def dataset_list(*, as_json: bool) -> None:
    """List the datasets in the register."""
    from loaders import report
    from lookup.index import definition, register, store

    with store.opened(Settings.from_env()) as opened:
        definition.read(opened)
        entries = register.read_all(opened)
    rows = [
        {"id": i, "name": d.name, "lane": d.lane.value, "data_classes": list(d.data_classes)}
        for i, d in entries.items()
    ]
    report.show(rows, ("id", "name", "lane", "data_classes"), as_json=as_json)


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


@cli.command()
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
def load(
    file: Path,
    name: str,
    fields: tuple[tuple[str, str], ...],
    *,
    fresh: bool,
    **given: str | None,
) -> None:
    """Load the dump FILE into a dataset and print the load's certificate.

    FILE is CSV or SQL, plain, in gzip, bzip2, xz, zstandard, zip, 7z or tar, or - for standard
    input.

    Interrupted or killed, the same command goes on where it stopped. Nothing becomes visible
    before `qorgan publish`.
    """
    from loaders.load import Request
    from loaders.recording import Recorder
    from lookup.index.audit_record import Details, Event

    identifiers = {kind: column for kind in Kind if (column := given[kind.value])}
    if not identifiers:
        raise InputError(
            Code.BAD_USAGE, "say which column holds identifiers: --iin, --phone or --email COLUMN"
        )
    with _source(file, given) as source, _loader() as loader:
        _warn_if_not_durable(loader.store)
        if source.encoding == "kz1048" and given["encoding"] is None:
            note("the file is not UTF-8 and is read as kz1048; if that is wrong, give --encoding")
        recorder = Recorder(loader.store, Settings.from_env().keys)
        request = Request(name, identifiers, fields)
        certificate, was_loaded = loader.load(source, request, fresh=fresh)
        recorder.record(Event.LOADED, Details.of_certificate(certificate))
    if was_loaded:
        note("this file was loaded into this dataset before; here is that load's certificate")
    click.echo(certificate)


def _source(file: Path, given: dict[str, str | None]) -> "Source":
    from loaders.dump import STDIN, Dump
    from loaders.sources import open_csv
    from loaders.sql_source import is_sql, open_sql

    encoding, member, table = given["encoding"], given["member"], given["table"]
    is_statements = table is not None
    if not is_statements and file != STDIN:
        with Dump(file, member) as dump:
            is_statements = is_sql(dump)
    if is_statements:
        return open_sql(file, table=table, encoding=encoding, member=member)
    return open_csv(file, encoding=encoding, delimiter=given["delimiter"], member=member)


_PUBLISHED = ("lane", "version", "datasets", "identifiers", "changed")


@cli.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", is_flag=True, help="Do not ask to confirm the lane of a new dataset.")
@json_option
def publish(names: tuple[str, ...], *, yes: bool, as_json: bool) -> None:
    """Make the finished loads of these datasets visible, beside what is visible already.

    A dataset's lane cannot be changed once it was published: on a terminal you are asked.
    """
    from loaders import report
    from loaders.publish import Published, Publisher
    from loaders.recording import Recorder

    with _loader() as loader:
        publisher = Publisher(loader.store, loader.definition, loader.keys, loader.progress)
        recorder = Recorder(loader.store, Settings.from_env().keys)
        unfinished = publisher.unfinished(names)
        _confirm(recorder, names, yes=yes)
        published: list[Published] = []

        def tell(done: Published) -> None:
            published.append(done)
            recorder.published(done)

        try:
            publisher.publish(names, tell=tell)
        finally:  # a lane that was switched is told, also if the next one fails
            rows = [asdict(one) for one in published]
            if rows:
                report.show(rows, _PUBLISHED, as_json=as_json)
    if unfinished:
        note(f"left out, because not finished: {unfinished} loads; run their commands again")
    if not as_json and any(one.lane == "verified" for one in published):
        note("the verified lane cannot be asked yet: it is for API clients, which are to come")


@cli.command()
@click.option("--bind", metavar="ADDR", help="Address and port instead of QORGAN_BIND.")
def serve(bind: str | None) -> None:
    """Serve the published index over HTTP; Ctrl-C stops it in order."""
    from loaders import serve as server

    chosen = Settings.from_env()
    if bind is not None:
        address = parse_bind(bind)
        if address is None:
            raise InputError(Code.BAD_USAGE, "--bind must be an address and a port")
        chosen = replace(chosen, host=address[0], port=address[1])
    server.serve(chosen)


@cli.command()
@click.option("--server", metavar="URL", help="The service; else the one QORGAN_BIND names.")
@click.option(
    "--kind", type=click.Choice([k.value for k in Kind]), default="iin", show_default=True
)
@click.option("--publisher-key", metavar="HEX", help="Trust only this publisher (64 hex digits).")
@click.argument("extra", nargs=-1, type=click.UNPROCESSED, metavar="")
@json_option
def check(
    server: str | None,
    kind: str,
    publisher_key: str | None,
    extra: tuple[str, ...],
    *,
    as_json: bool,
) -> int:
    """Ask whether an identifier is in a published leak.

    The identifier is read from a prompt without echo, or from one line of standard input. It never
    leaves this machine. Exit codes: 0 not found, 10 found, 2 refused input, 3 could not check.
    """
    from loaders import ask

    settings = Settings.from_env()
    if extra:
        raise InputError(
            Code.BAD_USAGE,
            "an identifier is never an argument, shells keep those; give it on standard input",
        )
    if publisher_key is not None and not re.fullmatch(r"[0-9a-f]{64}", publisher_key):
        raise InputError(Code.BAD_USAGE, "--publisher-key must be 64 lower-case hex digits")
    url = server or f"http://{settings.host}:{settings.port}"
    if not re.match(r"https?://", url):
        raise InputError(Code.BAD_USAGE, "--server must be an http:// or https:// URL")
    pins = settings.data / "pins.json"
    return ask.ask(url, Kind(kind), publisher_key, pins, as_json=as_json)


@cli.command()
@click.option("--people", type=click.IntRange(1, 64_000_000), required=True, help="How many.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True)
def synth(people: int, seed: int) -> None:
    """Write a synthetic dump (CSV) to standard output; nobody in it exists."""
    from loaders.synth import write_dump

    write_dump(sys.stdout, people, seed)


@cli.command()
def demo() -> None:
    """Make a small index of synthetic people in the data folder, and serve it."""
    from loaders.demo import run

    run(Settings.from_env())


@cli.command()
@json_option
def settings(*, as_json: bool) -> None:
    """Show the settings as they were understood."""
    shown = Settings.from_env().shown()
    if as_json:
        click.echo(json.dumps(shown))
        return
    for name, value in shown.items():
        click.echo(f"{name}={value}")


def _confirm(recorder: "Recorder", names: tuple[str, ...], *, yes: bool) -> None:
    """Before the first of several lanes is switched: other eyes, and the lanes of new datasets."""
    from loaders import operator as operators
    from loaders.publish import wanted
    from lookup.index import register, versions
    from lookup.protocol import parameters

    visible: set[str] = set()
    for lane, loads in wanted(recorder.store, names).items():
        before = versions.read(recorder.store, lane).current
        added = set(loads) - set(before.loads if before else ())
        operators.refuse_same_hands(recorder.store, recorder.operator, sorted(added))
        if before:
            visible |= {d.name for d in parameters.parse(before.document.encode()).datasets}
    for name in names:
        if name not in visible:
            operators.confirm_lane(register.get(recorder.store, name)[1], assume_yes=yes)


def _warn_if_not_durable(opened: "Store") -> None:
    from lookup.index import store

    if not store.is_durable(opened):
        note("the store may lose writes when it crashes; set appendonly yes and appendfsync always")


def _loader() -> "AbstractContextManager[Loader]":
    from loaders.opened import loader

    return loader(Settings.from_env())


dataset.add_command(import_record)
for _command in (*COMMANDS, audit, operator):
    cli.add_command(_command)
