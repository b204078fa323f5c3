"""Sample: people of a dump, and as many who are not in it, asked for through the real client path.

Counts only: nobody's identifier or answer is shown, kept or logged, and the service cannot tell
who is which, because they are asked for in random order.
"""

import secrets
from dataclasses import dataclass

import numpy as np

from loaders.people import Columns, People
from loaders.sources import Source
from lookup.client import Client, Found
from lookup.errors import Code, InputError
from lookup.protocol.identifiers import iin_check_digit
from lookup.protocol.suite import Kind

_RANDOM = secrets.SystemRandom()


@dataclass(frozen=True)
class Sampled:
    """How many were asked for and found, of the dump's people and of others.

    Others may be found, too: in another dataset, or in another load of this one.
    """

    version: str
    asked: int
    found: int
    others_asked: int
    others_found: int


def sample(source: Source, column: str, client: Client, count: int, dataset: str | None) -> Sampled:
    """Ask for up to ``count`` people of a dump and as many others.

    Found is who is in ``dataset``, or without one, in any.

    Raises:
        InputError: BAD_USAGE or BAD_FILE, the column is unknown or holds no valid IIN.
        CouldNotCheckError: there is no answer.
    """
    inside, outside = _drawn(source, column, count)
    asked = [(iin, True) for iin in inside] + [(iin, False) for iin in outside]
    _RANDOM.shuffle(asked)
    answers = client.check_many(Kind.IIN, [iin for iin, _ in asked])
    hits = [
        is_inside
        for (_, is_inside), answer in zip(asked, answers, strict=True)
        if isinstance(answer, Found)
        and (dataset is None or any(leak.name == dataset for leak in answer.leaks))
    ]
    return Sampled(
        version=answers[-1].version,
        asked=len(inside),
        found=hits.count(True),
        others_asked=len(outside),
        others_found=hits.count(False),
    )


def _drawn(source: Source, column: str, count: int) -> tuple[list[str], list[str]]:
    """People of the dump, and people of nobody knows where who are not in it."""
    people = People(Columns({Kind.IIN: source.column(column)}, (), {}))
    for block in source.blocks():
        people.add(block.rows, block.rejected)
    people.finish()
    (distinct,) = people.kinds
    if not len(distinct):
        raise InputError(Code.BAD_FILE, "no valid IIN was found; check the column's name")
    places = _RANDOM.sample(range(len(distinct)), min(count, len(distinct)))
    inside = [text for at in places for text in distinct.texts(at, at + 1)]
    outside: list[str] = []
    while len(outside) < len(inside):
        iin = _random_iin()
        at = int(np.searchsorted(distinct.keys, np.int64(int(iin))))
        if distinct.texts(at, at + 1) != [iin] and iin not in outside:
            outside.append(iin)
    return inside, outside


def _random_iin() -> str:
    """A valid IIN of somebody born in this century or the last; whose, nobody knows."""
    while True:
        year, month, day = _RANDOM.randrange(100), _RANDOM.randint(1, 12), _RANDOM.randint(1, 28)
        century = _RANDOM.choice("3456")
        first = f"{year:02d}{month:02d}{day:02d}{century}{_RANDOM.randrange(10_000):04d}"
        check = iin_check_digit(first)
        if check is not None:
            return f"{first}{check}"
