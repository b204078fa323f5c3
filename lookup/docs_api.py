"""The API told: ``/v1/openapi.json`` for programs, ``/v1/docs``, drawn from it, for people.

The page is one document without script, font, picture or any other origin.
"""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files

from flask import Blueprint, Response, render_template, request

from lookup import openapi
from lookup.api import cached, tell_pages

contract = Blueprint("contract", __name__)
contract.after_request(tell_pages)


@contract.get("/v1/openapi.json")
def openapi_json() -> Response:
    """The OpenAPI 3.1 document."""
    return cached(_document())


@contract.get("/v1/docs")
def docs() -> Response:
    """The same to read."""
    page, policy = _page()
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = policy
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(hashlib.sha256(page).hexdigest()[:32])
    response.make_conditional(request)
    return response


@cache
def _page() -> tuple[bytes, str]:
    """The page, and the policy that allows its style and nothing else; made once."""
    style = (files("lookup") / "templates" / "docs.css").read_text(encoding="utf-8")
    page = render_template("docs.html", api=openapi.document(), style=style)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    return page.encode(), policy


@cache
def _document() -> bytes:
    return json.dumps(openapi.document(), ensure_ascii=False).encode()
