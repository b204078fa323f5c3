"""The built scripts, styles and pictures: a closed set of small files, held in memory.

They are built from ``web/site`` and committed. Names carry the hash of their content, so that a
browser keeps them for ever.
"""

import gzip
import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import brotli
from flask import Blueprint, Response, request

from lookup.errors import Code, ProblemError

assets = Blueprint("assets", __name__)

_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_ENCODINGS = ("br", "gzip")  # the smaller first
# A worker is under the policy that it came with, not under its page's. It alone runs WebAssembly
# (Argon2id); it fetches its own parts and the API.
_WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"  # opened by themselves


def address(name: str) -> str:
    """Where a file of ``web/site`` is served, by the name of its source."""
    return f"/static/{_manifest()[name]}"


@assets.get("/static/<name>")
def static(name: str) -> Response:
    """One built file."""
    if name not in _contents():
        raise ProblemError(Code.NOT_FOUND, "there is nothing at this address")
    kind = name.rpartition(".")[2]
    accepted = request.accept_encodings
    encoding = next((name for name in _ENCODINGS if accepted.quality(name) > 0), None)
    response = Response(_encoded(name, encoding), content_type=_TYPES[kind])
    if encoding is not None:
        response.headers["Content-Encoding"] = encoding
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Content-Security-Policy"] = _WORKER_POLICY if kind == "js" else _POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@cache
def _encoded(name: str, encoding: str | None) -> bytes:
    """As small as it gets: it is done once, and every first visitor waits for these bytes."""
    content = _contents()[name]
    if encoding == "br":
        return bytes(brotli.compress(content))
    return content if encoding is None else gzip.compress(content, mtime=0)


@cache
def _manifest() -> dict[str, str]:
    names: dict[str, str] = json.loads((_folder() / "manifest.json").read_bytes())
    return names


@cache
def _contents() -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in _folder().iterdir()
        if path.name.rpartition(".")[2] in _TYPES
    }


def _folder() -> Traversable:
    return files("lookup") / "static"
