"""`qorgan dataset import` as an operator meets it, and what any text at all makes of it."""

import json
import re
import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from incident_drafts import RECORDS, TODAY, completed, fixture

from loaders.import_cli import import_record
from loaders.incidents import reading
from lookup.errors import InputError
from lookup.index import register
from lookup.index.dataset import read_file
from lookup.index.store import Store


@click.group()
def dataset() -> None:
    """Stands for the group that has the command."""


dataset.add_command(import_record)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(dataset, ["import", *map(str, arguments)])


def test_the_draft_and_its_flags() -> None:
    """The draft is all of standard output, the flags all of standard error, one line each."""
    said = run(RECORDS / "working_rankiteo.txt")
    assert 0 == said.exit_code
    assert completed(said.stdout).name == "example-clinic-2025"
    flags = "(mapped|claimed only|placeholder|contradictory|missing|left out): .+: .+"
    assert said.stderr
    assert all(re.fullmatch(flags, line) for line in said.stderr.splitlines())


@pytest.mark.parametrize(
    "name", ["working_rankiteo.txt", "working_hibp.json", "working_notice.txt"]
)
def test_a_completed_draft_is_an_entry(store: Store, name: str) -> None:
    """What a person has completed goes into the register as it is."""
    entry = completed(run(RECORDS / name).stdout)
    assert 1 == register.add(store, entry)
    assert {1: entry} == register.read_all(store)


def test_a_draft_in_a_file(tmp_path: Path) -> None:
    """--write makes a new file that waits for a person, and never replaces one."""
    target = tmp_path / "draft.toml"
    said = run(RECORDS / "working_notice.txt", "--write", target)
    assert (0, "") == (said.exit_code, said.stdout)
    with pytest.raises(InputError, match="name is missing"):
        read_file(target)
    before = target.read_bytes()
    again = run(RECORDS / "working_hibp.json", "--write", target)
    assert isinstance(again.exception, InputError)
    assert "the file for the draft exists already; give --write another name" == (
        again.exception.sentence
    )
    assert before == target.read_bytes()
    lost = run(RECORDS / "working_hibp.json", "--write", tmp_path / "no" / "draft.toml")
    assert isinstance(lost.exception, InputError)


def test_a_refused_record_leaves_nothing(tmp_path: Path) -> None:
    """Two incidents: exit code 2, no draft, no file."""
    target = tmp_path / "draft.toml"
    said = run(RECORDS / "busted_rankiteo_two_incidents.txt", "--write", target)
    assert isinstance(said.exception, InputError)
    assert 2 == said.exception.exit_code
    assert "" == said.stdout
    assert not target.exists()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"a" * (1024 * 1024 + 1), "longer than 1 MiB"),
        (b"a" * (1024 * 1024), "none of the forms"),
        ("Оператор: А".encode("cp1251"), "not text in UTF-8"),
        (b"", "none of the forms"),
        (b"\xef\xbb\xbf[]", "none of the forms"),
        (b"[" * 900_000, "none of the forms"),
        (b'{"measures":' * 80_000, "none of the forms"),
        (b"[" + b"1," * 400_000 + b"1]", "none of the forms"),
    ],
)
def test_what_is_no_record(tmp_path: Path, raw: bytes, words: str) -> None:
    """Too long, not UTF-8, or of no form: one sentence, within a second."""
    path = tmp_path / "record"
    path.write_bytes(raw)
    start = time.perf_counter()
    with pytest.raises(InputError, match=words):
        reading.read_file(path, TODAY)
    assert time.perf_counter() - start < 1


def test_a_record_that_cannot_be_opened(tmp_path: Path) -> None:
    """A folder and a missing file are told alike, without the path."""
    for path in (tmp_path, tmp_path / "none"):
        said = run(path)
        assert isinstance(said.exception, InputError)
        assert "the record cannot be opened; check its path" == said.exception.sentence


def test_the_forms_are_those_that_can_be_read() -> None:
    """The command offers the reader's forms, letter for letter."""
    option = next(one for one in import_record.params if one.name == "form")
    assert isinstance(option.type, click.Choice)
    assert reading.FORMS == tuple(option.type.choices)


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
BODY = st.fixed_dictionaries(
    {"title": VALUES},
    optional={
        **dict.fromkeys(("date_detected", "date_publicly_disclosed", "description"), VALUES),
        "affected_entities": st.lists(
            st.fixed_dictionaries(
                {"name": VALUES, "industry": VALUES, "customers_affected": VALUES}
            )
        ),
        "data_breach": st.fixed_dictionaries(
            {"number_of_records_exposed": VALUES, "type_of_data_compromised": VALUES}
        ),
        "regulatory_compliance": st.fixed_dictionaries({"legal_actions": VALUES}),
        "references": st.lists(
            st.fixed_dictionaries({"source": VALUES, "url": VALUES, "date_accessed": VALUES})
        ),
        "post_incident_analysis": st.fixed_dictionaries({"corrective_actions": VALUES}),
        "impact": VALUES,
        "lessons_learned": VALUES,
    },
)
BREACH = st.fixed_dictionaries(
    {"Name": VALUES, "BreachDate": VALUES},
    optional=dict.fromkeys(
        (
            *("Title", "Domain", "AddedDate", "ModifiedDate", "PwnCount", "Description"),
            *("DataClasses", "IsVerified", "IsSensitive", "IsSpamList", "DisclosureUrl"),
            "Attribution",
        ),
        VALUES,
    ),
)
NOTICE = st.dictionaries(
    st.sampled_from(("operator", "detected_on", "contact", "measures", "subjects", "breach_date")),
    VALUES,
    min_size=2,
)
LETTER = st.lists(
    st.sampled_from(("Меры: ", "Субъекты:", "Контакт: ", "Оператор: ", "ФИО: ", "", "1. ИИН: "))
    | st.text()
).map("\n".join)
FRAGMENTS = st.lists(
    st.sampled_from(
        (
            "{'title': ",
            "'a'",
            '"id": "',
            "{",
            "}",
            "[",
            "]",
            "(",
            ")",
            ",",
            ":",
            "1",
            "-",
            "\\",
            "'",
        )
    )
).map("".join)


def holds(text: str, form: str | None) -> None:
    """Either a draft that reads back once completed, or one sentence; and soon."""
    start = time.perf_counter()
    try:
        made = reading.read(text, TODAY, form)
        toml = made.finish()
    except InputError as error:
        sentence, took = error.sentence, time.perf_counter() - start
    else:
        sentence, took = "", time.perf_counter() - start
        assert completed(toml)
        assert all("\n" not in str(finding) for finding in made.findings)
    assert re.fullmatch(r"|[a-z][^\n]{10,200}[^.\n]", sentence)
    assert took < 1


FORM = st.sampled_from((None, *reading.FORMS))
fast = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@fast
@given(st.text() | FRAGMENTS | LETTER, FORM)
def test_any_text(text: str, form: str | None) -> None:
    """Any text gets a draft that a person can complete, or one clear sentence."""
    holds(text, form)


@fast
@given(st.text(), BODY)
def test_any_rankiteo_record(around: str, body: dict[str, Any]) -> None:
    """Likewise any dict of the form's keys, in any text, as Python writes it."""
    holds(f"{around}{body!r}{around}", "rankiteo")


@fast
@given(BODY | BREACH | NOTICE | VALUES, FORM)
def test_any_json(document: Any, form: str | None) -> None:
    """Likewise any JSON."""
    holds(json.dumps(document), form)


@fast
@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from("[({"), FORM)
def test_any_nesting(opened: int, closed: int, bracket: str, form: str | None) -> None:
    """Likewise brackets without end."""
    close = {"[": "]", "(": ")", "{": "}"}[bracket]
    holds(f"{{'title': {bracket * opened}{close * closed}}}", form)


@fast
@given(st.integers(0, 3000), st.sampled_from(sorted(path.name for path in RECORDS.iterdir())))
def test_every_record_cut_anywhere(length: int, name: str) -> None:
    """Likewise a record that was cut short."""
    holds(fixture(name)[:length], None)
