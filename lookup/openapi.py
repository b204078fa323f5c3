"""The API as an OpenAPI 3.1 document, made from one table of operations.

The views are checked by the protocol's own decoders, so no framework draws this up: what keeps it
true is that the table must name exactly the app's routes (a test), and that a generator of requests
finds no answer that is not in it (another).
"""

from importlib.metadata import version
from typing import Any

from lookup import problems
from lookup.errors import Code
from lookup.openapi_operations import BYTES, JSON, OPERATIONS, Access, Operation, asked
from lookup.openapi_schemas import Schema, components, ref, text, whole

_KEY = {"apiKey": list[str]()}
_SECURITY = {Access.ANYONE: [], Access.LANE: [{}, _KEY], Access.CLIENT: [_KEY]}
_TAG = asked("If-None-Match", "header", text(), "the ETag one has")
_TAGGED: Schema = {"ETag": {"schema": text(pattern='^"[^"]+"$')}}


def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Qorgan",
            "version": version("qorgan"),
            "summary": "Is my IIN in a leak, which of my data was in it?",
            "description": "docs/protocol.md tells how a client uses these addresses: identifiers "
            "are stretched and blinded before anything is sent. A failure of any kind is "
            '"could not check", never "not found".',
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {**components(), "Problem": problem_schema()},
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}},
        },
    }


def problem_schema() -> Schema:
    """A problem document (RFC 9457); ``code`` is of a closed set."""
    return {
        "type": "object",
        "properties": {
            "type": {"const": "about:blank"},
            "title": text(),
            "status": whole(400, 599),
            "code": text(enum=[code.value for code in problems.shown_codes()]),
            "detail": text(),
            "challenge": {"type": "object"},
        },
        "required": ["type", "title", "status", "code"],
        "additionalProperties": False,
    }


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{operation.method} {operation.path}",
        "summary": operation.summary,
        "security": _SECURITY[operation.access],
        "responses": _answers(operation),
    }
    if operation.parameters or operation.is_tagged:
        described["parameters"] = [*operation.parameters, *([_TAG] if operation.is_tagged else [])]
    if operation.body:
        content = {JSON: {"schema": ref(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _answers(operation: Operation) -> dict[str, Any]:
    kind = BYTES if operation.answer is None else JSON
    told: dict[str, Any] = {"description": operation.summary}
    told["content"] = {kind: {"schema": operation.answer or {}}}
    answers: dict[str, Any] = {"200": told}
    if operation.is_tagged:
        told["headers"] = _TAGGED
        answers["304"] = {"description": "it is still the one with this ETag"}
    by_status: dict[int, list[Code]] = {}
    for code in operation.codes:
        by_status.setdefault(problems.status_of(code), []).append(code)
    for status, codes in sorted(by_status.items()):
        answers[str(status)] = _refusal(status, codes)
    answers.update(operation.more)
    answers["500"] = _refusal(500, [Code.INTERNAL])
    return answers


def _refusal(status: int, codes: list[Code]) -> dict[str, Any]:
    shown = " or ".join(dict.fromkeys(problems.shown(code).value for code in codes))
    answer: dict[str, Any] = {
        "description": shown,
        "content": {problems.MEDIA_TYPE: {"schema": ref("Problem")}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"schema": whole(1)}}
    return answer
