"""The filter of a service's newest version, kept in a folder: fetched, checked, replaced.

It is fetched in parts, each a bounded exchange, into a draft that a cut or the end of the program
leaves where it is: the next try goes on from there. Only a file of the length and SHA-256 that the
publisher signed is ever asked; the one of the version before goes when it is there. Programs that
share a folder wait for each other. One folder is for one service.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lookup.errors import Code, CouldNotCheckError, UnavailableError
from lookup.filter import ReadOnlyFilter
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import Lane
from lookup.protocol.wire import filter_path
from lookup.transport import Reply

PART_BYTES = 1024 * 1024  # of one exchange: 17 KB a second is fast enough
MAX_BYTES = 1024 * 1024 * 1024  # of a filter: 400 million persons at 1e-4
_PAUSES = (1.0, 2.0)  # seconds, when no part came
_DRAFT = ".part"

FetchPart = Callable[[str, int, int], Reply]  # of a path, from a byte on, so many


class HeldFilter:
    """One service's filter on this machine's disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: ReadOnlyFilter | None = None

    def of(self, published: Parameters, fetch: FetchPart) -> ReadOnlyFilter | None:
        """The filter of this version; fetched if it is not here. None: the version is gone.

        Raises:
            CouldNotCheckError: it cannot be had whole, or the folder cannot be used.
        """
        opened = self._opened
        if opened is not None and opened.published == published.filter:
            return opened
        if published.filter.bytes > MAX_BYTES:
            raise CouldNotCheckError(
                Code.BAD_PARAMETERS, "could not check: the filter is larger than 1 GiB"
            )
        path = self._folder / _name(published)
        try:
            with self._locked():
                self._opened = _opened(path, published) or _fetched(path, published, fetch)
                if self._opened is not None:
                    self._forget_others(published.lane, path.name)
        except OSError as error:
            raise CouldNotCheckError(
                Code.BAD_FILE,
                f"could not check: the filter's folder {self._folder} cannot be used "
                f"({os.strerror(error.errno or 0).lower()}); check its permissions and disk",
            ) from None
        return self._opened

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _forget_others(self, lane: str, name: str) -> None:
        """Other versions' filters go; whoever has one open can go on asking it."""
        for path in self._folder.glob(f"{lane}-*.filter*"):
            if path.name != name and path.suffix in (".filter", _DRAFT):
                path.unlink(missing_ok=True)


def _name(published: Parameters) -> str:
    """The file of a version; the hash in it ties it to one content."""
    return f"{published.lane}-{published.version}-{published.filter.sha256[:16]}.filter"


def _opened(path: Path, published: Parameters) -> ReadOnlyFilter | None:
    """What is here, if it is whole; what is not goes."""
    try:
        return ReadOnlyFilter.open(path, published.filter)
    except UnavailableError:
        path.unlink(missing_ok=True)
        return None


def _fetched(path: Path, published: Parameters, fetch: FetchPart) -> ReadOnlyFilter | None:
    draft = path.with_name(path.name + _DRAFT)
    for _ in range(2):  # a draft that an earlier program left may be of anything
        had_some = draft.exists()
        if not _is_fetched(draft, published, fetch):
            return None
        draft.replace(path)
        opened = _opened(path, published)
        if opened is not None:
            return opened
        if not had_some:
            break
    raise CouldNotCheckError(
        Code.BAD_RANGE, "could not check: the filter is not the one that was signed"
    )


def _is_fetched(draft: Path, published: Parameters, fetch: FetchPart) -> bool:
    """Go on with a draft until it is as long as the filter, if it is no longer than that already.

    False: the version is gone.
    """
    path = filter_path(Lane(published.lane), published.version)
    size = published.filter.bytes
    with draft.open("ab") as file:
        while (have := file.seek(0, os.SEEK_END)) < size:
            reply = _part(fetch, path, have, min(PART_BYTES, size - have))
            if reply.status == 410:
                return False
            if reply.status != 206 and len(reply.body) != size:
                raise CouldNotCheckError(
                    Code.SERVICE_UNREACHABLE,
                    "could not check: the service, or a proxy before it, sends no parts of a file",
                )
            file.write(reply.body)
            file.flush()
        os.fsync(file.fileno())
    return True


def _part(fetch: FetchPart, path: str, first: int, size: int) -> Reply:
    """Some bytes more; after a cut it is tried again."""
    for pause in _PAUSES:
        try:
            return fetch(path, first, size)
        except CouldNotCheckError as error:
            if error.code is not Code.SERVICE_UNREACHABLE:
                raise
            time.sleep(pause)
    return fetch(path, first, size)
