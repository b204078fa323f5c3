"""What an index says of a dump's people: how many it has already, and how long a load would take.

Some distinct identifiers are drawn at random, hashed with the index's keys as a load would, and
looked for in the ledger of each load. That also measures what hashing costs on this machine. Only
counts come out.

Looking makes nothing: where there is no index yet, that is the answer.
"""

import secrets
import time
from dataclasses import dataclass

import numpy as np

from loaders.distinct import Distinct
from lookup import keys
from lookup.errors import QorganError
from lookup.index import definition, ledger, ledger_rows, register, seal, store
from lookup.index.definition import Definition
from lookup.index.ledger import LoadState
from lookup.index.store import Store, StoreError, unavailable
from lookup.keys import LoaderKeys
from lookup.protocol import entries
from lookup.protocol.stretch import Argon2Parameters, stretch
from lookup.protocol.suite import Kind, Lane
from lookup.settings import Settings

_RANDOM = secrets.SystemRandom()
_MOST = 1_000  # identifiers looked for
_SECONDS = 3.0  # of hashing, at most; a slow profile gets through 100 of them
_PROBES = 32  # made-up identifiers that are hashed where a dump has none


@dataclass(frozen=True)
class Overlap:
    """How many of the identifiers that were looked for a dataset's loads have already."""

    dataset: str
    looked_for: int
    found: int


@dataclass(frozen=True)
class IndexView:
    """What was found out; if ``unknown`` is not empty it says why nothing was.

    Attributes:
        seconds: of hashing, for one identifier in one process here.
    """

    unknown: str = ""
    profile: str = ""
    memory_kib: int = 0
    time_cost: int = 0
    seconds: float = 0.0
    overlaps: tuple[Overlap, ...] = ()


@dataclass(frozen=True)
class _Hashed:
    """Identifiers as each lane knows them, and the seconds that one took for one lane."""

    tokens: dict[Lane, list[tuple[Kind, bytes]]]
    seconds: float


def look(settings: Settings, people: list[Distinct]) -> IndexView:
    """Look at the index that the settings name, if there is one."""
    if settings.redis_url is None and not (settings.data / "store").is_dir():
        return IndexView(unknown="there is no index here; run: qorgan init")
    try:
        with store.opened(settings) as opened:
            if not definition.exists(opened):
                return IndexView(unknown="there is no index here; run: qorgan init")
            index = definition.read(opened)
            loader_keys = keys.loader_keys(settings.keys)
            definition.check_loader_keys(index, loader_keys)
            return _look(opened, index, loader_keys, people)
    except QorganError as error:
        return IndexView(unknown=error.sentence)
    except StoreError as error:
        return IndexView(unknown=unavailable(error).sentence)


def _look(
    opened: Store, index: Definition, loader_keys: LoaderKeys, people: list[Distinct]
) -> IndexView:
    drawn = _drawn(people)
    hashed = _hashed(drawn, index.argon2, loader_keys)
    return IndexView(
        profile=index.profile,
        memory_kib=index.memory_kib,
        time_cost=index.time_cost,
        seconds=hashed.seconds,
        overlaps=tuple(_overlaps(opened, loader_keys, hashed.tokens)) if drawn else (),
    )


def _drawn(people: list[Distinct]) -> list[tuple[Kind, str]]:
    """Identifiers, as many of each kind, in no order."""
    drawn = [
        (distinct.kind, text)
        for distinct in people
        for at in _RANDOM.sample(range(len(distinct)), min(_MOST // len(people), len(distinct)))
        for text in distinct.texts(at, at + 1)
    ]
    _RANDOM.shuffle(drawn)
    return drawn


def _hashed(
    drawn: list[tuple[Kind, str]], argon2: Argon2Parameters, loader_keys: LoaderKeys
) -> _Hashed:
    """Hash what was drawn, as long as there is time; made-up identifiers where nothing was."""
    lane_keys = {lane: keys.derive_lane_key(seed, lane) for lane, seed in loader_keys.lanes.items()}
    asked = drawn or [(Kind.IIN, f"{number:012d}") for number in range(_PROBES)]
    tokens: dict[Lane, list[tuple[Kind, bytes]]] = {lane: [] for lane in lane_keys}
    spent = 0.0
    for done, (kind, text) in enumerate(asked):
        if done and spent > _SECONDS:
            break
        start = time.perf_counter()
        stretched = stretch(kind, text, argon2)
        for number, (lane, key) in enumerate(lane_keys.items()):
            tokens[lane].append((kind, entries.token(key.evaluate(stretched))))
            if not number:  # a load hashes for one lane
                spent += time.perf_counter() - start
    return _Hashed(tokens, spent / len(tokens[Lane.PUBLIC]))


def _overlaps(
    opened: Store, loader_keys: LoaderKeys, tokens: dict[Lane, list[tuple[Kind, bytes]]]
) -> list[Overlap]:
    found = []
    for dataset_id, dataset in register.read_all(opened).items():
        loads = [
            load
            for load in ledger.loads_of(opened, dataset_id)
            if load.state in (LoadState.LOADED, LoadState.RUNNING)
        ]
        known: set[bytes] = set()
        kinds = {kind for load in loads for kind in load.kinds}  # others cannot be found
        asked = [token for kind, token in tokens[dataset.lane] if kind in kinds]
        pairs = _pairs(asked, dataset_id, loader_keys.ledger)
        for load in loads:
            known |= ledger_rows.having(opened, load, pairs)
        if asked:
            found.append(Overlap(dataset.name, len(pairs), len(known)))
    return found


def _pairs(tokens: list[bytes], dataset_id: int, ledger_key: bytes) -> list[bytes]:
    """The first 16 bytes that the sealed rows of these tokens begin with."""
    plain = entries.pairs(tokens, dataset_id)
    sealed = seal.seal(ledger_key, plain, np.zeros(len(tokens), dtype=np.uint16))
    return [row[: seal.SEALED_BYTES - 2].tobytes() for row in sealed]
