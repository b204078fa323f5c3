"""What a column holds, by its name: headings in Kazakh, Russian, English and in Latin letters.

The words are those of ``lookup.facts``. A name is cut into words (case, punctuation, underscores,
``camelCase``, digits and ё make no difference) and the longest known heading in it wins. Of a
relative's IIN or birth date, the person of the row learns that his relatives were in the leak.

Pure, and deliberately shy: a wrong guess tells people of data that did not leak. Words that mean
much else besides ("name", "state") must be the whole name, and words such as "type" or "verified"
say that the column tells *of* the data and does not hold it. ``column_content`` looks at the cells.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from lookup.facts import column_words
from lookup.protocol.suite import Kind

_LONGEST = 128  # characters of a name that are looked at
RELATIVES = "family-members"

# The data class that a valid identifier is evidence of.
OWN_CLASS = {
    Kind.IIN: "government-issued-ids",
    Kind.PHONE: "phone-numbers",
    Kind.EMAIL: "email-addresses",
}

_IIN = (
    *("иин", "жсн", "iin", "zhsn", "jsn", "инн", "inn", "ид номер"),
    *("индивидуальный идентификационный номер", "жеке сәйкестендіру нөмірі"),
    "individual identification number",
)
_BIN = ("бин", "бсн", "bin", "bsn", "business identification number", "бизнес идентификационный")
# Known headings that count only as the whole name: in longer ones they mean other things.
_WEAK = frozenset(
    (
        *("name", "аты", "имя", "aty", "user", "пользователь", "пайдаланушы", "абонент"),
        *("account", "card", "карта", "pan", "plate", "state", "country", "region", "location"),
        *("страна", "регион", "класс", "курс", "position", "job", "pass", "pin", "пин", "mail"),
        *("дом", "house", "building", "flat", "үй", "индекс", "zip", "document", "документ"),
        *("ник", "nick", "vk", "cell", "child", "parent", "бала", "geo"),
        *("voice", "face", "photo", "фото", "сурет", "дети", "компания", "company", "organization"),
        *("organisation", "организация", "работа", "жұмыс", "авто", "car", "анализ", "группа"),
        *("credit", "кредит", "debt", "degree", "student", "school", "lat", "lon", "lng", "born"),
        *("login", "логин", "ip", "қала", "город", "city", "др", "sex", "пол", "treatment"),
    )
)
# Beside a known heading these say nothing: "client_name", "тел. 2".
_BESIDE = frozenset(
    (
        *("клиента", "клиент", "client", "customer", "user", "person", "пациента", "абонента"),
        *("заемщика", "покупателя", "сотрудника", "гражданина", "студента", "ученика", "его"),
        *("номер", "number", "no", "num", "value", "main", "primary", "основной", "доп"),
        *("клиенттің", "азамат", "азаматтың", "contact", "my", "your", "n"),
    )
)
# Outside the known heading, these say that the column is about the data.
_ABOUT = frozenset(
    (
        *("id", "ид", "type", "тип", "түрі", "is", "has", "at", "verified", "confirmed", "flag"),
        *("changed", "updated", "created", "sent", "last", "count", "attempts", "status", "статус"),
        *("enabled", "subscribed", "code", "код", "коды", "выдачи", "issued", "agent", "hint"),
        *(
            "valid",
            "check",
            "подтвержден",
            "изменен",
            "обновлен",
            "создан",
            "количество",
            "саны",
            "model",
            "file",
            "файл",
            "файла",
        ),
        *("bank", "банк", "банка", "product", "товара", "branch", "филиала", "сайта", "site"),
    )
)


class KnownBy(StrEnum):
    """What tells a column's meaning."""

    HEADER = "header"
    CONTENT = "content"


@dataclass(frozen=True)
class Meaning:
    """What a column holds, as far as is known.

    Attributes:
        data_class: a slug of the register's vocabulary.
        kind: the identifiers in it, if these are of the person of the row.
        is_bin: it holds numbers of organisations, perhaps beside persons'.
    """

    data_class: str | None = None
    kind: Kind | None = None
    is_bin: bool = False


UNKNOWN = Meaning()


def of_name(name: str) -> Meaning:
    """The meaning of a column of this name."""
    words = _words(name[:_LONGEST])
    is_bin = any(_stands_in(heading, words) for heading in _bin_headings())
    found = [
        (size, _headings()[words[at : at + size]])
        for size in range(len(words), 0, -1)
        for at in range(len(words) - size + 1)
        if words[at : at + size] in _headings() and _counts(words, at, size)
    ]
    if not found:
        return Meaning(is_bin=is_bin)
    slugs = [slug for _, slug in found]
    data_class = RELATIVES if RELATIVES in slugs else slugs[0]  # the longest, of equals the first
    return Meaning(data_class, _kind(data_class, words), is_bin)


def is_header(names: tuple[str, ...]) -> bool:
    """Whether these surely are names of columns, and not somebody's row: one of them is known."""
    return any(of_name(name) != UNKNOWN for name in names)


def _kind(data_class: str, words: tuple[str, ...]) -> Kind | None:
    if data_class == OWN_CLASS[Kind.IIN]:
        return Kind.IIN if any(_stands_in(each, words) for each in _iin_headings()) else None
    return next((kind for kind, slug in OWN_CLASS.items() if slug == data_class), None)


def _counts(words: tuple[str, ...], at: int, size: int) -> bool:
    """Whether a known heading means what it says among the other words of a name."""
    others = [word for word in words[:at] + words[at + size :] if not word.isdigit()]
    if any(word in _ABOUT for word in others):
        return False
    return size > 1 or words[at] not in _WEAK or all(word in _BESIDE for word in others)


def _stands_in(heading: tuple[str, ...], words: tuple[str, ...]) -> bool:
    size = len(heading)
    return any(words[at : at + size] == heading for at in range(len(words) - size + 1))


def _words(name: str) -> tuple[str, ...]:
    name = unicodedata.normalize("NFKC", name)
    name = re.sub(r"(?<=[a-zа-яё])(?=[A-ZА-ЯЁ])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return tuple(re.findall(r"[^\W\d_]+|\d+", name.casefold().replace("ё", "е")))


@cache
def _headings() -> dict[tuple[str, ...], str]:
    return {_words(heading): slug for heading, slug in column_words().items()}


@cache
def _iin_headings() -> tuple[tuple[str, ...], ...]:
    return tuple(map(_words, _IIN))


@cache
def _bin_headings() -> tuple[tuple[str, ...], ...]:
    return tuple(map(_words, _BIN))
