"""Verify on the real store: whatever differs from the ledger is noticed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from small_index import SmallIndex, iins

from loaders.forget import forget
from loaders.formats import open_source
from loaders.progress import Progress
from loaders.publish import Publisher
from loaders.sample import Sampled, sample
from loaders.verify import Verified, verify
from lookup.client import Answer, Client, Found, Leak, NotFound
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import keyspace, ledger, versions
from lookup.index.ledger import LoadState
from lookup.index.store import Store
from lookup.protocol import parameters
from lookup.protocol.identifiers import canonical
from lookup.protocol.suite import Kind, Lane

PUBLIC, VERIFIED = Lane
ANN, BOB, *CROWD = iins(302)


@pytest.fixture
def index(store: Store, monkeypatch: pytest.MonkeyPatch) -> SmallIndex:
    """One and two are published; chunks are small."""
    monkeypatch.setattr(versions, "CHUNK_BYTES", 100_000)
    made = SmallIndex.with_datasets(store)
    made.fill("one", {ANN: 1})
    made.publish("one")
    made.fill("two", {ANN: 0b110, BOB: 1})
    made.publish("two")
    return made


def verified(index: SmallIndex, lane: Lane = PUBLIC) -> Verified | None:
    """Check a lane."""
    return verify(Publisher(index.store, index.definition, index.keys, Progress()), lane)


def refused(index: SmallIndex) -> UnavailableError:
    """What is wrong with the public lane."""
    with pytest.raises(UnavailableError) as caught:
        verified(index)
    return caught.value


def not_whole(what: str) -> str:
    """The sentence that says so."""
    return f"the public lane's version is not whole: {what}; restore the store's backup"


def change_record(index: SmallIndex, **changes: object) -> None:
    """Write something else into the current version's record."""
    key = keyspace.versions(PUBLIC)
    fields = index.store.hash(key)
    record = f"record:{fields['current']}"
    index.store.set_hash(key, {record: json.dumps(json.loads(fields[record]) | changes)})


def test_what_was_published_is_verified(index: SmallIndex) -> None:
    """Built again at another time, it is the same; a lane without a version has nothing to say."""
    version, _ = index.current(PUBLIC)
    size = version.view_bytes + version.filter_bytes
    assert Verified("public", version.name, 2, 2, size) == verified(index)
    assert verified(index, VERIFIED) is None


def test_a_data_class_more_in_the_register_is_no_fault(index: SmallIndex) -> None:
    """What counts is what was published then."""
    classes = ("government-issued-ids", "names", "phone-numbers", "health")
    index.dataset("one", classes, lane=PUBLIC)
    index.fill("one", {BOB: 1})
    assert verified(index)


@pytest.mark.parametrize("part", ["view", "filter"])
@pytest.mark.parametrize("what", ["a bit", "a chunk", "longer"])
def test_changed_bytes_are_noticed(index: SmallIndex, part: str, what: str) -> None:
    """One bit of one chunk, a chunk that is lost, or one that is too long."""
    version, _ = index.current(PUBLIC)
    size = version.part_bytes(part)
    key = keyspace.part(PUBLIC, version.stage, part, (size - 1) // versions.CHUNK_BYTES)
    chunk = bytearray(index.store.redis.get(key))
    chunk[-1] ^= 1
    match what:
        case "a bit":
            index.store.redis.set(key, bytes(chunk))
        case "a chunk":
            index.store.redis.delete(key)
        case "longer":
            index.store.redis.append(key, b"x")
    error = refused(index)
    expected = not_whole(f"its {part} in the store is not the one that was signed")
    assert (Code.BAD_RANGE, expected) == (error.code, error.sentence)


def test_a_signature_that_is_not_ours(index: SmallIndex) -> None:
    """A changed document, or a changed signature."""
    version, document = index.current(PUBLIC)
    other = parameters.serialise(replace(document, published_at="2020-01-01T00:00:00Z"))
    for changes in (
        {"document": other.decode()},
        {"signature": "00" * 64, "document": version.document},
        {"signature": "no hex", "document": version.document},
        {"document": "{}"},
    ):
        change_record(index, **changes)
        error = refused(index)
        assert Code.BAD_SIGNATURE is error.code
        assert not_whole("our publisher did not sign its parameters") == error.sentence


@pytest.mark.parametrize("field", ["range_entries", "version_salt", "argon2", "filter"])
def test_a_signed_document_of_other_content(index: SmallIndex, field: str) -> None:
    """Even our own signature does not make a wrong document right."""
    _, document = index.current(PUBLIC)
    changed = {
        "range_entries": 64,
        "version_salt": "00" * 16,
        "argon2": replace(document.argon2, memory_kib=128),
        "filter": replace(document.filter, sha256="00" * 32),
    }[field]
    other = parameters.serialise(replace(document, **{field: changed}))  # type: ignore[arg-type]
    signature = parameters.sign(index.keys.publisher, other).hex()
    change_record(index, document=other.decode(), signature=signature)
    assert not_whole("its signed parameters are not those of its ledger") == refused(index).sentence


def test_another_versions_document(index: SmallIndex) -> None:
    """Signed by us, but not for this version."""
    before = versions.read(index.store, PUBLIC).previous
    assert before is not None
    change_record(index, document=before.document, signature=before.signature)
    assert not_whole("its parameters are another version's") == refused(index).sentence


def test_changed_rows_are_noticed(index: SmallIndex) -> None:
    """A ledger that lost a row."""
    index.store.redis.spop(keyspace.ledger(PUBLIC, 2, 0))
    assert "rows of load 2 are lost or damaged in the store; restore its backup" == str(
        refused(index)
    )


def test_a_half_done_withdrawal(index: SmallIndex) -> None:
    """The sentence says what to run again."""
    ledger.move(index.store, ledger.read(index.store, 1), LoadState.WITHDRAWN, "a mistake")
    assert refused(index).sentence.endswith("run qorgan withdraw again")


def test_people_forgotten_since(index: SmallIndex) -> None:
    """The version is older than the ledger, and must be made anew."""
    forget(index.store, index.definition, index.keys, Kind.IIN, ANN)
    assert refused(index).sentence.startswith("people were forgotten since the public lane's")
    index.publish("one")
    assert verified(index)


class FakeClient(Client):
    """A client of a service that knows some people; it remembers what it was asked."""

    def __init__(self, known: set[str]) -> None:
        self.known = known
        self.asked: list[str] = []

    def check_many(self, kind: Kind, values: object) -> list[Answer]:
        assert isinstance(values, list)
        self.asked += [canonical(kind, value) for value in values]
        found = Found("3-00000000", "", (), (Leak("one", (), {}),), ())
        missed = NotFound("3-00000000", "", ())
        return [found if value in self.known else missed for value in values]


def sampled(client: Client, path: Path, count: int, dataset: str | None = None) -> Sampled:
    """Sample the dump."""
    with open_source(path) as source:
        return sample(source, "iin", client, count, dataset)


def test_a_sample(tmp_path: Path) -> None:
    """As many of the dump as of others, all different, in one mixed order; counts come back."""
    path = tmp_path / "dump.csv"
    path.write_text("iin\n" + "".join(f"{iin}\n" for iin in CROWD), encoding="utf-8")
    client = FakeClient(set(CROWD))
    assert Sampled("3-00000000", 100, 100, 100, 0) == sampled(client, path, 100)
    assert 200 == len(set(client.asked))
    inside = [iin in client.known for iin in client.asked]
    assert 100 == sum(inside)
    assert inside != sorted(inside, reverse=True)
    assert Sampled("3-00000000", 300, 300, 300, 0) == sampled(client, path, 1000, "one")
    assert Sampled("3-00000000", 50, 0, 50, 0) == sampled(client, path, 50, "two")
    assert 0 == sampled(FakeClient(set()), path, 50).found


def test_a_sample_of_nobody(tmp_path: Path) -> None:
    """A wrong column is a mistake to be told."""
    path = tmp_path / "dump.csv"
    path.write_text("iin\nAnn\n", encoding="utf-8")
    with pytest.raises(InputError, match="no valid IIN was found"):
        sampled(FakeClient(set()), path, 5)
