"""What the register's pages tell of the leaks that it ships with, in each language."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from html_page import LANGUAGES, Element, Page, page
from web_node import WebNode

from lookup import facts
from lookup.index.embedded import EmbeddedStore

SHIPPED: dict[str, dict[str, Any]] = {
    leak["name"]: leak
    for leak in json.loads((files("lookup.facts") / "known_leaks.json").read_bytes())
}
NEWEST_FIRST = ["kundelik-2025", "kz-2025-16m", "leak", "zaimer-2024", "isoon-2024", "kaznu-2024"]
NB, NNB = "\u00a0", "\u202f"
CONFIRMED = {"kk": "расталған", "ru": "подтверждена", "en": "confirmed"}
CLAIMED = {
    "kk": "хабарланған, расталмаған",
    "ru": "сообщалось, не подтверждена",
    "en": "reported, not confirmed",
}
NOT_STATED = {"kk": "көрсетілмеген", "ru": "не указан", "en": "not stated"}
UNKNOWN = {"kk": "белгісіз", "ru": "неизвестно", "en": "unknown"}
NOBODY = {"kk": "анықталмаған", "ru": "не установлено", "en": "not established"}
COVERED = {"kk": "оны қамтиды.", "ru": "её охватывает.", "en": "the check on this site covers it."}
NOT_COVERED = {
    "kk": "осы сайттағы тексеру оны қамтымайды.",
    "ru": "проверка на этом сайте её не охватывает.",
    "en": "the check on this site does not cover it.",
}
# Whose leak, when it happened, when it was found and made public, how many people and records.
TOLD = {
    ("kk", "kz-2025-16m"): [
        NOBODY["kk"],
        f"2025{NNB}ж. 16 маусым не одан бұрын",
        UNKNOWN["kk"],
        f"2025{NNB}ж. 16 маусым",
        f"15{NB}800{NB}000",
        f"16{NB}300{NB}000",
    ],
    ("ru", "kz-2025-16m"): [
        NOBODY["ru"],
        f"самое позднее — 16 июня 2025{NNB}г.",
        UNKNOWN["ru"],
        f"16 июня 2025{NNB}г.",
        f"15{NB}800{NB}000",
        f"16{NB}300{NB}000",
    ],
    ("en", "zaimer-2024"): [
        "Robocash.kz LLP",
        "March 5, 2024 at the latest",
        "March 5, 2024",
        "March 5, 2024",
        "≥ 2,000,000",
        "≥ 36,000,000",
    ],
    ("en", "isoon-2024"): [
        "Kcell; Beeline; Tele2",
        "February 16, 2024 at the latest",
        "unknown",
        "February 16, 2024",
        "unknown",
        "unknown",
    ],
    ("en", "kaznu-2024"): [
        "Smart Health University City LLP",
        "February 13, 2024 at the latest",
        "unknown",
        "February 13, 2024",
        "unknown",
        "unknown",
    ],
    ("kk", "kundelik-2025"): [
        NOT_STATED["kk"],
        f"2025{NNB}ж. желтоқсан не одан бұрын",
        UNKNOWN["kk"],
        f"2025{NNB}ж. желтоқсан",
        UNKNOWN["kk"],
        UNKNOWN["kk"],
    ],
}
FINES = {
    "kk": (f"{NB}846{NB}000 KZT", f": 369{NB}200 KZT"),
    "ru": (f"{NB}846{NB}000 KZT", f": 369{NB}200 KZT"),
    "en": (": 1,846,000 KZT", ": 369,200 KZT"),
}
BOTH = pytest.mark.parametrize(
    ("language", "name"), [(language, name) for language in LANGUAGES for name in SHIPPED]
)


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with all roles, with one published dataset and the shipped leaks."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("register-pages"))
    yield made
    made.close()


def name_of(item: Element) -> str:
    """Of the leak that an item of the register is about."""
    return item.attributes["id"].removeprefix("leak-")


def read(web: WebNode, address: str) -> Page:
    return page(web.client.get(address))


def text(shown: Page) -> str:
    return shown.one("main").text


@BOTH
def test_a_leak_is_told_whole(web: WebNode, language: str, name: str) -> None:
    """Title, description, every conflict, case and source of the register are on the page."""
    leak, shown = SHIPPED[name], read(web, f"/{language}/breaches/{name}")
    assert leak["title"][language] == shown.one("h1").text
    assert leak["description"][language] == shown.all("p", **{"class": "lead"})[0].text
    items = shown.texts("li")
    assert {conflict[language] for conflict in leak.get("conflicts", [])} <= set(items)
    assert {source["title"] for source in leak["sources"]} <= set(items)
    for case in leak.get("proceedings", []):
        (item,) = [item for item in items if item.startswith(case["what"][language])]
        assert ("amount" in case) is item.endswith(" KZT")
    for slug in leak["data_classes"]:
        assert facts.data_classes()[slug].name[language] in items
    for action in facts.advice(leak["data_classes"]):
        assert any(item.startswith(action.text[language]) for item in items)


@BOTH
def test_whether_it_is_confirmed_and_covered(web: WebNode, language: str, name: str) -> None:
    """The status is a word in the reader's language; no shipped leak is in the index."""
    shown = read(web, f"/{language}/breaches/{name}")
    words = CLAIMED if name == "kundelik-2025" else CONFIRMED
    assert words[language] == list(shown.definitions.values())[1]
    assert shown.one("p", **{"class": "notice"}).text.count(NOT_COVERED[language])
    assert ("conflicts" in SHIPPED[name]) is (4 == len(shown.all("h2")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_published_leak_is_covered(web: WebNode, language: str) -> None:
    """The check covers what was published in the public lane."""
    shown = read(web, f"/{language}/breaches/leak")
    assert shown.one("p", **{"class": "notice"}).text.endswith(COVERED[language])
    assert f"leak {language}" == shown.one("h1").text
    assert NOT_STATED[language] == next(iter(shown.definitions.values()))


@pytest.mark.parametrize(("language", "name"), TOLD)
def test_when_and_how_many(web: WebNode, language: str, name: str) -> None:
    """Days, months and counts are written as the language does; what is unknown is said to be."""
    values = list(read(web, f"/{language}/breaches/{name}").definitions.values())
    assert TOLD[language, name] == [values[0], *values[2:7]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_fines(web: WebNode, language: str) -> None:
    """Amounts have their currency and the language's thousands; a case without one has none."""
    large, small = FINES[language]
    assert large in text(read(web, f"/{language}/breaches/zaimer-2024"))
    isoon = read(web, f"/{language}/breaches/isoon-2024").texts("li")
    assert 2 == len([item for item in isoon if item.endswith(small)])


def test_a_leak_without_cases(web: WebNode) -> None:
    """That none are known is said."""
    assert "None are known." in read(web, "/en/breaches/kaznu-2024").texts("p")


def test_at_the_latest_in_a_month(web: WebNode) -> None:
    """Russian has the month in the nominative, and words that go with it."""
    happened = list(read(web, "/ru/breaches/kundelik-2025").definitions.values())[2]
    assert happened.startswith("самое позднее — декабрь 2025")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_register_is_newest_first(web: WebNode, language: str) -> None:
    """All leaks, published and shipped, by the day that they became public, each with its link."""
    shown = read(web, f"/{language}/breaches")
    items = [e for e in shown.all("li") if "data-year" in e.attributes]
    assert sorted(NEWEST_FIRST) == sorted(name_of(item) for item in items)
    days = [item.attributes["data-year"] for item in items]
    assert ["2025", "2025", "2025", "2024", "2024", "2024"] == days
    order = [name_of(i) for i in items if name_of(i) != "leak"]
    assert [name for name in NEWEST_FIRST if name != "leak"] == order
    for item in items:
        name = name_of(item)
        title = SHIPPED[name]["title"][language] if name in SHIPPED else f"leak {language}"
        assert title == shown.one("a", href=f"/{language}/breaches/{name}").text
        assert title in item.text
        words = {"kundelik-2025": CLAIMED, "leak": NOT_STATED}.get(name, CONFIRMED)
        told = item.text.removesuffix(words[language])
        assert told.endswith({"kk": "Мәртебесі", "ru": "Статус", "en": "Status"}[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_filters_have_what_there_is(web: WebNode, language: str) -> None:
    """Years, organisations and data classes of the listed leaks, and every leak fits some."""
    shown = read(web, f"/{language}/breaches")
    items = [e.attributes for e in shown.all("li") if "data-year" in e.attributes]
    options = shown.all("option")
    offered = {option.attributes.get("value", option.text) for option in options}
    wanted = {"", *(item["data-year"] for item in items)}
    wanted |= {slug for item in items for slug in item["data-classes"].split()}
    wanted |= {o for item in items for o in item["data-organisations"].split("\n")}
    assert wanted == offered
    assert len(offered) + 2 == len(options)  # "any" is there three times
    told = {item["id"]: item["data-organisations"] for item in items}
    assert "Kcell\nBeeline\nTele2" == told["leak-isoon-2024"]
    assert "" == told["leak-kz-2025-16m"]
    assert "%(count)s" in shown.one("p", id="shown").attributes["data-text"]
    assert "hidden" in shown.one("div", id="filters").attributes


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chart(web: WebNode, language: str) -> None:
    """Sums from below, leaks without a count beside them, and bars of the same shares."""
    shown = read(web, f"/{language}/breaches")
    comma = "," if language == "en" else NB
    cells = [cell.text for cell in shown.all("td")]
    assert ["2024", "2025"] == [e.text for e in shown.all("th", scope="row")]
    assert [f"≥ 2{comma}000{comma}000;", f"≥ 15{comma}800{comma}000;"] == [
        cell[: cell.index(";") + 1] for cell in cells
    ]
    assert [": 2", ": 2"] == [cell[-3:] for cell in cells]  # of 2025: "leak" and Kundelik's
    assert ["12.7", "100.0"] == [e.attributes["width"] for e in shown.all("rect")]
