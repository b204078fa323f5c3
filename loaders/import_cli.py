"""`qorgan dataset import`: a draft of a register entry from an incident record.

It adds nothing to the register. The draft goes to standard output, what became of each field of
the record to standard error; a person completes the draft and runs `qorgan dataset add` on it.
"""

from datetime import UTC, datetime
from pathlib import Path

import click

from lookup.errors import Code, InputError

_FORMS = ("rankiteo", "hibp", "notice")  # loaders.incidents.reading.FORMS, which is slow to import


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--form", type=click.Choice(_FORMS), help="What FILE is; else its look decides.")
@click.option("--name", metavar="NAME", help="Which breach of a list in HIBP's form.")
@click.option(
    "--write",
    "target",
    type=click.Path(path_type=Path),
    metavar="OUT.toml",
    help="Write the draft to this new file, not to standard output.",
)
def import_record(file: Path, form: str | None, name: str | None, target: Path | None) -> None:
    """Draft a register entry (TOML) from the incident record FILE.

    FILE is a record of Rankiteo's, a breach in Have I Been Pwned's JSON, or an operator's notice to
    the authority (order 481/НҚ). What was mapped, is only claimed, contradicts itself or is missing
    is told line by line. Read and complete the draft, then run: qorgan dataset add OUT.toml
    """
    from loaders.incidents import reading

    draft = reading.read_file(file, datetime.now(UTC).date(), form, name)
    document = draft.finish()
    if target is not None:
        _write(target, document)
    for finding in draft.findings:
        click.echo(str(finding), err=True)
    if target is None:
        click.echo(document, nl=False)


def _write(target: Path, document: str) -> None:
    try:
        with target.open("x", encoding="utf-8", newline="\n") as file:
            file.write(document)
    except FileExistsError:
        raise InputError(
            Code.BAD_USAGE, "the file for the draft exists already; give --write another name"
        ) from None
    except OSError:
        raise InputError(
            Code.BAD_USAGE, "the draft cannot be written there; give --write another name"
        ) from None
