"""What the doctor found: one line each, and how its checks say it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # it works, and should be looked at
    PROBLEM = "problem"  # it does not work, or is not to be trusted


@dataclass(frozen=True)
class Finding:
    """What one check came to.

    Attributes:
        check: what was looked at, in a word or two.
        sentence: what was found, and what to do next where that is anything.
    """

    check: str
    level: Level
    sentence: str


def ok(check: str, sentence: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Level.OK, sentence)


def warning(check: str, sentence: str) -> Finding:
    """Something to look at."""
    return Finding(check, Level.WARNING, sentence)


def problem(check: str, sentence: str) -> Finding:
    """Something to mend first."""
    return Finding(check, Level.PROBLEM, sentence)
