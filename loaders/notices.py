"""Tell apps of new leaks: whom of their persons the newly published datasets hold.

The flow of a round: subscriptions of all clients → rows of the new loads, those persons only →
less whoever stood in a load of the same dataset before → each client's stream. It is exact: the
ledger's own 64-bit persons, no filter. Of 16 million people and 100,000 subscribed ones that two
share these 64 bits has a chance of 9e-8.

Killed at any moment and run again, by this command or by the next publish, it ends the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loaders.progress import Progress
from lookup.index import (
    clients,
    ledger,
    ledger_rows,
    notices,
    retention,
    rounds,
    seal,
    subscriptions,
    versions,
)
from lookup.index.clients import ApiClient
from lookup.index.ledger import Load, LoadState
from lookup.index.notice_book import NoticeBook
from lookup.index.notices import Match
from lookup.index.rounds import Round
from lookup.protocol.suite import Lane

U64 = NDArray[np.uint64]
U16 = NDArray[np.uint16]

# A withdrawn load's notices are shown to nobody while it is withdrawn; it may come back.
_HAS_ROWS = (LoadState.LOADED, LoadState.WITHDRAWN)


@dataclass(frozen=True)
class Told:
    """What a round came to, or what of it was left to do."""

    lane: str
    version: str
    datasets: tuple[str, ...]
    clients: int
    notices: int


@dataclass(frozen=True)
class _Matches:
    """Subscribed persons in datasets: three arrays of one length, by person and dataset."""

    person: U64
    dataset: U16
    mask: U16


_NONE = _Matches(np.empty(0, np.uint64), np.empty(0, np.uint16), np.empty(0, np.uint16))


@dataclass(frozen=True)
class Teller:
    """Writes notices; it needs the ledger key to read the rows."""

    book: NoticeBook
    ledger_key: bytes
    progress: Progress

    def before_publish(self, lane: Lane) -> None:
        """Note what was published before anybody could be told of it.

        Raises:
            StoreError: the store is away.
        """
        rounds.set_baseline(self.book.store, lane, self._current(lane))

    def tell(self, lane: Lane) -> list[Told]:
        """Write all notices that are due in a lane; none, where all were told.

        Raises:
            UnavailableError: STORE_UNAVAILABLE, rows or subscriptions are damaged.
            StoreError: the store is away; run again.
        """
        done = []
        while about := rounds.open_next(self.book.store, lane, self._current(lane)):
            done.append(self._tell(lane, about))
            rounds.close(self.book.store, lane, about)
        retention.clean(self.book.store, lane)
        return done

    def _current(self, lane: Lane) -> versions.Version | None:
        return versions.read(self.book.store, lane).current

    def _tell(self, lane: Lane, about: Round) -> Told:
        watched = {}
        for client in clients.read_all(self.book.store).values():
            if lane in client.lanes and len(persons := subscriptions.read(self.book, lane, client)):
                watched[client] = persons
        matches = self._matches(lane, about, _merged(watched.values()))
        told_clients, written = 0, 0
        with self.progress.task(f"notices {lane.value}", None) as advance:
            for client, persons in watched.items():
                before = written
                its = self._of(lane, client, persons, matches)
                for count in notices.write(self.book, lane, client.id, about, its):
                    written += count
                    advance(count)
                told_clients += written > before
        names = tuple(name for name, _ in about.datasets.values())
        return Told(lane.value, about.version, names, told_clients, written)

    def _matches(self, lane: Lane, about: Round, everybody: U64) -> _Matches:
        """Of everybody who is watched, those who are newly in one of the round's datasets."""
        found = [_NONE]
        if len(everybody):
            before = rounds.told(self.book.store, lane)
            found += [
                self._new_in(int(dataset_id), set(about.loads), before, everybody)
                for dataset_id in about.datasets
            ]
        person = np.concatenate([one.person for one in found])
        dataset = np.concatenate([one.dataset for one in found])
        mask = np.concatenate([one.mask for one in found])
        order = np.lexsort((dataset, person))
        return _Matches(person[order], dataset[order], mask[order])

    def _new_in(self, dataset_id: int, new: set[int], before: set[int], everybody: U64) -> _Matches:
        loads = [
            load for load in ledger.loads_of(self.book.store, dataset_id) if load.state in _HAS_ROWS
        ]
        person, mask = self._watched_in([load for load in loads if load.id in new], everybody)
        if len(person):
            old, _ = self._watched_in([load for load in loads if load.id in before], everybody)
            is_new = ~_is_in(person, old)
            person, mask = person[is_new], mask[is_new]
        return _Matches(person, np.full(len(person), dataset_id, dtype=np.uint16), mask)

    def _watched_in(self, loads: Iterable[Load], everybody: U64) -> tuple[U64, U16]:
        """Who of everybody is in these loads, ascending, each once, with all of his masks."""
        persons, masks = [_NONE.person], [_NONE.mask]
        for load in loads:
            for sealed in ledger_rows.read(self.book.store, load):
                pairs, fields = seal.unseal(self.ledger_key, sealed)
                person = np.ascontiguousarray(pairs).view(">u8")[:, 0].astype(np.uint64)
                is_watched = _is_in(person, everybody)
                persons.append(person[is_watched])
                masks.append(fields[is_watched])
        person, mask = np.concatenate(persons), np.concatenate(masks)
        order = np.argsort(person)
        person, mask = person[order], mask[order]
        first = np.flatnonzero(_differs(person))
        return person[first], np.bitwise_or.reduceat(mask, first) if len(first) else mask

    def _of(
        self, lane: Lane, client: ApiClient, persons: U64, matches: _Matches
    ) -> Iterator[Match]:
        """One client's matches, by ascending tag."""
        its = np.flatnonzero(_is_in(matches.person, persons))
        person = matches.person[its]
        starts = np.flatnonzero(_differs(person))
        ends = np.append(starts[1:], len(person))
        tags = subscriptions.tags(self.book, lane, client.id, person[starts])
        order = np.argsort(tags)
        pairs = list(zip(matches.dataset[its].tolist(), matches.mask[its].tolist(), strict=True))
        for at in order.tolist():
            start, end = int(starts[at]), int(ends[at])
            yield Match(
                int(tags[at]), int(person[start]).to_bytes(8, "big"), tuple(pairs[start:end])
            )


def _merged(sets: Iterable[U64]) -> U64:
    """All of several sets, ascending, each once."""
    merged = np.sort(np.concatenate([_NONE.person, *sets]))
    return merged[_differs(merged)]


def _is_in(values: U64, ascending: U64) -> NDArray[np.bool_]:
    """Whether each value is one of these."""
    if not len(ascending):
        return np.zeros(len(values), dtype=np.bool_)
    at = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    found: NDArray[np.bool_] = ascending[at] == values
    return found


def _differs(values: U64) -> NDArray[np.bool_]:
    """Whether each value differs from the one before it; the first one does."""
    if not len(values):
        return np.zeros(0, dtype=np.bool_)
    return np.concatenate(([True], values[1:] != values[:-1]))
