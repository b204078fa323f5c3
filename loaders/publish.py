"""Publish: from the ledgers of finished loads to a switched, signed version.

The flow, lane by lane: look → which loads → rows → build → document, signed → staged chunks →
switch. Withdraw and rollback go the same way; they only choose other loads.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from loaders import build
from loaders.progress import Progress
from lookup.errors import Code, InputError
from lookup.index import ledger, ledger_rows, register, seal, versions
from lookup.index.dataset import Dataset
from lookup.index.definition import Definition
from lookup.index.ledger import Load, LoadState
from lookup.index.store import Store
from lookup.index.versions import FILTER, VIEW, Version
from lookup.keys import LoaderKeys
from lookup.protocol import bloom, parameters
from lookup.protocol.parameters import (
    Argon2Document,
    FilterDocument,
    Parameters,
    PublishedDataset,
)
from lookup.protocol.suite import MODE, PROTOCOL, SUITE, Kind, Lane


@dataclass(frozen=True)
class Published:
    """What one lane's publish came to; ``changed`` is False where there was nothing to do."""

    lane: str
    version: str
    datasets: tuple[str, ...]
    identifiers: int | None
    changed: bool


@dataclass(frozen=True)
class Publisher:
    """An index with the keys to publish in it.

    Attributes:
        error_rate: of the filters of versions made from now on; None keeps each lane's own.
    """

    store: Store
    definition: Definition
    keys: LoaderKeys
    progress: Progress
    error_rate: float | None = None

    def publish(
        self, names: Sequence[str], tell: Callable[[Published], None] = lambda _: None
    ) -> list[Published]:
        """Make these datasets' finished loads visible beside those already visible.

        Lane by lane: what ``tell`` was told is visible, whatever happens to the next lane.

        Raises:
            InputError: BAD_USAGE, a name is unknown or has no finished load; PUBLISH_CONFLICT.
            StoreError: the store is away; what was staged is removed by a later publish.
        """
        published = []
        for lane, added in wanted(self.store, names).items():
            published.append(self.extend(lane, added))
            tell(published[-1])
        return published

    def unfinished(self, names: Sequence[str]) -> int:
        """How many loads of these datasets are not finished, and so not published."""
        ids = [register.get(self.store, name)[0] for name in dict.fromkeys(names)]
        loads = [load for dataset_id in ids for load in ledger.loads_of(self.store, dataset_id)]
        return sum(load.state is LoadState.RUNNING for load in loads)

    def extend(self, lane: Lane, added: Sequence[int] = ()) -> Published:
        """Publish what the lane's current version is made of and these loads, none withdrawn.

        Raises: as ``publish``.
        """
        seen = self.look(lane)
        return self.switch_to(seen, (*(seen.before.loads if seen.before else ()), *added))

    def look(self, lane: Lane) -> "Seen":
        """What the next version of a lane comes after; look before reading any load's state."""
        versions.clean(self.store, lane)
        withdrawals = versions.withdrawals(self.store, lane)
        return Seen(lane, versions.read(self.store, lane).current, withdrawals)

    def switch_to(self, seen: "Seen", load_ids: Iterable[int]) -> Published:
        """Make a version of those of these loads that are loaded, unless it is there already.

        Raises: as ``publish``.
        """
        lane, before = seen.lane, seen.before
        loads = finished(self.store, load_ids)
        entries = register.read_all(self.store)
        datasets = {i: entries[i] for i in sorted({load.dataset_id for load in loads})}
        names = tuple(dataset.name for dataset in datasets.values())
        rate = self.error_rate or (before.error_rate if before else bloom.ERROR_RATE)
        if before and before.error_rate == rate and _is_same(before, loads, datasets):
            return Published(lane.value, before.name, names, None, changed=False)
        counter = parameters.parse(before.document.encode()).counter + 1 if before else 1
        prefix_bits, padding_seed = self.definition.prefix_bits, self.keys.padding
        place = build.Place(lane, counter, prefix_bits, padding_seed, rate)
        with self.progress.task(f"building {lane.value}", None) as advance:
            built = build.build(place, read_datasets(self.store, self.keys.ledger, loads), advance)
        version = self._store_version(place, built, datasets, loads, seen)
        return Published(lane.value, version.name, names, built.identifiers, changed=True)

    def _store_version(
        self,
        place: build.Place,
        built: build.Built,
        datasets: dict[int, Dataset],
        loads: list[Load],
        seen: "Seen",
    ) -> Version:
        published = published_datasets(datasets, loads)
        document = parameters.serialise(
            document_of(self.definition, place, built, published, _now())
        )
        lane = place.lane
        stage = versions.open_stage(self.store, lane)
        with self.progress.task(
            f"storing {lane.value}", len(built.view) + len(built.filter)
        ) as advance:
            for part, content in ((VIEW, built.view), (FILTER, built.filter)):
                for written in versions.write_part(self.store, lane, stage, part, content):
                    advance(written)
        version = Version(
            name=parameters.version_name(place.counter, built.root),
            stage=stage,
            view_bytes=len(built.view),
            filter_bytes=len(built.filter),
            document=document.decode(),
            signature=parameters.sign(self.keys.publisher, document).hex(),
            loads=tuple(load.id for load in loads),
            forgotten=sum(load.forgotten for load in loads),
            error_rate=place.error_rate,
        )
        if seen.before:
            versions.remember(self.store, lane, seen.before)
        expected = seen.before.name if seen.before else ""
        versions.switch(self.store, lane, expected, version, seen.withdrawals)
        return version


@dataclass(frozen=True)
class Seen:
    """A lane as a publisher found it: its version, and how often something was withdrawn."""

    lane: Lane
    before: Version | None
    withdrawals: int


def wanted(store: Store, names: Sequence[str]) -> dict[Lane, list[int]]:
    """The ids of the finished loads of these datasets, by lane.

    Raises:
        InputError: BAD_USAGE, a name is unknown or has no finished load.
    """
    found: dict[Lane, list[int]] = {}
    for name in dict.fromkeys(names):
        dataset_id, dataset = register.get(store, name)
        loads = ledger.loads_of(store, dataset_id)
        finished_ids = [load.id for load in loads if load.state is LoadState.LOADED]
        if not finished_ids:
            raise _nothing_to_publish(name, loads)
        found.setdefault(dataset.lane, []).extend(finished_ids)
    return found


def finished(store: Store, load_ids: Iterable[int]) -> list[Load]:
    """Those of these loads that a version may be made of, by id."""
    loads = [ledger.read(store, load_id) for load_id in sorted(set(load_ids))]
    return [load for load in loads if load.state is LoadState.LOADED]


def read_datasets(store: Store, ledger_key: bytes, loads: list[Load]) -> Iterator[build.Rows]:
    """The rows of these loads, dataset by dataset in the order of their ids.

    Raises:
        UnavailableError: STORE_UNAVAILABLE, rows are missing or damaged.
    """
    for dataset_id in sorted({load.dataset_id for load in loads}):
        its_loads = [load for load in loads if load.dataset_id == dataset_id]
        parts = (
            seal.unseal(ledger_key, sealed)
            for load in its_loads
            for sealed in ledger_rows.read(store, load)
        )
        yield build.rows_of(parts, loads=len(its_loads))


def document_of(
    definition: Definition,
    place: build.Place,
    built: build.Built,
    datasets: tuple[PublishedDataset, ...],
    published_at: str,
) -> Parameters:
    """A version's parameters."""
    return Parameters(
        protocol=PROTOCOL,
        lane=place.lane.value,
        suite=SUITE,
        mode=MODE,
        argon2=Argon2Document(
            definition.argon2_salt,
            definition.memory_kib,
            definition.time_cost,
            definition.parallelism,
        ),
        kinds=tuple(kind.value for kind in Kind),
        public_key=definition.public_keys[place.lane.value],
        publisher_key=definition.publisher_key,
        version=parameters.version_name(place.counter, built.root),
        version_salt=built.version_salt.hex(),
        published_at=published_at,
        prefix_bits=place.prefix_bits,
        range_entries=built.range_entries,
        root=built.root.hex(),
        datasets=datasets,
        filter=FilterDocument(
            bits=built.filter_bits,
            probes=built.filter_probes,
            bytes=len(built.filter),
            sha256=hashlib.sha256(built.filter).hexdigest(),
        ),
    )


def _is_same(before: Version, loads: list[Load], datasets: dict[int, Dataset]) -> bool:
    """Whether a new version would say nothing new."""
    document = parameters.parse(before.document.encode())
    return (
        before.loads == tuple(load.id for load in loads)
        and before.forgotten == sum(load.forgotten for load in loads)
        and document.datasets == published_datasets(datasets, loads)
    )


def _nothing_to_publish(name: str, loads: list[Load]) -> InputError:
    states = {load.state for load in loads}
    if LoadState.WITHDRAWN in states:
        sentence = (
            f"{name} was withdrawn; to show it again run: qorgan rollback VERSION "
            "(qorgan versions lists them), or load its file anew with --fresh"
        )
    elif LoadState.PURGED in states:
        sentence = f"{name} was withdrawn and purged; load its file anew with --fresh"
    else:
        sentence = f"{name} has no finished load; run: qorgan load FILE --dataset {name}"
    return InputError(Code.BAD_USAGE, sentence)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def published_datasets(
    datasets: dict[int, Dataset], loads: list[Load]
) -> tuple[PublishedDataset, ...]:
    """What a version says of its datasets, and of the kinds that they were loaded by."""
    kinds: dict[int, set[Kind]] = {}
    for load in loads:
        kinds.setdefault(load.dataset_id, set()).update(load.kinds)
    return tuple(
        PublishedDataset(
            dataset_id,
            dataset.name,
            dataset.data_classes,
            tuple(kind.value for kind in Kind if kind in kinds.get(dataset_id, ())),
        )
        for dataset_id, dataset in datasets.items()
    )
