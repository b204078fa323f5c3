"""Marks that nobody sees cost no row."""

import numpy as np
import pytest

from loaders import iin_shape, unseen
from loaders.cells import Column, parse
from loaders.people import Columns, People
from lookup.errors import Code
from lookup.protocol.suite import Kind

ANN = "950515390002"


@pytest.mark.parametrize(
    ("kind", "cell", "expected"),
    [
        (Kind.PHONE, "\u202a+7 701 000 00 01\u202c", 77010000001),
        (Kind.PHONE, "\u200e8\u200b7010000001", 77010000001),
        (Kind.PHONE, "".join(chr(0xFF10 + int(digit)) for digit in "77010000001"), 77010000001),
        (Kind.EMAIL, "ann\u200b@example.com\u2060", "ann@example.com"),
        (Kind.EMAIL, "an\u00adn@example.com", "ann@example.com"),
    ],
)
def test_what_nobody_sees_is_left_out(kind: Kind, cell: str, expected: int | str) -> None:
    """The cell is what a person reads; its neighbours stay as they were."""
    column = Column.of(["x", cell, "", "ж"])
    found, count = unseen.look(kind, column, parse(kind, column))
    values = found.texts if found.numbers is None else found.numbers.tolist()
    assert values is not None
    assert (1, expected) == (count, values[1])
    assert [False, True, False, False] == found.valid.tolist()
    assert {0, 3} == set(found.bad)


@pytest.mark.parametrize("mark", ["\u200b", "\u200f", "\u2060", "\u00ad"])
def test_an_iin_is_found_among_marks(mark: str) -> None:
    """Wherever they stand; other letters are no marks."""
    assert ANN == iin_shape.padded(mark.join(ANN)) == iin_shape.padded(f"{mark}{ANN} {mark}")
    assert iin_shape.padded(f"{ANN}й") is None


def test_digits_of_other_scripts() -> None:
    """Full-width and Arabic ones are digits; a superscript is none."""
    for zero in (0xFF10, 0x660):
        assert ANN == iin_shape.padded("".join(chr(zero + int(digit)) for digit in ANN))
    assert iin_shape.padded(ANN[:-1] + "²") is None


def test_a_load_counts_them_as_restored() -> None:
    """A row with such a cell is accepted, and the certificate says how many there were."""
    people = People(Columns({Kind.IIN: 0, Kind.PHONE: 1, Kind.EMAIL: 2}, (), {}))
    people.add(
        [
            ["\u200b".join(ANN), "\u202a+77010000001\u202c", "a@example.com\u200b"],
            ["", "\u202a+1\u202c", ""],
        ],
        {},
    )
    counts = people.finish()
    assert (2, 1, {"phone_invalid": 1}) == (counts.read, counts.accepted, counts.rejected)
    assert {"email_format": 1, "iin_format": 1, "phone_format": 1} == counts.restored
    assert [[int(ANN)], [77010000001]] == [one.keys.tolist() for one in people.kinds[:2]]


def test_a_column_without_bad_cells_is_not_looked_at() -> None:
    """The same verdicts, not copies of them."""
    column = Column.of(["", "87010000001"])
    found = parse(Kind.PHONE, column)
    assert (found, 0) == unseen.look(Kind.PHONE, column, found)
    assert Code.PHONE_INVALID not in found.bad.values()
    assert np.array_equal([False, True], found.valid)
