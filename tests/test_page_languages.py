"""Which language a visitor gets without asking, and what the check's page must never carry."""

import json
from collections.abc import Iterator

import pytest
from html_page import LANGUAGES, Page, page
from web_node import WebNode

from lookup import facts
from lookup.errors import Code
from lookup.index.embedded import EmbeddedStore

NEGOTIATED = {
    "ru": "ru",
    "en": "en",
    "kk": "kk",
    "de": "kk",
    "kk-KZ": "kk",
    "kk-Cyrl-KZ": "kk",
    "kk-KZ,kk;q=0.9,ru-KZ;q=0.8,ru;q=0.7,en;q=0.6": "kk",
    "kk-KZ,ru;q=0.9": "kk",
    "ru-KZ,kk;q=0.5": "ru",
    "en-GB": "en",
    "RU": "ru",
    "ru-RU,ru;q=0.9,en;q=0.8": "ru",
    "en;q=0.8,ru;q=0.9": "ru",
    "de-DE,de;q=0.9,en;q=0.5": "en",
    "uz,ru;q=0.7,kk;q=0.8": "kk",
    "*": "kk",
    "": "kk",
    ",,,": "kk",
}
GARBAGE = ("garbage;;q=,=,é", "ru;q=x, en;q=2", "; drop", "<script>", "ru" * 3000, "../ru")
REFUSALS = {
    *(Code.EMPTY, Code.IIN_CHARACTERS, Code.IIN_LENGTH, Code.IIN_CHECK_DIGIT),
    *(Code.IIN_PLACEHOLDER, Code.PHONE_INVALID, Code.EMAIL_INVALID),
}


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with all roles."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("page-languages"))
    yield made
    made.close()


def check_page(web: WebNode, language: str) -> Page:
    return page(web.client.get(f"/{language}/"))


@pytest.mark.parametrize("path", ["/", "/breaches", "/feed.atom", "/nothing-here"])
@pytest.mark.parametrize("wanted", NEGOTIATED)
def test_without_a_language_the_browser_says_it(web: WebNode, path: str, wanted: str) -> None:
    """A browser's preference is followed; Kazakh is for all others, whatever they send."""
    headers = {"Accept-Language": wanted, "Accept": "text/html"}
    response = web.client.get(path, headers=headers)
    assert NEGOTIATED[wanted] == response.headers["Content-Language"]


@pytest.mark.parametrize("wanted", GARBAGE)
def test_a_preference_that_cannot_be_read(web: WebNode, wanted: str) -> None:
    """Whatever a program puts there, it gets a page in one of the languages, without an echo."""
    response = web.client.get("/", headers={"Accept-Language": wanted})
    assert 200 == response.status_code
    language = response.headers["Content-Language"]
    assert web.client.get(f"/{language}/").data == response.data


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("wanted", ["kk", "ru", "en", "de", "*"])
def test_the_address_overrules_the_browser(web: WebNode, language: str, wanted: str) -> None:
    """Who follows a link in a language gets that language."""
    response = web.client.get(f"/{language}/", headers={"Accept-Language": wanted})
    assert language == response.headers["Content-Language"]
    assert web.client.get(f"/{language}/").data == response.data


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_slash_may_be_left_out(web: WebNode, language: str) -> None:
    """``/kk`` is the page itself and no redirect, which would repeat an address."""
    short, whole = web.client.get(f"/{language}"), web.client.get(f"/{language}/")
    assert 200 == short.status_code
    assert whole.data == short.data
    assert "Location" not in short.headers


@pytest.mark.parametrize("path", ["/KK/", "/de/", "/kk/kk/", "/kk//", "/kk/breaches/", "/ru/v1/x"])
def test_other_languages_and_spellings(web: WebNode, path: str) -> None:
    """Nothing else is a language or another spelling of a page, and nobody is sent elsewhere."""
    response = web.client.get(path)
    assert 404 == response.status_code
    assert "Location" not in response.headers


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_typed_cannot_be_sent_by_the_form(web: WebNode, language: str) -> None:
    """The field has no name and remembers nothing; the form has nowhere to go."""
    shown = check_page(web, language)
    field = shown.one("input", id="identifier").attributes
    assert "name" not in field
    assert "value" not in field
    assert ("off", "false") == (field["autocomplete"], field["spellcheck"])
    assert {"hint", "refusal"} == set(field["aria-describedby"].split())
    assert shown.all("label", **{"for": "identifier"})
    form = shown.one("form").attributes
    assert "off" == form["autocomplete"]
    assert {"action", "method", "target"}.isdisjoint(form)
    named = [e.attributes for e in shown.elements if e.tag == "input" and "name" in e.attributes]
    assert {"radio"} == {attributes["type"] for attributes in named}


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_scripts_the_check_cannot_begin(web: WebNode, language: str) -> None:
    """The button waits for the script, answers are hidden, and the reason is told."""
    shown = check_page(web, language)
    assert "disabled" in shown.one("button", id="ask").attributes
    assert "hidden" in shown.one("section", id="answer").attributes
    assert "JavaScript" in shown.one("noscript").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_script_is_given(web: WebNode, language: str) -> None:
    """All texts for refusals, failures and advice come with the page, in its language."""
    shown = check_page(web, language)
    data = json.loads(shown.one("script", id="page-data").text)
    assert language == data["language"]
    assert 200 == web.client.get(data["worker"]).status_code
    assert set(data["refusals"]) >= {code.value for code in REFUSALS}
    assert {"iin", "phone", "email"} == set(data["labels"]) == set(data["hints"])
    assert {"claimed", "confirmed", "refuted"} == set(data["statuses"])
    assert {"params", "register", "evaluate", "range", "range_of_many"} == set(data["purposes"])
    assert {"other", "service_unreachable", "rate_limited"} <= set(data["failures"])
    for slug, known in facts.data_classes().items():
        assert known.name[language] == data["classes"][slug]["name"]
        assert list(known.actions) == data["classes"][slug]["actions"]
    items = [item.attributes for item in shown.all("li")]
    shown_actions = [item["data-action"] for item in items if "data-action" in item]
    assert [action.id for action in facts.actions()] == shown_actions
    named = {a for c in data["classes"].values() for a in c["actions"]}
    assert named | {*data["always"], *data["precautions"]} <= set(shown_actions)


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_reach_the_script_as_they_are(web: WebNode, language: str) -> None:
    """What the script fills in later is neither filled in nor escaped by the server."""
    data = json.loads(check_page(web, language).one("script", id="page-data").text)
    assert "%(name)s" in data["suspected"]
    assert "%(day)s" in data["by"]
    assert "%(bytes)s" in data["received"]
    assert "%(people)s" in data["purposes"]["range"]
    assert "&" not in json.dumps(data)
    assert "<" not in json.dumps(data)
