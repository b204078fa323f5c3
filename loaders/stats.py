"""Stats: how much there is, dataset by dataset, load by load; and loads with where they stand."""

import json
from dataclasses import dataclass

from lookup.index import ledger, load_lock, register, space, versions
from lookup.index.ledger import Load, LoadState
from lookup.index.store import Store
from lookup.protocol.suite import Lane


@dataclass(frozen=True)
class DatasetStats:
    """One dataset.

    Attributes:
        loads: finished ones whose rows are there, withdrawn ones too.
        rows: read from their files; ``identifiers`` in their ledgers: a person in two loads of a
            dataset counts twice.
        published: whether the current version has it.
        bytes_per_identifier: of the store's memory, for its ledgers; None where there are none.
    """

    dataset: str
    lane: str
    loads: int
    rows: int
    identifiers: int
    published: bool
    bytes_per_identifier: float | None


@dataclass(frozen=True)
class LoadStatus:
    """One load; ``load`` is None while a file is read for the first time.

    Attributes:
        state: reading, running, interrupted, loaded, withdrawn, purging or purged.
        done: percent of its identifiers that are in the ledger (or deleted, while purging).
        rows: in the ledger.
        reason: why it was withdrawn.
    """

    dataset: str
    load: int | None
    state: str
    done: int
    rows: int
    started: str
    reason: str


def stats(store: Store) -> list[DatasetStats]:
    """All datasets in the register."""
    published = {i for lane in Lane for i in _published(store, lane)}
    found = []
    for dataset_id, dataset in register.read_all(store).items():
        states = (LoadState.LOADED, LoadState.WITHDRAWN)
        loads = [load for load in ledger.loads_of(store, dataset_id) if load.state in states]
        identifiers = sum(load.checkpoint - load.forgotten for load in loads)
        weight = sum(space.weigh(store, load) for load in loads)
        found.append(
            DatasetStats(
                dataset=dataset.name,
                lane=dataset.lane.value,
                loads=len(loads),
                rows=sum(_rows_read(load) for load in loads),
                identifiers=identifiers,
                published=dataset_id in published,
                bytes_per_identifier=round(weight / identifiers, 1) if identifiers else None,
            )
        )
    return found


def statuses(store: Store) -> list[LoadStatus]:
    """All loads of all datasets, and files that are being read."""
    found = []
    for dataset_id, dataset in register.read_all(store).items():
        holder = load_lock.live_holder(store, dataset_id)
        loads = ledger.loads_of(store, dataset_id)
        found += [_status(dataset.name, load, holder) for load in loads]
        if holder and all(load.owner != holder for load in loads):
            found.append(LoadStatus(dataset.name, None, "reading", 0, 0, "", ""))
    return found


def _status(name: str, load: Load, holder: str) -> LoadStatus:
    done, of = load.checkpoint, load.identifiers
    rows = load.checkpoint - load.forgotten
    state = load.state.value
    if load.state is LoadState.RUNNING:
        state = "running" if holder and load.owner == holder else "interrupted"
    if load.state is LoadState.PURGED:
        done, of, rows = load.purged_shards, load.shards, 0
        state = "purging" if load.has_rows else "purged"
    percent = 100 * done // of if of else 100
    reason = "" if load.state is LoadState.LOADED else load.reason  # of one that was rolled back
    return LoadStatus(name, load.id, state, percent, rows, load.started_at, reason)


def _published(store: Store, lane: Lane) -> set[int]:
    version = versions.read(store, lane).current
    if version is None:
        return set()
    return {dataset["id"] for dataset in json.loads(version.document)["datasets"]}


def _rows_read(load: Load) -> int:
    rows = json.loads(load.certificate).get("rows", {})
    return int(rows.get("read", 0))
