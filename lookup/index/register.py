"""The register: what is known of each dataset, and the ids datasets keep for ever.

Ids run from 1 to 65535 and are never used twice; a name keeps its id, its lane and the order of
its data classes.
"""

import difflib

from lookup.errors import Code, InputError
from lookup.index import keyspace
from lookup.index.dataset import Dataset
from lookup.index.store import Store
from lookup.protocol.suite import MAX_DATASET_ID


def add(store: Store, dataset: Dataset) -> int:
    """Enter a dataset, or change what is told of one; its id.

    Raises:
        InputError: BAD_DATASET, its lane or classes' order would change, or ids are used up.
    """
    client = store.redis
    known = client.hget(keyspace.DATASET_IDS, dataset.name)
    if known is None:
        fresh = int(client.incr(keyspace.LAST_DATASET))
        if fresh > MAX_DATASET_ID:
            raise InputError(Code.BAD_DATASET, "all 65535 dataset ids are used up")
        client.hsetnx(keyspace.DATASET_IDS, dataset.name, fresh)
        known = client.hget(keyspace.DATASET_IDS, dataset.name)
    dataset_id = int(known or 0)
    before = _entry(client.hget(keyspace.DATASETS, str(dataset_id)))
    if before is not None:
        _refuse_other_meaning(before, dataset)
    if before != dataset:
        client.hset(keyspace.DATASETS, str(dataset_id), written(dataset))
    client.incr(keyspace.REGISTER_CHANGES)  # always: the add before may have been killed just here
    return dataset_id


def written(dataset: Dataset) -> str:
    """An entry as the store has it."""
    return dataset.model_dump_json(exclude_defaults=True)


def get(store: Store, name: str) -> tuple[int, Dataset]:
    """A dataset and its id by name.

    Raises:
        InputError: BAD_USAGE, there is none; the sentence names one that is near, if any.
    """
    known = store.redis.hget(keyspace.DATASET_IDS, name)
    dataset = known and _entry(store.redis.hget(keyspace.DATASETS, known))
    if not known or not dataset:
        names = [dataset.name for dataset in read_all(store).values()]
        if not names:
            raise InputError(
                Code.BAD_USAGE, "there are no datasets yet; run: qorgan dataset add FILE.toml"
            )
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else "see: qorgan dataset list"
        raise InputError(Code.BAD_USAGE, f"there is no such dataset; {hint}")
    return int(known), dataset


def read_all(store: Store) -> dict[int, Dataset]:
    """All datasets by id."""
    raw = store.redis.hgetall(keyspace.DATASETS)
    entries = {int(key): _entry(value) for key, value in raw.items()}
    return {key: entry for key, entry in sorted(entries.items()) if entry is not None}


def changes(store: Store) -> int:
    """How often the register has changed: what a web node watches."""
    return int(store.redis.get(keyspace.REGISTER_CHANGES) or 0)


def _entry(raw: bytes | str | None) -> Dataset | None:
    return None if raw is None else Dataset.model_validate_json(raw)


def _refuse_other_meaning(before: Dataset, after: Dataset) -> None:
    if before.sensitive != after.sensitive:
        raise InputError(
            Code.BAD_DATASET, "a dataset's lane cannot change; enter it under another name"
        )
    if after.data_classes[: len(before.data_classes)] != before.data_classes:
        raise InputError(
            Code.BAD_DATASET,
            "data_classes may only grow at the end: loaded field masks mean its order",
        )
