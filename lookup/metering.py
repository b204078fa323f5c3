"""Counts what clients ask, in memory, and writes it to the store now and then from its own thread.

The hot path adds to a dictionary and asks no store. With the store away counts wait.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable

from lookup.index import usage
from lookup.index.store import Store, StoreError
from lookup.index.usage import Use

_PAUSE = 5.0  # seconds between two batches: what a killed worker loses at most


class Meter:
    """The counts of one web server process."""

    def __init__(
        self,
        store: Store,
        unexpected: Callable[[Exception], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._unexpected = unexpected
        self._clock = clock
        self._counts: Counter[tuple[str, str, Use]] = Counter()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)

    def count(self, client_id: str, use: Use, amount: int = 1) -> None:
        """Count what a client was answered."""
        day = time.strftime("%Y-%m-%d", time.gmtime(self._clock()))
        with self._lock:
            self._counts[client_id, day, use] += amount

    def flush(self) -> None:
        """Write what was counted; what cannot be written is kept for the next time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            usage.add(self._store, counts)
        except StoreError:
            with self._lock:
                self._counts.update(counts)
        except Exception as error:  # noqa: BLE001  whatever it is, the thread goes on
            self._unexpected(error)

    def start(self) -> None:
        """Write from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is left: the store is about to be closed."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)  # it may be waiting for a store that does not answer
        self.flush()

    def _run(self) -> None:
        while not self._stopped.wait(_PAUSE):
            self.flush()
