"""The API clients in the store: entered once, keys replaced with grace, ended for good."""

import json
import re

import pytest

from lookup.errors import Code, InputError, UnavailableError
from lookup.index import clients, keyspace
from lookup.index.clients import ApiClient
from lookup.index.store import Store
from lookup.protocol.suite import Lane

BOTH = frozenset(Lane)


def added(store: Store, name: str = "eGov") -> tuple[ApiClient, str]:
    made, key = clients.new(
        name, BOTH, origins=("https://egov.example",), webhook="https://egov.example/hook"
    )
    clients.add(store, made)
    return made, key


def test_a_client_comes_back_as_it_was_entered(store: Store) -> None:
    """Name, lanes, rates, origins, webhook and the key's hash, under its id."""
    made, _ = added(store)
    assert {made.id: made} == clients.read_all(store)
    assert made == clients.get(store, "eGov")


def test_a_key_names_its_client_and_is_not_kept(store: Store) -> None:
    """256 random bits whose text is nowhere in the store, nor in what a client shows of itself."""
    made, key = added(store)
    assert re.fullmatch(r"qk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", key)
    parts = clients.split_key(key)
    assert parts is not None
    assert made.id == parts[0]
    assert made.hashes(0) == (clients.sha256_of(parts[1]),)
    assert parts[1] not in json.dumps(store.hash(keyspace.CLIENTS))
    assert made.key_sha256 not in repr(made)
    assert "hook" not in repr(made)


@pytest.mark.parametrize(
    "key",
    [
        *("", "qk_", "qk_0123456789abcdef_", "900101300017"),
        "qk_0123456789abcdef_" + "a" * 42,
        "qk_0123456789abcdef_" + "a" * 44,
        "qk_0123456789ABCDEF_" + "a" * 43,
        "qk_0123456789abcdef_" + "a" * 42 + "=",
        "qk_0123456789abcdef_" + "a" * 43 + "\n",
        "Qk_0123456789abcdef_" + "a" * 43,
    ],
)
def test_what_is_no_key(key: str) -> None:
    """A key has one form."""
    assert clients.split_key(key) is None


def test_a_name_is_one_client(store: Store) -> None:
    """A second client of the name is refused and the first is as it was."""
    made, _ = added(store)
    with pytest.raises(InputError, match="for a new key run: qorgan client rotate NAME"):
        added(store)
    assert {made.id: made} == clients.read_all(store)


def test_a_new_key_leaves_the_old_one_time(store: Store) -> None:
    """Both open until the grace is over, then the new one alone; however often it is done."""
    made, first = added(store)
    second = clients.rotate(store, made, grace=100)
    third = clients.rotate(store, clients.get(store, "eGov"), grace=50)
    after = clients.get(store, "eGov")
    hashes = [clients.sha256_of((clients.split_key(key) or ("", ""))[1]) for key in (first, second)]
    assert set(hashes) < set(after.hashes(0))
    assert 3 == len(after.hashes(0))
    end = max(old.until for old in after.old_keys)
    assert after.hashes(end) == (clients.sha256_of((clients.split_key(third) or ("", ""))[1]),)
    assert after.id == made.id


def test_no_grace_ends_all_older_keys(store: Store) -> None:
    """A key that was stolen ends at once, and with it those from before."""
    made, _ = added(store)
    clients.rotate(store, made, grace=1000)
    clients.rotate(store, clients.get(store, "eGov"), grace=0)
    assert 1 == len(clients.get(store, "eGov").hashes(0))


def test_revoked_for_good(store: Store) -> None:
    """A revoked client is nobody, its hash is gone, and its name can be given anew."""
    made, _ = added(store)
    clients.revoke(store, made)
    assert {} == clients.read_all(store)
    assert made.key_sha256 not in json.dumps(store.hash(keyspace.CLIENTS))
    with pytest.raises(InputError, match="there is no such client"):
        clients.get(store, "eGov")
    again, _ = added(store)
    assert {made.id, again.id} == {one.id for one in clients.read_history(store)}


def test_two_operators_do_not_undo_each_other(store: Store) -> None:
    """Whoever read a client before another changed it is refused."""
    made, _ = added(store)
    clients.revoke(store, made)
    with pytest.raises(InputError, match="somebody changed this client") as caught:
        clients.rotate(store, made)
    assert caught.value.code is Code.BAD_USAGE
    assert {} == clients.read_all(store)


def test_each_change_is_counted(store: Store) -> None:
    """Web nodes see by one number that something changed."""
    assert 0 == clients.changes(store)
    made, _ = added(store)
    clients.rotate(store, made)
    clients.revoke(store, clients.get(store, "eGov"))
    assert 3 == clients.changes(store)


def test_a_lost_reply_changes_nothing_twice(store: Store) -> None:
    """The same change sent again, as the library does when a reply gets lost, is done already."""
    made, _ = added(store)
    clients.add(store, made)
    assert 1 == clients.changes(store)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "[]",
        "1",
        "{}",
        "[" * 100_000,
        '{"lanes": ["third"], "origins": [], "old_keys": []}',
    ],
)
def test_a_damaged_record_is_nobody(store: Store, raw: str) -> None:
    """It opens nothing, and keeps no other client out."""
    made, _ = added(store)
    store.set_hash(keyspace.CLIENTS, {"id:0123456789abcdef": raw})
    assert [made.id] == list(clients.readable(store))
    with pytest.raises(UnavailableError, match="cannot be read here"):
        clients.read_all(store)  # who tells clients must not leave one out
