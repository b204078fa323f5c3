"""What a command leaves in the audit trail: who works here is asked first, the event told last."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from loaders import operator
from loaders.publish import Published
from loaders.terminal import note
from lookup.index import audit, ledger, register, versions
from lookup.index.audit import Trail
from lookup.index.audit_record import Details, Event
from lookup.index.dataset import Dataset
from lookup.index.definition import Definition
from lookup.index.ledger import LoadState
from lookup.index.store import Store
from lookup.protocol.suite import PROTOCOL, Lane


class Recorder:
    """The trail, open to this machine's operator; each record tells the trail's head as a note.

    So operators have heads where nobody who can write to the store can write: their terminals.
    """

    def __init__(self, store: Store, keys: Path, tell: Callable[[str], None] = note) -> None:
        """
        Raises:
            InputError: BAD_USAGE, the trail does not know this operator.
            UnavailableError: BAD_KEY_FILE; BAD_SIGNATURE, the trail was changed.
            StoreError: the store is away.
        """
        self.store = store
        self.operator = operator.ready(store, keys)
        self._tell = tell

    def record(self, event: Event, details: Details) -> None:
        """Record an event, once however often it is told.

        Raises: as ``audit.append``.
        """
        self._tell(f"audit head {audit.append(self.store, self.operator, event, details)}")

    def index_made(self, definition: Definition) -> None:
        """An index and each of its keys were made.

        Raises: as ``audit.append``.
        """
        *keys_made, (event, details) = _making(definition)
        for made in keys_made:
            audit.append(self.store, self.operator, *made)
        self.record(event, details)

    def entered(self, dataset: Dataset) -> None:
        """A dataset is in the register, or what is told of it was changed.

        Raises: as ``audit.append``.
        """
        entry = hashlib.sha256(register.written(dataset).encode()).hexdigest()
        self.record(Event.DATASET_ENTERED, Details(dataset=dataset.name, entry_sha256=entry))

    def loaded(self, certificate: str) -> None:
        """A file was loaded, now or before.

        Raises: as ``audit.append``.
        """
        self.record(Event.LOADED, Details.of_certificate(certificate))

    def purged(self, name: str) -> None:
        """All loads of a dataset whose rows were deleted, now or by a command that was killed.

        Raises: as ``audit.append``.
        """
        dataset_id, _ = register.get(self.store, name)
        for load in ledger.loads_of(self.store, dataset_id):
            if load.state is LoadState.PURGED:
                rows = load.checkpoint - load.forgotten
                self.record(
                    Event.PURGED, Details(dataset=name, load=load.id, counts={"rows": rows})
                )

    def tells(self, lane: Lane) -> bool:
        """Whether the trail tells of a lane's current version; True where there is none.

        Raises: as ``audit.read``.
        """
        name = versions.current_name(self.store, lane)
        records = audit.read(self.store).records
        return not name or any(record.details.version == name for record in records)

    def published(self, done: Published, event: Event = Event.PUBLISHED) -> None:
        """A lane's version is visible, now or already.

        Raises: as ``audit.append``.
        """
        current = versions.read(self.store, Lane(done.lane)).current
        counts = None if done.identifiers is None else {"identifiers": done.identifiers}
        self.record(
            event,
            Details(
                lane=Lane(done.lane),
                version=done.version,
                datasets=done.datasets,
                loads=current.loads if current else (),
                counts=counts,
            ),
        )


def tells_of(trail: Trail, definition: Definition) -> bool:
    """Whether the trail says that this very index was made, with these very keys."""
    return all(trail.number_of(*made) is not None for made in _making(definition))


def _making(definition: Definition) -> list[tuple[Event, Details]]:
    """The events of an index's making, the index itself last: then all of them are told."""
    public = {**definition.public_keys, "publisher": definition.publisher_key}
    checks = {"ledger": definition.ledger_check, "padding": definition.padding_check}
    fixed = {
        "protocol": PROTOCOL,
        "prefix_bits": definition.prefix_bits,
        "memory_kib": definition.memory_kib,
        "time_cost": definition.time_cost,
        "parallelism": definition.parallelism,
    }
    return [
        *((Event.KEY_MADE, Details(key=name, public_key=key)) for name, key in public.items()),
        *((Event.KEY_MADE, Details(key=name, check=check)) for name, check in checks.items()),
        (Event.INDEX_MADE, Details(counts=fixed)),
    ]
