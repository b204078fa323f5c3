"""The audit trail, on a real store: one record for each event, and every change of one is found."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import ROOT, wait_until
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from lost_replies import losing
from pydantic import ValidationError

from loaders.operator import Operator
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import audit, audit_record
from lookup.index.audit_record import Details, Event, Record
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store, StoreError

ANN, BEN, EVE = (Operator(bytes([n]) * 32, name) for n, name in ((1, "Ann"), (2, None), (3, "Eve")))
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)  # today's
CERTIFICATE = json.dumps({"dataset": "one", "load": 3, "file": {"sha256": "ab" * 32}})
SHA256 = hashlib.sha256(CERTIFICATE.encode()).hexdigest()
LOADED = Details.of_certificate(CERTIFICATE)

APPENDS = """
import sys
import redis
from loaders.operator import Operator
from lookup.index import audit
from lookup.index.audit_record import Details, Event
from lookup.index.store import Store
store = Store(redis.Redis(unix_socket_path=sys.argv[1]), None)
for load in range(1, 61):
    audit.append(store, Operator(bytes([1]) * 32), Event.PURGED, Details(load=load))
"""


def added(operator: Operator) -> Details:
    return audit.introduction(operator)


def line(number: int, by: Operator, event: Event, details: Details, **other: object) -> bytes:
    """A line as it would be written; what is not given continues nothing, at noon."""
    fields = {"previous": "0" * 64, "at": NOON.strftime("%Y-%m-%dT%H:%M:%SZ")} | other
    record = Record(
        number=number,
        event=event,
        operator=by.id,
        details=details,
        **fields,  # type: ignore[arg-type]
    )
    return audit_record.signed_line(record, by)


def sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


@pytest.fixture
def lines(store: Store) -> list[bytes]:
    """A trail of seven records by two operators."""
    for by, event, details in (
        (ANN, Event.INDEX_MADE, Details(public_key="0f" * 32)),
        (ANN, Event.OPERATOR_ADDED, added(BEN)),
        (BEN, Event.LOADED, LOADED),
        (ANN, Event.PUBLISHED, Details(lane="public", version="1-ed0447ca", datasets=("one",))),
        (BEN, Event.WITHDRAWN, Details(dataset="one", reason="қате деректер")),
        (ANN, Event.FORGOT, Details(request="5" * 16, counts={"rows": 2})),
    ):
        audit.append(store, by, event, details, now=NOON)
    return audit.read_lines(store)


def found(changed: list[bytes], head: str | None = None) -> str:
    """The sentence with which a changed trail is refused."""
    with pytest.raises(UnavailableError) as caught:
        audit.verify(changed, head)
    assert Code.BAD_SIGNATURE is caught.value.code
    return caught.value.sentence


def sentence(number: int, what: str) -> str:
    return f"record {number} of the audit trail {what}; compare it with an export kept elsewhere"


def test_a_store_without_records_has_an_empty_trail(store: Store) -> None:
    """Before anything was done there is nothing to find fault with."""
    trail = audit.read(store)
    assert ((), "0" * 64, {}, False) == (
        trail.records, trail.head, trail.operators, trail.four_eyes
    )  # fmt: skip


def test_the_first_record_enters_the_first_operator(store: Store) -> None:
    """Nobody need prepare a trail: whoever records first is in it, with key and name."""
    head = audit.append(store, ANN, Event.LOADED, LOADED)
    first, second = audit.read(store).records
    assert (1, Event.OPERATOR_ADDED, ANN.id) == (first.number, first.event, first.operator)
    assert Details(public_key=ANN.public_key.hex(), name="Ann") == first.details
    assert (2, Event.LOADED, LOADED) == (second.number, second.event, second.details)
    assert head == audit.read(store).head == sha256(audit.read_lines(store)[-1])


def test_anybody_can_verify_an_export_with_the_documented_steps(lines: list[bytes]) -> None:
    """The format needs none of our code: JSON, SHA-256 of the line before, Ed25519."""
    keys, previous = {}, "0" * 64
    for number, exported in enumerate(lines, 1):
        outer = json.loads(exported)
        record = outer["record"]
        body = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert ["record", "signature"] == list(outer)
        assert (number, previous) == (record["number"], record["previous"])
        if record["event"] == "operator_added":
            key = bytes.fromhex(record["details"]["public_key"])
            keys[hashlib.sha256(key).hexdigest()[:16]] = key
        key = Ed25519PublicKey.from_public_bytes(keys[record["operator"]])
        key.verify(bytes.fromhex(outer["signature"]), b"qorgan v1 audit" + body.encode())
        previous = hashlib.sha256(exported).hexdigest()
    assert 7 == len(lines)
    assert previous == audit.verify(lines).head


def test_a_records_bytes_are_these() -> None:
    """A trail written today is verified by every later version: the bytes never change."""
    expected = (
        '{"at":"2026-11-22T12:00:00Z","details":{"lane":"public","reason":"қате",'
        '"version":"1-ed0447ca"},"event":"published","number":2,"operator":"34750f98bd59fcfc",'
        f'"previous":"{"0" * 64}"}}'
    )
    details = Details(lane="public", version="1-ed0447ca", reason="қате")
    made = line(2, ANN, Event.PUBLISHED, details, at="2026-11-22T12:00:00Z")
    assert f'{{"record":{expected},"signature":"' == made.decode()[:-130]
    assert ANN.sign(b"qorgan v1 audit" + expected.encode()).hex() == made.decode()[-130:-2]


@pytest.mark.parametrize("bits", [0x01, 0x20, 0x80])
def test_every_changed_byte_is_found_in_its_record(lines: list[bytes], bits: int) -> None:
    """Whatever byte of the trail is changed, verifying names the record that it stands in."""
    flipped = 0
    for at, before in enumerate(lines):
        for byte in range(len(before)):
            changed = before[:byte] + bytes([before[byte] ^ bits]) + before[byte + 1 :]
            assert found([*lines[:at], changed]).startswith(f"record {at + 1} of the audit trail ")
            flipped += 1
    assert sum(map(len, lines)) == flipped > 2000


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_cut_record_is_found(lines: list[bytes], cut: int) -> None:
    """Half a record is no record, at the trail's end too."""
    assert sentence(7, "is not as a record is written") == found([*lines[:6], lines[6][:-cut]])
    assert sentence(7, "is not as a record is written") == found([*lines[:6], b""])


@pytest.mark.parametrize(
    "other",
    [
        lambda text: text.replace(b'":', b'": ', 1),
        lambda text: text + b" ",
        lambda text: text.replace(b"{", b'{"extra":1,', 1),
        lambda text: text.replace(b'"details":{', b'"details":{"iin":"x",'),
        lambda text: text.replace(b'"details":{', b'"details":{"key":null,'),
        lambda text: text.replace(b'"number":4', b'"number":4,"number":4'),
        lambda text: text.replace(b'"number":4', b'"number":4.0'),
        lambda text: text[:-130] + text[-130:].upper(),
    ],
)
def test_another_way_to_write_a_record_is_found(
    lines: list[bytes], other: Callable[[bytes], bytes]
) -> None:
    """A record has one form in bytes; the same told in others would change the hash unseen."""
    changed = other(lines[3])
    assert lines[3] != changed
    expected = sentence(4, "is not as a record is written")
    assert expected == found([*lines[:3], changed, *lines[4:]])


def test_a_dropped_record_is_found(lines: list[bytes]) -> None:
    """A record that was taken out is named, whichever but the last it was."""
    for at in range(6):
        expected = sentence(at + 1, "is missing or not in its place")
        assert expected == found([*lines[:at], *lines[at + 1 :]])


def test_swapped_and_repeated_records_are_found(lines: list[bytes]) -> None:
    """Order is part of what is told, and nothing is told twice."""
    for at in range(6):
        swapped = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
        assert sentence(at + 1, "is missing or not in its place") == found(swapped)
        repeated = [*lines[: at + 1], *lines[at:]]
        assert sentence(at + 2, "is missing or not in its place") == found(repeated)


def test_a_record_by_an_unknown_key_is_found(lines: list[bytes]) -> None:
    """Who was never entered signs nothing, in his own name or in another's."""
    old = json.loads(lines[3])["record"]
    own = line(4, EVE, Event.PUBLISHED, Details(lane="public"), previous=old["previous"])
    assert sentence(4, "is by nobody whom a record before it entered") == found([*lines[:3], own])
    body = json.dumps(old, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    forged = EVE.sign(b"qorgan v1 audit" + body).hex().encode()
    changed = b'{"record":' + body + b',"signature":"' + forged + b'"}'
    expected = sentence(4, "was changed, or signed with another key")
    assert expected == found([*lines[:3], changed, *lines[4:]])


def test_an_operator_who_enters_himself_is_found(lines: list[bytes]) -> None:
    """Only the first record vouches for itself."""
    own = line(8, EVE, Event.OPERATOR_ADDED, added(EVE), previous=sha256(lines[-1]))
    assert sentence(8, "is by nobody whom a record before it entered") == found([*lines, own])
    late = line(1, ANN, Event.FOUR_EYES_SET, Details(on=False))
    assert sentence(1, "is by nobody whom a record before it entered") == found([late])
    for_another = line(1, ANN, Event.OPERATOR_ADDED, added(BEN))
    assert sentence(1, "is by nobody whom a record before it entered") == found([for_another])


def test_a_past_that_a_known_operator_wrote_anew_is_found(lines: list[bytes]) -> None:
    """A good signature does not help: the next record holds the hash of what stood there."""
    previous = sha256(lines[3])
    other = line(5, ANN, Event.WITHDRAWN, Details(dataset="two"), previous=previous)
    expected = sentence(6, "does not continue the one before it: one of them was changed")
    assert expected == found([*lines[:4], other, *lines[5:]])


def test_a_cut_end_is_found_by_a_kept_head(lines: list[bytes]) -> None:
    """Without a head a shorter trail is a whole one; with a head that was kept it is not."""
    head = audit.verify(lines).head
    for end in range(7):
        assert end == len(audit.verify(lines[:end]).records)
        assert found(lines[:end], head).startswith(f"the audit trail ends with record {end} and ")


def test_a_head_kept_long_ago_is_enough_for_its_part(lines: list[bytes]) -> None:
    """Records that colleagues added since do not make an older head wrong."""
    for number in range(1, 8):
        assert 7 == len(audit.verify(lines, sha256(lines[number - 1])).records)


def test_a_trail_written_anew_is_found_by_a_kept_head(store: Store, lines: list[bytes]) -> None:
    """Who can write to the store can begin another trail; it does not hold the head."""
    head = audit.verify(lines).head
    store.redis.delete(audit.TRAIL)
    for _ in range(2):
        audit.append(store, EVE, Event.INDEX_MADE, Details())
    assert 2 == len(audit.read(store).records)
    with pytest.raises(UnavailableError, match="ends with record 2 and none of its records"):
        audit.read(store, head)


@pytest.mark.parametrize("number", range(1, 8))
def test_a_record_deleted_in_the_store_is_found(
    store: Store, lines: list[bytes], number: int
) -> None:
    """The stream remembers its last number, so a plain deletion is found even at the end."""
    assert 7 == len(lines)
    store.redis.xdel(audit.TRAIL, f"{number}-0")
    what = "is missing" if number == 7 else "is missing or not in its place"
    with pytest.raises(UnavailableError) as caught:
        audit.read(store)
    assert sentence(number, what) == caught.value.sentence
    with pytest.raises(UnavailableError):
        audit.append(store, ANN, Event.FOUR_EYES_SET, Details(on=True))
    assert 6 == len(audit.read_lines(store))


@pytest.mark.parametrize("fields", [{"line": "x"}, {"other": "x"}, {"line": "x", "more": "y"}])
def test_foreign_entries_are_found(
    store: Store, lines: list[bytes], fields: dict[str | bytes, str]
) -> None:
    """Something in the stream that is no record is a change, whatever it looks like."""
    assert 7 == len(lines)
    store.redis.xadd(audit.TRAIL, fields)  # type: ignore[arg-type]
    with pytest.raises(UnavailableError, match="record 8 of the audit trail is not as"):
        audit.read(store)


def test_a_long_trail_is_read_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading in parts loses nothing and takes nothing twice, whatever the number of records."""
    monkeypatch.setattr(audit, "_BATCH", 3)
    for load in range(1, 8):
        audit.append(store, ANN, Event.PURGED, Details(load=load))
        assert load + 1 == len(audit.read(store).records)


def test_an_event_is_recorded_once(store: Store) -> None:
    """A command that was killed and is run again, by anybody, leaves one record."""
    audit.append(store, ANN, Event.OPERATOR_ADDED, added(BEN))
    heads = {audit.append(store, by, Event.LOADED, LOADED) for by in (ANN, ANN, BEN)}
    assert 1 == len(heads)
    publication = Details(lane="public", version="1-ed0447ca", loads=(3,))
    audit.append(store, BEN, Event.PUBLISHED, publication.model_copy(update={"counts": {"n": 1}}))
    audit.append(store, BEN, Event.PUBLISHED, publication)
    events = [(record.event.value, record.operator) for record in audit.read(store).records]
    assert [
        ("operator_added", ANN.id),
        ("operator_added", ANN.id),
        ("loaded", ANN.id),
        ("published", BEN.id),
    ] == events


def test_what_happens_again_is_recorded_again(store: Store) -> None:
    """On, off and on are three events; so are two versions, and a dataset's text changed back."""
    one, two = (Details(dataset="one", entry_sha256=digit * 64) for digit in "12")
    happened = (
        *((Event.FOUR_EYES_SET, Details(on=on)) for on in (True, False, True)),
        *((Event.DATASET_ENTERED, details) for details in (one, two, one)),
        *((event, Details(load=3)) for event in (Event.LOADED, Event.PURGED, Event.LOADED)),
        *((Event.FORGOT, Details(request=digit * 16)) for digit in "12"),
    )
    for event, details in happened:
        audit.append(store, ANN, event, details)
    records = audit.read(store).records[1:]
    assert list(happened) == [(record.event, record.details) for record in records]


def test_a_datasets_text_and_its_loads_are_two_subjects(store: Store) -> None:
    """Withdrawing it changes nothing in what is told of it, and the other way round."""
    entered = Event.DATASET_ENTERED, Details(dataset="one", entry_sha256="1" * 64)
    withdrawn = Event.WITHDRAWN, Details(dataset="one", loads=(1,))
    for event, details in (entered, withdrawn, entered, withdrawn):
        audit.append(store, ANN, event, details)
    assert 3 == len(audit.read(store).records)


def test_a_lost_reply_makes_no_second_record(
    valkey: EmbeddedStore, store: Store, tmp_path: Path
) -> None:
    """The store has the record and the answer is lost: it is found, not written again."""
    audit.append(store, ANN, Event.INDEX_MADE, Details())
    with losing(valkey.socket, tmp_path, b"XADD") as (line_store, lost):
        head = audit.append(line_store, ANN, Event.LOADED, LOADED)
        assert [b"XADD"] == lost
    trail = audit.read(store)
    assert (head, 3) == (trail.head, len(trail.records))


def test_a_lost_reply_undoes_nobodys_later_event(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ann's switch arrives, Ben switches back before she knows: hers is not sent once more."""
    audit.append(store, ANN, Event.OPERATOR_ADDED, added(BEN))
    send = audit._send

    def overtaken(opened: Store, number: int, sent: bytes) -> None:
        monkeypatch.setattr(audit, "_send", send)
        send(opened, number, sent)
        audit.append(store, BEN, Event.FOUR_EYES_SET, Details(on=False))

    monkeypatch.setattr(audit, "_send", overtaken)
    audit.append(store, ANN, Event.FOUR_EYES_SET, Details(on=True))
    told = [record.details.on for record in audit.read(store).records[2:]]
    assert [True, False] == told


def test_killed_at_any_moment_and_run_again_there_is_one_record_each(
    valkey: EmbeddedStore, store: Store
) -> None:
    """SIGKILL before sending, after it, or between: the next run completes the trail."""
    command = [sys.executable, "-c", APPENDS, str(valkey.socket)]
    for moment in range(5, 40, 5):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            wait_until(lambda most=moment: store.redis.xlen(audit.TRAIL) >= most)
            process.kill()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    told = [record.details.load for record in audit.read(store).records]
    assert [None, *range(1, 61)] == told


def test_operators_at_once_make_one_chain(store: Store) -> None:
    """Twenty-four events by three operators at the same moment: none lost, none twice, no fork."""
    for operator in (BEN, EVE):
        audit.append(store, ANN, Event.OPERATOR_ADDED, added(operator))
    work = [((ANN, BEN, EVE)[n % 3], n + 1) for n in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda w: audit.append(store, w[0], Event.PURGED, Details(load=w[1])), work))
    recorded = [(r.operator, r.details.load) for r in audit.read(store).records[3:]]
    assert sorted((by.id, load) for by, load in work) == sorted(recorded)  # type: ignore[type-var]


def test_two_first_operators_at_once_are_not_both_first(store: Store) -> None:
    """One begins the trail; the other is told to have himself entered."""
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(audit.append, store, by, Event.LOADED, LOADED) for by in (ANN, BEN)]
        errors = [future.exception() for future in futures]
    assert [True, False] == sorted(error is None for error in errors)[::-1]
    assert 1 == len(audit.read(store).operators)


def test_an_unknown_operator_adds_nothing(store: Store, lines: list[bytes]) -> None:
    """Who was not entered is told who must do what; then he can."""
    with pytest.raises(InputError) as caught:
        audit.append(store, EVE, Event.LOADED, LOADED)
    assert (
        f"the audit trail does not know operator {EVE.id}; have one whom it knows run: "
        f"qorgan operator add {EVE.public_key.hex()}"
    ) == caught.value.sentence
    assert lines == audit.read_lines(store)
    audit.append(store, BEN, Event.OPERATOR_ADDED, added(EVE))
    audit.append(store, EVE, Event.FOUR_EYES_SET, Details(on=True))
    assert [ANN.id, BEN.id, EVE.id] == list(audit.read(store).operators)


def test_a_store_that_takes_no_more_is_an_error(store: Store) -> None:
    """A full store is told as such; nobody waits for a place in the trail that never comes."""
    audit.append(store, ANN, Event.INDEX_MADE, Details())
    store.redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreError):
            audit.append(store, ANN, Event.LOADED, LOADED)
    finally:
        store.redis.config_set("maxmemory", "0")
    assert 2 == len(audit.read(store).records)


@pytest.fixture
def days() -> list[datetime]:
    """Noon, a day before it, and a second more."""
    return [NOON, NOON - timedelta(days=1), NOON - timedelta(days=1, seconds=1)]


def test_a_clock_far_behind_adds_nothing(store: Store, days: list[datetime]) -> None:
    """A day back is another machine's clock; more would look like a rewritten past."""
    audit.append(store, ANN, Event.INDEX_MADE, Details(), now=days[0])
    audit.append(store, ANN, Event.PURGED, Details(load=1), now=days[1])
    with pytest.raises(InputError, match="this clock is more than a day behind the audit trail"):
        audit.append(store, ANN, Event.PURGED, Details(load=2), now=days[2])
    assert 3 == len(audit.read(store).records)


def test_a_record_far_in_the_past_is_found(days: list[datetime]) -> None:
    """Not even in small steps can the time in a trail go back by more than a day."""
    first = line(1, ANN, Event.OPERATOR_ADDED, added(ANN))
    told = [day.strftime("%Y-%m-%dT%H:%M:%SZ") for day in days]
    second = line(2, ANN, Event.PURGED, Details(load=1), at=told[1], previous=sha256(first))
    third = line(3, ANN, Event.PURGED, Details(load=2), at=told[2], previous=sha256(second))
    assert 2 == len(audit.verify([first, second]).records)
    expected = sentence(3, "is more than a day older than one before it")
    assert expected == found([first, second, third])
    never = line(1, ANN, Event.OPERATOR_ADDED, added(ANN), at="2026-02-30T12:00:00Z")
    assert sentence(1, "is not as a record is written") == found([never])


def test_a_certificate_is_the_one_that_was_printed(store: Store) -> None:
    """The trail holds it byte for byte; a hash that is not its own is found."""
    audit.append(store, ANN, Event.LOADED, LOADED)
    details = audit.read(store).records[1].details
    assert (CERTIFICATE, SHA256) == (details.certificate, details.certificate_sha256)
    assert ("one", 3, "ab" * 32) == (details.dataset, details.load, details.file_sha256)
    other = LOADED.model_copy(update={"certificate_sha256": "0" * 64})
    (first, *_) = audit.read_lines(store)
    second = line(2, ANN, Event.LOADED, other, previous=sha256(first))
    expected = sentence(2, "holds another certificate than it names")
    assert expected == found([first, second])


@pytest.mark.parametrize(
    "field",
    [
        {"iin": "x"}, {"path": "x"}, {"dataset": "One"}, {"load": 0}, {"load": True},
        {"counts": {"a b": 1}}, {"counts": {"rows": -1}}, {"version": "1"}, {"key": "x.key"},
        {"request": "5" * 17}, {"file_sha256": "AB" * 32}, {"datasets": ("a", "b c")},
    ],
)  # fmt: skip
def test_details_are_a_closed_list(field: dict[str, object]) -> None:
    """Nothing else than the listed plain fields gets in, and the error repeats no value."""
    with pytest.raises(ValidationError) as caught:
        Details(**field)  # type: ignore[arg-type]
    assert "input_value" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", " ", "two\nlines", "\u202eleft", "a\u2028b", "a" * 501, "a@b.kz", "870214300012",
     "8 702 143 00 12", "+7 (702) 143-00-12", "٨٧٠٢١٤٣٠٠١٢"],
)  # fmt: skip
def test_names_and_reasons_hold_no_identifier(text: str) -> None:
    """What an operator types is refused where it could name a citizen, and is not repeated."""
    for field in ("name", "reason"):
        with pytest.raises(InputError, match="a name or reason ") as caught:
            Details(**{field: text})  # type: ignore[arg-type]
        assert not text.strip() or text not in caught.value.sentence


@pytest.mark.parametrize(
    "text", ["Ann", "Әлия, 2-ауысым", "a" * 500, "court order 12345678", "[/b]"]
)
def test_plain_names_and_reasons_are_taken(text: str) -> None:
    """Any language, and short numbers."""
    assert text == Details(reason=text).reason


def test_an_event_names_what_it_is_about(store: Store) -> None:
    """A record that could not be told from another of its kind is a mistake of the caller."""
    for event in set(Event) - {Event.INDEX_MADE, Event.FOUR_EYES_SET}:
        with pytest.raises(ValueError, match=f"{event.value} without "):
            audit.append(store, ANN, event, Details())
