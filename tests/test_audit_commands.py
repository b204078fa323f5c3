"""``qorgan audit`` and ``qorgan operator`` as an operator meets them, on a real store."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from program import DATASET, Program, Said, program, refused

from loaders.operator import Operator
from lookup.index import audit, keyspace
from lookup.index.audit_record import Details, Event
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store

BEN = Operator(bytes([2]) * 32, "Ben")
BENS_KEY = BEN.public_key.hex()
MADE = 10  # records before the first of a test: Ann, seven keys, the index, a dataset


@pytest.fixture
def qorgan(
    tmp_path: Path,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command with an index that Ann made."""
    del store  # its being empty is what matters
    made = program(tmp_path, valkey, monkeypatch, capsys)
    assert 0 == made("operator", "init", "--name", "Ann").code
    assert 0 == made("init", "--argon2", "test", "--prefix-bits", "10").code
    assert 0 == made("dataset", "add", made.write("one.toml", DATASET)).code
    return made


def kept(qorgan: Program) -> tuple[int, str]:
    """How many records a test has added, and the head, as ``audit verify`` tells them."""
    told = json.loads(qorgan("audit", "verify", "--json").out)
    return told["records"] - MADE, told["head"]


def trail_of_twelve(qorgan: Program) -> str:
    """Ann enters Ben, and asks for four eyes; the head."""
    assert 0 == qorgan("operator", "add", BENS_KEY, "--name", "Ben").code
    said = qorgan("operator", "four-eyes", "on")
    assert (0, "four eyes on\n") == (said.code, said.out)
    return kept(qorgan)[1]


def test_operator_init_makes_a_key_once(qorgan: Program) -> None:
    """The first time it says what to back up; the second time it tells the same key."""
    folder = qorgan.folder / "other"
    with qorgan.patch.context() as patch:
        patch.setenv("QORGAN_KEYS", str(folder))
        first, second = qorgan("operator", "init", "--name", "Ann"), qorgan("operator", "init")
    note = f"note: back up operator.key in {folder}; share it with nobody\n"
    assert (0, note) == (first.code, first.err)
    assert re.fullmatch("operator [0-9a-f]{16}; public key [0-9a-f]{64}\n", first.out)
    note = "note: this machine had an operator key already, and keeps it\n"
    assert (0, first.out, note) == (second.code, second.out, second.err)


def test_an_operator_is_entered_once(qorgan: Program, store: Store) -> None:
    """Ben may write in the trail from then on; entering him again changes nothing."""
    first = qorgan("operator", "add", BENS_KEY, "--name", "Ben")
    assert (0, f"operator {BEN.id} may write in the trail\n") == (first.code, first.out)
    assert (1, first.err) == (kept(qorgan)[0], f"note: audit head {kept(qorgan)[1]}\n")
    assert first == qorgan("operator", "add", BENS_KEY)
    audit.append(store, BEN, Event.LOADED, Details(dataset="one", load=1))
    assert 2 == kept(qorgan)[0]


def test_operators_are_shown(qorgan: Program) -> None:
    """Who the trail knows, and whether this machine's operator is among them."""
    trail_of_twelve(qorgan)
    shown = json.loads(qorgan("operator", "show", "--json").out)
    own = shown[0]["id"]
    assert [
        {"id": own, "name": "Ann", "public_key": shown[0]["public_key"], "known": True,
         "here": True},
        {"id": BEN.id, "name": "Ben", "public_key": BENS_KEY, "known": True, "here": False},
    ] == shown  # fmt: skip
    other = json.loads(
        qorgan("operator", "show", "--json", QORGAN_KEYS=str(qorgan.folder / "other")).out
    )
    assert [False, False] == [one["here"] for one in other]
    qorgan("operator", "init", QORGAN_KEYS=str(qorgan.folder / "other"))
    stranger = qorgan("operator", "show", QORGAN_KEYS=str(qorgan.folder / "other"))
    assert stranger.out.splitlines()[3].split()[-2:] == ["no", "yes"]


def test_a_stranger_records_nothing(qorgan: Program) -> None:
    """An operator whom nobody entered is told what to ask his colleagues for."""
    head = trail_of_twelve(qorgan)
    other = {"QORGAN_KEYS": str(qorgan.folder / "other")}
    lost = "this machine has no operator key; restore it, or run: qorgan operator init"
    assert refused(lost, 3) == qorgan("operator", "four-eyes", "off", **other)
    told = qorgan("operator", "init", **other).out.split()
    assert (
        refused(
            f"the audit trail does not know operator {told[1].rstrip(';')}; have one whom it "
            f"knows run: qorgan operator add {told[-1]}"
        )
    ) == qorgan("operator", "four-eyes", "off", **other)
    assert (2, head) == kept(qorgan)


@pytest.mark.parametrize("key", ["x", BENS_KEY[:-1], BENS_KEY.upper(), f"{BENS_KEY}0"])
def test_a_public_key_has_one_form(qorgan: Program, key: str) -> None:
    """A mistyped key enters nobody."""
    said = qorgan("operator", "add", key)
    assert refused("PUBLIC_KEY must be 64 lower-case hex digits") == said
    assert 0 == kept(qorgan)[0]


def test_a_name_that_could_be_an_identifier_is_refused(qorgan: Program) -> None:
    """It would stand in the trail for ever; it is not repeated either."""
    sentence = "a name or reason must hold no identifier; leave long numbers and @ out"
    for words in (("init",), ("add", BENS_KEY)):
        assert refused(sentence) == qorgan("operator", *words, "--name", "870214300012")
    assert 0 == kept(qorgan)[0]


def test_verify_tells_the_head(qorgan: Program, store: Store) -> None:
    """One keeps the SHA-256 of the last line; records that come later do not make it wrong."""
    head = trail_of_twelve(qorgan)
    said = qorgan("audit", "verify")
    assert Said(0, f"whole: 12 records, 2 operators; head {head}\n", "") == said
    assert hashlib.sha256(audit.read_lines(store)[-1]).hexdigest() == head
    assert 0 == qorgan("operator", "four-eyes", "off").code
    assert 0 == qorgan("audit", "verify", "--head", head).code
    told = json.loads(qorgan("audit", "verify", "--json").out)
    assert ["records", "operators", "four_eyes", "head"] == list(told)
    assert (13, 2, False) == (told["records"], told["operators"], told["four_eyes"])


def test_verify_finds_a_change(qorgan: Program, store: Store) -> None:
    """Exit code 3 and one sentence with the record's number, on standard error."""
    trail_of_twelve(qorgan)
    second = audit.read_lines(store)[1]
    store.redis.delete(audit.TRAIL)
    store.redis.xadd(audit.TRAIL, {"line": second}, id="1-0")
    sentence = (
        "record 1 of the audit trail is missing or not in its place; "
        "compare it with an export kept elsewhere"
    )
    for words in (("verify",), ("show",), ("show", "--json")):
        assert refused(sentence, 3) == qorgan("audit", *words)
    assert refused(sentence, 3) == qorgan("operator", "four-eyes", "off")
    assert Said(0, f"{second.decode()}\n", "") == qorgan("audit", "export")


def test_verify_finds_a_cut_end_with_a_head(qorgan: Program, store: Store) -> None:
    """A store put back to an older state is found by who kept the head."""
    head = trail_of_twelve(qorgan)
    lines = audit.read_lines(store)
    store.redis.delete(audit.TRAIL)
    for number, line in enumerate(lines[:11], 1):
        store.redis.xadd(audit.TRAIL, {"line": line}, id=f"{number}-0")
    assert 0 == qorgan("audit", "verify").code
    sentence = (
        "the audit trail ends with record 11 and none of its records is the head that was kept: "
        "its end was cut off, or it was written anew; look for an export"
    )
    assert refused(sentence, 3) == qorgan("audit", "verify", "--head", head)
    said = qorgan("audit", "verify", "--head", "x")
    assert refused("--head must be 64 lower-case hex digits") == said
    assert "--head" in (told := qorgan("audit", "verify", "--help").out)
    assert "is found only with --head" in " ".join(told.split())


def test_an_export_is_the_trail_and_can_be_verified(qorgan: Program, store: Store) -> None:
    """Its lines are those that are signed, and who has the file needs no store."""
    head = trail_of_twelve(qorgan)
    said = qorgan("audit", "export")
    assert (0, "") == (said.code, said.err)
    assert audit.read_lines(store) == said.out.encode().splitlines()
    copy = qorgan.write("trail.jsonl", said.out)
    nowhere = {"QORGAN_REDIS_URL": "unix:///nowhere"}
    verified = qorgan("audit", "verify", copy, "--head", head, **nowhere)
    assert Said(0, f"whole: 12 records, 2 operators; head {head}\n", "") == verified
    qorgan.write("trail.jsonl", said.out.replace('"on":true', '"on":false'))
    sentence = (
        "record 12 of the audit trail was changed, or signed with another key; "
        "compare it with an export kept elsewhere"
    )
    assert refused(sentence, 3) == qorgan("audit", "verify", copy, **nowhere)
    missing = "the exported trail cannot be read; check its path"
    assert refused(missing) == qorgan("audit", "verify", "no.jsonl")


def test_an_empty_trail_is_exported_as_nothing(qorgan: Program, store: Store) -> None:
    """No record is no line; an empty copy is not called whole."""
    store.redis.delete(audit.TRAIL)
    assert Said(0, "", "") == qorgan("audit", "export")
    copy = qorgan.write("trail.jsonl", "")
    told = "the exported trail is empty: nothing was verified; export it again"
    assert refused(told) == qorgan("audit", "verify", copy)


@pytest.mark.parametrize("command", ["verify", "export", "show"])
def test_a_store_without_an_index_has_no_trail(command: str, qorgan: Program, store: Store) -> None:
    """In the wrong folder nothing is "whole"."""
    store.redis.delete(audit.TRAIL, keyspace.INDEX)
    told = "this store has no index yet; run: qorgan init"
    assert refused(told, 3) == qorgan("audit", command)


def test_records_are_shown(qorgan: Program, store: Store) -> None:
    """Number, time, event, who by name, and what about; as JSON each record whole."""
    trail_of_twelve(qorgan)
    details = Details(lane="public", version="1-ed0447ca", datasets=("one",), reason="[/қате]")
    audit.append(store, BEN, Event.ROLLED_BACK, details)
    rows = [row.split() for row in qorgan("audit", "show").out.splitlines()]
    assert ["number", "at", "event", "operator", "about"] == rows[0]
    assert [
        ["1", "operator_added", "Ann", "Ann"],
        ["2", "key_made", "Ann", "public"],
        ["9", "index_made", "Ann"],
        ["10", "dataset_entered", "Ann", "one"],
        ["12", "four_eyes_set", "Ann", "on"],
    ] == [[row[0], *row[2:5]] for row in (rows[1], rows[2], rows[9], rows[10], rows[12])]
    last = [word for row in rows[13:] for word in row]  # a long row goes on in the next line
    assert ["13", *["rolled_back", "Ben", "one", "public", "1-ed0447ca", "[/қате]"]] == [
        last[0],
        *last[2:],
    ]
    shown = json.loads(qorgan("audit", "show", "--json").out)
    records = [json.loads(line)["record"] for line in audit.read_lines(store)]
    assert records == shown


def test_a_trail_begun_anew_is_found(qorgan: Program, store: Store) -> None:
    """A trail that somebody deleted, and that commands have continued, does not pass for whole."""
    store.redis.delete(audit.TRAIL)
    sentence = (
        "the audit trail does not tell how this index and its keys were made: it was begun anew, "
        "or the index was exchanged; look for an export (or, if init was interrupted, run it again)"
    )
    assert refused(sentence, 3) == qorgan("audit", "verify")
    assert 0 == qorgan("dataset", "add", qorgan.folder / "one.toml").code
    assert refused(sentence, 3) == qorgan("audit", "verify")


def test_an_interrupted_init_is_told_by_the_next(qorgan: Program, store: Store) -> None:
    """Killed before its records: run again it adds them; with other parameters it is refused."""
    lines = audit.read_lines(store)
    store.redis.delete(audit.TRAIL)
    for number, line in enumerate(lines[:3], 1):
        store.redis.xadd(audit.TRAIL, {"line": line}, id=f"{number}-0")
    exists = "this store already has an index; use it, or set QORGAN_DATA or QORGAN_REDIS_URL"
    assert refused(exists) == qorgan("init", "--argon2", "test", "--prefix-bits", "11")
    assert 0 == qorgan("init", "--argon2", "test", "--prefix-bits", "10").code
    told = [record.event for record in audit.read(store).records]
    assert [Event.OPERATOR_ADDED, *[Event.KEY_MADE] * 7, Event.INDEX_MADE] == told
    assert refused(exists) == qorgan("init", "--argon2", "test", "--prefix-bits", "10")


def test_no_secret_is_in_the_trail(qorgan: Program, store: Store) -> None:
    """Of each key file only what is public of it, or a check value."""
    trail = b"".join(audit.read_lines(store)).decode()
    keys = list((qorgan.folder / "data" / "keys").glob("*.key"))
    assert 8 == len(keys)
    for path in keys:
        assert path.stem in trail or path.stem == "operator"
        assert path.read_text(encoding="ascii").strip() not in trail


def test_a_changed_entry_is_a_record(qorgan: Program, store: Store) -> None:
    """The hash is of the entry as the store has it; the same file again is told once."""
    raw = store.redis.hget(keyspace.DATASETS, "1")
    assert isinstance(raw, bytes)
    details = audit.read(store).records[-1].details
    assert Details(dataset="one", entry_sha256=hashlib.sha256(raw).hexdigest()) == details
    assert 0 == qorgan("dataset", "add", qorgan.folder / "one.toml").code
    assert 0 == kept(qorgan)[0]
    changed = qorgan.write("one.toml", DATASET.replace('kk = "k"', 'kk = "қ"'))
    assert 0 == qorgan("dataset", "add", changed).code
    assert 1 == kept(qorgan)[0]
