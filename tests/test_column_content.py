"""What a column's cells say."""

from datetime import date

import pytest
from small_index import iins

from loaders.column_content import ColumnContent
from loaders.column_meaning import UNKNOWN, KnownBy, Meaning, of_name
from lookup.protocol.identifiers import iin_check_digit
from lookup.protocol.suite import Kind

TODAY = date(2026, 11, 30)
IIN = Meaning("government-issued-ids", Kind.IIN)
PHONE = Meaning("phone-numbers", Kind.PHONE)
BIN = Meaning(is_bin=True)


def people(count: int, century: str = "6") -> list[str]:
    """Valid IINs of people born in this century: each begins with 0."""
    found = []
    for serial in range(2 * count):
        first = f"0505{1 + serial % 28:02d}{century}{serial:04d}"
        check = iin_check_digit(first)
        if check is not None:
            found.append(f"{first}{check}")
    return found[:count]


def organisations(count: int) -> list[str]:
    """Valid BINs."""
    found = []
    for serial in range(2 * count):
        first = f"99014{serial:06d}"
        check = iin_check_digit(first)
        if check is not None:
            found.append(f"{first}{check}")
    return found[:count]


def content(*cells: str) -> ColumnContent:
    """Cells that were looked at."""
    result = ColumnContent()
    result.look(cells)
    return result


YEARS = [f"{1950 + i}-05-15" for i in range(50)]
COLUMNS = (
    (people(9), IIN),
    ([*people(9), *["x"] * 9], IIN),
    ([*people(9), *["x"] * 10], UNKNOWN),
    ([*people(9), *["", "-", "н/д", "нет"] * 5], IIN),
    ([cell.lstrip("0") for cell in people(9)], IIN),
    ([f"{cell}.0" for cell in people(9)], IIN),
    (organisations(9), BIN),
    ([*organisations(9), *people(8)], BIN),
    (["8 (701) 000-00-01", "+77010000002", "x", ""], PHONE),
    (["a@example.com", "b@example.com", "-"], Meaning("email-addresses", Kind.EMAIL)),
    (YEARS, Meaning("dates-of-birth")),
    ([f"{day[8:]}.{day[5:7]}.{day[:4]} 00:00:00" for day in YEARS], Meaning("dates-of-birth")),
    (["2025-05-15", "2025-06-01", "2026-01-01"], UNKNOWN),
    ([f"{2000 + i}-01-01" for i in range(60)], UNKNOWN),
    (["Иванов Иван", "Серікұлы Әнуар", "АХМЕТОВА АЙГУЛЬ"], Meaning("names")),
    (["Ivanov Ivan", "Nurlankyzy Aigerim"], Meaning("names")),
    (["Алматы", "Шымкент", "Усть-Каменогорск"], UNKNOWN),
    (["4111 1111 1111 1111", "5500000000000004"], Meaning("credit-cards")),
    (["4111 1111 1111 1112"], UNKNOWN),
    (["KZ86125KZT5004100100"], Meaning("bank-account-numbers")),
    (["192.0.2.1", "2001:db8::1"], Meaning("ip-addresses")),
    (["9.50515E+11"] * 9, UNKNOWN),
    ([], UNKNOWN),
    (["", "нет"], UNKNOWN),
)


@pytest.mark.parametrize(("column", "meaning"), COLUMNS)
def test_half_of_the_filled_cells_tell(column: list[str], meaning: Meaning) -> None:
    """What holds nothing does not count, and chance is far below a half."""
    assert meaning == content(*column).meaning(TODAY)


def test_what_a_spreadsheet_did_to_iins_is_counted() -> None:
    """Zeros that can be restored, numbers that were rounded for good, and organisations."""
    cells = [*people(3), *(c.lstrip("0") for c in people(2)), "9.50515E+11", *organisations(1), ""]
    found = content(*cells)
    assert (8, 7) == (found.looked_at, found.filled)
    assert (4, 3, 1) == (found.valid[Kind.IIN], found.persons, found.bins)
    assert (2, 1) == (found.lost_zeros, found.rounded)


BY_BOTH = (
    ("iin", people(9), IIN, KnownBy.HEADER),
    ("x", people(9), IIN, KnownBy.CONTENT),
    ("телефон", people(9), IIN, KnownBy.CONTENT),
    ("иин", organisations(9), BIN, KnownBy.CONTENT),
    ("бин", people(9), IIN, KnownBy.CONTENT),
    ("бин", organisations(9), BIN, KnownBy.HEADER),
    ("бин", ["x"], BIN, KnownBy.HEADER),
    ("иин", ["x"], IIN, KnownBy.HEADER),
    ("город", YEARS, Meaning("geographic-locations"), KnownBy.HEADER),
    ("x", YEARS, Meaning("dates-of-birth"), KnownBy.CONTENT),
    ("x", ["y"], UNKNOWN, None),
)


@pytest.mark.parametrize(("name", "column", "meaning", "known_by"), BY_BOTH)
def test_identifiers_are_evidence_against_a_name(
    name: str, column: list[str], meaning: Meaning, known_by: KnownBy | None
) -> None:
    """Otherwise the name counts, and content only where the name says nothing."""
    assert (meaning, known_by) == content(*column).known_by(of_name(name), TODAY)


def test_identifiers_of_a_relative_stay_a_relatives() -> None:
    """They can be loaded by, but their column's class is not the row's own."""
    found = content(*people(9)).known_by(of_name("ИИН супруга"), TODAY)
    assert (Meaning("family-members", Kind.IIN), KnownBy.HEADER) == found


def test_the_helpers_make_what_they_say() -> None:
    """The cases above are about what they claim to be about."""
    assert len({*people(9), *organisations(9), *iins(3)}) == 21
