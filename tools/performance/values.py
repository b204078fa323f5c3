"""What a figure's text says: its number, and whether that is what we want."""

import re
from operator import eq, ge, gt, le, lt

from bench.figures import Figure
from bench.results import ResultError
from bench.scale import Size

_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_TARGET = re.compile(rf"(?:(<=|>=|<|>) )?({_NUMBER})(?: .+)?")
_HOLDS = {"<=": le, ">=": ge, "<": lt, ">": gt, None: eq}
_ALL = re.compile(r"(\d+) of (\d+)")


def millions(size: Size) -> str:
    """Of a size, where the unit stands beside it: the millions."""
    return f"{size.identifiers // 1_000_000}"


def number(figure: Figure) -> float:
    """The first number of its value, in the unit that it names.

    Raises:
        ResultError: it has none.
    """
    found = re.match(_NUMBER, figure.value)
    if found is None:
        raise ResultError(f"the value of {figure.name} is no number; measure it again")
    return float(found[0])


def is_met(figure: Figure) -> bool | None:
    """Whether it reaches its target; None if it has none.

    Raises:
        ResultError: value or target cannot be compared.
    """
    if not figure.target:
        return None
    if figure.target == "all":
        found = _ALL.fullmatch(figure.value)
        return not figure.missed and found is not None and found[1] == found[2]
    target = _TARGET.fullmatch(figure.target)
    if target is None:
        raise ResultError(f"the target of {figure.name} is none that a number can be held against")
    return not figure.missed and _HOLDS[target[1]](number(figure), float(target[2]))
