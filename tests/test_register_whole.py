"""A dataset with everything that can be told of one, however hostile its texts are."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from html_page import LANGUAGES, Page, page
from web_index import a_dataset
from web_node import WebNode

from lookup import register_api
from lookup.facts import data_classes
from lookup.index import register
from lookup.index.embedded import EmbeddedStore
from lookup.index.listing import Listed
from lookup.protocol.suite import Lane

NASTY = (
    "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)> {{ 7*7 }} %(name)s 100% &lt;"
)
CLASSES = ("government-issued-ids", "names")
MORE: dict[str, Any] = {
    "title": {language: f"{language} {NASTY}" for language in LANGUAGES},
    "breach_date": "2023-06",
    "breach_date_at_latest": True,
    "status": "refuted",
    "detected_on": "2023-07-17",
    "public_on": "2023-08",
    "people": {"at_least": 16_302_107},
    "rows": 17_000_001,
    "measures": f"First line.\nSecond {NASTY}",
    "description": {language: f"{language} told\n{NASTY}" for language in LANGUAGES},
    "organisations": [
        {"name": "—", "role": "none_established"},
        {"name": f"A bank {NASTY}", "role": "suspected", "sector": "finance"},
        {"name": f"A clerk {NASTY}", "role": "processor"},
        {"name": f"A shop {NASTY}", "role": "operator"},
    ],
    "proceedings": [
        {"what": f"fine {NASTY}", "amount": 393200, "currency": "KZT", "date": "2025-09-01"},
        {"what": "inquiry", "amount": 1.5},
        {"what": "free", "amount": 0, "currency": "KZT", "date": "2025-10"},
        {"what": {language: f"case {language} {NASTY}" for language in LANGUAGES}},
    ],
    "conflicts": [{language: f"unlike {language} {NASTY}" for language in LANGUAGES}],
    "sources": [
        {
            "title": f"A newspaper {NASTY}",
            "url": "https://example.org/a?b='c'&d=%22",
            "accessed_on": "2026-11-22",
        },
        {"title": f"A book {NASTY}"},
    ],
    "severity": {"dpc": 4, "ei": 0.75, "cb": 0.5},
}


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node whose published dataset has every key."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("register-whole"))
    register.add(made.index.store, a_dataset("leak", **MORE))
    made.node.refresh()
    yield made
    made.close()


def listed(monkeypatch: pytest.MonkeyPatch, *leaks: Listed) -> None:
    """Let the register consist of these."""
    monkeypatch.setattr(register_api, "listed_leaks", lambda: leaks)


def one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def assert_harmless(shown: Page) -> None:
    """Nothing of the hostile texts became an element or an attribute."""
    assert ["icon"] == [e.attributes["src"][8:12] for e in shown.all("img")]
    assert [] == [e for e in shown.all("script") if "src" not in e.attributes]
    assert [] == [e for e in shown.elements for name in e.attributes if name.startswith("on")]
    assert "49" not in one_line(shown.one("main").text)


def test_every_key_is_one_that_there_is() -> None:
    """The dataset of these tests has all keys, so that a new one is not forgotten here."""
    assert set(type(a_dataset("leak")).model_fields) == {"name", "sensitive", "data_classes", *MORE}


def test_every_key_is_shown(web: WebNode) -> None:
    """All that is told of a leak is on its page, as it was written."""
    shown = page(web.client.get("/en/breaches/leak"))
    assert f"en {NASTY}" == shown.one("h1").text
    assert f"en {NASTY} · Qorgan" == next(e.text for e in shown.elements if e.tag == "title")
    assert f"en told {NASTY}" == shown.one("p", **{"class": "lead"}).text
    assert {
        "Whose leak": f"not established; suspected: A bank {NASTY}; A clerk {NASTY} (processor); "
        f"A shop {NASTY}",
        "Status": "refuted",
        "Happened": "June 2023 at the latest",
        "Found": "July 17, 2023",
        "Made public": "August 2023",
        "People": "≥ 16,302,107",
        "Records": "17,000,001",
        "Data": "".join(data_classes()[slug].name["en"] for slug in CLASSES),
        "Measures taken": f"First line. Second {NASTY}",
    } == shown.definitions
    items = shown.texts("li")
    for item in (
        f"fine {NASTY}: 393,200 KZT (September 1, 2025)",
        "inquiry: 1.5",
        "free: 0 KZT (October 2025)",
        f"case en {NASTY}",
        f"unlike en {NASTY}",
        f"A newspaper {NASTY} (read on November 22, 2026)",
        f"A book {NASTY}",
    ):
        assert item in items
    link = shown.one("a", href="https://example.org/a?b='c'&d=%22")
    assert ("_blank", "noopener noreferrer") == (link.attributes["target"], link.attributes["rel"])
    assert_harmless(shown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_each_language(web: WebNode, language: str) -> None:
    """Texts of the register come in the page's language, each exactly as it was written."""
    shown = page(web.client.get(f"/{language}/breaches/leak"))
    assert f"{language} {NASTY}" == shown.one("h1").text
    assert f"case {language} {NASTY}" in shown.texts("li")
    assert f"unlike {language} {NASTY}" in shown.texts("li")
    whose = next(iter(shown.definitions.values()))
    assert 3 == whose.count(NASTY)
    assert_harmless(shown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_the_list(web: WebNode, language: str) -> None:
    """The register and its filters show hostile texts as texts."""
    shown = page(web.client.get(f"/{language}/breaches"))
    item = shown.one("li", id="leak-leak")
    assert f"{language} {NASTY}" in item.text
    names = [f"{who} {NASTY}" for who in ("A bank", "A clerk", "A shop")]
    assert names == item.attributes["data-organisations"].split("\n")
    assert set(names) <= {option.text for option in shown.all("option")}
    assert "2023" == item.attributes["data-year"]
    assert_harmless(shown)


def test_the_api_has_it_too(web: WebNode) -> None:
    """The page and the JSON tell of the same dataset."""
    told = json.loads(web.client.get("/v1/breaches/leak").data)
    assert MORE.items() <= told.items()


def test_a_sensitive_leak_is_not_covered(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its page says that only an app that has identified its user can ask about it."""
    listed(monkeypatch, Listed(a_dataset("clinic", sensitive=True), Lane.VERIFIED))
    notice = page(web.client.get("/en/breaches/clinic")).one("p", **{"class": "notice"}).text
    assert "only an app that has identified you" in notice
    assert notice.endswith("The check on this site does not cover it.")


def test_the_least_that_can_be_told(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a dataset does not say is said to be unknown, and never made up."""
    listed(monkeypatch, Listed(a_dataset("least"), None))
    shown = page(web.client.get("/en/breaches/least"))
    told = shown.definitions
    assert ("not stated", "June 16, 2025") == (told["Status"], told["Happened"])
    assert {"unknown"} == {told[term] for term in ("Found", "Made public", "People", "Records")}
    assert {"None are known.", "None are given."} <= set(shown.texts("p"))
    assert "Measures taken" not in told
    assert "Where the sources disagree" not in shown.texts("h2")


def test_nobody_affected_is_not_unknown(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count of zero is a count."""
    listed(monkeypatch, Listed(a_dataset("none", people=0, rows=0), None))
    told = page(web.client.get("/en/breaches/none")).definitions
    assert ("0", "0") == (told["People"], told["Records"])
    assert ["0"] == page(web.client.get("/en/breaches")).all("dd")[2].text.split()
    assert "unknown" not in page(web.client.get("/en/breaches")).one("td").text


def test_a_year_of_nobody_is_not_empty(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chart says something of every year that it shows."""
    listed(monkeypatch, Listed(a_dataset("none", people=0), None))
    assert "" != page(web.client.get("/en/breaches")).one("td").text


def test_an_empty_register(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a leak there is still a page and a chart without bars."""
    listed(monkeypatch)
    shown = page(web.client.get("/en/breaches"))
    assert [] == shown.all("td") == [e for e in shown.all("li") if "id" in e.attributes]


@pytest.mark.parametrize("name", ["main", "chart", "year"])
def test_a_dataset_may_have_any_name(
    web: WebNode, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A name that the page uses for something else does not give two elements one id."""
    listed(monkeypatch, Listed(a_dataset(name), Lane.PUBLIC))
    shown = page(web.client.get("/en/breaches"))
    ids = [e.attributes["id"] for e in shown.elements if "id" in e.attributes]
    assert sorted(set(ids)) == sorted(ids)


def test_an_organisation_may_have_a_bar_in_its_name(
    web: WebNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every organisation that the filter offers is one that the script finds on a leak."""
    organisations = [{"name": "A|B", "role": "operator"}, {"name": "C", "role": "operator"}]
    listed(monkeypatch, Listed(a_dataset("bar", organisations=organisations), Lane.PUBLIC))
    shown = page(web.client.get("/en/breaches"))
    found = shown.one("li", id="leak-bar").attributes["data-organisations"].split("\n")
    offered = {option.text for option in shown.all("option")}
    assert {"A|B", "C"} <= offered
    assert {"A|B", "C"} <= set(found)
