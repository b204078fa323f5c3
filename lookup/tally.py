"""Numbers that each worker of a service counts for itself, and any of them can add up.

Workers share nothing but a folder in memory, which the process that starts them makes. Each maps
a file of it, holds a lock on it, and counts in place: an increment costs a tenth of a microsecond
and asks nobody. When a worker ends the kernel frees its lock, and the next one counts on in the
same file; so sums never fall while the service runs, and there are never more files than there
were workers at once.

Without a folder (a program that makes the application by itself) a process counts alone.
"""

import fcntl
import hashlib
import mmap
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

_SHARED = "LOOKUP_TALLY"  # not a setting: how a service tells its workers where to count
_PREFIX = "qorgan-tally-"
_LOCK = "service.lock"
_MEMORY = Path("/dev/shm")  # noqa: S108  a folder of our own in it, closed to others
_CELL = 8  # bytes


class Tally:
    """The cells of one worker, all of them zero or more."""

    def __init__(self, layout: str, size: int, folder: Path | None) -> None:
        """``layout`` says what each of ``size`` cells means: only tallies of one are added up."""
        self._name = hashlib.sha256(layout.encode()).hexdigest()[:16]
        self._bytes = _CELL * size
        self._folder = folder
        self._file = -1
        try:
            mapped = self._taken(folder) if folder else mmap.mmap(-1, self._bytes)
        except OSError:  # no memory left for it, or the folder is gone: counted alone
            self._folder, mapped = None, mmap.mmap(-1, self._bytes)
        self.cells = memoryview(mapped).cast("Q")

    def totals(self) -> list[int]:
        """What all workers counted since the service was started."""
        if self._folder is None:
            return self.cells.tolist()
        found = [path.read_bytes() for path in self._folder.glob(f"{self._name}-*")]
        whole = [memoryview(one).cast("Q") for one in found if len(one) == self._bytes]
        return [sum(cells) for cells in zip(*whole or [self.cells], strict=True)]

    def _taken(self, folder: Path) -> mmap.mmap:
        """The first file that no living worker counts in."""
        for number in count():
            file = os.open(folder / f"{self._name}-{number}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            try:
                # Written, not only lengthened: were there no memory, touching it would kill us.
                missing = self._bytes - os.fstat(file).st_size
                os.pwrite(file, bytes(missing), self._bytes - missing)
                mapped = mmap.mmap(file, self._bytes)
            except OSError:
                os.close(file)
                raise
            self._file = file  # open as long as we live: it is what holds the lock
            return mapped
        raise AssertionError


def shared() -> Path | None:
    """The folder that the service made for its workers, if one did."""
    name = os.environ.get(_SHARED)
    return Path(name) if name else None


@dataclass(frozen=True)
class Share:
    """The folder of a running service, and the lock that says that it runs.

    No context manager: a worker inherits this, and would remove the folder when it ends.
    """

    folder: Path
    lock: int

    def end(self) -> None:
        """Remove the folder; called by who made it, when its workers have gone."""
        os.close(self.lock)
        shutil.rmtree(self.folder, ignore_errors=True)


def share() -> Share | None:
    """Make the folder for all workers that are started from now on.

    What services that were killed have left is removed. With no place for a folder each worker
    counts alone.
    """
    base = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    try:
        _clean(base)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        made = Share(folder, _locked(folder))
    except OSError:
        os.environ.pop(_SHARED, None)
        return None
    os.environ[_SHARED] = str(folder)
    return made


def _locked(folder: Path) -> int:
    """The file whose lock says that a service lives; its workers inherit it.

    Raises:
        BlockingIOError: one does.
    """
    file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file


def _clean(base: Path) -> None:
    for folder in base.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or one that is in use
            if folder.stat().st_uid == os.geteuid() and (folder / _LOCK).exists():
                os.close(_locked(folder))
                shutil.rmtree(folder)
