"""Random rows in the ledger, as many as wanted, soon: what a load leaves, without its work."""

import os
from collections.abc import Sequence

import numpy as np

from bench.scratch import Scratch
from loaders.progress import Progress
from loaders.publish import Publisher
from lookup.index import ledger, ledger_rows, seal
from lookup.index.ledger import Load, LoadState
from lookup.protocol import entries
from lookup.protocol.suite import BLOCK_BYTES, PERSON_BYTES, Lane

GROUP = 65_536  # rows written together


def begin(index: Scratch, count: int) -> Load:
    """A new load of so many identifiers."""
    return ledger.begin(
        index.store,
        Load(
            id=0,
            dataset_id=index.dataset_id,
            lane=Lane.PUBLIC,
            file_sha256="0" * 64,
            columns=("iin=iin",),
            found=os.urandom(8).hex(),
            identifiers=count,
            shards=ledger_rows.shards_for(count),
            checkpoint=0,
            state=LoadState.RUNNING,
            certificate="",
        ),
    )


def sealed(key: bytes, count: int) -> seal.Rows:
    """Rows of random persons, sealed as the loader's workers seal them."""
    pairs = os.urandom(count * (PERSON_BYTES + BLOCK_BYTES))
    return seal.seal(key, pairs, np.full(count, 0b101, dtype=np.uint16))


def fill(index: Scratch, count: int, tokens: Sequence[bytes] = ()) -> None:
    """One finished load of ``count`` random persons, and of those with these tokens."""
    key = index.loader().keys.ledger
    load = begin(index, count + len(tokens))
    for done in range(0, count, GROUP):
        rows = sealed(key, min(GROUP, count - done))
        ledger_rows.write(index.store, load, rows, done + len(rows))
    if tokens:
        pairs = entries.pairs(tokens, index.dataset_id)
        rows = seal.seal(key, pairs, np.full(len(tokens), 0b101, dtype=np.uint16))
        ledger_rows.write(index.store, load, rows, count + len(tokens))
    ledger.finish(index.store, load, "{}")


def publisher(
    index: Scratch, progress: Progress | None = None, error_rate: float | None = None
) -> Publisher:
    """What publishes the index's loads."""
    made = index.loader()
    return Publisher(made.store, made.definition, made.keys, progress or Progress(), error_rate)
