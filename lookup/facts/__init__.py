"""Fixed knowledge in kk, ru and en: the data classes' vocabulary and what a citizen can do.

``data_classes.json`` and ``actions.json`` were collected from public reports on 2026-11-22; their
own notes say how sure each fact is.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Translated = dict[str, str]  # keys kk, ru, en

# These fit every leak, whatever was in it (data_classes.json, note).
ALWAYS = ("beware_calls", "complain_isc", "compensation")
# These do nobody harm, and help whoever is in a leak that is not known yet.
PRECAUTIONS = ("stop_credit", "code_1414", "beware_calls")


@dataclass(frozen=True)
class DataClass:
    """One data class: our slug (fixed for ever), its names, and the actions that fit it."""

    slug: str
    hibp: str
    name: Translated
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Action:
    """One thing a citizen can do today.

    Attributes:
        confidence: of the fact behind the sentence: high, medium-high or medium.
        links, numbers: where it is done, and the short numbers to call.
    """

    id: str
    order: int
    confidence: str
    text: Translated
    links: tuple[Translated, ...]
    numbers: tuple[str, ...]


@cache
def data_classes() -> dict[str, DataClass]:
    """The vocabulary by slug."""
    return {
        raw["slug"]: DataClass(
            raw["slug"], raw["hibp"], {k: raw[k] for k in ("kk", "ru", "en")}, tuple(raw["actions"])
        )
        for raw in _read("data_classes.json")["classes"]
    }


@cache
def actions() -> tuple[Action, ...]:
    """All actions, most useful first."""
    found = [
        Action(
            raw["id"],
            raw["order"],
            raw["confidence"],
            {k: raw[k] for k in ("kk", "ru", "en")},
            tuple(raw["links"]),
            tuple(raw["numbers"]),
        )
        for raw in _read("actions.json")["actions"]
    ]
    return tuple(sorted(found, key=lambda action: action.order))


def advice(exposed: Iterable[str]) -> tuple[Action, ...]:
    """The actions that fit these data classes, most useful first; unknown classes add none."""
    wanted = set(ALWAYS)
    for slug in exposed:
        if slug in data_classes():
            wanted.update(data_classes()[slug].actions)
    return tuple(action for action in actions() if action.id in wanted)


@cache
def column_words() -> dict[str, str]:
    """Column headings, in lower case, that are known to stand over a data class: its slug."""
    known = _read("data_classes.json")["classes"]
    return {heading: raw["slug"] for raw in known for heading in raw["headers"]}


def _read(name: str) -> dict[str, list[dict[str, Any]]]:
    content: dict[str, list[dict[str, Any]]] = json.loads(
        (files("lookup.facts") / name).read_text(encoding="utf-8")
    )
    return content
