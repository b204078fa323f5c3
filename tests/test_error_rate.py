"""How often the filter is wrong: chosen when publishing, and kept by the lane from then on."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from program import DATASET, Program, program
from small_index import SmallIndex, iins

from loaders.progress import Progress
from loaders.publish import Published, Publisher
from loaders.verify import verify
from loaders.withdraw import rollback, withdraw
from lookup.index import keyspace, versions
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.protocol import bloom
from lookup.protocol.suite import Lane

PUBLIC, VERIFIED = Lane
ANN, BOB = iins(2)
BITS = {rate: bloom.size(2, rate) for rate in (1e-3, 1e-4, 1e-6)}


@pytest.fixture
def index(store: Store) -> SmallIndex:
    """Loads in three datasets of the two lanes; nothing is published."""
    made = SmallIndex.with_datasets(store)
    for name in ("one", "two", "clinic"):
        made.fill(name, {ANN: 1, BOB: 1})
    return made


def publisher(index: SmallIndex, rate: float | None = None) -> Publisher:
    return Publisher(index.store, index.definition, index.keys, Progress(), rate)


def sized(index: SmallIndex, lane: Lane = PUBLIC) -> tuple[int, int]:
    """Bits and probes of a lane's current filter."""
    published = index.current(lane)[1].filter
    return published.bits, published.probes


def changed(published: list[Published]) -> list[bool]:
    return [one.changed for one in published]


def test_without_a_choice(index: SmallIndex) -> None:
    """A lane begins with one in 10,000."""
    index.publish("one", "clinic")
    assert BITS[1e-4] == sized(index) == sized(index, VERIFIED)


def test_the_choice_stays(index: SmallIndex) -> None:
    """The next dataset is published at the lane's own rate; the other lane has its own."""
    publisher(index, 1e-6).publish(["one"])
    assert BITS[1e-6] == sized(index)
    index.publish("two", "clinic")
    assert (BITS[1e-6], BITS[1e-4]) == (sized(index), sized(index, VERIFIED))
    assert {"one": 1, "two": 1} == index.ask(PUBLIC, ANN)


def test_publishing_again_changes_nothing(index: SmallIndex) -> None:
    """Without the choice, or with the same one, there is no new version; with another there is."""
    publisher(index, 1e-6).publish(["one"])
    name = index.current(PUBLIC)[0].name
    assert [False] == changed(index.publish("one"))
    assert [False] == changed(publisher(index, 1e-6).publish(["one"]))
    assert name == index.current(PUBLIC)[0].name
    assert [True] == changed(publisher(index, 1e-3).publish(["one"]))
    assert BITS[1e-3] == sized(index)
    assert 2 == index.current(PUBLIC)[1].counter


@pytest.mark.parametrize(
    "act",
    [
        lambda index: withdraw(publisher(index), "two", "a mistake"),
        lambda index: rollback(publisher(index), versions.history(index.store, PUBLIC)[0].name),
    ],
)
def test_it_stays_when_datasets_go(index: SmallIndex, act: Callable[[SmallIndex], object]) -> None:
    """Withdrawals and roll-backs keep the rate that the lane has now."""
    index.publish("one")
    publisher(index, 1e-6).publish(["two"])
    act(index)
    assert {"one": 1} == index.ask(PUBLIC, ANN)
    assert BITS[1e-6] == sized(index)


def test_it_is_verified(index: SmallIndex) -> None:
    """A version of any rate is made again from its ledger as it was; another rate is noticed."""
    publisher(index, 1e-6).publish(["one"])
    assert verify(publisher(index), PUBLIC) is not None
    key = keyspace.versions(PUBLIC)
    fields = index.store.hash(key)
    record = f"record:{fields['current']}"
    other = json.loads(fields[record]) | {"error_rate": 1e-3}
    index.store.set_hash(key, {record: json.dumps(other)})
    with pytest.raises(Exception, match="parameters are not those of its ledger"):
        verify(publisher(index), PUBLIC)


def test_a_version_from_before_there_was_a_choice(index: SmallIndex) -> None:
    """A record that has no rate has the first one."""
    index.publish("one")
    key = keyspace.versions(PUBLIC)
    fields = index.store.hash(key)
    record = f"record:{fields['current']}"
    old = json.loads(fields[record])
    assert bloom.ERROR_RATE == old.pop("error_rate")
    index.store.set_hash(key, {record: json.dumps(old)})
    assert [False] == changed(index.publish("one"))


@pytest.fixture
def qorgan(
    tmp_path: Path,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command with one loaded dataset."""
    del store  # its being empty is what matters
    made = program(tmp_path, valkey, monkeypatch, capsys)
    made("init", "--argon2", "test", "--prefix-bits", "10")
    made("dataset", "add", made.write("one.toml", DATASET))
    assert 0 == made("load", "dump.csv", "--dataset", "one", "--iin", "iin").code
    return made


def test_the_command(qorgan: Program) -> None:
    """The option makes a version; without it the command is a no-op (decision 0007)."""
    rows = [
        json.loads(qorgan("publish", "one", "--json", *option).out)[0]
        for option in ((), ("--false-positives", "1e-6"), (), ("--false-positives", "0.000001"))
    ]
    assert [True, True, False, False] == [row["changed"] for row in rows]
    assert ["1", "2", "2", "2"] == [row["version"][0] for row in rows]


@pytest.mark.parametrize("rate", ["0", "1", "-1", "0.2", "1e-10", "nan", "inf", "x", ""])
def test_no_rate(qorgan: Program, rate: str) -> None:
    """A rate is from one in a thousand million to one in ten."""
    said = qorgan("publish", "one", "--false-positives", rate)
    assert (2, "") == (said.code, said.out)
    assert said.err.startswith("qorgan: invalid value for '--false-positives': ")
    assert 1 == said.err.count("\n")
