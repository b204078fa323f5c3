"""Whole columns of identifier cells at once: which are valid, and which number or text they are.

``lookup.protocol.identifiers`` is the rule; what is done here for speed gives the same verdicts,
which property tests hold. An IIN and a phone number become integers, so that a load never keeps a
Python object a row; an e-mail address stays text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from phonenumbers import PhoneMetadata

from lookup.errors import Code, InputError
from lookup.protocol.identifiers import AROUND, PHONE_WRITTEN, WEIGHTS_1, WEIGHTS_2, canonical
from lookup.protocol.suite import Kind

# What stands for "nothing" in dumps, in lower case and without spaces around.
_NOTHING = frozenset(("", "-", "null", "н/д"))
_LONGEST_NOTHING = max(map(len, _NOTHING))

_NOT_AN_IIN = "x" * 12
_FIRST_PASS = np.array(WEIGHTS_1, dtype=np.int64)
_SECOND_PASS = np.array(WEIGHTS_2, dtype=np.int64)
_TENS = 10 ** np.arange(11, -1, -1, dtype=np.int64)


@dataclass(frozen=True)
class Cells:
    """A column's verdicts.

    Attributes:
        valid: for each cell.
        numbers: int64 for each cell (0 where invalid); None for e-mail.
        texts: canonical e-mails ("" where invalid); None for numbers.
        bad: for each cell that holds something and is not valid, its index and reason.
    """

    valid: NDArray[np.bool_]
    numbers: NDArray[np.int64] | None
    texts: list[str] | None
    bad: dict[int, Code]


def is_present(cell: str) -> bool:
    """Whether a cell holds something: "", "-", "NULL" and "н/д" do not."""
    text = cell.strip()
    return len(text) > _LONGEST_NOTHING or text.lower() not in _NOTHING


def parse(kind: Kind, column: Sequence[str]) -> Cells:
    """The verdicts on a column of cells that should hold identifiers of this kind."""
    match kind:
        case Kind.IIN:
            return _iins(column)
        case Kind.PHONE:
            return _phones(column)
        case Kind.EMAIL:
            return _emails(column)


def text_of(kind: Kind, number: int) -> str:
    """The canonical text of a number that ``parse`` gave."""
    return f"{number:012d}" if kind is Kind.IIN else f"+{number}"


def _iins(column: Sequence[str]) -> Cells:
    """Cells of just 12 digits are checked all at once; the others one by one."""
    plain = [cell if len(cell) == 12 and cell.isascii() else _NOT_AN_IIN for cell in column]
    letters = np.frombuffer("".join(plain).encode("ascii"), dtype=np.uint8).reshape(-1, 12)
    digits = letters.astype(np.int64) - ord("0")
    is_plain = ((digits >= 0) & (digits <= 9)).all(axis=1)
    check = digits[:, :11] @ _FIRST_PASS % 11
    check = np.where(check == 10, digits[:, :11] @ _SECOND_PASS % 11, check)
    numbers = digits @ _TENS
    valid = is_plain & (check == digits[:, 11]) & (numbers != 0)
    numbers = np.where(valid, numbers, 0)
    bad: dict[int, Code] = {}
    for i in np.flatnonzero(~valid).tolist():
        _one_by_one(Kind.IIN, column[i], i, bad, numbers)
    return Cells(numbers != 0, numbers, None, bad)


def _phones(column: Sequence[str]) -> Cells:
    numbers = np.zeros(len(column), dtype=np.int64)
    bad: dict[int, Code] = {}
    for i, cell in enumerate(column):
        national = _national(cell)
        if national is not None:
            numbers[i] = 70_000_000_000 + national
        else:
            _one_by_one(Kind.PHONE, cell, i, bad, numbers)
    return Cells(numbers != 0, numbers, None, bad)


def _emails(column: Sequence[str]) -> Cells:
    texts = [""] * len(column)
    bad: dict[int, Code] = {}
    for i, cell in enumerate(column):
        if is_present(cell):
            try:
                texts[i] = canonical(Kind.EMAIL, cell)
            except InputError as error:
                bad[i] = error.code
    return Cells(np.array([bool(text) for text in texts], dtype=np.bool_), None, texts, bad)


def _one_by_one(
    kind: Kind, cell: str, at: int, bad: dict[int, Code], numbers: NDArray[np.int64]
) -> None:
    if not is_present(cell):
        return
    try:
        numbers[at] = int(canonical(kind, cell))
    except InputError as error:
        bad[at] = error.code


@cache
def _kz_pattern() -> re.Pattern[str]:
    """Kazakhstan's valid national numbers beginning with 7, from libphonenumber's metadata."""
    metadata = PhoneMetadata.metadata_for_region("KZ")
    assert metadata is not None  # noqa: S101  the package has had Kazakhstan since its first version
    patterns = {
        description.national_number_pattern
        for description in (metadata.mobile, metadata.fixed_line)
        if description is not None and description.national_number_pattern
    }
    return re.compile("|".join(f"(?:{pattern})" for pattern in sorted(patterns)))


_KZ_WRITTEN = re.compile(r"(?:\+7|7|8)?(7[0-9]{9})")
_PUNCTUATION = str.maketrans("", "", " ()./-\u00a0\u202f")


def _national(cell: str) -> int | None:
    """The ten national digits of a plainly written Kazakhstan number, else None: ask the rule."""
    text = cell.strip(AROUND)
    if not PHONE_WRITTEN.fullmatch(text):
        return None
    written = _KZ_WRITTEN.fullmatch(text.translate(_PUNCTUATION))
    if written is None or not _kz_pattern().fullmatch(written[1]):
        return None
    return int(written[1])
