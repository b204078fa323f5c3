"""The people that a notice lists: counted, and kept out of everything that is written.

Their names, IINs and numbers live here only, as long as the notice is being read; no
representation shows them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from lookup.errors import InputError
from lookup.protocol import identifiers

_IIN = re.compile(r"(?<!\d)\d{12}(?!\d)")
_PHONE = re.compile(r"(?<!\d)(?:\+?7|8)?[ ()-]{0,3}7\d{2}(?:[ ()-]{0,3}\d){7}(?!\d)")
_WORD = re.compile(r"[^\W\d_]{2,}")
_NO_NAMES = re.compile(
    r"\b(?:фио|иин|жсн|iin|тел|моб|phone|mobile|name|full|телефон\w*|номер\w*|абонентск\w+"
    r"|мобильн\w+|сотов\w+|ұялы|нөмір\w*|аты|жөні|фамилия|имя|отчество)\b",
    re.IGNORECASE,
)
_DAY = re.compile(r"\b\d{1,2}\.\d{1,2}\.\d{4}\b|\b\d{4}-\d{2}-\d{2}\b")
_MANY_DIGITS = re.compile(r"\d(?:[^\w'\"]*\d){8,}")
_PATRONYMIC = re.compile(r"\w(?:ович|евич|ич|овн|евн|ичн|ұл|қыз|улы|кызы|uly|kyzy)\w{0,3}\b")
_UPPER, _LOWER = "A-ZА-ЯЁӘҒҚҢӨҰҮҺІ", "a-zа-яёәғқңөұүһі"
# Two capitalised words, or one with initials: more than people are written so, and it is as well.
_PERSON = re.compile(
    rf"\b[{_UPPER}][{_LOWER}]+[ \n]+[{_UPPER}](?:[{_LOWER}]+|\.)"
    rf"|\b[{_UPPER}]\. ?(?:[{_UPPER}]\. ?)?[{_UPPER}][{_LOWER}]+"
    rf"|\b[{_UPPER}]{{4,}}[ \n]+[{_UPPER}]{{4,}}"
)


@dataclass(frozen=True)
class Subject:
    """One person of a list."""

    iin: str = field(repr=False)
    phone: str = field(repr=False)
    name: str = field(repr=False)

    @property
    def key(self) -> str:
        """What tells this person from another, as far as the list does."""
        return self.iin or self.phone or self.name


def read(row: str) -> Subject | None:
    """The person of one row, or None where it names nobody."""
    iin = _IIN.search(row)
    rest = _IIN.sub(" ", row)
    phone = _PHONE.search(rest)
    rest = _NO_NAMES.sub(" ", _PHONE.sub(" ", rest))
    name = " ".join(_WORD.findall(rest)).casefold()
    digits = re.sub(r"\D", "", phone[0])[-10:] if phone else ""
    found = Subject(iin[0] if iin else "", digits, name)
    return found if found.key else None


@dataclass(frozen=True)
class Subjects:
    """All people of a notice."""

    people: tuple[Subject, ...] = field(repr=False)
    others: str = field(default="", repr=False)
    """A text that may name somebody else, such as the responsible person."""

    @property
    def number(self) -> int:
        """How many different people."""
        return len({subject.key for subject in self.people})

    @property
    def classes(self) -> list[str]:
        """The data classes that the list shows."""
        shown = (
            ("names", any(subject.name for subject in self.people)),
            ("government-issued-ids", any(subject.iin for subject in self.people)),
            ("phone-numbers", any(subject.phone for subject in self.people)),
        )
        return [slug for slug, is_shown in shown if is_shown]

    @property
    def invalid_iins(self) -> int:
        """How many IINs are placeholders or mistyped."""
        found = {subject.iin for subject in self.people if subject.iin}
        return sum(not _is_iin(iin) for iin in found)

    def may_be_named_in(self, text: str, *, anybody: bool = True) -> bool:
        """Whether a text could hold personal data: rather once too often than once too little.

        Args:
            anybody: also of people who are not on the list, as far as writing tells.
        """
        if "@" in text or _MANY_DIGITS.search(_DAY.sub(" x ", text)):
            return True
        if anybody and (_PERSON.search(text) or _PATRONYMIC.search(text)):
            return True
        names = self._stems
        return any(
            word[:length] in names for word in _words(text) for length in range(2, len(word) + 1)
        )

    @cached_property
    def _stems(self) -> frozenset[str]:
        """The names' words without the letters that cases change."""
        named = (match[0] for match in _PERSON.finditer(self.others))
        texts = (*(subject.name for subject in self.people), *named)
        return frozenset(
            word[: max(4, len(word) - 2)] for text in texts for word in _words(text) if word
        )


def gather(rows: Iterable[str], others: str) -> Subjects:
    """The people of these rows."""
    return Subjects(tuple(_found(rows)), others)


def _found(rows: Iterable[str]) -> Iterator[Subject]:
    for row in rows:
        subject = read(row)
        if subject is not None:
            yield subject


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _is_iin(text: str) -> bool:
    try:
        identifiers.iin(text)
    except InputError:
        return False
    return True
