"""A dump of people against a list of all IINs that there can be, at both sides of each limit."""

from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from loaders import enumeration
from loaders.enumeration import examine
from lookup.protocol.identifiers import iin_check_digit

TODAY = date(2026, 11, 30)
Numbers = NDArray[np.int64]


def listed(day: str, sevenths: str, count: int) -> Numbers:
    """The first so many IINs that begin with a day, in order."""
    found: list[int] = []
    for seventh in sevenths:
        for serial in range(10_000):
            check = iin_check_digit(f"{day}{seventh}{serial:04d}")
            if check is not None:
                found.append(int(f"{day}{seventh}{serial:04d}{check}"))
    return np.array(found[:count], dtype=np.int64)


def scattered(numbers: Numbers) -> NDArray[np.uint32]:
    """Rows in which no two neighbours stand below each other."""
    return (np.arange(len(numbers), dtype=np.uint32) * 7 + 1).astype(np.uint32)


def crowd(years: range, each: int) -> Numbers:
    """People born on 15 May of some years, all of the last century."""
    return np.concatenate([listed(f"{year:02d}0515", "3", each) for year in years])


@pytest.mark.parametrize(("people", "is_suspicious"), [(3000, False), (3001, True)])
def test_more_on_a_day_than_a_country_has_births(people: int, is_suspicious: bool) -> None:
    """Three thousand people with one birth date are none of Kazakhstan."""
    numbers = listed("950515", "34", people)
    found = examine(numbers, scattered(numbers), TODAY)
    assert (people, 1.0) == (found.most_on_a_day, found.plausible)
    told = "3,001 people share a birth date, and Kazakhstan has about 1,200 births a day"
    assert ((told,) if is_suspicious else ()) == found.suspicions


def test_the_first_of_january_is_no_birth_date() -> None:
    """Registers write it where nobody knew the day."""
    numbers = listed("600101", "34", 9000)
    found = examine(numbers, scattered(numbers), TODAY)
    assert (0, 9000, ()) == (found.most_on_a_day, found.most_serials, found.suspicions)


def test_rows_that_count_through_all_iins() -> None:
    """Each row has the next possible number: a program wrote them, however few a day has."""
    numbers = crowd(range(50, 60), 200)
    rows = np.arange(len(numbers), dtype=np.uint32)
    found = examine(numbers, rows, TODAY)
    assert (0.995, 200) == (found.neighbours, found.most_serials)
    (told,) = found.suspicions
    assert told.startswith("100% of the rows have the next IIN below them, as in a list")
    assert 0.0 == examine(numbers, scattered(numbers), TODAY).neighbours


@pytest.mark.parametrize(("old", "is_suspicious"), [(20, False), (21, True)])
def test_people_older_than_people_get(old: int, is_suspicious: bool) -> None:
    """One in a hundred of 105 years is a list since 1900."""
    numbers = np.concatenate([listed("010515", "3", old), crowd(range(50, 60), 198)])[:2000]
    found = examine(numbers, scattered(numbers), TODAY)
    assert old / 2000 == found.old
    assert is_suspicious == ("1% would be older than 105 years" in found.suspicions)


def test_numbers_without_birth_dates() -> None:
    """Nine of ten random numbers with a right check digit begin with no day of the calendar."""
    dice = np.random.default_rng(5)
    found_ = [f"{n:011d}" for n in dice.integers(0, 10**11, 3000).tolist()]
    numbers = np.sort(
        [int(f"{f}{c}") for f in found_ if (c := iin_check_digit(f)) is not None]
    ).astype(np.int64)
    found = examine(numbers, scattered(numbers), TODAY)
    assert found.plausible < 0.05
    assert any("begin with no birth date" in sentence for sentence in found.suspicions)


def test_a_birth_date_is_not_in_the_future() -> None:
    """Born today is plausible, tomorrow is not; the 7th digit tells the century."""
    numbers = np.concatenate([listed("261130", "5", 1), listed("261201", "5", 1)])
    assert 0.5 == examine(numbers, scattered(numbers), TODAY).plausible
    assert 0.0 == examine(listed("261130", "0", 1), scattered(numbers), TODAY).plausible


def test_more_iins_than_were_ever_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides of the number of all people, made small."""
    monkeypatch.setattr(enumeration, "MOST_PEOPLE", 10)
    for count, told in ((10, ()), (11, ("11 IINs are more than Kazakhstan has given to people",))):
        numbers = listed("950515", "3", count)
        assert told == examine(numbers, scattered(numbers), TODAY).suspicions


def test_nobody_is_nothing_to_stumble_over() -> None:
    """Of no IINs nothing is told."""
    none = np.empty(0, dtype=np.int64)
    found = examine(none, none.astype(np.uint32), TODAY)
    assert (0.0, 0, 0, ()) == (
        found.plausible,
        found.most_on_a_day,
        found.most_serials,
        found.suspicions,
    )
