"""The values of a dataset file: dates, data classes, types, and both sides of every limit."""

import json
from pathlib import Path

import pytest
from test_dataset import LEAST, changed, read, refusal

from lookup.facts import data_classes


@pytest.mark.parametrize(
    "value", ["2025-06-16", '"2025-06-16"', '"2025-06"', '"2025-12"', "2024-02-29", '"2024-02-29"']
)
def test_dates(tmp_path: Path, value: str) -> None:
    """A date is a TOML date or its text, or a month where only that is known."""
    assert read(tmp_path, changed("breach_date", value)).breach_date == value.strip('"')


@pytest.mark.parametrize(
    "value",
    [
        '"2025"',
        '"2025-13"',
        '"2025-00"',
        '"2025-6"',
        '"2025-02-30"',
        '"16.06.2025"',
        '"20250616"',
        '"2025-W25-1"',
        '"2025-06-16T10:00:00"',
        '" 2025-06-16"',
        '"2025-06\\n"',
        '"٢٠٢٥-٠٦"',
        '""',
        "2025-06-16T10:00:00Z",
        "2025-06-16 10:00:00",
    ],
)
@pytest.mark.parametrize("key", ["breach_date", "detected_on", "public_on"])
def test_what_is_no_date(tmp_path: Path, key: str, value: str) -> None:
    """Nothing else passes for a date, whichever key it is for."""
    assert refusal(tmp_path, changed(key, value)) == (
        f'{key}: must be a date, or a month such as "2025-06"'
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('proceedings = [{what = "fine", date = "soon"}]', "proceedings.date"),
        ('sources = [{title = "a", accessed_on = "2026"}]', "sources.accessed_on"),
    ],
)
def test_inner_dates_are_dates_too(tmp_path: Path, text: str, key: str) -> None:
    """The dates inside lists are held to the same form."""
    assert refusal(tmp_path, f"{LEAST}{text}\n").startswith(f"{key}: must be a date")


def test_a_time_of_day_is_not_dropped(tmp_path: Path) -> None:
    """A value that no key can have is refused, not taken for an absent one."""
    assert refusal(tmp_path, changed("detected_on", "07:32:00")) == (
        "the dataset file holds a value that no key of it can have"
    )


def test_at_most_sixteen_classes(tmp_path: Path) -> None:
    """A mask has 16 bits: 16 classes pass, 17 are refused, none at all too."""
    slugs = list(data_classes())
    assert len(read(tmp_path, changed("data_classes", json.dumps(slugs[:16]))).data_classes) == 16
    assert "at most 16" in refusal(tmp_path, changed("data_classes", json.dumps(slugs[:17])))
    assert "at least 1" in refusal(tmp_path, changed("data_classes", "[]"))


def test_a_class_twice(tmp_path: Path) -> None:
    """Two bits for one class would be read as two classes."""
    text = changed("data_classes", '["names", "health", "names"]')
    assert refusal(tmp_path, text) == "data_classes names a class twice"


@pytest.mark.parametrize(
    ("slug", "near"),
    [("name", "names"), ("phones", "phone-numbers"), ("email-adresses", "email-addresses")],
)
def test_an_unknown_class(tmp_path: Path, slug: str, near: str) -> None:
    """A class that is not in the vocabulary is refused, with one that is."""
    sentence = refusal(tmp_path, changed("data_classes", f'["{slug}"]'))
    assert sentence == f"data_classes has an unknown class; did you mean {near}?"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("sensitive", '"false"', "sensitive: Input should be a valid boolean"),
        ("sensitive", "0", "sensitive: Input should be a valid boolean"),
        ("name", "2025", "name: Input should be a valid string"),
        ("data_classes", '"names"', "data_classes: Input should be a valid array"),
        ("data_classes", "[1]", "data_classes: Input should be a valid string"),
        ("title", '"a leak"', "title: Input should be an object"),
        ("organisations", '{name = "a", role = "operator"}', "organisations: Input should be"),
        ("people", '"16"', "people: must be a whole number, or { at_least"),
        ("people", "16.5", "people: must be a whole number, or { at_least"),
        ("people", "true", "people: must be a whole number, or { at_least"),
        ("rows", "{at_least = '1'}", "rows: must be a whole number, or { at_least"),
        ("proceedings", '[{what = "a", amount = "1"}]', "proceedings.amount: must be a number"),
        ("severity", "{dpc = true, ei = 1, cb = 1}", "severity.dpc: Input should be a valid"),
        ("breach_date", "20250616", "breach_date: Input should be a valid string"),
    ],
)
def test_no_other_type_will_do(tmp_path: Path, key: str, value: str, words: str) -> None:
    """A text for a number, a number for a truth: refused, not guessed at."""
    assert refusal(tmp_path, changed(key, value)).startswith(words)


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("people", "0", "-1"),
        ("rows", "1000000000000", "1000000000001"),
        ("people", "{at_least = 0}", "{at_least = -1}"),
        ("status", '"refuted"', '"rumoured"'),
        ("name", '"0-a"', '"-a"'),
        ("name", f'"{"a" * 63}"', f'"{"a" * 64}"'),
        ("name", '"kz-2025-16m"', '"KZ-2025-16m"'),
        ("name", '"kz"', '"kz\\n"'),
        ("measures", f'"{"a" * 5000}"', f'"{"a" * 5001}"'),
        ("severity", "{dpc = 0, ei = 0, cb = 0}", "{dpc = -0.1, ei = 0, cb = 0}"),
        ("severity", "{dpc = 4, ei = 1, cb = 2}", "{dpc = 4, ei = 1.1, cb = 2}"),
        ("severity", "{dpc = 4.0, ei = 1, cb = 2}", "{dpc = 4.1, ei = 1, cb = 2}"),
        ("severity", "{dpc = 1, ei = 1, cb = 2.0}", "{dpc = 1, ei = 1, cb = 2.1}"),
        ("severity", "{dpc = 1, ei = 1, cb = 1}", "{dpc = nan, ei = 1, cb = 1}"),
        ("proceedings", '[{what = "a", amount = 0}]', '[{what = "a", amount = -1}]'),
        ("proceedings", '[{what = "a", amount = 0.5}]', '[{what = "a", amount = inf}]'),
        ("proceedings", '[{what = "a", currency = "KZT"}]', '[{what = "a", currency = "kzt"}]'),
        ("organisations", '[{name = "a", role = "processor"}]', '[{name = "a", role = "boss"}]'),
        (
            "sources",
            '[{title = "a", url = "http://example.org/"}]',
            '[{title = "a", url = "javascript:alert(1)"}]',
        ),
        (
            "sources",
            '[{title = "a", url = "https://example.org/ә"}]',
            '[{title = "a", url = "https://example.org/ a"}]',
        ),
    ],
)
def test_both_sides_of_every_limit(tmp_path: Path, key: str, good: str, bad: str) -> None:
    """The last value that is allowed is allowed, the first that is not is not."""
    assert read(tmp_path, changed(key, good))
    assert refusal(tmp_path, changed(key, bad)).startswith(key)
