"""The JSON API behind ranges and evaluations: parameters and the probes; what views answer from.

Views raise; ``lookup.app`` answers for them. A request is checked here once, at the door.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from lookup import clients, served
from lookup.client_limits import ClientLimit
from lookup.counting import Counting
from lookup.errors import Code, ProblemError
from lookup.index.node import Node
from lookup.index.notice_book import NoticeBook
from lookup.limits import EvaluateLimit
from lookup.metering import Meter
from lookup.protocol.oprf import ServerKey
from lookup.protocol.suite import Lane
from lookup.ranges import PREFLIGHT
from lookup.settings import Role

NOT_FETCHED = "version not fetched"
SERVICE = "qorgan"  # where the app keeps its Service


@dataclass(frozen=True)
class Service:
    """What the views answer from.

    Attributes:
        node: the mapped versions and the register.
        meter: counts what API clients ask.
        lane_keys: the OPRF keys of the lanes that this node evaluates.
        limit: on anonymous networks; None where it is off.
        client_limit: on API clients and their users; None on a node that does not evaluate.
        counting: whether the store takes what is counted against these limits.
        book: of subscriptions and notices; None on a node that has no key to it.
        metrics_key: whoever sends it may read the metrics; None: who asks on this machine may.
        is_proxied: a proxy of ours is in front, so that everybody may seem to ask on this machine.
    """

    roles: frozenset[Role]
    node: Node
    meter: Meter
    lane_keys: Mapping[Lane, ServerKey]
    limit: EvaluateLimit | None
    client_limit: ClientLimit | None
    counting: Counting
    book: NoticeBook | None = None
    metrics_key: bytes | None = field(default=None, repr=False)
    is_proxied: bool = False


probes = Blueprint("probes", __name__)
parameters = Blueprint("parameters", __name__)


@probes.get("/healthz")
def healthz() -> Response:
    """Alive."""
    return _json({"status": "alive"})


@probes.get("/readyz")
def readyz() -> Response:
    """Whether this node can do what its roles promise, and which part is missing."""
    service = current_service()
    parts: dict[str, str] = {}
    if Role.RANGE in service.roles:
        parts["range"] = _range_part(service.node)
    if service.roles & {Role.API, Role.SITE}:
        parts["register"] = "ok" if service.node.knows else "store away"
    if Role.EVALUATE in service.roles:
        parts["keys"] = "do not fit the index" if service.node.is_misfit else "ok"
        parts["evaluate"] = _evaluate_part(service)
    ready = all(part == "ok" for part in parts.values())
    parts["store"] = "ok" if service.node.store_answers else "away"
    if Lane.VERIFIED in service.node.state.unfetched:
        parts["verified range"] = NOT_FETCHED  # what this node has, it answers
    if service.lane_keys and Lane.VERIFIED not in service.lane_keys:
        parts["verified"] = "no key"  # as its operator wants it: it is ready all the same
    if Role.API in service.roles and service.book is None:
        parts["notices"] = "no key"  # likewise
    return _json({"ready": ready, "parts": parts}, status=200 if ready else 503)


@parameters.get("/v1/params/<lane>")
def params(lane: str) -> Response:
    """The signed parameters, byte for byte."""
    if lane not in list(Lane):
        raise ProblemError(Code.NOT_FOUND, "there is no such lane")
    wanted = Lane(lane)
    node = current_service().node
    clients.asking(request.headers.get("Authorization"), node, wanted)
    mapped = served.current(node, wanted)
    response = cached(mapped.version.document.encode())
    response.headers["Qorgan-Signature"] = mapped.version.signature
    response.headers["Access-Control-Expose-Headers"] = "ETag, Qorgan-Signature"
    if wanted is Lane.VERIFIED:
        response.headers["Cache-Control"] = "private, no-cache"
    return response


@parameters.after_request
def keep_verified_closed(response: Response) -> Response:
    """The verified lane is not for pages of other sites, refusals neither."""
    if (request.view_args or {}).get("lane") == Lane.VERIFIED:
        return close(response)
    return tell_pages(response)


def _range_part(node: Node) -> str:
    if not node.knows:
        return "store away"
    if node.is_stale:
        return "stale"
    if Lane.PUBLIC in node.state.unfetched:
        return NOT_FETCHED
    return "ok" if Lane.PUBLIC in node.state.current else "nothing published"


def _evaluate_part(service: Service) -> str:
    if not service.node.store_answers:
        return "ok" if service.limit is None else "store away"
    return "store refuses" if service.counting.is_refused() else "ok"


def prefix_bits() -> int:
    """Of the version that is served; before the first one, those that an index has by default."""
    mapped = current_service().node.state.current.get(Lane.PUBLIC)
    return mapped.parameters.prefix_bits if mapped else 12


def current_service() -> Service:
    """What the app at hand answers from."""
    service: Service = current_app.extensions[SERVICE]
    return service


def tell_pages(response: Response) -> Response:
    """A browser may ask whether a page of another site may send what it likes: it may."""
    if request.method == "OPTIONS":
        response.headers.update(PREFLIGHT)
    return response


def whole_body() -> bytes:
    """The request's body; one that is broken or too long is refused.

    Raises:
        ProblemError: BAD_REQUEST.
        HTTPException: it is too long.
    """
    try:
        body = request.get_data(cache=False)
    except HTTPException:
        raise
    except Exception:  # noqa: BLE001  servers raise what they like for a broken chunk or a cut
        raise ProblemError(Code.BAD_REQUEST, "the body could not be read") from None
    # Werkzeug cuts a body that does not say its length at the bound, without a word.
    if request.content_length is None and len(body) == request.max_content_length:
        raise RequestEntityTooLarge
    return body


def close(response: Response) -> Response:
    """Pages of other sites may not read this."""
    for name in ("Access-Control-Allow-Origin", "Access-Control-Expose-Headers"):
        response.headers.pop(name, None)
    return response


def _json(document: object, status: int = 200) -> Response:
    response = Response(json.dumps(document), status=status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def cached(body: bytes) -> Response:
    """A body that may be kept but must be asked after: ETag and 304."""
    response = Response(body, mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "ETag"
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    response.make_conditional(request)
    return response
