"""The register as an Atom feed (RFC 4287), in each language."""

import re
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from html_page import LANGUAGES, varies_by
from web_index import a_dataset
from web_node import WebNode
from werkzeug.test import TestResponse

from lookup import register_api
from lookup.index.embedded import EmbeddedStore
from lookup.index.listing import Listed, known_leaks

ATOM = "{http://www.w3.org/2005/Atom}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
NASTY = "]]></title><script>alert(1)</script> & \"'> &lt; {{ 7*7 }} %(name)s"
TITLES = {
    "kk": "Деректердің заңсыз таралу тізілімі",
    "ru": "Реестр утечек",
    "en": "Register of leaks",
}


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with all roles."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("feed"))
    yield made
    made.close()


def parse(response: TestResponse) -> ElementTree.Element:
    """The feed of an answer that is one."""
    assert 200 == response.status_code
    assert "application/atom+xml; charset=utf-8" == response.content_type
    feed = ElementTree.fromstring(response.data)  # noqa: S314  our own
    assert f"{ATOM}feed" == feed.tag
    return feed


def told(element: ElementTree.Element, name: str) -> str:
    """The text of the only child of this name."""
    (child,) = element.findall(f"{ATOM}{name}")
    assert child.text is not None
    return child.text


def ids(feed: ElementTree.Element) -> list[str]:
    return [told(element, "id") for element in (feed, *feed.findall(f"{ATOM}entry"))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_feed_has_what_atom_requires(web: WebNode, language: str) -> None:
    """Id, title and time of the feed and of each entry, an author, and where they are."""
    feed = parse(web.client.get(f"/{language}/feed.atom"))
    assert language == feed.attrib[XML_LANG]
    assert f"{TITLES[language]} · Qorgan" == told(feed, "title")
    assert "Qorgan" == feed.findtext(f"{ATOM}author/{ATOM}name")
    links = {link.attrib["rel"]: link.attrib for link in feed.findall(f"{ATOM}link")}
    assert f"/{language}/feed.atom" == links["self"]["href"]
    assert f"/{language}/breaches" == links["alternate"]["href"]
    entries = feed.findall(f"{ATOM}entry")
    assert 6 == len(entries)
    for element in (feed, *entries):
        assert RFC_3339.fullmatch(told(element, "updated"))
        datetime.fromisoformat(told(element, "updated"))
    assert max(told(entry, "updated") for entry in entries) == told(feed, "updated")


@pytest.mark.parametrize("language", LANGUAGES)
def test_entries_are_in_the_language_asked_for(web: WebNode, language: str) -> None:
    """Titles and texts are the register's; each leads to its page, which is there."""
    feed = parse(web.client.get(f"/{language}/feed.atom"))
    entries = {told(entry, "title"): entry for entry in feed.findall(f"{ATOM}entry")}
    for leak in known_leaks():
        entry = entries.pop(getattr(leak.title, language))
        assert getattr(leak.description, language) == told(entry, "summary")
        (link,) = entry.findall(f"{ATOM}link")
        assert f"/{language}/breaches/{leak.name}" == link.attrib["href"]
        assert 200 == web.client.head(link.attrib["href"]).status_code
    assert [f"leak {language}"] == list(entries)
    assert f"leak {language}" == told(entries[f"leak {language}"], "summary")


def test_ids_are_absolute_stable_and_unique(web: WebNode) -> None:
    """A reader knows an entry again on any mirror and in any language, today and next year."""
    found = ids(parse(web.client.get("/kk/feed.atom")))
    assert 7 == len(set(found)) == len(found)
    assert {"urn"} == {urlsplit(given).scheme for given in found}
    for address in ("/ru/feed.atom", "/en/feed.atom", "/feed.atom"):
        elsewhere = web.client.get(address, base_url="https://mirror.example/")
        assert found == ids(parse(elsewhere))
    # Of kz-2025-16m: it may never change, or readers show every old leak as a new one.
    assert "urn:uuid:5e01b0b0-96a0-56da-b0b7-0ed48130413c" in found


def test_a_month_is_its_first_day(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Atom wants a moment; entries come newest first."""
    leaks = (
        Listed(a_dataset("a", public_on="2024-02"), None),
        Listed(a_dataset("b", public_on="2025-12-31"), None),
        Listed(a_dataset("c"), None),
    )
    monkeypatch.setattr(register_api, "listed_leaks", lambda: leaks)
    feed = parse(web.client.get("/en/feed.atom"))
    assert [
        ("b en", "2025-12-31T00:00:00Z"),
        ("c en", "2025-06-16T00:00:00Z"),
        ("a en", "2024-02-01T00:00:00Z"),
    ] == [(told(e, "title"), told(e, "updated")) for e in feed.findall(f"{ATOM}entry")]
    assert "2025-12-31T00:00:00Z" == told(feed, "updated")


def test_an_empty_feed(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a leak it is still a feed."""
    monkeypatch.setattr(register_api, "listed_leaks", tuple)
    feed = parse(web.client.get("/en/feed.atom"))
    assert [] == feed.findall(f"{ATOM}entry")
    assert RFC_3339.fullmatch(told(feed, "updated"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_texts(web: WebNode, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    """Whatever a title or description holds, it is a text of the feed."""
    texts = {each: f"{each} {NASTY}" for each in LANGUAGES}
    leak = a_dataset("a", title=texts, description=texts)
    monkeypatch.setattr(register_api, "listed_leaks", lambda: (Listed(leak, None),))
    feed = parse(web.client.get(f"/{language}/feed.atom"))
    entry = feed.find(f"{ATOM}entry")
    assert entry is not None
    assert [texts[language]] * 2 == [told(entry, "title"), told(entry, "summary")]
    assert {ATOM} == {element.tag[: len(ATOM)] for element in feed.iter()}


def test_without_a_language_the_reader_says_it(web: WebNode) -> None:
    """A feed reader's preference is followed, and caches are told so."""
    response = web.client.get("/feed.atom", headers={"Accept-Language": "ru"})
    assert "ru" == parse(response).attrib[XML_LANG] == response.headers["Content-Language"]
    assert "Accept-Language" in varies_by(response)
    assert "Accept-Language" not in varies_by(web.client.get("/ru/feed.atom"))


def test_a_reader_that_has_it_gets_nothing(web: WebNode) -> None:
    """Readers ask often: who has the feed already gets 304."""
    tag = web.client.get("/kk/feed.atom").headers["ETag"]
    response = web.client.get("/kk/feed.atom", headers={"If-None-Match": tag})
    assert (304, b"") == (response.status_code, response.data)


def test_the_pages_lead_to_the_feed(web: WebNode) -> None:
    """Every page names the feed of its language for readers that look for one."""
    for language in LANGUAGES:
        text = web.client.get(f"/{language}/how-it-works").text
        assert f'type="application/atom+xml" href="/{language}/feed.atom"' in text
