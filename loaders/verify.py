"""Verify: the current version made again from the ledger, and held against what the store has.

The same rows and counter give the same bytes, so whatever differs was changed by somebody: a
flipped bit in a chunk, a row, a document signed for other content.
"""

from dataclasses import dataclass

from loaders import build
from loaders.publish import Publisher, document_of, read_datasets
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import ledger, versions
from lookup.index.definition import Definition
from lookup.index.ledger import Load, LoadState
from lookup.index.versions import FILTER, VIEW, Version
from lookup.protocol import parameters
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import Lane


@dataclass(frozen=True)
class Verified:
    """A lane whose version is what its ledger says."""

    lane: str
    version: str
    datasets: int
    identifiers: int
    bytes: int


def verify(publisher: Publisher, lane: Lane) -> Verified | None:
    """Check a lane's current version; None where nothing is published.

    Raises:
        UnavailableError: BAD_RANGE or BAD_SIGNATURE, the store holds something else than the
            ledger says; STORE_UNAVAILABLE, rows are missing or damaged.
        StoreError: the store is away.
    """
    version = versions.read(publisher.store, lane).current
    if version is None:
        return None
    published = signed(publisher.definition, lane, version)
    loads = [ledger.read(publisher.store, load_id) for load_id in version.loads]
    _refuse_other_rows(lane, version, published, loads)
    place = build.Place(
        lane,
        published.counter,
        publisher.definition.prefix_bits,
        publisher.keys.padding,
        version.error_rate,
    )
    with publisher.progress.task(f"building {lane.value}", None) as advance:
        rows = read_datasets(publisher.store, publisher.keys.ledger, loads)
        built = build.build(place, rows, advance)
    expected = parameters.serialise(
        document_of(publisher.definition, place, built, published.datasets, published.published_at)
    )
    if expected != version.document.encode("ascii", "replace"):
        raise _differs(lane, "its signed parameters are not those of its ledger")
    for part, content in ((VIEW, built.view), (FILTER, built.filter)):
        if not _is_stored(publisher, lane, version, part, content):
            raise _differs(lane, f"its {part} in the store is not the one that was signed")
    size = len(built.view) + len(built.filter)
    return Verified(lane.value, version.name, len(published.datasets), built.identifiers, size)


def signed(definition: Definition, lane: Lane, version: Version) -> Parameters:
    """The parameters of a lane's version, which the index's publisher signed.

    Raises:
        UnavailableError: BAD_SIGNATURE, or BAD_RANGE where they are another version's.
    """
    document = version.document.encode("ascii", "replace")
    try:
        published = parameters.parse(document)
        key = bytes.fromhex(definition.publisher_key)
        parameters.verify(key, document, bytes.fromhex(version.signature))
    except (InputError, ValueError):
        raise UnavailableError(
            Code.BAD_SIGNATURE, _sentence(lane, "our publisher did not sign its parameters")
        ) from None
    if (published.lane, published.version) != (lane.value, version.name):
        raise _differs(lane, "its parameters are another version's")
    return published


def _refuse_other_rows(
    lane: Lane, version: Version, published: Parameters, loads: list[Load]
) -> None:
    if [d.id for d in published.datasets] != sorted({load.dataset_id for load in loads}):
        raise _differs(lane, "its loads are not those of its datasets")
    if any(load.state is not LoadState.LOADED for load in loads):
        raise UnavailableError(
            Code.BAD_RANGE,
            f"a load of the {lane.value} lane's version was withdrawn, but the switch is missing; "
            "run qorgan withdraw again",
        )
    if sum(load.forgotten for load in loads) != version.forgotten:
        raise UnavailableError(
            Code.BAD_RANGE,
            f"people were forgotten since the {lane.value} lane's version was made; run qorgan "
            "publish NAME for any dataset of it",
        )


def _is_stored(
    publisher: Publisher, lane: Lane, version: Version, part: str, content: bytes
) -> bool:
    at = 0
    for chunk in versions.read_part(publisher.store, lane, version, part):
        if content[at : at + len(chunk)] != chunk:
            return False
        at += len(chunk)
    return at == len(content) == version.part_bytes(part)


def _differs(lane: Lane, what: str) -> UnavailableError:
    return UnavailableError(Code.BAD_RANGE, _sentence(lane, what))


def _sentence(lane: Lane, what: str) -> str:
    return f"the {lane.value} lane's version is not whole: {what}; restore the store's backup"
