"""One load into a dataset at a time: a lock that its holder renews, and that dies with him.

The key lives for ``_LIFE`` seconds and is renewed long before. A holder that was killed on this
machine is seen to be dead at once; for one on another machine the key runs out. Whoever lost the
lock (his machine slept) must stop before he writes again: ``Held.refuse_if_lost``.
"""

import hashlib
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lookup.errors import Code, InputError, UnavailableError
from lookup.index import keyspace
from lookup.index.store import Store, StoreError

_LIFE = 45.0  # seconds without a sign of life
_RENEWAL = 5.0  # seconds between two signs

_TAKE = """
local holder = redis.call('GET', KEYS[1]) or ''
if holder ~= ARGV[1] and holder ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


@dataclass(frozen=True)
class Held:
    """A lock that we hold, or have lost; ``owner`` is random, and ours."""

    owner: str
    lost: threading.Event = field(default_factory=threading.Event)

    def refuse_if_lost(self) -> None:
        """Go no further without the lock.

        Raises:
            UnavailableError: STORE_UNAVAILABLE.
        """
        if self.lost.is_set():
            raise UnavailableError(
                Code.STORE_UNAVAILABLE,
                "this load stood still for so long that another may have begun; run the same "
                "command again",
            )


@contextmanager
def hold(store: Store, dataset_id: int, name: str) -> Iterator[Held]:
    """Hold the lock of a dataset for the length of a block.

    Raises:
        InputError: BAD_USAGE, somebody else holds it.
        StoreError: the store is away.
    """
    key = keyspace.load_lock(dataset_id)
    held = Held(f"{_process(os.getpid())} {secrets.token_hex(8)}")
    before = holder(store, dataset_id)
    dead = before if before and _is_dead(before) else ""
    if not store.redis.eval(_TAKE, 1, key, dead, held.owner, str(int(_LIFE * 1000))):
        raise InputError(
            Code.BAD_USAGE,
            f"another load into {name} is running; wait for it (see: qorgan loads), or, if it was "
            "killed on another machine, run the same command again in a minute",
        )
    stop = threading.Event()
    renewer = threading.Thread(target=_renew, args=(store, key, held, stop), daemon=True)
    renewer.start()
    try:
        yield held
    finally:
        stop.set()
        renewer.join(timeout=1)
        with suppress(StoreError):  # then it runs out
            store.redis.eval(_RELEASE, 1, key, held.owner)


def holder(store: Store, dataset_id: int) -> str:
    """Who holds the lock of a dataset, as far as the store knows; empty if nobody."""
    raw = store.redis.get(keyspace.load_lock(dataset_id))
    return raw.decode() if isinstance(raw, bytes) else str(raw or "")


def live_holder(store: Store, dataset_id: int) -> str:
    """The same, but for one who is known to be dead."""
    found = holder(store, dataset_id)
    return "" if _is_dead(found) else found


def _renew(store: Store, key: str, held: Held, stop: threading.Event) -> None:
    # Ctrl-C is for the main thread, which may have put it off for a moment.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while not stop.wait(_RENEWAL):
        with suppress(StoreError):  # the load itself will say so
            if not store.redis.eval(_RENEW, 1, key, held.owner, str(int(_LIFE * 1000))):
                held.lost.set()
                return


def _process(pid: int) -> str:
    """The machine, number and start of a living process, so that no other is taken for it.

    Only Linux tells them; elsewhere a killed holder's lock runs out by itself.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        namespace = Path("/proc/self/ns/pid").readlink()
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        state, *rest = stat.rpartition(b")")[2].split()  # the name in brackets may hold anything
        start = "ended" if state in (b"Z", b"X") else rest[18].decode()
    except (OSError, ValueError, IndexError):
        return f"unknown {pid} unknown"
    return f"{hashlib.sha256(f'{boot}{namespace}'.encode()).hexdigest()[:16]} {pid} {start}"


def _is_dead(owner: str) -> bool:
    """Whether this was a process of this machine that is no more."""
    machine, pid, start, _ = ([*owner.split(" "), "", "", ""])[:4]
    ours = _process(os.getpid()).partition(" ")[0]
    if ours == "unknown" or machine != ours or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # another user's, and alive
    now = _process(int(pid)).split(" ")
    return now[0] == machine and now[2] != start
