"""A record's texts as the dataset file allows them: plain, of one line or of several.

What cannot be seen or moves a cursor is dropped, spaces are put together, accents joined to their
letters; nothing is cut short.
"""

import re
import unicodedata

# What people and programs write where they know nothing.
_NOTHING = frozenset(
    (
        *("", "-", "–", "—", "?", "n/a", "na", "none", "null", "nil", "tbd", "tba"),
        *("unknown", "undisclosed", "unspecified", "not specified", "not available"),
        *("not disclosed", "нет данных", "неизвестно", "не указано", "нет", "белгісіз", "жоқ"),
    )
)


def lines(text: str) -> str:
    """Plain text of one or more lines."""
    kept = [line(part) for part in re.split(r"[\n\r\u2028\u2029]+", text)]
    return "\n".join(part for part in kept if part)


def line(text: str) -> str:
    """Plain text on one line."""
    if not text.isprintable():
        text = "".join(map(_seen, text))
    return unicodedata.normalize("NFC", " ".join(text.split()))


def says_nothing(value: object) -> bool:
    """A placeholder where a text should be: empty, "N/A", "unknown" and their like."""
    if isinstance(value, str):
        return len(value) < 40 and line(value).casefold().rstrip(".") in _NOTHING
    return value is None


def one(value: object) -> str:
    """The text of a single value; of lists, tables and nothing there is none."""
    return str(value) if isinstance(value, str | int | float) else ""


def several(value: object) -> list[str]:
    """The texts of a value that may be one text or a list of them, without placeholders.

    Of a list, the first thousand.
    """
    parts = value[:1000] if isinstance(value, list | tuple) else [value]
    return [one(part) for part in parts if one(part) and not says_nothing(part)]


def _seen(letter: str) -> str:
    """Categories C and Z but the space are what Python does not call printable."""
    if letter.isprintable():
        return letter
    return " " if letter.isspace() else ""
