"""Whole loads on the real store with real workers: certificates, resuming, and what is found."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_index import SmallIndex, iins

from loaders.formats import Reading, open_source
from loaders.load import Loader, Request
from loaders.progress import Advance, Progress
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import keyspace, ledger
from lookup.index.ledger import Load, LoadState
from lookup.index.store import Store
from lookup.protocol.suite import Kind, Lane

ANN, BOB, EVE, *CROWD = iins(603)
CLASSES = ("names", "government-issued-ids", "phone-numbers", "physical-addresses")
HEADER = ("ИИН", "ТЕЛЕФОН", "ПОЧТА", "АТЫ-ЖӨНІ", "АДРЕС")
MESSY = (
    HEADER,
    (ANN, "8 (701) 000-00-01", "Ann@Example.com", "Әнуар Қ", "Алматы"),  # accepted
    (f" {ANN}", "", "NULL", "-", "Астана"),  # a duplicate
    (f"{ANN[:11]}{(int(ANN[11]) + 1) % 10}", "+77010000001", "", "", ""),  # a duplicate, bad cell
    ("", "", "", "Әнуар", "Алматы"),  # rejected: empty
    ("123", "н/д", "", "", ""),  # rejected
    ("000000000000", "x", "", "", ""),  # rejected
    (BOB, "8701", "", "", "н/д"),  # accepted, bad cell
    (EVE, "too", "few"),  # rejected: broken line
)
REQUEST = Request(
    "one",
    {Kind.IIN: "ИИН", Kind.PHONE: "телефон", Kind.EMAIL: "Почта "},
    (("АТЫ-ЖӨНІ", "names"), ("АДРЕС", "physical-addresses")),
)
BY_IIN = Request("one", {Kind.IIN: "iin"}, (("name", "names"),))


@pytest.fixture
def index(store: Store) -> SmallIndex:
    """An index with one dataset that nothing is loaded into."""
    made = SmallIndex.make(store)
    made.dataset("one", CLASSES, lane=Lane.PUBLIC)
    return made


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """A dump of 600 people."""
    return written(tmp_path / "crowd.csv", ["iin;name", *(f"{iin};name" for iin in CROWD)])


@pytest.mark.parametrize(("most", "is_refused"), [(49.9, True), (50, False), (100, False)])
def test_a_file_of_which_too_much_is_no_good(
    index: SmallIndex, tmp_path: Path, most: float, is_refused: bool
) -> None:
    """A wrong column is seen before anything is written, where the operator says from when."""
    path = written(tmp_path / "half.csv", ["iin;name", f"{ANN};a", "123;b"])
    request = Request("one", {Kind.IIN: "iin"}, (), most)
    if not is_refused:
        assert not load(index, path, request)[1]
        return
    with pytest.raises(InputError) as caught:
        load(index, path, request)
    assert caught.value.sentence.startswith("1 of 2 rows have no valid identifier (iin_")
    assert [] == ledger.loads_of(index.store, 1)


def test_a_load_that_was_purged_meanwhile_is_not_loaded(index: SmallIndex, tmp_path: Path) -> None:
    """It would be published without its rows."""
    path = written(tmp_path / "ann.csv", ["iin;name", f"{ANN};a"])
    load(index, path, BY_IIN)
    (done,) = ledger.loads_of(index.store, 1)
    ledger.finish(index.store, done, done.certificate)  # twice is once
    index.store.set_hash(keyspace.load(done.id), {"state": "purged"})
    with pytest.raises(UnavailableError, match="withdrawn or purged while it ran"):
        ledger.finish(index.store, done, done.certificate)


def written(path: Path, lines: list[str], encoding: str = "utf-8") -> Path:
    """A file of these lines."""
    path.write_bytes("".join(line + "\n" for line in lines).encode(encoding))
    return path


def load(
    index: SmallIndex, path: Path, request: Request, progress: Progress | None = None, **how: str
) -> tuple[str, bool]:
    """Load a file with one worker."""
    loader = Loader(index.store, index.definition, index.keys, 1, progress or Progress())
    with open_source(path, Reading(**how)) as source:
        return loader.load(source, request)


def rows_of(store: Store, load_id: int) -> set[bytes]:
    """All sealed rows of a load."""
    found = ledger.read(store, load_id)
    keys = (keyspace.ledger(found.lane, load_id, shard) for shard in range(found.shards))
    return {row for key in keys for row in store.redis.smembers(key)}


def loads(store: Store) -> list[Load]:
    """All loads of the dataset."""
    return ledger.loads_of(store, 1)


class Watched(Progress):
    """Remembers what was hashed, and does something else when so many identifiers are."""

    def __init__(self, most: int = 1 << 40, then: Callable[[], object] | None = None) -> None:
        self.steps: list[int] = []
        self._most = most
        self._then = then or interrupt

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        with super().task(description, total):
            yield self._advance if description == "hashing" else lambda _: None

    def _advance(self, amount: int) -> None:
        self.steps.append(amount)
        if sum(self.steps) >= self._most:
            self._most = 1 << 40
            self._then()


def interrupt() -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint every 100 identifiers."""
    monkeypatch.setattr("loaders.second_pass._SLICE", 100)
    monkeypatch.setattr("loaders.second_pass._GROUP", 100)


@pytest.mark.parametrize(
    ("encoding", "delimiter", "how"),
    [
        ("utf-8", ";", {}),
        ("utf-8-sig", ",", {}),
        ("cp1251", "\t", {"encoding": "windows-1251"}),
        ("kz1048", "|", {}),
        ("utf-8", "^", {"delimiter": "^"}),
    ],
)
def test_certificate_is_the_contracts(
    index: SmallIndex, tmp_path: Path, encoding: str, delimiter: str, how: dict[str, str]
) -> None:
    """A messy file has the same certificate in every encoding and with every delimiter."""
    lines = [delimiter.join(row) for row in MESSY]
    request = REQUEST
    if encoding == "cp1251":  # which has no Kazakh letters
        lines = [
            line.replace("АТЫ-ЖӨНІ", "ФИО").replace("Ә", "А").replace("Қ", "К") for line in lines
        ]
        request = Request("one", REQUEST.identifiers, (("фио", "names"), REQUEST.fields[1]))
    path = written(tmp_path / "messy.csv", lines, encoding)
    text, was_loaded = load(index, path, request, **how)
    certificate = json.loads(text)
    times = certificate.pop("started_at"), certificate.pop("finished_at")
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)
    assert times[0] <= times[1]
    content = path.read_bytes()
    expected = {
        "dataset": "one",
        "load": 1,
        "file": {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)},
        "rows": {"read": 8, "accepted": 2, "duplicates": 2, "rejected": 4},
        "rejected": {"broken_line": 1, "empty": 1, "iin_length": 1, "iin_placeholder": 1},
        "cells": {"iin_check_digit": 1, "phone_invalid": 1},
        "identifiers": {"iin": 2, "phone": 1, "email": 1},
        "index": {
            "protocol": 1,
            "argon2": {"memory_kib": 64, "time_cost": 1, "parallelism": 1},
            "prefix_bits": 10,
        },
    }
    assert expected == certificate
    assert list(expected) == [key for key in json.loads(text) if not key.endswith("_at")]
    assert not was_loaded
    index.publish("one")
    assert {"one": 0b1111} == index.ask(Lane.PUBLIC, ANN)
    assert {"one": 0b0010} == index.ask(Lane.PUBLIC, BOB)
    assert {} == index.ask(Lane.PUBLIC, EVE)
    assert {"one": 0b1111} == index.ask(Lane.PUBLIC, "+77010000001", Kind.PHONE)
    assert {"one": 0b1111} == index.ask(Lane.PUBLIC, "ann@example.com", Kind.EMAIL)


def test_one_column_may_mean_two_classes(index: SmallIndex, tmp_path: Path) -> None:
    """A column that holds names and addresses counts for both."""
    path = written(tmp_path / "a.csv", ["iin;who and where", f"{ANN};Ann, Almaty", f"{BOB};-"])
    fields = (("who and where", "names"), ("who and where", "physical-addresses"))
    load(index, path, Request("one", {Kind.IIN: "iin"}, fields))
    index.publish("one")
    assert {"one": 0b1011} == index.ask(Lane.PUBLIC, ANN)
    assert {"one": 0b0010} == index.ask(Lane.PUBLIC, BOB)


def test_loading_twice_changes_nothing(index: SmallIndex, crowd: Path) -> None:
    """The second time gives the first time's certificate and hashes nothing."""
    first, was_loaded = load(index, crowd, BY_IIN)
    rows = rows_of(index.store, 1)
    watched = Watched()
    again, was_loaded_again = load(index, crowd, BY_IIN, watched)
    assert (first, False, True) == (again, was_loaded, was_loaded_again)
    assert [] == watched.steps
    assert rows == rows_of(index.store, 1)
    assert 600 == len(rows)
    assert [1] == [each.id for each in loads(index.store)]


@pytest.mark.usefixtures("small_steps")
def test_interrupted_load_goes_on_where_it_stopped(index: SmallIndex, crowd: Path) -> None:
    """The next run skips what is safe, and ends in the rows and the counts of a clean load."""
    with pytest.raises(KeyboardInterrupt):
        load(index, crowd, BY_IIN, Watched(most=300))
    (interrupted,) = loads(index.store)
    assert (LoadState.RUNNING, 300, "") == (
        interrupted.state,
        interrupted.checkpoint,
        interrupted.certificate,
    )
    assert 300 == len(rows_of(index.store, 1))
    watched = Watched()
    resumed, _ = load(index, crowd, BY_IIN, watched)
    assert [300, 100, 100, 100] == watched.steps
    rows = rows_of(index.store, 1)
    index.store.redis.flushall()
    again = SmallIndex(index.store, index.keys, index.definition)
    again.dataset("one", CLASSES, lane=Lane.PUBLIC)
    clean, _ = load(again, crowd, BY_IIN)
    assert rows == rows_of(index.store, 1)
    assert _counts(clean) == _counts(resumed)


def _counts(certificate: str) -> dict[str, object]:
    return {k: v for k, v in json.loads(certificate).items() if not k.endswith("_at")}


@pytest.mark.usefixtures("small_steps")
def test_checkpoint_of_other_masks_is_not_gone_on_from(index: SmallIndex, crowd: Path) -> None:
    """If the register learns a data class between two runs, nobody is left without its bit."""
    index.dataset("two", ("names",), lane=Lane.PUBLIC)
    request = Request("two", BY_IIN.identifiers, BY_IIN.fields)
    with pytest.raises(KeyboardInterrupt):
        load(index, crowd, request, Watched(most=300))
    index.dataset("two", ("names", "government-issued-ids"), lane=Lane.PUBLIC)
    watched = Watched()
    load(index, crowd, request, watched)
    assert 0 == watched.steps[0]
    index.publish("two")
    assert {0b11} == {index.ask(Lane.PUBLIC, iin)["two"] for iin in CROWD[::50]}
    states = [(each.id, each.state) for each in ledger.loads_of(index.store, 2)]
    assert [(1, LoadState.RUNNING), (2, LoadState.LOADED)] == states


def test_file_without_identifiers_leaves_no_load(index: SmallIndex, tmp_path: Path) -> None:
    """A wrong column is a mistake to be told, not an empty dataset to be published."""
    path = written(tmp_path / "a.csv", ["iin;name", "Ann;Ann", ";Bob"])
    with pytest.raises(InputError) as caught:
        load(index, path, BY_IIN)
    assert Code.BAD_FILE is caught.value.code
    assert (
        "no valid identifier was found; to see what the file holds, run: qorgan inspect FILE"
        == str(caught.value)
    )
    assert [] == loads(index.store)


def test_other_columns_of_a_file_are_another_load(index: SmallIndex, crowd: Path) -> None:
    """The same file may be loaded by other columns; what both say of a person adds up."""
    load(index, crowd, Request("one", {Kind.IIN: "iin"}, (("name", "physical-addresses"),)))
    index.publish("one")
    assert {"one": 0b1010} == index.ask(Lane.PUBLIC, CROWD[0])
    load(index, crowd, BY_IIN)
    index.publish("one")
    assert {"one": 0b1011} == index.ask(Lane.PUBLIC, CROWD[0])
    assert [600, 600] == [each.identifiers for each in loads(index.store)]


def test_nothing_in_the_store_is_an_identifier(index: SmallIndex, tmp_path: Path) -> None:
    """After a load no key and no value holds an identifier, a cell, or an unsealed person."""
    text = "".join(";".join(row) + "\n" for row in MESSY)
    path = written(tmp_path / "messy.csv", text.splitlines())
    load(index, path, REQUEST)
    dumped = [value for key in index.store.redis.keys("*") for value in (key, _value(index, key))]
    assert len(dumped) > 8
    for secret in (ANN, ANN[:11], BOB, "77010000001", "ann@", "Ann@", "Әнуар", "Астана"):
        assert not any(secret.encode() in value for value in dumped)


def _value(index: SmallIndex, key: bytes) -> bytes:
    """All there is under a key."""
    client = index.store.redis
    match client.type(key):
        case b"hash":
            return b"\n".join(part for pair in client.hgetall(key).items() for part in pair)
        case b"set":
            return b"\n".join(client.smembers(key))
    return bytes(client.get(key) or b"")
