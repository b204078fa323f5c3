"""Traps of cells: what spreadsheets make of numbers, what is nobody's, what stands for nothing."""

import gzip
import random

from traps.trap import NAMES, P, Trap, Z, all_of, email, lines, phone

_SPELLINGS = (
    *("87010000001", "+77010000002", "77010000003", "7010000004", "8 (701) 000-00-05"),
    *("+7 701 000 00 06", "8-701-000-00-07", "+7(701)0000008", "8.701.000.00.09"),
    "\u00a08\u00a0701\u00a0000\u00a000\u00a010 ",
)
_NOTHING = ("", "-", "NULL", "н/д", "нет", " Нет ")
_DRAW = random.Random(4)
_RANDOM = tuple(str(_DRAW.randrange(10**8, 10**11)) for _ in range(60))
_BORDER = "." * ((1 << 20) - 6)  # with gzip, a text is read in chunks of 1 MiB


def _scientific(iin: str, decimals: int) -> str:
    """As a spreadsheet shows it; with 11 decimals, all digits are there."""
    return f"{iin[0]}.{iin[1 : 1 + decimals]}E+11"


def _wrong(iin: str) -> str:
    """The same with another check digit."""
    return f"{iin[:-1]}{(int(iin[-1]) + 1) % 10}"


NUMBERS = (
    Trap(
        "zeros.csv",
        "a column of numbers that lost its zeros, three of one",
        lines("iin;name", *(f"{int(iin)};x" for iin in (*Z, *P[:4]))).encode(),
        all_of("ni", *Z, *P[:4]),
    ),
    Trap(
        "floats.csv",
        "numbers with an empty fraction, without their zeros where they had some",
        lines("iin;name", *(f"{int(iin)}.0;x" for iin in (*Z[:3], *P[:3]))).encode(),
        all_of("ni", *Z[:3], *P[:3]),
    ),
    Trap(
        "rounded.csv",
        "9.50515E+11: digits that are gone for good, beside a phone number",
        lines(
            "iin;phone",
            f"{_scientific(P[0], 5)};87010000001",
            f"{_scientific(P[1], 5)};",
            f"{P[2]};",
        ).encode(),
        all_of("p", phone(1)) | all_of("i", P[2]),
        words="--iin iin --phone phone",
    ),
    Trap(
        "exact.csv",
        "8.10313311869E+11: another form, with all digits",
        lines("iin;name", *(f"{_scientific(iin, 11)};x" for iin in P[:3])).encode(),
        all_of("ni", *P[:3]),
    ),
    Trap(
        "told.csv",
        "what Excel is told to keep as text, of IINs that begin with zeros",
        lines("iin;name", f'="{Z[0]}";x', f"'{Z[1]};y", f'"=""{Z[2]}""";z').encode(),
        all_of("ni", *Z[:3]),
    ),
    Trap(
        "phone_floats.csv",
        "phone numbers with an empty fraction, whose zero is no digit of theirs",
        lines(
            "phone;name", "77010000001.0;x", "7771000000.0;y", "+77010000002,00;z", "1.0;x"
        ).encode(),
        all_of("np", phone(1), phone(2), "+77771000000"),
        words="--phone phone",
    ),
    Trap(
        "random.csv",
        "numbers of 9 to 11 digits, some of which zeros would make somebody's: they do not count",
        lines("iin;name", *(f"{number};x" for number in (*_RANDOM, int(Z[1]), P[0]))).encode(),
        all_of("ni", P[0]),
    ),
    Trap(
        "bins.csv",
        "numbers of organisations in the column: valid by the rule, so the operator is told",
        lines("бин;name", "990440000385;x", "990440000008;y").encode(),
        all_of("ni", "990440000385", "990440000008"),
        words="--iin бин",
        is_suggested=False,
    ),
)

NOBODY = (
    Trap(
        "placeholders.csv",
        "numbers that stand for none",
        lines(
            "iin;name", "000000000000;x", "111111111111;x", "123456789012;x", f"{P[0]};x"
        ).encode(),
        all_of("ni", P[0]),
    ),
    Trap(
        "check_digits.csv",
        "mistyped IINs, a letter O, digits of another script, one with blanks around it",
        lines(
            "iin;name",
            *(f"{_wrong(iin)};x" for iin in P[:3]),
            f"{P[3].replace('0', 'O')};x",
            f"{P[4].translate({48 + n: 0x660 + n for n in range(10)})};x",
            f"  {P[5]}\u00a0;x",
        ).encode(),
        all_of("ni", P[4], P[5]),
    ),
    Trap(
        "duplicates.csv",
        "one person in several rows, each with something else: all of it counts",
        lines(
            "iin;name;phone;email",
            f"{P[0]};;;",
            f"{P[0]};{NAMES[0]};;",
            f"{P[0]};;87010000001;",
            f"{P[1]};;+7 701 000 00 01;",
            f"{P[1]};;;{email(1)}",
            f"{P[1]};;;{email(1).upper()}",
        ).encode(),
        {P[0]: "nip", P[1]: "ipe", phone(1): "ip", email(1): "ie"},
        words="--iin iin --phone phone --email email",
    ),
    Trap(
        "nothing.csv",
        'cells of "", "-", "NULL", "н/д", "нет" are no names, and no bad IINs',
        lines(
            "iin;name",
            *(f"{iin};{cell}" for iin, cell in zip(P, _NOTHING, strict=False)),
            *(f"{cell};x" for cell in ("", "-", "NULL", "н/д", "жоқ")),
            f"{P[6]};нет, Маркеров",
        ).encode(),
        all_of("i", *P[: len(_NOTHING)]) | all_of("ni", P[6]),
    ),
    Trap(
        "phones.csv",
        "one kind of number in ten spellings, and four that are none",
        lines(
            "phone;name",
            *(f"{spelling};x" for spelling in _SPELLINGS),
            *(f"{bad};x" for bad in ("8701000001", "+1 202 555 01 00 99", "н/д", "phone")),
        ).encode(),
        all_of("np", *map(phone, range(1, 11))),
        words="--phone phone",
    ),
    Trap(
        "emails.csv",
        "addresses in upper case and with blanks, one twice, and three that are none",
        lines(
            "email;name",
            f" {email(1).upper()} ;x",
            f"{email(1)};x",
            "Marker2@EXAMPLE.com;x",
            "Маркер;x",
            "marker@;x",
            "marker@@example.com;x",
        ).encode(),
        all_of("ne", email(1), email(2)),
        words="--email email",
    ),
    Trap(
        "long_line.csv.gz",
        "a line of over 1 MiB among others",
        gzip.compress(
            lines("iin;name", f"{P[0]};x", f"{P[1]};{'x' * (1 << 20)}", f"{P[2]};x").encode(),
            mtime=0,
        ),
        all_of("ni", P[0], P[2]),
        is_same_everywhere=False,
    ),
)

SCANS = (
    Trap(
        "page.html",
        "a page with IINs, phones and addresses, and numbers that are longer",
        lines(
            f"<html><td>{P[0]}</td><a href='mailto:{email(1)}?x=1'>write</a>",
            f"<p>1{P[1]} {P[2]}0 a{P[3]} {_wrong(P[4])}</p> ИИН:{P[0]}",
            "<td>8 (701) 000-00-01</td><td>1 701 000 00 02</td></html>",
        ).encode(),
        all_of("i", P[0]) | all_of("p", phone(1)) | all_of("e", email(1)),
        words="--scan iin,phone,email",
        is_suggested=False,
    ),
    Trap(
        "chat.txt.gz",
        "a chat with an IIN over the border of what is read at once",
        gzip.compress(f"{_BORDER}{P[0]}\n1{P[1]}\n{P[2]}\n".encode(), mtime=0),
        all_of("i", P[0], P[2]),
        words="--scan iin",
        is_same_everywhere=False,
        is_suggested=False,
    ),
    Trap(
        "chat_longer.txt.gz",
        "the same with a longer number over the border",
        gzip.compress(f"{_BORDER}{P[0]}7\n{P[2]}\n".encode(), mtime=0),
        all_of("i", P[2]),
        words="--scan iin",
        is_same_everywhere=False,
        is_suggested=False,
    ),
)

TRAPS = (*NUMBERS, *NOBODY, *SCANS)
