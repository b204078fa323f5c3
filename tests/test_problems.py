"""Problem documents: the one way in which HTTP hears of an error."""

import json

import pytest

from lookup import problems
from lookup.errors import (
    Code,
    CouldNotCheckError,
    InputError,
    ProblemError,
    QorganError,
    UnavailableError,
)

STATUS = {
    "bad_request": 400,
    "bad_prefix": 400,
    "bad_element": 400,
    "too_many_elements": 400,
    "unauthorised": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "version_gone": 410,
    "too_large": 413,
    "bad_media_type": 415,
    "no_such_part": 416,
    "rate_limited": 429,
    "proof_of_work_required": 429,
    "budget_spent": 429,
    "internal": 500,
    "store_unavailable": 503,
    "stale": 503,
}
SHOWN = {
    "method_not_allowed": "bad_request",
    "no_such_part": "bad_request",
}  # the codes that clients meet are a closed set
MARKER = "900101300017"


def document(error: Exception) -> dict[str, object]:
    found: dict[str, object] = json.loads(problems.of(error).body)
    return found


@pytest.mark.parametrize(("code", "status"), STATUS.items())
def test_each_code_has_its_status(code: str, status: int) -> None:
    """Clients match on the code; status, title and body agree (RFC 9457)."""
    problem = problems.of(ProblemError(Code(code), "what happened; what to do"))
    assert problem.status == status
    found = json.loads(problem.body)
    assert found == {
        "type": "about:blank",
        "title": found["title"],
        "status": status,
        "code": SHOWN.get(code, code),
        "detail": "what happened; what to do",
    }
    assert problem.status_line == f"{status} {found['title']}"
    headers = dict(problem.headers)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Content-Length"] == str(len(problem.body))
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert ("WWW-Authenticate" in headers) is (status == 401)
    assert "Retry-After" not in headers


def test_the_codes_are_a_closed_set() -> None:
    """No other code reaches a client: these are what it may match on."""
    assert {code.value for code in problems._STATUS} == set(STATUS)


def test_when_to_try_again() -> None:
    """A problem that passes says when, in whole seconds, to the pages of other sites too."""
    problem = problems.of(ProblemError(Code.RATE_LIMITED, "wait", retry_after=17))
    assert dict(problem.headers)["Retry-After"] == "17"
    assert dict(problem.headers)["Access-Control-Expose-Headers"] == "Retry-After"


@pytest.mark.parametrize("code", [Code.BAD_ELEMENT, Code.BAD_REQUEST, Code.TOO_MANY_ELEMENTS])
def test_refused_input_keeps_its_code(code: Code) -> None:
    """What the protocol's decoders refuse is told with their own code and sentence."""
    assert document(InputError(code, "that is why"))["code"] == code.value
    assert document(InputError(code, "that is why"))["detail"] == "that is why"


@pytest.mark.parametrize("code", [Code.BAD_SETTING, Code.IIN_LENGTH, Code.BAD_PARAMETERS])
def test_codes_that_are_not_for_http(code: Code) -> None:
    """A refusal that was meant for an operator is an internal error to the world."""
    found = document(InputError(code, "a path, a setting"))
    assert (found["status"], found["code"]) == (500, "internal")
    assert "path" not in str(found)


@pytest.mark.parametrize("kind", [UnavailableError, CouldNotCheckError])
@pytest.mark.parametrize("code", [Code.STORE_UNAVAILABLE, Code.BAD_RANGE, Code.BAD_KEY_FILE])
def test_whatever_cannot_be_trusted(kind: type[UnavailableError], code: Code) -> None:
    """A part that is out of reach or broken is "could not check", without its details."""
    found = document(kind(code, "/secret/path cannot be read"))
    assert (found["status"], found["code"]) == (503, "store_unavailable")
    assert found["detail"] == "could not check; try again later"


@pytest.mark.parametrize(
    "error",
    [
        ValueError(MARKER),
        KeyError(MARKER),
        OSError(2, MARKER, MARKER),
        UnicodeDecodeError("utf-8", MARKER.encode(), 0, 1, MARKER),
        QorganError(Code.NOT_FOUND, MARKER),
        Exception(),
        AssertionError(MARKER),
    ],
)
def test_the_unforeseen_says_nothing(error: Exception) -> None:
    """An exception's text never gets out, whatever it is."""
    problem = problems.of(error)
    assert problem.status == 500
    assert json.loads(problem.body)["code"] == "internal"
    assert MARKER.encode() not in problem.body
    assert MARKER not in str(problem.headers)
