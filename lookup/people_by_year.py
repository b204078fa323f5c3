"""How many people the leaks of each year affected: the bars of the register's chart."""

from collections.abc import Iterable
from dataclasses import dataclass

from lookup.index.dataset import AtLeast, Dataset


@dataclass(frozen=True)
class Bar:
    """One year.

    Attributes:
        people: the sum of what is known, from below.
        is_exact: whether no count is one from below, and none is missing.
        unknown: how many leaks of the year have no count.
        share: of the fullest year, in per cent.
    """

    year: str
    people: int
    is_exact: bool
    unknown: int
    share: float


def people_by_year(leaks: Iterable[tuple[str, Dataset]]) -> tuple[Bar, ...]:
    """The years in order; each leak comes with the day that counts.

    A person who is in two leaks of a year is counted twice: nobody can know better.
    """
    people: dict[str, int] = {}
    unknown: dict[str, int] = {}
    vague: set[str] = set()
    for day, leak in leaks:
        year, count = day[:4], leak.people
        known = count.at_least if isinstance(count, AtLeast) else count or 0
        people[year] = people.get(year, 0) + known
        unknown[year] = unknown.get(year, 0) + (count is None)
        if not isinstance(count, int):
            vague.add(year)
    most = max(people.values(), default=0) or 1
    return tuple(
        Bar(
            year,
            people[year],
            year not in vague,
            unknown[year],
            round(100 * people[year] / most, 1),
        )
        for year in sorted(people)
    )
