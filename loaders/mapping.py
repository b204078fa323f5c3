"""Which column stands for which of a dataset's data classes: what the operator said, then names.

A data class that somebody named a column for is not guessed at, nor is a column that somebody
said anything of; a column of identifiers means its own class where it holds a valid one.
"""

from collections import Counter
from dataclasses import dataclass

from loaders.column_meaning import OWN_CLASS, of_name
from loaders.names import folded
from loaders.sources import Source
from lookup.errors import Code, InputError
from lookup.index.dataset import Dataset
from lookup.protocol.suite import Kind

Field = tuple[str, str]  # column name, data class


@dataclass(frozen=True)
class Mapping:
    """The fields of a load.

    Attributes:
        fields: all of them; ``guessed`` those of them that nobody named.
        missing: the dataset's data classes that no column stands for.
    """

    fields: tuple[Field, ...]
    guessed: tuple[Field, ...]
    missing: tuple[str, ...]


def map_columns(
    source: Source, dataset: Dataset, identifiers: dict[Kind, str], given: tuple[Field, ...]
) -> Mapping:
    """The fields of a load into a dataset.

    Args:
        given: what the operator said; an empty class says that the column is none.

    Raises:
        InputError: BAD_USAGE, a column is not there, or the dataset does not list a class.
    """
    named = tuple((column, slug) for column, slug in given if slug)
    for _, slug in named:
        refuse_unlisted(dataset, slug)
    spoken_of = {source.column(column) for column in (*identifiers.values(), *dict(given))}
    open_classes = set(dataset.data_classes) - {slug for _, slug in named}
    names = Counter(folded(name) for name in source.header)
    guessed = tuple(
        (name, meant)
        for number, name in enumerate(source.header)
        if number not in spoken_of
        and names[folded(name)] == 1  # or it could not be asked for
        and (meant := of_name(name).data_class) is not None
        and meant in open_classes
    )
    fields = named + guessed
    has = {slug for _, slug in fields} | {OWN_CLASS[kind] for kind in identifiers}
    return Mapping(fields, guessed, tuple(slug for slug in dataset.data_classes if slug not in has))


def refuse_unlisted(dataset: Dataset, slug: str) -> None:
    """Refuse a data class that the dataset does not list.

    Raises:
        InputError: BAD_USAGE.
    """
    if slug not in dataset.data_classes:
        known = ", ".join(dataset.data_classes)
        raise InputError(
            Code.BAD_USAGE, f"the dataset does not list that data class; it has: {known}"
        )
