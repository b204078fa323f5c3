"""``qorgan audit`` and ``qorgan operator`` as an operator meets them, on a real store."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from program import DATASET, Program, Said, program, refused

from loaders import audit_cli, cli
from loaders.operator import Operator
from lookup.index import audit
from lookup.index.audit_record import Details, Event
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store

BEN = Operator(bytes([2]) * 32, "Ben")
BENS_KEY = BEN.public_key.hex()


@pytest.fixture
def qorgan(
    tmp_path: Path,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command with an index."""
    del store  # its being empty is what matters
    for group in (audit_cli.audit, audit_cli.operator):
        monkeypatch.setitem(cli.cli.commands, str(group.name), group)
    made = program(tmp_path, valkey, monkeypatch, capsys)
    assert 0 == made("init", "--argon2", "test", "--prefix-bits", "10").code
    assert 0 == made("dataset", "add", made.write("one.toml", DATASET)).code
    return made


def kept(qorgan: Program) -> tuple[int, str]:
    """How many records there are, and the head, as ``audit verify`` tells them."""
    told = json.loads(qorgan("audit", "verify", "--json").out)
    return told["records"], told["head"]


def trail_of_three(qorgan: Program) -> str:
    """Ann enters herself and Ben, and asks for four eyes; the head."""
    assert 0 == qorgan("operator", "init", "--name", "Ann").code
    assert 0 == qorgan("operator", "add", BENS_KEY, "--name", "Ben").code
    said = qorgan("operator", "four-eyes", "on")
    assert (0, "four eyes on\n") == (said.code, said.out)
    return kept(qorgan)[1]


def test_operator_init_makes_a_key_once(qorgan: Program) -> None:
    """The first time it says what to back up; the second time it tells the same key."""
    folder = qorgan.folder / "data" / "keys"
    first, second = qorgan("operator", "init", "--name", "Ann"), qorgan("operator", "init")
    note = f"note: back up operator.key in {folder}; share it with nobody\n"
    assert (0, note) == (first.code, first.err)
    assert re.fullmatch("operator [0-9a-f]{16}; public key [0-9a-f]{64}\n", first.out)
    note = "note: this machine had an operator key already, and keeps it\n"
    assert (0, first.out, note) == (second.code, second.out, second.err)


def test_an_operator_is_entered_once(qorgan: Program, store: Store) -> None:
    """Ben may write in the trail from then on; entering him again changes nothing."""
    qorgan("operator", "init", "--name", "Ann")
    first = qorgan("operator", "add", BENS_KEY, "--name", "Ben")
    assert (0, f"operator {BEN.id} may write in the trail\n") == (first.code, first.out)
    assert (2, first.err) == (kept(qorgan)[0], f"note: audit head {kept(qorgan)[1]}\n")
    assert first == qorgan("operator", "add", BENS_KEY)
    audit.append(store, BEN, Event.LOADED, Details(dataset="one", load=1))
    assert 3 == kept(qorgan)[0]


def test_operators_are_shown(qorgan: Program) -> None:
    """Who the trail knows, and whether this machine's operator is among them."""
    trail_of_three(qorgan)
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
    head = trail_of_three(qorgan)
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
    assert (3, head) == kept(qorgan)


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
    head = trail_of_three(qorgan)
    said = qorgan("audit", "verify")
    assert Said(0, f"whole: 3 records, 2 operators; head {head}\n", "") == said
    assert hashlib.sha256(audit.read_lines(store)[-1]).hexdigest() == head
    assert 0 == qorgan("operator", "four-eyes", "off").code
    assert 0 == qorgan("audit", "verify", "--head", head).code
    told = json.loads(qorgan("audit", "verify", "--json").out)
    assert ["records", "operators", "four_eyes", "head"] == list(told)
    assert (4, 2, False) == (told["records"], told["operators"], told["four_eyes"])


def test_verify_finds_a_change(qorgan: Program, store: Store) -> None:
    """Exit code 3 and one sentence with the record's number, on standard error."""
    trail_of_three(qorgan)
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
    head = trail_of_three(qorgan)
    lines = audit.read_lines(store)
    store.redis.delete(audit.TRAIL)
    for number, line in enumerate(lines[:2], 1):
        store.redis.xadd(audit.TRAIL, {"line": line}, id=f"{number}-0")
    assert 0 == qorgan("audit", "verify").code
    sentence = (
        "the audit trail ends with record 2 and none of its records is the head that was kept: "
        "its end was cut off, or it was written anew; look for an export"
    )
    assert refused(sentence, 3) == qorgan("audit", "verify", "--head", head)
    said = qorgan("audit", "verify", "--head", "x")
    assert refused("--head must be 64 lower-case hex digits") == said
    assert "--head" in (told := qorgan("audit", "verify", "--help").out)
    assert "is found only with --head" in " ".join(told.split())


def test_an_export_is_the_trail_and_can_be_verified(qorgan: Program, store: Store) -> None:
    """Its lines are those that are signed, and who has the file needs no store."""
    head = trail_of_three(qorgan)
    said = qorgan("audit", "export")
    assert (0, "") == (said.code, said.err)
    assert audit.read_lines(store) == said.out.encode().splitlines()
    copy = qorgan.write("trail.jsonl", said.out)
    nowhere = {"QORGAN_REDIS_URL": "unix:///nowhere"}
    verified = qorgan("audit", "verify", copy, "--head", head, **nowhere)
    assert Said(0, f"whole: 3 records, 2 operators; head {head}\n", "") == verified
    qorgan.write("trail.jsonl", said.out.replace('"on":true', '"on":false'))
    sentence = (
        "record 3 of the audit trail was changed, or signed with another key; "
        "compare it with an export kept elsewhere"
    )
    assert refused(sentence, 3) == qorgan("audit", "verify", copy, **nowhere)
    missing = "the exported trail cannot be read; check its path"
    assert refused(missing) == qorgan("audit", "verify", "no.jsonl")


def test_an_empty_trail_is_exported_as_nothing(qorgan: Program) -> None:
    """No record is no line; an empty copy is an empty trail."""
    assert Said(0, "", "") == qorgan("audit", "export")
    copy = qorgan.write("trail.jsonl", "")
    expected = f"whole: 0 records, 0 operators; head {'0' * 64}\n"
    assert Said(0, expected, "") == qorgan("audit", "verify", copy)


def test_records_are_shown(qorgan: Program, store: Store) -> None:
    """Number, time, event, who by name, and what about; as JSON each record whole."""
    trail_of_three(qorgan)
    details = Details(lane="public", version="1-ed0447ca", datasets=("one",), reason="[/қате]")
    audit.append(store, BEN, Event.ROLLED_BACK, details)
    rows = [row.split() for row in qorgan("audit", "show").out.splitlines()]
    assert ["number", "at", "event", "operator", "about"] == rows[0]
    assert [["1", "operator_added", "Ann", "Ann"], ["3", "four_eyes_set", "Ann", "on"]] == [
        [row[0], *row[2:5]] for row in (rows[1], rows[3])
    ]
    last = [word for row in rows[4:] for word in row]  # a long row goes on in the next line
    assert ["4", *["rolled_back", "Ben", "one", "public", "1-ed0447ca", "[/қате]"]] == [
        last[0],
        *last[2:],
    ]
    shown = json.loads(qorgan("audit", "show", "--json").out)
    records = [json.loads(line)["record"] for line in audit.read_lines(store)]
    assert records == shown


def test_one_line_records_an_event_and_tells_the_head(
    qorgan: Program, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """What every other command does at its end: the note on standard error, once a record."""
    trail_of_three(qorgan)
    details = Details(dataset="one", load=1)
    for _ in range(2):
        audit_cli.record(store, BEN, Event.LOADED, details)
        said = capsys.readouterr()
        assert ("", f"note: audit head {audit.read(store).head}\n") == (said.out, said.err)
    assert 4 == len(audit.read(store).records)
