"""ENISA's severity: the formula, its levels on both sides of every border, its inputs kept."""

import pytest

from loaders.incidents.severity import Level, score, suggested
from lookup.facts import data_classes
from lookup.index.dataset import Severity


@pytest.mark.parametrize(
    ("inputs", "value", "level"),
    [
        ((2, 1, 1), 3.0, Level.HIGH),  # the 16-million file
        ((3, 1, 1), 4.0, Level.VERY_HIGH),  # zaimer.kz
        ((4, 1, 0.5), 4.5, Level.VERY_HIGH),  # KazNU's lists
        ((0, 0, 0), 0.0, Level.LOW),
        ((1.99, 1, 0), 1.99, Level.LOW),
        ((2, 1, 0), 2.0, Level.MEDIUM),
        ((2.99, 1, 0), 2.99, Level.MEDIUM),
        ((3.99, 1, 0), 3.99, Level.HIGH),
        ((1.1, 1, 0.9), 2.0, Level.MEDIUM),
        ((4, 0.7, 0.2), 3.0, Level.HIGH),
        ((4, 1, 2), 6.0, Level.VERY_HIGH),
    ],
)
def test_score(inputs: tuple[float, float, float], value: float, level: Level) -> None:
    """SE = DPC x EI + CB; a border belongs to the level above it, whatever floats make of it."""
    dpc, ei, cb = inputs
    given = Severity(dpc=dpc, ei=ei, cb=cb)
    found = score(given)
    assert (given, pytest.approx(value), level) == (found.inputs, found.value, found.level)


@pytest.mark.parametrize(
    ("slugs", "dpc"),
    [
        (["names", "phone-numbers"], 1),
        (["government-issued-ids", "names"], 1),
        (["government-issued-ids", "names", "physical-addresses"], 2),
        (["names", "credit-cards"], 3),
        (["credit-cards", "health"], 4),
        ([], 1),
    ],
)
def test_suggested(slugs: list[str], dpc: float) -> None:
    """A judgement can begin at the gravest class; the three judged leaks begin where they ended."""
    assert Severity(dpc=dpc, ei=1, cb=0.5) == suggested(slugs)
    assert set(slugs) <= set(data_classes())
