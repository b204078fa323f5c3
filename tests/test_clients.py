"""Who asks with a key: what a header opens, and how soon a web node knows of a change."""

from dataclasses import replace

import pytest
from node_world import World, world

from lookup.clients import authenticated, permit, required
from lookup.errors import Code, ProblemError
from lookup.index import clients, keyspace
from lookup.protocol.suite import Lane

_ = world
# The same in each process that collects these tests.
SECRET = "s3cret_-" * 5 + "abc"
KEY = f"qk_00112233445566ff_{SECRET}"
CLIENT = replace(
    clients.new("eGov", frozenset({Lane.VERIFIED}))[0],
    id="00112233445566ff",
    key_sha256=clients.sha256_of(SECRET),
)
KNOWN = {CLIENT.id: CLIENT}


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_a_key_opens(scheme: str) -> None:
    """A scheme is written as HTTP lets one write it, the key as it was shown."""
    assert CLIENT == authenticated(scheme + KEY, KNOWN)
    assert CLIENT == required(scheme + KEY, KNOWN, Lane.VERIFIED)


def test_no_header_is_anonymous() -> None:
    """Without a key one may ask what anyone may ask; where a key is needed one is told."""
    assert authenticated(None, KNOWN) is None
    with pytest.raises(ProblemError) as caught:
        required(None, KNOWN)
    assert (Code.UNAUTHORISED, "this needs an API key") == (
        caught.value.code,
        caught.value.sentence,
    )


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", KEY, f"Basic {KEY}", f"Bearer {KEY} ", f"Bearer {KEY},{KEY}"),
        *(f"Bearer {KEY[:-1]}", f"Bearer {KEY}a", f"Bearer {KEY.upper()}", f"Bearer{KEY}"),
        f"Bearer {KEY[:-1]}d",
        f"Bearer qk_0123456789abcdef_{KEY[-43:]}",
        "Bearer 900101300017",
        f"Bearer {'я' * 63}",
        f"Bearer {'a' * 100_000}",
    ],
)
def test_what_does_not_open(header: str) -> None:
    """One sentence for all of them, in which nothing of the header is."""
    with pytest.raises(ProblemError) as caught:
        authenticated(header, KNOWN)
    assert caught.value.code is Code.UNAUTHORISED
    assert "this API key is not known, or is no longer" == caught.value.sentence


def test_an_old_key_opens_until_its_end() -> None:
    """While an app takes over its new key the one before opens, and not a second longer."""
    old = clients.OldKey(CLIENT.key_sha256, 1000)
    after = replace(CLIENT, key_sha256=clients.sha256_of("another"), old_keys=(old,))
    assert after == authenticated(f"Bearer {KEY}", {CLIENT.id: after}, now=999.9)
    with pytest.raises(ProblemError):
        authenticated(f"Bearer {KEY}", {CLIENT.id: after}, now=1000)


def test_a_key_is_for_its_lanes() -> None:
    """A known client that may not ask a lane is forbidden, not unknown."""
    permit(CLIENT, Lane.VERIFIED)
    with pytest.raises(ProblemError) as caught:
        required(f"Bearer {KEY}", KNOWN, Lane.PUBLIC)
    assert (Code.FORBIDDEN, "this API key is not for this lane") == (
        caught.value.code,
        caught.value.sentence,
    )


def test_a_node_knows_the_clients(world: World) -> None:
    """Added, replaced, revoked: each holds at the node's next look."""
    made = world.node()
    assert not made.knows_clients
    made.refresh()
    assert (True, {}) == (made.knows_clients, made.state.clients)
    store = world.index.store
    client, _ = clients.new("eGov")
    clients.add(store, client)
    made.refresh()
    assert {client.id: client} == made.state.clients
    clients.rotate(store, client)
    made.refresh()
    assert 2 == len(made.state.clients[client.id].hashes(0))
    clients.revoke(store, clients.get(store, "eGov"))
    made.refresh()
    assert {} == made.state.clients


def test_a_node_that_only_evaluates_knows_them_too(world: World) -> None:
    """It maps no version, and still must know whose key opens."""
    client, _ = clients.new("eGov")
    clients.add(world.index.store, client)
    made = world.node(lanes=())
    made.refresh()
    assert {client.id: client} == made.state.clients


def test_a_new_version_forgets_no_client(world: World) -> None:
    """The picture is replaced whole, with the clients in it."""
    client, _ = clients.new("eGov")
    clients.add(world.index.store, client)
    made = world.node()
    made.refresh()
    world.index.published("second", ["040101500015"])
    made.refresh()
    assert {client.id: client} == made.state.clients


def test_with_the_store_away_clients_stay(world: World) -> None:
    """What was known goes on; once the store is back it is read anew, whatever its count says."""
    client, _ = clients.new("eGov")
    clients.add(world.index.store, client)
    made = world.node()
    made.refresh()
    world.take_the_store_away()
    made.refresh()
    assert {client.id: client} == made.state.clients
    world.index.store.redis.delete(keyspace.CLIENTS)
    other, _ = clients.new("other")
    clients.add(world.index.store, other)
    world.bring_the_store_back()
    made.refresh()
    assert {other.id: other} == made.state.clients


def test_a_damaged_register_keeps_no_revoked_key_alive(world: World) -> None:
    """Clients are read before all that could fail."""
    client, _ = clients.new("eGov")
    clients.add(world.index.store, client)
    made = world.node()
    made.refresh()
    clients.revoke(world.index.store, client)
    world.index.store.redis.hset("qorgan:datasets", "1", "{")
    world.index.store.redis.incr("qorgan:register-changes")
    made._look()
    assert {} == made.state.clients
