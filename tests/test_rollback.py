"""Rollback on the real store: a new version of what an earlier one was made of."""

import pytest
from small_index import SmallIndex, iins

from loaders import purge as purging
from loaders.progress import Progress
from loaders.publish import Publisher
from loaders.withdraw import past_versions, rollback, withdraw
from lookup.errors import Code, InputError
from lookup.index import keyspace, ledger, versions
from lookup.index.ledger import LoadState
from lookup.index.store import Store
from lookup.protocol.suite import Lane

PUBLIC = Lane.PUBLIC
ANN, BOB, EVE, *CROWD = iins(40)


@pytest.fixture
def index(store: Store) -> SmallIndex:
    """Version 1 has one; version 2 has another load of it, too; version 3 has two beside it."""
    made = SmallIndex.with_datasets(store)
    made.fill("one", {ANN: 1})
    made.publish("one")
    made.fill("one", {ANN: 0b10, BOB: 1})
    made.publish("one")
    made.fill("two", {EVE: 1})
    made.publish("two")
    return made


def publisher(index: SmallIndex) -> Publisher:
    """What the commands work with."""
    return Publisher(index.store, index.definition, index.keys, Progress())


def name_of(index: SmallIndex, counter: int) -> str:
    """The name of the public lane's version with this counter."""
    return next(
        past.name for _, past, _ in past_versions(index.store) if past.name[0] == str(counter)
    )


def test_an_earlier_version_comes_back_as_a_new_one(index: SmallIndex) -> None:
    """The same people, datasets and classes, under a counter that clients accept."""
    done = rollback(publisher(index), name_of(index, 1))
    assert (("one",), 1, True) == (done.datasets, done.identifiers, done.changed)
    assert [{"one": 1}, {}, {}] == [index.ask(PUBLIC, who) for who in (ANN, BOB, EVE)]
    assert 4 == index.current(PUBLIC)[1].counter
    rollback(publisher(index), name_of(index, 3))
    assert [{"one": 3}, {"one": 1}, {"two": 1}] == [
        index.ask(PUBLIC, who) for who in (ANN, BOB, EVE)
    ]


def test_back_to_what_is_there(index: SmallIndex) -> None:
    """Run again after a kill, it changes nothing more."""
    rollback(publisher(index), name_of(index, 2))
    assert not rollback(publisher(index), name_of(index, 2)).changed
    assert not rollback(publisher(index), name_of(index, 4)).changed


def test_what_was_withdrawn_comes_back(index: SmallIndex) -> None:
    """And is published from then on as if it had never been withdrawn."""
    withdraw(publisher(index), "one", "a mistake")
    assert {} == index.ask(PUBLIC, ANN)
    rollback(publisher(index), name_of(index, 3))
    assert {"one": 0b11} == index.ask(PUBLIC, ANN)
    assert {LoadState.LOADED} == {load.state for load in ledger.loads_of(index.store, 1)}
    assert not index.publish("one")[0].changed


def test_what_was_purged_does_not(index: SmallIndex) -> None:
    """Half an earlier version is never published as if it were whole."""
    withdraw(publisher(index), "two", "a mistake")
    key = keyspace.versions(PUBLIC)
    for field, value in index.store.hash(key).items():
        if field.startswith("retired:"):
            index.store.set_hash(key, {field: str(int(value) - 7200)})
    purging.purge(index.store, "two", Progress())
    before = index.current(PUBLIC)
    with pytest.raises(InputError) as caught:
        rollback(publisher(index), name_of(index, 3))
    assert (
        "some of the loads that this version was made of are purged; load their files anew with "
        "--fresh, then run: qorgan publish NAME" == caught.value.sentence
    )
    assert before == index.current(PUBLIC)


def test_unknown_version(index: SmallIndex) -> None:
    """The sentence says where the names are."""
    with pytest.raises(InputError) as caught:
        rollback(publisher(index), "9-00000000")
    assert "there is no such version, or it is too old; see: qorgan versions" == str(caught.value)


def test_the_list_of_versions(index: SmallIndex) -> None:
    """Oldest first, with datasets and loads, and which one is current."""
    listed = [
        (lane, past.name[0], past.datasets, past.loads, is_current)
        for lane, past, is_current in past_versions(index.store)
    ]
    assert [
        (PUBLIC, "1", ("one",), (1,), False),
        (PUBLIC, "2", ("one",), (1, 2), False),
        (PUBLIC, "3", ("one", "two"), (1, 2, 3), True),
    ] == listed


def test_only_the_last_versions_are_remembered(
    index: SmallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store does not grow with the number of publishes; counters are compared as numbers."""
    monkeypatch.setattr(versions, "_HISTORY", 4)
    for number, who in enumerate(CROWD[:9], start=4):
        index.fill("three", {who: number})
        index.publish("three")
    listed = [int(past.name.partition("-")[0]) for past in versions.history(index.store, PUBLIC)]
    assert [8, 9, 10, 11, 12] == listed  # four, and the current one
    assert 4 == index.store.redis.hlen(keyspace.history(PUBLIC))


def test_a_publish_meanwhile_counts(index: SmallIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who switched first counts; the rollback says so and changes nothing."""
    target = name_of(index, 1)
    stage = versions.open_stage

    def published_meanwhile(store: Store, lane: Lane) -> str:
        monkeypatch.setattr(versions, "open_stage", stage)
        index.fill("three", {EVE: 1})
        index.publish("three")
        return stage(store, lane)

    monkeypatch.setattr(versions, "open_stage", published_meanwhile)
    with pytest.raises(InputError) as caught:
        rollback(publisher(index), target)
    assert Code.PUBLISH_CONFLICT is caught.value.code
    assert caught.value.sentence.endswith("so nothing was switched; run rollback again")
    assert {"two": 1, "three": 1} == index.ask(PUBLIC, EVE)
