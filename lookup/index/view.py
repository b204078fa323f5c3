"""A web node's copy of one version: two checked files, opened read-only.

The view is one file, range(0) range(1) ..., all of one length, so a range is a slice. A file is
fetched once for all workers of a node (under a lock), checked against the signed parameters, and
renamed into place; nothing half fetched is ever mapped.
"""

import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lookup.errors import Code, UnavailableError
from lookup.filter import ReadOnlyFilter
from lookup.index import versions
from lookup.index.store import Store
from lookup.index.versions import FILTER, VIEW, Version
from lookup.protocol import parameters, tree
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import ENTRY_BYTES, Lane

DRAFT = ".draft"


@dataclass(frozen=True)
class MappedVersion:
    """One version, ready to answer.

    Attributes:
        version: the store's record of it.
        parameters: its document, parsed.
        view: the file of all ranges, mapped.
        filter: who is in any of its datasets, opened.
    """

    version: Version
    parameters: Parameters
    view: mmap.mmap
    filter: ReadOnlyFilter

    def range(self, bucket: int) -> bytes:
        """The body of one range."""
        size = self.parameters.range_bytes
        return self.view[bucket * size : (bucket + 1) * size]

    def close(self) -> None:
        """Let go of both files; without it they go when the last one who answers is done."""
        self.view.close()
        self.filter.close()


def load(store: Store | None, lane: Lane, version: Version, cache: Path) -> MappedVersion:
    """Open a version from the cache folder, fetching what is missing or changed from the store.

    Raises:
        InputError: BAD_PARAMETERS or BAD_SIGNATURE, the document is not one that was signed.
        UnavailableError: BAD_RANGE, what the store or the cache holds is not what was signed, or
            it is nowhere to be had; BAD_FILE, the cache folder cannot be used.
        StoreError: the store is away.
    """
    published = signed(lane, version)
    paths = _paths(lane, published, cache)
    # Checked under the lock, too: no other worker cleans the folder between fetch and open.
    with locked(cache):
        had_some = any(path.exists() for path in paths.values())
        _fetch_missing(store, lane, version, paths)
        try:
            return _opened(lane, version, published, paths)
        except UnavailableError:
            if store is None or not had_some:
                raise
        _fetch_missing(store, lane, version, paths)  # what was kept here had been changed
        return _opened(lane, version, published, paths)


def signed(lane: Lane, version: Version) -> Parameters:
    """A version's document, parsed, if its publisher signed it.

    Raises:
        InputError: BAD_PARAMETERS or BAD_SIGNATURE, the document is not one that was signed.
        UnavailableError: BAD_RANGE, it is another version's.
    """
    document = version.document.encode("ascii", "replace")
    published = parameters.parse(document)
    publisher_key = bytes.fromhex(published.publisher_key)
    parameters.verify(publisher_key, document, _signature(version))
    if (published.lane, published.version) != (lane.value, version.name):
        raise _broken("the parameters are another version's")
    return published


def holds(lane: Lane, version: Version, published: Parameters, cache: Path) -> bool:
    """Whether the cache folder has a version, every byte as it was signed; nothing is changed.

    Raises:
        UnavailableError: BAD_RANGE, a file is not the one that was signed.
    """
    paths = _paths(lane, published, cache)
    if not all(path.exists() for path in paths.values()):
        return False
    _checked(lane, version, published, paths).close()
    return True


def file_name(lane: Lane, published: Parameters, part: str) -> str:
    """The cache file of a part; the root in it ties the file to one content."""
    return f"{lane.value}-{published.version}-{published.root[8:24]}.{part}"


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """One worker of a node at a time fetches or cleans; a killed worker's lock goes with it.

    Raises:
        UnavailableError: BAD_FILE, the folder cannot be used.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        refuse_shared(cache)
        with (cache / "fetch.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise UnavailableError(
            Code.BAD_FILE,
            f"the cache folder {cache} cannot be used ({os.strerror(error.errno or 0).lower()});"
            " check its permissions and disk, or set QORGAN_CACHE",
        ) from None


def refuse_shared(cache: Path) -> None:
    """Refuse a cache folder that is another's, or that others can write to.

    Raises:
        UnavailableError: BAD_FILE.
        OSError: it cannot be looked at.
    """
    found = cache.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise UnavailableError(
            Code.BAD_FILE,
            f"others can write to the folder {cache}; empty it, then run: chmod go-w {cache}",
        )


def draft_of(path: Path) -> Path:
    """What a file is called while it is written, under the lock; a killed worker may leave it."""
    return path.with_name(f"{path.name}{DRAFT}")


def _fetch_missing(
    store: Store | None, lane: Lane, version: Version, paths: dict[str, Path]
) -> None:
    for part, path in paths.items():
        if not path.exists():
            _fetch(store, lane, version, part, path)


def _fetch(store: Store | None, lane: Lane, version: Version, part: str, path: Path) -> None:
    if store is None:
        raise _broken("the version is not in the cache folder and the store is away")
    draft = draft_of(path)
    try:
        with draft.open("wb") as file:
            left = version.part_bytes(part)
            for chunk in versions.read_part(store, lane, version, part):
                file.write(chunk[: left + 1])  # a longer part is cut where it is surely too long
                left -= len(chunk)
                if left < 0:
                    break
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _opened(
    lane: Lane, version: Version, published: Parameters, paths: dict[str, Path]
) -> MappedVersion:
    """Open both files, checked; where one fails both are removed, to be fetched anew."""
    try:
        return _checked(lane, version, published, paths)
    except UnavailableError:
        for path in paths.values():
            path.unlink(missing_ok=True)
        raise


def _checked(
    lane: Lane, version: Version, published: Parameters, paths: dict[str, Path]
) -> MappedVersion:
    """Open both files and check every byte."""
    view = _mapped(paths[VIEW], published)
    try:
        if not _is_signed_view(lane, published, view):
            raise _broken("the view is not the one that was signed")
        opened_filter = ReadOnlyFilter.open(paths[FILTER], published.filter)
    except UnavailableError:
        view.close()
        raise
    return MappedVersion(version, published, view, opened_filter)


def _paths(lane: Lane, published: Parameters, cache: Path) -> dict[str, Path]:
    return {part: cache / file_name(lane, published, part) for part in (VIEW, FILTER)}


def _mapped(path: Path, published: Parameters) -> mmap.mmap:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size != published.view_bytes:
            raise _broken("the view has not the length that was signed")
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _is_signed_view(lane: Lane, published: Parameters, view: mmap.mmap) -> bool:
    """Whether entries and siblings of every range are those under the signed root."""
    size, entries_size = published.range_bytes, ENTRY_BYTES * published.range_entries
    buckets = range(1 << published.prefix_bits)
    leaves = [
        tree.leaf(lane, published.counter, b, view[b * size : b * size + entries_size])
        for b in buckets
    ]
    levels = tree.levels(leaves)
    return levels[-1][0].hex() == published.root and all(
        view[b * size + entries_size : (b + 1) * size] == tree.path(levels, b) for b in buckets
    )


def _signature(version: Version) -> bytes:
    try:
        return bytes.fromhex(version.signature)
    except ValueError:
        return b""  # no signature at all, and refused as such


def _broken(what: str) -> UnavailableError:
    return UnavailableError(Code.BAD_RANGE, f"a version cannot be served: {what}")
