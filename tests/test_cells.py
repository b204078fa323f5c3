"""Whole columns at once give the verdicts of the rule, however badly the cells are written."""

import random
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders import cells
from lookup.errors import Code, InputError
from lookup.protocol.identifiers import canonical, iin_check_digit
from lookup.protocol.suite import Kind

PRESENT = (
    "0",
    "00",
    "x",
    "нет.",
    "Нетай",
    "Nan Li",
    "жоқшы",
    "\\n n",
    "н/д.",
    "nulls",
    "N",
    "/",
    "н / д",
    "false",
    "- 1",
    "Иванов",
    " . ",
)
ABSENT = (
    *("", " ", "      ", "\t", "\u00a0\u00a0\u00a0\u00a0\u00a0", "-", " - ", "    -    "),
    *("NULL", "null", "Null", " NULL ", "\u00a0null\u00a0", "н/д", "Н/Д", " н/д ", "\tН/д\r"),
    *("\\N", "None", "NaN", "N/A", "#N/A", "(null)", "undefined", "—", " – ", "нет", "НЕТ ДАННЫХ"),
    *("Не указано", "жоқ", "ЖОҚ", "отсутствует", "Деректер жоқ", "көрсетілмеген"),
)

# Digits to str.isdigit or int() that are not ASCII: Arabic, full-width, superscript, Devanagari.
OTHER_DIGITS = "٠٣９１²३"
AROUND = st.text(" -\u00a0\u202f\ufeff\t\n\u2009\u3000", max_size=3)
DIGITS = "0123456789"


def one_by_one(kind: Kind, column: Sequence[str]) -> tuple[list[str | None], dict[int, Code]]:
    """What the rule says: the canonical texts, and the reasons of cells that hold something bad."""
    texts: list[str | None] = []
    bad = {}
    for i, cell in enumerate(column):
        try:
            texts.append(canonical(kind, cell))
        except InputError as error:
            texts.append(None)
            if cells.is_present(cell):
                bad[i] = error.code
    return texts, bad


def in_bulk(
    kind: Kind, column: cells.Column | Sequence[str]
) -> tuple[list[str | None], dict[int, Code]]:
    """What ``parse`` says, in the same form; every invalid cell must be empty or zero in it."""
    found = cells.parse(kind, column)
    valid = found.valid.tolist()
    if found.numbers is None:
        assert found.texts is not None
        assert valid == [bool(text) for text in found.texts]
        return [text or None for text in found.texts], found.bad
    numbers = found.numbers.tolist()
    assert valid == [number != 0 for number in numbers]
    return [cells.text_of(kind, number) if number else None for number in numbers], found.bad


@st.composite
def iins(draw: st.DrawFn) -> str:
    """Valid IINs, and texts that are almost IINs."""
    born = draw(st.text(DIGITS, min_size=7, max_size=7))
    first = f"{born}9{draw(st.text(DIGITS, min_size=3, max_size=3))}"
    check = iin_check_digit(first)
    digit = str(check) if check is not None and draw(st.booleans()) else draw(st.sampled_from("09"))
    text = first + digit
    at = draw(st.integers(0, 11))
    match draw(st.integers(0, 6)):
        case 0:
            text = text[:at] + draw(st.sampled_from(OTHER_DIGITS)) + text[at + 1 :]
        case 1:
            text = text[:at] + draw(st.sampled_from(" -\u00a0x.\0/:")) + text[at + 1 :]
        case 2:
            text = text[:at] + text[at + 1 :]
        case 3:
            text = text[:at] + draw(st.sampled_from(DIGITS)) + text[at:]
        case 4:
            text = draw(st.sampled_from(("000000000000", "0" * 11 + "1", "-1", "+" + text[1:])))
    return draw(AROUND) + text + draw(AROUND)


@st.composite
def phones(draw: st.DrawFn) -> str:
    """Kazakhstan's and foreign numbers in every style, and texts that are almost numbers."""
    code = draw(st.sampled_from(("701", "777", "747", "727", "717", "751", "712", "700", "799")))
    national = code + draw(st.text(DIGITS, min_size=7, max_size=7))
    if draw(st.integers(0, 4)) == 0:
        national = draw(st.text(DIGITS + OTHER_DIGITS, min_size=4, max_size=14))
    gap = st.sampled_from(("", "", "", " ", "-", ".", "/", "(", ")", ") ", "\u00a0", "\u202f", "x"))
    usual = st.sampled_from(("", "+7", "7", "8"))
    odd = st.sampled_from(("+8", "+", "+ 7", "(+7)", "(8)", "8-", "810", "00", "+1", "+998", "78"))
    prefix = draw(usual | odd)
    gaps = sorted(draw(st.lists(st.integers(0, len(national)), max_size=4)))
    pieces = [national[a:b] for a, b in zip([0, *gaps], [*gaps, len(national)], strict=True)]
    text = prefix + draw(gap) + "".join(piece + draw(gap) for piece in pieces)
    tail = draw(st.sampled_from(("", "", "", "", ",", ";ext=12", " доб. 12", "#12", "/2", " 7")))
    return draw(AROUND) + text + tail + draw(AROUND)


EMAILS = st.builds(
    "{}{}@{}{}".format,
    AROUND,
    st.text("aZ9.+-_'\"ж ", max_size=6),
    st.lists(st.text("aZ9-жЖßñ_", max_size=4), max_size=3).map(".".join),
    AROUND,
)
ANYTHING = st.text(max_size=15) | st.sampled_from((*PRESENT, *ABSENT, "--", "\ufeff"))


@settings(deadline=None, max_examples=400)
@given(st.lists(iins() | ANYTHING, max_size=12))
def test_a_column_of_iins_gives_the_verdicts_of_the_rule(column: list[str]) -> None:
    """A citizen's IIN is recognised exactly where the citizen's own page would recognise it."""
    assert one_by_one(Kind.IIN, column) == in_bulk(Kind.IIN, column)


@settings(deadline=None, max_examples=500)
@given(st.lists(phones() | ANYTHING, max_size=12))
def test_a_column_of_phones_gives_the_verdicts_of_the_rule(column: list[str]) -> None:
    """However a phone number is written, the fast path says what libphonenumber says."""
    assert one_by_one(Kind.PHONE, column) == in_bulk(Kind.PHONE, column)


@settings(deadline=None, max_examples=200)
@given(st.lists(EMAILS | ANYTHING, max_size=12))
def test_a_column_of_emails_gives_the_verdicts_of_the_rule(column: list[str]) -> None:
    """E-mail addresses stay text and are those of the rule."""
    assert one_by_one(Kind.EMAIL, column) == in_bulk(Kind.EMAIL, column)


def test_every_operator_and_area_code_is_judged_as_by_the_rule() -> None:
    """All 1,000 codes of Kazakhstan in five styles: no range of numbers is lost or invented."""
    dice = random.Random(7)
    column = [
        style.format(f"{code:03d}", f"{dice.randrange(10**7):07d}")
        for code in range(1000)
        for style in ("{}{}", "8{}{}", "7{}{}", "+7 ({}) {}", "+8{}{}")
    ]
    texts, bad = one_by_one(Kind.PHONE, column)
    assert 5000 == len(texts)
    assert sum(text is not None for text in texts) > 500
    assert (texts, bad) == in_bulk(Kind.PHONE, column)


def test_random_iins_are_judged_as_by_the_rule() -> None:
    """20,000 random numbers, a tenth of them valid, cross both weightings of the check digit."""
    dice = random.Random(12)
    column = [f"{dice.randrange(10**7):07d}9{dice.randrange(10**4):04d}" for _ in range(20_000)]
    texts, bad = one_by_one(Kind.IIN, column)
    assert 1500 < sum(text is not None for text in texts) < 2500
    assert (texts, bad) == in_bulk(Kind.IIN, column)


def test_signs_beside_the_digits_are_no_digits() -> None:
    """A sign whose code is next to a digit's, or a letter's, never counts in the check."""
    dice = random.Random(13)
    column = [f"{dice.randrange(10**7):07d}9{dice.randrange(10**3):03d}:" for _ in range(2000)]
    column += [dice.choice(":/;@aA") + cell[1:11] + str(dice.randrange(10)) for cell in column]
    assert ([None] * 4000, dict.fromkeys(range(4000), Code.IIN_CHARACTERS)) == in_bulk(
        Kind.IIN, column
    )


@settings(deadline=None, max_examples=400)
@given(st.lists(ANYTHING | st.tuples(AROUND, st.sampled_from(ABSENT), AROUND).map("".join)))
def test_a_column_is_present_where_each_cell_is(column: list[str]) -> None:
    """A data class is set by a whole column exactly as by each of its cells."""
    expected = [cells.is_present(cell) for cell in column]
    assert expected == cells.present(cells.Column.of(column)).tolist()


@settings(deadline=None, max_examples=300)
@given(st.lists(st.binary(max_size=30) | phones().map(str.encode), max_size=8), st.data())
def test_cells_cut_from_a_file_are_judged_without_their_neighbours(
    written: list[bytes], data: st.DataObject
) -> None:
    """Whatever bytes stand before and after a cell, and whether they are UTF-8 or not."""
    gaps = [data.draw(st.sampled_from((b"", b";", b"7", b"\n", b"\xd0"))) for _ in written]
    raw, spans = b"", []
    for gap, cell in zip(gaps, written, strict=True):
        raw += gap
        spans.append((len(raw), len(raw) + len(cell)))
        raw += cell
    ends = np.array(spans, dtype=np.int64).reshape(-1, 2)
    column = cells.Column(raw, ends[:, 0], ends[:, 1])
    texts = [cell.decode("utf-8", "replace") for cell in written]
    assert texts == column.texts()
    assert [cells.is_present(text) for text in texts] == cells.present(column).tolist()
    for kind in Kind:
        assert in_bulk(kind, texts) == in_bulk(kind, column)


def test_a_lone_surrogate_is_no_letter_of_an_address() -> None:
    """What a JSON dump can hold and UTF-8 cannot is a bad cell, as the rule says."""
    column = ["\ud800@example.com", "a\ud800@example.com", "7701\ud8000000001", "\ud800"]
    for kind in Kind:
        assert one_by_one(kind, column) == in_bulk(kind, column)


def test_usual_phones_never_wait_for_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """The forms that dumps are full of are checked in bulk, or a load takes minutes more."""

    def refuse(kind: Kind, text: str) -> str:
        raise AssertionError((kind, text))

    monkeypatch.setattr(cells, "canonical", refuse)
    column = ["+77010000001", "87010000001", "77010000001", "7010000001", "8 (701) 000-00-01"]
    column += ["+7 701 000 00 01", "+7(701)000-00-01", "8-701-000-00-01", "8.701.000.00.01"]
    assert (["+77010000001"] * 9, {}) == in_bulk(Kind.PHONE, column)


def test_every_prefix_of_five_digits_is_judged_as_by_the_rule() -> None:
    """What the bulk path knows of Kazakhstan's ranges is neither more nor less than the rule."""
    dice = random.Random(9)
    column = [f"87{prefix:04d}{dice.randrange(10**5):05d}" for prefix in range(10_000)]
    in_ranges = (cells._phones(cells.Column.of(column)) != 0).tolist()
    texts, bad = one_by_one(Kind.PHONE, column)
    assert (texts, bad) == in_bulk(Kind.PHONE, column)
    assert [] == [i for i in range(10_000) if in_ranges[i] and texts[i] is None]
    mobile = [i for i, text in enumerate(texts) if text is not None and text[3] in "04678"]
    assert 1900 == len(mobile)  # 19 operators' codes
    assert all(in_ranges[i] for i in mobile)


def test_a_range_told_by_a_later_digit_is_left_to_the_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Should libphonenumber's metadata look at a later digit one day, no number is invented."""
    patterns = {"mobile": r"7(?:01\d{7}|02\d{6}[1-9])", "fixed_line": r"7203\d{6}"}
    described = {
        name: SimpleNamespace(national_number_pattern=pattern) for name, pattern in patterns.items()
    }
    metadata = SimpleNamespace(metadata_for_region=lambda _: SimpleNamespace(**described))
    monkeypatch.setattr(cells, "PhoneMetadata", metadata)
    known = np.flatnonzero(cells._kz_prefixes.__wrapped__()).tolist()
    assert [*range(100, 200), *range(2030, 2040)] == known


@pytest.mark.parametrize("kind", list(Kind))
def test_an_empty_column_has_no_verdicts(kind: Kind) -> None:
    """A block without rows is nothing to stumble over."""
    assert ([], {}) == in_bulk(kind, [])


@pytest.mark.parametrize("cell", ABSENT)
def test_cells_that_hold_nothing(cell: str) -> None:
    """Blanks and the usual words for nothing set no data class, with any blanks around them."""
    assert False is cells.is_present(cell)


@pytest.mark.parametrize("cell", PRESENT)
def test_cells_that_hold_something(cell: str) -> None:
    """Everything else is data that leaked, a zero too."""
    assert True is cells.is_present(cell)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_cell_that_holds_nothing_is_no_bad_cell(kind: Kind) -> None:
    """An empty cell is neither valid nor counted as a mistake."""
    assert ([None] * len(ABSENT), {}) == in_bulk(kind, ABSENT)


def test_each_bad_cell_has_its_reason() -> None:
    """The reasons in a certificate are the rule's own."""
    column = ("12345678901x", "1234", "000000000000", "123456789012", "", "--")
    reasons = ("iin_characters", "iin_length", "iin_placeholder", "iin_check_digit")
    expected = dict(enumerate(reasons)) | {5: "empty"}
    assert expected == cells.parse(Kind.IIN, column).bad
