"""A marked person, and requests with the marks raw wherever something can stand in a request."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

IIN, REJECTED, SENT = "870402391009", "870402391017", "870402391108"
PHONE, EMAIL = "+77019090909", "tanba.belgi@example.com"
NAME, ADDRESS = "Таңбабек Белгіұлы", "Құпия көшесі, 77"
BAD_PHONE, BAD_EMAIL = "8 (701) 808-08-0", "belgi.tanba@example"

TARGETS = (
    "/{}",
    "/{}/{}",
    "/?iin={}",
    "/v1/{}",
    "/v1/params/{}",
    "/v1/params/public?iin={}",
    "/v1/params/public/{}",
    "/v1/range/{}",
    "/v1/range/public/{}/0ff",
    "/v1/range/public/{version}/{}",
    "/v1/range/public/{version}/{}.json",
    "/v1/range/public/{version}/0ff?{}",
    "/v1/range/public/{version}/0ff/{}",
    "/v1/range/public/9-00000000/{}",
    "/v1/range/verified/{}/{}",
    "/v1/range/{}/{version}/0ff",
    "/v1/evaluate/{}",
    "/v1/evaluate?iin={}",
    "/v1/breaches?domain={}",
    "/v1/breaches/{}",
    "/v1/breaches/{}/",
    "/v1//breaches/{}",
    "/api/v3/breach/{}",
    "/v1/check?token={}",
    "/v1/check/{}",
    "/v1/filter/public/{}",
    "/healthz?{}",
    "/readyz/{}",
    "/metrics?{}",
    "/metrics/{}",
    "http://{}/v1/breaches",
    "/v1/breaches#{}",
    "/v1/breaches;{}",
    "/../{}",
    "/\\{}",
)
BODIES = (
    "{}",
    '{{"lane": "public", "blinded": ["{}"]}}',
    '{{"lane": "{}", "blinded": ["{}"]}}',
    '{{"iin": "{}"}}',
    '["{}"]',
    '{{"lane": "public", "blinded": {}',
    '{{"lane": "public", "blinded": [{}]}}',
    '"{}',
)
CHECKS = (
    "{}",
    '{"lane": "public", "tokens": ["{}"]}',
    '{"lane": "{}", "tokens": ["{}"]}',
    '{"lane": "public", "tokens": [{}]}',
    '{"lane": "public", "tokens": "{}',
)
TOKEN = SENT + "0" * 52  # of the form that tokens have
HEADERS = (
    *("Host", "Origin", "Referer", "User-Agent", "Cookie", "Authorization", "Content-Type"),
    *("If-None-Match", "Range", "Accept", "Accept-Language", "X-Forwarded-For", "X-Forwarded-Host"),
    *("X-Forwarded-Proto", "Forwarded", "Content-Encoding", "Expect", "Upgrade", "If-Match"),
    *("If-Modified-Since", "Transfer-Encoding", "Content-Length", "X-Request-Id", "Content-Range"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "IIN870402391009")


def marked_requests(version: str, key: str) -> Iterator[dict[str, Any]]:
    """Arguments of ``plain_http.ask``; the version is a published one, the key an API client's."""
    yield from _targets(version)
    yield from _bodies()
    yield from _checks(key)
    yield from _rest(version)


def _targets(version: str) -> Iterator[dict[str, Any]]:
    for mark in (SENT, quote(NAME), EMAIL):
        for target in TARGETS:
            yield {"target": target.replace("{version}", version).replace("{}", mark)}


JSON = {"Content-Type": "application/json"}
GENERATOR = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"  # a good element
EVALUATE: dict[str, Any] = {"target": "/v1/evaluate", "method": "POST"}


def _bodies() -> Iterator[dict[str, Any]]:
    for body in BODIES:
        document = body.format(*[SENT] * 2).encode()
        for headers in (JSON, {"Content-Type": f"text/{SENT}"}):
            yield EVALUATE | {"headers": headers, "body": document}


def _checks(key: str) -> Iterator[dict[str, Any]]:
    """As an app may ask, with what it must not send; the last one is good."""
    headers = JSON | {"Authorization": f"Bearer {key}", "X-Subject": SENT}
    for body in (*CHECKS, json.dumps({"lane": "public", "tokens": [TOKEN]})):
        document = body.replace("{}", SENT).encode()
        yield {"target": "/v1/check", "method": "POST", "headers": headers, "body": document}
    yield EVALUATE | {"headers": headers | {"Authorization": f"Bearer {SENT}"}, "body": b"{}"}


def _rest(version: str) -> Iterator[dict[str, Any]]:
    """Headers and methods."""
    for name in HEADERS:
        for target in ("/v1/params/public", f"/v1/range/public/{version}/0ff", "/metrics"):
            yield {"target": target, "headers": {name: SENT}}
        yield EVALUATE | {"headers": JSON | {name: SENT}, "body": b"{}"}
    good = json.dumps({"lane": "public", "blinded": [GENERATOR]}).encode()
    for name in ("Cookie", "User-Agent", "Referer"):
        yield EVALUATE | {"headers": JSON | {name: SENT}, "body": good}
    for method in METHODS:
        for target in (f"/{SENT}", f"/v1/breaches/{SENT}", f"/v1/range/public/1-{SENT}/0ff"):
            headers = {f"X-{SENT}": SENT}
            yield {"target": target, "method": method, "headers": headers, "body": SENT.encode()}
