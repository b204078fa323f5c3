"""Drafts for the tests of incident records: read, completed as a person would, and added."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from loaders.incidents import reading
from loaders.incidents.entry import Draft
from lookup.errors import Code, InputError
from lookup.index.dataset import Dataset, parse

TODAY = date(2026, 11, 22)
RECORDS = Path(__file__).parent / "incidents"

_COMPLETED = {
    "name": '"a-name"',
    "sensitive": "true",
    "breach_date": '"2025-06"',
    "data_classes": '["names"]',
}


def draft(file: str, **options: Any) -> tuple[Draft, str]:
    """The draft of a fixture and its TOML."""
    made = reading.read_file(RECORDS / file, TODAY, **options)
    return made, made.finish()


def drafted(text: str, form: str | None = None) -> tuple[Draft, str]:
    """The draft of a text and its TOML."""
    made = reading.read(text, TODAY, form)
    return made, made.finish()


def completed(toml: str) -> Dataset:
    """A draft with all that waits for a person filled in."""
    filled = re.sub(r"^# (kk|ru|en) = \"\"$", r'\1 = "a"', toml, flags=re.MULTILINE)
    for key, value in _COMPLETED.items():
        filled = re.sub(rf"^# {key} = .*$", f"{key} = {value}", filled, flags=re.MULTILINE)
    return parse(tomllib.loads(filled))


def told(made: Draft) -> list[str]:
    """What the operator is told, line by line."""
    return [str(finding) for finding in made.findings]


def refusal(text: str, form: str | None = None, code: Code = Code.BAD_FILE) -> str:
    """Why a text is refused."""
    with pytest.raises(InputError) as caught:
        drafted(text, form)
    assert code is caught.value.code
    return caught.value.sentence


def fixture(name: str) -> str:
    """A fixture's text."""
    return (RECORDS / name).read_text(encoding="utf-8")
