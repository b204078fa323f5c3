"""What a person sees where nothing is or something fails; a program gets a problem document."""

from collections.abc import Iterator
from typing import Any

import pytest
from html_page import LANGUAGES, page
from web_node import WebNode, logged, problem
from werkzeug.test import TestResponse

from lookup import pages
from lookup.index.embedded import EmbeddedStore
from lookup.index.state import State

MARKER = "900101300017"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
NOT_FOUND = {"kk": "Бет табылмады", "ru": "Страница не найдена", "en": "Page not found"}
WRONG = {"kk": "Бірдеңе дұрыс болмады", "ru": "Что-то пошло не так", "en": "Something went wrong"}
NOWHERE = ["/nope", "/breaches/none", "/breaches/LEAK", "/breaches/leak/x", "/a/b/c", "/check.html"]
PROGRAMS: list[dict[str, str]] = [
    {},
    {"Accept": "*/*"},
    {"Accept": "application/json"},
    {"Accept": "application/problem+json"},
    {"Accept": "application/problem+json, text/html"},
    {"Accept": "image/avif,image/webp,*/*;q=0.5"},
    {"Accept": ""},
    {"Accept": ";;garbage"},
]


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with all roles."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("problem-pages"))
    yield made
    made.close()


@pytest.fixture
def ignorant(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> WebNode:
    """A node that never heard from a store."""
    monkeypatch.setattr(web.node, "state", State())
    monkeypatch.setattr(web.node, "_heard_at", float("-inf"))
    return web


def assert_no_echo(response: TestResponse) -> None:
    assert MARKER.encode() not in response.data
    assert MARKER not in str(response.headers)
    assert "Location" not in response.headers
    assert not 300 <= response.status_code < 400


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_that_is_not_there(web: WebNode, language: str, path: str) -> None:
    """A person reads it in the language of the address, with a way back to the check."""
    response = web.client.get(f"/{language}{path}", headers=BROWSER)
    shown = page(response, 404)
    assert NOT_FOUND[language] == shown.one("h1").text
    assert language == shown.one("html").attributes["lang"] == response.headers["Content-Language"]
    back = [link.attributes["href"] for link in shown.all("a")]
    assert f"/{language}/" == back[-3]  # the last before the footer's two
    links = {target for target in back if target.startswith("/")}
    assert {200} == {web.client.head(link).status_code for link in links}


@pytest.mark.parametrize("wanted", LANGUAGES)
def test_without_a_language_the_browser_says_it(web: WebNode, wanted: str) -> None:
    """An address without a language is not found in the reader's."""
    response = web.client.get("/nope", headers=BROWSER | {"Accept-Language": wanted})
    assert NOT_FOUND[wanted] == page(response, 404).one("h1").text


def test_a_problem_page_is_as_strict_as_others(web: WebNode) -> None:
    """The same policy, no cookie, nothing of it is kept, nothing in it is executed."""
    response = web.client.get("/en/nope", headers=BROWSER)
    good = web.client.get("/en/")
    for name in ("Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"):
        assert good.headers[name] == response.headers[name]
    assert "Set-Cookie" not in response.headers
    assert "ETag" not in response.headers
    assert [] == page(response, 404).all("script")


def test_a_problem_page_says_once_how_it_is_kept(web: WebNode) -> None:
    """``Cache-Control`` is there once, and is that of every other problem: it is not kept."""
    response = web.client.get("/en/nope", headers=BROWSER)
    assert ["no-store"] == response.headers.getlist("Cache-Control")


@pytest.mark.parametrize("path", ["/nope", "/ru/nope", "/en/breaches/none", "/breaches/none"])
@pytest.mark.parametrize("headers", PROGRAMS)
def test_a_program_gets_a_document(web: WebNode, path: str, headers: dict[str, str]) -> None:
    """Whoever does not ask for HTML by name gets problem JSON."""
    assert problem(web.client.get(path, headers=headers), 404, "not_found").startswith("there is")


@pytest.mark.parametrize(
    "path", ["/v1/none", "/v1/breaches/none", "/v1/params/none", "/static/none", "/healthz/x"]
)
def test_the_api_answers_browsers_in_json_too(web: WebNode, path: str) -> None:
    """What is no page has no page for its errors."""
    problem(web.client.get(path, headers=BROWSER), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        f"/{MARKER}",
        f"/ru/{MARKER}",
        f"/kk/breaches/{MARKER}",
        f"/breaches/{MARKER}/",
        f"/{MARKER}/breaches",
        f"//{MARKER}.example/",
        f"/kk//{MARKER}",
        f"/en/../{MARKER}",
        f"/kk/\\{MARKER}",
        f"/kk/{MARKER}\r\nX-Marker: 1",
        f"/static/{MARKER}",
        f"/feed.atom/{MARKER}",
        f"/<b>{MARKER}</b>",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_nothing_repeats_a_path(web: WebNode, path: str, method: str, accept: str) -> None:
    """Nobody's number in an address is in an answer, a redirect or a line of the log."""
    with logged() as lines:
        response = web.client.open(
            method=method,
            headers={"Accept": accept},
            environ_overrides={"PATH_INFO": path, "QUERY_STRING": f"iin={MARKER}"},
        )
    assert 400 <= response.status_code < 500 or (method, 200) == ("OPTIONS", response.status_code)
    assert_no_echo(response)
    assert [] == lines


@pytest.mark.parametrize(
    "path", ["/", "/kk", "/ru/", "/en/breaches", "/breaches/leak", "/kk/nope", "/feed.atom"]
)
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_nothing_repeats_a_query_or_a_header(web: WebNode, path: str, accept: str) -> None:
    """A query, a form, a referrer and a cookie are in no page."""
    more: dict[str, Any] = {
        "query_string": {"iin": MARKER, MARKER: "", "lang": MARKER},
        "headers": {
            "Accept": accept,
            "Referer": f"https://x/{MARKER}",
            "Cookie": f"{MARKER}={MARKER}",
            "Accept-Language": f"{MARKER}, kk;q=0.5",
            "User-Agent": MARKER,
            "X-Forwarded-Host": f"{MARKER}.example",
            "X-Forwarded-Prefix": f"/{MARKER}",
        },
    }
    with logged() as lines:
        asked, posted = (
            web.client.get(path, **more),
            web.client.post(path, data={"iin": MARKER}, **more),
        )
    assert_no_echo(asked)
    assert_no_echo(posted)
    assert posted.status_code in (404, 405)
    assert [] == lines


@pytest.mark.parametrize("path", ["/", "/kk/", "/en/breaches/leak", "/feed.atom"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_other_methods(web: WebNode, path: str, method: str, accept: str) -> None:
    """A page says how it is read (RFC 9110, section 15.5.6), to persons and programs."""
    response = web.client.open(path, method=method, headers={"Accept": accept})
    assert 405 == response.status_code
    assert ["GET", "HEAD", "OPTIONS"] == sorted(response.headers.get("Allow", "").split(", "))


@pytest.mark.parametrize("path", ["/breaches", "/breaches/leak", "/breaches/kaznu-2024"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_node_that_knows_nothing(ignorant: WebNode, language: str, path: str) -> None:
    """It does not say that there are no leaks: it asks a person to come back."""
    response = ignorant.client.get(f"/{language}{path}", headers=BROWSER)
    shown = page(response, 503)
    assert WRONG[language] == shown.one("h1").text
    assert "5" == response.headers["Retry-After"]
    assert "ETag" not in response.headers
    assert "kz-2025-16m" not in response.text
    document = ignorant.client.get(f"/{language}{path}")
    assert problem(document, 503, "store_unavailable").startswith("could not check")
    assert "5" == document.headers["Retry-After"]


@pytest.mark.parametrize("front", ["", "/kk", "/ru", "/en"])
def test_the_check_needs_no_store(ignorant: WebNode, front: str) -> None:
    """Pages that tell nothing of the register are there all the same; the feed is not."""
    for path in ("/", "/how-it-works", "/developers"):
        page(ignorant.client.get(f"{front}{path}"))
    assert 503 == ignorant.client.get(f"{front}/feed.atom").status_code
    assert 404 == ignorant.client.get(f"{front}/nope").status_code


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_unforeseen(web: WebNode, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    """An error that nobody thought of is a page without its text, which is not logged either."""

    def fails(_: State) -> None:
        raise RuntimeError(MARKER)

    monkeypatch.setattr(State, "published", fails)
    with logged() as lines:
        response = web.client.get(f"/{language}/breaches", headers=BROWSER)
    assert WRONG[language] == page(response, 500).one("h1").text
    assert_no_echo(response)
    assert ["unexpected error error=RuntimeError"] == lines


def test_a_page_that_cannot_be_made(web: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where even the page of the problem fails, nothing of why gets out."""

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError(MARKER)

    monkeypatch.setattr(pages, "render_template", fails)
    with logged():
        try:
            response = web.client.get("/en/breaches", headers=BROWSER)
        except RuntimeError:
            pytest.fail("the exception reached the server, which may log its text")
    assert 500 == response.status_code
    assert_no_echo(response)
