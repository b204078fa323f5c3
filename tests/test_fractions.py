"""Phone numbers that a program kept as numbers, with a fraction of nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders import fractions
from loaders.cells import Column
from loaders.people import Columns, People
from lookup.protocol.suite import Kind

PIECES = st.sampled_from(
    ("7771000000", "77010000001", "+7701", "8 701", ".0", ",00", ".", "0", " ")
)


def without(*column: str) -> list[str]:
    """The cells, without their fractions."""
    made, cut = fractions.dropped(Column.of(column))
    texts = made.texts()
    assert [at for at, cell in enumerate(column) if cell != texts[at]] == cut
    return texts


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("77010000001.0", "77010000001"),
        ("7771000000.0", "7771000000"),
        (" +77010000001,00 ", " +77010000001"),
        ("\u00a077010000001.000000\u00a0", "\u00a077010000001"),
        ("998901234567.0", "998901234567"),
    ],
)
def test_a_fraction_of_nothing_is_dropped(cell: str, expected: str) -> None:
    """Whatever stands around it, and in the next cells."""
    assert ["x", expected, "", "1.0"] == without("x", cell, "", "1.0")


@pytest.mark.parametrize(
    "cell",
    [
        *("8.701.000.00.10", "8.701.0000000", "8701000.00.00", "77010000001.5", "77010000001."),
        *("77010000001.0000000", "777100000.0", "7777777777777777.0", "77010000001.0 доб. 0"),
        *("", "0", "77010000010", "77010000001.0 ext 10", "77010000001.0\n"),
    ],
)
def test_other_cells_stay_as_they_are(cell: str) -> None:
    """Dots between digits, other fractions, numbers too short or long to be a phone's."""
    assert [cell] == without(cell)


@given(st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=8))
def test_a_column_is_looked_at_as_each_cell_is(column: list[str]) -> None:
    """What is done in bulk is what the pattern does cell by cell."""
    pattern = re.compile(r"( *\+?[0-9]{10,15})[.,]0{1,6} *")
    matches = [pattern.fullmatch(cell) for cell in column]
    expected = [match[1] if match else cell for match, cell in zip(matches, column, strict=True)]
    assert expected == without(*column)


def test_nobody_else_is_found() -> None:
    """The number of ten digits stays that number, and is counted as restored."""
    people = People(Columns({Kind.PHONE: 0}, (), {}))
    people.add([["7771000000.0"], ["87010000001"], ["1234567890.0"]], {})
    counts = people.finish()
    assert ["+77010000001", "+77771000000"] == sorted(people.kinds[0].texts(0, 2))
    assert ({"phone_format": 1}, {"phone_invalid": 1}) == (counts.restored, counts.rejected)
