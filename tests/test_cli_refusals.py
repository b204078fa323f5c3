"""What the command refuses to work with: stores, keys and indexes that cannot be trusted."""

import json
from pathlib import Path

import pytest
from conftest import free_port
from program import DATASET, ONE_OF_EACH, Program, program, refused

from lookup.index import keyspace
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store


@pytest.fixture
def bare(
    tmp_path: Path,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command with an empty store, before ``init``."""
    del store  # its being empty is what matters
    return program(tmp_path, valkey, monkeypatch, capsys)


@pytest.fixture
def qorgan(bare: Program) -> Program:
    """The command with an index and one dataset."""
    assert 0 == bare("init", "--argon2", "test", "--prefix-bits", "10").code
    assert 0 == bare("dataset", "add", bare.write("one.toml", DATASET)).code
    return bare


@pytest.mark.parametrize("command", ONE_OF_EACH)
def test_unreachable_store_is_told(bare: Program, command: tuple[str, ...]) -> None:
    """Exit 3 and one sentence for every command that needs the store, and which one it tried."""
    sentence = "the store cannot be reached; check that it runs, then run the same command again"
    place = f"127.0.0.1:{free_port()}"
    said = bare(*command, QORGAN_REDIS_URL=f"redis://me:sesame@{place}/0")
    assert refused(f"{sentence} (the store at {place})", 3) == said


@pytest.mark.parametrize("command", ONE_OF_EACH[2:])
def test_store_that_refuses_a_command_is_told(
    qorgan: Program, store: Store, command: tuple[str, ...]
) -> None:
    """What goes wrong in the middle of the work is the same exit code and one sentence, too."""
    store.redis.delete(keyspace.DATASET_IDS)
    store.redis.set(keyspace.DATASET_IDS, "no hash")
    sentence = "the store refused a command; check its memory, disk and the user's permissions"
    assert refused(sentence, 3) == qorgan(*command)


@pytest.mark.parametrize("url", ["redis://h:port", "redis://:sesame@h:99999", "unix:///s?db=x"])
def test_unreadable_store_url_is_told(bare: Program, url: str) -> None:
    """A mistyped URL is a sentence, and its password stays out of it."""
    said = bare("dataset", "list", QORGAN_REDIS_URL=url)
    assert (2, "") == (said.code, said.out)
    assert said.err.startswith("qorgan: QORGAN_REDIS_URL must be a")
    assert "sesame" not in said.err


@pytest.mark.parametrize("command", ONE_OF_EACH)
def test_evicting_store_is_refused(qorgan: Program, store: Store, command: tuple[str, ...]) -> None:
    """A store that may drop keys by itself would make leaked people read "not found"."""
    sentence = "the store may evict keys; set maxmemory-policy to noeviction in its configuration"
    store.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert refused(sentence, 3) == qorgan(*command)
    finally:
        store.redis.config_set("maxmemory-policy", "noeviction")


def test_store_that_may_lose_writes_is_noted(bare: Program, store: Store) -> None:
    """Loading into a store without a log on disk is possible, and said to be risky."""
    store.redis.config_set("appendfsync", "everysec")
    try:
        said = bare("init", "--argon2", "test")
    finally:
        store.redis.config_set("appendfsync", "always")
    note = "the store may lose writes when it crashes; set appendonly yes and appendfsync always"
    assert (0, True) == (said.code, f"note: {note}\n" in said.err)


@pytest.mark.parametrize("name", ["public", "verified", "ledger", "padding", "publisher"])
def test_key_files_must_be_the_indexs_own(qorgan: Program, name: str) -> None:
    """Another index's key, a missing one, one that others can read, a cut one: each is told."""
    path = qorgan.folder / "data" / "keys" / f"{name}.key"
    right = path.read_text()
    path.write_text("ab" * 32 + "\n")
    restore = "restore the index's own key from backup"
    mismatch = refused(f"the key file {name}.key does not fit this index; {restore}", 3)
    cut = refused(f"{path} is not a key file: one line of 64 hex digits is expected", 3)
    missing = refused(f"the key file {path} is missing; restore it from backup", 3)
    readable = refused(f"others can read {path}; run: chmod go= {path}", 3)
    for command in ONE_OF_EACH[2:]:
        assert mismatch == qorgan(*command)
    path.write_text(right[:62] + "\n")
    assert cut == qorgan(*ONE_OF_EACH[2])
    path.write_text(right)
    path.chmod(0o640)
    assert readable == qorgan(*ONE_OF_EACH[2])
    path.unlink()
    assert missing == qorgan(*ONE_OF_EACH[2])


@pytest.mark.parametrize("command", ONE_OF_EACH[1:])
def test_index_of_another_protocol_is_refused(
    qorgan: Program, store: Store, command: tuple[str, ...]
) -> None:
    """A newer index is left alone, whether it says so or has fields that nobody knows here."""
    definition = json.loads(store.hash(keyspace.INDEX)["definition"])
    newer = definition | {"protocol": 2, "curve": "p384"}
    store.set_hash(keyspace.INDEX, {"definition": json.dumps(newer)})
    sentence = "this index has protocol version 2, this program has 1; run the program version"
    assert refused(f"{sentence} that made it", 3) == qorgan(*command)
    store.set_hash(keyspace.INDEX, {"definition": json.dumps(definition | {"curve": "p384"})})
    sentence = "the index's definition cannot be read; run the program version that made it"
    assert refused(sentence, 3) == qorgan(*command)
