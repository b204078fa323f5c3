"""What a web node knows of the index at this moment, and the thread that keeps it fresh.

Answers never wait for the store: they read ``Node.state``, an immutable picture that the thread
replaces whole. What was last known is also kept in the cache folder, so that a worker started
while the store is away serves what the node served before, until it is too stale.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lookup.errors import Code, QorganError, UnavailableError
from lookup.index import clients, last_known, register, versions, view
from lookup.index.dataset import Dataset
from lookup.index.state import State
from lookup.index.store import Store, StoreError
from lookup.index.versions import LaneVersions, Version
from lookup.index.view import MappedVersion
from lookup.index.watch import Watch
from lookup.protocol import parameters
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import Lane

_POLL = 1.0  # seconds; a new version must be served within 5 s of the switch
_RETRY = 10.0  # seconds until a version that could not be mapped is fetched again
_TRUST = 10.0  # seconds: between two looks a store may have been replaced, or set otherwise


class Node:
    """The mapped versions and the register of one web server process."""

    def __init__(
        self,
        store: Store,
        cache: Path,
        max_stale: int,
        lanes: tuple[Lane, ...],
        watch: Watch,
        trust: Callable[[], None] = lambda: None,
    ) -> None:
        """A node that maps the versions of these lanes; with none it only watches the store.

        ``trust`` raises UnavailableError where the store must not be believed (another index's
        keys, a policy that evicts); it is asked when the store is heard anew, and every 10 s.
        """
        self._store = store
        self._trust = trust
        self._trusted_until = float("-inf")  # monotonic
        self.is_misfit = False  # the store that was heard last is not one for our keys
        self._lanes = lanes
        self._cache = cache
        self._max_stale = max_stale
        self._watch = watch
        self._known: tuple[dict[Lane, str], int] | None = None
        self._client_changes: int | None = None
        self.knows_clients = False  # until then a key that opens nothing may be a good one
        self._is_behind = False  # it answers an older version than the store has, or cannot tell
        self._retry_at = float("inf")  # monotonic: when what could not be mapped is tried again
        self._heard_at = float("-inf")  # wall clock: it must survive a restart
        self._noted_at = float("-inf")  # when that was last written down
        self._away = False
        self._was_stale = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="index-watch", daemon=True)
        self.state = State()

    def start(self) -> None:
        """Look once now, fall back on what was last known, then go on in a daemon thread.

        Raises:
            UnavailableError: BAD_FILE, the cache folder cannot be used.
        """
        with view.locked(self._cache):
            pass  # said now, in a sentence, rather than in the log of a node that never gets ready
        self._recall()
        self._look()
        self._thread.start()

    def stop(self) -> None:
        """Ask the store no more: it is about to be closed."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)  # it may be waiting for a store that does not answer

    @property
    def store(self) -> Store:
        """For who may wait for it: answers never do."""
        return self._store

    @property
    def knows(self) -> bool:
        """Whether it has ever heard, or recalled, what there is: until then nothing is "none"."""
        return self._heard_at > float("-inf")

    @property
    def silence(self) -> float:
        """Seconds since the store was heard; infinite if it never was."""
        return time.time() - self._heard_at

    @property
    def is_stale(self) -> bool:
        """Whether the store has been silent for longer than answers may be served."""
        return self.silence > self._max_stale

    @property
    def store_answers(self) -> bool:
        """Whether the store answered the last time it was asked."""
        return not self._away

    def refresh(self) -> bool:
        """Ask the store once, map what is new; whether the store answered."""
        try:
            if time.monotonic() >= self._trusted_until and not self._is_trusted():
                return self._lose_store()
            self._hear_clients()  # before all that could fail: a revoked key must end
            names = {lane: versions.current_name(self._store, lane) for lane in self._lanes}
            seen = (names, register.changes(self._store))
            if seen != self._known or time.monotonic() >= self._retry_at:
                # If somebody switches between the two reads, the next look finds another name.
                lanes = {lane: versions.read(self._store, lane) for lane in self._lanes}
                self._take(lanes, register.read_all(self._store), self._store)
                self._known = seen
                lacking = self._lacking(lanes)
                self._is_behind = not lacking <= self.state.unfetched.keys()
                self._retry_at = time.monotonic() + _RETRY if lacking else float("inf")
        except StoreError:
            return self._lose_store()
        if self._away:
            self._watch.store_back()
        self._away = False
        if not self._is_behind:
            self._hear()
        return True

    def _is_trusted(self) -> bool:
        try:
            self._trust()
        except UnavailableError as error:
            was_misfit, self.is_misfit = self.is_misfit, error.code is not Code.STORE_UNAVAILABLE
            if self.is_misfit and not was_misfit:
                self._watch.misfit(error.code)
            return False
        self.is_misfit, self._trusted_until = False, time.monotonic() + _TRUST
        return True

    def _hear_clients(self) -> None:
        seen = clients.changes(self._store)
        if seen != self._client_changes:
            self.state = replace(self.state, clients=clients.readable(self._store))
            self._client_changes, self.knows_clients = seen, True

    def _lose_store(self) -> bool:
        if not self._away:
            self._watch.store_away()
        self._away, self._client_changes = True, None
        self._trusted_until = float("-inf")
        return False

    def _lacking(self, lanes: Mapping[Lane, LaneVersions]) -> set[Lane]:
        """The lanes whose current version is not the one that is answered."""
        served = {lane: mapped.version for lane, mapped in self.state.current.items()}
        return {lane for lane, both in lanes.items() if served.get(lane) != both.current}

    def _run(self) -> None:
        while not self._stopped.wait(_POLL if self._known or self._away else _RETRY):
            self._look()
            self._tell_age()

    def _look(self) -> bool:
        """``refresh``, which whatever the store says cannot end."""
        try:
            return self.refresh()
        except Exception as error:  # noqa: BLE001  see above
            self._known = None
            self._watch.unexpected(error)
            return False

    def _tell_age(self) -> None:
        """Say once when it gets too old to answer."""
        was_stale, self._was_stale = self._was_stale, self.is_stale and self.knows
        if self._was_stale and not was_stale:
            self._watch.stale()

    def _take(
        self,
        lanes: Mapping[Lane, LaneVersions],
        datasets: Mapping[int, Dataset],
        store: Store | None,
    ) -> None:
        current: dict[Lane, MappedVersion] = {}
        mapped: dict[tuple[Lane, str], MappedVersion] = {}
        unfetched: dict[Lane, Parameters] = {}
        for lane, both in lanes.items():
            for version in (both.current, both.previous):
                found = version and self._mapped(lane, version, store, both)
                if version and found:
                    mapped[lane, version.name] = found
                    if version is both.current:
                        current[lane] = found
            if lane not in current and (old := self.state.current.get(lane)):
                current[lane] = mapped[lane, old.version.name] = old  # until it is too stale
            elif lane not in current and both.current:
                with suppress(QorganError):  # one that nobody signed is not worth a name
                    unfetched[lane] = view.signed(lane, both.current)
        self.state = State(current, mapped, datasets, self.state.clients, unfetched)
        if store is not None:
            self._remember(lanes, datasets)

    def _mapped(
        self, lane: Lane, version: Version, store: Store | None, both: LaneVersions
    ) -> MappedVersion | None:
        try:
            if version is both.current and self._is_older(lane, version):
                self._watch.refused(lane, Code.ROLLED_BACK)
                return None
            known = self.state.mapped.get((lane, version.name))
            if known is not None and known.version.stage == version.stage:
                return known
            fresh = view.load(store, lane, version, self._cache)
        except QorganError as error:
            if version is both.current:  # the previous one leaves the store after an hour
                self._watch.refused(lane, error.code)
            return None
        self._watch.mapped(lane, version.name)
        return fresh

    def _is_older(self, lane: Lane, version: Version) -> bool:
        """Whether this is an older version of the index that is served: a store that lost some."""
        served = self.state.current.get(lane)
        if served is None:
            return False
        now, offered = (
            served.parameters,
            parameters.parse(version.document.encode("ascii", "replace")),
        )
        is_same_index = (offered.public_key, offered.argon2) == (now.public_key, now.argon2)
        return is_same_index and offered.counter < now.counter

    def _remember(
        self, lanes: Mapping[Lane, LaneVersions], datasets: Mapping[int, Dataset]
    ) -> None:
        try:
            with view.locked(self._cache):
                last_known.write(self._cache, lanes, datasets)
                self._clean()
        except QorganError as error:
            self._watch.unexpected(error)  # a full disk: answers go on, a restart may miss them

    def _clean(self) -> None:
        """Remove drafts of killed workers, and files of versions that are not answered any more.

        What another worker has open lives on.
        """
        wanted = {
            view.file_name(lane, mapped.parameters, part)
            for (lane, _), mapped in self.state.mapped.items()
            for part in (versions.VIEW, versions.FILTER)
        }
        for path in self._cache.iterdir():
            if path.suffix in (".view", ".filter", view.DRAFT) and path.name not in wanted:
                path.unlink(missing_ok=True)

    def _hear(self) -> None:
        self._heard_at = time.time()
        if self._heard_at - self._noted_at > 30:
            self._noted_at = self._heard_at
            with suppress(OSError):
                os.utime(self._cache / last_known.NAME)

    def _recall(self) -> None:
        """Take up what the node knew when it last heard of the store."""
        noted = last_known.read(self._cache)
        if noted is None:
            return  # nothing known: not ready until the store is back
        try:
            self._take(noted.lanes, noted.datasets, None)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return  # values of other types than a record has
        self._heard_at = min(noted.heard_at, time.time())  # a clock may have been set back
