"""The chart's sums: what is known from below, and how many leaks of a year have no count."""

import pytest
from web_index import a_dataset

from lookup.index.listing import known_leaks
from lookup.people_by_year import Bar, people_by_year


def test_no_leaks() -> None:
    """Without leaks there are no bars."""
    assert () == people_by_year([])


def test_a_year_adds_up() -> None:
    """Exact counts and those known from below are one sum; years come in their order."""
    leaks = [
        ("2025-06-16", a_dataset("a", people=300)),
        ("2024-01", a_dataset("b", people={"at_least": 50})),
        ("2025-12", a_dataset("c", people={"at_least": 100})),
        ("2024-12-31", a_dataset("d", people=50)),
    ]
    assert (Bar("2024", 100, False, 0, 25.0), Bar("2025", 400, False, 0, 100.0)) == people_by_year(
        leaks
    )
    assert people_by_year(leaks) == people_by_year(reversed(leaks))


def test_an_unknown_count_is_told() -> None:
    """A leak without a count adds nobody and is counted; one with nobody in it is known."""
    leaks = [
        ("2024-02", a_dataset("a")),
        ("2024-03", a_dataset("b", people=7)),
        ("2024-04", a_dataset("c")),
        ("2023-01", a_dataset("d", people=0)),
        ("2022-01", a_dataset("e")),
    ]
    assert (
        Bar("2022", 0, False, 1, 0.0),
        Bar("2023", 0, True, 0, 0.0),
        Bar("2024", 7, False, 2, 100.0),
    ) == people_by_year(leaks)


def test_the_day_beside_a_leak_counts() -> None:
    """The year is that of the day it is given with, and not of the leak's own dates."""
    (bar,) = people_by_year([("2031-05", a_dataset("a", public_on="2024-02-16", people=1))])
    assert "2031" == bar.year


@pytest.mark.parametrize(
    ("people", "most", "share"), [(1, 3, 33.3), (2, 3, 66.7), (1, 10**12, 0.0)]
)
def test_shares_are_of_the_fullest_year(people: int, most: int, share: float) -> None:
    """The longest bar is the fullest year's; shares have one decimal."""
    leaks = [("2024-01", a_dataset("a", people=people)), ("2025-01", a_dataset("b", people=most))]
    assert [share, 100.0] == [bar.share for bar in people_by_year(leaks)]


def test_leaks_may_come_once() -> None:
    """Any iterable will do."""
    assert 1 == len(
        people_by_year((day, a_dataset("a", people=1)) for day in ("2024-01", "2024-02"))
    )


def test_the_leaks_that_are_shipped() -> None:
    """2024 has two million at least and two unknown; 2025 has 15.8 million and one unknown."""
    leaks = [(leak.public_on or leak.breach_date, leak) for leak in known_leaks()]
    assert (
        Bar("2024", 2_000_000, False, 2, 12.7),
        Bar("2025", 15_800_000, False, 1, 100.0),
    ) == people_by_year(leaks)
