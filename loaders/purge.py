"""Purge: the rows of withdrawn loads are deleted; their records and certificates stay.

What the current version is made of, or one that was replaced less than an hour ago, is refused:
until then a rollback needs the rows.
"""

from dataclasses import dataclass

from loaders.progress import Progress
from lookup.errors import Code, InputError
from lookup.index import ledger, load_lock, register, space, versions
from lookup.index.ledger import Load, LoadState
from lookup.index.store import Store


@dataclass(frozen=True)
class Purged:
    """What a purge came to: ids of the loads whose rows are gone, and how many rows that were."""

    dataset: str
    loads: tuple[int, ...]
    rows: int


def purge(store: Store, name: str, progress: Progress, *, interrupted: bool = False) -> Purged:
    """Delete the rows of a dataset's withdrawn loads, and of interrupted ones if asked to.

    Killed at any moment and run again, it goes on.

    Raises:
        InputError: BAD_USAGE, the name is unknown, there is nothing to purge, a load is running, or
            a version that may still be served is made of these loads.
        StoreError: the store is away; run again to go on.
    """
    dataset_id, dataset = register.get(store, name)
    with load_lock.hold(store, dataset_id, name):
        loads = [load for load in ledger.loads_of(store, dataset_id) if load.has_rows]
        chosen = [load for load in loads if _is_chosen(load, interrupted=interrupted)]
        if loads and not chosen:
            raise _refused(name, loads)
        served = versions.in_service(store, dataset.lane)
        if any(load.id in served for load in chosen):
            raise InputError(
                Code.BAD_USAGE,
                f"a version that may still be served has {name}; run this again an hour after it "
                "was withdrawn",
            )
        rows = sum(load.checkpoint - load.forgotten for load in chosen)
        with progress.task("deleting", sum(load.shards for load in chosen)) as advance:
            for load in chosen:
                for deleted in space.purge(store, load):
                    advance(deleted)
        return Purged(name, tuple(load.id for load in chosen), rows)


def _is_chosen(load: Load, *, interrupted: bool) -> bool:
    return load.state in (LoadState.WITHDRAWN, LoadState.PURGED) or (
        interrupted and load.state is LoadState.RUNNING
    )


def _refused(name: str, loads: list[Load]) -> InputError:
    if any(load.state is LoadState.LOADED for load in loads):
        sentence = f"{name} is not withdrawn; first run: qorgan withdraw {name} --reason TEXT"
    else:
        sentence = f"{name} has only interrupted loads; to delete these, add --interrupted"
    return InputError(Code.BAD_USAGE, sentence)
