"""``qorgan check``: one question, asked without the identifier ever being an argument."""

import json
import os
import re
import stat
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import click

from lookup.client import Answer, Client, Found, SearchedLane
from lookup.errors import Code, CouldNotCheckError, InputError
from lookup.facts import data_classes
from lookup.index.clients import split_key
from lookup.protocol.suite import Kind, Lane

if TYPE_CHECKING:
    from io import BufferedReader

EXIT_NOT_FOUND, EXIT_FOUND = 0, 10
_LONGEST_LINE = 400
_NAMES = {Kind.IIN: "IIN", Kind.PHONE: "phone number", Kind.EMAIL: "e-mail address"}


def read_identifier(kind: Kind) -> str:
    """One line of a pipe, or of a person without echo.

    Raises:
        InputError: EMPTY, nothing was given; BAD_USAGE, more than one line, or a very long one.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        value = str(click.prompt(f"{_NAMES[kind]} (not shown)", hide_input=True, err=True))
    else:
        value = _piped_line().decode("utf-8", errors="replace").rstrip("\r")
    if not value.strip():
        raise InputError(Code.EMPTY, "nothing was given; give one identifier on standard input")
    return value


def _piped_line() -> bytes:
    """The line, as soon as it is there; what came with it behind it would go unasked."""
    given = b""
    while sys.stdin is not None and b"\n" not in given and len(given) <= _LONGEST_LINE:
        part = cast("BufferedReader", sys.stdin.buffer).read1(_LONGEST_LINE)
        if not part:
            break
        given += part
    line, _, more = given.partition(b"\n")
    if more.strip() or len(line) > _LONGEST_LINE:
        raise InputError(Code.BAD_USAGE, "give one identifier at a time, on one line")
    return line


def client(url: str, publisher_key: str | None, pins: Path, api_key_file: Path | None) -> Client:
    """A client of the public lane; with a key, of both.

    Raises:
        InputError: BAD_FILE, the file holds no key, or others can read it.
    """
    key = None if api_key_file is None else _api_key(api_key_file)
    lanes = (Lane.PUBLIC,) if key is None else tuple(Lane)
    try:
        return Client(url, publisher_key=publisher_key, pins=pins, api_key=key, lanes=lanes)
    except CouldNotCheckError as error:  # the pins file
        raise CouldNotCheckError(error.code, f"{error.sentence} (asked {_place(url)})") from None


def _api_key(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            line = file.read(_LONGEST_LINE).decode("ascii", errors="replace").strip()
    except OSError:
        raise InputError(
            Code.BAD_FILE, "the API key's file cannot be read; check its path"
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise InputError(Code.BAD_FILE, "others can read the API key's file; run: chmod go= FILE")
    if split_key(line) is None:
        raise InputError(Code.BAD_FILE, "the file holds no API key: one line, qk_... is expected")
    return line


def ask(client: Client, url: str, kind: Kind, *, as_json: bool) -> int:
    """Ask the client's service, show the answer, and give the exit code.

    Raises:
        InputError: no identifier of this kind; nothing was sent.
        CouldNotCheckError: there is no answer; the sentence names the service.
    """
    value = read_identifier(kind)
    try:
        answer = client.check(kind, value)
    except CouldNotCheckError as error:
        raise CouldNotCheckError(error.code, f"{error.sentence} (asked {_place(url)})") from None
    if as_json:
        click.echo(json.dumps(_document(answer), ensure_ascii=False))
    else:
        _tell(answer)
    return EXIT_FOUND if isinstance(answer, Found) else EXIT_NOT_FOUND


def _place(url: str) -> str:
    """Where a service is, without what may be a password or an identifier in its URL."""
    try:
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    except ValueError:  # half an IPv6 address
        place = ""
    return place if place.isprintable() and not re.search(r"\d{8}", place) else "another service"


def _document(answer: Answer) -> dict[str, object]:
    if not isinstance(answer, Found):
        return {"answer": "not_found", **asdict(answer)}
    return {
        "answer": "found",
        "version": answer.version,
        "published_at": answer.published_at,
        "searched": answer.searched,
        "lanes": [asdict(lane) for lane in answer.lanes],
        "leaks": [asdict(leak) for leak in answer.leaks],
        "actions": [{"id": action.id, **action.text} for action in answer.actions],
    }


def _tell(answer: Answer) -> None:
    searched = " and ".join(map(_version, answer.lanes))
    if not isinstance(answer, Found):
        click.echo(f"not found in version {searched}")
        click.echo(f"Searched: {', '.join(answer.searched) or 'no leak at all'}.")
        click.echo("This is no proof of safety: not every leak is known.")
        _tell_unasked(answer)
        return
    many = "1 leak" if len(answer.leaks) == 1 else f"{len(answer.leaks)} leaks"
    click.echo(f"found in {many} (version {searched})")
    _tell_unasked(answer)
    for leak in answer.leaks:
        # The register is not signed: whatever a service writes there, it is text to the terminal.
        title = _printable(leak.entry.get("title", {}).get("en", leak.name))
        when = _printable(leak.entry.get("breach_date", "date unknown"))
        click.echo(f"\n{title} ({when}); your data in it:")
        for slug in leak.data_classes:
            known = data_classes().get(slug)
            click.echo(f"  - {known.name['en'] if known else slug}")
    click.echo("\nWhat to do today:")
    for number, action in enumerate(answer.actions, start=1):
        click.echo(f"  {number}. {action.text['en']}")


def _version(about: SearchedLane) -> str:
    lane = "" if about.lane is Lane.PUBLIC else f" ({about.lane.value} lane)"
    return f"{about.version} of {about.published_at[:10]}{lane}"


def _tell_unasked(answer: Answer) -> None:
    """The same for everybody, whoever is in whichever leak."""
    if Lane.VERIFIED not in (about.lane for about in answer.lanes):
        click.echo("Sensitive leaks are shown only in an app that has identified the person.")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
