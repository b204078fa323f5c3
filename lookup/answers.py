"""What a lookup comes to, as the Python client gives it: found or not found, and where."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from lookup import facts
from lookup.errors import Code, CouldNotCheckError
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import Kind, Lane


@dataclass(frozen=True)
class Leak:
    """One leak a person is in.

    Attributes:
        name: of the dataset; ``entry`` its register entry, empty where the register lacks it.
        data_classes: which of *this person's* data were in it.
    """

    name: str
    data_classes: tuple[str, ...]
    entry: dict[str, Any]


@dataclass(frozen=True)
class SearchedLane:
    """One lane's version, and the names of its datasets that an answer is about."""

    lane: Lane
    version: str
    published_at: str
    searched: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """In these leaks, as of a version.

    Attributes:
        version, published_at: of the first lane that was asked; ``lanes`` has each lane's.
        searched: names of the datasets, of all lanes that were asked, that were loaded by
            identifiers of this kind: nothing is said of any other leak.
        actions: what to do, most useful first.
        lanes: what was searched, lane by lane.
    """

    version: str
    published_at: str
    searched: tuple[str, ...]
    leaks: tuple[Leak, ...]
    actions: tuple[facts.Action, ...]
    lanes: tuple[SearchedLane, ...] = ()


@dataclass(frozen=True)
class NotFound:
    """In no leak of this version. That is no proof of safety: not every leak is known.

    Attributes:
        version, published_at: of the first lane that was asked; ``lanes`` has each lane's.
        searched: names of the datasets, of all lanes that were asked, that were loaded by
            identifiers of this kind: nothing is said of any other leak.
        lanes: what was searched, lane by lane.
    """

    version: str
    published_at: str
    searched: tuple[str, ...]
    lanes: tuple[SearchedLane, ...] = ()


Answer = Found | NotFound


@dataclass(frozen=True)
class LaneAnswer:
    """What one lane says of a person: dataset names, with which of the person's data."""

    about: SearchedLane
    leaks: tuple[tuple[str, tuple[str, ...]], ...] = field(repr=False)


def searched(kind: Kind, published: Parameters) -> SearchedLane:
    """What an answer about an identifier of this kind is about."""
    datasets = published.datasets
    names = tuple(d.name for d in datasets if d.kinds is None or kind in d.kinds)
    return SearchedLane(Lane(published.lane), published.version, published.published_at, names)


def refuse_unsearched(kind: Kind, published: Collection[Parameters]) -> None:
    """There are leaks, and not one was loaded by such identifiers: that somebody is in none says
    nothing.

    Raises:
        CouldNotCheckError: BAD_PARAMETERS.
    """
    if any(each.datasets for each in published) and not any(
        searched(kind, each).searched for each in published
    ):
        raise CouldNotCheckError(
            Code.BAD_PARAMETERS, "could not check: no leak here was loaded by such identifiers"
        )


def merged(parts: list[LaneAnswer], register: dict[str, dict[str, Any]]) -> Answer:
    """One answer of what all lanes that were asked say."""
    lanes = tuple(part.about for part in parts)
    first = lanes[0]
    names = tuple(name for lane in lanes for name in lane.searched)
    leaks = tuple(
        Leak(name, classes, register.get(name, {}))
        for part in parts
        for name, classes in part.leaks
    )
    if not leaks:
        return NotFound(first.version, first.published_at, names, lanes)
    exposed = [slug for leak in leaks for slug in leak.data_classes]
    actions = facts.advice(exposed)
    return Found(first.version, first.published_at, names, leaks, actions, lanes)
