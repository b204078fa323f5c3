"""The JSON API behind the ranges: parameters, evaluate, the register, and the probes.

Views raise; ``lookup.app`` answers for them. A request is checked here once, at the door.
"""

import hashlib
import json
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from lookup.errors import Code, ProblemError
from lookup.index.listing import Listed, listing
from lookup.index.node import Node
from lookup.index.store import StoreError
from lookup.limits import EvaluateLimit
from lookup.proof_of_work import HEADER
from lookup.protocol.oprf import ServerKey
from lookup.protocol.suite import Lane
from lookup.protocol.wire import (
    EvaluateResponse,
    decode_evaluate_request,
    encode_evaluate_response,
)
from lookup.settings import Role

SERVICE = "qorgan"  # where the app keeps its Service


@dataclass(frozen=True)
class Service:
    """What the views answer from.

    Attributes:
        node: the mapped versions and the register.
        key: the public lane's OPRF key on a node that evaluates.
        limit: None where it is off.
    """

    roles: frozenset[Role]
    node: Node
    key: ServerKey | None
    limit: EvaluateLimit | None


probes = Blueprint("probes", __name__)
parameters = Blueprint("parameters", __name__)
evaluation = Blueprint("evaluation", __name__)
register = Blueprint("register", __name__)


@probes.get("/healthz")
def healthz() -> Response:
    """Alive."""
    return _json({"status": "alive"})


@probes.get("/readyz")
def readyz() -> Response:
    """Whether this node can do what its roles promise, and which part is missing."""
    service = _service()
    parts: dict[str, str] = {}
    if Role.RANGE in service.roles:
        parts["range"] = _range_part(service.node)
    if service.roles & {Role.API, Role.SITE}:
        parts["register"] = "ok" if service.node.knows else "store away"
    if Role.EVALUATE in service.roles:
        counted = service.limit is None or service.node.store_answers
        parts["keys"] = "do not fit the index" if service.node.is_misfit else "ok"
        parts["evaluate"] = "ok" if counted else "store away"
    ready = all(part == "ok" for part in parts.values())
    parts["store"] = "ok" if service.node.store_answers else "away"
    return _json({"ready": ready, "parts": parts}, status=200 if ready else 503)


@parameters.get("/v1/params/<lane>")
def params(lane: str) -> Response:
    """The signed parameters, byte for byte."""
    if lane == Lane.VERIFIED:
        raise ProblemError(Code.UNAUTHORISED, "this lane needs an API key")
    if lane != Lane.PUBLIC:
        raise ProblemError(Code.NOT_FOUND, "there is no such lane")
    node = _service().node
    mapped = node.state.current.get(Lane.PUBLIC)
    if node.is_stale:
        raise ProblemError(Code.STALE, "could not check: the index is too old", retry_after=60)
    if mapped is None:
        raise ProblemError(Code.NOT_FOUND, "nothing has been published in this lane yet")
    response = _cached(mapped.version.document.encode())
    response.headers["Qorgan-Signature"] = mapped.version.signature
    response.headers["Access-Control-Expose-Headers"] = "ETag, Qorgan-Signature"
    return response


@evaluation.post("/v1/evaluate")
def evaluate() -> Response:
    """Evaluate 1 to 64 blinded elements: limits, OPRF, reply."""
    _refuse_foreign_origin()
    if request.mimetype != "application/json":
        raise ProblemError(Code.BAD_MEDIA_TYPE, "send application/json")
    wanted = decode_evaluate_request(_body())
    if wanted.lane is not Lane.PUBLIC:
        raise ProblemError(Code.UNAUTHORISED, "this lane needs an API key")
    service = _service()
    if service.key is None:
        raise ProblemError(Code.NOT_FOUND, "this node does not evaluate")
    if service.node.is_misfit:
        raise ProblemError(Code.STORE_UNAVAILABLE, "could not check; try again later")
    if service.limit is not None:
        _spend(service.limit, len(wanted.blinded))
    evaluation = service.key.blind_evaluate(wanted.blinded)
    response = Response(
        encode_evaluate_response(EvaluateResponse(evaluation.evaluated, evaluation.proof)),
        mimetype="application/json",
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@register.get("/v1/breaches")
def breaches() -> Response:
    """The whole register."""
    return _told([listed.document() for listed in listed_leaks()])


@register.get("/v1/breaches/<name>")
def breach(name: str) -> Response:
    """One register entry."""
    for listed in listed_leaks():
        if listed.dataset.name == name:
            return _told(listed.document())
    raise ProblemError(Code.NOT_FOUND, "there is no such entry in the register")


def _range_part(node: Node) -> str:
    if not node.knows:
        return "store away"
    if node.is_stale:
        return "stale"
    return "ok" if Lane.PUBLIC in node.state.current else "nothing published"


def listed_leaks() -> tuple[Listed, ...]:
    """The register's entries; a node that knows nothing must not say that there are none.

    Raises:
        ProblemError: STORE_UNAVAILABLE.
    """
    node = _service().node
    if not node.knows:
        raise ProblemError(
            Code.STORE_UNAVAILABLE, "could not check; try again later", retry_after=5
        )
    return listing(node.state.published())


def prefix_bits() -> int:
    """Of the version that is served; before the first one, those that an index has by default."""
    mapped = _service().node.state.current.get(Lane.PUBLIC)
    return mapped.parameters.prefix_bits if mapped else 12


def _service() -> Service:
    service: Service = current_app.extensions[SERVICE]
    return service


def _body() -> bytes:
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


def _refuse_foreign_origin() -> None:
    """Other sites' visitors must not be made into a botnet that asks in their place."""
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        raise ProblemError(Code.FORBIDDEN, "this origin may not ask")


def _spend(limit: EvaluateLimit, elements: int) -> None:
    try:
        limit.spend(request.remote_addr or "", elements, request.headers.get(HEADER))
    except StoreError:
        raise ProblemError(
            Code.STORE_UNAVAILABLE, "could not check; try again later", retry_after=5
        ) from None


def _json(document: object, status: int = 200) -> Response:
    response = Response(json.dumps(document), status=status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _told(document: object) -> Response:
    # As letters, not as escapes: most of it is Cyrillic.
    return _cached(json.dumps(document, ensure_ascii=False).encode())


def _cached(body: bytes) -> Response:
    """A body that may be kept but must be asked after: ETag and 304."""
    response = Response(body, mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "ETag"
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    response.make_conditional(request)
    return response
