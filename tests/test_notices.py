"""Notices: whom apps are told of, exactly, and exactly once."""

import pytest
from small_index import iins
from watching import PUBLIC, Watching

from lookup.errors import Code, UnavailableError
from lookup.index import clients as api_clients
from lookup.index import keyspace, notices, retention, rounds, subscriptions
from lookup.index.notice_book import NoticeBook
from lookup.index.store import Store
from lookup.protocol.suite import Lane

ANN, BOB, EVE, MAX, ZOE = iins(5)
CROWD = iins(60, start=40_000)


@pytest.fixture
def world(store: Store) -> Watching:
    return Watching.make(store)


def test_every_match_and_no_other_is_told(world: Watching) -> None:
    """Each client is told of its own persons who are in the new dataset, and of their data."""
    shop, bank, none = (world.client(name) for name in ("shop", "bank", "none"))
    world.watch(shop, ANN, BOB, *CROWD[:20])
    world.watch(bank, BOB, EVE)
    world.load("one", {ANN: 0b101, BOB: 0b010, MAX: 1} | dict.fromkeys(CROWD[10:50], 1))
    (done,) = world.publish("one")
    assert ("public", ("one",), 2, 13) == (done.lane, done.datasets, done.clients, done.notices)
    expected = {ANN: ["one"], BOB: ["one"]} | {iin: ["one"] for iin in CROWD[10:20]}
    assert expected == world.names(shop)
    assert [] == world.told(none)
    (notice,) = world.told(bank)
    assert world.person(BOB).hex() == notice.person
    assert (("one", ("names",)),) == notice.datasets
    version, _ = world.index.current(PUBLIC)
    assert (version.name, Lane.PUBLIC) == (notice.version, notice.lane)
    assert sorted(n.id for n in world.told(shop)) == sorted({n.id for n in world.told(shop)})


def test_datasets_published_together_are_one_notice(world: Watching) -> None:
    """A person in two new datasets gets one notice with both."""
    shop = world.client("shop")
    world.watch(shop, ANN, BOB)
    world.load("one", {ANN: 1})
    world.load("two", {ANN: 0b110, BOB: 1})
    world.publish("one", "two")
    told = {notice.person: notice.datasets for notice in world.told(shop)}
    both = (("one", ("government-issued-ids",)), ("two", ("names", "phone-numbers")))
    assert both == told[world.person(ANN).hex()]
    assert 2 == len(told)


def test_another_load_tells_only_who_is_new(world: Watching) -> None:
    """Who stood in an earlier load of the same dataset is told nothing again."""
    shop = world.client("shop")
    world.watch(shop, ANN, BOB)
    world.load("one", {ANN: 1})
    world.publish("one")
    world.load("one", {ANN: 0b111, BOB: 1})
    (done,) = world.publish("one")
    assert 1 == done.notices
    assert {ANN: ["one"], BOB: ["one"]} == world.names(shop)


def test_what_was_published_before_is_not_new(world: Watching) -> None:
    """Neither before the first subscription, nor before this program could tell anybody."""
    world.load("one", {ANN: 1})
    world.index.publish("one")  # by a program from before there were notices
    shop = world.client("shop")
    world.watch(shop, ANN)
    world.load("two", {ANN: 1})
    world.publish("two")
    assert {ANN: ["two"]} == world.names(shop)
    world.watch(shop, BOB)
    world.load("three", {BOB: 1})
    world.publish("three")
    world.watch(shop, MAX)
    assert [] == world.publish("three")


def test_the_verified_lane_is_for_its_clients(world: Watching) -> None:
    """A client without the lane is told nothing of it, whatever lies in the store for it."""
    egov = world.client("egov", *Lane)
    shop = world.client("shop")
    for client in (egov, shop):
        world.watch(client, ANN, lane=Lane.VERIFIED)
    world.load("clinic", {ANN: 1})
    world.publish("clinic", lane=Lane.VERIFIED)
    assert {ANN: ["clinic"]} == world.names(egov, Lane.VERIFIED)
    assert [] == world.told(egov)
    assert [] == world.told(shop, Lane.VERIFIED)


def test_what_was_withdrawn_is_told_to_nobody(world: Watching) -> None:
    """From the withdrawal on no notice shows it; the other datasets of a notice stay."""
    shop = world.client("shop")
    world.watch(shop, ANN, BOB)
    world.load("one", {ANN: 1})
    world.load("two", {ANN: 1, BOB: 1})
    world.publish("one", "two")
    world.withdraw("two")
    assert {ANN: ["one"]} == world.names(shop)
    page = notices.read(world.book, PUBLIC, shop.id, notices.FIRST, 10)
    assert 2 == page.entries


def test_withdrawn_and_loaded_anew_is_no_news_to_who_was_told(world: Watching) -> None:
    """Only who was not in it before is told, while the withdrawn rows are there to compare."""
    shop = world.client("shop")
    world.watch(shop, ANN, BOB)
    world.load("one", {ANN: 1})
    world.publish("one")
    world.withdraw("one")
    world.load("one", {ANN: 1, BOB: 1})
    world.publish("one")
    assert {ANN: ["one"], BOB: ["one"]} == world.names(shop)


def test_persons_who_are_watched_no_longer_are_not_told(world: Watching) -> None:
    """Nor is a client that was revoked, of which nothing is left."""
    shop, gone = world.client("shop"), world.client("gone")
    world.watch(shop, ANN, BOB)
    world.watch(gone, ANN)
    subscriptions.remove(world.book, PUBLIC, shop.id, [world.person(ANN)])
    api_clients.revoke(world.index.store, gone)
    world.load("one", {ANN: 1, BOB: 1})
    world.publish("one")
    assert {BOB: ["one"]} == world.names(shop)
    assert [] == world.told(gone)
    assert not world.index.store.redis.exists(keyspace.subscriptions(PUBLIC, gone.id))


def test_pages_follow_each_other(world: Watching) -> None:
    """Page by page an app sees each notice once, and the last page leads nowhere."""
    shop = world.client("shop")
    world.watch(shop, *CROWD)
    world.load("one", dict.fromkeys(CROWD, 1))
    world.publish("one")
    seen, after = [], notices.FIRST
    while True:
        page = notices.read(world.book, PUBLIC, shop.id, after, 7)
        if not page.entries:
            break
        seen += [notice.person for notice in page.notices]
        after = page.last
    assert sorted(world.person(iin).hex() for iin in CROWD) == sorted(seen)
    assert after == notices.read(world.book, PUBLIC, shop.id, after, 7).last


def test_old_notices_are_removed_and_told_no_more(
    world: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 30 days they are gone, with their round; the next publish tells only what is new."""
    shop = world.client("shop")
    world.watch(shop, ANN, BOB)
    world.load("one", {ANN: 1})
    world.publish("one")
    monkeypatch.setattr(retention, "KEPT_DAYS", -1)
    retention.clean(world.index.store, PUBLIC)
    assert [] == world.told(shop)
    assert {} == rounds.read(world.index.store, PUBLIC, [1])
    assert 0 == world.index.store.redis.xlen(keyspace.notices(PUBLIC, shop.id))
    monkeypatch.undo()
    world.load("two", {ANN: 1, BOB: 1})
    world.publish("two")
    assert {ANN: ["two"], BOB: ["two"]} == world.names(shop)


def test_a_stolen_store_is_noise(world: Watching) -> None:
    """Persons are nowhere in it, and two clients' entries for one person are not the same."""
    shop, bank = world.client("shop"), world.client("bank")
    for client in (shop, bank):
        world.watch(client, ANN)
    world.load("one", {ANN: 0b101})
    world.publish("one")
    client = world.index.store.redis
    members = [client.smembers(keyspace.subscriptions(PUBLIC, each.id)) for each in (shop, bank)]
    assert [1, 1, 0] == [*map(len, members), len(members[0] & members[1])]
    entries = [client.xrange(keyspace.notices(PUBLIC, each.id))[0] for each in (shop, bank)]
    assert entries[0][0] != entries[1][0]
    kept = b"".join(client.dump(key) for key in client.scan_iter("qorgan:[sndr]*"))
    person = world.person(ANN)
    for form in (person, person.hex().encode(), str(int.from_bytes(person, "big")).encode()):
        assert form not in kept


def test_damaged_entries_are_no_notices(world: Watching) -> None:
    """A member or an entry that was not written here for this client is refused."""
    shop, bank = world.client("shop"), world.client("bank")
    for client in (shop, bank):
        world.watch(client, ANN)
    world.load("one", {ANN: 1})
    world.publish("one")
    redis = world.index.store.redis
    ((_, fields),) = redis.xrange(keyspace.notices(PUBLIC, bank.id))
    redis.xadd(keyspace.notices(PUBLIC, shop.id), fields, id="9-9")
    world.index.store.set_hash(
        keyspace.rounds(PUBLIC),
        {"round:9": world.index.store.hash(keyspace.rounds(PUBLIC))["round:1"]},
    )
    with pytest.raises(UnavailableError) as caught:
        world.told(shop)
    assert "notices are damaged in the store; restore its backup" == caught.value.sentence
    redis.sadd(
        keyspace.subscriptions(PUBLIC, shop.id),
        *redis.smembers(keyspace.subscriptions(PUBLIC, bank.id)),
    )
    with pytest.raises(UnavailableError) as caught:
        subscriptions.read(world.book, PUBLIC, shop)
    assert "subscriptions are damaged in the store; restore its backup" == caught.value.sentence


def test_another_key_is_refused(world: Watching) -> None:
    """What would be sealed with it, nobody else could open."""
    shop = world.client("shop")
    world.watch(shop, ANN)
    other = NoticeBook(world.index.store, b"\x07" * 32)
    with pytest.raises(UnavailableError) as caught:
        subscriptions.add(other, PUBLIC, shop.id, [world.person(BOB)])
    assert Code.KEY_MISMATCH is caught.value.code
    assert 1 == subscriptions.count(world.book, PUBLIC, shop.id)
