"""HIBP's breach model: one breach or one of a list, its HTML as text, its counts as rows."""

import json
from typing import Any

import pytest
from incident_drafts import completed, draft, drafted, fixture, refusal, told

from lookup.errors import InputError

BREACH: dict[str, Any] = json.loads(fixture("working_hibp.json"))


def changed(**values: object) -> str:
    return json.dumps(BREACH | values)


def test_a_breach() -> None:
    """A breach becomes an entry that needs its translations and nothing else."""
    made, toml = draft("working_hibp.json")
    found = completed(toml)
    assert ("exampleforum", False, "Example Forum") == (
        found.name,
        found.sensitive,
        found.title.en,
    )
    assert ("2024-03", 152445, None) == (found.breach_date, found.rows, found.people)
    assert ("email-addresses", "passwords", "names") == found.data_classes
    assert found.description is not None
    assert (
        'In March 2024, the forum "Example" leaked 152 thousand accounts & their passwords.\n'
        "Nobody in it exists."
    ) == found.description.en
    assert [("Example Forum (forum.example)", "suspected")] == [
        (one.name, one.role) for one in found.organisations
    ]
    assert [("Have I Been Pwned", None), ("Disclosure", "https://example.org/disclosure")] == [
        (one.title, one.url) for one in found.sources
    ]
    assert '# DataClasses, not ours: "Password hints"\n' in toml
    assert "left out: DataClasses: words that name no class of ours: 1" in told(made)
    assert "placeholder: BreachDate: the first of a month: only the month" in told(made)
    assert any(line.startswith("claimed only: PwnCount: loaded rows") for line in told(made))


def test_one_of_a_list() -> None:
    """Of several breaches the operator names one; two make no entry."""
    text = fixture("working_hibp_list.json")
    assert "say which with --name" in refusal(text)
    made, toml = draft("working_hibp_list.json", name="EXAMPLELOANS")
    found = completed(toml)
    assert ("exampleloans", True, ()) == (found.name, found.sensitive, found.organisations)
    assert ("government-issued-ids", "loans") == found.data_classes
    assert any(line.startswith("claimed only: IsStealerLog") for line in told(made))
    with pytest.raises(InputError, match="no breach of that name"):
        draft("working_hibp_list.json", name="other")


def test_a_name_given_twice() -> None:
    """JSON would keep the last of two names; two breaches in one object are refused."""
    assert "names a key twice" in refusal(fixture("busted_hibp_name_twice.json"))


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"BreachDate": "2024-06-02"}, "contradictory: BreachDate: after today, or after"),
        (
            {"BreachDate": "2026-11-23", "AddedDate": None},
            "contradictory: BreachDate: after today, or after",
        ),
        ({"BreachDate": "0001-01-01"}, "placeholder: BreachDate: no date that can be"),
        ({"BreachDate": "2024-01-01"}, "placeholder: BreachDate: the first of a month: only the m"),
        ({"PwnCount": 0}, "placeholder: PwnCount: no count"),
        ({"PwnCount": True}, "placeholder: PwnCount: no count"),
        ({"IsFabricated": True}, "contradictory: IsVerified: verified and made up at once"),
        ({"IsRetired": True}, "claimed only: IsRetired: HIBP has taken it out"),
        ({"IsSensitive": "yes"}, "missing: sensitive: "),
        ({"Description": "<" * 400}, "left out: Description: HTML that cannot be read"),
        ({"Description": "<![x]>"}, "left out: Description: HTML that cannot be read"),
        ({"Description": "a" * 5001}, "left out: Description: longer than"),
        ({"DisclosureUrl": "javascript:alert(1)"}, "left out: sources.url: no address"),
        ({"Title": "a" * 301}, "left out: Title: longer than"),
    ],
)
def test_flags(values: dict[str, object], line: str) -> None:
    """What is a placeholder, contradicts itself or cannot be shown is told; the rest stays."""
    made, toml = drafted(changed(**values))
    assert any(found.startswith(line) for found in told(made)), told(made)
    assert completed(toml).status == "claimed"


def test_a_description_of_the_longest_kind() -> None:
    """A text of 5,000 letters is taken over whole."""
    found = completed(drafted(changed(Description="<p>" + "a" * 5000))[1])
    assert found.description is not None
    assert 5000 == len(found.description.en)
