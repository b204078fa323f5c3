"""A small published index for the tests of web nodes, made by the code that loads and publishes.

Nobody in it exists.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np

from loaders.derive import Deriver, Recipe
from loaders.progress import Progress
from loaders.publish import Published, Publisher
from lookup import keys
from lookup.index import definition, ledger, ledger_rows, register, versions
from lookup.index.dataset import Dataset, parse
from lookup.index.definition import Definition
from lookup.index.ledger import Load, LoadState
from lookup.index.store import Store
from lookup.index.versions import Version
from lookup.keys import LoaderKeys
from lookup.protocol import entries
from lookup.protocol.identifiers import iin_check_digit
from lookup.protocol.stretch import stretch
from lookup.protocol.suite import Kind, Lane


def _iins() -> Iterator[str]:
    for serial in count(9000):
        digits = f"0001013{serial}"
        check = iin_check_digit(digits)
        if check is not None:
            yield f"{digits}{check}"


IINS = tuple(islice(_iins(), 40))
_snapshot: dict[bytes, bytes] = {}
_key_files: dict[str, str] = {}


@dataclass(frozen=True)
class WebIndex:
    """An index with the test profile and 10 prefix bits, and the keys to it."""

    store: Store
    folder: Path
    keys: LoaderKeys
    definition: Definition

    @classmethod
    def create(cls, store: Store, folder: Path) -> "WebIndex":
        """Keys in the folder, the definition in the store."""
        keys.create(folder)
        made = keys.loader_keys(folder)
        return cls(store, folder, made, definition.create(store, made, "test", 10))

    @classmethod
    def with_a_leak(cls, store: Store, folder: Path) -> "WebIndex":
        """The first 30 people published in one dataset; made once, then restored."""
        if not _snapshot:
            made = cls.create(store, folder)
            made.published("leak", IINS[:30])
            _snapshot.update({key: store.redis.dump(key) for key in store.redis.scan_iter()})
            _key_files.update({path.name: path.read_text() for path in folder.iterdir()})
            return made
        restoring = store.redis.pipeline(transaction=False)
        for key, value in _snapshot.items():
            restoring.restore(key, 0, value)
        restoring.execute()
        folder.mkdir(mode=0o700)
        for name, line in _key_files.items():
            (folder / name).touch(0o600)
            (folder / name).write_text(line)
        return cls(store, folder, keys.loader_keys(folder), definition.read(store))

    def load(self, name: str, iins: Sequence[str], *, sensitive: bool = False) -> None:
        """Enter a dataset if it is new, and load these IINs into it."""
        dataset_id = register.add(self.store, a_dataset(name, sensitive=sensitive))
        lane = Lane.VERIFIED if sensitive else Lane.PUBLIC
        recipe = Recipe(
            lane, dataset_id, self.definition.argon2, self.keys.lanes[lane], self.keys.ledger
        )
        masks = np.ones(len(iins), dtype=np.uint16)
        rows = Deriver(recipe).rows(Kind.IIN, list(iins), masks)
        load = ledger.begin(self.store, a_load(dataset_id, lane, len(iins), file=str(iins)))
        ledger_rows.write(self.store, load, rows, len(iins))
        ledger.finish(self.store, load, "{}")

    def publish(self, *names: str) -> list[Published]:
        """Make the loads of these datasets visible."""
        publisher = Publisher(self.store, self.definition, self.keys, Progress())
        return publisher.publish(names)

    def published(self, name: str, iins: Sequence[str], *, sensitive: bool = False) -> Version:
        """Load and publish; the version that came of it."""
        self.load(name, iins, sensitive=sensitive)
        self.publish(name)
        lane = Lane.VERIFIED if sensitive else Lane.PUBLIC
        current = versions.read(self.store, lane).current
        assert current is not None
        return current

    def token(self, iin: str, lane: Lane = Lane.PUBLIC) -> bytes:
        """What a client would get for an IIN."""
        key = keys.derive_lane_key(self.keys.lanes[lane], lane)
        return entries.token(key.evaluate(stretch(Kind.IIN, iin, self.definition.argon2)))


def a_dataset(name: str, *, sensitive: bool = False, **more: object) -> Dataset:
    """A register entry with two data classes."""
    return parse(
        {
            "name": name,
            "sensitive": sensitive,
            "title": {"kk": f"{name} kk", "ru": f"{name} ru", "en": f"{name} en"},
            "breach_date": "2025-06-16",
            "data_classes": ["government-issued-ids", "names"],
        }
        | more
    )


def a_load(dataset_id: int, lane: Lane, identifiers: int, *, file: str = "file") -> Load:
    """A load that has only begun."""
    return Load(
        id=0,
        dataset_id=dataset_id,
        lane=lane,
        file_sha256=file,
        columns=("iin=ИИН",),
        found="found",
        identifiers=identifiers,
        shards=ledger_rows.shards_for(identifiers),
        checkpoint=0,
        state=LoadState.RUNNING,
        certificate="",
    )
