"""``qorgan doctor``: looks at a deployment from inside and says what to mend. It changes nothing.

What services refuse at their start is refused here by the same code, in the same sentences. Every
check is bounded in time, and one that fails stops no other that could be made without it.
"""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from loaders import doctor_cluster, doctor_index, doctor_machine, doctor_store, doctor_web
from loaders.doctor_index import Published
from loaders.finding import Finding, problem
from lookup.errors import Code, QorganError, UnavailableError
from lookup.index import definition, figures
from lookup.index import store as stores
from lookup.index.definition import Definition
from lookup.index.store import Store, StoreError
from lookup.protocol.suite import Lane
from lookup.settings import Settings

_PATIENCE = 4.0  # seconds for one check
_LONG = 8.0  # for every byte of a version, and for some requests through a proxy

_T = TypeVar("_T")


class Examination:
    """One look at everything; what is learned on the way is what later checks compare with."""

    def __init__(self, settings: Settings, url: str | None) -> None:
        """``url``: where the proxy answers, to be asked from outside too."""
        self._settings = settings
        self._url = url
        self._definition: Definition | None = None
        self._of_keys: list[Finding] = []
        self._published: dict[Lane, Published | None] = {}

    def findings(self) -> Iterator[Finding]:
        """All of them, each as soon as it is there."""
        try:
            yield from self._findings()
        except OSError as error:
            yield problem("folders", _unusable(error).sentence)

    def _findings(self) -> Iterator[Finding]:
        if not doctor_machine.has_nothing(self._settings):
            yield from self._of_here()
        elif self._url is None:  # else somebody looks at a deployment from his own machine
            yield from doctor_machine.data_folder(self._settings)
            yield problem("index", definition.missing().sentence)
        if self._url is not None:
            url, made = self._url, self._definition
            key = None if made is None else bytes.fromhex(made.publisher_key)
            yield from _told("proxy", lambda: doctor_web.outside(url, key), _LONG)

    def _of_here(self) -> Iterator[Finding]:
        settings = self._settings
        yield from _told("data folder", lambda: doctor_machine.data_folder(settings))
        self._of_keys = _told("key files", lambda: doctor_machine.key_files(settings))
        yield from self._of_keys
        yield from self._of_store()
        size = sum(each.bytes for each in self._published.values() if each is not None)
        if doctor_index.keeps_versions(settings):
            yield from _told("disk", lambda: [doctor_machine.disk(settings, size)])
        yield from self._of_service()

    def _of_store(self) -> Iterator[Finding]:
        folder = self._settings.data / "store"
        if self._settings.redis_url is None and not folder.is_dir():
            yield problem("index", definition.missing().sentence)  # connecting would make one
            return
        if self._settings.redis_url is None and folder.stat().st_mode & 0o077:
            yield problem("store", f"others can look into {folder}; run: chmod go= {folder}")
            return
        try:
            store = stores.connect(self._settings)
        except QorganError as error:
            yield problem("store", stores.told(error, self._settings))
            return
        try:
            yield from self._of_opened(store)
        finally:
            store.close()

    def _of_opened(self, store: Store) -> Iterator[Finding]:
        settings = self._settings
        try:
            _within(lambda: stores.check(store))
        except QorganError as error:
            yield problem("store", stores.told(error, settings))
            if error.code is not Code.STORE_EVICTS:
                yield from _told("cluster", lambda: doctor_cluster.remains(store))
                return
        yield from _told("store", lambda: doctor_store.servers(store, settings))
        yield from _told("permissions", lambda: doctor_store.permissions(store, settings))
        try:
            self._definition = made = _within(lambda: definition.read(store))
        except QorganError as error:
            yield problem("index", error.sentence)
            return
        yield doctor_index.index(made)
        told = {finding.sentence for finding in self._of_keys}  # of a bad file once is enough
        fitting = _told("keys", lambda: doctor_index.fitting_keys(store, made, settings))
        yield from (finding for finding in fitting if finding.sentence not in told)
        for lane in Lane:
            yield from self._of_lane(store, made, lane)
        yield from _told("clients", lambda: [doctor_index.apps(store)])
        yield from _told("store figures", lambda: doctor_store.figures_told(figures.read(store)))

    def _of_lane(self, store: Store, made: Definition, lane: Lane) -> Iterator[Finding]:
        settings = self._settings
        try:
            found = _within(lambda: doctor_index.current(store, made, lane))
        except QorganError as error:
            yield problem(f"{lane.value} lane", error.sentence)
            return
        self._published[lane] = found
        yield doctor_index.version(found, lane)
        if found is not None and doctor_index.keeps_versions(settings):
            name = f"{lane.value} cache"
            yield from _told(name, lambda: [doctor_index.kept(found, settings)], _LONG)

    def _of_service(self) -> Iterator[Finding]:
        settings, found = self._settings, self._published.get(Lane.PUBLIC)
        current = None if found is None else found.version.name
        # Who loads into a store that others serve from, or delivers, need not serve himself.
        elsewhere = settings.redis_url is not None and (
            doctor_machine.loads_here(settings) or doctor_machine.delivers_here(settings)
        )
        told = _told(
            "service", lambda: doctor_web.inside(settings, current, expected=not elsewhere)
        )
        yield from told
        if not elsewhere or len(told) > 1:
            yield from _told("limits", lambda: doctor_machine.limits(settings))


def _told(
    check: str, look: Callable[[], Iterable[Finding]], seconds: float = _PATIENCE
) -> list[Finding]:
    """What a check found until it ended, or could go no further."""
    findings: list[Finding] = []

    def collect() -> None:
        findings.extend(look())

    try:
        _within(collect, seconds)
    except QorganError as error:
        return [*findings, problem(check, error.sentence)]
    return findings


def _within(look: Callable[[], _T], seconds: float = _PATIENCE) -> _T:
    """What a look came to; in a thread that is given up when it takes too long.

    Raises:
        QorganError: what it raised, or that it took too long.
    """
    outcomes: queue.SimpleQueue[_T | QorganError] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcomes.put(look())
        except QorganError as error:
            outcomes.put(error)
        except StoreError as error:
            outcomes.put(stores.unavailable(error))
        except OSError as error:
            outcomes.put(_unusable(error))
        except Exception as error:  # noqa: BLE001  its text may hold anything
            told = f"unforeseen error: {type(error).__name__}; tell who maintains qorgan"
            outcomes.put(UnavailableError(Code.INTERNAL, told))

    threading.Thread(target=run, daemon=True).start()
    try:
        outcome = outcomes.get(timeout=seconds)
    except queue.Empty:
        raise UnavailableError(
            Code.STORE_UNAVAILABLE,
            f"no answer in {seconds:.0f} seconds; look at the disk, the store and the network",
        ) from None
    if isinstance(outcome, QorganError):
        raise outcome
    return outcome


def _unusable(error: OSError) -> UnavailableError:
    why = os.strerror(error.errno or 0).lower()
    return UnavailableError(
        Code.BAD_FILE,
        f"a file or folder cannot be used ({why}); check the paths in qorgan settings, and run "
        "this as the service's user",
    )
