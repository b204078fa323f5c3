"""``POST /v1/evaluate`` before Flask: the door, the limits, the OPRF, the reply.

A request is checked here once. A browser's page of our own may ask, and one of an app whose
operator entered its origin; other sites' visitors must not be made into a botnet.
"""

from typing import TYPE_CHECKING

from werkzeug.exceptions import SecurityError
from werkzeug.http import parse_options_header
from werkzeug.wsgi import get_host

from lookup import clients
from lookup.api import Service
from lookup.client_limits import subject_of
from lookup.counts import EVALUATE, Counts, Proof, Who
from lookup.errors import Code, ProblemError
from lookup.front import Answer
from lookup.index.clients import ApiClient
from lookup.index.store import StoreError
from lookup.index.usage import Use
from lookup.limits import ALL_FREE, EvaluateLimit
from lookup.problems import Problem
from lookup.proof_of_work import HEADER, demand_of
from lookup.protocol.wire import (
    EvaluateResponse,
    decode_evaluate_request,
    encode_evaluate_response,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATH = "/v1/evaluate"
MAX_BODY = 64 * 1024  # bytes; the longest body that makes sense has 5 KiB
_METHODS = "OPTIONS, POST"
_JSON = "application/json"
_PROOF = f"HTTP_{HEADER.upper().replace('-', '_')}"
# Nothing keeps it, and only a registered page may read it.
_HEADERS = [
    ("Cache-Control", "no-store"),
    ("Vary", "Origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
]
_PREFLIGHT = [
    ("Access-Control-Allow-Methods", "POST"),
    ("Access-Control-Allow-Headers", f"Content-Type, {HEADER}"),
    ("Access-Control-Max-Age", "600"),
]


class Evaluations:
    """Evaluates 1 to 64 blinded elements a request."""

    route = EVALUATE

    def __init__(self, service: Service, counts: Counts) -> None:
        self.service = service
        self._counts = counts

    def takes(self, path: str) -> bool:
        """The one path."""
        return path == PATH

    def answer(self, path: str, environ: "WSGIEnvironment", start: "StartResponse") -> Answer:
        """Evaluate, or tell a browser whether a page may ask."""
        del path
        if environ["REQUEST_METHOD"] == "OPTIONS":
            start("200 OK", self._preflight(environ))
            return 200, []
        if environ["REQUEST_METHOD"] != "POST":
            raise ProblemError(Code.METHOD_NOT_ALLOWED, "this address is not for that method")
        body = self._evaluated(environ)
        length = ("Content-Length", str(len(body)))
        start("200 OK", [("Content-Type", _JSON), length, *_HEADERS, *self._for_pages(environ)])
        return 200, [body]

    def headers_of(self, problem: Problem, environ: "WSGIEnvironment") -> list[tuple[str, str]]:
        """A registered page may read why it was refused, too."""
        allow = [("Allow", _METHODS)] if problem.status == 405 else []
        ours = {name for name, _ in _HEADERS}
        told = [
            header
            for header in problem.headers
            if header[0] not in ours and not header[0].startswith("Access-Control-")
        ]
        return [*told, *_HEADERS, *allow, *self._for_pages(environ)]

    def _evaluated(self, environ: "WSGIEnvironment") -> bytes:
        self._refuse_foreign_origin(environ)
        if not _is_json(environ.get("CONTENT_TYPE", "")):
            raise ProblemError(Code.BAD_MEDIA_TYPE, "send application/json")
        wanted = decode_evaluate_request(_whole_body(environ))
        service = self.service
        client = clients.asking(environ.get("HTTP_AUTHORIZATION"), service.node, wanted.lane)
        key = service.lane_keys.get(wanted.lane)
        if key is None:
            raise ProblemError(Code.NOT_FOUND, "this node does not evaluate that lane")
        if service.node.is_misfit:
            raise ProblemError(
                Code.STORE_UNAVAILABLE, "could not check; try again later", retry_after=60
            )
        self._spend(client, len(wanted.blinded), environ)
        evaluation = key.blind_evaluate(wanted.blinded)
        who = Who.ANONYMOUS if client is None else Who.CLIENT
        self._counts.evaluated(wanted.lane, who, len(wanted.blinded))
        if client is not None:
            service.meter.count(client.id, Use.EVALUATIONS, len(wanted.blinded))
        return encode_evaluate_response(EvaluateResponse(evaluation.evaluated, evaluation.proof))

    def _spend(self, client: ApiClient | None, elements: int, environ: "WSGIEnvironment") -> None:
        """Count against a client and its user, or against the network of whoever is anonymous."""
        # Refused from anyone, lest it names him.
        subject = subject_of(environ.get("HTTP_X_SUBJECT"))
        try:
            if client is not None and self.service.client_limit is not None:
                self.service.client_limit.spend(client, subject, elements)
            elif self.service.limit is not None:
                self._spend_network(self.service.limit, elements, environ)
            else:
                return
        except StoreError as error:
            self.service.counting.failed(error)
            raise ProblemError(
                Code.STORE_UNAVAILABLE, "could not check; try again later", retry_after=5
            ) from None
        self.service.counting.worked()

    def _spend_network(
        self, limit: EvaluateLimit, elements: int, environ: "WSGIEnvironment"
    ) -> None:
        """Count against the network of whoever asks, and count the proofs of work."""
        address = environ.get("REMOTE_ADDR", "")
        try:
            demand = limit.spend(address, elements, environ.get(_PROOF))
        except ProblemError as error:
            if error.challenge is not None:
                self._counts.proof(Proof.ASKED, demand_of(error.challenge))
            raise
        if demand > ALL_FREE:
            self._counts.proof(Proof.GIVEN, demand)

    def _preflight(self, environ: "WSGIEnvironment") -> list[tuple[str, str]]:
        """A browser asks whether a page of another site may; keys are not for pages."""
        pages = self._for_pages(environ)
        headers = [("Allow", _METHODS), ("Content-Length", "0"), *_HEADERS, *pages]
        return [*headers, *_PREFLIGHT] if pages else headers

    def _for_pages(self, environ: "WSGIEnvironment") -> list[tuple[str, str]]:
        origin = environ.get("HTTP_ORIGIN")
        if origin is None or not self._is_registered(origin):
            return []
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", "Retry-After"),
        ]

    def _refuse_foreign_origin(self, environ: "WSGIEnvironment") -> None:
        origin = environ.get("HTTP_ORIGIN")
        if origin is None or origin.partition("://")[2] == _host(environ):
            return
        if not self._is_registered(origin):
            raise ProblemError(Code.FORBIDDEN, "this origin may not ask")

    def _is_registered(self, origin: str) -> bool:
        """Whether a client's operator entered this origin."""
        known = self.service.node.state.clients.values()
        return any(origin in client.origins for client in known)


def _host(environ: "WSGIEnvironment") -> str | None:
    """The host that was asked, with its port; None where it is no host at all."""
    try:
        return get_host(environ)
    except SecurityError:
        return None


def _is_json(content_type: str) -> bool:
    return content_type == _JSON or parse_options_header(content_type)[0].lower() == _JSON


def _whole_body(environ: "WSGIEnvironment") -> bytes:
    """The request's body; one that is broken or too long is refused.

    Raises:
        ProblemError: BAD_REQUEST or TOO_LARGE.
    """
    length = environ.get("CONTENT_LENGTH") or None
    if length is None and not environ.get("wsgi.input_terminated"):
        return b""  # nobody knows where it ends
    try:
        wanted = MAX_BODY + 1 if length is None else int(length)
        is_short = length is None or 0 <= wanted <= MAX_BODY
        body: bytes = environ["wsgi.input"].read(wanted) if is_short else b""
    except Exception:  # noqa: BLE001  servers raise what they like for a broken chunk or a cut
        raise ProblemError(Code.BAD_REQUEST, "the body could not be read") from None
    if not is_short or len(body) > MAX_BODY:
        raise ProblemError(Code.TOO_LARGE, "the request is too large")
    if length is not None and len(body) != wanted:
        raise ProblemError(Code.BAD_REQUEST, "the body could not be read")
    return body
