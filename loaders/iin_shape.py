"""What the digits of an IIN tell beyond its check digit, and what a spreadsheet makes of an IIN.

``lookup.protocol.identifiers`` alone says what an IIN is. This says what looks like a person's,
like an organisation's number (BIN), or like an IIN that was once kept as a number: Excel drops
leading zeros (``50505500014``), others write ``810313311869.0`` or ``8.10313311869E+11``.

Of random numbers of 12 digits 10 % have a right check digit, and 0.25 % look like a person's too;
filled up with zeros, the same hold of shorter ones (2.1 % with 9 digits, for two of a month's and a
day's digits are then right by themselves). So a single number proves nothing: who restores zeros
looks at the whole column first.

Pure: numbers and cells in, verdicts out.
"""

import re

import numpy as np
from numpy.typing import NDArray

from loaders.unseen import plain
from lookup.errors import InputError
from lookup.protocol.identifiers import AROUND, iin

DIGITS = 12
_LEAST = 9  # digits of 000MDDCSSSSK, the most zeros that an IIN can begin with

# A spreadsheet's number, or a text that it was told to keep as one: ="...", '...
_CELL = re.compile(
    r"""(?: ="(?P<told>[0-9]{9,12})"
        | '?(?P<digits>[0-9]{9,12})(?:[.,]0{1,6})?
        | (?P<first>[1-9])(?:[.,](?P<decimals>[0-9]{1,11}))?[eE]\+?0?(?P<exponent>8|9|10|11)
        )""",
    re.VERBOSE,
)

# By the 7th digit, the century in which its bearer was born; 0 tells none.
_CENTURIES = np.array([2000, 1800, 1800, 1900, 1900, 2000, 2000, 0, 0, 0], dtype=np.int64)
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)


def persons(numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which numbers of 12 digits begin with a day of the calendar and have a 7th digit up to 6.

    The check digit is not looked at. Since 2013 an IIN need not be tied to a birth date, so this
    is never a reason to refuse one that stands in a column of IINs.
    """
    year, month, day = (numbers // 10**at % 100 for at in (10, 8, 6))
    seventh = numbers // 10**5 % 10
    full = _CENTURIES[seventh] + year  # with 0 as if of this century: then 00 is a leap year
    is_leap = (full % 4 == 0) & ((full % 100 != 0) | (full % 400 == 0))
    has_month = (month >= 1) & (month <= 12)
    last = _DAYS[np.where(has_month, month, 0)] + (is_leap & (month == 2))
    result: NDArray[np.bool_] = has_month & (day >= 1) & (day <= last) & (seventh <= 6)
    return result


def bins(numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which numbers of 12 digits look like a BIN: year and month, a 5th digit 4 to 6, a 6th to 3.

    None of these looks like a person's: no month has a 40th day.
    """
    month, fifth, sixth = numbers // 10**8 % 100, numbers // 10**7 % 10, numbers // 10**6 % 10
    return (month >= 1) & (month <= 12) & (fifth >= 4) & (fifth <= 6) & (sixth <= 3)


def digits(cell: str) -> str | None:
    """The 9 to 12 digits that a cell holds in one of the forms of a number, none of them lost."""
    match = _CELL.fullmatch(plain(cell).strip(AROUND))
    if match is None:
        return None
    if match["first"] is None:
        return match["told"] or match["digits"]
    decimals = match["decimals"] or ""
    return match["first"] + decimals if len(decimals) == int(match["exponent"]) else None


def padded(cell: str) -> str | None:
    """The IIN that a cell held before it was kept as a number, or None.

    With all 12 digits it must be valid, as any IIN. With 9 to 11 it is filled up with zeros, and
    must also look like a person's.
    """
    found = digits(cell)
    if found is None:
        return None
    try:
        number = iin(found.zfill(DIGITS))
    except InputError:
        return None
    if len(found) < DIGITS and not persons(np.array([int(number)], dtype=np.int64))[0]:
        return None
    return number


def is_rounded(cell: str) -> bool:
    """Whether a cell is a number of 9 to 12 digits written with fewer: 9.50515E+11."""
    match = _CELL.fullmatch(plain(cell).strip(AROUND))
    if match is None or match["first"] is None:
        return False
    return len(match["decimals"] or "") < int(match["exponent"])
