"""IINs that a spreadsheet kept as numbers, in a column that is looked at as a whole."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders import cells, iin_shape, lost_zeros
from loaders.distinct import Distinct
from loaders.people import Columns, Counts, People
from lookup.errors import Code
from lookup.protocol.identifiers import iin_check_digit
from lookup.protocol.suite import Kind

COLUMNS = Columns({Kind.IIN: 0, Kind.PHONE: 1, Kind.EMAIL: 2}, ((3, 1),), {Kind.IIN: 0})
PHONES = ("", "87010000001", "+7 701 000 00 02", "8701", "x")
EMAILS = ("", "a@example.com", "b@example.com", "@")


def iins(count: int, born: str = "050607") -> list[str]:
    """So many valid IINs of people born on this day of the 2000s."""
    firsts = (f"{born}5{serial:04d}" for serial in range(10_000))
    found = (f"{first}{check}" for first in firsts if (check := iin_check_digit(first)) is not None)
    return [next(found) for _ in range(count)]


LOST = (*iins(3), *iins(2, "000102"))
KEPT = iins(3, "120304")
BAD = ("", "x", "123", "950515390003", "9.50515E+11")
ROWS = st.tuples(
    st.sampled_from((*LOST, *KEPT, *BAD)),
    st.sampled_from(PHONES),
    st.sampled_from(EMAILS),
    st.sampled_from(("", "name")),
)


def read(*blocks: Sequence[Sequence[str]]) -> tuple[Counts, People]:
    """The counts of some blocks of rows, and who was in them."""
    people = People(COLUMNS)
    for block in blocks:
        people.add([list(row) for row in block], {})
    return people.finish(), people


def written_as(form: str, cell: str) -> str:
    """An IIN as a program writes that keeps it as a number; other cells as they are."""
    if cell not in (*LOST, *KEPT):
        return cell
    digits = str(int(cell))
    return form.format(digits, digits[0], digits[1:], len(digits) - 1)


@pytest.mark.parametrize("form", ["{0}", "{0}.0", "{0},00", "{1}.{2}E+{3}", '="{0}"'])
@given(blocks=st.lists(st.lists(ROWS, max_size=6), max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_column_of_numbers_gives_what_the_iins_gave(
    form: str, blocks: list[list[tuple[str, ...]]]
) -> None:
    """The same people, masks and counts as before the spreadsheet, whatever else is in the rows."""
    numbers = [[(written_as(form, iin), *rest) for iin, *rest in block] for block in blocks]
    (expected, people), (counts, same_people) = read(*blocks), read(*numbers)
    changed = [row[0] for block in blocks for row in block if row[0] in (*LOST, *KEPT)]
    lost = sum(cell in LOST for cell in changed)
    formatted = 0 if form == "{0}" else len(changed) - lost
    told = {"iin_format": formatted, "iin_zeros": lost}
    restored = {reason: count for reason, count in told.items() if count}
    assert (replace(expected, restored=restored), people.digest()) == (
        counts,
        same_people.digest(),
    )
    for distinct, same in zip(people.kinds, same_people.kinds, strict=True):
        assert distinct.texts(0, len(distinct)) == same.texts(0, len(same))
        assert distinct.rows.tolist() == same.rows.tolist()


@pytest.mark.parametrize(("others", "restored"), [(3, 3), (4, 0)])
def test_at_least_half_of_the_short_cells_must_be_people(others: int, restored: int) -> None:
    """Three of six are, three of seven are not: then they stay what the rule says of them."""
    short = [[str(int(iin)), "", "", ""] for iin in LOST[:3]]
    junk = [[f"7012345{at:03d}", "", "", ""] for at in range(others)]
    counts, people = read(junk, short)
    expected = Counts(
        read=3 + others,
        accepted=restored,
        duplicates=0,
        rejected={"iin_length": 3 + others - restored},
        bad_cells={},
        restored={"iin_zeros": restored} if restored else {},
    )
    assert (expected, restored) == (counts, len(people))


def test_zeros_lost_in_some_rows_are_duplicates_of_the_whole_ones() -> None:
    """One person in two files that were joined is one person; the first row is the accepted one."""
    rows = [[str(int(LOST[0])), "", "", ""], [LOST[0], "", "", "name"]]
    counts, people = read(rows)
    assert (1, 1, 1) == (counts.accepted, counts.duplicates, len(people))
    assert ([0], [3]) == (people.kinds[0].rows.tolist(), people.kinds[0].masks.tolist())


def test_addresses_that_waited_keep_their_texts() -> None:
    """Whatever order they are taken up in."""
    texts = [f"{name}@example.com" for name in "edcba"]
    all_of_them, waited = Distinct(Kind.EMAIL), Distinct(Kind.EMAIL)
    for distinct, some in ((all_of_them, texts[:3]), (waited, texts[1:])):
        count = np.arange(len(some))
        found = cells.parse(Kind.EMAIL, some)
        distinct.add(found, count.astype(np.uint16), count.astype(np.uint32))
    all_of_them.take(waited)
    digests = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in sorted(texts)]
    expected = [text for _, text in sorted(zip(digests, sorted(texts), strict=True))]
    assert expected == all_of_them.texts(0, 5)


def test_random_numbers_are_nobody() -> None:
    """Of 40,000 numbers of 9 to 11 digits too few become people for any to count."""
    draw = random.Random(3)
    numbers = [str(draw.randrange(10**8, 10**11)) for _ in range(40_000)]
    column = cells.Column.of(numbers)
    looked = lost_zeros.look(column, cells.parse(Kind.IIN, column))
    assert 40_000 == looked.short
    assert np.count_nonzero(looked.padded) < 200
    counts, people = read([[number, "", "", ""] for number in numbers])
    assert ({"iin_length": 40_000}, 0) == (counts.rejected, len(people))


CELLS = st.sampled_from([str(int(iin)) for iin in LOST]) | st.text("0123456789.,E+'", max_size=16)


@pytest.mark.parametrize("few", [0, 32])
@given(column=st.lists(CELLS, max_size=8))
def test_a_column_is_looked_at_as_each_cell_is(few: int, column: list[str]) -> None:
    """What is restored in bulk is what ``iin_shape.padded`` gives cell by cell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lost_zeros, "_FEW", few)
        looked = lost_zeros.look(cells.Column.of(column), cells.parse(Kind.IIN, column))
    assert looked.cells.numbers is not None
    for at, cell in enumerate(column):
        number = int(looked.cells.numbers[at] or looked.padded[at])
        assert (f"{number:012d}" if number else None) == iin_shape.padded(cell)
        is_rounded = looked.cells.bad.get(at) is Code.IIN_ROUNDED
        assert is_rounded == iin_shape.is_rounded(cell)


def test_rounded_cells_have_a_reason_of_their_own() -> None:
    """What no program can bring back is told apart from what is no IIN."""
    counts, _ = read([["9.50515E+11", "", "", ""], ["9,50515e+11", "87010000001", "", ""]])
    assert ({"iin_rounded": 1}, {"iin_rounded": 1}) == (counts.rejected, counts.bad_cells)


@pytest.mark.parametrize(("bins", "expected"), [(1, False), (2, True)])
def test_a_column_of_bins_is_told(bins: int, expected: bool) -> None:
    """Most of the distinct numbers decide."""
    numbers = [*iins(2, "990440")[:bins], KEPT[0]]
    _, people = read([[number, "", "", ""] for number in numbers])
    assert expected is people.looks_like_bins
