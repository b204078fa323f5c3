"""Forget: one identifier is taken out of every ledger, and kept out of all later loads.

Lane by lane: on the sealed list first, so that a load that begins now leaves him out; then out of
each load, under its dataset's lock. Run again, it does what is left to do. What is published stays
until the next publish, and the version before for an hour after it.
"""

from dataclasses import dataclass

from lookup import keys
from lookup.index import forgotten, ledger, load_lock, register, versions
from lookup.index.definition import Definition
from lookup.index.store import Store
from lookup.keys import LoaderKeys
from lookup.protocol import entries
from lookup.protocol.identifiers import canonical
from lookup.protocol.stretch import stretch
from lookup.protocol.suite import Kind, Lane


@dataclass(frozen=True)
class Forgotten:
    """What is left to do in a lane. It does not say whether the person had been in it.

    Attributes:
        publish: name of a dataset to publish, so that the lane is made anew; None where nothing is
            published, or the version knows of everybody who was forgotten.
    """

    lane: Lane
    publish: str | None


def forget(
    store: Store, definition: Definition, loader_keys: LoaderKeys, kind: Kind, value: str
) -> list[Forgotten]:
    """Forget whoever this identifier belongs to, under this identifier.

    Raises:
        InputError: the value is no identifier of this kind; BAD_USAGE, a load is running.
        StoreError: the store is away; run again to go on.
    """
    stretched = stretch(kind, canonical(kind, value), definition.argon2)
    for lane in Lane:
        oprf = keys.derive_lane_key(loader_keys.lanes[lane], lane)
        token = entries.token(oprf.evaluate(stretched))
        forgotten.add(store, lane, loader_keys.ledger, entries.person(token))
        for dataset_id, dataset in register.read_all(store).items():
            if dataset.lane is lane:
                pair = entries.pairs([token], dataset_id)
                sealed = forgotten.sealed_pair(loader_keys.ledger, pair)
                _forget_in(store, dataset_id, dataset.name, sealed)
    return [Forgotten(lane, _to_publish(store, lane)) for lane in Lane]


def _forget_in(store: Store, dataset_id: int, name: str, sealed: bytes) -> None:
    with load_lock.hold(store, dataset_id, name):
        for load in ledger.loads_of(store, dataset_id):
            if load.has_rows:
                forgotten.remove(store, load, sealed)


def _to_publish(store: Store, lane: Lane) -> str | None:
    version = versions.read(store, lane).current
    if version is None:
        return None
    loads = [ledger.read(store, load_id) for load_id in version.loads]
    if sum(load.forgotten for load in loads) == version.forgotten:
        return None
    return register.read_all(store)[loads[0].dataset_id].name
