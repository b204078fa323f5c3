"""What a web node knows of the index at this moment, and the thread that keeps it fresh.

Answers never wait for the store: they read ``Node.state``, an immutable picture that the thread
replaces whole. What was last known is also kept in the cache folder, so that a worker started
while the store is away serves what the node served before, until it is too stale.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lookup.errors import Code, QorganError
from lookup.index import register, versions, view
from lookup.index.register import Dataset
from lookup.index.store import Store, StoreError
from lookup.index.versions import LaneVersions, Version
from lookup.index.view import MappedVersion
from lookup.protocol.suite import Lane

_POLL = 1.0  # seconds; a new version must be served within 5 s of the switch
_RETRY = 10.0  # seconds until a version that could not be mapped is fetched again
_LAST_KNOWN = "last-known.json"


@dataclass(frozen=True)
class State:
    """One consistent picture.

    Attributes:
        current: the version answered by default, for each lane that has one.
        mapped: all versions that ranges are answered from, by lane and name.
        datasets: the register by id.
    """

    current: Mapping[Lane, MappedVersion] = field(default_factory=dict)
    mapped: Mapping[tuple[Lane, str], MappedVersion] = field(default_factory=dict)
    datasets: Mapping[int, Dataset] = field(default_factory=dict)

    def published(self) -> dict[int, Dataset]:
        """The register entries of all published datasets, by id."""
        ids = {d.id for mapped in self.current.values() for d in mapped.parameters.datasets}
        return {key: dataset for key, dataset in self.datasets.items() if key in ids}


@dataclass(frozen=True)
class Watch:
    """What the node tells its owner (who logs it); no argument can hold personal data."""

    mapped: Callable[[Lane, str], None]
    refused: Callable[[Lane, Code], None]
    store_away: Callable[[], None]
    store_back: Callable[[], None]
    unexpected: Callable[[Exception], None]


class Node:
    """The mapped versions and the register of one web server process."""

    def __init__(
        self, store: Store, cache: Path, max_stale: int, lanes: tuple[Lane, ...], watch: Watch
    ) -> None:
        """A node that maps the versions of these lanes; with none it only watches the store."""
        self._store = store
        self._lanes = lanes
        self._cache = cache
        self._max_stale = max_stale
        self._watch = watch
        self._known: tuple[dict[Lane, str], int] | None = None
        self._heard_at = float("-inf")  # wall clock: it must survive a restart
        self._away = False
        self.state = State()

    def start(self) -> None:
        """Look once now, fall back on what was last known, then go on in a daemon thread."""
        if not self.refresh():
            self._recall()
        threading.Thread(target=self._run, name="index-watch", daemon=True).start()

    @property
    def is_stale(self) -> bool:
        """Whether the store has been silent for longer than answers may be served."""
        return time.time() - self._heard_at > self._max_stale

    @property
    def store_answers(self) -> bool:
        """Whether the store answered the last time it was asked."""
        return not self._away

    def refresh(self) -> bool:
        """Ask the store once, map what is new; whether the store answered."""
        try:
            names = {lane: versions.current_name(self._store, lane) for lane in self._lanes}
            seen = (names, register.changes(self._store))
            if seen != self._known:
                self._take(
                    {lane: versions.read(self._store, lane) for lane in self._lanes},
                    register.read_all(self._store),
                    self._store,
                )
                self._known = seen if self._is_whole(names) else None
        except StoreError:
            if not self._away:
                self._watch.store_away()
            self._away = True
            return False
        if self._away:
            self._watch.store_back()
        self._away = False
        self._hear()
        return True

    def _is_whole(self, names: Mapping[Lane, str]) -> bool:
        """Whether each lane's current version is the one that is answered."""
        served = {lane: mapped.version.name for lane, mapped in self.state.current.items()}
        return all(served.get(lane, "") == name for lane, name in names.items())

    def _run(self) -> None:
        while True:
            time.sleep(_POLL if self._known or self._away else _RETRY)
            try:
                self.refresh()
            except Exception as error:  # noqa: BLE001  the thread must outlive whatever the store says
                self._known = None
                self._watch.unexpected(error)

    def _take(
        self,
        lanes: Mapping[Lane, LaneVersions],
        datasets: Mapping[int, Dataset],
        store: Store | None,
    ) -> None:
        current: dict[Lane, MappedVersion] = {}
        mapped: dict[tuple[Lane, str], MappedVersion] = {}
        for lane, both in lanes.items():
            for version in (both.current, both.previous):
                found = version and self._mapped(lane, version, store, both)
                if version and found:
                    mapped[lane, version.name] = found
                    if version is both.current:
                        current[lane] = found
            if lane not in current and lane in self.state.current:
                current[lane] = self.state.current[lane]  # better the old version than none
                mapped[lane, current[lane].version.name] = current[lane]
        self.state = State(current, mapped, datasets)
        if store is not None:
            self._remember(lanes, datasets)

    def _mapped(
        self, lane: Lane, version: Version, store: Store | None, both: LaneVersions
    ) -> MappedVersion | None:
        known = self.state.mapped.get((lane, version.name))
        if known is not None and known.version.stage == version.stage:
            return known
        try:
            fresh = view.load(store, lane, version, self._cache)
        except QorganError as error:
            if version is both.current:  # the previous one leaves the store after an hour
                self._watch.refused(lane, error.code)
            return None
        self._watch.mapped(lane, version.name)
        return fresh

    def _remember(
        self, lanes: Mapping[Lane, LaneVersions], datasets: Mapping[int, Dataset]
    ) -> None:
        document = {
            "lanes": {lane.value: asdict(both) for lane, both in lanes.items()},
            "datasets": {
                key: d.model_dump_json(exclude_defaults=True) for key, d in datasets.items()
            },
        }
        with view.locked(self._cache):
            draft = self._cache / f".{_LAST_KNOWN}.{os.getpid()}"
            draft.write_text(json.dumps(document), encoding="utf-8")
            draft.replace(self._cache / _LAST_KNOWN)
            self._clean()

    def _clean(self) -> None:
        """Remove files of versions that are neither current nor previous; mapped ones live on."""
        wanted = {
            view.file_name(lane, mapped.parameters, part)
            for (lane, _), mapped in self.state.mapped.items()
            for part in (versions.VIEW, versions.FILTER)
        }
        for path in self._cache.iterdir():
            if path.suffix in (".view", ".filter") and path.name not in wanted:
                path.unlink(missing_ok=True)

    def _hear(self) -> None:
        now = time.time()
        if now - self._heard_at > 30 and (self._cache / _LAST_KNOWN).exists():
            os.utime(self._cache / _LAST_KNOWN)
        self._heard_at = now

    def _recall(self) -> None:
        """Take up what the node knew when it last heard of the store."""
        path = self._cache / _LAST_KNOWN
        try:
            heard_at = path.stat().st_mtime
            document = json.loads(path.read_text(encoding="utf-8"))
            lanes = {
                Lane(lane): LaneVersions(_version(both["current"]), _version(both["previous"]))
                for lane, both in document["lanes"].items()
            }
            datasets = {
                int(key): Dataset.model_validate_json(raw)
                for key, raw in document["datasets"].items()
            }
        except (OSError, ValueError, KeyError, TypeError):
            return  # nothing known: not ready until the store is back
        self._take(lanes, datasets, None)
        self._heard_at = heard_at


def _version(raw: dict[str, object] | None) -> Version | None:
    if raw is None:
        return None
    loads = raw["loads"]
    return Version(**raw | {"loads": tuple(loads) if isinstance(loads, list) else ()})  # type: ignore[arg-type]  # read back from what asdict wrote
