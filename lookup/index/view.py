"""A web node's copy of one version: two checked files, mapped read-only.

The view is one file, range(0) range(1) ..., all of one length, so a range is a slice. A file is
fetched once for all workers of a node (under a lock), checked against the signed parameters, and
renamed into place; nothing half fetched is ever mapped.
"""

import fcntl
import hashlib
import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lookup.errors import Code, UnavailableError
from lookup.index import versions
from lookup.index.store import Store
from lookup.index.versions import FILTER, VIEW, Version
from lookup.protocol import parameters, tree
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import ENTRY_BYTES, Lane


@dataclass(frozen=True)
class MappedVersion:
    """One version, ready to answer.

    Attributes:
        version: the store's record of it.
        parameters: its document, parsed.
        view: the file of all ranges, mapped.
        filter_path: the Bloom filter's file.
    """

    version: Version
    parameters: Parameters
    view: mmap.mmap
    filter_path: Path

    def range(self, bucket: int) -> bytes:
        """The body of one range."""
        size = self.parameters.range_bytes
        return self.view[bucket * size : (bucket + 1) * size]


def load(store: Store | None, lane: Lane, version: Version, cache: Path) -> MappedVersion:
    """Map a version from the cache folder, fetching what is missing from the store.

    Raises:
        UnavailableError: BAD_SIGNATURE, BAD_PARAMETERS or BAD_RANGE, what the store or the cache
            holds is not what the publisher signed; STORE_UNAVAILABLE, it is nowhere to be had.
        StoreError: the store is away.
    """
    document = version.document.encode()
    published = parameters.parse(document)
    publisher_key = bytes.fromhex(published.publisher_key)
    parameters.verify(publisher_key, document, bytes.fromhex(version.signature))
    if (published.lane, published.version) != (lane.value, version.name):
        raise _broken("the parameters are another version's")
    paths = {part: cache / file_name(lane, published, part) for part in (VIEW, FILTER)}
    with locked(cache):
        for part, path in paths.items():
            if not path.exists():
                _fetch(store, lane, version, part, path)
    return _map(lane, version, published, paths)


def file_name(lane: Lane, published: Parameters, part: str) -> str:
    """The cache file of a part; the root in it ties the file to one content."""
    return f"{lane.value}-{published.version}-{published.root[8:24]}.{part}"


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """One worker of a node at a time fetches or cleans; a killed worker's lock goes with it."""
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (cache / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(store: Store | None, lane: Lane, version: Version, part: str, path: Path) -> None:
    if store is None:
        raise _broken("the version is not in the cache folder and the store is away")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("wb") as file:
            for chunk in versions.read_part(store, lane, version, part):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _map(
    lane: Lane, version: Version, published: Parameters, paths: dict[str, Path]
) -> MappedVersion:
    """Map both files and check every byte; a file that fails is removed, to be fetched anew."""
    view = _mapped(paths[VIEW])
    try:
        if len(view) != published.view_bytes or not _is_signed_view(lane, published, view):
            raise _broken("the view is not the one that was signed")
        if _sha256(paths[FILTER]) != published.filter.sha256:
            raise _broken("the filter is not the one that was signed")
    except UnavailableError:
        view.close()
        for path in paths.values():
            path.unlink(missing_ok=True)
        raise
    return MappedVersion(version, published, view, paths[FILTER])


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            path.unlink()
            raise _broken("the view is missing in the store")
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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _broken(what: str) -> UnavailableError:
    return UnavailableError(Code.BAD_RANGE, f"a version cannot be served: {what}")
