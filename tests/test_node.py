"""What a web node serves as the store changes, lies, goes away and comes back."""

from conftest import wait_until
from node_world import World, all_served, cached, quick, served, world
from web_index import IINS, a_dataset

from lookup.index import register, versions
from lookup.protocol import entries
from lookup.protocol.suite import Lane

PUBLIC, VERIFIED = Lane.PUBLIC, Lane.VERIFIED
__all__ = ["quick", "world"]  # fixtures


def test_a_node_serves_what_is_published(world: World) -> None:
    """After one look it answers ranges and filter of the current version, and the register."""
    made = world.node()
    assert served(made) == ""
    assert made.is_stale
    assert made.refresh()
    assert served(made) == "1"
    assert not made.is_stale
    assert made.store_answers
    assert world.heard() == ["mapped public 1-"]
    assert [d.name for d in made.state.published().values()] == ["leak"]
    person = entries.person(world.index.token(IINS[0]))
    assert person in made.state.current[PUBLIC].filter


def test_a_new_version_is_served(world: World) -> None:
    """The next look finds it; the one before stays for whoever is in the middle of a lookup."""
    made = world.node()
    made.refresh()
    world.index.published("second", IINS[5:9])
    assert made.refresh()
    assert served(made) == "2"
    assert all_served(made) == {"1", "2"}
    assert cached(world) == {"public-1.view", "public-1.filter", "public-2.view", "public-2.filter"}
    world.index.published("third", IINS[9:12])
    made.refresh()
    assert all_served(made) == {"2", "3"}
    assert cached(world) == {"public-2.view", "public-2.filter", "public-3.view", "public-3.filter"}
    assert world.heard() == ["mapped public 1-", "mapped public 2-", "mapped public 3-"]


def test_the_thread_finds_new_versions(world: World, quick: None) -> None:
    """Nobody has to ask: a started node keeps itself fresh, until it is stopped."""
    made = world.node()
    made.start()
    assert served(made) == "1"
    world.index.published("second", IINS[5:9])
    wait_until(lambda: served(made) == "2")
    made.stop()
    assert not made._thread.is_alive()


def test_both_lanes_are_mapped(world: World) -> None:
    """The sensitive datasets' lane has versions of its own, with people of its own."""
    made = world.node()
    made.refresh()
    world.index.published("clinic", IINS[30:], sensitive=True)
    made.refresh()
    assert (served(made), served(made, VERIFIED)) == ("1", "1")
    person = entries.person(world.index.token(IINS[33], VERIFIED))
    assert person in made.state.current[VERIFIED].filter
    assert person not in made.state.current[PUBLIC].filter
    assert [d.name for d in made.state.published().values()] == ["leak", "clinic"]


def test_a_change_of_the_register_is_seen(world: World) -> None:
    """What is told of a published dataset is up to date; what is not published is not told."""
    made = world.node()
    made.refresh()
    before = made.state.current[PUBLIC]
    register.add(world.index.store, a_dataset("leak", status="confirmed"))
    register.add(world.index.store, a_dataset("not-published"))
    made.refresh()
    assert [(d.name, d.status) for d in made.state.published().values()] == [("leak", "confirmed")]
    assert made.state.current[PUBLIC] is before
    assert world.heard() == ["mapped public 1-"]


def test_a_change_of_the_register_drops_no_version(world: World) -> None:
    """The version before goes on being answered, whatever else changes meanwhile."""
    made = world.node()
    made.refresh()
    world.index.published("second", IINS[5:9])
    made.refresh()
    register.add(world.index.store, a_dataset("leak", status="confirmed"))
    made.refresh()
    assert (served(made), all_served(made)) == ("2", {"1", "2"})
    assert world.heard() == ["mapped public 1-", "mapped public 2-"]


def test_a_look_that_finds_nothing_new_is_cheap(world: World) -> None:
    """Each second it asks four small questions and reads nothing."""
    made = world.node()
    made.refresh()
    world.index.store.redis.config_resetstat()
    made.refresh()
    asked = world.index.store.redis.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): asked[name]["calls"] for name in asked}
    assert {k: v for k, v in calls.items() if k in ("get", "hget", "hgetall")} == {
        "get": 1,
        "hget": 3,
    }


def test_the_store_goes_away_and_comes_back(world: World) -> None:
    """Both are told once, however often a node looks; meanwhile it answers as before."""
    made = world.node()
    made.refresh()
    before = made.state
    world.heard()
    world.take_the_store_away()
    assert [made.refresh() for _ in range(3)] == [False] * 3
    assert made.state is before
    assert not made.store_answers
    assert not made.is_stale
    world.bring_the_store_back()
    assert [made.refresh() for _ in range(2)] == [True] * 2
    assert made.store_answers
    assert world.heard() == ["away", "back"]


def test_silence_makes_it_stale(world: World) -> None:
    """After QORGAN_MAX_STALE without a word from the store answers stop; a word revives them."""
    made = world.node(max_stale=3600)
    made.refresh()
    world.take_the_store_away()
    world.clock.now += 3600
    made.refresh()
    assert not made.is_stale
    world.clock.now += 1
    made.refresh()
    assert made.is_stale
    world.bring_the_store_back()
    made.refresh()
    assert not made.is_stale


def test_it_says_once_that_it_is_stale(world: World) -> None:
    """When it gets too old to answer; not before it has ever heard the store, and again later."""
    made = world.node(max_stale=3600)
    made._tell_age()
    for _ in range(2):
        made.refresh()
        world.clock.now += 3601
        made._tell_age()
        made._tell_age()
        made.refresh()
        made._tell_age()
    assert 2 == world.told.count("stale")


def test_a_node_that_only_evaluates(world: World) -> None:
    """Without lanes it maps nothing, and still knows whether the store answers."""
    made = world.node(lanes=())
    assert made.refresh()
    assert made.state.mapped == {}
    assert cached(world) == set()
    world.take_the_store_away()
    assert not made.refresh()


def test_an_emptied_store(world: World) -> None:
    """A store that lost its versions does not make a node forget the one that it serves."""
    made = world.node()
    made.refresh()
    world.index.store.redis.flushall()
    made.refresh()
    assert served(made) == "1"
    assert versions.current_name(world.index.store, PUBLIC) == ""
