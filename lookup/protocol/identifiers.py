"""The one canonical text of an identifier, or a closed reason why there is none.

Loaders and citizens must come to the same bytes, or a leaked person reads "not found": the
browser's version of this file passes the same vectors. What is refused here is refused alike by
all. No error repeats what was given.
"""

import re
import unicodedata

import phonenumbers

from lookup.errors import Code, InputError
from lookup.protocol.suite import Kind

# What people paste around an identifier: spaces, hyphens, no-break spaces, a byte order mark.
AROUND = " -\u00a0\u202f\ufeff"
AROUND_EMAIL = " \u00a0\u202f\ufeff"  # a hyphen may begin an address: it is another person's

_IIN = re.compile(r"[0-9]{12}")
WEIGHTS_1 = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
WEIGHTS_2 = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)

# No letters: libphonenumber would read "1-800-FLOWERS"; no digits but ASCII ones.
PHONE_WRITTEN = re.compile(r"\+?[0-9 ()./\u00a0\u202f-]{5,40}")

_LONGEST_EMAIL = 254  # characters; RFC 5321 allows 256 with its angle brackets
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ASCII_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Lower-case Latin-1 and Cyrillic letters: NFC, lower case and RFC 3492's punycode are all there is
# to do, so that Python and a browser's script agree without Unicode tables (URL parsers do not).
_IDN_LABEL = re.compile(
    r"[a-z0-9\u00df-\u00f6\u00f8-\u00ff\u0430-\u0481\u048b-\u04ff]"
    r"([a-z0-9\u00df-\u00f6\u00f8-\u00ff\u0430-\u0481\u048b-\u04ff-]*"
    r"[a-z0-9\u00df-\u00f6\u00f8-\u00ff\u0430-\u0481\u048b-\u04ff])?"
)

_SENTENCES = {
    Code.EMPTY: "nothing was given",
    Code.IIN_CHARACTERS: "an IIN has only the digits 0 to 9",
    Code.IIN_LENGTH: "an IIN has 12 digits; check whether one is missing or too many",
    Code.IIN_CHECK_DIGIT: "the check digit of this IIN is wrong; look for a mistyped digit",
    Code.IIN_PLACEHOLDER: "twelve zeros are a placeholder, not an IIN",
    Code.PHONE_INVALID: "this is not a valid phone number; write it as +7 701 234 56 78",
    Code.EMAIL_INVALID: "this is not an e-mail address; write it as name@example.com",
}


def canonical(kind: Kind, text: str) -> str:
    """The canonical text of an identifier.

    Raises:
        InputError: with the code of the first rule that the text breaks.
    """
    match kind:
        case Kind.IIN:
            return iin(text)
        case Kind.PHONE:
            return phone(text)
        case Kind.EMAIL:
            return email(text)


def iin(text: str) -> str:
    """Twelve ASCII digits with a right check digit (order 521 of 2023 of the Interior Ministry).

    Date and 7th digit are no reason to refuse: since 2013 an IIN is not tied to a birth date.

    Raises:
        InputError: IIN_CHARACTERS, IIN_LENGTH, IIN_PLACEHOLDER, IIN_CHECK_DIGIT or EMPTY.
    """
    text = text.strip(AROUND)
    if not text:
        raise _refused(Code.EMPTY)
    if not (text.isascii() and text.isdigit()):
        raise _refused(Code.IIN_CHARACTERS)
    if not _IIN.fullmatch(text):
        raise _refused(Code.IIN_LENGTH)
    if text == "000000000000":
        raise _refused(Code.IIN_PLACEHOLDER)
    if iin_check_digit(text[:11]) != int(text[11]):
        raise _refused(Code.IIN_CHECK_DIGIT)
    return text


def iin_check_digit(digits: str) -> int | None:
    """The check digit of the first 11 digits; None where no such number exists."""
    numbers = [int(d) for d in digits]
    for weights in (WEIGHTS_1, WEIGHTS_2):
        check = sum(n * w for n, w in zip(numbers, weights, strict=True)) % 11
        if check != 10:
            return check
    return None


def phone(text: str) -> str:
    """E.164 by libphonenumber, numbers without a country read as Kazakhstan's.

    Raises:
        InputError: PHONE_INVALID or EMPTY.
    """
    text = text.strip(AROUND)
    if not text:
        raise _refused(Code.EMPTY)
    if not PHONE_WRITTEN.fullmatch(text):
        raise _refused(Code.PHONE_INVALID)
    try:
        # libphonenumber knows the no-break space as punctuation, but not the narrow one.
        number = phonenumbers.parse(text.replace("\u202f", " "), "KZ")
    except phonenumbers.NumberParseException:
        raise _refused(Code.PHONE_INVALID) from None
    if not phonenumbers.is_valid_number(number):
        raise _refused(Code.PHONE_INVALID)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email(text: str) -> str:
    """Lower case, ASCII local part, domain in its ASCII (punycode) form, at most 254 characters.

    Dots and "+tags" in the local part stay: what they mean is each provider's own business.

    Raises:
        InputError: EMAIL_INVALID or EMPTY.
    """
    text = text.strip(AROUND_EMAIL)
    if not text:
        raise _refused(Code.EMPTY)
    local, at, domain = text.rpartition("@")
    if len(text) > _LONGEST_EMAIL or not at or len(local) > 64 or not _LOCAL.fullmatch(local):
        raise _refused(Code.EMAIL_INVALID)
    labels = unicodedata.normalize("NFC", domain).lower().split(".")
    ascii_labels = [_ascii_label(label) for label in labels]
    result = f"{local.lower()}@{'.'.join(ascii_labels)}"
    if len(labels) < 2 or ascii_labels[-1].isdigit() or len(result) > _LONGEST_EMAIL:
        raise _refused(Code.EMAIL_INVALID)
    return result


def _ascii_label(label: str) -> str:
    if _IDN_LABEL.fullmatch(label) and not label.isascii():
        label = "xn--" + label.encode("punycode").decode("ascii")
    if not _ASCII_LABEL.fullmatch(label):
        raise _refused(Code.EMAIL_INVALID)
    return label


def _refused(code: Code) -> InputError:
    return InputError(code, _SENTENCES[code])
