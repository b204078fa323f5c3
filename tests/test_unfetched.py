"""A node whose disk takes one lane's version and not the other's: it answers what it has."""

import json
from functools import partial
from pathlib import Path

import pytest
from node_world import World, served, world
from web_index import IINS, WebIndex
from web_node import WebNode, problem

from lookup.index import clients, versions, view
from lookup.index.embedded import EmbeddedStore
from lookup.index.state import State
from lookup.index.versions import VIEW
from lookup.protocol import parameters
from lookup.protocol.suite import Lane

PUBLIC, VERIFIED = Lane.PUBLIC, Lane.VERIFIED
__all__ = ["world"]  # fixtures


def obstacle(index: WebIndex, cache: Path, lane: Lane) -> Path:
    """Where the lane's view would be written there is something that cannot be written to."""
    version = versions.read(index.store, lane).current
    assert version is not None
    published = parameters.parse(version.document.encode())
    path = view.draft_of(cache / view.file_name(lane, published, VIEW))
    path.mkdir(parents=True)
    (cache / "last-known.json").mkdir()
    cache.chmod(0o700)
    return path


@pytest.mark.parametrize("lane", list(Lane))
def test_what_could_be_fetched_is_served(world: World, lane: Lane) -> None:
    """A node that heard from the store is not stale for want of a lane that it never had."""
    other = next(each for each in Lane if each is not lane)
    world.index.published("clinic", IINS[30:], sensitive=True)
    stands = obstacle(world.index, world.cache, lane)
    made = world.node()
    assert made.refresh()
    assert (served(made, lane), served(made, other)) == ("", "1")
    assert (made.knows, made.is_stale, made.store_answers) == (True, False, True)
    assert ["leak", "clinic"] == [d.name for d in made.state.published().values()]
    assert f"refused {lane.value} bad_file" in world.heard()
    stands.rmdir()
    world.clock.now += 10
    made.refresh()
    assert served(made, lane) == "1"
    assert {} == made.state.unfetched


def test_an_older_version_still_gets_stale(world: World) -> None:
    """Of a lane that is answered from the version before, silence counts from the last whole."""
    made = world.node(max_stale=3600)
    made.refresh()
    world.index.published("second", IINS[5:9])
    (world.cache / "last-known.json").unlink()
    obstacle(world.index, world.cache, PUBLIC)
    world.clock.now += 3601
    made.refresh()
    assert ("1", True) == (served(made), made.is_stale)


def prepared(lane: Lane, index: WebIndex, cache: Path) -> None:
    index.published("clinic", IINS[30:], sensitive=True)
    obstacle(index, cache, lane)


def ready(web: WebNode) -> tuple[int, dict[str, str]]:
    response = web.client.get("/readyz")
    parts = json.loads(response.data)["parts"]
    return response.status_code, {key: part for key, part in parts.items() if part != "ok"}


def test_a_node_without_the_verified_version(valkey: EmbeddedStore, tmp_path: Path) -> None:
    """It is ready, names what it lacks, and says "could not check" there, never "nothing"."""
    web = WebNode.make(valkey, tmp_path, prepare=partial(prepared, VERIFIED))
    client, secret = clients.new("eGov", frozenset(Lane), rate="1000/hour")
    clients.add(web.index.store, client)
    web.node.refresh()
    key = {"Authorization": f"Bearer {secret}"}
    assert (200, {"verified range": "version not fetched"}) == ready(web)
    assert 200 == web.client.get(f"/v1/range/public/{web.version}/000").status_code
    assert 200 == web.client.get("/v1/breaches/clinic").status_code
    name = web.node.state.unfetched[VERIFIED].version
    for path in ("params/verified", f"range/verified/{name}/000", f"filter/verified/{name}"):
        response = web.client.get(f"/v1/{path}", headers=key)
        assert problem(response, 503, "store_unavailable").startswith("could not check")
    asked = {"lane": "verified", "tokens": ["00" * 32]}
    problem(web.client.post("/v1/check", json=asked, headers=key), 503, "store_unavailable")
    web.close()


def test_a_node_without_the_public_version(valkey: EmbeddedStore, tmp_path: Path) -> None:
    """It is not ready, and that is not for want of the store or of a publication."""
    web = WebNode.make(valkey, tmp_path, prepare=partial(prepared, PUBLIC))
    assert (503, {"range": "version not fetched"}) == ready(web)
    problem(web.client.get("/v1/params/public"), 503, "store_unavailable")
    web.close()


def test_where_nothing_is_published(world: World) -> None:
    """A lane without a version lacks none."""
    made = world.node()
    made.refresh()
    assert {} == made.state.unfetched == State().unfetched
