"""Which commands leave which records: each event is one, also if a command was killed before it."""

import json
from pathlib import Path

import pytest
from program import DATASET, Program, program

from lookup.index import audit, keyspace, ledger
from lookup.index.audit_record import Event
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.protocol.suite import Lane

LOAD = ("load", "dump.csv", "--dataset", "one", "--iin", "iin")
MADE = 8  # records of init and dataset add


@pytest.fixture
def qorgan(
    tmp_path: Path,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command with an index and one dataset."""
    del store  # its being empty is what matters
    made = program(tmp_path, valkey, monkeypatch, capsys)
    assert 0 == made("init", "--argon2", "test", "--prefix-bits", "10").code
    assert 0 == made("dataset", "add", made.write("one.toml", DATASET)).code
    return made


def events(store: Store) -> list[str]:
    """What the commands of a test were, as the trail tells."""
    return [record.event.value for record in audit.read(store).records[MADE:]]


def hours_pass(store: Store) -> None:
    """Versions that were replaced are no longer in service."""
    key = keyspace.versions(Lane.PUBLIC)
    for field, value in store.hash(key).items():
        if field.startswith("retired:"):
            store.set_hash(key, {field: str(int(value) - 7200)})


def test_every_change_is_one_record(qorgan: Program, store: Store) -> None:
    """Each command is run twice, as after a kill before its record: the second adds nothing."""
    assert [0, 0] == [qorgan(*LOAD).code, qorgan(*LOAD).code]
    assert [0, 0] == [qorgan("publish", "one").code, qorgan("publish", "one").code]
    (version,) = json.loads(qorgan("versions", "--json").out)
    withdraw = ("withdraw", "one", "--reason", "a court's order")
    assert [0, 0] == [qorgan(*withdraw).code, qorgan(*withdraw).code]
    rollback = ("rollback", version["name"])
    assert [0, 0] == [qorgan(*rollback).code, qorgan(*rollback).code]
    assert ["loaded", "published", "withdrawn", "rolled_back"] == events(store)


def test_a_purge_is_recorded_after_a_kill(
    qorgan: Program, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are gone and the record is not there: the next run of the command adds it, once."""
    for words in (LOAD, ("publish", "one"), ("withdraw", "one", "--reason", "a court's order")):
        assert 0 == qorgan(*words).code
    hours_pass(store)
    with monkeypatch.context() as patch:
        patch.setattr(audit, "append", _killed)
        assert 130 == qorgan("purge", "one").code
    assert ["loaded", "published", "withdrawn"] == events(store)
    assert [0, 0] == [qorgan("purge", "one").code, qorgan("purge", "one").code]
    assert ["loaded", "published", "withdrawn", "purged"] == events(store)
    details = audit.read(store).records[-1].details
    assert ("one", 1, {"rows": 1}) == (details.dataset, details.load, details.counts)


def test_what_fresh_deletes_is_recorded(
    qorgan: Program, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of an interrupted load that starts over are purged ones."""
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "finish", _killed)
        assert 130 == qorgan(*LOAD).code
    assert 0 == qorgan(*LOAD, "--fresh").code
    assert [(Event.PURGED, 1), (Event.LOADED, 2)] == [
        (record.event, record.details.load) for record in audit.read(store).records[MADE:]
    ]


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
