"""Dates as records write them, each with the days that it can mean."""

import calendar
import re
from dataclasses import dataclass
from datetime import date

from loaders.incidents import plain_text

QUARTER = 92  # days: the longest quarter of a year
_EARLIEST = 1991  # years before are what programs write for "no date"

_ISO = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2})(?:[T ][0-9:.]{1,20}(?:Z|[+-][0-9:]{4,6})?)?)?")
_MONTH_YEAR = re.compile(r"(\d{1,2})[/.](\d{4})")
_DAY_MONTH_YEAR = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?: ?г(?:ода|\.)?| ?ж(?:ылы|\.)?)?")
_RUSSIAN = re.compile(r"(\d{1,2}) (\w+) (\d{4})(?: ?г(?:ода|\.)?)?")
_KAZAKH = re.compile(r"(\d{4}) жыл(?:ғы|дың) (\d{1,2}) (\w+)")
_MONTHS = {
    name: number
    for names in (
        "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
        "қаңтар ақпан наурыз сәуір мамыр маусым шілде тамыз қыркүйек қазан қараша желтоқсан",
    )
    for number, name in enumerate(names.split(), 1)
}


@dataclass(frozen=True)
class Claimed:
    """A date that a record claims.

    Attributes:
        text: as the dataset file writes it: a day, or a month where only that is known.
        first, last: the days it can mean.
        is_placeholder: it was the first of a month, which is what is written for the month.
    """

    text: str
    first: date
    last: date
    is_placeholder: bool = False

    def days_to(self, other: "Claimed") -> int:
        """The least number of days between the two; 0 where they can be the same day."""
        return max((other.first - self.last).days, (self.first - other.last).days, 0)


def read(value: object, *, trust_first: bool = False) -> Claimed | None:
    """The date, or None where there is none to be read.

    Args:
        trust_first: take the first of a month for that day, not for the whole month.
    """
    written = plain_text.line(value).casefold() if isinstance(value, str) else ""
    if not 6 <= len(written) <= 40:
        return None
    parts = _parts(written)
    if parts is None:
        return None
    year, month, day = parts
    try:
        exact = date(year, month, day or 1)
    except ValueError:
        return None
    if year < _EARLIEST:
        return None
    if day and (day != 1 or trust_first):
        return Claimed(exact.isoformat(), exact, exact)
    last = exact.replace(day=calendar.monthrange(year, month)[1])
    return Claimed(f"{year:04}-{month:02}", exact, last, is_placeholder=bool(day))


def _parts(written: str) -> tuple[int, int, int | None] | None:
    """Year, month, day, as far as they are written; not yet checked."""
    if not written.isascii() and not any(month in written for month in _MONTHS):
        written = re.sub(r"[^\x00-\x7f]+\.?$", "", written).strip()
    if found := _ISO.fullmatch(written.upper()):
        return int(found[1]), int(found[2]), int(found[3]) if found[3] else None
    if found := _MONTH_YEAR.fullmatch(written):
        return int(found[2]), int(found[1]), None
    if found := _DAY_MONTH_YEAR.fullmatch(written):
        return int(found[3]), int(found[2]), int(found[1])
    if (found := _RUSSIAN.fullmatch(written)) and found[2] in _MONTHS:
        return int(found[3]), _MONTHS[found[2]], int(found[1])
    if (found := _KAZAKH.fullmatch(written)) and found[3] in _MONTHS:
        return int(found[1]), _MONTHS[found[3]], int(found[2])
    return None
