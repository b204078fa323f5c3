"""Withdrawn datasets on the real store: gone in one switch, and not back by accident."""

import pytest
from small_index import SmallIndex, iins

from loaders.progress import Progress
from loaders.publish import Published, Publisher
from loaders.withdraw import withdraw
from lookup.errors import Code, InputError
from lookup.index import ledger, register, versions
from lookup.index.ledger import LoadState
from lookup.index.store import Store
from lookup.protocol.suite import Lane

PUBLIC, VERIFIED = Lane
ANN, BOB, EVE = iins(3)


@pytest.fixture
def index(store: Store) -> SmallIndex:
    """One and two are published: Ann is in both, Bob in two."""
    made = SmallIndex.with_datasets(store)
    made.fill("one", {ANN: 1})
    made.fill("two", {ANN: 0b110, BOB: 1})
    made.publish("one", "two")
    return made


def publisher(index: SmallIndex) -> Publisher:
    """What the commands work with."""
    return Publisher(index.store, index.definition, index.keys, Progress())


def refused(index: SmallIndex, name: str, reason: str = "a court's order") -> InputError:
    """The refusal of a withdrawal that must be refused."""
    with pytest.raises(InputError) as caught:
        withdraw(publisher(index), name, reason)
    return caught.value


def test_a_withdrawn_dataset_is_gone(index: SmallIndex) -> None:
    """One switch later nobody is found in it, everybody in the others, and the reason is kept."""
    done = withdraw(publisher(index), "one", "a court's order")
    version, document = index.current(PUBLIC)
    assert Published("public", version.name, ("two",), 2, changed=True) == done
    assert [{"two": 0b110}, {"two": 1}] == [index.ask(PUBLIC, who) for who in (ANN, BOB)]
    assert ["two"] == [dataset.name for dataset in document.datasets]
    assert 2 == document.counter
    (load,) = ledger.loads_of(index.store, 1)
    assert (LoadState.WITHDRAWN, "a court's order") == (load.state, load.reason)


def test_other_publishes_do_not_bring_it_back(index: SmallIndex) -> None:
    """What is published later stands beside what is visible, and beside nothing else."""
    withdraw(publisher(index), "one", "a mistake")
    index.fill("three", {EVE: 1})
    index.publish("three")
    assert [{"two": 0b110}, {"three": 1}] == [index.ask(PUBLIC, who) for who in (ANN, EVE)]


def test_the_last_dataset_of_a_lane(index: SmallIndex) -> None:
    """The lane still has a version: people are not found, by one that says it searched nothing."""
    for name in ("one", "two"):
        done = withdraw(publisher(index), name, "a mistake")
    assert ((), 0, True) == (done.datasets, done.identifiers, done.changed)
    assert () == index.current(PUBLIC)[1].datasets
    assert {} == index.ask(PUBLIC, ANN)
    index.fill("three", {EVE: 1})
    index.publish("three")
    assert {"three": 1} == index.ask(PUBLIC, EVE)


def test_again_changes_nothing(index: SmallIndex) -> None:
    """The same command again says so, and nobody has to fetch a version anew."""
    first = withdraw(publisher(index), "one", "a mistake")
    again = withdraw(publisher(index), "one", "another reason")
    assert Published("public", first.version, ("two",), None, changed=False) == again
    assert ["a mistake"] == [load.reason for load in ledger.loads_of(index.store, 1)]


@pytest.mark.parametrize("does", ["count_withdrawal", "open_stage", "remember", "switch"])
@pytest.mark.parametrize("again", ["withdraw", "publish"])
def test_killed_at_any_moment(
    index: SmallIndex, does: str, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run again, or followed by a publish of something else, it ends the same."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(versions, does, killed)
        with pytest.raises(KeyboardInterrupt):
            withdraw(publisher(index), "one", "a mistake")
    assert {"one": 1, "two": 0b110} == index.ask(PUBLIC, ANN)
    if again == "withdraw":
        withdraw(publisher(index), "one", "a mistake")
    else:
        index.fill("three", {EVE: 1})
        index.publish("three")
    assert {"two": 0b110} == index.ask(PUBLIC, ANN)
    assert [LoadState.WITHDRAWN] == [load.state for load in ledger.loads_of(index.store, 1)]


def test_a_publish_that_had_looked_before_cannot_undo_it(
    index: SmallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever read the loads before one was withdrawn does not switch, though no version is new."""
    index.fill("three", {EVE: 1})
    stage = versions.open_stage

    def withdrawn_meanwhile(store: Store, lane: Lane) -> str:
        monkeypatch.setattr(versions, "open_stage", stage)
        withdraw(publisher(index), "three", "not to be published at all")
        return stage(store, lane)

    monkeypatch.setattr(versions, "open_stage", withdrawn_meanwhile)
    with pytest.raises(InputError) as caught:
        index.publish("three")
    assert Code.PUBLISH_CONFLICT is caught.value.code
    assert {} == index.ask(PUBLIC, EVE)


def test_what_was_never_published(index: SmallIndex) -> None:
    """A loaded dataset is withdrawn before anybody saw it; there is no new version."""
    before = index.current(PUBLIC)
    index.fill("three", {EVE: 1})
    index.fill("clinic", {EVE: 1})
    assert not withdraw(publisher(index), "three", "a mistake").changed
    assert Published("verified", "", (), None, changed=False) == withdraw(
        publisher(index), "clinic", "a mistake"
    )
    assert before == index.current(PUBLIC)


def test_publish_of_what_was_withdrawn_is_refused(index: SmallIndex) -> None:
    """The sentence says how to bring it back."""
    withdraw(publisher(index), "one", "a mistake")
    with pytest.raises(InputError) as caught:
        index.publish("one")
    assert (
        "one was withdrawn; to show it again run: qorgan rollback VERSION (qorgan versions lists "
        "them), or load its file anew with --fresh" == caught.value.sentence
    )


def test_another_load_of_a_withdrawn_dataset_is_published_alone(index: SmallIndex) -> None:
    """A better file of the same dataset takes the place of the one that was withdrawn."""
    withdraw(publisher(index), "two", "wrong columns")
    index.fill("two", {BOB: 0b10})
    index.publish("two")
    assert [{"one": 1}, {"two": 0b10}] == [index.ask(PUBLIC, who) for who in (ANN, BOB)]


def test_refusals(index: SmallIndex) -> None:
    """Nothing to withdraw, no reason, or one that names a person: nothing is changed."""
    index.fill("three", {EVE: 1}, finished=False)
    assert "three has no finished load: it is in no answer" == refused(index, "three").sentence
    line = "--reason must be one line of 1 to 500 characters"
    assert [line] * 4 == [
        refused(index, "one", reason).sentence for reason in ("", " ", "a\nb", "x" * 501)
    ]
    person = "--reason must not name a person: leave numbers out"
    assert [person] * 2 == [
        refused(index, "one", f"asked for by {who}").sentence for who in (ANN, "ann@example.com")
    ]
    assert (
        LoadState.LOADED
        is ledger.loads_of(index.store, register.get(index.store, "one")[0])[0].state
    )
