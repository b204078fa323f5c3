"""What an index is, fixed once, and the keys that are held against it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lookup import keys
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import definition, keyspace
from lookup.index.store import Store
from lookup.keys import LoaderKeys
from lookup.protocol.suite import Lane

WRONG = bytes([7] * 32)


@pytest.fixture
def loader_keys(tmp_path: Path) -> LoaderKeys:
    """All keys of a new installation."""
    keys.create(tmp_path / "keys")
    return keys.loader_keys(tmp_path / "keys")


def written(store: Store, raw: str | bytes) -> None:
    store.redis.hset(keyspace.INDEX, "definition", raw)


def document(store: Store) -> dict[str, object]:
    raw = store.redis.hget(keyspace.INDEX, "definition")
    assert raw is not None
    found: dict[str, object] = json.loads(raw)
    return found


def refusal(store: Store) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        definition.read(store)
    return caught.value


def test_what_is_written_is_read(store: Store, loader_keys: LoaderKeys) -> None:
    """Every program sees the parameters that init chose."""
    assert not definition.exists(store)
    definition.refuse_existing(store)
    made = definition.create(store, loader_keys, "standard", 12)
    assert definition.exists(store)
    assert definition.read(store) == made
    assert (made.memory_kib, made.time_cost, made.parallelism, made.prefix_bits) == (1024, 1, 1, 12)
    assert len(made.argon2.salt) == 16


def test_an_index_is_defined_once(store: Store, loader_keys: LoaderKeys) -> None:
    """A second init is refused and changes nothing: all that was loaded depends on the first."""
    made = definition.create(store, loader_keys, "test", 10)
    with pytest.raises(InputError) as caught:
        definition.create(store, loader_keys, "standard", 12)
    assert caught.value.code is Code.INDEX_EXISTS
    with pytest.raises(InputError, match="already has an index"):
        definition.refuse_existing(store)
    assert definition.read(store) == made


def test_each_index_has_a_salt_of_its_own(store: Store, loader_keys: LoaderKeys) -> None:
    """No table that was computed for one index helps against another."""
    one = definition.create(store, loader_keys, "test", 10)
    store.redis.flushall()
    other = definition.create(store, loader_keys, "test", 10)
    assert one.argon2_salt != other.argon2_salt


def test_no_secret_is_in_the_store(store: Store, loader_keys: LoaderKeys) -> None:
    """Whoever has only the store has public keys and check values, no key."""
    definition.create(store, loader_keys, "test", 10)
    raw = store.redis.hget(keyspace.INDEX, "definition")
    assert raw is not None
    for secret in (
        *loader_keys.lanes.values(),
        loader_keys.ledger,
        loader_keys.padding,
        loader_keys.publisher,
    ):
        assert secret.hex().encode() not in raw


def test_no_index(store: Store) -> None:
    """An empty store is told from a broken one."""
    error = refusal(store)
    assert error.code is Code.INDEX_MISSING
    assert error.sentence == "this store has no index yet; run: qorgan init"


def test_another_protocol(store: Store, loader_keys: LoaderKeys) -> None:
    """A program never works on an index of another protocol version, and says which it is."""
    definition.create(store, loader_keys, "test", 10)
    written(store, json.dumps(document(store) | {"protocol": 2}))
    error = refusal(store)
    assert error.code is Code.INDEX_PROTOCOL
    assert error.sentence == (
        "this index has protocol version 2, this program has 1; run the program version that "
        "made it"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "one"},
        {"protocol": None},
        {"colour": "red"},
        {"public_keys": {"public": "00"}},
        {"public_keys": {"public": "00", "verified": "00", "third": "00"}},
        {"public_keys": 1},
        {"argon2_salt": "zz"},
        {"argon2_salt": "00"},
        {"argon2_salt": 1},
    ],
)
def test_a_damaged_definition(
    store: Store, loader_keys: LoaderKeys, change: dict[str, object]
) -> None:
    """A definition that a program does not understand is refused whole, never half believed."""
    definition.create(store, loader_keys, "test", 10)
    written(store, json.dumps(document(store) | change))
    assert refusal(store).code is Code.INDEX_PROTOCOL


@pytest.mark.parametrize("raw", ["", "{", "[]", "null", "1", "{}", '{"protocol": 1}', b"\xff"])
def test_a_corrupted_definition(store: Store, raw: str | bytes) -> None:
    """What is not a definition at all is refused in the same words."""
    written(store, raw)
    error = refusal(store)
    assert error.code is Code.INDEX_PROTOCOL
    assert "cannot be read" in error.sentence


def test_the_right_keys_fit(store: Store, loader_keys: LoaderKeys) -> None:
    """An installation's own keys are accepted."""
    definition.check_loader_keys(definition.create(store, loader_keys, "test", 10), loader_keys)


@pytest.mark.parametrize("name", ["public", "verified", "ledger", "padding", "publisher"])
def test_each_wrong_key_is_named(store: Store, loader_keys: LoaderKeys, name: str) -> None:
    """One wrong key of five stops a loader before it writes rows that nobody could find."""
    made = definition.create(store, loader_keys, "test", 10)
    wrong = (
        replace(loader_keys, lanes=loader_keys.lanes | {Lane(name): WRONG})
        if name in tuple(Lane)
        else replace(loader_keys, **{name: WRONG})
    )
    with pytest.raises(UnavailableError) as caught:
        definition.check_loader_keys(made, wrong)
    assert caught.value.code is Code.KEY_MISMATCH
    assert caught.value.sentence == (
        f"the key file {name}.key does not fit this index; restore the index's own key from backup"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"argon2_salt": "00" * 16},
        {"memory_kib": 8},
        {"time_cost": 2},
        {"parallelism": 2},
        {"prefix_bits": 20},
        {"profile": "standard"},
        {"mac": "00" * 32},
        {"mac": ""},
    ],
)
def test_a_changed_definition(
    store: Store, loader_keys: LoaderKeys, change: dict[str, object]
) -> None:
    """Whoever can write to the store cannot make a publisher sign other parameters."""
    definition.create(store, loader_keys, "test", 10)
    definition.check_loader_keys(definition.read(store), loader_keys)
    written(store, json.dumps(document(store) | change))
    with pytest.raises(UnavailableError) as caught:
        definition.check_loader_keys(definition.read(store), loader_keys)
    assert caught.value.code is Code.KEY_MISMATCH
    assert "in the store was changed" in caught.value.sentence


def test_a_node_with_one_key_is_held_to_that_one(store: Store, loader_keys: LoaderKeys) -> None:
    """A web node shows only the keys that it has; each of them must fit."""
    made = definition.create(store, loader_keys, "test", 10)
    definition.check_lane_keys(made, {})
    right = keys.derive_lane_key(loader_keys.lanes[Lane.PUBLIC], Lane.PUBLIC).public_key
    definition.check_lane_keys(made, {Lane.PUBLIC: right})
    with pytest.raises(UnavailableError, match=r"verified\.key"):
        definition.check_lane_keys(made, {Lane.VERIFIED: right})


@pytest.mark.parametrize(
    "change",
    [
        {"profile": "x\x1b]0;owned\x07"},
        {"prefix_bits": "\x1b[31m"},
        {"prefix_bits": 10.0},
        {"prefix_bits": 10**4000},
        {"public_keys": {"public": "\x1b", "verified": "00" * 32}},
        {"publisher_key": None},
        {"argon2_salt": None},
        {"protocol": 1e999},
    ],
)
def test_a_hostile_definition(
    store: Store, loader_keys: LoaderKeys, change: dict[str, object]
) -> None:
    """What init would not have written is refused: people are shown profile, bits and keys."""
    definition.create(store, loader_keys, "test", 10)
    written(store, json.dumps(document(store) | change))
    error = refusal(store)
    assert Code.INDEX_PROTOCOL == error.code
    assert error.sentence.startswith("the index's definition cannot be read")
