"""What nobody sees in a cell: zero-width spaces, marks of direction; and other scripts' digits.

Contacts and web pages put such marks around numbers and addresses. ``lookup.protocol.identifiers``
refuses them, for a person can type again; a dump cannot. Only cells that the rule refused are
looked at, and judged by the rule without what is not seen.

Pure: cells in, verdicts out. (IINs are looked at in ``iin_shape``.)
"""

import unicodedata
from dataclasses import replace

import numpy as np

from loaders.cells import Cells, Column
from lookup.errors import InputError
from lookup.protocol.identifiers import canonical
from lookup.protocol.suite import Kind


def plain(cell: str) -> str:
    """A cell without what nobody sees in it, and with the digits of other scripts as ASCII ones."""
    if cell.isascii():
        return cell
    seen = (c for c in cell if unicodedata.category(c) != "Cf")
    return "".join(str(unicodedata.decimal(c, c)) for c in seen)


def look(kind: Kind, column: Column, found: Cells) -> tuple[Cells, int]:
    """The verdicts on a column of phones or e-mails once its bad cells were looked at, and how
    many of these are valid now."""
    if not found.bad:
        return found, 0
    bad = dict(found.bad)
    valid = found.valid.copy()
    numbers = None if found.numbers is None else found.numbers.copy()
    texts = None if found.texts is None else found.texts.copy()
    asked = list(bad)
    for at, cell in zip(asked, column.texts(np.array(asked, dtype=np.intp)), strict=True):
        bare = plain(cell)
        if bare == cell:
            continue
        try:
            text = canonical(kind, bare)
        except InputError as error:
            bad[at] = error.code
            continue
        if numbers is not None:
            numbers[at] = int(text)
        elif texts is not None:
            texts[at] = text
        valid[at] = True
        del bad[at]
    return replace(found, valid=valid, numbers=numbers, texts=texts, bad=bad), len(asked) - len(bad)
