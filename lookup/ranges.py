"""The hot path: ``GET /v1/range/<lane>/<version>/<prefix>`` as a bare WSGI callable before Flask.

A range is a slice of a mapped file; no store, no Flask, no request object. Everything else is
passed on to the application behind.
"""

import re
from typing import TYPE_CHECKING

from lookup import clients, served
from lookup.counts import RANGE
from lookup.errors import Code, ProblemError
from lookup.front import Answer
from lookup.index.node import Node
from lookup.index.usage import Use
from lookup.index.view import MappedVersion
from lookup.metering import Meter
from lookup.problems import Problem
from lookup.protocol.entries import prefix_digits
from lookup.protocol.suite import Lane
from lookup.protocol.wire import RANGE_ROOT, range_json, split_range

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# What is open to anyone is open to the pages of any site, conditional and partial requests too.
PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "If-None-Match, If-Range, Range",
    "Access-Control-Max-Age": "86400",
}
_LANES = {lane.value: lane for lane in Lane}
_PUBLIC_ROOT = f"{RANGE_ROOT}{Lane.PUBLIC.value}/"
_METHODS = "GET, HEAD, OPTIONS"
_HEX = re.compile(r"[0-9a-f]{1,5}")
_PUBLIC_HEADERS = [
    ("Cache-Control", "public, max-age=31536000, immutable, no-transform"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "ETag"),
    ("X-Content-Type-Options", "nosniff"),
]
# Nothing keeps it, and no other site's page may read it.
_VERIFIED_HEADERS = [
    ("Cache-Control", "private, no-store, no-transform"),
    ("X-Content-Type-Options", "nosniff"),
]


class Ranges:
    """Answers ranges, hands every other path to ``behind``."""

    route = RANGE

    def __init__(self, node: Node, meter: Meter) -> None:
        self._node = node
        self._meter = meter

    def takes(self, path: str) -> bool:
        """All ranges."""
        return path.startswith(RANGE_ROOT)

    def answer(self, path: str, environ: "WSGIEnvironment", start: "StartResponse") -> Answer:
        """One range."""
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS" and path.startswith(_PUBLIC_ROOT):
            start("200 OK", [*PREFLIGHT.items(), ("Allow", _METHODS), ("Content-Length", "0")])
            return 200, []
        if method not in ("GET", "HEAD"):
            raise ProblemError(Code.METHOD_NOT_ALLOWED, "a range is read with GET")
        parts = path[len(RANGE_ROOT) :].split("/")
        if len(parts) != 3:
            raise ProblemError(Code.NOT_FOUND, "a range is /v1/range/<lane>/<version>/<prefix>")
        name, version, last = parts
        lane = _lane(name)
        # Before anything is looked up: without a key not even the time tells of the verified lane.
        client = clients.asking(environ.get("HTTP_AUTHORIZATION"), self._node, lane)
        mapped = served.named(self._node, lane, version)
        prefix = last.removesuffix(".json")
        bucket = _bucket(prefix, mapped.parameters.prefix_bits)
        headers = _VERIFIED_HEADERS
        if lane is Lane.PUBLIC:
            tag = f'"{version}-{last}"'
            headers = [("ETag", tag), *_PUBLIC_HEADERS]
            if environ.get("HTTP_IF_NONE_MATCH") == tag:
                start("304 Not Modified", headers)
                return 304, []
        body = mapped.range(bucket)
        kind = "application/octet-stream"
        if last != prefix:
            kind, body = "application/json", _as_json(mapped, prefix, body)
        if client is not None:
            self._meter.count(client.id, Use.RANGES)
        start("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body))), *headers])
        return 200, [] if method == "HEAD" else [body]  # a list: Granian sends it in one piece

    def headers_of(self, problem: Problem, environ: "WSGIEnvironment") -> list[tuple[str, str]]:
        """Of refusals in the verified lane no other site's page learns anything."""
        allow = [("Allow", _allowed(environ))] if problem.status == 405 else []
        headers = [*problem.headers, *allow]
        if environ["PATH_INFO"].startswith(f"{RANGE_ROOT}{Lane.VERIFIED.value}/"):
            headers = [header for header in headers if not header[0].startswith("Access-Control-")]
        return headers


def _lane(name: str) -> Lane:
    lane = _LANES.get(name)
    if lane is None:
        raise ProblemError(Code.NOT_FOUND, "there is no such lane")
    return lane


def _bucket(prefix: str, prefix_bits: int) -> int:
    """The bucket of a prefix; anything longer could be an identifier and is not repeated."""
    if len(prefix) == prefix_digits(prefix_bits) and _HEX.fullmatch(prefix):
        bucket = int(prefix, 16)
        if bucket < 1 << prefix_bits:
            return bucket
    raise ProblemError(
        Code.BAD_PREFIX,
        f"a prefix is {prefix_digits(prefix_bits)} lower-case hex digits of a token's first "
        f"{prefix_bits} bits; never send an identifier",
    )


def _as_json(mapped: MappedVersion, prefix: str, body: bytes) -> bytes:
    published = mapped.parameters
    entries, path = split_range(body, published.range_entries, published.prefix_bits)
    return range_json(published.version, prefix, entries, path)


def _allowed(environ: "WSGIEnvironment") -> str:
    is_public = environ["PATH_INFO"].startswith(_PUBLIC_ROOT)
    return _METHODS if is_public else "GET, HEAD"
