"""Every page of the site: strict, the same for everybody, in the language of the address or reader.

The addresses are the site's own pages in three languages and without one.
"""

import json
from collections.abc import Iterator
from itertools import pairwise

import pytest
from html_page import LANGUAGES, Page, headers, page, varies_by
from web_node import WebNode
from werkzeug.test import TestResponse

from lookup.index.embedded import EmbeddedStore
from lookup.index.listing import known_leaks

REGISTER = ("leak", *(leak.name for leak in known_leaks()))
PATHS = (
    *("/", "/breaches", "/how-it-works", "/developers"),
    *(f"/breaches/{name}" for name in REGISTER),
)
ADDRESSES = tuple(f"{front}{path}" for path in PATHS for front in ("", "/kk", "/ru", "/en"))
POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "worker-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}
LOADED = {"stylesheet", "icon", "modulepreload"}
CHROME = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0.0.0",
    "Cookie": "session=somebody; lang=en",
    "DNT": "1",
    "Referer": "https://example.org/",
    "X-Forwarded-For": "192.0.2.7",
    "Sec-Fetch-Site": "cross-site",
}


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with all roles."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("pages"))
    yield made
    made.close()


@pytest.fixture(params=ADDRESSES)
def address(request: pytest.FixtureRequest) -> str:
    """Each page's address, in a language and without."""
    given: str = request.param
    return given


def language_of(address: str) -> str:
    """A page's language, by its address alone."""
    first = address.split("/")[1]
    return first if first in LANGUAGES else "kk"


def read(web: WebNode, address: str) -> Page:
    return page(web.client.get(address))


def test_a_page_is_in_the_language_of_its_address(web: WebNode, address: str) -> None:
    """Document, header and the marked link say the same; without a language it is Kazakh."""
    response = web.client.get(address)
    shown = page(response)
    language = language_of(address)
    assert language == shown.one("html").attributes["lang"]
    assert language == response.headers["Content-Language"]
    (marked,) = [e for e in shown.all("a") if "true" == e.attributes.get("aria-current")]
    assert language == marked.attributes["hreflang"]


def test_a_page_names_itself_in_the_other_languages(web: WebNode, address: str) -> None:
    """Whoever changes the language stays on the page."""
    shown = read(web, address)
    path = address if address[1:3] not in LANGUAGES else address[3:]
    wanted = {other: f"/{other}{path}" for other in LANGUAGES}
    for tag in ("link", "a"):
        links = [e.attributes for e in shown.all(tag) if "hreflang" in e.attributes]
        assert wanted == {link["hreflang"]: link["href"] for link in links}


def test_the_policy_allows_only_what_is_ours(web: WebNode, address: str) -> None:
    """No other origin, no code in the page, no form that sends, no frame around it."""
    response = web.client.get(address)
    (policy,) = response.headers.getlist("Content-Security-Policy")
    directives = [directive.split() for directive in policy.split(";")]
    assert POLICY == {name: values for name, *values in directives}
    assert len(POLICY) == len(directives)
    assert "unsafe" not in policy


def test_a_page_leaves_nothing_behind(web: WebNode, address: str) -> None:
    """No cookie; no address goes on to another site; caches ask before they show it again."""
    given = web.client.get(address).headers
    assert "Set-Cookie" not in given
    assert ["no-referrer"] == given.getlist("Referrer-Policy")
    assert ["nosniff"] == given.getlist("X-Content-Type-Options")
    assert ["no-cache"] == given.getlist("Cache-Control")
    assert ["same-origin"] == given.getlist("Cross-Origin-Opener-Policy")


def test_nothing_is_executed_from_within_a_page(web: WebNode, address: str) -> None:
    """Scripts are files of ours or data; no attribute of an element is a script or a style."""
    shown = read(web, address)
    for script in shown.all("script"):
        if "src" in script.attributes:
            assert "module" == script.attributes["type"]
            assert "" == script.text
        else:
            assert "application/json" == script.attributes["type"]
            assert isinstance(json.loads(script.text), dict)
    assert [] == shown.all("style")
    assert [] == [e for e in shown.elements if e.tag in ("iframe", "object", "embed", "base")]
    for element in shown.elements:
        assert "style" not in element.attributes
        assert [] == [name for name in element.attributes if name.startswith("on")]
        assert not element.attributes.get("href", "").lower().startswith(("javascript:", "data:"))


def test_what_a_page_loads_is_ours_and_there(web: WebNode, address: str) -> None:
    """Every script, style and picture is on this origin and answers; there is at least a style."""
    shown = read(web, address)
    loaded = [e.attributes["src"] for e in shown.elements if "src" in e.attributes]
    links = [e for e in shown.all("link") if e.attributes["rel"] in LOADED]
    loaded += [e.attributes["href"] for e in links]
    assert "stylesheet" in {e.attributes["rel"] for e in links}
    assert [] == [url for url in loaded if not url.startswith("/static/")]
    assert {200} == {web.client.head(url).status_code for url in set(loaded)}


def test_no_link_within_the_site_is_dead(web: WebNode, address: str) -> None:
    """Wherever a page leads on this site, something is there; a fragment's target is too."""
    shown = read(web, address)
    ids = {e.attributes["id"] for e in shown.elements if "id" in e.attributes}
    targets = {e.attributes["href"] for e in shown.elements if "href" in e.attributes}
    assert set() == {t for t in targets if t.startswith("#") and t[1:] not in ids}
    within = {target for target in targets if target.startswith("/")}
    assert set() == {target for target in within if target.startswith("//")}
    assert {200} == {web.client.head(target).status_code for target in within}


def test_links_to_others(web: WebNode, address: str) -> None:
    """They are encrypted, open beside the page, and tell the other site nothing of this one."""
    for link in read(web, address).all("a"):
        href = link.attributes["href"]
        if href.startswith(("/", "#")):
            continue
        if href.startswith("tel:"):
            assert href[4:].isdigit()
            continue
        assert href.startswith("https://")
        assert "_blank" == link.attributes["target"]
        assert {"noopener", "noreferrer"} <= set(link.attributes["rel"].split())


def test_what_refers_to_an_element_finds_it(web: WebNode, address: str) -> None:
    """Ids are there once, and every label and description belongs to something."""
    shown = read(web, address)
    ids = [e.attributes["id"] for e in shown.elements if "id" in e.attributes]
    assert sorted(set(ids)) == sorted(ids)
    for element in shown.elements:
        for name in ("for", "aria-describedby", "aria-labelledby", "aria-controls", "list"):
            assert set(element.attributes.get(name, "").split()) <= set(ids)


def test_a_page_has_one_heading_and_one_name(web: WebNode, address: str) -> None:
    """Whoever hears the page learns from its title and its one first heading where they are."""
    shown = read(web, address)
    title = next(e for e in shown.elements if e.tag == "title").text
    assert f"{shown.one('h1').text} · Qorgan" == title
    assert "main" == shown.one("main").attributes["id"]
    levels = [int(e.tag[1]) for e in shown.elements if e.tag in ("h1", "h2", "h3", "h4")]
    assert [] == [(a, b) for a, b in pairwise(levels) if b > a + 1]
    assert [] == [e for e in shown.all("img") if "alt" not in e.attributes]


def test_a_page_varies_only_where_its_address_has_no_language(web: WebNode, address: str) -> None:
    """Caches keep one page for an address with a language, one a language for one without."""
    has_language = address[1:3] in LANGUAGES
    assert has_language is ("Accept-Language" not in varies_by(web.client.get(address)))
    assert {"Cookie", "User-Agent"}.isdisjoint(varies_by(web.client.get(address)))


def test_a_page_is_the_same_for_every_asker(web: WebNode, address: str) -> None:
    """Neither cookie nor browser nor where somebody comes from changes a byte."""
    asked = web.client.get(address)
    other = web.client.get(f"{address}?q=1", headers=CHROME, environ_base={"REMOTE_ADDR": "::1"})
    assert asked.data == other.data
    assert headers(asked) == headers(other)


def test_head(web: WebNode, address: str) -> None:
    """HEAD tells what GET would, without the body."""
    asked, headed = web.client.get(address), web.client.head(address)
    assert (200, b"") == (headed.status_code, headed.data)
    assert headers(asked) == headers(headed)
    assert str(len(asked.data)) == headed.headers["Content-Length"]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_not_modified(web: WebNode, address: str, encoding: str) -> None:
    """Who has a page already gets 304 and no body, compressed or not."""

    def ask(tag: str) -> TestResponse:
        sent = {"If-None-Match": tag, "Accept-Encoding": encoding}
        return web.client.get(address, headers=sent)

    asked = ask('"other"')
    assert 200 == asked.status_code
    response = ask(asked.headers["ETag"])
    assert (304, b"") == (response.status_code, response.data)
    for name in ("ETag", "Cache-Control", "Vary", "Content-Security-Policy"):
        assert asked.headers[name] == response.headers[name]


def test_pages_have_tags_of_their_own(web: WebNode) -> None:
    """No two different pages share a tag; the page without a language is the Kazakh one."""
    tags = {address: web.client.get(address).headers["ETag"] for address in ADDRESSES}
    assert 3 * len(PATHS) == len(set(tags.values()))
    assert [tags[f"/kk{path}"] for path in PATHS] == [tags[path] for path in PATHS]
