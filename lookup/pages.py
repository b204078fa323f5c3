"""The citizen's site: the check, the register, and what explains them, in three languages.

House rules: a page is the same for everybody who asks for it; nothing personal is ever in an
address, so nothing a visitor types may become part of one; no page needs a cookie or another
origin. All asking is done by the scripts of ``web/site``, in the browser.
"""

import hashlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Flask, Response, render_template, request
from flask_compress import Compress

from lookup import api, assets, facts, languages, register_api
from lookup.errors import Code, ProblemError
from lookup.page_data import page_data, sharing
from lookup.people_by_year import people_by_year
from lookup.problems import Problem

site = Blueprint("site", __name__)

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'none'",  # a form that was sent would carry what was typed
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-DNS-Prefetch-Control": "off",  # which links can be seen depends on the answer
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
    "Cache-Control": "no-cache",
}
_COMPRESSED = [
    "text/html",
    "text/css",
    "text/javascript",
    "text/plain",
    "image/svg+xml",
    "application/json",
    "application/atom+xml",
]
_LANGUAGE = f"<any({', '.join(languages.LANGUAGES)}):language>"
_API_ROOTS = ("/v1/", "/api/", "/healthz", "/readyz", "/metrics", "/static/")
_FEED_SPACE = uuid.UUID("6f3d1d0e-6f0c-5c0e-9a53-0f1d2a7c8b91")  # of the feed's ids, for ever


def install(app: Flask) -> None:
    """The pages, what they are made with, and the files they load."""
    languages.install(app)
    # Ranges never come here; what does and is compressed is the same for everybody.
    app.config["COMPRESS_MIMETYPES"] = _COMPRESSED
    app.config["COMPRESS_ALGORITHM"] = "gzip"  # every browser has it, and brotli gains nothing
    Compress(app)
    app.jinja_env.globals.update(
        asset=assets.address, address=address, line=languages.line, languages=languages.LANGUAGES
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(site)
    app.register_blueprint(assets.assets)


def address(path: str, language: str | None = None) -> str:
    """A page's address in a language; without one, in that of this request."""
    return f"/{language or languages.language()}{path}"


def problem_page(problem: Problem) -> Response | None:
    """The problem as a page, for a person who followed a link; None where a program asks."""
    if request.path.startswith(_API_ROOTS):
        return None
    wanted = request.accept_mimetypes.best_match(["application/problem+json", "text/html"])
    if wanted != "text/html":
        return None
    response = _page("problem.html", "", status=problem.status)
    for name, value in problem.headers:
        if name in ("Retry-After", "Cache-Control"):
            response.headers[name] = value
    return response


def _at(path: str) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Serve a page at its address with a language in front, and without."""

    def register(view: Callable[..., Response]) -> Callable[..., Response]:
        site.add_url_rule(path, view_func=view)
        site.add_url_rule(f"/{_LANGUAGE}{path}", view_func=view)
        if path == "/":  # as people type it; a redirect would repeat whatever came along
            site.add_url_rule(f"/{_LANGUAGE}", view_func=view)
        return view

    return register


@site.url_value_preprocessor
def _drop_language(_: str | None, values: dict[str, Any] | None) -> None:
    """It is read from the path (``languages.by_address``), also where no page is."""
    (values or {}).pop("language", None)


@_at("/")
def check() -> Response:
    """The check itself."""
    return _page("check.html", "/", data=page_data(), actions=facts.actions())


@_at("/breaches")
def breaches() -> Response:
    """The register, newest first."""
    leaks = register_api.newest_first()
    classes = {slug for listed in leaks for slug in listed.dataset.data_classes}
    return _page(
        "breaches.html",
        "/breaches",
        leaks=leaks,
        years=sorted({listed.day[:4] for listed in leaks}, reverse=True),
        organisations=sorted({name for listed in leaks for name in listed.organisations}),
        classes={
            slug: known.name[languages.language()]
            for slug, known in facts.data_classes().items()
            if slug in classes
        },
        chart=people_by_year([(listed.day, listed.dataset) for listed in leaks]),
    )


@_at("/breaches/<name>")
def breach(name: str) -> Response:
    """One leak of the register."""
    for listed in register_api.listed_leaks():
        if listed.dataset.name == name:
            return _page(
                "breach.html",
                f"/breaches/{name}",
                listed=listed,
                leak=listed.dataset,
                actions=facts.advice(listed.dataset.data_classes),
            )
    raise ProblemError(Code.NOT_FOUND, "there is no such entry in the register")


@_at("/how-it-works")
def how_it_works() -> Response:
    """The protocol, told to somebody who does not program."""
    return _page("how-it-works.html", "/how-it-works", people=sharing(api.prefix_bits()))


@_at("/developers")
def developers() -> Response:
    """Where an app's developer begins."""
    return _page("developers.html", "/developers")


@_at("/feed.atom")
def feed() -> Response:
    """The register as an Atom feed (RFC 4287)."""
    leaks = [
        (listed.dataset, _feed_id(listed.dataset.name), _moment(listed.day))
        for listed in register_api.newest_first()
    ]
    updated = max((moment for _, _, moment in leaks), default="2025-06-16T00:00:00Z")
    body = render_template(
        "feed.xml",
        language=languages.language(),
        leaks=leaks,
        updated=updated,
        feed_id=_feed_id(""),
    )
    response = Response(body, content_type="application/atom+xml; charset=utf-8")
    return _revalidated(response)


def _page(template: str, path: str, status: int = 200, **context: Any) -> Response:
    """A page; ``path`` is its address without the language, for the links to the others."""
    language = languages.language()
    names = {slug: known.name[language] for slug, known in facts.data_classes().items()}
    body = render_template(
        template, language=language, path=path, class_names=names, status=status, **context
    )
    response = Response(body, status, content_type="text/html; charset=utf-8")
    return _revalidated(response)


def _revalidated(response: Response) -> Response:
    """Kept by caches, but asked after; by language where the address does not say it."""
    response.headers.update(_HEADERS)
    response.headers["Content-Language"] = languages.language()
    if languages.by_address() is None:
        response.vary.add("Accept-Language")
    if response.status_code == 200:
        response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
        response.make_conditional(request)
    return response


def _feed_id(name: str) -> str:
    return uuid.uuid5(_FEED_SPACE, name).urn


def _moment(day: str) -> str:
    """A day of the register as Atom wants it."""
    moment = datetime.fromisoformat(day if len(day) == 10 else f"{day}-01").replace(tzinfo=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
