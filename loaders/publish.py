"""Publish: from the ledgers of finished loads to a switched, signed version.

The flow, lane by lane: which loads → rows → build → document, signed → staged chunks → switch.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from loaders import build
from loaders.progress import Progress
from lookup.errors import Code, InputError
from lookup.index import ledger, register, seal, versions
from lookup.index.dataset import Dataset
from lookup.index.definition import Definition
from lookup.index.ledger import Load, LoadState
from lookup.index.store import Store
from lookup.index.versions import FILTER, VIEW, Version
from lookup.keys import LoaderKeys
from lookup.protocol import parameters
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
    """An index with the keys to publish in it."""

    store: Store
    definition: Definition
    keys: LoaderKeys
    progress: Progress

    def publish(
        self, names: Sequence[str], tell: Callable[[Published], None] = lambda _: None
    ) -> list[Published]:
        """Make these datasets' finished loads visible beside those already visible.

        Lane by lane: what ``tell`` was told is visible, whatever happens to the next lane.

        Raises:
            InputError: BAD_USAGE, a name is unknown or has no finished load; PUBLISH_CONFLICT.
            StoreError: the store is away; what was staged is removed by a later publish.
        """
        wanted: dict[Lane, list[Load]] = {}
        for name in dict.fromkeys(names):
            dataset_id, dataset = register.get(self.store, name)
            loads = [
                load
                for load in ledger.loads_of(self.store, dataset_id)
                if load.state is LoadState.LOADED
            ]
            if not loads:
                raise InputError(
                    Code.BAD_USAGE,
                    f"{name} has no finished load; run: qorgan load FILE --dataset {name}",
                )
            wanted.setdefault(dataset.lane, []).extend(loads)
        published = []
        for lane, loads in wanted.items():
            published.append(self._publish_lane(lane, loads))
            tell(published[-1])
        return published

    def unfinished(self, names: Sequence[str]) -> int:
        """How many loads of these datasets are not finished, and so not published."""
        ids = [register.get(self.store, name)[0] for name in dict.fromkeys(names)]
        loads = [load for dataset_id in ids for load in ledger.loads_of(self.store, dataset_id)]
        return sum(load.state is not LoadState.LOADED for load in loads)

    def _publish_lane(self, lane: Lane, added: list[Load]) -> Published:
        versions.clean(self.store, lane)
        before = versions.read(self.store, lane).current
        made_of = sorted({load.id for load in added} | set(before.loads if before else ()))
        loads = [ledger.read(self.store, load_id) for load_id in made_of]
        entries = register.read_all(self.store)
        datasets = {i: entries[i] for i in sorted({load.dataset_id for load in loads})}
        names = tuple(dataset.name for dataset in datasets.values())
        if before and _is_same(before, loads, datasets):
            return Published(lane.value, before.name, names, None, changed=False)
        counter = parameters.parse(before.document.encode()).counter + 1 if before else 1
        place = build.Place(lane, counter, self.definition.prefix_bits, self.keys.padding)
        with self.progress.task(f"building {lane.value}", None) as advance:
            built = build.build(place, self._rows(loads), advance)
        version = self._store_version(place, built, datasets, loads, before)
        return Published(lane.value, version.name, names, built.identifiers, changed=True)

    def _rows(self, loads: list[Load]) -> Iterator[build.Rows]:
        for dataset_id in sorted({load.dataset_id for load in loads}):
            its_loads = [load for load in loads if load.dataset_id == dataset_id]
            parts = (
                seal.unseal(self.keys.ledger, sealed)
                for load in its_loads
                for sealed in ledger.read_rows(self.store, load)
            )
            yield build.rows_of(parts, loads=len(its_loads))

    def _store_version(
        self,
        place: build.Place,
        built: build.Built,
        datasets: dict[int, Dataset],
        loads: list[Load],
        before: Version | None,
    ) -> Version:
        document = parameters.serialise(self._document(place, built, datasets))
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
        )
        versions.switch(self.store, lane, before.name if before else "", version)
        return version

    def _document(
        self, place: build.Place, built: build.Built, datasets: dict[int, Dataset]
    ) -> Parameters:
        definition = self.definition
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
            published_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            prefix_bits=place.prefix_bits,
            range_entries=built.range_entries,
            root=built.root.hex(),
            datasets=tuple(_published(i, dataset) for i, dataset in datasets.items()),
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
    return before.loads == tuple(load.id for load in loads) and document.datasets == tuple(
        _published(i, dataset) for i, dataset in datasets.items()
    )


def _published(dataset_id: int, dataset: Dataset) -> PublishedDataset:
    return PublishedDataset(dataset_id, dataset.name, dataset.data_classes)
