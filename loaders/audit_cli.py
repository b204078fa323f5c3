"""``qorgan audit`` and ``qorgan operator``: the audit trail, and who writes in it.

House rules: those of ``loaders.cli``.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loaders.terminal import json_option, note
from lookup.errors import Code, InputError, UnavailableError
from lookup.settings import Settings

if TYPE_CHECKING:
    from lookup.index.audit import Trail
    from lookup.index.audit_record import Details, Event, Record
    from lookup.index.store import Store

_HEX32 = re.compile(r"[0-9a-f]{64}")
_SHOWN = ("number", "at", "event", "operator", "about")
_OPERATORS = ("id", "name", "known", "here")  # a table would cut a public key short


@click.group()
def audit() -> None:
    """Show and verify the trail of all that operators did."""


@audit.command("verify")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--head", metavar="HEX", help="A head told earlier, which the trail must hold.")
@json_option
def audit_verify(file: Path | None, head: str | None, *, as_json: bool) -> None:
    """Verify the audit trail of the store, or one exported to FILE, and tell its head.

    Every change of a record, and every record that is missing between others, is found. That the
    trail's end was cut off (and perhaps continued by an operator), or all of it written anew, is
    found only with --head: so keep the head that each command tells, in a place where nobody who
    can write to the store can write.
    """
    from lookup.index import audit as trails
    from lookup.index import store

    _refuse_no_hex(head, "--head")
    if file is not None:
        trail = trails.verify(_lines(file), head)
        if not trail.records:
            raise InputError(
                Code.BAD_FILE, "the exported trail is empty: nothing was verified; export it again"
            )
    else:
        with store.opened(Settings.from_env()) as opened:
            trail = trails.read(opened, head)
            _refuse_nowhere(opened, trail.records)
            _refuse_begun_anew(opened, trail)
    if as_json:
        told = {
            "records": len(trail.records),
            "operators": len(trail.operators),
            "four_eyes": trail.four_eyes,
            "head": trail.head,
        }
        click.echo(json.dumps(told))
        return
    count, operators = len(trail.records), len(trail.operators)
    click.echo(f"whole: {count} records, {operators} operators; head {trail.head}")


@audit.command("export")
def audit_export() -> None:
    """Write the audit trail to standard output as JSON lines, as it stands in the store.

    Each line's SHA-256 is the "previous" of the next. `qorgan audit verify FILE` verifies a copy.
    """
    from lookup.index import audit as trails
    from lookup.index import store

    with store.opened(Settings.from_env()) as opened:
        lines = trails.read_lines(opened)
        _refuse_nowhere(opened, lines)
    for line in lines:
        click.echo(line)


@audit.command("show")
@json_option
def audit_show(*, as_json: bool) -> None:
    """Show the records of the audit trail, verified, oldest first."""
    from loaders import report
    from lookup.index import audit as trails
    from lookup.index import store

    with store.opened(Settings.from_env()) as opened:
        trail = trails.read(opened)
        _refuse_nowhere(opened, trail.records)
    if as_json:
        rows = [one.model_dump(mode="json", exclude_none=True) for one in trail.records]
    else:
        rows = [_row(one, trail) for one in trail.records]
    report.show(rows, _SHOWN, as_json=as_json)


@click.group()
def operator() -> None:
    """Say who works here and who may write in the audit trail."""


@operator.command("init")
@click.option("--name", help="A plain name for the trail; everybody who can read it sees it.")
def operator_init(name: str | None) -> None:
    """Make this machine's operator key, if it has none, and tell the public key."""
    from loaders import operator as operators

    folder = Settings.from_env().keys
    is_new = not operators.exists(folder)
    made = operators.create(folder, name)
    if is_new:
        note(f"back up operator.key in {folder}; share it with nobody")
    else:
        note("this machine had an operator key already, and keeps it")
    click.echo(f"operator {made.id}; public key {made.public_key.hex()}")


@operator.command("show")
@json_option
def operator_show(*, as_json: bool) -> None:
    """Show the operators whom the trail knows, and this machine's."""
    from rich.markup import escape

    from loaders import operator as operators
    from loaders import report
    from lookup.index import audit as trails
    from lookup.index import store

    settings = Settings.from_env()
    with store.opened(settings) as opened:
        trail = trails.read(opened)
    here = operators.read(settings.keys) if operators.exists(settings.keys) else None
    rows: list[dict[str, object]] = [
        {
            "id": key,
            "name": entry.details.name,
            "public_key": entry.details.public_key,
            "known": True,
            "here": here is not None and key == here.id,
        }
        for key, entry in trail.operators.items()
    ]
    if here is not None and here.id not in trail.operators:
        own = {"id": here.id, "name": here.name, "public_key": here.public_key.hex()}
        rows.append({**own, "known": False, "here": True})
    if not as_json:
        rows = [{**row, "name": escape(str(row["name"] or ""))} for row in rows]
    report.show(rows, _OPERATORS, as_json=as_json)


@operator.command("add")
@click.argument("public_key", metavar="PUBLIC_KEY")
@click.option("--name", help="A plain name for the trail; everybody who can read it sees it.")
def operator_add(public_key: str, name: str | None) -> None:
    """Let the operator with PUBLIC_KEY (from his `qorgan operator init`) write in the trail."""
    from lookup.index.audit_record import Details, Event, harmless, operator_id

    _refuse_no_hex(public_key, "PUBLIC_KEY")
    named = None if name is None else harmless(name)
    _record_one(Event.OPERATOR_ADDED, Details(public_key=public_key, name=named))
    click.echo(f"operator {operator_id(bytes.fromhex(public_key))} may write in the trail")


@operator.command("four-eyes")
@click.argument("switch", type=click.Choice(["on", "off"]))
def operator_four_eyes(switch: str) -> None:
    """Ask, or no longer ask, that who publishes is not who loaded."""
    from lookup.index.audit_record import Details, Event

    _record_one(Event.FOUR_EYES_SET, Details(on=switch == "on"))
    click.echo(f"four eyes {switch}")


def _record_one(event: "Event", details: "Details") -> None:
    from loaders.recording import Recorder
    from lookup.index import definition, store

    settings = Settings.from_env()
    with store.opened(settings) as opened:
        definition.read(opened)
        Recorder(opened, settings.keys).record(event, details)


def _refuse_nowhere(store: "Store", records: Sequence[object]) -> None:
    """A trail of nothing is "whole": not to be told of a store that somebody named by mistake.

    Raises:
        UnavailableError: INDEX_MISSING.
    """
    from lookup.index import definition

    if not records:
        definition.read(store)


def _refuse_begun_anew(store: "Store", trail: "Trail") -> None:
    """A trail that was deleted and begun again does not tell how the index was made.

    Raises:
        UnavailableError: BAD_SIGNATURE.
    """
    from loaders.recording import tells_of
    from lookup.index import definition

    if definition.exists(store) and not tells_of(trail, definition.read(store)):
        raise UnavailableError(
            Code.BAD_SIGNATURE,
            "the audit trail does not tell how this index and its keys were made: it was begun "
            "anew, or the index was exchanged; look for an export (or, if init was interrupted, "
            "run it again)",
        )


def _row(one: "Record", trail: "Trail") -> dict[str, object]:
    """A record for people: who, by name where there is one, and what it was about."""
    from rich.markup import escape

    from lookup.index.audit_record import operator_id

    details = one.details
    entered = details.public_key if one.event == "operator_added" else None
    entry = trail.operators[one.operator].details
    about = [
        *(details.datasets or ()),
        details.dataset,
        f"load {details.load}" if details.load else None,
        details.lane,
        details.version,
        details.key,
        f"client {details.client}" if details.client else None,
        details.name,
        *(details.lanes or ()),
        operator_id(bytes.fromhex(entered)) if entered else None,
        None if details.on is None else ("on" if details.on else "off"),
        details.reason,
    ]
    return {
        "number": one.number,
        "at": one.at,
        "event": one.event.value,
        "operator": escape(entry.name or one.operator),
        "about": escape(" ".join(str(part) for part in about if part is not None)),
    }


def _lines(file: Path) -> list[bytes]:
    try:
        content = file.read_bytes()
    except OSError:
        raise InputError(
            Code.BAD_FILE, "the exported trail cannot be read; check its path"
        ) from None
    return content.removesuffix(b"\n").split(b"\n") if content else []


def _refuse_no_hex(text: str | None, what: str) -> None:
    if text is not None and not _HEX32.fullmatch(text):
        raise InputError(Code.BAD_USAGE, f"{what} must be 64 lower-case hex digits")
