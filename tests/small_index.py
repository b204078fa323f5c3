"""A small index made and read in this process; its reader knows the protocol's functions only."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loaders.derive import Deriver, Recipe
from loaders.progress import Progress
from loaders.publish import Published, Publisher
from lookup import keys
from lookup.index import dataset, definition, ledger, ledger_rows, register, versions
from lookup.index.definition import Definition
from lookup.index.ledger import Load, LoadState
from lookup.index.store import Store
from lookup.index.versions import VIEW, Version
from lookup.keys import LoaderKeys
from lookup.protocol import entries, parameters, tree
from lookup.protocol.identifiers import iin_check_digit
from lookup.protocol.parameters import Parameters
from lookup.protocol.stretch import stretch
from lookup.protocol.suite import Kind, Lane

CLASSES = ("government-issued-ids", "names", "phone-numbers")


def iins(count: int, start: int = 0) -> list[str]:
    """So many valid IINs of nobody: born on 1 January, serials 9xxx."""
    firsts = (f"{n // 1000 % 100:02d}01015{9000 + n % 1000:04d}" for n in range(start, 100_000))
    valid = (f"{first}{check}" for first in firsts if (check := iin_check_digit(first)) is not None)
    return [next(valid) for _ in range(count)]


@dataclass(frozen=True)
class SmallIndex:
    """Keys and definition of an index on a store."""

    store: Store
    keys: LoaderKeys
    definition: Definition

    @classmethod
    def make(cls, store: Store, prefix_bits: int = 10) -> "SmallIndex":
        """A new index with the test profile."""
        made = LoaderKeys(
            lanes={lane: secrets.token_bytes(32) for lane in Lane},
            ledger=secrets.token_bytes(32),
            padding=secrets.token_bytes(32),
            publisher=secrets.token_bytes(32),
        )
        return cls(store, made, definition.create(store, made, "test", prefix_bits))

    @classmethod
    def with_datasets(cls, store: Store) -> "SmallIndex":
        """The same with one, two and three in the public lane and clinic in the verified one."""
        made = cls.make(store)
        for name in ("one", "two", "three"):
            made.dataset(name, lane=Lane.PUBLIC)
        made.dataset("clinic", lane=Lane.VERIFIED)
        return made

    def dataset(self, name: str, classes: tuple[str, ...] = CLASSES, *, lane: Lane) -> None:
        """Enter a dataset in the register."""
        entry = {
            "name": name,
            "sensitive": lane is Lane.VERIFIED,
            "title": {"kk": name, "ru": name, "en": name},
            "breach_date": "2025-06",
            "data_classes": classes,
        }
        register.add(self.store, dataset.parse(entry))

    def fill(self, name: str, people: Mapping[str, int], *, finished: bool = True) -> Load:
        """Write these people's rows (IIN to mask) as a load of their own, finished or running."""
        dataset_id, entry = register.get(self.store, name)
        wanted = Load(
            id=0,
            dataset_id=dataset_id,
            lane=entry.lane,
            file_sha256=secrets.token_hex(32),
            columns=("iin=iin",),
            found="",
            identifiers=len(people),
            shards=ledger_rows.shards_for(len(people)),
            checkpoint=0,
            state=LoadState.RUNNING,
            certificate="",
        )
        load = ledger.begin(self.store, wanted)
        recipe = Recipe(
            entry.lane,
            dataset_id,
            self.definition.argon2,
            self.keys.lanes[entry.lane],
            self.keys.ledger,
        )
        masks = np.array(list(people.values()), dtype=np.uint16)
        rows = Deriver(recipe).rows(Kind.IIN, list(people), masks)
        ledger_rows.write(self.store, load, rows, len(rows))
        if finished:
            ledger.finish(self.store, load, "{}")
        return load

    def publish(self, *names: str) -> list[Published]:
        """Publish these datasets."""
        return list(Publisher(self.store, self.definition, self.keys, Progress()).publish(names))

    def chunks(self) -> set[bytes]:
        """The keys of all chunks of all versions and stages."""
        return set(self.store.redis.keys("qorgan:part:*"))

    def current(self, lane: Lane) -> tuple[Version, Parameters]:
        """The lane's current version and its document, which the publisher must have signed."""
        version = versions.read(self.store, lane).current
        assert version is not None
        document = version.document.encode()
        published = parameters.parse(document)
        signature = bytes.fromhex(version.signature)
        parameters.verify(keys.publisher_key(self.keys.publisher), document, signature)
        return version, published

    def ask(self, lane: Lane, canonical: str, kind: Kind = Kind.IIN) -> dict[str, int]:
        """Dataset to field mask, as a client of the current version finds them."""
        version, published = self.current(lane)
        key = keys.derive_lane_key(self.keys.lanes[lane], lane)
        token = entries.token(key.evaluate(stretch(kind, canonical, self.definition.argon2)))
        view = b"".join(versions.read_part(self.store, lane, version, VIEW))
        its_range = range_of(view, token, published.prefix_bits, published.range_entries)
        assert published.root == its_range.root(lane, published.counter).hex()
        salt = bytes.fromhex(published.version_salt)
        masks = {
            d.name: entries.find(its_range.entries, entries.block(token, d.id), salt)
            for d in published.datasets
        }
        return {name: mask for name, mask in masks.items() if mask is not None}


@dataclass(frozen=True)
class Range:
    """One range as a client receives it."""

    bucket: int
    entries: bytes
    path: bytes

    def root(self, lane: Lane, counter: int) -> bytes:
        """The root that its entries and siblings lead to."""
        leaf = tree.leaf(lane, counter, self.bucket, self.entries)
        return tree.root(leaf, self.bucket, self.path)


def range_of(view: bytes, token: bytes, prefix_bits: int, range_entries: int) -> Range:
    """The range of a view's file that a token falls into."""
    size = 8 * range_entries + 32 * prefix_bits
    assert size << prefix_bits == len(view)
    bucket = entries.bucket(token, prefix_bits)
    body = view[bucket * size : (bucket + 1) * size]
    return Range(bucket, body[: 8 * range_entries], body[8 * range_entries :])
