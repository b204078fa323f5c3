"""The canonical text of an IIN, a phone number and an e-mail address.

The tables are vector files, because the browser's code must pass the same ones; a file that lost
cases fails here. Every number and address is synthetic (see vectors/README.md).
"""

import json
import string
import time
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lookup.errors import Code, InputError
from lookup.protocol.identifiers import canonical, email, iin, iin_check_digit, phone
from lookup.protocol.suite import Kind

VECTORS = Path(__file__).parent / "vectors"
IIN: dict[str, Any] = json.loads((VECTORS / "iin.json").read_text("utf-8"))
PHONE: dict[str, Any] = json.loads((VECTORS / "phone.json").read_text("utf-8"))
EMAIL: dict[str, Any] = json.loads((VECTORS / "email.json").read_text("utf-8"))

VALID_IIN = "950515390002"
IIN_CODES = {  # by the vector's first words; the file itself names no codes
    "check digit off by one": Code.IIN_CHECK_DIGIT,
    "first 11 digits for which both passes": Code.IIN_CHECK_DIGIT,
    "11 digits": Code.IIN_LENGTH,
    "13 digits": Code.IIN_LENGTH,
    "two neighbouring digits swapped": Code.IIN_CHECK_DIGIT,
    "empty": Code.EMPTY,
    "hyphen inside": Code.IIN_CHARACTERS,
    "superscript digit": Code.IIN_CHARACTERS,
    "trailing newline": Code.IIN_CHARACTERS,
}
AROUND = (" ", "   ", "-", "- ", "\u00a0", "\u202f", "\ufeff", "\ufeff \u00a0")
OTHER_DIGITS = (
    "\u0669\u0665\u0660\u0665\u0661\u0665\u0663\u0669\u0660\u0660\u0660\u0662",  # Arabic-Indic
    "\u06f9\u06f5\u06f0\u06f5\u06f1\u06f5\u06f3\u06f9\u06f0\u06f0\u06f0\u06f2",  # Persian
    "\u00b950515390002",  # one superscript
    "95051539000\u00b2",
    "\uff19\uff15\uff10\uff15\uff11\uff15\uff13\uff19\uff10\uff10\uff10\uff12",  # full-width
    "95051539000\uff12",
    "95051539000\u2461",  # 2 in a circle
    "95051539000\U0001d7d0",  # a mathematical bold 2
)

digits_11 = st.text("0123456789", min_size=11, max_size=11)


def refusal(kind: Kind, text: str) -> Code:
    """The code with which a text is refused."""
    with pytest.raises(InputError) as caught:
        canonical(kind, text)
    return caught.value.code


def first_pass(digits: str) -> int:
    """The standard's first pass over 11 digits; 10 means that the second pass decides."""
    return sum(int(d) * w for d, w in zip(digits, range(1, 12), strict=True)) % 11


def test_vector_files_have_lost_no_cases() -> None:
    """A vector file that was cut short cannot pass for one that was checked."""
    iins = {key: len(IIN[key]) for key in ("valid", "invalid", "policy_dependent", "bin")}
    assert iins == {"valid": 7, "invalid": 9, "policy_dependent": 6, "bin": 9}
    assert (len(EMAIL["valid"]), len(EMAIL["invalid"])) == (39, 67)
    assert (len(PHONE["valid"]), len(PHONE["invalid"])) == (37, 40)
    for file in (EMAIL, PHONE):
        inputs = [case["input"] for case in file["valid"] + file["invalid"]]
        assert len(set(inputs)) == len(inputs)


@pytest.mark.parametrize("case", IIN["valid"], ids=lambda case: case["why"])
def test_valid_iin_is_its_own_canonical_text(case: dict[str, Any]) -> None:
    """An IIN that the state could have issued is looked up as it stands."""
    assert iin(case["iin"]) == case["iin"]


@pytest.mark.parametrize("case", IIN["invalid"], ids=lambda case: case["why"])
def test_invalid_iin_is_refused_for_its_reason(case: dict[str, Any]) -> None:
    """A mistyped IIN is refused with the reason that helps to correct it."""
    expected = [code for words, code in IIN_CODES.items() if case["why"].startswith(words)]
    assert [refusal(Kind.IIN, case["iin"])] == expected


@pytest.mark.parametrize("case", IIN["policy_dependent"], ids=lambda case: case["why"])
def test_check_digit_alone_decides(case: dict[str, Any]) -> None:
    """An IIN with an impossible date is looked up all the same: some people were issued one."""
    if case["iin"] == "0" * 12:
        assert refusal(Kind.IIN, case["iin"]) is Code.IIN_PLACEHOLDER
    else:
        assert iin(case["iin"]) == case["iin"]


@pytest.mark.parametrize("case", IIN["bin"], ids=lambda case: case["bin"])
def test_bin_passes_as_its_check_digit_does(case: dict[str, Any]) -> None:
    """A company's number is not told apart from a person's: nothing but the check digit is read."""
    assert iin(case["bin"]) == case["bin"]


@pytest.mark.parametrize("text", ["010101599302", "000228195406", "881102490101"])
def test_second_pass_of_the_check_digit(text: str) -> None:
    """One IIN in twelve needs the second pass, which a well-known library forgets and refuses."""
    assert first_pass(text[:11]) == 10
    assert iin(text) == text
    assert iin_check_digit(text[:11]) == int(text[11])


def test_no_twelfth_digit_completes_a_dead_serial() -> None:
    """Where both passes give 10 no such number was ever issued, whatever its last digit."""
    assert iin_check_digit("90010130080") is None
    assert {refusal(Kind.IIN, f"90010130080{d}") for d in range(10)} == {Code.IIN_CHECK_DIGIT}


@pytest.mark.parametrize("around", AROUND)
def test_iin_loses_what_was_pasted_around_it(around: str) -> None:
    """Blanks, hyphens and a byte order mark around an IIN do not hide it."""
    assert iin(around + VALID_IIN) == VALID_IIN
    assert iin(VALID_IIN + around) == VALID_IIN
    assert iin(around + VALID_IIN + around) == VALID_IIN


@pytest.mark.parametrize("around", ["\n", "\t", "\r\n", "\u200b", "'", ".", "IIN ", "\0"])
def test_iin_with_anything_else_around_it_is_refused(around: str) -> None:
    """Only the listed signs are stripped, so that loaders and browsers agree on what is."""
    assert refusal(Kind.IIN, around + VALID_IIN) is Code.IIN_CHARACTERS
    assert refusal(Kind.IIN, VALID_IIN + around) is Code.IIN_CHARACTERS


@pytest.mark.parametrize("inside", [" ", "-", "\u00a0", "\ufeff", "\n", ".", "+", "_"])
def test_iin_with_a_sign_inside_is_refused(inside: str) -> None:
    """An IIN in groups is refused, for a cell that holds two numbers looks the same."""
    assert refusal(Kind.IIN, VALID_IIN[:6] + inside + VALID_IIN[6:]) is Code.IIN_CHARACTERS


@pytest.mark.parametrize("text", OTHER_DIGITS)
def test_digits_of_other_scripts_are_refused(text: str) -> None:
    """Digits that Python's int() or isdigit() would take are no digits of an IIN."""
    assert refusal(Kind.IIN, text) is Code.IIN_CHARACTERS


@pytest.mark.parametrize("length", [1, 6, 11, 13, 24, 5000])
def test_iin_of_another_length_is_refused(length: int) -> None:
    """A number with a digit lost or doubled is refused before its check digit is looked at."""
    assert refusal(Kind.IIN, "9" * length) is Code.IIN_LENGTH


@given(digits_11, st.integers(1, 9))
def test_wrong_twelfth_digit_is_always_refused(digits: str, shift: int) -> None:
    """Of the ten possible last digits exactly one is taken."""
    check = iin_check_digit(digits)
    assume(check is not None and digits != "0" * 11)
    assert check is not None
    assert iin(digits + str(check)) == digits + str(check)
    assert refusal(Kind.IIN, digits + str((check + shift) % 10)) is Code.IIN_CHECK_DIGIT


@given(digits_11, st.integers(0, 9), st.integers(1, 9))
@settings(deadline=None)
def test_mistyped_digit_is_refused_within_the_first_pass(digits: str, at: int, shift: int) -> None:
    """Any one of the first ten digits mistyped is refused as long as the first pass decides."""
    wrong = digits[:at] + str((int(digits[at]) + shift) % 10) + digits[at + 1 :]
    check = first_pass(digits)
    assume(check != 10 and first_pass(wrong) != 10)
    assert refusal(Kind.IIN, wrong + str(check)) is Code.IIN_CHECK_DIGIT


def test_what_the_standard_cannot_see() -> None:
    """The standard's first pass weighs the 11th digit 11, which is 0: a typo there is not seen."""
    assert [iin(f"9505153900{d}2") for d in range(10)] == [f"9505153900{d}2" for d in range(10)]


@pytest.mark.parametrize("case", PHONE["valid"], ids=lambda case: case["why"])
def test_every_style_of_a_phone_number_gives_e164(case: dict[str, str]) -> None:
    """However a number was written down, in a dump or by its owner, it is looked up as one."""
    assert phone(case["input"]) == case["canonical"]


@pytest.mark.parametrize("case", PHONE["invalid"], ids=lambda case: case["why"])
def test_what_is_not_a_phone_number_is_refused(case: dict[str, str]) -> None:
    """What no phone could be called by is refused rather than answered "not found"."""
    assert refusal(Kind.PHONE, case["input"]) is Code(case["code"])


@st.composite
def written_numbers(draw: st.DrawFn) -> str:
    """Something like a phone number, with signs between its digits."""
    stems = ["701", "7701", "8701", "+7701", "8727", "+7912", "+44740", "8104474", "+99670", "800"]
    digits = draw(st.sampled_from(stems)) + draw(st.text("0123456789", min_size=6, max_size=8))
    signs = st.sampled_from(["", "", "", " ", "(", ")", "-", ".", "/", "\u00a0"])
    return "".join(digit + draw(signs) for digit in digits)


@given(written_numbers())
@settings(deadline=None, max_examples=300)
def test_phone_is_what_libphonenumber_says(text: str) -> None:
    """Our form of a number takes nothing away from what libphonenumber reads, and adds nothing."""
    expected = None
    try:
        number = phonenumbers.parse(text, "KZ")
        if phonenumbers.is_valid_number(number):
            expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        pass
    try:
        actual = phone(text)
    except InputError:
        actual = None
    assert actual == expected


def test_every_country_s_numbers_are_accepted() -> None:
    """A citizen's foreign number can be looked up, in E.164 or as its country prints it."""
    examples = [
        number
        for region in phonenumbers.SUPPORTED_REGIONS
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
        if (number := phonenumbers.example_number_for_type(region, kind)) is not None
    ]
    assert len(examples) > 400
    styles = phonenumbers.PhoneNumberFormat
    for number in examples:
        e164 = phonenumbers.format_number(number, styles.E164)
        assert phone(e164) == e164
        assert phone(phonenumbers.format_number(number, styles.INTERNATIONAL)) == e164


@pytest.mark.parametrize("case", EMAIL["valid"], ids=lambda case: case["why"])
def test_every_spelling_of_an_address_gives_one_text(case: dict[str, str]) -> None:
    """However an address was typed, in a dump or by its owner, it is looked up as one."""
    assert email(case["input"]) == case["canonical"]


@pytest.mark.parametrize("case", EMAIL["invalid"], ids=lambda case: case["why"])
def test_what_is_not_an_address_is_refused(case: dict[str, str]) -> None:
    """What two programs might read differently is refused alike by all."""
    assert refusal(Kind.EMAIL, case["input"]) is Code(case["code"])


def test_endless_address_is_refused_at_once() -> None:
    """One hostile cell of a dump cannot stall a load (NFC sorts combining marks in n^2)."""
    begun = time.process_time()
    assert refusal(Kind.EMAIL, "a@" + "\u0301\u0316" * 20_000 + ".kz") is Code.EMAIL_INVALID
    assert time.process_time() - begun < 0.5


@given(
    st.one_of(
        st.tuples(st.just(Kind.IIN), digits_11.map(lambda d: f" {d}{iin_check_digit(d)}-")),
        st.tuples(st.just(Kind.PHONE), st.from_regex(r"\A(8|\+?7)[ (-]?7[0-9]{9}\Z")),
        st.tuples(st.just(Kind.PHONE), st.from_regex(r"\A\+[1-9][0-9 ]{6,14}\Z")),
        st.tuples(
            st.just(Kind.EMAIL),
            st.builds(
                lambda local, name, zone: f"{local}@{name}.{zone}",
                st.text(string.ascii_letters + string.digits + "+-._", min_size=1, max_size=8),
                st.text("azAZ09-\u049b\u049a\u0439\u0438\u0306\u00fc\u00dc\u00df\u1e9e\u212a"),
                st.sampled_from(["kz", "KZ", "\u049b\u0430\u0437", "\u049a\u0410\u0417", "k2"]),
            ),
        ),
    )
)
@settings(deadline=None, max_examples=400)
def test_canonical_text_is_its_own_canonical_text(case: tuple[Kind, str]) -> None:
    """Normalising twice changes nothing, so a token does not depend on who normalised first."""
    kind, text = case
    try:
        once = canonical(kind, text)
    except InputError:
        return
    assert canonical(kind, once) == once
    assert once.isascii()


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "MARKER",
        "MARKER@",
        "950515390003",
        "9505153900020000",
        "000000000000",
        "+7999950515390002",
        "950515390002@MARKER",
        "MARKER\u0661",
        "\ud83d",
        "9" * 10_000,
        "a" * 10_000 + "@b.kz",
        "." * 10_000,
    ],
)
def test_a_refusal_repeats_nothing(kind: Kind, text: str) -> None:
    """An error can be logged or shown: it holds nothing of what was typed."""
    with pytest.raises(InputError) as caught:
        canonical(kind, text)
    shown = f"{caught.value} {caught.value.sentence} {caught.value!r}"
    assert not [part for part in ("MARKER", "950515", "aaaa") if part in shown]
