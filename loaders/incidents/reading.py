"""An incident record from a file: its size, encoding and form."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from loaders.incidents import hibp, notice, rankiteo
from loaders.incidents.entry import Draft
from loaders.incidents.literal import refused
from lookup.errors import Code, InputError

FORMS = ("rankiteo", "hibp", "notice")
_LONGEST = 1024 * 1024


def read_file(path: Path, today: date, form: str | None = None, name: str | None = None) -> Draft:
    """The draft that a record makes.

    Args:
        today: dates after it are contradictions.
        form: one of FORMS; None, the record's look decides.
        name: which breach of a list in HIBP's form.

    Raises:
        InputError: BAD_FILE or BAD_DATASET, the record cannot be read or tells of two incidents.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LONGEST + 1)
    except OSError:
        raise InputError(Code.BAD_FILE, "the record cannot be opened; check its path") from None
    if len(raw) > _LONGEST:
        raise InputError(Code.BAD_FILE, "the record is longer than 1 MiB; give one incident's only")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            Code.BAD_FILE, "the record is not text in UTF-8; save it as UTF-8"
        ) from None
    return read(text, today, form, name)


def read(text: str, today: date, form: str | None = None, name: str | None = None) -> Draft:
    """As ``read_file``, of a text."""
    document = _json(text)
    match form or _recognised(text, document):
        case "rankiteo":
            return rankiteo.draft(text, document, today)
        case "hibp":
            return hibp.draft(document, name, today)
        case "notice":
            return notice.draft(text if document is None else document, today)
    raise InputError(
        Code.BAD_FILE,
        f"the record has none of the forms {', '.join(FORMS)}; if it should, give --form",
    )


def _recognised(text: str, document: Any) -> str | None:
    if hibp.recognises(document):
        return "hibp"
    # Before Rankiteo's: what lists people must not be read as what lists none.
    if notice.recognises(text if document is None else document):
        return "notice"
    return "rankiteo" if rankiteo.recognises(text, document) else None


def _json(text: str) -> Any:
    """The document, where the text is JSON as a whole; else None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):  # no JSON, or numbers of thousands of digits
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values under one key json would keep the last, and drop half of an incident."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise refused("names a key twice, as a file of two incidents would")
    return dict(pairs)
