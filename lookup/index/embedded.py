"""The embedded store: one real Valkey server on a data folder, shared by all who use the folder.

Promises: one server a folder, however many start at once; the last user stops it, in order; a
server whose users were killed is adopted by the next one; Ctrl-C in the terminal does not reach
it; an acknowledged write is on the disk; there is no TCP port; only the folder's owner can reach
it. Not promised: that it comes back by itself when it is killed (the next ``attach`` starts it
anew), and folders on network file systems.

Three kernel locks, of which a killed process leaves nothing behind:

- ``start.lock``, exclusive: whoever decides to start or to stop, for as long as that takes;
- ``users.lock``, shared: every user, while attached;
- the folder itself, exclusive: the server, which inherits the locked descriptor. So "does a
  server live here" has an answer that no stale pid file and no deleted lock file can spoil.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from lookup.errors import Code, UnavailableError
from lookup.index import valkey_server

_PATIENCE = 15.0  # seconds without any answer; a start takes 0.05
_SHUTDOWN = 8.0  # seconds; 0.01 is usual, since every write is on the disk already
_PAUSE = 0.01
_SOCKET_BYTES = 103  # of a socket's path on macOS; Linux has 107, but all must choose alike
_SHORT_PLACE = "/tmp/qorgan-{uid}"  # noqa: S108  it is checked to be ours and private

_descriptors: set[int] = set()


class EmbeddedStore:
    """One user's hold on the data folder's Valkey server; ``attach`` makes it.

    A process that is forked from a user has no hold: there, ``detach`` does nothing.

    Attributes:
        socket: the Unix socket to connect to.
        pid: the server's process id when we attached.
    """

    socket: Path
    pid: int

    @classmethod
    def attach(cls, folder: Path) -> Self:
        """Start the folder's server, or join the one that lives; it answers when this returns.

        While the server loads its data this waits, however long that takes. The folder is made
        if it is not there, and closed to others (0700) if they could read it.

        Raises:
            UnavailableError: STORE_UNAVAILABLE: no server for this platform, the folder cannot be
                used or trusted, or the server does not start or does not answer.
        """
        with _usable(folder):
            return cls(folder)

    def __init__(self, folder: Path) -> None:
        self._user = os.getpid()
        self._folder = _private(folder)
        self._held: list[int] = []
        self.socket = _socket_path(self._folder)
        try:
            self._home = self._open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            self._start = self._open(self._folder / "start.lock", os.O_RDWR | os.O_CREAT)
            self._users = self._open(self._folder / "users.lock", os.O_RDWR | os.O_CREAT)
            self.pid = self._join()
        except BaseException:
            self._let_go()
            raise

    def detach(self) -> None:
        """Let go of the server; the last user stops it and waits until it is gone.

        The hold is gone in any case. A second call does nothing.

        Raises:
            UnavailableError: STORE_UNAVAILABLE, the server does not stop.
        """
        if not self._held or os.getpid() != self._user:
            return
        try:
            with _usable(self._folder):
                self._leave()
        finally:
            self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(*(() if error is None else (UnavailableError,))):  # the first error counts
            self.detach()

    def _join(self) -> int:
        """Hold the server and wait until it answers; its process id."""
        started = False
        deadline = time.monotonic() + _PATIENCE
        try:
            while True:
                with self._deciding():
                    fcntl.flock(self._users, fcntl.LOCK_SH)
                    if not self._alive():  # never was, or died since the last look
                        if started:
                            raise valkey_server.dead(self._folder)
                        self._launch()
                        started = True
                answer = valkey_server.ask(self.socket)
                if answer is None and time.monotonic() > deadline:
                    raise self._stuck("does not answer")
                if answer is not None:
                    if answer.ready:
                        return answer.pid
                    deadline = time.monotonic() + _PATIENCE
                time.sleep(_PAUSE)
        except (KeyboardInterrupt, SystemExit):  # stop what was started, too
            with suppress(UnavailableError):
                self._leave()
            raise

    def _launch(self) -> None:
        seat = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if _locked(seat, fcntl.LOCK_EX):
                valkey_server.launch(self._folder, self.socket, seat)
        finally:
            os.close(seat)  # not unlocked: the lock belongs to the server's copy

    def _leave(self) -> None:
        """Stop the server if there is no other user, and wait until it is gone."""
        with self._deciding():
            if not _locked(self._users, fcntl.LOCK_EX) or not self._in_place():
                return
            deadline = time.monotonic() + _SHUTDOWN
            while self._alive():
                if time.monotonic() > deadline:
                    raise self._stuck("does not stop")
                valkey_server.shut_down(self.socket)
                time.sleep(_PAUSE)
            self.socket.unlink(missing_ok=True)

    def _alive(self) -> bool:
        """Whether a server lives on the folder; asked only under ``start.lock``."""
        if not _locked(self._home, fcntl.LOCK_SH):
            return True
        fcntl.flock(self._home, fcntl.LOCK_UN)
        return False

    def _in_place(self) -> bool:
        """Whether our folder still has its path; if not, another's server may answer there."""
        try:
            return os.path.samestat(self._folder.stat(), os.fstat(self._home))
        except FileNotFoundError:
            return False

    @contextmanager
    def _deciding(self) -> Iterator[None]:
        deadline = time.monotonic() + _PATIENCE
        while not _locked(self._start, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise _unavailable(
                    "another process has been starting or stopping the embedded store for"
                    f" {_PATIENCE:.0f} seconds; try again when it is done"
                )
            time.sleep(_PAUSE)
        try:
            yield
        finally:
            fcntl.flock(self._start, fcntl.LOCK_UN)

    def _open(self, path: Path, flags: int) -> int:
        descriptor = os.open(path, flags, 0o600)
        _descriptors.add(descriptor)
        self._held.append(descriptor)
        return descriptor

    def _let_go(self) -> None:
        while self._held:
            descriptor = self._held.pop()
            _descriptors.discard(descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a fork from foreign code may have copies
            os.close(descriptor)

    def _stuck(self, what: str) -> UnavailableError:
        return _unavailable(
            f"the embedded store's server {what}; end the valkey-server process whose id is in"
            f" {self._folder / 'valkey.pid'}, then try again"
        )


def _forget_locks() -> None:
    """In a forked child: close the parent's locks, so that they end with the parent alone."""
    while _descriptors:
        os.close(_descriptors.pop())


os.register_at_fork(after_in_child=_forget_locks)


def _private(folder: Path) -> Path:
    """The folder's real path; it exists, is ours, and others cannot enter it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = folder.resolve()
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise _unavailable(
            f"the embedded store's folder {folder} belongs to another user; run as that user,"
            " or set QORGAN_DATA to a folder of your own"
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)
        if found.st_mode & 0o022 and any(folder.iterdir()):  # looked at when nobody can add more
            folder.chmod(stat.S_IMODE(found.st_mode))
            raise _unavailable(
                f"others can write to the embedded store's folder {folder}; check that everything"
                " in it is yours, then make it private with chmod 700"
            )
    return folder


def _socket_path(folder: Path) -> Path:
    """Where the server listens; the same for every user of the folder, whatever TMPDIR says."""
    inside = folder / valkey_server.SOCKET
    if len(os.fsencode(inside)) <= _SOCKET_BYTES:
        return inside
    place = Path(_SHORT_PLACE.format(uid=os.geteuid()))
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
    made = place.lstat()  # anybody could have made it before us, as a link too
    if not stat.S_ISDIR(made.st_mode) or made.st_uid != os.geteuid() or made.st_mode & 0o077:
        raise _unavailable(
            f"{place} is not a private folder of yours; remove it, or set QORGAN_DATA to a"
            " shorter path"
        )
    found = folder.stat()  # the server works in the folder, so no other can have these numbers
    return place / f"{found.st_dev:x}-{found.st_ino:x}.sock"


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unavailable(
            f"the embedded store's folder {folder} cannot be used"
            f" ({os.strerror(error.errno or 0).lower()}); check its permissions and disk, or set"
            " QORGAN_DATA to another folder"
        ) from None


def _unavailable(sentence: str) -> UnavailableError:
    return UnavailableError(Code.STORE_UNAVAILABLE, sentence)
