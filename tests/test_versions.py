"""A lane's versions in a real store: staged, switched at once, left for an hour, cleaned."""

import threading
import time

import pytest

from lookup.errors import Code, InputError
from lookup.index import keyspace, versions
from lookup.index.store import Store
from lookup.index.versions import CHUNK_BYTES, FILTER, VIEW, Version
from lookup.protocol.suite import Lane

PUBLIC = Lane.PUBLIC
VIEW_BYTES, FILTER_BYTES = bytes(range(256)) * 8, b"filter" * 100
HOUR = 3600


def staged(
    store: Store, counter: int, view: bytes = VIEW_BYTES, lane: Lane = PUBLIC
) -> tuple[str, Version]:
    """A version with its chunks in the store, and the current one it was made from."""
    before = versions.current_name(store, lane)
    stage = versions.open_stage(store, lane)
    written = [
        *versions.write_part(store, lane, stage, VIEW, view),
        *versions.write_part(store, lane, stage, FILTER, FILTER_BYTES),
    ]
    assert sum(written) == len(view) + len(FILTER_BYTES)
    version = Version(
        name=f"{counter}-0123abcd",
        stage=stage,
        view_bytes=len(view),
        filter_bytes=len(FILTER_BYTES),
        document='{"title": "\\u0414\\u0430"}',
        signature="ab" * 64,
        loads=(1, 2),
    )
    return before, version


def switched(store: Store, counter: int, view: bytes = VIEW_BYTES) -> Version:
    before, version = staged(store, counter, view)
    versions.switch(store, PUBLIC, before, version)
    return version


def content(store: Store, version: Version, part: str = VIEW) -> bytes:
    return b"".join(versions.read_part(store, PUBLIC, version, part))


def chunks(store: Store, version: Version) -> list[str]:
    """The version's keys that are in the store."""
    found = store.redis.keys(f"qorgan:part:{PUBLIC.value}:{version.stage}:*")
    return sorted(key.decode() for key in found)


def lives(store: Store, version: Version) -> set[int]:
    """How long its chunks still live: -1 is for ever."""
    return {store.redis.ttl(key) for key in chunks(store, version)}


def aged(store: Store, field: str, seconds: int) -> None:
    """Let something in the lane's hash have happened so long ago."""
    store.redis.hset(keyspace.versions(PUBLIC), field, int(time.time()) - seconds)


def fields(store: Store) -> set[str]:
    return set(store.hash(keyspace.versions(PUBLIC)))


def conflict(store: Store, expected: str, version: Version, words: str = "that one counts") -> None:
    with pytest.raises(InputError) as caught:
        versions.switch(store, PUBLIC, expected, version)
    assert caught.value.code is Code.PUBLISH_CONFLICT
    assert caught.value.sentence.endswith(f"{words}; run publish again")


def test_a_lane_without_versions(store: Store) -> None:
    """Before the first publish there is nothing, and that is no error."""
    assert versions.current_name(store, PUBLIC) == ""
    assert versions.read(store, PUBLIC) == versions.LaneVersions(None, None)
    versions.clean(store, PUBLIC)


def test_nothing_shows_before_the_switch(store: Store) -> None:
    """A staged version is invisible, and ends by itself if its publisher dies."""
    _, version = staged(store, 1)
    assert versions.current_name(store, PUBLIC) == ""
    assert versions.read(store, PUBLIC).current is None
    assert all(0 < life <= HOUR for life in lives(store, version))


def test_the_switch_shows_all_at_once_and_for_ever(store: Store) -> None:
    """What was staged is read back byte for byte, and no chunk of it expires any more."""
    version = switched(store, 1)
    assert versions.current_name(store, PUBLIC) == "1-0123abcd"
    assert versions.read(store, PUBLIC) == versions.LaneVersions(version, None)
    assert content(store, version) == VIEW_BYTES
    assert content(store, version, FILTER) == FILTER_BYTES
    assert lives(store, version) == {-1}
    assert fields(store) == {"current", f"record:{version.name}"}


def test_lanes_are_switched_on_their_own(store: Store) -> None:
    """A publish in one lane leaves the other as it is."""
    version = switched(store, 1)
    before, other = staged(store, 1, lane=Lane.VERIFIED)
    versions.switch(store, Lane.VERIFIED, before, other)
    assert versions.read(store, PUBLIC).current == version
    assert versions.read(store, Lane.VERIFIED).current == other


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (1, 1),
        (CHUNK_BYTES - 1, 1),
        (CHUNK_BYTES, 1),
        (CHUNK_BYTES + 1, 2),
        (2 * CHUNK_BYTES, 2),
        (2 * CHUNK_BYTES + 1, 3),
    ],
)
def test_files_are_cut_into_chunks(store: Store, length: int, expected: int) -> None:
    """Every length comes back whole, at both sides of a chunk's end."""
    view = (b"0123456789abcdef" * (length // 16 + 1))[:length]
    version = switched(store, 1, view)
    assert len([key for key in chunks(store, version) if ":view:" in key]) == expected
    assert content(store, version) == view


def test_a_full_chunk_wastes_nothing(store: Store) -> None:
    """With header and key a full chunk takes one mebibyte: the next size up wastes a quarter."""
    version = switched(store, 1, bytes(CHUNK_BYTES + 1))
    used = [store.redis.memory_usage(key) for key in chunks(store, version) if ":view:" in key]
    assert (1 << 20) - 1024 < max(used) <= (1 << 20) + 64


def test_a_missing_chunk_ends_the_reading(store: Store) -> None:
    """A reader gets less than was promised, and sees it by the length; never a gap."""
    version = switched(store, 1, bytes(3 * CHUNK_BYTES))
    store.redis.delete(keyspace.part(PUBLIC, version.stage, VIEW, 1))
    assert len(content(store, version)) == CHUNK_BYTES


def test_the_version_before_stays_for_an_hour(store: Store) -> None:
    """Whoever is about to fetch the old version still can; nothing is left of it afterwards."""
    first, second = switched(store, 1), switched(store, 2)
    assert versions.read(store, PUBLIC) == versions.LaneVersions(second, first)
    assert content(store, first) == VIEW_BYTES
    assert all(HOUR - 60 < life <= HOUR for life in lives(store, first))
    assert lives(store, second) == {-1}
    third = switched(store, 3)
    assert versions.read(store, PUBLIC) == versions.LaneVersions(third, second)


def test_another_publisher_was_faster(store: Store) -> None:
    """The second of two publishers is refused, whole: the first one's version is untouched."""
    before, slow = staged(store, 1)
    fast = switched(store, 1)
    conflict(store, before, slow)
    assert versions.read(store, PUBLIC) == versions.LaneVersions(fast, None)
    assert chunks(store, slow) == []
    assert lives(store, fast) == {-1}
    assert fields(store) == {"current", f"record:{fast.name}"}


def test_a_switch_from_what_is_no_longer_current(store: Store) -> None:
    """A publisher that started two versions ago is refused too."""
    first = switched(store, 1)
    _, late = staged(store, 2)
    second = switched(store, 2)
    conflict(store, first.name, late)
    assert versions.read(store, PUBLIC) == versions.LaneVersions(second, first)


def test_many_publishers_at_once(store: Store) -> None:
    """Of publishers that switch at the same moment exactly one succeeds."""
    ready = [staged(store, 1) for _ in range(6)]
    together = threading.Barrier(len(ready))
    outcomes: list[bool] = []

    def publish(before: str, version: Version) -> None:
        together.wait()
        try:
            versions.switch(store, PUBLIC, before, version)
            outcomes.append(True)
        except InputError:
            outcomes.append(False)

    threads = [threading.Thread(target=publish, args=each) for each in ready]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 5 + [True]
    current = versions.read(store, PUBLIC).current
    assert current is not None
    assert content(store, current) == VIEW_BYTES
    assert sum(1 for _, version in ready if chunks(store, version)) == 1


@pytest.mark.parametrize("lost", [(VIEW, 0), (VIEW, 1), (FILTER, 0)])
def test_a_chunk_that_expired_meanwhile(store: Store, lost: tuple[str, int]) -> None:
    """A version that is not whole never becomes current, and none of it stays for ever."""
    first = switched(store, 1)
    before, version = staged(store, 2, bytes(CHUNK_BYTES + 1))
    store.redis.delete(keyspace.part(PUBLIC, version.stage, *lost))
    conflict(store, before, version, "more than an hour, so it was removed")
    assert versions.read(store, PUBLIC) == versions.LaneVersions(first, None)
    assert -1 not in lives(store, version)


def test_chunks_are_made_permanent_from_the_first_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle of a switch, a publisher leaves chunks that a cleaner finds."""
    before, version = staged(store, 1, bytes(3 * CHUNK_BYTES))
    store.redis.delete(keyspace.part(PUBLIC, version.stage, VIEW, 0))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(versions, "drop_stage", killed)
    with pytest.raises(KeyboardInterrupt):
        versions.switch(store, PUBLIC, before, version)
    assert -1 not in lives(store, version)


def test_a_stage_that_was_cleaned_is_refused(store: Store) -> None:
    """A publisher that slept until a cleaner took its stage does not switch to half of it."""
    before, version = staged(store, 1)
    store.redis.hdel(keyspace.versions(PUBLIC), f"stage:{version.stage}")
    conflict(store, before, version, "more than an hour, so it was removed")
    assert versions.current_name(store, PUBLIC) == ""


def test_clean_removes_what_a_killed_publisher_left(store: Store) -> None:
    """Also chunks that it had made permanent: killed just before its switch."""
    current = switched(store, 1)
    _, dead = staged(store, 2, bytes(2 * CHUNK_BYTES + 1))
    for key in chunks(store, dead):
        store.redis.persist(key)
    aged(store, f"stage:{dead.stage}", HOUR + 1)
    versions.clean(store, PUBLIC)
    assert chunks(store, dead) == []
    assert fields(store) == {"current", f"record:{current.name}"}
    assert content(store, current) == VIEW_BYTES


def test_clean_leaves_a_publisher_at_work_alone(store: Store) -> None:
    """A stage of less than an hour may still be switched to, and then is."""
    before, version = staged(store, 1)
    aged(store, f"stage:{version.stage}", HOUR - 60)
    versions.clean(store, PUBLIC)
    versions.switch(store, PUBLIC, before, version)
    assert content(store, version) == VIEW_BYTES


def test_clean_removes_versions_retired_for_an_hour(store: Store) -> None:
    """Their chunks too, where the publisher was killed before it could let them expire."""
    first, second, third = (switched(store, counter) for counter in (1, 2, 3))
    for key in chunks(store, first):
        store.redis.persist(key)
    aged(store, f"retired:{first.name}", HOUR + 1)
    aged(store, f"retired:{second.name}", HOUR - 60)
    versions.clean(store, PUBLIC)
    assert chunks(store, first) == []
    assert f"record:{first.name}" not in fields(store)
    assert versions.read(store, PUBLIC) == versions.LaneVersions(third, second)
    assert content(store, second) == VIEW_BYTES


def test_clean_never_touches_the_current_version(store: Store) -> None:
    """Whatever the hash says of its age, the version that is served stays."""
    current = switched(store, 1)
    aged(store, f"retired:{current.name}", 100 * HOUR)
    versions.clean(store, PUBLIC)
    assert versions.read(store, PUBLIC).current == current
    assert content(store, current) == VIEW_BYTES
