"""Diff: what a publish would change, people and datasets, without storing anything."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loaders.publish import Publisher, finished, read_datasets, wanted
from lookup.index import ledger, register, versions
from lookup.index.ledger import Load
from lookup.protocol.suite import Lane

U64 = NDArray[np.uint64]


@dataclass(frozen=True)
class Change:
    """How many people a dataset has before and after; of all a lane's datasets without a name.

    Attributes:
        added, removed: how many of them are in only one of both.
    """

    lane: str
    dataset: str | None
    before: int
    after: int
    added: int
    removed: int


def diff(publisher: Publisher, names: Sequence[str]) -> list[Change]:
    """What publishing these datasets would change: a line for each dataset and each whole lane.

    Without names: what a publish of anything would change, because people were forgotten. (These
    are gone from the ledger: they show neither before nor after.)

    Raises:
        InputError: BAD_USAGE, a name is unknown or has no finished load.
        UnavailableError: STORE_UNAVAILABLE, rows are missing or damaged.
    """
    added = wanted(publisher.store, names)
    lanes = tuple(added) if names else tuple(Lane)
    return [change for lane in lanes for change in _of_lane(publisher, lane, added.get(lane, []))]


def _of_lane(publisher: Publisher, lane: Lane, added: list[int]) -> list[Change]:
    store = publisher.store
    version = versions.read(store, lane).current
    old_ids = version.loads if version else ()
    old = [ledger.read(store, load_id) for load_id in old_ids]
    new = finished(store, (*old_ids, *added))
    if not old and not new:
        return []
    entries = register.read_all(store)
    changes, everybody_before, everybody_after = [], [], []
    for dataset_id in sorted({load.dataset_id for load in (*old, *new)}):
        its_old = [load for load in old if load.dataset_id == dataset_id]
        its_new = [load for load in new if load.dataset_id == dataset_id]
        before = _people(publisher, its_old)
        after = before if its_new == its_old else _people(publisher, its_new)
        everybody_before.append(before)
        everybody_after.append(after)
        changes.append(_change(lane, entries[dataset_id].name, before, after))
    whole = _change(lane, None, _distinct(everybody_before), _distinct(everybody_after))
    return [*changes, whole]


def _people(publisher: Publisher, loads: list[Load]) -> U64:
    """The distinct people of one dataset, in order."""
    rows = read_datasets(publisher.store, publisher.keys.ledger, loads)
    return _distinct([each.person for each in rows])


def _distinct(parts: list[U64]) -> U64:
    people = np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)
    people.sort()  # np.unique takes a hundred times as long
    if not len(people):
        return people
    return people[np.concatenate(([True], people[1:] != people[:-1]))]


def _change(lane: Lane, name: str | None, before: U64, after: U64) -> Change:
    both = 0 if not len(before) else _common(before, after)
    return Change(lane.value, name, len(before), len(after), len(after) - both, len(before) - both)


def _common(before: U64, after: U64) -> int:
    at = np.minimum(np.searchsorted(before, after), len(before) - 1)
    return int(np.count_nonzero(before[at] == after))
