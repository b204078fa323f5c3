"""The fixed knowledge is consistent: every name that points somewhere arrives."""

import json
import re
from collections import Counter
from importlib.resources import files

import pytest

from lookup.facts import Translated, actions, advice, data_classes

RAW_CLASSES = json.loads((files("lookup.facts") / "data_classes.json").read_text("utf-8"))
RAW_ACTIONS = json.loads((files("lookup.facts") / "actions.json").read_text("utf-8"))


def all_texts() -> list[Translated]:
    return [c.name for c in data_classes().values()] + [a.text for a in actions()]


def test_how_many() -> None:
    """25 data classes and 12 actions: none was lost, none shadows another of the same name."""
    assert len(RAW_CLASSES["classes"]) == len(data_classes()) == 25
    assert len(RAW_ACTIONS["actions"]) == len({action.id for action in actions()}) == 12


def test_slugs_fit_where_they_are_used() -> None:
    """A slug is a name in URLs, dataset files and signed parameters, and its own key."""
    for slug, data_class in data_classes().items():
        assert slug == data_class.slug
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
        assert len(slug) <= 64


def test_the_slugs_that_identifiers_imply() -> None:
    """A load's identifier columns imply these three classes."""
    assert {"government-issued-ids", "phone-numbers", "email-addresses"} <= set(data_classes())


def test_every_action_of_a_class_exists() -> None:
    """No class points to advice that is not there, and no advice is out of everybody's reach."""
    known = {action.id for action in actions()}
    named = {action for c in data_classes().values() for action in c.actions}
    assert named - known == set()
    reached = {action.id for action in advice(data_classes())}
    assert known - reached == set()


def test_every_text_is_in_three_languages() -> None:
    """Nobody meets an empty line, whichever language they chose."""
    assert len(all_texts()) == 37
    for text in all_texts():
        assert set(text) == {"kk", "ru", "en"}
        for line in text.values():
            assert line.strip() == line != ""
            assert "\n" not in line


def test_texts_are_in_the_language_that_they_claim() -> None:
    """English has no Cyrillic sentence in it; Kazakh and Russian advice is no copy of another."""
    for action in actions():
        assert not re.search(r"[а-яёәғқңөұүһі]{4}", action.text["en"].lower())
        assert len(set(action.text.values())) == 3
        for language in ("kk", "ru"):
            assert re.search(r"[а-яё]{4}", action.text[language].lower())


def test_have_i_been_pwned_names() -> None:
    """Each class has a name in Have I Been Pwned's vocabulary."""
    for data_class in data_classes().values():
        assert re.fullmatch(r"[A-Z][A-Za-z0-9 ,/'-]+", data_class.hibp)


def test_headers_lead_to_one_class() -> None:
    """A column heading suggests one class only, and is written as it is compared: lower case."""
    headers = Counter(h for c in RAW_CLASSES["classes"] for h in c["headers"])
    assert [heading for heading, times in headers.items() if times > 1] == []
    assert all(heading == heading.lower().strip() != "" for heading in headers)


def test_orders_are_one_row() -> None:
    """The most useful advice comes first, and no two share a place."""
    assert [action.order for action in actions()] == list(range(1, 13))
    assert actions()[0].id == "stop_credit"
    assert {action.confidence for action in actions()} <= {"high", "medium-high", "medium"}


def test_advice_is_ordered_and_told_once() -> None:
    """Several classes that share advice show it once, in its fixed order."""
    found = advice(["names", "government-issued-ids", "phone-numbers", "names"])
    assert [a.order for a in found] == sorted({a.order for a in found})
    wanted = {
        *("stop_credit", "credit_report", "iin_forever", "data_access_control"),
        *data_classes()["phone-numbers"].actions,
        *("beware_calls", "complain_isc", "compensation"),
    }
    assert {a.id for a in found} == wanted
    assert advice(["phone-numbers", "government-issued-ids", "names"]) == found


@pytest.mark.parametrize("exposed", [[], ["no-such-class"], ["names"]])
def test_some_advice_fits_every_leak(exposed: list[str]) -> None:
    """Whatever was leaked, and whatever a newer register may call it, three things always help."""
    assert [a.id for a in advice(exposed)] == ["complain_isc", "beware_calls", "compensation"]
