"""A small version that is genuine: built, keyed and signed by the code that publishes."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from loaders import build
from lookup import keys
from lookup.protocol import entries, parameters
from lookup.protocol.oprf import ServerKey
from lookup.protocol.parameters import (
    Argon2Document,
    FilterDocument,
    Parameters,
    PublishedDataset,
)
from lookup.protocol.stretch import Argon2Parameters, stretch
from lookup.protocol.suite import MODE, PROTOCOL, SUITE, Kind, Lane

# Synthetic; the prefixes mix letters and digits, so that no line number looks like one.
LEAKED, CLEAN, OTHER = "870402391009", "870402391059", "870402391089"
ARGON2 = Argon2Document("0f" * 16, 64, 1, 1)
PUBLISHER, OTHER_PUBLISHER = b"\x01" * 32, b"\x02" * 32
OPRF, OTHER_OPRF = b"\x03" * 32, b"\x04" * 32
DATASETS = (
    PublishedDataset(1, "first-leak", ("names", "phone-numbers", "email-addresses"), ("iin",)),
    PublishedDataset(2, "second-leak", ("government-issued-ids",)),
)
SENSITIVE = (PublishedDataset(3, "clinic", ("names", "health-data"), ("iin",)),)


@dataclass(frozen=True)
class Publication:
    """One genuine version, ready to be served."""

    parameters: Parameters
    document: bytes
    signature: bytes
    view: bytes
    filter: bytes
    key: ServerKey

    def range(self, bucket: int) -> bytes:
        size = self.parameters.range_bytes
        return self.view[bucket * size : (bucket + 1) * size]

    def signed_anew(self, seed: bytes = PUBLISHER, **changes: object) -> "Publication":
        """The same with other parameters, properly signed."""
        changed = replace(self.parameters, **changes)  # type: ignore[arg-type]
        document = parameters.serialise(changed)
        signature = parameters.sign(seed, document)
        return replace(self, parameters=changed, document=document, signature=signature)


def token_of(
    kind: Kind,
    text: str,
    argon2: Argon2Document = ARGON2,
    seed: bytes = OPRF,
    lane: Lane = Lane.PUBLIC,
) -> bytes:
    """The token that the service must never see."""
    return entries.token(lane_key(seed, lane).evaluate(stretched(kind, text, argon2)))


def stretched(kind: Kind, text: str, argon2: Argon2Document = ARGON2) -> bytes:
    """What a client blinds."""
    return stretch(
        kind,
        text,
        Argon2Parameters(
            bytes.fromhex(argon2.salt), argon2.memory_kib, argon2.time_cost, argon2.parallelism
        ),
    )


def lane_key(seed: bytes = OPRF, lane: Lane = Lane.PUBLIC) -> ServerKey:
    return keys.derive_lane_key(seed, lane)


def publish(
    leaked: Iterable[tuple[str, dict[int, int]]] = ((LEAKED, {1: 0b101, 2: 0b1}),),
    *,
    counter: int = 3,
    prefix_bits: int = 10,
    argon2: Argon2Document = ARGON2,
    oprf: bytes = OPRF,
    publisher: bytes = PUBLISHER,
    lane: Lane = Lane.PUBLIC,
) -> Publication:
    """A version of the lane's datasets; people are an IIN and a mask for each of their datasets."""
    datasets = DATASETS if lane is Lane.PUBLIC else SENSITIVE
    rows: dict[int, list[tuple[int, int, int]]] = {dataset.id: [] for dataset in datasets}
    for iin, masks in leaked:
        token = token_of(Kind.IIN, iin, argon2, oprf, lane)
        for dataset_id, mask in masks.items():
            pair = (entries.person(token), entries.block(token, dataset_id))
            rows[dataset_id].append((*(int.from_bytes(half, "big") for half in pair), mask))
    place = build.Place(lane, counter, prefix_bits, b"\x05" * 32)
    built = build.build(place, map(_rows, rows.values()), lambda _: None)
    key = lane_key(oprf, lane)
    made = Parameters(
        protocol=PROTOCOL,
        lane=lane.value,
        suite=SUITE,
        mode=MODE,
        argon2=argon2,
        kinds=tuple(kind.value for kind in Kind),
        public_key=key.public_key.hex(),
        publisher_key=keys.publisher_key(publisher).hex(),
        version=parameters.version_name(counter, built.root),
        version_salt=built.version_salt.hex(),
        published_at="2026-11-22T10:00:00Z",
        prefix_bits=prefix_bits,
        range_entries=built.range_entries,
        root=built.root.hex(),
        datasets=datasets,
        filter=FilterDocument(
            built.filter_bits,
            built.filter_probes,
            len(built.filter),
            hashlib.sha256(built.filter).hexdigest(),
        ),
    )
    return Publication(made, b"", b"", built.view, built.filter, key).signed_anew(publisher)


def _rows(rows: list[tuple[int, int, int]]) -> build.Rows:
    person, block, fields = zip(*rows, strict=True) if rows else ((), (), ())
    return build.Rows(
        np.array(person, dtype=np.uint64),
        np.array(block, dtype=np.uint64),
        np.array(fields, dtype=np.uint16),
    )
