"""Publish on the real store: what becomes visible, and what never does."""

import pytest
from small_index import SmallIndex, iins

from loaders.publish import Published
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import keyspace, ledger_rows, versions
from lookup.index.store import Store
from lookup.protocol.suite import Lane

PUBLIC, VERIFIED = Lane
ANN, BOB, EVE, *CROWD = iins(40)


@pytest.fixture
def index(store: Store) -> SmallIndex:
    """An index in whose datasets nothing is loaded."""
    return SmallIndex.with_datasets(store)


def refused(index: SmallIndex, *names: str) -> InputError:
    """The refusal of a publish that must be refused."""
    with pytest.raises(InputError) as caught:
        index.publish(*names)
    return caught.value


def test_first_publish_makes_a_dataset_visible(index: SmallIndex) -> None:
    """Before it there is no version; after it everybody in the dataset is found, nobody else."""
    index.fill("one", {ANN: 0b011, BOB: 0b100})
    assert versions.LaneVersions(None, None) == versions.read(index.store, PUBLIC)
    (published,) = index.publish("one")
    version, document = index.current(PUBLIC)
    assert Published("public", version.name, ("one",), 2, changed=True) == published
    assert ("one",) == tuple(dataset.name for dataset in document.datasets)
    assert {"one": 0b011} == index.ask(PUBLIC, ANN)
    assert {"one": 0b100} == index.ask(PUBLIC, BOB)
    assert {} == index.ask(PUBLIC, EVE)
    assert 1 == document.counter


def test_second_dataset_appears_beside_the_first(index: SmallIndex) -> None:
    """Publishing one dataset never withdraws another."""
    index.fill("one", {ANN: 1, BOB: 1})
    index.fill("two", {ANN: 0b110})
    index.publish("one")
    assert {"one": 1} == index.ask(PUBLIC, ANN)
    (published,) = index.publish("two")
    assert ("one", "two") == published.datasets
    assert {"one": 1, "two": 0b110} == index.ask(PUBLIC, ANN)
    assert {"one": 1} == index.ask(PUBLIC, BOB)
    assert 2 == index.current(PUBLIC)[1].counter


def test_only_named_datasets_get_new_loads(index: SmallIndex) -> None:
    """What was loaded since stays invisible until its dataset is named."""
    index.fill("one", {ANN: 1})
    index.publish("one")
    index.fill("one", {ANN: 0b010, BOB: 1})
    index.fill("two", {EVE: 1})
    index.publish("two")
    assert [{"one": 1}, {}, {"two": 1}] == [index.ask(PUBLIC, who) for who in (ANN, BOB, EVE)]
    index.publish("one")
    assert {"one": 0b011} == index.ask(PUBLIC, ANN)
    assert {"one": 1} == index.ask(PUBLIC, BOB)


def test_publishing_again_changes_nothing(index: SmallIndex) -> None:
    """The same datasets with the same loads keep their version, so nobody fetches it anew."""
    index.fill("one", {ANN: 1})
    (first,) = index.publish("one", "one")
    before = index.store.hash(keyspace.versions(PUBLIC)), index.chunks()
    (again,) = index.publish("one")
    assert Published("public", first.version, ("one",), None, changed=False) == again
    assert before == (index.store.hash(keyspace.versions(PUBLIC)), index.chunks())


def test_a_data_class_more_makes_a_version(index: SmallIndex) -> None:
    """A register entry that means more bits is published though no load is new."""
    index.fill("one", {ANN: 1})
    index.publish("one")
    index.dataset("one", ("government-issued-ids", "names", "phone-numbers", "health"), lane=PUBLIC)
    (published,) = index.publish("one")
    assert published.changed
    assert "health" == index.current(PUBLIC)[1].datasets[0].data_classes[-1]
    assert {"one": 1} == index.ask(PUBLIC, ANN)


def test_two_lanes_in_one_command(index: SmallIndex) -> None:
    """A sensitive dataset goes to its own lane, under its own key, and never to the public one."""
    index.fill("one", {ANN: 1})
    index.fill("clinic", {ANN: 0b111, BOB: 1})
    found = {published.lane: published.datasets for published in index.publish("clinic", "one")}
    assert {"public": ("one",), "verified": ("clinic",)} == found
    assert [{"one": 1}, {}] == [index.ask(PUBLIC, who) for who in (ANN, BOB)]
    assert [{"clinic": 0b111}, {"clinic": 1}] == [index.ask(VERIFIED, who) for who in (ANN, BOB)]


def test_unknown_name_is_refused_with_the_nearest(index: SmallIndex) -> None:
    """A typing mistake publishes nothing, not even what was spelled right."""
    index.fill("one", {ANN: 1})
    error = refused(index, "one", "tow")
    assert (Code.BAD_USAGE, "there is no such dataset; did you mean two?") == (
        error.code,
        error.sentence,
    )
    assert set() == index.chunks()


def test_dataset_without_finished_load_is_refused(index: SmallIndex) -> None:
    """An unfinished load is never published alone."""
    index.fill("one", {ANN: 1}, finished=False)
    expected = "one has no finished load; run: qorgan load FILE --dataset one"
    assert expected == refused(index, "one").sentence
    assert versions.read(index.store, PUBLIC).current is None


def test_running_load_is_never_published(index: SmallIndex) -> None:
    """A load counts wholly or not at all: an unfinished one beside a finished one stays unseen."""
    index.fill("one", {ANN: 1})
    index.fill("one", {ANN: 0b110, BOB: 1}, finished=False)
    index.publish("one")
    assert [{"one": 1}, {}] == [index.ask(PUBLIC, who) for who in (ANN, BOB)]


def test_lost_rows_are_noticed(index: SmallIndex) -> None:
    """A store that lost part of a ledger makes no version in which a person reads "not found"."""
    index.fill("one", {ANN: 1})
    index.publish("one")
    load = index.fill("one", dict.fromkeys(CROWD, 1))
    index.store.redis.spop(keyspace.ledger(PUBLIC, load.id, 0))
    with pytest.raises(UnavailableError, match=f"rows of load {load.id} are lost or damaged"):
        index.publish("one")
    assert 1 == index.current(PUBLIC)[1].counter


def test_loads_of_many_shards_are_read_whole(
    index: SmallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However a load is spread over sets, and read ahead, all of it is published."""
    monkeypatch.setattr(ledger_rows, "_ROWS_PER_SHARD", 2)
    monkeypatch.setattr(ledger_rows, "_READ_AHEAD", 3)
    load = index.fill("one", dict.fromkeys(CROWD, 0b101))
    assert 19 == load.shards
    (published,) = index.publish("one")
    assert len(CROWD) == published.identifiers
    assert [{"one": 0b101}] * len(CROWD) == [index.ask(PUBLIC, who) for who in CROWD]
