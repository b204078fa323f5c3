"""How the pages look and who can use them: small screens, large letters, axe-core, pictures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import LANGUAGES, Visit, chromium, keep, needs_chromium, visiting
from conftest import ROOT, Installation, Served
from playwright.sync_api import Browser
from site_world import CLEAN, LEAKED, serving

_ENLARGE = "size => document.documentElement.style.fontSize = size"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("/", "/breaches", "/breaches/kz-2025-16m", "/how-it-works", "/developers", "/nothing-here")
ANSWERS = {"found": LEAKED, "not_found": CLEAN, "refused": "1"}
# WCAG 2.2, levels A and AA, and what axe's authors hold to be good practice.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# All that another colour scheme can change.
_COLOURS = ["color-contrast", "link-in-text-block"]

pytestmark = needs_chromium
__all__ = ["chromium"]


@pytest.fixture(scope="module")
def site(
    published_site: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    with serving(published_site, tmp_path_factory.mktemp("site")) as (served, _):
        yield served


def violations(visit: Visit, scheme: str = "light") -> list[str]:
    """What axe-core finds wrong on the page as it stands now; of the dark one, its colours."""
    visit.page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    rules = {"type": "tag", "values": _RULES}
    if scheme == "dark":
        rules = {"type": "rule", "values": _COLOURS}
    found = visit.page.evaluate("rules => axe.run(document, {runOnly: rules})", rules)
    assert found["passes"], "axe looked at nothing"
    return [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: run npm ci in web/")


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing(chromium: Browser, site: Served, language: str, scheme: str) -> None:
    """No page and no answer breaks a rule of WCAG 2.2 AA that a program can check."""
    with visiting(chromium, site.url, color_scheme=scheme) as visit:
        for path in PAGES:
            visit.open(f"/{language}{path}")
            assert violations(visit, scheme) == [], path
        visit.open(f"/{language}/")
        for answer, value in ANSWERS.items():
            assert visit.ask(value) == answer
            for summary in visit.page.locator("summary:visible").all():
                summary.click()
            assert violations(visit, scheme) == [], answer
            visit.open(f"/{language}/")
        visit.context.route("**/v1/range/**", lambda route: route.abort())
        assert visit.ask(LEAKED) == "could_not_check"
        assert violations(visit, scheme) == []


@needs_axe
def test_axe_finds_what_is_wrong(chromium: Browser, site: Served) -> None:
    """A picture without a text is found, and text that cannot be read: the check above can fail."""
    with visiting(chromium, site.url) as visit:
        visit.open("/en/")
        visit.page.evaluate("document.querySelector('main').append(new Image())")
        visit.page.evaluate("document.querySelector('main p').style.color = '#eee'")
        assert any(line.startswith("image-alt") for line in violations(visit))
        for scheme in ("light", "dark"):
            assert any(line.startswith("color-contrast") for line in violations(visit, scheme))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_wider_than_a_small_screen(
    chromium: Browser, site: Served, language: str
) -> None:
    """At 320 px (640 px at 200 % zoom) nobody scrolls sideways, also with all letters doubled."""
    with visiting(chromium, site.url) as visit:
        for width, letters in ((320, "100%"), (640, "200%")):
            visit.page.set_viewport_size({"width": width, "height": 640})
            for path in (*PAGES, "found", "not_found"):
                visit.open(f"/{language}{path if path.startswith('/') else '/'}")
                visit.page.evaluate(
                    "size => document.documentElement.style.fontSize = size", letters
                )
                if path in ANSWERS:
                    visit.ask(ANSWERS[path])
                    visit.page.locator("#exchange summary").click()
                wide = visit.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, (path, width, letters)


def test_what_is_pressed_is_large_enough(chromium: Browser, site: Served) -> None:
    """Buttons, boxes and links that stand alone measure at least 24 px (WCAG 2.2, 2.5.8)."""
    with visiting(chromium, site.url) as visit:
        visit.page.set_viewport_size({"width": 320, "height": 640})
        visit.open("/kk/")
        visit.ask(LEAKED)
        for target in visit.page.locator("button:visible, input:visible, nav a:visible").all():
            box = target.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 24


def test_print(chromium: Browser, site: Served) -> None:
    """On paper are the answer and what to do, with the addresses; not the form and the buttons."""
    with visiting(chromium, site.url) as visit:
        visit.open("/ru/")
        visit.ask(LEAKED)
        visit.page.emulate_media(media="print")
        assert visit.page.locator("#answer").is_visible()
        assert visit.page.locator("#actions").is_visible()
        for hidden in ("#check", "#print", ".pages", "#exchange"):
            assert visit.page.locator(hidden).is_hidden(), hidden
        shown = visit.page.evaluate(
            "getComputedStyle(document.querySelector('.links a[href^=http]'), '::after').content"
        )
        assert "https://" in shown or "attr(href)" in shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1280])
def test_pictures_for_people(chromium: Browser, site: Served, width: int, scheme: str) -> None:
    """CI keeps pictures of every page and answer, for somebody to look at."""
    languages = LANGUAGES if width == 320 else ("ru",)
    with visiting(chromium, site.url, color_scheme=scheme) as visit:
        visit.page.set_viewport_size({"width": width, "height": 800})
        for language in languages:
            for path in PAGES:
                visit.open(f"/{language}{path}")
                name = path.strip("/").replace("/", "-") or "check"
                keep(visit.page, f"{name}-{language}-{width}-{scheme}")
            for answer, value in ANSWERS.items():
                visit.open(f"/{language}/")
                assert visit.ask(value) == answer
                keep(visit.page, f"{answer}-{language}-{width}-{scheme}")
