"""Counts as records write them: 16000000, "16,000,000+", "over 2 million"."""

import re
from dataclasses import dataclass

_WRITTEN = re.compile(
    r"(?P<over>over |more than |at least |> ?|более |свыше )?"
    r"(?P<number>\d{1,3}(?:[, \u00a0\u202f]\d{3}){1,3}|\d{1,12}(?:\.\d{1,3})?)"
    r" ?(?P<scale>thousand|million|billion|k|m|bn|тыс|млн|млрд)?\.? ?(?P<plus>\+)?",
    re.IGNORECASE | re.ASCII,
)
_SCALES = {
    **dict.fromkeys(("thousand", "k", "тыс"), 10**3),
    **dict.fromkeys(("million", "m", "млн"), 10**6),
    **dict.fromkeys(("billion", "bn", "млрд"), 10**9),
}
_MOST = 10**12


@dataclass(frozen=True)
class Count:
    """A number of people or rows, perhaps known only from below."""

    number: int
    is_minimum: bool

    @property
    def value(self) -> int | dict[str, int]:
        """As the dataset file writes it."""
        return {"at_least": self.number} if self.is_minimum else self.number


def read(value: object) -> Count | None:
    """The count, or None where there is none to be read."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return Count(value, is_minimum=False) if 0 <= value <= _MOST else None
    found = _WRITTEN.fullmatch(value.strip()) if len(value) <= 60 else None
    if found is None:
        return None
    digits = re.sub(r"[^0-9.]", "", found["number"])
    scale = _SCALES[found["scale"].casefold()] if found["scale"] else 1
    whole, _, rest = digits.partition(".")
    if rest and scale == 1:
        return None
    number = int(whole) * scale + (int(rest) * scale // 10 ** len(rest) if rest else 0)
    if number > _MOST:
        return None
    return Count(number, is_minimum=bool(found["over"] or found["plus"]))
