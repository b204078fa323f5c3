"""What may be shown of a cell: how it is built, and none of what it says.

A digit becomes #, a word becomes letters of its script and case, in one of three lengths (up to 3,
up to 7, more), so that a short name does not give itself away by its length and first letter.
"""

import re
from itertools import groupby

_MOST = 40  # characters
_LENGTHS = ((3, 2), (7, 5), (1 << 30, 9))  # words up to so long are shown so long
_KEPT = " .,;:@-+()/_'\"№"


def mask(cell: str) -> str:
    """The shape of a cell."""
    pieces = re.findall(r"[^\W\d_]+|.", cell[: 4 * _MOST].strip(), re.DOTALL)
    return "".join(map(_piece, pieces))[:_MOST]


def _piece(piece: str) -> str:
    if piece[0].isalpha():
        return _word(piece)
    if piece.isdigit():
        return "#"
    return piece if piece in _KEPT else "?"


def _word(word: str) -> str:
    """The cases of a word, each as often as its length class allows: Иванов is Жжжжж."""
    shape = "".join(_letter(c) for c in word)
    size = next(shown for most, shown in _LENGTHS if len(word) <= most)
    runs = [letter for letter, _ in groupby(shape)]
    if len(runs) > size:
        return "".join(runs[:size])
    last = runs[-1]
    return "".join(runs) + last * (size - len(runs))


def _letter(c: str) -> str:
    small = "ж" if "\u0400" <= c <= "\u04ff" else "x" if c.isascii() else "?"
    return small.upper() if c.isupper() else small
