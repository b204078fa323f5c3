"""site/check: from the click to the answer on the page, in a real headless Chromium.

The service is on loopback, so that what is left is the cryptography in the page's worker (profile
``standard``) and the server's: Argon2id, blinding, evaluation and proof, proof check, finalising,
the signature, the tree, the matching. "First" is a visitor's first check, nothing compiled yet.
"""

import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

from bench import rows
from bench.figures import Figure, Options, median, number, say
from bench.scratch import DATASET, scratch
from bench.server import served

STEP = "site"
_ROWS = 200_000
_VISITORS = 15
_CHECKS = 10  # of one visitor, after the first
_IIN = "900101300017"  # nobody's
_SWITCHES = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
# Milliseconds from the click until the answer is in the page.
_CLICK = """iin => new Promise(resolve => {
  const answer = document.getElementById("answer");
  document.getElementById("identifier").value = iin;
  const began = performance.now();
  new MutationObserver((_, observer) => {
    if (answer.dataset.answer === undefined) return;
    observer.disconnect();
    resolve([answer.dataset.answer, performance.now() - began]);
  }).observe(answer, {attributes: true});
  document.getElementById("ask").click();
})"""


def run(options: Options) -> Iterator[Figure]:
    """First checks of new visitors, and further ones of each."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise SystemExit("bench: chromium is not installed (apt-get install chromium)")
    say("\nsite/check")
    with scratch("standard") as index:
        rows.fill(index, options.size(_ROWS, 2_000))
        rows.publisher(index).publish([DATASET])
        with (
            served("wsgi:app", index.settings.data, QORGAN_EVALUATE_LIMIT="off") as server,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=program, args=_SWITCHES)
            say(f"  Chromium {browser.version}")
            visits = [
                _visit(browser, server.port, options.size(_CHECKS, 1))
                for _ in range(options.size(_VISITORS, 1))
            ]
            browser.close()
    firsts = [first for first, *_ in visits]
    further = [time for _, *times in visits for time in times]
    for name, times in (("first", firsts), ("further", further)):
        say(f"  {name}: {', '.join(f'{time:.0f}' for time in sorted(times))} ms")
        yield number(f"site/check/{name}", f"{median(times):.0f} ms", "< 1000 ms", STEP)


def _visit(browser: Browser, port: int, further: int) -> list[float]:
    """The milliseconds of one new visitor's checks."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/kk/")
    page.wait_for_selector("#ask:enabled")
    times = []
    for _ in range(1 + further):
        answer, milliseconds = page.evaluate(_CLICK, _IIN)
        if answer != "not_found":
            raise SystemExit(f"bench: the page answered {answer}")
        times.append(milliseconds)
    context.close()
    return times
