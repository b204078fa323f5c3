"""A real Chromium for tests of the page: Debian's own, driven by Playwright.

No profile is kept, nothing is downloaded, and nothing but loopback is asked.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from conftest import ROOT
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
ARTEFACTS = ROOT / "ci-artefacts"
LANGUAGES = ("kk", "ru", "en")
_SWITCHES = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE = 30_000  # milliseconds, on a busy machine

needs_chromium = pytest.mark.skipif(
    PROGRAM is None, reason="chromium is not installed (apt-get install chromium)"
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a file; each takes a context of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=_SWITCHES)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One visitor's page, and all that it asked for."""

    url: str
    page: Page
    context: BrowserContext
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def heard(self, request: Request) -> None:
        """A request was made, by the page or its worker."""
        self.requests.append(request)

    def open(self, path: str) -> None:
        """Go to a page of the site and wait until it stands."""
        self.page.goto(f"{self.url}{path}", wait_until="load")

    def ask(self, value: str, kind: str = "iin") -> str:
        """Type and send; the answer that came: found, not_found, could_not_check or refused."""
        if kind != "iin":
            self.page.locator("#check summary").click()
            self.page.locator(f"input[value={kind}]").check()
        self.page.locator("#identifier").fill(value)
        self.page.locator("#ask").click()
        self.page.locator("#answer:not([hidden]), #refusal:not(:empty)").first.wait_for()
        return self.page.locator("#answer").get_attribute("data-answer") or "refused"

    def api(self) -> list[tuple[str, str]]:
        """Method and path of each request to the API so far."""
        paths = [(r.method, r.url.removeprefix(self.url)) for r in self.requests]
        return [(method, path) for method, path in paths if path.startswith("/v1/")]


@contextmanager
def visiting(browser: Browser, url: str, **options: object) -> Iterator[Visit]:
    """A new visitor, who has never been there; whatever a page complains of fails the test."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, **options)  # type: ignore[arg-type]
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    visit = Visit(url, page, context)
    context.on("request", visit.heard)
    page.on("pageerror", lambda error: visit.complaints.append(error.message))
    page.on("console", lambda message: visit.complaints.append(message.text))
    try:
        yield visit
    finally:
        context.close()
    # What the network did is told there too; that a request was refused is not a fault of a page.
    faults = [c for c in visit.complaints if "Failed to load resource" not in c]
    assert faults == [], faults


def keep(page: Page, name: str) -> None:
    """Keep a picture of the whole page for people to look at."""
    folder = ARTEFACTS / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)
