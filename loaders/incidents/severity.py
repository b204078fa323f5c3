"""ENISA's severity of a breach: SE = DPC x EI + CB, kept with what it was computed from.

ENISA, "Recommendations for a methodology of the assessment of severity of personal data breaches"
(2013). The inputs are a person's judgement; ``suggested`` is where that judgement can begin.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lookup.index.dataset import Severity

# Section 3: what class of data a class of ours is; simple data where it is not named.
_SENSITIVE = frozenset(("health", "biometrics", "nationalities"))
_FINANCIAL = frozenset(("bank-account-numbers", "credit-cards", "loans", "income-levels"))
# A number for life together with where one lives: one more than simple data.
_FOR_LIFE = frozenset(("government-issued-ids", "physical-addresses"))
_UNKNOWN_RECIPIENTS = 0.5  # malice, where it is established, adds another 0.5


class Level(StrEnum):
    """The four levels of section 6."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very high"


@dataclass(frozen=True)
class Score:
    """A severity with its inputs."""

    inputs: Severity
    value: float
    level: Level


def score(inputs: Severity) -> Score:
    """The severity of these inputs; a score on a border belongs to the level above it."""
    value = round(inputs.dpc * inputs.ei + inputs.cb, 9)  # 0.1 x 20 must not miss its border
    if value < 2:
        level = Level.LOW
    elif value < 3:
        level = Level.MEDIUM
    else:
        level = Level.HIGH if value < 4 else Level.VERY_HIGH
    return Score(inputs, value, level)


def suggested(slugs: Iterable[str]) -> Severity:
    """Inputs that the data classes speak for: people named, data spread to whom nobody knows."""
    found = frozenset(slugs)
    if found & _SENSITIVE:
        dpc = 4.0
    elif found & _FINANCIAL:
        dpc = 3.0
    else:
        dpc = 2.0 if found >= _FOR_LIFE else 1.0
    return Severity(dpc=dpc, ei=1.0, cb=_UNKNOWN_RECIPIENTS)
