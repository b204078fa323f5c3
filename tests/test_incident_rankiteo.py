"""Rankiteo's record: what is taken over of it, what is flagged, and what it cannot smuggle in."""

import json
import time

import pytest
from incident_drafts import completed, draft, drafted, fixture, refusal, told

from lookup.errors import Code, InputError
from lookup.index.dataset import AtLeast

WORKING = fixture("working_rankiteo.txt")


def test_a_record_inside_other_text() -> None:
    """Every field of the map comes to its key, in plain text, once a person has translated it."""
    _, toml = draft("working_rankiteo.txt")
    found = completed(toml)
    assert "example-clinic-2025" == found.name
    assert "Leak of the data of Example Clinic" == found.title.en
    assert ("2025-05", "2025-06", "2025-06-16") == (
        found.breach_date,
        found.detected_on,
        found.public_on,
    )
    assert ("names", "government-issued-ids", "phone-numbers") == found.data_classes
    assert AtLeast(at_least=16_000_000) == found.people == found.rows
    assert "claimed" == found.status
    assert [("Example Clinic (Patients' Data)", "suspected", "Healthcare")] == [
        (one.name, one.role, one.sector) for one in found.organisations
    ]
    assert ["Administrative case under article 79"] == [p.what for p in found.proceedings]
    assert "Access of the contractor was closed." == found.measures
    assert [("Example Newspaper", "https://example.org/news/1", None)] == [
        (one.title, one.url, one.accessed_on) for one in found.sources
    ]
    assert found.description is not None
    assert found.description.en.startswith(
        "A file with the data of patients was offered in a chat; the clinic's system was not"
    )
    assert found.severity is None


def test_nothing_is_added_before_it_is_translated() -> None:
    """What a person must say waits as a comment, and `dataset add` refuses until it is said."""
    _, toml = draft("working_rankiteo.txt")
    assert '[title]\nen = "Leak of' in toml
    assert '# kk = ""\n# ru = ""\n' in toml
    assert '# sensitive = ""\n' in toml
    with pytest.raises(InputError):
        completed(toml.replace('# kk = ""', ""))


def test_flags() -> None:
    """Placeholders, claims, contradictions and gaps are told by field, without a value."""
    made, _ = draft("working_rankiteo.txt")
    lines = told(made)
    for expected in (
        "placeholder: date_detected: the first of a month: only the month is taken over",
        "placeholder: references.date_accessed: the first of a month: nobody's reading day",
        "claimed only: head date: when it happened, by the vendor's word",
        "left out: head severity: a vendor's scale without its method",
        "missing: title: write it in Kazakh, Russian",
        "missing: severity: a judgement; the file has a place to begin",
    ):
        assert expected in lines
    assert not any("Example" in line or "16" in line for line in lines)


def test_vendor_scores_stay_beside_the_entry() -> None:
    """Scores, notes and proposals are comments for the reader of the draft."""
    _, toml = draft("working_rankiteo.txt")
    for kept in (
        '# head severity: "85"\n',
        '# head impact: "4"\n',
        '# impact.identity_theft_risk: "High"\n',
        '# regulatory_compliance.legal_actions: "Proposed fines of up to $42,500"\n',
    ):
        assert kept in toml


def test_two_incidents_are_no_entry() -> None:
    """A head about one incident and a body about another are refused, by date and by name."""
    by_date = refusal(fixture("busted_rankiteo_two_incidents.txt"), code=Code.BAD_DATASET)
    assert "more than a quarter of a year apart" in by_date
    other = WORKING.replace('"example-clinic"', '"otherlender"')
    assert "different organisations" in refusal(other, code=Code.BAD_DATASET)
    assert "two bodies" in refusal(WORKING + WORKING, code=Code.BAD_DATASET)
    twice = WORKING.replace('"severity"', '"date": "4/2025",\n"severity"')
    assert "says one thing twice" in refusal(twice, code=Code.BAD_DATASET)


@pytest.mark.parametrize(("head", "is_one"), [("3/2025", True), ("2/2025", False)])
def test_a_quarter_is_one_incident(head: str, is_one: bool) -> None:
    """Between the end of February and June is more than a quarter, from March on is not."""
    text = WORKING.replace('"5/2025"', f'"{head}"').replace("2025-06-16", "2025-06-30")
    if is_one:
        assert "2025-03" == completed(drafted(text)[1]).breach_date
        return
    assert "quarter" in refusal(text.replace("2025-06-01", "2025-06-02"), code=Code.BAD_DATASET)


@pytest.mark.parametrize(
    "slug", ["exampleclinic", "example", "Example-Clinic-KZ", "clinic-example", "ecpd"]
)
def test_one_organisation_under_two_names(slug: str) -> None:
    """A short name, a part of the name or its initials are the same organisation."""
    assert completed(drafted(WORKING.replace('"example-clinic"', f'"{slug}"'))[1])


def test_names_in_other_letters_are_not_compared() -> None:
    """A Latin short name says nothing against a Cyrillic name."""
    assert completed(drafted(WORKING.replace("Example Clinic (Patients' Data)", "Пример"))[1])


def test_json_is_read_too() -> None:
    """The same record as JSON, flat or with its body inside, makes the same organisations."""
    body = {"affected_entities": {"name": "A Clinic", "customers_affected": "N/A"}, "title": "A"}
    head = {"id": "A1769103174", "linkid": "a-clinic", "date": "5/2025"}
    for document in (head | body, head | {"incident": body}):
        made, toml = drafted(json.dumps(document))
        assert ["A Clinic"] == [one.name for one in completed(toml).organisations]
        assert "placeholder: affected_entities.customers_affected: no count" in told(made)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("'2025-06-16'", "'2026-12-01'", "contradictory: date_publicly_disclosed: after today"),
        (
            "'2025-06-16'",
            "'2026-02-16'",
            "contradictory: date_publicly_disclosed: after the record itself was made",
        ),
        (
            "'2025-06-16'",
            "'2025-05-16'",
            "contradictory: date_publicly_disclosed: public before it was detected",
        ),
        ("'2025-06-16'", "'2025-02-30'", "placeholder: date_publicly_disclosed: no month or day"),
        (
            "'personally_identifiable_information': 'Yes'",
            "'personally_identifiable_information': 'No'",
            "contradictory: data_breach.personally_identifiable_information: no personal data",
        ),
        (
            "Access of the contractor was closed.",
            "New laws with higher fines.",
            "contradictory: post_incident_analysis.corrective_actions: about laws",
        ),
        ("'type': 'Data Breach'", "'kind': 1", "left out: body: fields that this form does not"),
    ],
)
def test_contradictions(old: str, new: str, line: str) -> None:
    """What cannot be is told, and is not taken over."""
    made, toml = drafted(WORKING.replace(old, new))
    assert any(found.startswith(line) for found in told(made)), told(made)
    assert completed(toml)


def test_a_record_cut_short() -> None:
    """Half a record is no record."""
    assert "comes to its end" in refusal(fixture("busted_rankiteo_cut_short.txt"))


BEGIN = "{'affected_entities': "


@pytest.mark.parametrize(
    "text",
    [
        BEGIN + "__import__('os').getcwd()}",
        BEGIN + "[x for x in 'a']}",
        BEGIN + "f'{1}'}",
        BEGIN + "b'a'}",
        BEGIN + "1+1}",
        BEGIN + "1-1}",
        BEGIN + "[](1)}",
        BEGIN + "[1][0]}",
        BEGIN + "{[]: 1}}",
        BEGIN + "'a', 'title': 1, 'title': 2}",
        BEGIN + "9" * 5000 + "}",
        BEGIN + "[" * 20 + "]" * 20 + "}",
        BEGIN + "[" * 500_000,
        BEGIN + "{'a':" * 100_000,
        BEGIN + "(" * 300_000 + ")" * 300_000,
        BEGIN + "-" * 1_000_000,
        BEGIN + "1," * 400_000,
        BEGIN + "'\\" * 300_000,
        BEGIN + "'" + "a" * 1_000_000,
        BEGIN + "'\\x0'}",
        BEGIN + "]",
        BEGIN + "'a\x00b' \x00}",
    ],
)
def test_hostile_literals(text: str) -> None:
    """Code, bombs and torn brackets get one sentence, at once."""
    start = time.perf_counter()
    sentence = refusal(text)
    assert time.perf_counter() - start < 1
    assert sentence.startswith("the record ")


def test_the_deepest_record() -> None:
    """Twenty brackets inside each other are read; one more is refused, above."""
    assert completed(drafted(BEGIN + "[" * 19 + "]" * 19 + "}")[1])


def test_marks_cannot_leave_their_comment() -> None:
    """A line's end in a value that is kept as a comment begins no line of TOML."""
    text = "{'title': 'A', 'lessons_learned': 'x\\nname = \"mine\"\\r\\x1b[2J\\u202e\\ud800'}"
    _, toml = drafted(text)
    assert '# lessons_learned: "x name = \\"mine\\" [2J"\n' in toml
    assert "a-name" == completed(toml).name


def test_several_organisations_are_doubted() -> None:
    """An operator and its processor are one incident, two banks may be two: a person must look."""
    entities = [
        {"name": "Alpha Bank", "customers_affected": "5"},
        {"name": "Beta Bank", "customers_affected": "120,500"},
    ]
    body = {"affected_entities": entities, "title": "A leak", "date_detected": "2025-03-12"}
    made, toml = drafted(json.dumps(body), "rankiteo")
    one = "claimed only: affected_entities: so many organisations: 2; make sure that it was one"
    counts = "contradictory: affected_entities.customers_affected: several counts of people; the"
    assert {f"{one} incident", f"{counts} largest is taken over"} <= set(told(made))
    assert "people = 120500\n" in toml


def test_a_year_alone_is_no_name() -> None:
    """Where the record does not say whose it is, a person must name the entry."""
    body = {"affected_entities": {"name": "A Bank"}, "title": "A", "date_detected": "2025-03-12"}
    _, toml = drafted(json.dumps(body), "rankiteo")
    assert '# name = ""' in toml
