"""What looks like a person's IIN, like a BIN, and what a spreadsheet made of an IIN."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders import iin_shape
from lookup.protocol.identifiers import iin, iin_check_digit


def with_check(first: str) -> str:
    """The number whose first 11 digits these are; a serial that has no check digit is raised."""
    check = iin_check_digit(first)
    return f"{first}{check}" if check is not None else with_check(f"{int(first) + 1:011d}")


def verdict(function: object, *numbers: str) -> list[bool]:
    """What a predicate says of some numbers of 12 digits."""
    found = function(np.array([int(n) for n in numbers], dtype=np.int64))  # type: ignore[operator]
    return found.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "number", ["950515390002", "000229500019", "040229600011", "991231300010", "000101000011"]
)
def test_a_day_of_the_calendar_and_a_century_are_a_person(number: str) -> None:
    """Leap days too: 2000 and 2004 had one, and with a 7th digit 0 the century stays open."""
    assert [True] == verdict(iin_shape.persons, number)


@pytest.mark.parametrize(
    "number",
    [
        *("950500390002", "950532390002", "951315390002", "950015390002", "950515790002"),
        *("000229300019", "010229500019", "950431390002"),
    ],
)
def test_no_such_day_or_century_is_no_person(number: str) -> None:
    """Day 0 and 32, month 13 and 0, 7th digit 7, 29 February of 1900 and 2001, 31 April."""
    assert [False] == verdict(iin_shape.persons, number)


@pytest.mark.parametrize("number", ["990440000385", "120163000011", "210650300012"])
def test_a_bin_is_no_person(number: str) -> None:
    """A 5th digit 4 to 6 would be the 40th day of a month or a later one."""
    assert ([True], [False]) == (
        verdict(iin_shape.bins, number),
        verdict(iin_shape.persons, number),
    )


@pytest.mark.parametrize("number", ["990430000385", "990470000385", "990444000385", "991340000385"])
def test_no_bin(number: str) -> None:
    """5th digit 3 and 7, 6th digit 4, month 13."""
    assert [False] == verdict(iin_shape.bins, number)


@given(
    st.dates(min_value=date(2000, 1, 1), max_value=date(2049, 12, 31)),
    st.integers(0, 9999),
    st.booleans(),
)
def test_what_a_number_made_of_an_iin_is_undone(born: date, serial: int, woman: bool) -> None:
    """As a number in any form that keeps all digits, an IIN comes back with its zeros."""
    whole = with_check(f"{born:%y%m%d}{5 + woman}{serial:04d}")
    digits = str(int(whole))
    power = len(digits) - 1
    forms = [digits, f"{digits}.0", f"{digits},00", f" {digits} ", f"'{digits}", f'="{digits}"']
    forms += [f"{digits[0]}.{digits[1:]}E+{power}", f"{digits[0]},{digits[1:]}e{power:02d}"]
    assert [whole] * len(forms) == [iin_shape.padded(form) for form in forms]


@pytest.mark.parametrize("cell", ["9.50515E+11", "9,50515e+11", "1E+11", "5.0515E+10", "1.01E+08"])
def test_what_was_rounded_is_told(cell: str) -> None:
    """Fewer digits than the number has are gone for good."""
    assert (True, None) == (iin_shape.is_rounded(cell), iin_shape.padded(cell))


@pytest.mark.parametrize(
    "cell",
    [
        *("", "950515390003", "50515390002", "12345678", "8.10313311869E+12", "8.10313311869E+10"),
        *("810313311869.5", "81031331186.9", "0.810313311869E+12", "٥٠٥٠٥٥٠٠٠١٤", "5050 5500014"),
    ],
)
def test_what_is_no_such_number(cell: str) -> None:
    """A wrong check digit or date, too few digits, too many, a fraction, other scripts."""
    assert (False, None) == (iin_shape.is_rounded(cell), iin_shape.padded(cell))


def test_all_12_digits_need_no_date() -> None:
    """An IIN that is not tied to a birth date is one, with .0 behind it too."""
    whole = with_check("99999990000")
    assert (whole, [False]) == (iin_shape.padded(f"{whole}.0"), verdict(iin_shape.persons, whole))


@given(st.text(alphabet="0123456789.,eE+='\" ", max_size=24))
def test_whatever_comes_back_is_an_iin(cell: str) -> None:
    """The rule has the last word."""
    found = iin_shape.padded(cell)
    assert found is None or found == iin(found)
