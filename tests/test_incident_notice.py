"""The operator's notice: what is counted of it, and that none of its people leaves it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from incident_drafts import completed, draft, drafted, fixture, refusal, told

from lookup.errors import Code
from lookup.index.dataset import AtLeast

# Every name, number and address of the fixtures' people.
SECRETS = (
    *("тестбаев", "алия", "образцов", "макетов", "серик", "шаблонов", "вера", "пробнов"),
    *("сынақбаев", "әлия", "үлгібаев", "касенов", "қасенов", "айгуль", "айгүл", "директоров"),
    *("900101300017", "850505400028", "7025551122", "555-11-22", "87025551133", "555 11 22"),
    *("555 01 02", "77015550102", "@"),
)


def hidden(*texts: str) -> bool:
    return not any(secret in text.casefold() for secret in SECRETS for text in texts)


def test_a_letter() -> None:
    """Dates, measures, the operator and counts are taken over; the people are only counted."""
    made, toml = draft("working_notice.txt")
    found = completed(toml)
    assert ("2025-06-01", "2025-06-17", "claimed") == (
        found.breach_date,
        found.detected_on,
        found.status,
    )
    assert 3 == found.people
    assert ("names", "government-issued-ids", "phone-numbers") == found.data_classes
    assert [("ТОО «Пример Сервис»", "operator")] == [(o.name, o.role) for o in found.organisations]
    assert (
        "Доступ подрядчика закрыт 17.06.2025.\n"
        "Пароли сменены, журналы переданы службе реагирования."
    ) == found.measures
    assert "placeholder: subjects: IINs that are placeholders or mistyped: 1" in told(made)


def test_json() -> None:
    """The same as JSON; a person who is listed twice is counted once."""
    found = completed(draft("working_notice.json")[1])
    assert (2, "2025-06-17", True) == (
        found.people,
        found.breach_date,
        found.breach_date_at_latest,
    )
    assert "Закрыт доступ подрядчика." == found.measures


def test_kazakh() -> None:
    """A letter in Kazakh with labelled people; a number that is not the list's is told."""
    made, toml = draft("working_notice_kk.txt")
    found = completed(toml)
    assert AtLeast(at_least=2) == found.people
    assert ("names", "government-issued-ids", "phone-numbers") == found.data_classes
    assert "2025-06-17" == found.detected_on
    assert "contradictory: number of subjects: not the number of people in the list" in told(made)


@pytest.mark.parametrize(
    "name",
    [
        *("working_notice.txt", "working_notice.json", "working_notice_kk.txt"),
        "busted_notice_names_in_measures.txt",
    ],
)
def test_nobody_is_named(name: str) -> None:
    """No name, IIN, number or address of the notice is in the draft, its flags or its objects."""
    assert not hidden(fixture(name))
    made, toml = draft(name)
    assert hidden(toml, repr(made), *told(made))


def test_a_person_in_the_measures() -> None:
    """A text that names somebody of the list, in whatever case, is left to a person to rewrite."""
    made, toml = draft("busted_notice_names_in_measures.txt")
    found = completed(toml)
    assert (None, ()) == (found.measures, found.organisations)
    for field in ("measures", "operator"):
        line = f"left out: {field}: a person may be named in it; write it by hand"
        assert line in told(made)


@pytest.mark.parametrize(
    "measures",
    [
        "уволен Образцов Пётр",
        "уволен П. Образцов",
        "уволен ОБРАЗЦОВ ПЁТР",
        "уволен пётр пробнович",
        "звонить 8 (702) 555-11-22",
        "звонить 900101 300017",
        "писать на a@example.kz",
        "сообщено Тестбаеву",
        "Тестбаев\nАлия",
        "сообщено экс-тестбаевой",
        "сообщено Тест\u00adбаеву",
        "сообщено Тестбае\u200bвой",
    ],
)
def test_who_may_be_in_the_measures(measures: str) -> None:
    """Listed or not: numbers, addresses and what is written like a name stay out."""
    text = f"Оператор: ТОО «А»\nМеры: {measures}\n\nСубъекты:\nТестбаева Алия\n"
    found, toml = drafted(text)
    assert completed(toml).measures is None
    assert hidden(toml, *told(found))


def test_two_notices() -> None:
    """Two notices in a file, or in a JSON list, are no entry."""
    two = refusal(fixture("busted_notice_two.txt"), code=Code.BAD_DATASET)
    assert "more than one notice" in two
    one = json.loads(fixture("working_notice.json"))
    assert two == refusal(json.dumps([one, one]), "notice", code=Code.BAD_DATASET)


def test_a_notice_is_not_taken_for_another_form() -> None:
    """A notice with words of another form is a notice still: its free texts stay unread."""
    one = json.loads(fixture("working_notice.json")) | {
        "title": "Тестбаева Алия",
        "description": "Тестбаева Алия",
        "type": "Breach",
    }
    made, toml = drafted(json.dumps(one))
    assert hidden(toml, *told(made))
    assert 2 == completed(toml).people


WORD = st.text(st.sampled_from("абвгдеңқabcde"), min_size=4, max_size=8).map("zz{}".format)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(WORD, WORD), min_size=1, max_size=5), st.data())
def test_no_listed_name_ever_leaves(people: list[tuple[str, str]], data: st.DataObject) -> None:
    """Wherever the notice repeats a listed name, it does not come out."""
    name = data.draw(st.sampled_from([word for person in people for word in person]))
    rows = "\n".join(" ".join(person) for person in people)
    made, toml = drafted(f"Оператор: ТОО {name}\nМеры: сказано {name}ову\n\nСубъекты:\n{rows}\n")
    shown = "\n".join([toml, *told(made)]).casefold()
    assert not any(word in shown for person in people for word in person)


def test_what_is_no_notice() -> None:
    """A text without a heading of the order's is refused."""
    assert "no heading of a notice" in refusal("Доброе утро", "notice")
    assert "none of the forms" in refusal("Доброе утро")


def test_as_many_people_as_can_be() -> None:
    """10,000 lines are read within a second or two, one more is refused with what to do."""
    head = "Меры: доступ закрыт\nКонтакт: отдел\nСубъекты:\n"
    rows = [f"Тест Тест;{number:012}" for number in range(9997)]
    assert 9997 == completed(drafted(head + "\n".join(rows))[1]).people
    assert "without the people" in refusal(head + "\n".join([*rows, "Тест"]))
