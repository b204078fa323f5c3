"""The register in the store: ids for ever, and what of a dataset may never change."""

import pytest
import redis
from fakeredis import FakeRedis
from web_index import a_dataset

from lookup.errors import Code, InputError
from lookup.index import keyspace, register
from lookup.index.store import Store


@pytest.fixture
def fake() -> Store:
    """An empty store that is only a dictionary."""
    return Store(FakeRedis(), None)


def refusal(store: Store, *arguments: object, **more: object) -> str:
    with pytest.raises(InputError) as caught:
        register.add(store, a_dataset(*arguments, **more))  # type: ignore[arg-type]
    assert caught.value.code is Code.BAD_DATASET
    return caught.value.sentence


def test_on_a_real_store(store: Store) -> None:
    """What is entered is read again, by id, by name and all together."""
    assert register.read_all(store) == {}
    assert register.changes(store) == 0
    one, other = a_dataset("one"), a_dataset("other", sensitive=True, people={"at_least": 5})
    assert register.add(store, one) == 1
    assert register.add(store, other) == 2
    assert register.get(store, "other") == (2, other)
    assert register.read_all(store) == {1: one, 2: other}
    assert register.changes(store) == 2


def test_ids_run_upwards_and_names_keep_theirs(fake: Store) -> None:
    """An id is in every entry of a ledger: it is given once, and stays with its name."""
    assert [register.add(fake, a_dataset(name)) for name in ("a", "b", "c")] == [1, 2, 3]
    assert register.add(fake, a_dataset("b", status="confirmed")) == 2
    assert register.add(fake, a_dataset("d")) == 4


def test_the_last_id(fake: Store) -> None:
    """65535 is given, 65536 is refused: an entry has 16 bits for it."""
    fake.redis.set(keyspace.LAST_DATASET, 65534)
    assert register.add(fake, a_dataset("last")) == 65535
    assert refusal(fake, "one-too-many") == "all 65535 dataset ids are used up"
    assert refusal(fake, "another") == "all 65535 dataset ids are used up"
    assert list(register.read_all(fake)) == [65535]
    assert register.add(fake, a_dataset("last", status="refuted")) == 65535


def test_the_same_again_is_no_change(fake: Store) -> None:
    """Entering the same file again changes nothing, however often."""
    for _ in range(3):
        assert register.add(fake, a_dataset("a", people=7)) == 1
    assert register.read_all(fake) == {1: a_dataset("a", people=7)}


def test_web_nodes_hear_of_every_entry(fake: Store) -> None:
    """Killed before nodes were told, the same command tells them: each one counts."""
    counts = []
    for people in (7, 7, 8):
        register.add(fake, a_dataset("a", people=people))
        counts.append(register.changes(fake))
    assert counts == [1, 2, 3]


def test_what_is_told_of_a_dataset_may_change(fake: Store) -> None:
    """Title, date, status and the like follow what becomes known."""
    register.add(fake, a_dataset("a", status="claimed", breach_date="2025-06"))
    changed = a_dataset("a", status="confirmed", breach_date="2025-06-16", people=16_000_000)
    assert register.add(fake, changed) == 1
    assert register.get(fake, "a") == (1, changed)
    register.add(fake, a_dataset("a"))
    assert register.get(fake, "a") == (1, a_dataset("a"))


def test_classes_may_grow_at_the_end(fake: Store) -> None:
    """Loaded field masks keep their meaning when a class is added after the others."""
    register.add(fake, a_dataset("a", data_classes=["names", "health"]))
    grown = a_dataset("a", data_classes=["names", "health", "loans"])
    assert register.add(fake, grown) == 1
    assert register.get(fake, "a")[1].data_classes == ("names", "health", "loans")


@pytest.mark.parametrize(
    "classes",
    [["health", "names"], ["names"], ["loans", "names", "health"], ["names", "loans", "health"]],
)
def test_classes_keep_their_order(fake: Store, classes: list[str]) -> None:
    """Reordered or dropped, loaded masks would show people other data than they lost."""
    before = a_dataset("a", data_classes=["names", "health"])
    register.add(fake, before)
    assert "may only grow at the end" in refusal(fake, "a", data_classes=classes)
    assert register.get(fake, "a") == (1, before)
    assert register.changes(fake) == 1


@pytest.mark.parametrize("before", [True, False])
def test_a_lane_is_for_ever(fake: Store, before: bool) -> None:
    """A sensitive dataset does not become public, nor the other way: its rows lie in one lane."""
    register.add(fake, a_dataset("a", sensitive=before))
    assert refusal(fake, "a", sensitive=not before) == (
        "a dataset's lane cannot change; enter it under another name"
    )
    assert register.get(fake, "a")[1].sensitive is before


def test_an_interrupted_entry_is_completed(fake: Store) -> None:
    """Killed between the id and the entry, the same command gives the name that id."""
    fake.redis.set(keyspace.LAST_DATASET, 1)
    fake.redis.hset(keyspace.DATASET_IDS, "a", 1)
    with pytest.raises(InputError):
        register.get(fake, "a")
    assert register.add(fake, a_dataset("a")) == 1
    assert register.get(fake, "a")[0] == 1


def test_two_operators_enter_one_name(fake: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is second, by a moment, gets the first one's id."""
    register.add(fake, a_dataset("other"))
    first_look = iter([None])
    ask = fake.redis.hget

    def as_if_not_there_yet(key: str, field: str) -> object:
        return next(first_look, ask(key, field)) if key == keyspace.DATASET_IDS else ask(key, field)

    fake.redis.hset(keyspace.DATASET_IDS, "a", 9)
    monkeypatch.setattr(fake.redis, "hget", as_if_not_there_yet)
    assert register.add(fake, a_dataset("a")) == 9


def test_a_name_that_is_not_there(fake: Store) -> None:
    """A near name is offered, not just any; with none at all, the command that enters one."""
    with pytest.raises(InputError) as caught:
        register.get(fake, "a")
    assert caught.value.code is Code.BAD_USAGE
    assert caught.value.sentence == ("there are no datasets yet; run: qorgan dataset add FILE.toml")
    register.add(fake, a_dataset("kz-2025-16m"))
    register.add(fake, a_dataset("bank"))
    for name in ("kz-2025-16", "kz2025"):
        with pytest.raises(InputError, match="did you mean kz-2025-16m"):
            register.get(fake, name)
    with pytest.raises(InputError) as caught:
        register.get(fake, "900101000000")
    assert "there is no such dataset; see: qorgan dataset list" == caught.value.sentence


def test_a_store_that_is_away_is_no_empty_register(fake: Store) -> None:
    """Nobody is told that there are no datasets because the store does not answer."""
    away = Store(redis.Redis(unix_socket_path="/nowhere/s", retry=None), None)
    for ask in (register.read_all, register.changes):
        with pytest.raises(redis.RedisError):
            ask(away)
    away.close()
