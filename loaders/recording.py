"""What a command leaves in the audit trail: who works here is asked first, the event told last."""

from pathlib import Path

from loaders import operator
from loaders.publish import Published
from lookup.index import audit, versions
from lookup.index.audit_record import Details, Event
from lookup.index.store import Store
from lookup.protocol.suite import Lane


class Recorder:
    """The trail, open to this machine's operator."""

    def __init__(self, store: Store, keys: Path) -> None:
        """
        Raises:
            InputError: BAD_USAGE, the trail does not know this operator.
            UnavailableError: BAD_KEY_FILE; BAD_SIGNATURE, the trail was changed.
            StoreError: the store is away.
        """
        self.store = store
        self.operator = operator.ready(store, keys)

    def record(self, event: Event, details: Details) -> None:
        """Record an event, once however often it is told.

        Raises: as ``audit.append``.
        """
        audit.append(self.store, self.operator, event, details)

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
