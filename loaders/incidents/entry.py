"""A draft of a register entry: what a record gave, what became of each field, and its TOML.

What only a person can say stands in the TOML as a comment with an empty value, so that `qorgan
dataset add` refuses the file until a person has said it. What the register has no key for is kept
as comments too: `dataset add` drops them.
"""

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import tomli_w
from pydantic import TypeAdapter, ValidationError

from loaders.incidents import plain_text, severity
from loaders.incidents.classes import Classes
from loaders.incidents.finding import Finding, Flag
from lookup.index.dataset import Dataset, Line, Name, Source, Text, parse

MOST = 20  # of organisations, sources and proceedings: the file must stay under 256 KiB
_MOST_ASIDE, _LONGEST_ASIDE = 60, 200

_LANGUAGES = {"kk": "Kazakh", "ru": "Russian", "en": "English"}
# What a person must say where the record does not: an empty value, and what to write.
_ASKED = {
    "name": ('""', "the entry's name for ever: a-z, 0-9 and -"),
    "sensitive": ('""', "true or false; true: only identified people can ask. For ever"),
    "breach_date": ('""', "when it happened, such as 2025-06-16 or 2025-06"),
    "data_classes": ("[]", "what was in it; the order is for ever"),
}
_TRANSLATED = ("title", "description")
_STANDS_IN: dict[str, Any] = {
    "name": "a",
    "sensitive": False,
    "breach_date": "2025-06",
    "data_classes": ["names"],
}


@dataclass
class Draft:
    """An entry in the making.

    Attributes:
        form: the form's name, for the file's first line.
        values: keys of the dataset file; of ``title`` and ``description`` only known languages.
        aside: what is kept for the person who reads the file, with the record's field.
    """

    form: str
    values: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    aside: list[tuple[str, str]] = field(default_factory=list)

    def flag(self, flag: Flag, field: str, text: str) -> None:
        """Tell the operator of a field, once."""
        finding = Finding(flag, field, text)
        if finding not in self.findings:
            self.findings.append(finding)

    def put(self, key: str, value: object, field: str) -> None:
        """Take a value over under a key of the dataset file."""
        self.values[key] = value
        self.flag(Flag.MAPPED, field, f"now {key}")

    def keep(self, field: str, value: object) -> None:
        """Keep as a comment what the register has no key for, or must not tell."""
        for text in plain_text.several(value):
            shown = plain_text.line(text)
            if len(self.aside) < _MOST_ASIDE:
                more = " ..." if len(shown) > _LONGEST_ASIDE else ""
                self.aside.append((field, shown[:_LONGEST_ASIDE] + more))

    def put_line(self, key: str, value: object, field: str) -> None:
        """Take over a title, in English."""
        self._put_text(key, plain_text.line(plain_text.one(value)), field, Line)

    def put_text(self, key: str, value: object, field: str) -> None:
        """Take over a text of several lines: in English where the key has languages."""
        self._put_text(key, plain_text.lines(plain_text.one(value)), field, Text)

    def put_classes(self, found: Classes, field: str) -> None:
        """Take over the data classes."""
        if found.unknown:
            words = len(found.unknown)
            self.flag(Flag.LEFT_OUT, field, f"words that name no class of ours: {words}")
            self.keep(f"{field}, not ours", list(found.unknown))
        if found.are_too_many:
            self.flag(Flag.MISSING, "data_classes", "the record names more than 16; choose")
            self.keep(field, ", ".join(found.slugs))
        elif found.slugs:
            self.put("data_classes", list(found.slugs), field)

    def add_source(self, title: object, url: object, accessed_on: str | None = None) -> None:
        """Add a source; a title or address that the register cannot show is left out."""
        source = {"title": plain_text.line(plain_text.one(title)), "accessed_on": accessed_on}
        source = {key: value for key, value in source.items() if value}
        address = plain_text.one(url).strip()
        if address and _fits(Source, source | {"url": address}):
            source["url"] = address
        elif address:
            self.flag(Flag.LEFT_OUT, "sources.url", "no address that the register can show")
        if _fits(Source, source):
            _append(self.values, "sources", source)

    def add_organisation(self, name: object, role: str, sector: object = None) -> bool:
        """Add an organisation; whether its name could be taken over."""
        shown = {"name": plain_text.line(plain_text.one(name)), "role": role}
        if plain_text.says_nothing(shown["name"]) or not _fits(Line, shown["name"]):
            return False
        sector_shown = plain_text.line(plain_text.one(sector))
        if not plain_text.says_nothing(sector_shown) and _fits(Line, sector_shown):
            shown["sector"] = sector_shown
        return _append(self.values, "organisations", shown)

    def add_proceeding(self, what: object) -> bool:
        """Add a proceeding, in the record's own language; whether it could be taken over."""
        shown = plain_text.line(plain_text.one(what))
        return _fits(Line, shown) and _append(self.values, "proceedings", {"what": shown})

    def put_name(self, *parts: str) -> None:
        """Propose the entry's name."""
        written = "-".join("".join(c if c.isalnum() else " " for c in p) for p in parts).lower()
        name = "-".join(written.replace("-", " ").split())[:63].rstrip("-")
        if name and _fits(Name, name):
            self.put("name", name, "name")
            self.flag(Flag.CLAIMED, "name", "proposed by us; it is for ever, choose well")

    def _put_text(self, key: str, shown: str, field: str, kind: Any) -> None:
        if plain_text.says_nothing(shown):
            return
        if not _fits(kind, shown):
            self.flag(Flag.LEFT_OUT, field, "longer than the register's texts may be; shorten it")
            self.keep(field, shown)
            return
        self.put(key, {"en": shown} if key in _TRANSLATED else shown, field)

    def finish(self) -> str:
        """The draft's TOML; what is missing in it is told too.

        Raises:
            InputError: BAD_DATASET, what the record says contradicts the rules of the register.
        """
        parse(self._with_stand_ins())
        for key, (_, what) in _ASKED.items():
            if key not in self.values:
                self.flag(Flag.MISSING, key, what)
        for key in _TRANSLATED:
            known = self.values.get(key, {} if key == "title" else None)
            if known is not None and (asked := _unknown(known)):
                self.flag(Flag.MISSING, key, f"write it in {', '.join(asked.values())}")
        if "severity" not in self.values and "data_classes" in self.values:
            self.flag(Flag.MISSING, "severity", "a judgement; the file has a place to begin")
        return self._toml()

    def _with_stand_ins(self) -> dict[str, Any]:
        whole = _STANDS_IN | {"title": {}} | self.values
        for key in _TRANSLATED:
            if key in whole:
                whole[key] = dict.fromkeys(_LANGUAGES, "a") | whole[key]
        return whole

    def _toml(self) -> str:
        parts = [
            f"# A draft made from a {self.form} record: read it, complete it, and then run\n",
            "# qorgan dataset add on it. Lines with an empty value wait for you.\n",
        ]
        tables: list[str] = []
        for key in Dataset.model_fields:
            if key in self.values or key == "title":
                piece = _piece(key, self.values.get(key, {}))
                (tables if piece.startswith("[") else parts).append(piece)
            elif key in _ASKED:
                empty, what = _ASKED[key]
                parts.append(f"# {what}\n# {key} = {empty}\n")
        return "\n".join(["".join(parts), *tables, *self._comments()])

    def _comments(self) -> list[str]:
        """What stands at the end: a severity to begin with, and what was kept aside."""
        found = []
        if "severity" not in self.values and "data_classes" in self.values:
            scored = severity.score(severity.suggested(self.values["data_classes"]))
            inputs = scored.inputs
            found.append(
                "# ENISA severity, dpc x ei + cb: a judgement. What the data classes suggest is\n"
                f"# {scored.value:g}, {scored.level.value}; malice adds 0.5 to cb.\n"
                "# [severity]\n"
                f"# dpc = {inputs.dpc}\n# ei = {inputs.ei}\n# cb = {inputs.cb}\n"
            )
        if self.aside:
            kept = [f"# {name}: {json.dumps(v, ensure_ascii=False)}\n" for name, v in self.aside]
            found.append("".join(["# In the record, and not for the register:\n", *kept]))
        return found


def _piece(key: str, value: object) -> str:
    """A key and its value in TOML; a text without one of its languages asks for it."""
    piece = f"[{key}]\n" if value == {} else tomli_w.dumps({key: value})
    if key in _TRANSLATED and isinstance(value, dict) and (asked := _unknown(value)):
        hint = f"# write it in {', '.join(asked.values())} and take the # away\n"
        return piece + hint + "".join(f'# {language} = ""\n' for language in asked)
    return piece


def _unknown(texts: dict[str, str]) -> dict[str, str]:
    return {code: name for code, name in _LANGUAGES.items() if code not in texts}


def _append(values: dict[str, Any], key: str, item: object) -> bool:
    items = values.setdefault(key, [])
    if len(items) == MOST:
        return False
    items.append(item)
    return True


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _fits(kind: Any, value: object) -> bool:
    """Whether the dataset file takes this value."""
    try:
        _adapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True
