"""The error family: closed codes, exit codes, one sentence for a person."""

import re

import pytest

from lookup.errors import (
    Code,
    CouldNotCheckError,
    InputError,
    ProblemError,
    QorganError,
    UnavailableError,
)


def test_codes_are_closed_and_distinct() -> None:
    """A code is one lower-case word that scripts can match on, and stands for one reason."""
    assert len({code.value for code in Code}) == len(Code.__members__)
    for name, code in Code.__members__.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code.value)
        assert name == code.value.upper()
        assert Code(code.value) is code
    with pytest.raises(ValueError, match="is not a valid Code"):
        Code("anything_else")


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (InputError, 2),
        (UnavailableError, 3),
        (CouldNotCheckError, 3),
        (ProblemError, 1),
        (QorganError, 1),
    ],
)
def test_exit_codes(kind: type[QorganError], exit_code: int) -> None:
    """Scripts tell refused input (2) from a service out of reach (3) and from a defect (1)."""
    error = kind(Code.INTERNAL, "something happened; do this")
    assert error.exit_code == exit_code
    assert error.code is Code.INTERNAL
    assert error.sentence == str(error) == "something happened; do this"
    assert isinstance(error, QorganError)


def test_could_not_check_is_never_refused_input() -> None:
    """Unknown is not the citizen's mistake, and no catch of one takes the other."""
    assert issubclass(CouldNotCheckError, UnavailableError)
    assert not issubclass(CouldNotCheckError, InputError)
    assert not issubclass(InputError, UnavailableError)
    assert not issubclass(QorganError, LookupError | ValueError | OSError)


def test_a_problem_may_say_when_to_try_again() -> None:
    """A limit tells when it ends; nothing else needs to."""
    assert ProblemError(Code.RATE_LIMITED, "wait", retry_after=60).retry_after == 60
    assert ProblemError(Code.NOT_FOUND, "look elsewhere").retry_after is None
