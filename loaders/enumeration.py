"""Whether a dump's IINs look like people, or like a list of all IINs that there can be.

Whoever loads such a list makes everybody "found". An IIN is a birth date, a 7th digit for century
and sex, four serial digits and a check digit: 10,000 serials a day and 7th digit, of which 1 in 120
cannot exist. What is told of a dump is counts only.

What cannot be told: a list of random IINs, thin enough that no day has too many.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from loaders import iin_shape

# Kazakhstan's fullest year had 446,491 births (2021), 1,223 a day; some days have more, and people
# come from abroad. 1 January is left out: it stands for birth dates that nobody knew.
MOST_ON_A_DAY = 3_000
MOST_PEOPLE = 40_000_000  # 20 million live there; IINs of the dead and of guests are kept, too
_OLD = 105  # years; about one in 100,000 is older
_MOST_OLD = 0.01
_MOST_NEIGHBOURS = 0.5
_MOST_IMPLAUSIBLE = 0.2
_FEW = 1_000  # of fewer IINs shares say little

_CENTURIES = np.array([0, 1800, 1800, 1900, 1900, 2000, 2000, 0, 0, 0], dtype=np.int64)


@dataclass(frozen=True)
class Enumeration:
    """What the distinct IINs of a dump are like.

    Attributes:
        plausible: the share that begins with a birth date from 1900 to today.
        old: the share born more than 105 years ago.
        most_on_a_day: how many share the fullest birth date but for 1 January.
        most_serials: how many of the 10,000 serials of a birth date and 7th digit are there.
        neighbours: the share whose next row has the next serial of the same birth date.
        suspicions: sentences on what people are not like; none is proof.
    """

    plausible: float
    old: float
    most_on_a_day: int
    most_serials: int
    neighbours: float
    suspicions: tuple[str, ...]


def examine(numbers: NDArray[np.int64], rows: NDArray[np.uint32], today: date) -> Enumeration:
    """Examine distinct IINs in ascending order, and the first row that each stood in."""
    count = len(numbers)
    days = _days(numbers)
    latest = today.year * 10_000 + today.month * 100 + today.day
    dated = days[(days >= 19_000_101) & (days <= latest)]
    old = np.count_nonzero((days > 0) & (days < latest - _OLD * 10_000))
    near = (np.diff(numbers // 10) <= 2) & (np.diff(numbers // 100_000) == 0)
    near &= np.diff(rows.astype(np.int64)) == 1
    neighbours = int(np.count_nonzero(near))
    on_a_day = _fullest(np.sort(dated[dated % 10_000 != 101]))
    shares = (
        (len(dated) / count, int(old) / count, neighbours / count) if count else (0.0, 0.0, 0.0)
    )
    return Enumeration(
        plausible=round(shares[0], 4),
        old=round(shares[1], 4),
        most_on_a_day=on_a_day,
        most_serials=_fullest(numbers // 100_000),
        neighbours=round(shares[2], 4),
        suspicions=_suspicions(count, shares, on_a_day),
    )


def _suspicions(count: int, shares: tuple[float, float, float], on_a_day: int) -> tuple[str, ...]:
    plausible, old, neighbours = shares
    many = count >= _FEW
    told = {
        f"{on_a_day:,} people share a birth date, and Kazakhstan has about 1,200 births a day": (
            on_a_day > MOST_ON_A_DAY
        ),
        f"{count:,} IINs are more than Kazakhstan has given to people": count > MOST_PEOPLE,
        f"{old:.0%} would be older than {_OLD} years": many and old > _MOST_OLD,
        f"{1 - plausible:.0%} of the IINs begin with no birth date": (
            many and 1 - plausible > _MOST_IMPLAUSIBLE
        ),
        f"{neighbours:.0%} of the rows have the next IIN below them, as in a list that a program "
        "made, or a whole register in order": many and neighbours > _MOST_NEIGHBOURS,
    }
    return tuple(sentence for sentence, is_so in told.items() if is_so)


def _days(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Birth dates as YYYYMMDD; 0 where an IIN tells none."""
    seventh = numbers // 100_000 % 10
    century = _CENTURIES[seventh]
    is_date = iin_shape.persons(numbers) & (century > 0)
    return np.where(is_date, century * 10_000 + numbers // 1_000_000, 0)


def _fullest(ordered: NDArray[np.int64]) -> int:
    """How often the most frequent of ordered numbers occurs."""
    if not len(ordered):
        return 0
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return int(np.diff(np.append(starts, len(ordered))).max())
