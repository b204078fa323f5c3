"""What a column holds, by its cells: some of them are looked at, counted, and forgotten.

A column holds identifiers of a kind if at least half of its filled cells are valid ones. Of random
numbers of 12 digits 10 % are valid IINs, so half is far beyond chance; organisations' numbers are
valid as often as people's and are told apart by their digits (``iin_shape``).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from loaders import cells, fractions, iin_shape, unseen
from loaders.column_meaning import OWN_CLASS, RELATIVES, UNKNOWN, KnownBy, Meaning
from lookup.protocol.suite import Kind

_HALF = 0.5
_MOST = 0.8
_SPREAD = 20  # years between the first and the last tenth of birth dates, at least

_DATE = re.compile(
    r"(?:\d{1,2}[./-]\d{1,2}[./-](?P<last>\d{4})|(?P<first>\d{4})[./-]\d{1,2}[./-]\d{1,2})"
    r"(?:[ T][\d:.+Z]{1,20})?"
)
_WORD = r"[^\W\d_]{2,24}(?:-[^\W\d_]{2,24})?"
# A full name, one word of it a surname or a patronymic by its ending.
_NAME = re.compile(rf"{_WORD}(?: {_WORD}){{1,3}}")
_ENDING = re.compile(
    r"(?:[оеё]ва?|[иы]на?|ская|ский|енко|вич|вна|[ұу]лы|[қк]ызы|(?<=.)(?:ova?|eva?|ina?|sk[iy]y?|skaya)"
    r"|vich|vna|[uo]ly|[kq]yzy)(?= |$)",
    re.IGNORECASE,
)
_OTHERS = {
    "bank-account-numbers": re.compile(r"KZ\d{2}[A-Z0-9]{16}"),
    "ip-addresses": re.compile(
        r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){3,7}"
    ),
}
_CARD = re.compile(r"\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}")


@dataclass
class ColumnContent:
    """How many cells were looked at, and how many of them are what.

    Attributes:
        filled: cells that hold something.
        valid: of each kind.
        persons, bins: of the valid IINs, those that look like a person's or an organisation's.
        lost_zeros: cells that zeros would make a person's IIN; ``rounded`` ones are gone for good.
        other: by data class, cells that are written like it.
        years: of the dates among them.
    """

    looked_at: int = 0
    filled: int = 0
    valid: Counter[Kind] = field(default_factory=Counter)
    persons: int = 0
    bins: int = 0
    lost_zeros: int = 0
    rounded: int = 0
    other: Counter[str] = field(default_factory=Counter)
    years: Counter[int] = field(default_factory=Counter)

    def look(self, texts: Sequence[str]) -> None:
        """Count some cells."""
        self.looked_at += len(texts)
        column = cells.Column.of(texts)
        filled = [texts[at] for at in np.flatnonzero(cells.present(column)).tolist()]
        self.filled += len(filled)
        rest = self._without_dates(self._without_iins(filled))
        for kind in (Kind.PHONE, Kind.EMAIL):
            column, _ = fractions.dropped(cells.Column.of(rest))
            found, _ = unseen.look(kind, column, cells.parse(kind, column))
            valid = found.valid
            self.valid[kind] += int(np.count_nonzero(valid))
            rest = [rest[at] for at in np.flatnonzero(~valid).tolist()]
        for cell in rest:
            self._look_at_other(cell.strip())

    def meaning(self, today: date) -> Meaning:
        """What the column holds, as far as its cells tell."""
        if not self.filled:
            return UNKNOWN
        iins = self.valid[Kind.IIN] + self.lost_zeros
        persons = self.persons + self.lost_zeros
        if iins >= _HALF * self.filled and max(persons, self.bins) >= _HALF * iins:
            if self.bins > persons:
                return Meaning(is_bin=True)
            return Meaning(OWN_CLASS[Kind.IIN], Kind.IIN)
        for kind in (Kind.PHONE, Kind.EMAIL):
            if self.valid[kind] >= _HALF * self.filled:
                return Meaning(OWN_CLASS[kind], kind)
        for slug, count in self.other.most_common(1):
            if count >= _HALF * self.filled:
                return Meaning(slug)
        return Meaning("dates-of-birth") if self._are_birth_dates(today) else UNKNOWN

    def known_by(self, by_name: Meaning, today: date) -> tuple[Meaning, KnownBy | None]:
        """The column's meaning: cells that are identifiers are evidence, else its name counts."""
        by_content = self.meaning(today)
        if by_name.data_class == RELATIVES:
            return Meaning(RELATIVES, by_content.kind), KnownBy.HEADER
        if by_content.kind is not None or by_content.is_bin:
            same = by_content.kind == by_name.kind and by_content.is_bin == by_name.is_bin
            return (by_name, KnownBy.HEADER) if same else (by_content, KnownBy.CONTENT)
        if by_name != UNKNOWN:
            return by_name, KnownBy.HEADER
        return by_content, KnownBy.CONTENT if by_content != UNKNOWN else None

    def _without_iins(self, filled: list[str]) -> list[str]:
        found = cells.parse(Kind.IIN, filled)
        numbers = found.numbers
        assert numbers is not None  # noqa: S101  IINs are numbers
        numbers = numbers[found.valid]
        rest = []
        again = []
        for at in np.flatnonzero(~found.valid).tolist():
            restored = iin_shape.padded(filled[at])
            if restored is None:
                rest.append(filled[at])
                self.rounded += iin_shape.is_rounded(filled[at])
            elif len(iin_shape.digits(filled[at]) or "") < iin_shape.DIGITS:
                self.lost_zeros += 1
            else:
                again.append(int(restored))
        numbers = np.concatenate((numbers, np.array(again, dtype=np.int64)))
        self.valid[Kind.IIN] += len(numbers)
        self.persons += int(np.count_nonzero(iin_shape.persons(numbers)))
        self.bins += int(np.count_nonzero(iin_shape.bins(numbers)))
        return rest

    def _without_dates(self, cells_left: list[str]) -> list[str]:
        rest = []
        for cell in cells_left:
            match = _DATE.fullmatch(cell.strip())
            if match is None:
                rest.append(cell)
            else:
                self.years[int(match["last"] or match["first"])] += 1
        return rest

    def _look_at_other(self, cell: str) -> None:
        for slug, pattern in _OTHERS.items():
            if pattern.fullmatch(cell):
                self.other[slug] += 1
        if _CARD.fullmatch(cell) and _is_luhn(re.sub(r"\D", "", cell)):
            self.other["credit-cards"] += 1
        elif _NAME.fullmatch(cell) and _ENDING.search(cell):
            self.other["names"] += 1

    def _are_birth_dates(self, today: date) -> bool:
        """Birth dates lie decades apart and not in the future; a shop's orders do not."""
        if self.years.total() < _MOST * self.filled:
            return False
        years = sorted(self.years.elements())
        first, last = years[len(years) // 10], years[-1 - len(years) // 10]
        return first >= 1900 and last <= today.year and last - first >= _SPREAD


def _is_luhn(digits: str) -> bool:
    """Whether the last digit is a payment card's check digit."""
    doubled = sum(sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0
