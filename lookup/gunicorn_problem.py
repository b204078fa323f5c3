"""What gunicorn's worker answers to a request that went wrong: constants (RFC 9457)."""

import json
from typing import Any

from gunicorn.http import errors

from lookup.errors import Code
from lookup.logs import Event, event, unexpected

ANSWERS = {
    400: ("Bad Request", Code.BAD_REQUEST, "The request could not be understood"),
    414: ("URI Too Long", Code.TOO_LARGE, "The address is too long"),
    417: ("Expectation Failed", Code.BAD_REQUEST, "The expectation cannot be met"),
    431: ("Request Header Fields Too Large", Code.TOO_LARGE, "The headers are too large"),
    500: ("Internal Server Error", Code.INTERNAL, "Something went wrong on our side"),
    501: ("Not Implemented", Code.BAD_REQUEST, "The transfer coding is not supported"),
}

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (errors.LimitRequestLine, 414),
    (errors.LimitRequestHeaders, 431),
    (errors.ExpectationFailed, 417),
    (errors.UnsupportedTransferCoding, 501),
    # the application's or the operator's fault, not the client's
    (errors.InvalidResponseHeader, 500),
    (errors.InvalidResponseHeaderName, 500),
    (errors.ConfigurationProblem, 500),
    (errors.ParseException, 400),
)


def answer(status: int) -> tuple[bytes, bytes]:
    """The head and the body of the answer to a request that went wrong; constants."""
    reason, code, title = ANSWERS[status]
    problem = {"type": "about:blank", "title": title, "status": status, "code": code}
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\n"
        "Connection: close\r\n"
        "Cache-Control: no-store\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body


def problem_of(request: Any, error: BaseException) -> bytes:
    """The answer to what went wrong; its class is logged."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    if status == 500:
        unexpected(error)
    else:
        event(Event.REQUEST_UNREADABLE, error=error, status=status)
    head, body = answer(status)
    is_head = getattr(request, "method", None) == "HEAD"  # RFC 9110, section 9.3.2: no content
    return head if is_head else head + body
