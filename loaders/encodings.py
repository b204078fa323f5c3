"""Encodings: the ones that dumps are written in, and which of them a file has.

UTF-8 is known by its form. The others are one byte a letter, so any bytes are text in each of
them, and only the letters tell: which reading is nearest to how often Russian and Kazakh use each,
and in which case. cp1251 and kz1048 differ in 16 bytes: where cp1251 has letters of Serbian,
Ukrainian and Belarusian, kz1048 has ә ғ қ ң ө ұ ү һ.

A wrong guess never loses an IIN, a phone number or an ASCII e-mail address, since all of these
encodings hold ASCII. It can lose a column's name, an address in a Cyrillic domain, a number with
no-break spaces in it, and what a cell of "н/д" means.
"""

import codecs
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lookup.errors import Code, InputError

ENCODINGS = ("utf-8", "cp1251", "kz1048", "cp866", "koi8-r", "mac-cyrillic")

_SPELLINGS = {
    "utf8": "utf-8",
    "utf-8-sig": "utf-8",
    "windows-1251": "cp1251",
    "kz-1048": "kz1048",
    "strk1048": "kz1048",
    "ibm866": "cp866",
    "koi8r": "koi8-r",
    "maccyrillic": "mac-cyrillic",
}

# One byte a letter, and what speaks against each from the start, in nats: dumps of today are seldom
# from DOS, a Mac or an old mail server. Of equal readings the first: what cp1251 could tell, kz1048
# tells as well, and in the rest of the file the Kazakh letters too.
_SINGLE = {"kz1048": 0.0, "cp1251": 1.0, "cp866": 5.0, "mac-cyrillic": 8.0, "koi8-r": 8.0}

# How often letters are used, for 1,000 of them, in round figures: Russian and Kazakh mixed. Of
# the letters that only cp1251 has, Ukrainian's are in names.
_LETTERS = {
    **dict(zip("аеоинтрлсы", (106, 78, 64, 55, 66, 57, 53, 46, 45, 42), strict=True)),
    **dict(zip("вкдмпубгзя", (30, 36, 38, 32, 22, 28, 23, 18, 17, 18), strict=True)),
    **dict(zip("йшхжцюьчфщ", (15, 12, 8, 14, 4, 5, 10, 8, 3, 2), strict=True)),
    **dict(zip("эъё", (3, 0.3, 2), strict=True)),
    **dict(zip("әғқңөұүіһ", (8, 9, 17, 9, 6, 6, 7, 25, 0.5), strict=True)),
    **dict(zip("єїґў", (3, 3, 0.1, 0.1), strict=True)),
}
_SIGNS = {
    "\u00a0": 4,
    "№": 8,
    "«": 2,
    "»": 2,
    "–": 2,
    "—": 2,
    "’": 0.5,
    "“": 0.5,
    "”": 0.5,
    "°": 0.2,
}
_OTHER = 0.005  # any other sign or letter: once in 200,000 letters
_CAPITAL = 0.4  # of the letters are capitals: dumps shout
_CAPITAL_INSIDE = 4.0  # nats against a reading, for each capital after a small letter

_SURE = 12.0  # nats: the better reading is 160,000 times as likely
_DOUBTFUL = 10  # letters of UTF-8 to a byte that is none: with more, only damage explains it


def encoding_named(name: str) -> str:
    """One of ``ENCODINGS`` by its name or a usual spelling of it.

    Raises:
        InputError: BAD_USAGE.
    """
    folded = name.lower().replace("_", "-")
    known = _SPELLINGS.get(folded, folded)
    if known not in ENCODINGS:
        raise InputError(Code.BAD_USAGE, "the encoding must be one of " + ", ".join(ENCODINGS))
    return known


def encoding_of(sample: bytes, *, whole: bool) -> str:
    """The likeliest encoding of a file that begins with these bytes."""
    return plausible(sample, whole=whole)[0]


def plausible(sample: bytes, *, whole: bool) -> tuple[str, ...]:
    """The encodings that a file may have, the likeliest first; one where there is no doubt.

    A file is UTF-8 while more of its letters are than bytes are not: some damaged bytes, or lines
    of another program, do not make another encoding of it. Of encodings in which the sample reads
    the same, one is named.

    Args:
        sample: how the file begins.
        whole: whether that is all of it; else its last character may be cut.
    """
    letters, damaged = _as_utf8(sample, whole)
    if not damaged or letters >= _DOUBTFUL * damaged or sample.startswith(codecs.BOM_UTF8):
        return ("utf-8",)
    likely = _single_byte(sample)
    return ("utf-8", *likely) if letters > damaged else likely


def _as_utf8(sample: bytes, whole: bool) -> tuple[int, int]:
    """How many letters beyond ASCII the sample has as UTF-8, and how many bytes are damaged."""
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(sample, final=whole)
    ascii_only = int(np.count_nonzero(np.frombuffer(sample, dtype=np.uint8) < 0x80))
    written = sample.count(b"\xef\xbf\xbd")  # the sign for a damaged letter, itself whole
    damaged = text.count("\ufffd") - written
    return len(text) - ascii_only - damaged, damaged


def _single_byte(sample: bytes) -> tuple[str, ...]:
    """The encodings of one byte a letter that are likely, the likeliest first."""
    data = np.frombuffer(sample, dtype=np.uint8)
    counts = np.bincount(data, minlength=256)[0x80:]
    used = bytes((np.flatnonzero(counts) + 0x80).tolist())
    scores: dict[str, float] = {}
    read: dict[str, str] = {}
    for encoding, against in _SINGLE.items():
        reading = _reading(encoding)
        inside = np.count_nonzero(reading.is_small[data[:-1]] & reading.is_capital[data[1:]])
        scores[encoding] = float(counts @ reading.nats - _CAPITAL_INSIDE * inside - against)
        read.setdefault(used.decode(encoding, "replace"), encoding)
    best = max(scores.values())
    likely = [encoding for encoding in read.values() if best - scores[encoding] < _SURE]
    return tuple(sorted(likely, key=lambda encoding: -scores[encoding]))


@dataclass(frozen=True)
class _Reading:
    """What bytes are in an encoding.

    Attributes:
        nats: for each byte from 0x80 on, the logarithm of how often its letter is used.
        is_small, is_capital: for each byte, whether it is such a letter beyond ASCII.
    """

    nats: NDArray[np.float64]
    is_small: NDArray[np.bool_]
    is_capital: NDArray[np.bool_]


@cache
def _reading(encoding: str) -> _Reading:
    signs = bytes(range(256)).decode(encoding, "replace")
    nats = np.log([_share(sign) / 1000 for sign in signs[0x80:]])
    beyond = [sign if sign > "\x7f" else " " for sign in signs]
    return _Reading(
        nats,
        np.array([sign.islower() for sign in beyond]),
        np.array([sign.isupper() for sign in beyond]),
    )


def _share(sign: str) -> float:
    """How often it is used, for 1,000 letters."""
    letter = sign.lower()
    if letter in _LETTERS:
        return _LETTERS[letter] * (_CAPITAL if sign != letter else 1 - _CAPITAL)
    return _SIGNS.get(sign, _OTHER)
