"""``python -m tools.messages``: bring the catalogues of the site's three languages up to date.

The texts in code and templates are English. This finds them, adds the new ones to each catalogue
(English translates itself), drops the ones that are gone, compiles, and names what still lacks a
translation. With ``--check`` nothing is written: it only says whether anything would change.
"""

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from lookup.languages import LANGUAGES

_LOOKUP = Path(__file__).parents[1] / "lookup"
_METHODS = [("**.py", "python"), ("templates/**.*", "jinja2.ext:babel_extract")]
_DATE = datetime(2026, 11, 22, tzinfo=UTC)  # the same always: a catalogue is its texts
_OPTIONS = {"templates/**.*": {"trimmed": "true", "silent": "false"}}


def main(arguments: list[str]) -> int:
    """0: all is translated and, with ``--check``, up to date; 1: it is not."""
    if set(arguments) - {"--check"}:
        _say("usage: python -m tools.messages [--check]")
        return 2
    complete = True
    for language in LANGUAGES:
        folder = _LOOKUP / "translations" / language / "LC_MESSAGES"
        catalogue = _renewed(folder / "messages.po", language)
        missing = [str(m.id) for m in catalogue if m.id and not m.string]
        files = {"messages.po": _po(catalogue), "messages.mo": _mo(catalogue)}
        for name, content in files.items():
            path = folder / name
            if path.exists() and path.read_bytes() == content:
                continue
            if "--check" in arguments:
                complete = False
                _say(f"{language}: {name} is out of date; run: make messages")
                continue
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for text in missing:
            complete = False
            _say(f"{language}: no translation of: {text}")
        _say(f"{language}: {len(catalogue) - len(missing)} of {len(catalogue)}")
    return 0 if complete else 1


def _renewed(path: Path, language: str) -> Catalog:
    """The catalogue with exactly the texts that there are now."""
    known: dict[str, str] = {}
    if path.exists():
        with path.open("rb") as file:
            # A guess ("fuzzy") is no translation.
            read = read_po(file, language)
            known = {str(m.id): str(m.string) for m in read if m.id and not m.fuzzy}
    catalogue = Catalog(
        language,
        project="Qorgan",
        version="1",
        header_comment="# Made by python -m tools.messages; only the translations are by hand.",
        msgid_bugs_address="-",
        last_translator="-",
        language_team="-",
        creation_date=_DATE,
        revision_date=_DATE,
        fuzzy=False,
    )
    for text in sorted(_texts()):
        catalogue.add(text, text if language == "en" else known.get(text, ""))
    return catalogue


def _texts() -> set[str]:
    found = extract_from_dir(_LOOKUP, _METHODS, _OPTIONS, keywords={"_": None, "gettext": None})
    return {message for _, _, message, _, _ in found if isinstance(message, str)}


def _po(catalogue: Catalog) -> bytes:
    out = io.BytesIO()
    write_po(out, catalogue, width=100)
    return out.getvalue()


def _mo(catalogue: Catalog) -> bytes:
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
