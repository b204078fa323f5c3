"""A worker that starts while the store is away, and what a node keeps for it."""

import json
import os
import time
from pathlib import Path

import pytest
from node_world import World, all_served, cached, current, served, world
from web_index import IINS

from lookup.errors import Code, UnavailableError
from lookup.protocol import entries
from lookup.protocol.suite import Lane

PUBLIC, VERIFIED = Lane.PUBLIC, Lane.VERIFIED
__all__ = ["world"]  # fixtures


def last_known(world: World) -> Path:
    return world.cache / "last-known.json"


def test_a_restart_without_the_store(world: World) -> None:
    """The new worker serves what the node served: versions of both lanes, and the register."""
    world.index.published("clinic", IINS[30:], sensitive=True)
    world.index.published("second", IINS[5:9])
    world.node().refresh()
    world.take_the_store_away()
    made = world.node()
    made.start()
    assert (served(made), served(made, VERIFIED)) == ("2", "1")
    assert len(made.state.mapped) == 3
    assert not made.is_stale
    assert not made.store_answers
    assert [d.name for d in made.state.published().values()] == ["leak", "clinic", "second"]
    assert entries.person(world.index.token(IINS[0])) in made.state.current[PUBLIC].filter


def test_staleness_survives_a_restart(world: World) -> None:
    """A worker that was just started is as stale as the node's last word from the store."""
    world.node().refresh()
    world.take_the_store_away()
    for age, is_stale in ((3500, False), (3700, True)):
        heard_at = world.clock.now - age
        os.utime(last_known(world), (heard_at, heard_at))
        made = world.node(max_stale=3600)
        made.start()
        assert served(made) == "1"
        assert made.is_stale is is_stale


def test_a_note_from_the_future(world: World) -> None:
    """A clock that was set back does not make old answers look fresh for ever."""
    world.node().refresh()
    world.take_the_store_away()
    later = world.clock.now + 10 * 86400
    os.utime(last_known(world), (later, later))
    made = world.node(max_stale=3600)
    made.start()
    assert not made.is_stale
    world.clock.now += 3601
    assert made.is_stale


def test_each_word_from_the_store_is_noted(world: World) -> None:
    """Days without a publish do not make a restarted worker stale: the file is kept young."""
    made = world.node()
    made.refresh()
    for seconds, is_noted in ((1, False), (28, False), (2, True), (29, False), (2, True)):
        os.utime(last_known(world), (0, 0))
        world.clock.now += seconds
        made.refresh()
        assert (time.time() - last_known(world).stat().st_mtime < 60) is is_noted


def test_back_from_a_start_without_the_store(world: World) -> None:
    """Once the store is back the node goes on from there, and maps nothing twice."""
    world.node().refresh()
    world.take_the_store_away()
    made = world.node()
    made.start()
    made.stop()
    before = made.state.current[PUBLIC]
    world.index.published("second", IINS[5:9])
    world.bring_the_store_back()
    world.heard()
    assert made.refresh()
    assert world.heard() == ["mapped public 2-", "back"]
    assert made.state.mapped[PUBLIC, before.version.name] is before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"1",
        b"{}",
        b'{"lanes": [], "datasets": {}}',
        b'{"lanes": {"public": 1}, "datasets": {}}',
        b'{"lanes": {"private": {"current": null, "previous": null}}, "datasets": {}}',
        b'{"lanes": {"public": {"current": {}, "previous": null}}, "datasets": {}}',
        b'{"lanes": {}, "datasets": {"1": "{}"}}',
        b'{"lanes": {}, "datasets": {"one": 1}}',
        b'{"lanes": {}, "datasets": []}',
    ],
)
def test_nonsense_for_what_was_last_known(world: World, content: bytes) -> None:
    """A damaged note is no note: the worker starts, is not ready, and waits for the store."""
    world.node().refresh()
    world.take_the_store_away()
    last_known(world).write_bytes(content)
    made = world.node()
    made.start()
    made.stop()
    assert made.state.mapped == {}
    assert made.is_stale
    world.bring_the_store_back()
    assert made.refresh()
    assert served(made) == "1"


def test_wrong_types_in_what_was_last_known(world: World) -> None:
    """A record whose values have other types does not stop a worker from starting."""
    world.node().refresh()
    world.take_the_store_away()
    document = json.loads(last_known(world).read_text())
    document["lanes"]["public"]["current"] |= {"document": 1, "signature": None}
    last_known(world).write_text(json.dumps(document))
    made = world.node()
    made.start()
    assert made.state.mapped == {}


def test_a_forged_note_is_not_served(world: World) -> None:
    """What was last known is checked like what a store says: signature and every byte."""
    world.node().refresh()
    world.take_the_store_away()
    document = json.loads(last_known(world).read_text())
    record = document["lanes"]["public"]["current"]
    record["document"] = record["document"].replace('"leak"', '"fake"')
    last_known(world).write_text(json.dumps(document))
    made = world.node()
    world.heard()
    made.start()
    made.stop()
    assert made.state.mapped == {}
    assert world.heard() == ["refused public bad_signature", "away"]


def test_nothing_was_ever_known(world: World) -> None:
    """A first start without the store waits; it has no answers and says so."""
    world.take_the_store_away()
    made = world.node()
    made.start()
    assert made.state.mapped == {}
    assert made.is_stale
    assert not made.store_answers


def test_a_start_on_nonsense(world: World) -> None:
    """A store that answers but makes no sense is met with what was last known, too."""
    world.node().refresh()
    world.index.store.redis.hset("qorgan:datasets", "1", "{")
    made = world.node()
    world.heard()
    made.start()
    made.stop()
    assert served(made) == "1"
    assert world.heard() == ["mapped public 1-", "unexpected ValidationError"]


def test_drafts_of_killed_workers_are_removed(world: World) -> None:
    """A fetch that was killed costs no disk for longer than until the next version or start."""
    world.cache.mkdir()
    leftover = world.cache / "public-7-0123abcd-0123abcd.view.draft"
    leftover.write_bytes(b"half a view")
    (world.cache / "last-known.json.draft").write_bytes(b"{")
    (world.cache / "operators-own").write_bytes(b"not ours")
    world.node().refresh()
    assert {path.name for path in world.cache.iterdir()} == {
        *("fetch.lock", "last-known.json", "operators-own"),
        *(path.name for path in world.cache.glob("public-1-*")),
    }
    assert cached(world) == {"public-1.view", "public-1.filter"}


def test_a_disk_that_takes_no_note(world: World) -> None:
    """If only the note cannot be written, answers go on and the operator is told."""
    last_known(world).mkdir(parents=True)
    made = world.node()
    assert made.refresh()
    assert served(made) == "1"
    assert world.heard() == ["mapped public 1-", "unexpected UnavailableError"]
    assert made.refresh()
    assert world.heard() == []


def test_an_unusable_cache_folder(world: World) -> None:
    """A node that could never map anything does not start."""
    world.cache.write_text("a file")
    with pytest.raises(UnavailableError) as caught:
        world.node().start()
    assert caught.value.code is Code.BAD_FILE
    assert "set QORGAN_CACHE" in caught.value.sentence


def test_a_damaged_file_does_not_survive_a_start(world: World) -> None:
    """A file that was changed while no worker ran is fetched anew by the first one."""
    world.node().refresh()
    (path,) = world.cache.glob("*.view")
    path.write_bytes(b"x" + path.read_bytes()[1:])
    made = world.node()
    made.refresh()
    assert (served(made), all_served(made)) == ("1", {"1"})
    assert path.stat().st_size == current(world).view_bytes
