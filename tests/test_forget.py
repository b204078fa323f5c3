"""People who asked to be forgotten: out of every ledger, whatever is killed, and not back."""

import json
from pathlib import Path

import pytest
from small_index import SmallIndex, iins

from loaders.forget import Forgotten, forget
from loaders.formats import open_source
from loaders.load import Loader, Request
from loaders.progress import Progress
from loaders.publish import Publisher
from loaders.verify import verify
from loaders.withdraw import rollback, withdraw
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import forgotten, keyspace, ledger, load_lock, versions
from lookup.index.ledger import Load
from lookup.index.store import Store
from lookup.protocol.suite import Kind, Lane

PUBLIC, VERIFIED = Lane
ANN, BOB, EVE, *CROWD = iins(303)


@pytest.fixture
def index(store: Store) -> SmallIndex:
    """Ann and Bob are in one (two loads), two, and clinic, all published."""
    made = SmallIndex.with_datasets(store)
    made.fill("one", {ANN: 1, BOB: 1})
    made.fill("one", {**dict.fromkeys(CROWD, 1), ANN: 0b10})
    made.fill("two", {ANN: 1, BOB: 1})
    made.fill("clinic", {ANN: 1, BOB: 1})
    made.publish("one", "two", "clinic")
    return made


def forget_one(index: SmallIndex, who: str = ANN) -> list[Forgotten]:
    """Forget a person by IIN."""
    return forget(index.store, index.definition, index.keys, Kind.IIN, who)


def republish(index: SmallIndex) -> None:
    """Make every lane anew."""
    publisher = Publisher(index.store, index.definition, index.keys, Progress())
    for lane in Lane:
        publisher.extend(lane)
        verify(publisher, lane)


def written(path: Path, people: list[str]) -> Path:
    """A dump of these people."""
    path.write_text("".join(f"{line}\n" for line in ("iin", *people)), encoding="utf-8")
    return path


def load(index: SmallIndex, path: Path, name: str = "three") -> dict[str, object]:
    """Load a file with one worker; its certificate."""
    loader = Loader(index.store, index.definition, index.keys, 1, Progress())
    with open_source(path) as source:
        return dict(json.loads(loader.load(source, Request(name, {Kind.IIN: "iin"}, ()))[0]))


def rows(index: SmallIndex, load: Load) -> int:
    """How many rows of a load are in its sets."""
    keys = (keyspace.ledger(load.lane, load.id, shard) for shard in range(load.shards))
    return sum(int(index.store.redis.scard(key)) for key in keys)


def test_a_forgotten_person_is_gone_at_the_next_publish(index: SmallIndex) -> None:
    """From every dataset of both lanes, and nobody else is."""
    assert [Forgotten(PUBLIC, "one"), Forgotten(VERIFIED, "clinic")] == forget_one(index)
    assert {"one": 3, "two": 1} == index.ask(PUBLIC, ANN)
    republish(index)
    assert [{}, {}] == [index.ask(lane, ANN) for lane in Lane]
    assert [{"one": 1, "two": 1}, {"clinic": 1}] == [index.ask(lane, BOB) for lane in Lane]
    assert {"one": 1} == index.ask(PUBLIC, CROWD[-1])
    assert [1, 300, 1, 1] == [rows(index, ledger.read(index.store, i)) for i in range(1, 5)]


def test_publish_by_name_does_it(index: SmallIndex) -> None:
    """The command that is told is enough, though no load is new."""
    forget_one(index)
    assert [True, True] == [each.changed for each in index.publish("one", "clinic")]
    assert {} == index.ask(PUBLIC, ANN)
    assert [Forgotten(PUBLIC, None), Forgotten(VERIFIED, None)] == forget_one(index)


def test_who_is_nowhere_is_kept_out_all_the_same(index: SmallIndex) -> None:
    """The list holds whoever asked; there is nothing to publish."""
    assert [Forgotten(PUBLIC, None), Forgotten(VERIFIED, None)] == forget_one(index, EVE)
    assert [1, 1] == [index.store.redis.scard(keyspace.forgotten(lane)) for lane in Lane]
    assert [False, False] == [each.changed for each in index.publish("one", "clinic")]


def test_twice_is_once(index: SmallIndex) -> None:
    """Again, nothing is counted twice."""
    for _ in range(3):
        forget_one(index)
    republish(index)
    assert [1, 1, 1, 1] == [ledger.read(index.store, i).forgotten for i in range(1, 5)]
    assert {"one": 1, "two": 1} == index.ask(PUBLIC, BOB)


def test_later_loads_leave_him_out(index: SmallIndex, tmp_path: Path) -> None:
    """A dump that has him is loaded without him; its certificate says how many were left out."""
    forget_one(index)
    certificate = load(index, written(tmp_path / "a.csv", [ANN, BOB, EVE]))
    assert ({"iin": 3, "phone": 0, "email": 0}, 1) == (
        certificate["identifiers"],
        certificate["forgotten"],
    )
    index.publish("three")
    republish(index)
    assert [{}, {"three": 1}] == [index.ask(PUBLIC, who) for who in (ANN, EVE)]
    assert "forgotten" not in load(index, written(tmp_path / "b.csv", [BOB]))


def test_a_file_of_nobody_else(index: SmallIndex, tmp_path: Path) -> None:
    """Even a dump of one person, who is forgotten, is loaded and published."""
    forget_one(index)
    load(index, written(tmp_path / "a.csv", [ANN]))
    index.publish("three")
    assert {} == index.ask(PUBLIC, ANN)


def test_a_rollback_does_not_bring_him_back(index: SmallIndex) -> None:
    """Earlier versions are made again of what is left."""
    first = versions.history(index.store, PUBLIC)[0].name
    withdraw(Publisher(index.store, index.definition, index.keys, Progress()), "two", "a mistake")
    forget_one(index)
    rollback(Publisher(index.store, index.definition, index.keys, Progress()), first)
    assert [{}, {"one": 1, "two": 1}] == [index.ask(PUBLIC, who) for who in (ANN, BOB)]


@pytest.mark.parametrize(
    ("command", "killed_at"),
    [*(("eval", n) for n in (1, 2, 3, 4, 5, 6, 9, 17)), *(("srem", n) for n in (1, 2, 3, 4))],
)
def test_killed_at_any_moment(
    index: SmallIndex, command: str, killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is published meanwhile is whole; run again, he is gone, and all counts are right."""
    client, calls = index.store.redis, 0
    real = getattr(client, command)

    def killing(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == killed_at:
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(client, command, killing)
        try:
            forget_one(index)
            was_killed = False
        except KeyboardInterrupt:
            was_killed = True
    assert was_killed == (killed_at <= calls)
    for dataset_id in range(1, 5):  # a killed process holds no lock for long
        client.delete(keyspace.load_lock(dataset_id))
    republish(index)
    assert {"one": 1, "two": 1} == index.ask(PUBLIC, BOB)
    forget_one(index)
    republish(index)
    assert [{}, {}] == [index.ask(lane, ANN) for lane in Lane]
    assert [1, 1, 1, 1] == [ledger.read(index.store, i).forgotten for i in range(1, 5)]
    assert [1, 300, 1, 1] == [rows(index, ledger.read(index.store, i)) for i in range(1, 5)]


@pytest.mark.parametrize("is_counted", [True, False])
@pytest.mark.parametrize("is_listed_only", [True, False])
def test_an_interrupted_load_goes_on_without_him(
    index: SmallIndex,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_counted: bool,
    is_listed_only: bool,
) -> None:
    """Whether his row was before or beyond the checkpoint, and wherever forgetting was killed."""
    monkeypatch.setattr("loaders.second_pass._SLICE", 50)
    monkeypatch.setattr("loaders.second_pass._GROUP", 100)
    path = written(tmp_path / "crowd.csv", CROWD)
    real, writes = index.store.redis.eval, 0

    def interrupting(script: str, *arguments: object) -> object:
        nonlocal writes
        writes += "'checkpoint'" in script and "rows_sum" in script
        if writes == 2:  # rows are written, the checkpoint is not
            raise KeyboardInterrupt
        return real(script, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(index.store.redis, "eval", interrupting)
        with pytest.raises(KeyboardInterrupt):
            load(index, path)
        index.store.redis.delete(keyspace.load_lock(3))
    (interrupted,) = ledger.loads_of(index.store, 3)
    assert (100, 200) == (interrupted.checkpoint, rows(index, interrupted))
    ordered = sorted(CROWD)
    who = ordered[10] if is_counted else ordered[150]
    if is_listed_only:
        with monkeypatch.context() as patch:
            patch.setattr(forgotten, "remove", interrupt)
            with pytest.raises(KeyboardInterrupt):
                forget_one(index, who)
    else:
        forget_one(index, who)
    load(index, path)
    forget_one(index, who)
    index.publish("three")
    assert (299, 1) == (
        rows(index, done := ledger.read(index.store, interrupted.id)),
        done.forgotten,
    )
    assert {} == index.ask(PUBLIC, who)
    assert {"one": 1, "three": 1} == index.ask(PUBLIC, ordered[20])


def interrupt(*_: object) -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


def test_while_a_load_runs(index: SmallIndex) -> None:
    """He might be in what it is about to write: the sentence says to wait, and he is listed."""
    with (
        load_lock.hold(index.store, 2, "two"),
        pytest.raises(InputError, match="another load into two is running"),
    ):
        forget_one(index)
    assert 1 == index.store.redis.scard(keyspace.forgotten(PUBLIC))
    forget_one(index)
    republish(index)
    assert {} == index.ask(PUBLIC, ANN)


def test_lost_rows_are_noticed_all_the_same(index: SmallIndex) -> None:
    """Who is forgotten is counted; a row that is missing besides is still an error."""
    forget_one(index)
    index.store.redis.spop(keyspace.ledger(PUBLIC, 2, 0))
    with pytest.raises(UnavailableError, match="rows of load 2 are lost or damaged"):
        index.publish("one")


def test_no_identifier_is_refused(index: SmallIndex) -> None:
    """A mistyped one forgets nobody."""
    with pytest.raises(InputError) as caught:
        forget_one(index, "123")
    assert Code.IIN_LENGTH is caught.value.code
    assert 0 == index.store.redis.exists(*map(keyspace.forgotten, Lane))


def test_the_list_tells_nothing(index: SmallIndex) -> None:
    """Without the ledger key it is noise, and no entry of it is in a ledger."""
    forget_one(index)
    (listed,) = index.store.redis.smembers(keyspace.forgotten(PUBLIC))
    assert 16 == len(listed)
    ledgers = [index.store.redis.smembers(key) for key in index.store.redis.keys("q:*")]
    assert not any(listed[:8] in row for members in ledgers for row in members)
    (other,) = index.store.redis.smembers(keyspace.forgotten(VERIFIED))
    assert listed != other
