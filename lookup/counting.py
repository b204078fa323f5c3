"""Whether the limits can be counted, as the last count of this process showed.

A store whose memory or disk is full goes on answering whoever reads, so that nothing else tells.
"""

import time

from lookup import logs
from lookup.index import spending
from lookup.index.store import Store, StoreError, StoreRefusalError
from lookup.logs import Event


class Counting:
    """What became of the last count; a change is logged once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_refused = False

    def worked(self) -> None:
        """Something was counted."""
        if self._is_refused:
            self._is_refused = False
            logs.event(Event.COUNTS_TAKEN)

    def failed(self, error: StoreError) -> None:
        """Something was not; that the store is away is the node's to tell."""
        if isinstance(error, StoreRefusalError) and not self._is_refused:
            self._is_refused = True
            logs.event(Event.COUNTS_REFUSED, logs.ERROR, error=error)

    def is_refused(self) -> bool:
        """Whether the store refuses to count; where it did, it is tried again.

        A balancer sends nobody to a node that is not ready, so no request would ever find out.
        """
        if self._is_refused:
            try:
                spending.try_out(self._store, time.time())
            except StoreError:
                return True
            self.worked()
        return False
