"""IINs that a spreadsheet kept as numbers: what a whole column says of the zeros they lost.

A cell that still has all 12 digits (``810313311869.0``) is an IIN or is none, whatever its
neighbours are. One of 9 to 11 digits may be an IIN without its zeros, a mistyped one, or another
number; the rows of those that zeros would make a person's IIN wait, and once the file was seen
whole, all of them count or none: they count if at least half of the short cells are such
(docs/decisions/0020 has the figures).

What waits is kept like all else, as distinct identifiers in compact arrays.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from loaders import cells, iin_shape
from loaders.cells import Cells, Column
from loaders.distinct import Distinct
from lookup.errors import Code, InputError
from lookup.protocol.identifiers import iin
from lookup.protocol.suite import Kind

ZEROS, FORMAT = "iin_zeros", "iin_format"  # what was restored, as a certificate calls it

_NUMBERS = (Code.IIN_CHARACTERS, Code.IIN_LENGTH)  # the reasons that a number's cell is bad for
_FEW = 32  # bad cells of a block: looked at one by one
_SHARE = 2  # one of so many short cells must become a person's IIN


@dataclass(frozen=True)
class Looked:
    """A column of IINs, looked at once more for what the rule refused.

    Attributes:
        cells: the verdicts; cells with all 12 digits in another form are valid now.
        formatted: how many of these there are.
        short: how many cells have 9 to 11 digits.
        padded: for each cell, the person's IIN that zeros would make of it; else 0.
    """

    cells: Cells
    formatted: int
    short: int
    padded: NDArray[np.int64]


def look(column: Column, found: Cells) -> Looked:
    """Look at the bad cells of a column of IINs, and count rounded ones under their own reason."""
    assert found.numbers is not None  # noqa: S101  IINs are numbers
    numbers, bad = found.numbers.copy(), dict(found.bad)
    padded = np.zeros(len(column), dtype=np.int64)
    is_short = np.zeros(len(column), dtype=np.bool_)
    for size in cells.SHORT_IINS if len(bad) > _FEW else ():
        chosen, whole = cells.iins(column, size)
        is_short[chosen] = True
        padded[chosen] = np.where(iin_shape.persons(whole), whole, 0)
    short: dict[int, str] = {}
    asked = [at for at, code in bad.items() if code in _NUMBERS and not is_short[at]]
    for at, cell in zip(asked, column.texts(np.array(asked, dtype=np.intp)), strict=True):
        digits = iin_shape.digits(cell)
        if digits is None:
            if iin_shape.is_rounded(cell):
                bad[at] = Code.IIN_ROUNDED
        elif len(digits) < iin_shape.DIGITS:
            short[at] = digits.zfill(iin_shape.DIGITS)
        else:
            try:
                numbers[at] = int(iin(digits))
                del bad[at]
            except InputError as error:
                bad[at] = error.code
    formatted = len(found.bad) - len(bad)
    if short:
        _, whole = cells.iins(Column.of(list(short.values())), iin_shape.DIGITS)
        is_short[list(short)] = True
        padded[list(short)] = np.where(iin_shape.persons(whole), whole, 0)
    looked = Cells(numbers != 0, numbers, None, bad)
    return Looked(looked, formatted, int(np.count_nonzero(is_short)), padded)


class Waiting:
    """The rows that wait, and what counting them would change.

    Attributes:
        kinds: the identifiers of all kinds in them.
        cells: how many cells would be restored; ``short`` of how many.
        rows: how many rows have no other identifier, and were rejected.
        changes: by reason, what would be added to (or taken from) the rejected rows.
        cell_changes: likewise of the bad cells in accepted rows.
    """

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self.kinds = [Distinct(kind) for kind in kinds]
        self.short = 0
        self.cells = 0
        self.rows = 0
        self.changes: Counter[str] = Counter()
        self.cell_changes: Counter[str] = Counter()

    @property
    def counts(self) -> bool:
        """Whether the zeros were lost: to be asked when all of the column was seen."""
        return 0 < self.short <= _SHARE * self.cells

    def add(
        self,
        found: dict[Kind, Cells],
        looked: Looked,
        masks: NDArray[np.uint16],
        rows: NDArray[np.uint32],
    ) -> None:
        """Take what waits of a block; masks and rows are the whole block's, as if it counted."""
        self.short += looked.short
        waits = looked.padded != 0
        if not waits.any():
            return
        others = [one for kind, one in found.items() if kind is not Kind.IIN]
        for distinct in self.kinds:
            if distinct.kind is Kind.IIN:
                one = Cells(waits, looked.padded, None, {})
            else:
                one = replace(found[distinct.kind], valid=found[distinct.kind].valid & waits)
            distinct.add(one, masks, rows)
        for at in np.flatnonzero(waits).tolist():
            self.cells += 1
            reason = looked.cells.bad[at].value
            if any(other.valid[at] for other in others):
                self.cell_changes[reason] -= 1
                continue
            self.rows += 1
            self.changes[reason] -= 1
            self.cell_changes.update(other.bad[at].value for other in others if at in other.bad)
