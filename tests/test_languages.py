"""Dates, numbers and lines of the register, as each language writes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask, render_template_string
from html_page import LANGUAGES

from lookup import languages
from lookup.index.dataset import AtLeast, Title

NB, NNB = "\u00a0", "\u202f"  # the spaces that do not break, wide and narrow
DAYS = {
    "kk": {
        "2025-06-16": f"2025{NNB}ж. 16 маусым",
        "2024-12-01": f"2024{NNB}ж. 1 желтоқсан",
        "2024-02-29": f"2024{NNB}ж. 29 ақпан",
        "2025-06": f"2025{NNB}ж. маусым",
        "2022-12": f"2022{NNB}ж. желтоқсан",
    },
    "ru": {
        "2025-06-16": f"16 июня 2025{NNB}г.",
        "2024-12-01": f"1 декабря 2024{NNB}г.",
        "2024-02-29": f"29 февраля 2024{NNB}г.",
        "2025-06": f"июнь 2025{NNB}г.",
        "2022-12": f"декабрь 2022{NNB}г.",
    },
    "en": {
        "2025-06-16": "June 16, 2025",
        "2024-12-01": "December 1, 2024",
        "2024-02-29": "February 29, 2024",
        "2025-06": "June 2025",
        "2022-12": "December 2022",
    },
}
NUMBERS = {
    "kk": {0: "0", 999: "999", 2_000_000: f"2{NB}000{NB}000", 393200.5: f"393{NB}200,5"},
    "ru": {0: "0", 999: "999", 2_000_000: f"2{NB}000{NB}000", 393200.5: f"393{NB}200,5"},
    "en": {0: "0", 999: "999", 2_000_000: "2,000,000", 393200.5: "393,200.5"},
}
MILLION = {"kk": f"1{NB}000{NB}000", "ru": f"1{NB}000{NB}000", "en": "1,000,000"}
DAY_CASES = [(lang, day) for lang, cases in DAYS.items() for day in cases]


@contextmanager
def reading(language: str, path: str = "") -> Iterator[Flask]:
    """A request for a page in this language."""
    app = Flask("lookup", static_folder=None)
    languages.install(app)
    with app.test_request_context(f"/{language}/{path}"):
        yield app


@pytest.mark.parametrize(("language", "day"), DAY_CASES)
def test_a_day_in_words(language: str, day: str) -> None:
    """A day is a day, and where only the month is known no day is made up."""
    with reading(language):
        assert DAYS[language][day] == languages.day(day)


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers(language: str) -> None:
    """Thousands stand apart and do not break at a line's end."""
    with reading(language):
        assert NUMBERS[language] == {n: languages.number(n) for n in NUMBERS[language]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_people(language: str) -> None:
    """A count known only from below says so; an exact one, and nobody, do not."""
    with reading(language):
        assert MILLION[language] == languages.people(1_000_000)
        assert f"≥ {MILLION[language]}" == languages.people(AtLeast(at_least=1_000_000))
        assert ("0", "≥ 0") == (languages.people(0), languages.people(AtLeast(at_least=0)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_templates_have_the_filters(language: str) -> None:
    """Pages write dates, numbers and counts in their own language."""
    with reading(language):
        text = render_template_string("{{ '2025-06' | day }}|{{ 999 | number }}|{{ 5 | people }}")
    assert f"{DAYS[language]['2025-06']}|999|5" == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_line_of_the_register(language: str) -> None:
    """A translated line is in the reader's language; one without translations is as it is."""
    with reading(language):
        title = Title(kk="іс", ru="дело", en="case")
        assert {"kk": "іс", "ru": "дело", "en": "case"}[language] == languages.line(title)
        assert "дело №1" == languages.line("дело №1")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_scripts_are_given(language: str) -> None:
    """Twelve months in two forms, and the mark between thousands."""
    with reading(language):
        formats: dict[str, Any] = languages.for_scripts()
    assert {"day", "month", "MMMM", "LLLL", "group", "decimal"} == set(formats)
    assert [12, 12] == [len(set(formats[form])) for form in ("MMMM", "LLLL")]
    assert MILLION[language] == f"1{formats['group']}000{formats['group']}000"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("kk/", "kk"), ("ru", "ru"), ("en/no/such", "en"), ("", None), ("rus/", None), ("RU/", None)],
)
def test_the_language_of_an_address(path: str, expected: str | None) -> None:
    """Only a whole first part that is a language says one."""
    app = Flask("lookup", static_folder=None)
    with app.test_request_context(f"/{path}"):
        assert expected == languages.by_address()
        assert (expected or "kk") == languages.language()


def test_outside_of_a_request() -> None:
    """There the default is Kazakh; it is also the first that is offered."""
    assert "kk" == languages.language()
    assert LANGUAGES == tuple(languages.LANGUAGES)
