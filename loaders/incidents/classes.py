"""Words of others for our data classes: HIBP's names, English names, column headings."""

import re
from dataclasses import dataclass
from functools import cache

from loaders.incidents import plain_text
from lookup.facts import data_classes
from lookup.protocol.suite import MAX_DATA_CLASSES

_MOST, _LONGEST = 100, 2000  # texts, letters: longer ones are no list of data classes

# Vendors' words beside those of the vocabulary.
_ALSO = {
    "names": ("full name", "first name", "last name", "customer name"),
    "government-issued-ids": (
        *("national id", "national id number", "national identification number"),
        *("government id", "individual identification number", "iins"),
    ),
    "phone-numbers": ("phone", "phone number", "mobile number", "telephone number"),
    "email-addresses": ("email", "e-mail", "e-mail address"),
    "physical-addresses": ("address", "home address", "residential address"),
    "dates-of-birth": ("date of birth", "birth date", "birthdate"),
    "identity-documents": ("passport", "passport number", "identity document", "id card"),
    "credit-cards": ("credit card", "payment card", "bank card"),
    "health": ("medical record", "health data", "medical data", "health information"),
}


@dataclass(frozen=True)
class Classes:
    """Slugs in the order they were named, and what was named besides."""

    slugs: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def are_too_many(self) -> bool:
        """An entry has room for 16."""
        return len(self.slugs) > MAX_DATA_CLASSES


def from_hibp(names: list[str]) -> Classes:
    """HIBP's own names, letter for letter."""
    by_name = {found.hibp: slug for slug, found in data_classes().items()}
    return _sorted_out(names, by_name)


def from_words(texts: list[str]) -> Classes:
    """A vendor's words; lists inside a text are taken apart."""
    short = [text for text in texts[:_MOST] if len(text) <= _LONGEST]
    parts = [part for text in short for part in re.split(r"[,;/\n]| and | & ", text)]
    return _sorted_out([_key(part) for part in parts], _words())


def _sorted_out(names: list[str], known: dict[str, str]) -> Classes:
    written = [name for name in names if plain_text.line(name)]
    slugs = dict.fromkeys(known[name] for name in written if name in known)
    unknown = dict.fromkeys(name for name in written if name not in known)
    return Classes(tuple(slugs), tuple(unknown))


@cache
def _words() -> dict[str, str]:
    words = {
        _key(word): slug for slug, also in _ALSO.items() for word in (*also, f"{also[0]} numbers")
    }
    for slug, found in data_classes().items():
        words |= {_key(word): slug for word in (slug, found.hibp, found.name["en"])}
    return words


def _key(word: str) -> str:
    """A word without case, marks around it and its plural's s."""
    bare = plain_text.line(word).casefold().replace("-", " ").replace("_", " ").strip(" .:()")
    return re.sub(r"(?<=[a-z]{2})(?<!s)s\b", "", bare)
