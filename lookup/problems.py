"""The one place that speaks HTTP about errors: RFC 9457 problem documents, a closed set of codes.

A document never repeats what was sent. Flask answers with it, and what is before it (``front``).
"""

import json
from dataclasses import dataclass

from lookup.errors import Code, InputError, ProblemError, QorganError, UnavailableError

MEDIA_TYPE = "application/problem+json"

_STATUS = {
    Code.BAD_REQUEST: 400,
    Code.BAD_PREFIX: 400,
    Code.BAD_ELEMENT: 400,
    Code.TOO_MANY_ELEMENTS: 400,
    Code.UNAUTHORISED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.VERSION_GONE: 410,
    Code.TOO_LARGE: 413,
    Code.BAD_MEDIA_TYPE: 415,
    Code.NO_SUCH_PART: 416,
    Code.RATE_LIMITED: 429,
    Code.PROOF_OF_WORK_REQUIRED: 429,
    Code.BUDGET_SPENT: 429,
    Code.INTERNAL: 500,
    Code.STORE_UNAVAILABLE: 503,
    Code.STALE: 503,
}
# What others may meet is a closed set (docs/problems.md): these are kinds of bad_request.
_SHOWN = {Code.METHOD_NOT_ALLOWED: Code.BAD_REQUEST, Code.NO_SUCH_PART: Code.BAD_REQUEST}
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    410: "Gone",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


_LATER = 60  # seconds, where nobody knows when it will be better


@dataclass(frozen=True)
class Problem:
    """A problem document and how it travels."""

    status: int
    code: Code
    body: bytes
    headers: tuple[tuple[str, str], ...]

    @property
    def status_line(self) -> str:
        """As WSGI wants it."""
        return f"{self.status} {_TITLES[self.status]}"


def shown(code: Code) -> Code:
    """The code that a problem document has for it."""
    return _SHOWN.get(code, code)


def shown_codes() -> list[Code]:
    """The closed set of codes that a problem document can have."""
    return [code for code in _STATUS if code not in _SHOWN]


def status_of(code: Code) -> int:
    """The HTTP status of a code that requests can meet."""
    return _STATUS[code]


def statuses() -> frozenset[int]:
    """Every HTTP status that a problem document can have."""
    return frozenset(_STATUS.values())


def of(error: Exception) -> Problem:
    """The problem document of any exception; what we did not foresee is ``internal``, no more."""
    if isinstance(error, ProblemError | InputError) and error.code in _STATUS:
        return _document(error)
    if isinstance(error, UnavailableError):
        return _document(
            ProblemError(
                Code.STORE_UNAVAILABLE, "could not check; try again later", retry_after=_LATER
            )
        )
    return _document(ProblemError(Code.INTERNAL, "something went wrong on our side; try again"))


def _document(error: QorganError) -> Problem:
    status = _STATUS[error.code]
    told: dict[str, object] = {
        "type": "about:blank",
        "title": _TITLES[status],
        "status": status,
        "code": shown(error.code).value,
        "detail": error.sentence,
    }
    if isinstance(error, ProblemError) and error.challenge is not None:
        told["challenge"] = error.challenge
    body = json.dumps(told).encode()
    headers = [
        ("Content-Type", MEDIA_TYPE),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Access-Control-Allow-Origin", "*"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    retry_after = error.retry_after if isinstance(error, ProblemError) else None
    if retry_after is not None:
        headers += [
            ("Retry-After", str(retry_after)),
            ("Access-Control-Expose-Headers", "Retry-After"),
        ]
    if status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    return Problem(status, shown(error.code), body, tuple(headers))
