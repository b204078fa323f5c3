"""The ``qorgan`` command: reads what was asked, calls one function, shows what came of it.

House rules: results on standard output, all else on standard error; errors are one lower-case
sentence without a full stop after ``qorgan:``; nothing an operator typed is repeated if it could
be an identifier; an unforeseen exception shows its class only.
"""

import json
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from loaders.audit_cli import audit, operator
from loaders.client_cli import client
from loaders.doctor_cli import doctor
from loaders.export_cli import export
from loaders.index_cli import dataset, init
from loaders.inspect_cli import inspect
from loaders.load_cli import load
from loaders.notices_cli import notices
from loaders.operations_cli import COMMANDS
from loaders.publish_cli import publish
from loaders.terminal import json_option
from lookup.errors import Code, InputError, QorganError
from lookup.protocol.suite import Kind
from lookup.secrecy import forbid_core_dumps
from lookup.settings import Settings, parse_bind

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
    from lookup.index.store import StoreError, told, unavailable

    if isinstance(error, StoreError):
        error = unavailable(error)
    match error:
        case QorganError():
            # Settings were read before the store was asked, so they can be read again.
            is_away = error.code is Code.STORE_UNAVAILABLE
            return told(error, Settings.from_env()) if is_away else error.sentence, error.exit_code
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


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="qorgan", prog_name="qorgan")
def cli() -> None:
    """Is my IIN in a leak? Load dumps, publish them, serve and ask.

    \b
    A first index:
      qorgan init
      qorgan dataset add FILE.toml
      qorgan inspect DUMP.csv
      qorgan load DUMP.csv --dataset NAME --iin COLUMN
      qorgan publish NAME
      qorgan serve
      qorgan check
    """


@cli.command()
@click.option("--bind", metavar="ADDR", help="Address and port instead of QORGAN_BIND.")
@click.option(
    "--server",
    type=click.Choice(["gunicorn", "granian"]),
    default="gunicorn",
    show_default=True,
    help="Granian (extra qorgan[fast]) gives many times more ranges a second.",
)
def serve(bind: str | None, server: str) -> None:
    """Serve the published index over HTTP; Ctrl-C stops it in order."""
    from loaders import serve as servers

    chosen = Settings.from_env()
    if bind is not None:
        address = parse_bind(bind)
        if address is None:
            raise InputError(Code.BAD_USAGE, "--bind must be an address and a port")
        chosen = replace(chosen, host=address[0], port=address[1])
    servers.serve(chosen, servers.Server(server))


@cli.command()
@click.option("--server", metavar="URL", help="The service; else the one QORGAN_BIND names.")
@click.option(
    "--kind", type=click.Choice([k.value for k in Kind]), default="iin", show_default=True
)
@click.option("--publisher-key", metavar="HEX", help="Trust only this publisher (64 hex digits).")
@click.option(
    "--api-key-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The key of an API client that may ask both lanes; then both are asked.",
)
@click.argument("extra", nargs=-1, type=click.UNPROCESSED, metavar="")
@json_option
def check(
    *,
    server: str | None,
    kind: str,
    publisher_key: str | None,
    api_key_file: Path | None,
    extra: tuple[str, ...],
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
    client = ask.client(url, publisher_key, settings.data / "pins.json", api_key_file)
    return ask.ask(client, url, Kind(kind), as_json=as_json)


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


_TOP = (
    *(init, dataset, inspect, load, publish, *COMMANDS, export),
    *(client, notices, audit, operator, doctor),
)
for _command in _TOP:
    cli.add_command(_command)
