"""A Rankiteo record taken apart: the quoted list at its head, the dict in its body.

The head is no JSON and the dict is Python's repr; ``type`` and ``impact`` stand in both and mean
two things. A record whose head and body tell of two incidents is refused.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from loaders.incidents import dates, literal, plain_text
from lookup.errors import Code, InputError

_HEAD = ("id", "linkid", "type", "date", "severity", "impact", "explanation")
_BODY = (
    *("affected_entities", "data_breach", "date_detected", "date_publicly_disclosed"),
    *("description", "impact", "lessons_learned", "post_incident_analysis", "recommendations"),
    *("references", "regulatory_compliance", "title", "type"),
)
_BODY_ONLY = tuple(key for key in _BODY if key not in _HEAD)
_START = re.compile(r"\{\s*['\"](?:%s)['\"]\s*:" % "|".join(_BODY_ONLY))  # noqa: UP031
_PAIR = re.compile(
    r"""(?:^|(?<=[\s,{]))(["']?)(?P<key>%s)\1(?:[ \t]*[:=][ \t]*|(?<=["'])[ \t]+)
        (?:"(?P<a>[^"\n]{0,2000})"|'(?P<b>[^'\n]{0,2000})'|(?P<c>\d{1,9}\b))"""  # noqa: UP031
    % "|".join(_HEAD),
    re.VERBOSE,
)
_MOST = 1000  # tables in a list
_UNIX_TIME = re.compile(r"[A-Za-z]{1,8}(\d{10})")
# Words of many organisations' names: one of them in common is no sign of the same one.
_COMMON = frozenset(
    ("bank", "group", "company", "holding", "limited", "financial", "finance", "kazakhstan")
)


@dataclass(frozen=True)
class Record:
    """Head and body of one record."""

    head: dict[str, str]
    body: dict[str, Any]

    @property
    def recorded_on(self) -> date | None:
        """When the record was made, which its id tells: no date of the leak."""
        found = _UNIX_TIME.fullmatch(self.head.get("id", ""))
        return datetime.fromtimestamp(int(found[1]), UTC).date() if found else None

    @property
    def entities(self) -> list[dict[str, Any]]:
        """The affected organisations."""
        return tables(self.body.get("affected_entities"))

    def refuse_two_incidents(self) -> None:
        """Hold head against body.

        Raises:
            InputError: BAD_DATASET, they are more than a quarter apart or name others.
        """
        claimed = dates.read(self.head.get("date"))
        told = [dates.read(self.body.get(key)) for key in ("date_detected", _DISCLOSED)]
        days = [claimed.days_to(one) for one in told if one is not None and claimed is not None]
        if days and min(days) > dates.QUARTER:
            raise _two("its head and its body are more than a quarter of a year apart")
        if not self._names_agree():
            raise _two("its head and its body name different organisations")

    def _names_agree(self) -> bool:
        slug = _words(self.head.get("linkid", ""))
        names = [plain_text.one(entity.get("name")) for entity in self.entities]
        names = [name for name in names if _words(name) and name.isascii()]
        if not slug or not names:
            return True  # nothing to hold against each other: Latin letters against others say no
        told = [*names, plain_text.one(self.body.get("title"))]
        return any(_alike(slug, _words(text)) for text in told)


_DISCLOSED = "date_publicly_disclosed"


def recognises(text: str, document: Any) -> bool:
    """Whether a text, or it as JSON, holds the body of a Rankiteo record."""
    if isinstance(document, dict):
        return len(set(document) & set(_BODY)) >= 2 or bool(_inner(document))
    return _START.search(text) is not None


def take_apart(text: str, document: Any) -> Record:
    """The record in a text, or in a JSON document as a whole.

    Raises:
        InputError: BAD_FILE, there is none that can be read; BAD_DATASET, there are two.
    """
    if isinstance(document, dict):
        return _from_json(document)
    start = _START.search(text)
    if start is None:
        raise InputError(
            Code.BAD_FILE, "the record has no Rankiteo dict such as {'affected_entities': ...}"
        )
    end = literal.end_of(text, start.start())
    if _START.search(text, end):
        raise _two("it has two bodies")
    body = literal.read(text[start.start() : end])
    if not isinstance(body, dict):
        raise literal.refused("is no dict")
    head: dict[str, str] = {}
    for pair in _PAIR.finditer(text[: start.start()] + "\n" + text[end:]):
        value = pair["a"] or pair["b"] or pair["c"] or ""
        if head.setdefault(pair["key"], value) != value:
            raise _two("its head says one thing twice, in two ways")
    return Record(head, body)


def tables(value: Any) -> list[dict[str, Any]]:
    """The dicts of a value that may be one dict or a list of them."""
    items = value if isinstance(value, list | tuple) else [value]
    return [item for item in items[:_MOST] if isinstance(item, dict)]


def _from_json(document: dict[str, Any]) -> Record:
    inner = _inner(document)
    if len(inner) > 1:
        raise _two("it has two bodies")
    body = inner[0] if inner else document
    if not set(body) & set(_BODY_ONLY):
        raise InputError(Code.BAD_FILE, "the record has none of the keys of Rankiteo's form")
    # In one flat dict, type and impact are the body's.
    keys = _HEAD if inner else [key for key in _HEAD if key not in _BODY]
    head = {key: plain_text.one(document[key]) for key in keys if key in document}
    return Record(head, body)


def _inner(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The bodies inside a document that holds the head as well."""
    if set(document) & set(_BODY_ONLY):
        return []
    return [v for v in document.values() if isinstance(v, dict) and set(v) & set(_BODY_ONLY)]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.casefold())


def _alike(slug: list[str], words: list[str]) -> bool:
    """Whether an organisation's short name can be that of a text."""
    joined, short = "".join(words), "".join(slug)
    initials = "".join(word[0] for word in words)
    if short in joined or (joined and joined in short):
        return True
    if len(short) > 2 and short in initials:
        return True
    return bool({w for w in slug if len(w) > 3 and w not in _COMMON} & set(words))


def _two(why: str) -> InputError:
    return InputError(
        Code.BAD_DATASET,
        f"the record joins two incidents: {why}; write an entry for each by hand",
    )
