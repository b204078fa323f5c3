"""What the API can be asked: one table, of which the OpenAPI document is made."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from lookup.errors import Code
from lookup.index.notices import ID_PATTERN
from lookup.openapi_schemas import (
    LANE,
    NAME,
    VERSION,
    Schema,
    ref,
    several,
    text,
    whole,
)
from lookup.proof_of_work import HEADER as PROOF_HEADER
from lookup.protocol.wire import SUBJECT_FORM, SUBJECT_PATTERN

JSON, BYTES = "application/json", "application/octet-stream"


class Access(Enum):
    """Who may call an operation."""

    ANYONE = "anyone"
    LANE = "anyone the public lane; API clients theirs"
    CLIENT = "API clients"


@dataclass(frozen=True)
class Operation:
    """One method of one address.

    Attributes:
        id: the view's endpoint in Flask, or "range" or "evaluate".
        body: the name of the request's schema.
        answer: of 200: a schema, or None for bytes.
        codes: why it may be refused.
        is_tagged: it has an ETag, and 304 for who has it already.
        more: other answers, by status.
    """

    id: str
    method: str
    path: str
    summary: str
    answer: Schema | None
    access: Access = Access.ANYONE
    parameters: tuple[Schema, ...] = ()
    body: str | None = None
    codes: tuple[Code, ...] = ()
    is_tagged: bool = False
    more: dict[str, Any] = field(default_factory=dict)


def _in_path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def asked(name: str, where: str, schema: Schema, told: str) -> Schema:
    """A parameter of OpenAPI that need not be there."""
    return {"name": name, "in": where, "schema": schema, "description": told}


_PART = {"description": "the part", "content": {BYTES: {"schema": {}}}}
_NOT_READY = {"description": "not yet, or no longer", "content": {JSON: {"schema": ref("Ready")}}}
_IN_LANE = _in_path("lane", LANE)
_OF_VERSION = _in_path("version", text(pattern=VERSION))
_PREFIX = _in_path("prefix", text(pattern="^[0-9a-f]{3,5}$"))
_NAMED = _in_path("name", text(pattern=NAME))
_SUBJECT = asked("X-Subject", "header", text(pattern=SUBJECT_PATTERN), SUBJECT_FORM)
_PROOF = asked(PROOF_HEADER, "header", text(), "the solution of a challenge (ALTCHA)")
_WITH_KEY = (Code.UNAUTHORISED, Code.FORBIDDEN, Code.STORE_UNAVAILABLE)
_WITH_BODY = (Code.BAD_REQUEST, Code.BAD_ELEMENT, Code.TOO_MANY_ELEMENTS, Code.TOO_LARGE)
_OF_A_VERSION = (*_WITH_KEY, Code.BAD_REQUEST, Code.NOT_FOUND, Code.VERSION_GONE, Code.STALE)
_KNOWN = (Code.STORE_UNAVAILABLE,)

OPERATIONS = (
    Operation(
        "parameters.params",
        "get",
        "/v1/params/{lane}",
        "A lane's signed parameters; the signature is in Qorgan-Signature",
        ref("Parameters"),
        Access.LANE,
        (_IN_LANE,),
        codes=(*_WITH_KEY, Code.NOT_FOUND, Code.STALE),
        is_tagged=True,
    ),
    Operation(
        "evaluate",
        "post",
        "/v1/evaluate",
        "Evaluate 1 to 64 blinded elements, with one proof (RFC 9497)",
        ref("EvaluateResponse"),
        Access.LANE,
        (_SUBJECT, _PROOF),
        "EvaluateRequest",
        (
            *_WITH_KEY,
            *_WITH_BODY,
            Code.NOT_FOUND,
            Code.BAD_MEDIA_TYPE,
            Code.RATE_LIMITED,
            Code.PROOF_OF_WORK_REQUIRED,
            Code.BUDGET_SPENT,
        ),
    ),
    Operation(
        "range",
        "get",
        "/v1/range/{lane}/{version}/{prefix}",
        "All entries of a prefix, and the siblings up to the signed root",
        None,
        Access.LANE,
        (_IN_LANE, _OF_VERSION, _PREFIX),
        codes=(*_OF_A_VERSION, Code.BAD_PREFIX),
        is_tagged=True,
    ),
    Operation(
        "range",
        "get",
        "/v1/range/{lane}/{version}/{prefix}.json",
        "The same range as JSON",
        ref("Range"),
        Access.LANE,
        (_IN_LANE, _OF_VERSION, _PREFIX),
        codes=(*_OF_A_VERSION, Code.BAD_PREFIX),
        is_tagged=True,
    ),
    Operation(
        "filters.filter_file",
        "get",
        "/v1/filter/{lane}/{version}",
        "A version's Bloom filter, whole or in part",
        None,
        Access.LANE,
        (
            _IN_LANE,
            _OF_VERSION,
            asked("Range", "header", text(), "bytes=N- to go on from byte N"),
        ),
        codes=(*_OF_A_VERSION, Code.NO_SUCH_PART),
        is_tagged=True,
        more={"206": _PART},
    ),
    Operation(
        "checks.check",
        "post",
        "/v1/check",
        "For each of up to 1,000 tokens, its datasets and classes; the service sees the tokens",
        ref("CheckResponse"),
        Access.CLIENT,
        body="CheckRequest",
        codes=(*_WITH_KEY, *_WITH_BODY, Code.BAD_MEDIA_TYPE, Code.NOT_FOUND, Code.STALE),
    ),
    Operation(
        "notices.count_subscriptions",
        "get",
        "/v1/subscriptions",
        "How many persons the client watches",
        ref("Subscriptions"),
        Access.CLIENT,
        codes=(*_WITH_KEY, Code.NOT_FOUND),
    ),
    Operation(
        "notices.subscribe",
        "post",
        "/v1/subscriptions",
        "Watch up to 10,000 more persons",
        ref("Subscribed"),
        Access.CLIENT,
        body="SubscribeRequest",
        codes=(*_WITH_KEY, *_WITH_BODY, Code.BAD_MEDIA_TYPE, Code.NOT_FOUND),
    ),
    Operation(
        "notices.unsubscribe",
        "delete",
        "/v1/subscriptions",
        "Watch these persons no longer, or nobody",
        ref("Subscribed"),
        Access.CLIENT,
        body="UnsubscribeRequest",
        codes=(*_WITH_KEY, *_WITH_BODY, Code.BAD_MEDIA_TYPE, Code.NOT_FOUND),
    ),
    Operation(
        "notices.list_notices",
        "get",
        "/v1/notices",
        "What new datasets matched, oldest first",
        ref("Notices"),
        Access.CLIENT,
        (
            asked("lane", "query", LANE, "public where it is not given"),
            asked("after", "query", text(pattern=ID_PATTERN), "the last notice that was seen"),
            asked("limit", "query", whole(1, 1000), "how many at most; 100 where not given"),
        ),
        codes=(*_WITH_KEY, Code.BAD_REQUEST, Code.NOT_FOUND),
    ),
    Operation(
        "register.breaches",
        "get",
        "/v1/breaches",
        "The register",
        several(ref("Breach")),
        codes=_KNOWN,
        is_tagged=True,
    ),
    Operation(
        "register.breach",
        "get",
        "/v1/breaches/{name}",
        "One entry of the register",
        ref("Breach"),
        parameters=(_NAMED,),
        codes=(*_KNOWN, Code.NOT_FOUND),
        is_tagged=True,
    ),
    Operation(
        "register.latest",
        "get",
        "/v1/latest",
        "The entry that became public last",
        ref("Breach"),
        codes=_KNOWN,
        is_tagged=True,
    ),
    Operation(
        "register.data_classes",
        "get",
        "/v1/dataclasses",
        "The vocabulary of data classes",
        several(ref("DataClass")),
        is_tagged=True,
    ),
    Operation(
        "register.hibp_breaches",
        "get",
        "/api/v3/breaches",
        "The register in Have I Been Pwned's model; no domains are kept, so none can be asked for",
        several(ref("HibpBreach")),
        codes=(*_KNOWN, Code.BAD_REQUEST),
        is_tagged=True,
    ),
    Operation(
        "register.hibp_breach",
        "get",
        "/api/v3/breach/{name}",
        "One entry in Have I Been Pwned's model",
        ref("HibpBreach"),
        parameters=(_NAMED,),
        codes=(*_KNOWN, Code.NOT_FOUND),
        is_tagged=True,
    ),
    Operation(
        "register.hibp_latest",
        "get",
        "/api/v3/latestbreach",
        "The latest entry in Have I Been Pwned's model",
        ref("HibpBreach"),
        codes=_KNOWN,
        is_tagged=True,
    ),
    Operation(
        "register.hibp_data_classes",
        "get",
        "/api/v3/dataclasses",
        "Have I Been Pwned's names of the data classes",
        several(text()),
        is_tagged=True,
    ),
    Operation(
        "contract.openapi_json",
        "get",
        "/v1/openapi.json",
        "This document",
        {"type": "object"},
        is_tagged=True,
    ),
    Operation("probes.healthz", "get", "/healthz", "Alive", ref("Alive")),
    Operation(
        "probes.readyz",
        "get",
        "/readyz",
        "Whether this node can do what its roles promise",
        ref("Ready"),
        more={"503": _NOT_READY},
    ),
)
