"""A node's copy of a version: fetched once, checked whole, never half there."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from conftest import ROOT
from web_index import IINS, WebIndex

from lookup.errors import Code, QorganError, UnavailableError
from lookup.index import keyspace, versions, view
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store, StoreError
from lookup.index.versions import FILTER, Version
from lookup.index.view import MappedVersion
from lookup.protocol import entries, tree
from lookup.protocol.suite import Lane

PUBLIC = Lane.PUBLIC
LOADS = """
import os, signal, sys
from pathlib import Path
import redis
from lookup.index import versions, view
from lookup.index.store import Store
from lookup.protocol.suite import Lane

socket, cache, how = sys.argv[1:]
store = Store(redis.Redis(unix_socket_path=socket), None)
current = versions.read(store, Lane.PUBLIC).current
if how == "killed":
    whole = versions.read_part
    def half(*arguments):
        for content in whole(*arguments):
            yield content[: len(content) // 2]
            os.kill(os.getpid(), signal.SIGKILL)
    versions.read_part = half
print("ready", flush=True)
sys.stdin.readline()
mapped = view.load(store, Lane.PUBLIC, current, Path(cache))
print(mapped.version.name, len(mapped.view), flush=True)
"""


@pytest.fixture
def index(store: Store, tmp_path: Path) -> WebIndex:
    """An index with one published dataset of 30 people."""
    return WebIndex.with_a_leak(store, tmp_path / "keys")


@pytest.fixture
def version(index: WebIndex) -> Version:
    """Its current version."""
    current = versions.read(index.store, PUBLIC).current
    assert current is not None
    return current


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache folder that is not there yet."""
    return tmp_path / "data" / "cache"


def files(cache: Path) -> set[str]:
    return {path.suffix for path in cache.iterdir()} if cache.exists() else set()


def only(cache: Path, suffix: str) -> Path:
    (path,) = cache.glob(f"*{suffix}")
    return path


def refusal(store: Store | None, version: Version, cache: Path, lane: Lane = PUBLIC) -> QorganError:
    with pytest.raises(QorganError) as caught:
        view.load(store, lane, version, cache)
    return caught.value


def corrupt(store: Store, version: Version, part: str, change: Callable[[bytes], bytes]) -> None:
    """Change one chunk in the store, as a liar or a broken disk would."""
    key = keyspace.part(PUBLIC, version.stage, part, 0)
    content = store.redis.get(key)
    assert isinstance(content, bytes)
    store.redis.set(key, change(content))


def flipped(at: int) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[at] ^= 1
        return bytes(changed)

    return flip


def is_right(mapped: MappedVersion, index: WebIndex) -> bool:
    """Whether the mapped version has everybody who was loaded, in range and filter."""
    published = mapped.parameters
    for iin in IINS[:30]:
        token = index.token(iin)
        bucket = entries.bucket(token, published.prefix_bits)
        body = mapped.range(bucket)
        block = entries.block(token, published.datasets[0].id)
        salt = bytes.fromhex(published.version_salt)
        own = body[: 8 * published.range_entries]
        leaf = tree.leaf(PUBLIC, published.counter, bucket, own)
        root = tree.root(leaf, bucket, body[len(own) :])
        if entries.find(own, block, salt) != 1 or root.hex() != published.root:
            return False
        if entries.person(token) not in mapped.filter:
            return False
    return True


def test_a_version_is_fetched_and_answers(index: WebIndex, version: Version, cache: Path) -> None:
    """Every person who was loaded is in a range under the signed root, and in the filter."""
    mapped = view.load(index.store, PUBLIC, version, cache)
    assert is_right(mapped, index)
    assert len(mapped.range(0)) == len(mapped.range(1023)) == mapped.parameters.range_bytes
    assert mapped.range(1024) == b""
    outside = [entries.person(index.token(iin)) in mapped.filter for iin in IINS[30:]]
    assert not any(outside)
    assert files(cache) == {".view", ".filter", ".lock"}
    assert cache.stat().st_mode & 0o777 == 0o700
    mapped.close()


def test_both_lanes(index: WebIndex, cache: Path) -> None:
    """The verified lane's versions are mapped beside the public ones, never instead of them."""
    sensitive = index.published("clinic", IINS[30:], sensitive=True)
    mapped = view.load(index.store, Lane.VERIFIED, sensitive, cache)
    person = entries.person(index.token(IINS[35], Lane.VERIFIED))
    assert person in mapped.filter
    assert mapped.parameters.lane == "verified"
    mapped.close()
    error = refusal(index.store, sensitive, cache, Lane.PUBLIC)
    assert error.sentence.endswith("the parameters are another version's")


def test_what_is_in_the_cache_needs_no_store(
    index: WebIndex, version: Version, cache: Path
) -> None:
    """A worker that starts while the store is away maps what its node has."""
    view.load(index.store, PUBLIC, version, cache).close()
    mapped = view.load(None, PUBLIC, version, cache)
    assert is_right(mapped, index)
    mapped.close()


def test_what_is_nowhere_to_be_had(version: Version, cache: Path) -> None:
    """Without store and without cache there is no version, and no answer that looks like one."""
    error = refusal(None, version, cache)
    assert isinstance(error, UnavailableError)
    assert "the store is away" in error.sentence


def test_two_workers_fetch_once(
    index: WebIndex, version: Version, cache: Path, valkey: EmbeddedStore
) -> None:
    """All workers of a node that see a new version at once take it from the store once."""
    workers = [worker(valkey, cache) for _ in range(2)]
    index.store.redis.config_resetstat()
    for each in workers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in workers:
        said, _ = each.communicate(timeout=60)
        assert said == f"{version.name} {version.view_bytes}\n"
    assert index.store.redis.info("commandstats")["cmdstat_get"]["calls"] == 2


def test_a_killed_fetch_leaves_no_lock_and_no_half_file(
    index: WebIndex, version: Version, cache: Path, valkey: EmbeddedStore
) -> None:
    """A worker killed while it fetches does not stand in the way of the next one."""
    killed = worker(valkey, cache, "killed")
    killed.communicate("go\n", timeout=60)
    assert killed.returncode == -9
    assert files(cache) == {".draft", ".lock"}
    mapped = view.load(index.store, PUBLIC, version, cache)
    assert is_right(mapped, index)
    assert files(cache) == {".view", ".filter", ".lock"}
    mapped.close()


def worker(valkey: EmbeddedStore, cache: Path, how: str = "whole") -> subprocess.Popen[str]:
    """A process that waits for a line and then loads the current version."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOADS, str(valkey.socket), str(cache), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("suffix", [".view", ".filter"])
@pytest.mark.parametrize(
    "change",
    [flipped(500), lambda content: content[:-1], lambda c: c + b"x", lambda _: b""],
    ids=["changed", "truncated", "longer", "empty"],
)
def test_a_damaged_cache_is_fetched_anew(
    index: WebIndex,
    version: Version,
    cache: Path,
    suffix: str,
    change: Callable[[bytes], bytes],
) -> None:
    """What a disk or a hand has changed is noticed at once and replaced from the store."""
    view.load(index.store, PUBLIC, version, cache).close()
    path = only(cache, suffix)
    path.write_bytes(change(path.read_bytes()))
    mapped = view.load(index.store, PUBLIC, version, cache)
    assert is_right(mapped, index)
    mapped.close()
    view.load(None, PUBLIC, version, cache).close()


def test_a_damaged_cache_without_a_store(index: WebIndex, version: Version, cache: Path) -> None:
    """With nowhere to fetch it from, a changed file is refused, and not kept for later either."""
    view.load(index.store, PUBLIC, version, cache).close()
    path = only(cache, ".filter")
    path.write_bytes(flipped(3)(path.read_bytes()))
    assert refusal(None, version, cache).code is Code.BAD_RANGE
    assert not path.exists()
    mapped = view.load(index.store, PUBLIC, version, cache)
    assert is_right(mapped, index)
    mapped.close()


def test_a_store_that_goes_away_meanwhile(version: Version, cache: Path) -> None:
    """A fetch that breaks off leaves nothing, and is told as what it is: the store is away."""
    away = Store(redis.Redis(unix_socket_path="/nowhere/s", retry=None), None)
    with pytest.raises(StoreError):
        view.load(away, PUBLIC, version, cache)
    assert files(cache) == {".lock"}
    away.close()


def test_an_unusable_cache_folder(index: WebIndex, version: Version, tmp_path: Path) -> None:
    """The operator is told which folder, why, and which setting names it."""
    (tmp_path / "file").write_text("")
    error = refusal(index.store, version, tmp_path / "file" / "cache")
    assert error.code is Code.BAD_FILE
    assert error.sentence == (
        f"the cache folder {tmp_path / 'file' / 'cache'} cannot be used (not a directory);"
        " check its permissions and disk, or set QORGAN_CACHE"
    )


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_cache_folder_that_others_can_write_to(
    index: WebIndex, version: Version, cache: Path, mode: int
) -> None:
    """Whoever could change a mapped file could end the service; readers may be many."""
    cache.mkdir(parents=True)
    cache.chmod(mode)
    error = refusal(index.store, version, cache)
    assert error.code is Code.BAD_FILE
    assert error.sentence == (
        f"others can write to the folder {cache}; empty it, then run: chmod go-w {cache}"
    )
    subprocess.run(["chmod", "go-w", str(cache)], check=True)
    view.load(index.store, PUBLIC, version, cache).close()


def test_it_answers_when_its_files_are_removed(
    index: WebIndex, version: Version, cache: Path
) -> None:
    """Another worker may clean the folder: what is mapped goes on answering."""
    mapped = view.load(index.store, PUBLIC, version, cache)
    for path in cache.iterdir():
        path.unlink()
    assert is_right(mapped, index)
    mapped.close()


def test_nothing_stays_open(index: WebIndex, version: Version, cache: Path) -> None:
    """Served or refused, a version leaves no open file behind once it is let go of."""
    view.load(index.store, PUBLIC, version, cache).close()
    before = len(list(Path("/dev/fd").iterdir()))
    mapped = view.load(index.store, PUBLIC, version, cache)
    assert len(list(Path("/dev/fd").iterdir())) == before + 2
    mapped.close()
    corrupt(index.store, version, FILTER, flipped(0))
    for path in cache.glob("*.filter"):
        path.unlink()
    refusal(index.store, version, cache)
    assert len(list(Path("/dev/fd").iterdir())) == before
