"""Loads and their sealed rows, on a real store."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lost_replies import losing
from web_index import a_load

from lookup.errors import Code, UnavailableError
from lookup.index import keyspace, ledger, ledger_rows
from lookup.index.embedded import EmbeddedStore
from lookup.index.ledger import Load, LoadState
from lookup.index.seal import SEALED_BYTES, Rows
from lookup.index.store import Store, StoreError
from lookup.protocol.suite import Lane

PUBLIC = Lane.PUBLIC


def some_rows(count: int, seed: int = 1) -> Rows:
    """Rows as sealing leaves them: as good as random, no two alike."""
    drawn = np.random.default_rng(seed).integers(0, 256, (count, SEALED_BYTES), dtype=np.uint8)
    drawn[:, 10:14] = np.arange(count, dtype=">u4").view(np.uint8).reshape(-1, 4)
    return drawn


def begun(store: Store, count: int, **changes: object) -> Load:
    return ledger.begin(store, replace(a_load(1, PUBLIC, count), **changes))  # type: ignore[arg-type]


def as_set(rows: Rows) -> set[bytes]:
    return {row.tobytes() for row in rows}


def read_back(store: Store, load: Load) -> Rows:
    return np.concatenate(list(ledger_rows.read(store, load)))


@pytest.mark.parametrize(
    ("identifiers", "shards"),
    [
        *((0, 1), (1, 1), (96, 1), (97, 2), (192, 2), (193, 3), (9_600, 100), (9_601, 101)),
        *((16_000_000, 166_667), (96_000_000, 1_000_000)),
    ],
)
def test_shards_for(identifiers: int, shards: int) -> None:
    """At most 96 rows share a set on average, so that few sets have more than 128."""
    assert ledger_rows.shards_for(identifiers) == shards


def test_begin_enters_a_load_once(store: Store) -> None:
    """The same file, columns and identifiers for the same dataset are the same load."""
    first = begun(store, 500)
    assert first == replace(a_load(1, PUBLIC, 500), id=1)
    assert begun(store, 500) == first
    assert ledger.loads_of(store, 1) == [first]


@pytest.mark.parametrize(
    "change", [{"file_sha256": "other"}, {"columns": ("iin=a",)}, {"found": "other"}]
)
def test_begin_enters_another_load(store: Store, change: dict[str, object]) -> None:
    """Another file, mapping or outcome of the first pass is another load of the dataset."""
    first, second = begun(store, 500), begun(store, 500, **change)
    assert (first.id, second.id) == (1, 2)
    assert ledger.loads_of(store, 1) == [first, second]


def test_begin_for_another_dataset(store: Store) -> None:
    """The same file may belong to two datasets, as two loads."""
    assert begun(store, 5).id != begun(store, 5, dataset_id=2, lane=Lane.VERIFIED).id
    assert [load.lane for load in ledger.loads_of(store, 2)] == [Lane.VERIFIED]
    assert ledger.loads_of(store, 3) == []


def test_begin_at_the_same_moment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two loaders that start together with one file work on one load, not on two."""
    first = begun(store, 500)
    ask = store.redis.hget
    looks = iter([lambda *_: None])  # the second one looked before the first had entered it

    def look(key: str, field: str) -> object:
        return next(looks, ask)(key, field)

    monkeypatch.setattr(store.redis, "hget", look)
    assert begun(store, 500) == first
    assert ledger.loads_of(store, 1) == [first]


def test_rows_are_read_as_they_were_written(store: Store) -> None:
    """Nothing is lost, added or changed on the way through the store."""
    rows = some_rows(500)
    load = begun(store, 500)
    ledger_rows.write(store, load, rows[:300], 300)
    ledger_rows.write(store, load, rows[300:], 500)
    found = read_back(store, load)
    assert found.shape == rows.shape
    assert as_set(found) == as_set(rows)


def test_many_sets_are_written_in_several_exchanges(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is left out, whether the last exchange is full or not."""
    monkeypatch.setattr("lookup.index.store._TOGETHER", 5)
    rows, few = some_rows(1200), some_rows(960, seed=2)  # 13 sets and 10
    load, other = begun(store, 1200), begun(store, 960, file_sha256="b")
    ledger_rows.write(store, load, rows, 1200)
    ledger_rows.write(store, other, few, 960)
    assert (13, 10) == (load.shards, other.shards)
    assert as_set(read_back(store, load)) == as_set(rows)
    assert as_set(read_back(store, other)) == as_set(few)


def test_the_same_rows_twice_count_once(store: Store) -> None:
    """A load that was killed writes some rows again: the ledger does not change."""
    rows = some_rows(200)
    load = begun(store, 200)
    for part in (rows, rows[50:150], rows[::-1]):
        ledger_rows.write(store, load, part, 200)
    assert len(read_back(store, load)) == 200


def test_no_rows_at_all(store: Store) -> None:
    """Nothing to write is no error, and nothing is read."""
    load = begun(store, 0)
    ledger_rows.write(store, load, some_rows(0), 0)
    assert read_back(store, load).shape == (0, 18)


def test_loads_and_lanes_do_not_mix(store: Store) -> None:
    """A load's rows are its own, whatever else is in the store."""
    loads = [
        begun(store, 100),
        begun(store, 100, file_sha256="other"),
        begun(store, 100, lane=Lane.VERIFIED, dataset_id=2),
    ]
    for seed, load in enumerate(loads):
        ledger_rows.write(store, load, some_rows(100, seed), 100)
    for seed, load in enumerate(loads):
        assert as_set(read_back(store, load)) == as_set(some_rows(100, seed))


def test_the_checkpoint_follows_the_rows(store: Store) -> None:
    """What is written is counted, so that a killed load goes on from there."""
    load = begun(store, 500)
    assert load.checkpoint == 0
    ledger_rows.write(store, load, some_rows(300), 300)
    assert begun(store, 500).checkpoint == 300
    assert ledger.read(store, load.id) == replace(load, checkpoint=300)


def test_the_checkpoint_stays_when_rows_are_refused(store: Store) -> None:
    """Rows that the store did not take are never counted: one refused set is enough."""
    load = begun(store, 500)
    ledger_rows.write(store, load, some_rows(100), 100)
    store.redis.delete(keyspace.ledger(PUBLIC, load.id, 3))
    store.redis.set(keyspace.ledger(PUBLIC, load.id, 3), "not a set")
    with pytest.raises(StoreError):
        ledger_rows.write(store, load, some_rows(400, 2), 500)
    assert ledger.read(store, load.id).checkpoint == 100


def test_finish(store: Store) -> None:
    """Only now can the load be published, and its certificate is kept for whoever asks again."""
    load = begun(store, 5)
    assert load.state is LoadState.RUNNING
    ledger.finish(store, load, '{"load": 1}')
    done = ledger.read(store, load.id)
    assert (done.state, done.certificate) == (LoadState.LOADED, '{"load": 1}')
    assert begun(store, 5) == done


@pytest.mark.parametrize("lost", ["a set", "a row"])
def test_lost_rows_are_noticed(store: Store, lost: str) -> None:
    """A ledger that lacks a row is not published: its person would read "not found"."""
    load = begun(store, 300)
    ledger_rows.write(store, load, some_rows(300), 300)
    key = keyspace.ledger(PUBLIC, load.id, 2)
    if lost == "a set":
        store.redis.delete(key)
    else:
        store.redis.spop(key)
    with pytest.raises(UnavailableError) as caught:
        list(ledger_rows.read(store, load))
    assert caught.value.code is Code.STORE_UNAVAILABLE
    assert "rows of load 1 are lost" in caught.value.sentence


@pytest.mark.parametrize("at", range(SEALED_BYTES))
def test_damaged_rows_are_noticed(store: Store, at: int) -> None:
    """One byte of one row that is not as it was written: its person could not be found."""
    load = begun(store, 300)
    ledger_rows.write(store, load, some_rows(300), 300)
    key = keyspace.ledger(PUBLIC, load.id, 1)
    row = bytearray(store.redis.spop(key))
    row[at] ^= 0x10
    store.redis.sadd(key, bytes(row))
    with pytest.raises(UnavailableError, match="rows of load 1 are lost or damaged"):
        list(ledger_rows.read(store, load))


def test_100_000_rows_stay_compact(store: Store) -> None:
    """Nearly every set keeps its compact form; a row takes at most 25 bytes of memory."""
    count = 100_000
    rows = some_rows(count)
    load = begun(store, count)
    before = store.redis.info("memory")["used_memory"]
    for at in range(0, count, 20_000):
        ledger_rows.write(store, load, rows[at : at + 20_000], at + 20_000)
    bytes_a_row = (store.redis.info("memory")["used_memory"] - before) / count
    asking = store.redis.pipeline(transaction=False)
    for shard in range(load.shards):
        asking.object("encoding", keyspace.ledger(PUBLIC, load.id, shard))
    assert asking.execute().count(b"listpack") > 0.99 * load.shards
    print(f"{bytes_a_row:.2f} bytes a row")  # noqa: T201  the figure is worth seeing
    assert 18 < bytes_a_row <= 25
    assert as_set(read_back(store, load)) == as_set(rows)


def test_a_checkpoint_that_went_back(store: Store) -> None:
    """The store forgot a group: the next one is refused, and both are written again."""
    rows, load = some_rows(300), begun(store, 300)
    ledger_rows.write(store, load, rows[:200], 200)
    store.set_hash(keyspace.load(load.id), {"checkpoint": "100", "rows_sum": "0"})
    with pytest.raises(UnavailableError) as caught:
        ledger_rows.write(store, load, rows[200:], 300)
    assert Code.STORE_UNAVAILABLE is caught.value.code
    assert "run the same command again" in caught.value.sentence
    assert 100 == ledger.read(store, load.id).checkpoint


def test_a_set_grows_far_beyond_its_share_before_it_swells(store: Store) -> None:
    """Up to 128 rows a set is compact: chance would have to be a third off the mean."""
    load = begun(store, 96)
    ledger_rows.write(store, load, some_rows(128), 96)
    key = keyspace.ledger(PUBLIC, load.id, 0)
    assert store.redis.object("encoding", key) == b"listpack"
    ledger_rows.write(store, load, some_rows(1, 9), 96)
    assert store.redis.object("encoding", key) == b"hashtable"


def test_a_refused_command_among_many_is_heard_of(store: Store) -> None:
    """Rows that the store did not take are an error, and the connection is as good as new."""
    store.redis.set("text", "x")
    commands = [("SADD", f"set-{n}", b"row") for n in range(50)]
    with pytest.raises(StoreError):
        store.carry_out([*commands[:20], ("SADD", "text", b"row"), *commands[20:]])
    assert b"x" == store.redis.get("text")
    store.carry_out(commands)
    assert [1] * 50 == [store.redis.scard(f"set-{n}") for n in range(50)]


def test_many_commands_whose_replies_are_lost_are_sent_again(
    valkey: EmbeddedStore, store: Store, tmp_path: Path
) -> None:
    """Sets make that harmless."""
    with losing(valkey.socket, tmp_path, b"SADD") as (line, lost):
        line.carry_out([("SADD", "set", b"row")])
    assert [b"SADD"] == lost
    assert {b"row"} == store.redis.smembers("set")
