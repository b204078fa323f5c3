"""The site's three languages: which one a request is in, and dates and numbers as it writes them.

The address says it (``/kk/``, ``/ru/``, ``/en/``); without it ``Accept-Language`` does. No cookie.
"""

import re
from datetime import date

from babel.dates import format_date, format_skeleton, get_month_names
from babel.numbers import format_decimal
from flask import Flask, has_request_context, request
from flask_babel import Babel, get_locale

from lookup.index.dataset import AtLeast, Title

LANGUAGES = {"kk": "Қазақша", "ru": "Русский", "en": "English"}  # the first is the default
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


def install(app: Flask) -> None:
    """Catalogues, and the filters that templates format dates and numbers with."""
    Babel(app, default_locale="kk", locale_selector=language)
    app.jinja_env.filters.update(day=day, number=number, people=people)


def language() -> str:
    """The language of this request; the default one outside of any."""
    if not has_request_context():
        return "kk"
    return by_address() or _by_wish()


def by_address() -> str | None:
    """What the address of this request says."""
    first = request.path.split("/")[1]
    return first if first in LANGUAGES else None


def _by_wish() -> str:
    """What ``Accept-Language`` wants most; ``kk-KZ`` is as good as ``kk``."""
    for wish, quality in request.accept_languages:  # the most wanted first
        short = wish.partition("-")[0].lower()
        if quality > 0 and short in LANGUAGES:
            return short
    return "kk"


def day(text: str) -> str:
    """A day or month of the register in words."""
    locale = get_locale()
    if _MONTH.fullmatch(text):
        return format_skeleton("yMMMM", date.fromisoformat(f"{text}-01"), locale=locale)
    return format_date(date.fromisoformat(text), "long", locale=locale)


def number(value: float) -> str:
    """A count or an amount."""
    return format_decimal(value, locale=get_locale())


def people(count: int | AtLeast) -> str:
    """How many; a count known only from below is marked as such."""
    return f"≥ {number(count.at_least)}" if isinstance(count, AtLeast) else number(count)


def line(text: "str | Title") -> str:
    """A line of the register in this request's language."""
    return text if isinstance(text, str) else str(getattr(text, language()))


def for_scripts() -> dict[str, object]:
    """What the page's script formats dates and numbers with: browsers do not all know Kazakh.

    The patterns have ``%(y)s``, ``%(d)s``, ``%(MMMM)s`` and ``%(LLLL)s`` in them.
    """
    locale = get_locale()
    assert locale is not None  # noqa: S101  there is one in every request
    return {
        "day": locale.date_formats["long"].format,
        "month": locale.datetime_skeletons["yMMMM"].format,
        "MMMM": list(get_month_names("wide", "format", locale).values()),
        "LLLL": list(get_month_names("wide", "stand-alone", locale).values()),
        "group": locale.number_symbols["latn"]["group"],
        "decimal": locale.number_symbols["latn"]["decimal"],
    }
