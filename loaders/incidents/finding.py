"""What an operator is told of one field of an incident record, in a line without its value."""

from dataclasses import dataclass
from enum import StrEnum


class Flag(StrEnum):
    """Every kind of finding."""

    MAPPED = "mapped"
    CLAIMED = "claimed only"
    PLACEHOLDER = "placeholder"
    CONTRADICTORY = "contradictory"
    MISSING = "missing"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Finding:
    """One field and what became of it.

    Attributes:
        field: the field's name in the form or in the dataset file: ours, never the record's text.
    """

    flag: Flag
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.flag.value}: {self.field}: {self.text}"
