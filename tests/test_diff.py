"""Diff on the real store: what a publish would change, before it does."""

import pytest
from small_index import SmallIndex, iins

from loaders.diff import Change, diff
from loaders.progress import Progress
from loaders.publish import Publisher
from lookup.errors import InputError
from lookup.index.store import Store

ANN, BOB, EVE, *CROWD = iins(40)


@pytest.fixture
def index(store: Store) -> SmallIndex:
    """An index in whose datasets nothing is loaded."""
    return SmallIndex.with_datasets(store)


def changes(index: SmallIndex, *names: str) -> list[Change]:
    """What publishing these would change."""
    return diff(Publisher(index.store, index.definition, index.keys, Progress()), names)


def test_the_first_publish(index: SmallIndex) -> None:
    """Everybody is new; each lane is told for itself."""
    index.fill("one", {ANN: 1, BOB: 1})
    index.fill("clinic", {ANN: 1})
    assert [
        Change("public", "one", 0, 2, 2, 0),
        Change("public", None, 0, 2, 2, 0),
        Change("verified", "clinic", 0, 1, 1, 0),
        Change("verified", None, 0, 1, 1, 0),
    ] == changes(index, "one", "clinic")


def test_people_are_counted_once(index: SmallIndex) -> None:
    """Who is in several loads or datasets is one person of the lane."""
    index.fill("one", {ANN: 1, BOB: 1})
    index.publish("one")
    index.fill("one", {BOB: 0b10, EVE: 1})
    index.fill("two", {**dict.fromkeys(CROWD, 1), ANN: 1})
    assert [
        Change("public", "one", 2, 3, 1, 0),
        Change("public", "two", 0, 38, 38, 0),
        Change("public", None, 2, 40, 38, 0),
    ] == changes(index, "two", "one")


def test_nothing_is_stored(index: SmallIndex) -> None:
    """It only looks."""
    index.fill("one", {ANN: 1})
    before = sorted(index.store.redis.keys("*"))
    changes(index, "one")
    assert before == sorted(index.store.redis.keys("*"))


def test_without_names(index: SmallIndex) -> None:
    """What is published stays as it is."""
    assert [] == changes(index)
    index.fill("one", {ANN: 1})
    index.publish("one")
    assert [Change("public", "one", 1, 1, 0, 0), Change("public", None, 1, 1, 0, 0)] == changes(
        index
    )


def test_what_a_publish_refuses_is_refused(index: SmallIndex) -> None:
    """A dataset without a finished load changes nothing and is a mistake."""
    index.fill("one", {ANN: 1}, finished=False)
    with pytest.raises(InputError, match="one has no finished load"):
        changes(index, "one")
