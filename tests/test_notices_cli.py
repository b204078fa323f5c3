"""``qorgan notices`` as its operator meets it, and what a publish tells of it."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from program import DATASET, Program, Said, program, refused
from small_index import iins

from loaders import deliver
from lookup import keys
from lookup.index import (
    clients,
    definition,
    deliveries,
    keyspace,
    notice_book,
    rounds,
    subscriptions,
)
from lookup.index.deliveries import TRIES, Desk, Target
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.protocol import entries
from lookup.protocol.stretch import stretch
from lookup.protocol.suite import Kind, Lane

FIRST, SECOND = iins(2)
PUBLIC = Lane.PUBLIC


@pytest.fixture
def run(
    store: Store,
    valkey: EmbeddedStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command, with one dataset loaded and a client that watches its person."""
    made = program(tmp_path, valkey, monkeypatch, capsys)
    assert store is not None
    assert 0 == made("init", "--argon2", "test", "--prefix-bits", "10").code
    for name in ("one", "two"):
        made.write(f"{name}.toml", DATASET.replace('"one"', f'"{name}"'))
        made("dataset", "add", f"{name}.toml")
    made("operator", "init", "--name", "me")
    assert 0 == made("client", "add", "shop", "--webhook", "https://app.example/hook").code
    return made


@pytest.fixture
def target(store: Store, run: Program) -> Target:
    return Target(PUBLIC, clients.get(store, "shop").id)


def load(run: Program, name: str, *lines: str) -> None:
    run.write("dump.csv", "\n".join(("iin;full name", *lines)) + "\n")
    assert 0 == run("load", "dump.csv", "--dataset", name, "--iin", "iin").code


def watch(run: Program, store: Store, target: Target, *people: str) -> None:
    folder = run.folder / "data" / "keys"
    key = keys.lane_key(folder, PUBLIC)
    argon2 = definition.read(store).argon2
    persons = [
        entries.person(entries.token(key.evaluate(stretch(Kind.IIN, iin, argon2))))
        for iin in people
    ]
    book = notice_book.opened(store, folder)
    subscriptions.add(book, target.lane, target.client_id, persons)


def test_a_publish_writes_notices_and_says_how_many(
    run: Program, store: Store, target: Target
) -> None:
    """On standard error; who is watched after it is told nothing, and the next one only news."""
    watch(run, store, target, FIRST)
    load(run, "one", f"{FIRST};Ann", f"{SECOND};Bob")
    said = run("publish", "one", "--yes")
    told = said.err.splitlines()[-1]
    assert (0, "note: public lane: notices written: 1; clients told: 1") == (said.code, told)
    watch(run, store, target, SECOND)
    again = run("publish", "one", "--yes")
    assert (0, False) == (again.code, "notices" in again.err)
    assert Said(0, "lane  version  datasets  clients  notices\n", "") == run("notices", "scan")


def test_scan_writes_what_a_killed_publish_left(
    run: Program, store: Store, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the switch, the version is there and the notices are not, until the scan."""
    watch(run, store, target, FIRST)
    load(run, "one", f"{FIRST};Ann")
    with monkeypatch.context() as patch:
        patch.setattr(rounds, "open_next", interrupted)
        assert 130 == run("publish", "one", "--yes").code
    assert 0 == store.redis.xlen(keyspace.notices(PUBLIC, target.client_id))
    said = run("notices", "scan", "--json")
    (told,) = json.loads(said.out)
    assert ("public", ["one"], 1, 1) == tuple(
        told[key] for key in ("lane", "datasets", "clients", "notices")
    )
    assert [] == json.loads(run("notices", "scan", "--json").out)


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_dead_batches_are_listed_and_replayed(run: Program, store: Store, target: Target) -> None:
    """By the client's name, with the reason and no address; replayed, they are not listed."""
    watch(run, store, target, FIRST)
    load(run, "one", f"{FIRST};Ann")
    run("publish", "one", "--yes")
    desk = Desk(notice_book.opened(store, run.folder / "data" / "keys"), target, "me")
    assert desk.take()
    batch = desk.next_batch(1_800_000_000)
    assert batch is not None
    desk.failed(
        replace(batch, tries=TRIES, failure="status 500", failed_at=1_800_000_000),
    )
    said = run("notices", "dead", "--json")
    assert [
        {
            "client": "shop",
            "lane": "public",
            "notices": 1,
            "tries": 5,
            "failure": "status 500",
            "failed_at": "2027-01-15T08:00:00Z",
        }
    ] == json.loads(said.out)
    table = run("notices", "dead").out.splitlines()
    assert ["shop", "public", "1", "5", "status", "500", "2027-01-15T08:00:00Z"] == table[1].split()
    done = Said(0, f"client {target.client_id}: batches that are tried again: 1\n", "")
    assert done == run("notices", "replay", "shop")
    assert [] == json.loads(run("notices", "dead", "--json").out)
    assert [] == deliveries.dead(store, target)


def test_the_secret_is_the_same_each_time_and_nowhere_in_the_store(
    run: Program, store: Store, target: Target
) -> None:
    """It comes from webhook.key and the client's id."""
    first, second = run("notices", "secret", "shop"), run("notices", "secret", "shop")
    assert first == second
    assert first.out.startswith("whsec_")
    key = keys.read(run.folder / "data" / "keys", keys.WEBHOOK)
    assert keys.webhook_secret(key, target.client_id) == first.out.strip()
    kept = b"".join(store.redis.dump(name) for name in store.redis.scan_iter())
    assert first.out.strip().removeprefix("whsec_").encode() not in kept
    run("client", "add", "other", "--webhook", "https://app.example/hook")
    assert first.out != run("notices", "secret", "other").out


def test_unknown_clients_are_refused(run: Program) -> None:
    """In the words of the other commands on clients."""
    for command in ("replay", "secret"):
        said = run("notices", command, "nobody")
        assert refused("there is no such client; see: qorgan client list") == said


def test_an_index_from_before_gets_its_key_by_the_first_publish(run: Program, store: Store) -> None:
    """Made here if nobody has one; where another machine has one, it is asked for."""
    folder = run.folder / "data" / "keys"
    load(run, "one", f"{FIRST};Ann")
    (folder / "notices.key").unlink()
    assert 1 == store.redis.hdel(keyspace.INDEX, "notices_check")
    assert 0 == run("publish", "one", "--yes").code
    assert (folder / "notices.key").exists()
    (folder / "notices.key").unlink()
    load(run, "two", f"{FIRST};Ann")
    path = folder / "notices.key"
    missing = f"the key file {path} is missing; restore it from backup"
    assert refused(missing, 3) == run("publish", "two", "--yes")
    keys.create(folder)
    sentence = (
        "the key file notices.key is not the one that this index is used with; copy it from the "
        "machine that made it, or restore it from backup"
    )
    assert refused(sentence, 3) == run("publish", "two", "--yes")
    assert {"one"} == {row["name"] for row in published(run)}


def published(run: Program) -> list[dict[str, str]]:
    """The datasets that are visible."""
    versions = json.loads(run("versions", "--json").out)
    return [{"name": name} for row in versions if row["current"] for name in row["datasets"]]


def test_a_client_with_a_webhook_is_told_where_its_secret_is(run: Program) -> None:
    """The key stays the only line on standard output."""
    said = run("client", "add", "bank", "--webhook", "https://app.example/hook")
    assert 1 == len(said.out.splitlines())
    hint = "note: for the secret by which it checks its notices run: qorgan notices secret NAME"
    assert hint == said.err.splitlines()[-1]


def test_what_is_delivered_to(run: Program, store: Store) -> None:
    """The line at the start says what it counts: a client with two lanes has two streams."""
    both, _ = clients.new("eGov", frozenset(Lane), webhook="https://egov.example/hook")
    silent, _ = clients.new("kiosk")
    for client in (both, silent):
        clients.add(store, client)
    run.patch.setattr(deliver.Deliverer, "run", lambda _: None)
    run.patch.setattr(signal, "signal", lambda *_: None)
    said = run("notices", "deliver")
    told = "delivering; clients with a webhook: 2, their streams of notices (one a lane): 3;"
    assert (0, f"note: {told} Ctrl-C stops it in order\nnote: stopped\n") == (said.code, said.err)
