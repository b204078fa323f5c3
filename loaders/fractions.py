"""Phone numbers that a program kept as numbers: ``77010000001.0`` becomes ``77010000001`` again.

pandas writes so a column of which one cell is empty. A dot is a usual sign between the digits of a
phone number, so by the rule alone the fraction's zero would be one of them: ``7771000000.0``, ten
digits and a fraction, would be somebody else's number, +7 771 000 00 00.

Pure: a column in, a column out. (IINs are looked at in ``lost_zeros``.)
"""

import re
from dataclasses import replace

import numpy as np

from loaders.cells import Column

_LEAST = 12  # bytes: ten digits and a fraction
_LOOKED_AT = 32  # bytes; a longer cell is no number
_NUMBER = re.compile(r"[ \u00a0]*\+?[0-9]{10,15}(?=[.,]0{1,6}[ \u00a0]*\Z)")


def dropped(column: Column) -> tuple[Column, list[int]]:
    """The column with all fractions of nothing cut off, and the numbers of the cells cut."""
    could_be = np.flatnonzero(column.sizes >= _LEAST)
    lasts = np.frombuffer(column.raw, dtype=np.uint8)[column.ends[could_be] - 1]
    could_be = could_be[(lasts == ord("0")) | (lasts == ord(" ")) | (lasts == 0xA0)]
    signs = column.heads(could_be, _LOOKED_AT)
    signs[np.arange(_LOOKED_AT) >= column.sizes[could_be, None]] = 0
    asked = could_be[((signs == ord(".")) | (signs == ord(","))).sum(axis=1) == 1]
    if not len(asked):
        return column, []
    ends = column.ends.copy()
    cut = []
    for at, cell in zip(asked.tolist(), column.texts(asked), strict=True):
        if match := _NUMBER.match(cell):
            ends[at] = column.starts[at] + len(match[0].encode())
            cut.append(at)
    return replace(column, ends=ends), cut
