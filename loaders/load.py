"""One load, top to bottom: file → rows → distinct identifiers → pool → ledger → certificate.

Killed at any moment and run again, it goes on from the last checkpoint and ends in the same
ledger: the first pass always finds the same identifiers in the same order, rows lie in sets, and a
checkpoint is written only after the rows it counts. One load into a dataset runs at a time.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loaders import second_pass
from loaders.column_meaning import OWN_CLASS
from loaders.derive import Recipe, pool
from loaders.mapping import refuse_unlisted
from loaders.names import folded
from loaders.people import Columns, Counts, People
from loaders.progress import Progress
from loaders.sources import Source
from loaders.terminal import note
from lookup.errors import Code, InputError
from lookup.index import forgotten, ledger, ledger_rows, load_lock, recount, register, space
from lookup.index.dataset import Dataset
from lookup.index.definition import Definition
from lookup.index.ledger import Load, LoadState
from lookup.index.load_lock import Held
from lookup.index.store import Store
from lookup.keys import LoaderKeys, check_value
from lookup.protocol.suite import PROTOCOL, Kind

if TYPE_CHECKING:
    from loaders.cluster import Cluster


@dataclass(frozen=True)
class Request:
    """What the operator asked for: which columns hold identifiers, which data classes."""

    dataset: str
    identifiers: dict[Kind, str]
    fields: tuple[tuple[str, str], ...]  # column name, data class
    max_rejects: float = 100  # percent of the rows; with more, nothing is loaded

    def columns(self) -> tuple[str, ...]:
        """The mapping as text; with dataset and file it is the load's identity.

        A column is found but for case and blanks, so typed in another way it is the same one.
        """
        named = [f"{kind.value}={folded(column)}" for kind, column in self.identifiers.items()]
        fields = {f"{slug}:{folded(name)}" for name, slug in self.fields}
        return tuple(sorted(named) + sorted(fields))

    def refuse_rejects(self, counts: Counts) -> None:
        """Refuse a file of which too many rows are no good.

        Raises:
            InputError: BAD_FILE.
        """
        rejected = sum(counts.rejected.values())
        if rejected * 100 > self.max_rejects * counts.read:
            reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(counts.rejected.items()))
            raise InputError(
                Code.BAD_FILE,
                f"{rejected} of {counts.read} rows have no valid identifier ({reasons}); nothing "
                "was loaded; see: qorgan inspect",
            )


@dataclass(frozen=True)
class Loader:
    """An index with the keys to load into it; without a cluster this machine does the hashing."""

    store: Store
    definition: Definition
    keys: LoaderKeys
    workers: int
    progress: Progress
    cluster: "Cluster | None" = None

    def load(self, source: Source, request: Request, *, fresh: bool = False) -> tuple[str, bool]:
        """Load a file; its certificate (JSON), and whether it had been loaded before.

        With ``fresh``, what an interrupted load of this file wrote is deleted and another begins;
        beside one that was withdrawn or purged another begins.

        Raises:
            InputError: a dataset, column or data class is unknown, no identifier was found,
                another load into the dataset is running, or this one was withdrawn.
            StoreError: the store is away; run again to go on.
        """
        started_at = _now()
        dataset_id, dataset = register.get(self.store, request.dataset)
        with load_lock.hold(self.store, dataset_id, dataset.name) as held:
            people = People(_columns(source, request, dataset))
            with self.progress.task("reading", source.size) as advance:
                counts = _read_all(source, people, advance)
            if not len(people):
                raise InputError(
                    Code.BAD_FILE,
                    "no valid identifier was found; to see what the file holds, run: "
                    "qorgan inspect FILE",
                )
            request.refuse_rejects(counts)
            if people.looks_like_bins:
                note(
                    "this looks like a column of BINs, numbers of organisations; "
                    "if it is the wrong one, stop and name another"
                )
            wanted = Load(
                id=0,
                dataset_id=dataset_id,
                lane=dataset.lane,
                file_sha256=source.sha256,
                columns=(*request.columns(), *self._part(source)),
                found=check_value(self.keys.ledger, f"load {people.digest()}"),
                identifiers=len(people),
                shards=ledger_rows.shards_for(len(people)),
                checkpoint=0,
                state=LoadState.RUNNING,
                certificate="",
                started_at=started_at,
            )
            held.refuse_if_lost()  # the first pass may have taken long
            known = ledger.find(self.store, wanted)
            replaced = None if known is None else self._replaced(known, dataset.name, fresh=fresh)
            load = ledger.begin(self.store, wanted, instead_of=replaced)
            if load.state is LoadState.LOADED:
                return load.certificate, True
            held.refuse_if_lost()
            ledger.own(self.store, load, held.owner)
            self._hash(people, load, held)
            certificate = self._certificate(request, load, source, people, counts, started_at)
            held.refuse_if_lost()
            recount.refuse_short(self.store, load)
            ledger.finish(self.store, load, certificate)
        return certificate, False

    def _replaced(self, known: Load, name: str, *, fresh: bool) -> Load | None:
        """The earlier load of the same file that a new one shall be begun for, if so."""
        if known.state is LoadState.LOADED:
            if fresh:
                raise InputError(
                    Code.BAD_USAGE,
                    "this file is loaded already; to load it anew, first run: qorgan withdraw "
                    f"{name} --reason TEXT",
                )
            return None
        if known.state is LoadState.RUNNING:
            if not fresh:
                return None
            with self.progress.task("deleting", known.shards) as advance:
                for deleted in space.purge(self.store, known):
                    advance(deleted)
            return known
        if not fresh:
            raise InputError(
                Code.BAD_USAGE,
                f"the load of this file was {known.state.value}; to show it again run: "
                "qorgan rollback VERSION, or load the file anew with --fresh",
            )
        return known

    def _part(self, source: Source) -> list[str]:
        """Which file of an archive or table of a dump: keyed, for one may be called by an IIN."""
        return (
            [f"part:{check_value(self.keys.ledger, f'part {source.part}')}"] if source.part else []
        )

    def _hash(self, people: People, load: Load, held: Held) -> None:
        """The second pass: what lies beyond the checkpoint, through the pool, into the ledger."""
        recipe = Recipe(
            load.lane,
            load.dataset_id,
            self.definition.argon2,
            self.keys.lanes[load.lane],
            self.keys.ledger,
        )
        forgotten.complete(self.store, load)
        kept_out = forgotten.read(self.store, load.lane, self.keys.ledger)
        done = load.checkpoint
        chosen = self.cluster.pool(recipe) if self.cluster else pool(recipe, self.workers)
        workers = self.cluster.workers if self.cluster else self.workers
        with self.progress.task("hashing", len(people)) as advance, chosen as executor:
            advance(done)
            argon2 = self.definition.argon2
            for rows in second_pass.groups(executor, people, load, argon2, workers, advance):
                done += len(rows)
                held.refuse_if_lost()
                kept, dropped = forgotten.split(rows, self.keys.ledger, kept_out)
                ledger_rows.write(self.store, load, kept, done, dropped)

    def _certificate(
        self,
        request: Request,
        load: Load,
        source: Source,
        people: People,
        counts: Counts,
        started_at: str,
    ) -> str:
        definition = self.definition
        found = {distinct.kind: len(distinct) for distinct in people.kinds}
        kept_out = ledger.read(self.store, load.id).forgotten
        return json.dumps(
            {
                "dataset": request.dataset,
                "load": load.id,
                "file": {"sha256": source.sha256, "bytes": source.bytes_read},
                "rows": {
                    "read": counts.read,
                    "accepted": counts.accepted,
                    "duplicates": counts.duplicates,
                    "rejected": sum(counts.rejected.values()),
                },
                "rejected": counts.rejected,
                "cells": counts.bad_cells,
                **({"restored": counts.restored} if counts.restored else {}),
                "identifiers": {kind.value: found.get(kind, 0) for kind in Kind},
                **({"forgotten": kept_out} if kept_out else {}),
                "index": {
                    "protocol": PROTOCOL,
                    "argon2": {
                        "memory_kib": definition.memory_kib,
                        "time_cost": definition.time_cost,
                        "parallelism": definition.parallelism,
                    },
                    "prefix_bits": definition.prefix_bits,
                },
                "started_at": started_at,
                "finished_at": _now(),
            }
        )


def _columns(source: Source, request: Request, dataset: Dataset) -> Columns:
    bits = []
    for name, slug in request.fields:
        refuse_unlisted(dataset, slug)
        bits.append((source.column(name), dataset.data_classes.index(slug)))
    return Columns(
        identifiers={kind: source.column(name) for kind, name in request.identifiers.items()},
        bits=tuple(bits),
        own_bits={
            kind: dataset.data_classes.index(OWN_CLASS[kind])
            for kind in request.identifiers
            if OWN_CLASS[kind] in dataset.data_classes
        },
    )


def _read_all(source: Source, people: People, advance: Callable[[int], None]) -> Counts:
    before = 0
    for block in source.blocks():
        people.add(block.rows, block.rejected)
        advance(source.bytes_read - before)
        before = source.bytes_read
    return people.finish()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
