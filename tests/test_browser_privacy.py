"""What leaves the browser and what stays in it: the promises, seen from the page's own network."""

import json
import re
from collections.abc import Iterator

import pytest
from chromium import Visit, chromium, needs_chromium, visiting
from conftest import Installation, Served, get
from playwright.sync_api import Browser
from site_world import CLEAN, EMAIL, IN_ONE, LEAKED, PHONE, serving

from lookup import keys
from lookup.protocol import entries
from lookup.protocol.stretch import Argon2Parameters, stretch
from lookup.protocol.suite import Kind, Lane

pytestmark = needs_chromium
__all__ = ["chromium"]

_PREFIX_BITS = 12
# What a first check may transfer, in bytes; and a range of 16 million people with 12 prefix bits
# (DESIGN's example: 4,160 entries and 12 hashes), for which this index is too small.
_BUDGET = 150_000
_FULL_RANGE = 4160 * 8 + 12 * 32


@pytest.fixture(scope="module")
def site(
    published_site: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, bytes]]:
    """The site, and the public lane's seed to compute tokens with."""
    with serving(published_site, tmp_path_factory.mktemp("site")) as (served, installation):
        yield served, keys.read(installation.data / "keys", "public")


def secrets_of(site: tuple[Served, bytes], kind: Kind, text: str) -> list[bytes]:
    """Stretched identifier and token: what must not be in a request."""
    served, seed = site
    argon2 = json.loads(get(f"{served.url}/v1/params/public")[1])["argon2"]
    stretched = stretch(
        kind,
        text,
        Argon2Parameters(
            bytes.fromhex(argon2["salt"]),
            argon2["memory_kib"],
            argon2["time_cost"],
            argon2["parallelism"],
        ),
    )
    output = keys.derive_lane_key(seed, Lane.PUBLIC).evaluate(stretched)
    return [stretched, entries.token(output)]


def sent(visit: Visit) -> str:
    """Everything that left the page and its worker: lines, headers, bodies."""
    parts = []
    for request in visit.requests:
        parts += [request.method, request.url, json.dumps(request.headers)]
        parts += [json.dumps(request.all_headers()), request.post_data or ""]
    return "\n".join(parts).lower()


@pytest.mark.parametrize("iin", [LEAKED, CLEAN], ids=["found", "not found"])
def test_no_request_tells_who_asks(chromium: Browser, site: tuple[Served, bytes], iin: str) -> None:
    """No URL, header or body has the IIN, its hash, the token, or more of it than the prefix."""
    with visiting(chromium, site[0].url) as visit:
        visit.open("/ru/")
        visit.ask(iin)
        visit.page.wait_for_load_state("networkidle")
        told = sent(visit)
    stretched, token = secrets_of(site, Kind.IIN, iin)
    for secret in (iin, iin[:6], stretched.hex()[:8], token.hex()[:4], token.hex()[1:6]):
        assert secret not in told, "a secret was sent"
    prefix = entries.prefix(entries.bucket(token, _PREFIX_BITS), _PREFIX_BITS)
    assert len(prefix) == 3
    (ranged,) = [path for _, path in visit.api() if "/range/" in path]
    assert ranged.rpartition("/")[2] == prefix


def test_found_and_not_found_ask_for_the_same(
    chromium: Browser, site: tuple[Served, bytes]
) -> None:
    """The list of requests, their headers and their lengths do not tell whether one was found."""
    lists = []
    for iin in (LEAKED, CLEAN):
        with visiting(chromium, site[0].url) as visit:
            visit.open("/kk/")
            visit.ask(iin)
            visit.page.wait_for_timeout(500)  # whatever an answer might still fetch
            lists.append(
                sorted(
                    (
                        request.method,
                        re.sub(r"/range/(.*)/[0-9a-f]{3}$", r"/range/\1/…", request.url),
                        sorted(request.all_headers()),
                        len(request.post_data or ""),
                    )
                    for request in visit.requests
                )
            )
    assert lists[0] == lists[1]
    api = [url for _, url, _, _ in lists[0] if "/v1/" in url]
    assert len(api) == 4


@pytest.mark.parametrize(
    ("kind", "value"), [("iin", LEAKED), ("phone", PHONE), ("email", EMAIL)], ids=lambda v: v[:5]
)
def test_nothing_stays_behind(
    chromium: Browser, site: tuple[Served, bytes], kind: str, value: str
) -> None:
    """After a check no storage, cookie, address, title or history entry has what was asked."""
    with visiting(chromium, site[0].url) as visit:
        visit.open("/en/")
        before = visit.page.evaluate("history.length")
        assert visit.ask(value, kind) == "found"
        page = visit.page
        assert visit.context.cookies() == []
        kept = page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage)]")
        assert page.evaluate("indexedDB.databases()") == []
        assert page.evaluate("caches.keys()") == []
        assert page.evaluate("history.length") == before
        assert page.evaluate("history.state") is None
        assert page.url == f"{site[0].url}/en/"
        told = "\n".join([*kept, page.url, page.title(), page.content(), page.evaluate("name")])
        assert value not in told
        assert value.removeprefix("+7") not in told
        pin = json.loads(json.loads(kept[0])["qorgan-pin:"])
        told = {"publisher_key", "public_key", "argon2", "prefix_bits", "counter", "root"}
        assert told == set(pin)


def test_the_field_is_not_remembered(chromium: Browser, site: tuple[Served, bytes]) -> None:
    """Neither autofill nor a form's own sending can take what is typed."""
    with visiting(chromium, site[0].url) as visit:
        visit.open("/en/")
        field = visit.page.locator("#identifier")
        assert field.get_attribute("autocomplete") == "off"
        assert visit.page.locator("#check").get_attribute("autocomplete") == "off"
        assert field.get_attribute("name") is None
        field.fill(IN_ONE)
        visit.page.evaluate("document.getElementById('check').submit()")
        visit.page.wait_for_timeout(300)
        assert visit.page.url == f"{site[0].url}/en/"
        visit.complaints.clear()  # the policy refused to send the form, and said so


def test_no_other_origin_is_asked(chromium: Browser, site: tuple[Served, bytes]) -> None:
    """Nothing is loaded from elsewhere, on any page, and no request has a referrer or a cookie."""
    with visiting(chromium, site[0].url) as visit:
        for path in ("/", "/breaches", "/breaches/zaimer-2024", "/how-it-works", "/developers"):
            visit.open(f"/kk{path}")
        visit.open("/kk/")
        visit.ask(LEAKED)
        for request in visit.requests:
            assert request.url.startswith(f"{site[0].url}/")
            headers = request.all_headers()
            assert not headers.get("referer")
            assert "cookie" not in headers


def test_a_first_check_fits_a_slow_network(chromium: Browser, site: tuple[Served, bytes]) -> None:
    """Page, scripts, parameters, register and a range of 16 million people: under 150 KB."""
    with visiting(chromium, site[0].url) as visit:
        visit.open("/ru/")
        visit.ask(LEAKED)
        visit.page.wait_for_load_state("networkidle")
        total = 0
        for request in visit.requests:
            sizes = request.sizes()
            total += sizes["requestHeadersSize"] + sizes["requestBodySize"]
            total += sizes["responseHeadersSize"] + sizes["responseBodySize"]
            if "/range/" in request.url:
                total += _FULL_RANGE - sizes["responseBodySize"]
    assert 60_000 < total < _BUDGET
