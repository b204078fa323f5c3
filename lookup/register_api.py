"""The register as JSON: in our own form, and in Have I Been Pwned's for its clients.

It is public whole, and the same for everybody who asks.
"""

import json

from flask import Blueprint, Response, request

from lookup import facts, hibp
from lookup.api import cached, current_service, tell_pages
from lookup.errors import Code, ProblemError
from lookup.index.listing import Listed, listing

register = Blueprint("register", __name__)
register.after_request(tell_pages)

_NO_ENTRY = "there is no such entry in the register"


@register.get("/v1/breaches")
def breaches() -> Response:
    """The whole register."""
    return _told([listed.document() for listed in listed_leaks()])


@register.get("/v1/breaches/<name>")
def breach(name: str) -> Response:
    """One register entry."""
    return _told(_named(name).document())


@register.get("/v1/latest")
def latest() -> Response:
    """The entry that became public last."""
    return _told(newest_first()[0].document())


@register.get("/v1/dataclasses")
def data_classes() -> Response:
    """The vocabulary: a class's slug, its names, and Have I Been Pwned's name."""
    known = facts.data_classes().values()
    return _told([{"slug": one.slug, "name": one.name, "hibp": one.hibp} for one in known])


@register.get("/api/v3/breaches")
def hibp_breaches() -> Response:
    """The whole register; we keep no domains, so that one was asked for is no "not found"."""
    asked = {name.lower(): value.lower() for name, value in request.args.items()}
    if asked.get("domain"):
        raise ProblemError(
            Code.BAD_REQUEST, "could not check: no domains are kept here; ask without Domain"
        )
    if asked.get("isspamlist") == "true":
        return _told([])
    return _told([hibp.breach(listed).document() for listed in listed_leaks()])


@register.get("/api/v3/breach/<name>")
def hibp_breach(name: str) -> Response:
    """One register entry."""
    return _told(hibp.breach(_named(name)).document())


@register.get("/api/v3/latestbreach")
def hibp_latest() -> Response:
    """The entry that became public last."""
    return _told(hibp.breach(newest_first()[0]).document())


@register.get("/api/v3/dataclasses")
def hibp_data_classes() -> Response:
    """The names of all data classes."""
    return _told(hibp.data_classes())


def listed_leaks() -> tuple[Listed, ...]:
    """The register's entries; a node that knows nothing must not say that there are none.

    Raises:
        ProblemError: STORE_UNAVAILABLE.
    """
    node = current_service().node
    if not node.knows:
        raise ProblemError(
            Code.STORE_UNAVAILABLE, "could not check; try again later", retry_after=5
        )
    return listing(node.state.published())


def newest_first() -> list[Listed]:
    """The register's entries by the day that each is listed under; there always are some.

    Raises:
        ProblemError: STORE_UNAVAILABLE.
    """
    return sorted(listed_leaks(), key=lambda listed: listed.day, reverse=True)


def _named(name: str) -> Listed:
    for listed in listed_leaks():
        if listed.dataset.name == name:
            return listed
    raise ProblemError(Code.NOT_FOUND, _NO_ENTRY)


def _told(document: object) -> Response:
    # As letters, not as escapes: most of it is Cyrillic.
    return cached(json.dumps(document, ensure_ascii=False).encode())
