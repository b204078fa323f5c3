"""Export: the public lane's version as files, for any web server or CDN to serve.

One file for each range under its path, the filter, the signed parameters, the register; and
``nginx.conf``, which says under which addresses and headers. That file is the switch: it names the
files of one version, is replaced last and at once, and counts when nginx reads it. The version
before stays, for clients in the middle of a question. Whatever serves the files cannot forge them:
they are checked against the publisher's signature, here and by every client.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loaders.progress import Progress
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import register, versions, view
from lookup.index.listing import Listed, listing
from lookup.index.store import Store
from lookup.index.versions import Version
from lookup.index.view import MappedVersion
from lookup.protocol import entries
from lookup.protocol.suite import Lane

_LANE = Lane.PUBLIC  # the verified lane is not for everybody's servers
_DRAFT = ".draft"
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-")


@dataclass(frozen=True)
class Exported:
    """What is there now.

    Attributes:
        folder: where.
        version: that ``nginx.conf`` names.
        ranges: how many files of ranges it has.
        bytes: of ranges and filter.
        changed: whether this version was not the exported one before.
    """

    folder: str
    version: str
    ranges: int
    bytes: int
    changed: bool


class Exporter:
    """Writes versions into one folder."""

    def __init__(self, store: Store, cache: Path, folder: Path, progress: Progress) -> None:
        self._store = store
        self._cache = cache
        self._folder = folder.absolute()
        self._progress = progress

    def export(self) -> Exported:
        """Write the current version, then switch to it.

        Raises:
            InputError: BAD_FILE, the folder's path cannot stand in nginx.conf.
            UnavailableError: nothing is published; another export writes here; what the store
                holds is not what was signed; the disk.
        """
        if not set(str(self._folder)) <= _PLAIN:
            raise InputError(
                Code.BAD_FILE,
                "the folder's path must be of Latin letters, digits, dots, - and _; choose another",
            )
        lane = versions.read(self._store, _LANE)
        if lane.current is None:
            raise UnavailableError(
                Code.BAD_FILE, "nothing is published in the public lane; run: qorgan publish NAME"
            )
        try:
            with self._locked():
                return self._switched(lane.current, lane.previous)
        except OSError as error:
            raise UnavailableError(
                Code.BAD_FILE,
                f"the folder cannot be written ({os.strerror(error.errno or 0).lower()}); "
                "check its permissions and disk, then run the same command again",
            ) from None

    def _switched(self, current: Version, previous: Version | None) -> Exported:
        mapped = view.load(self._store, _LANE, current, self._cache)
        try:
            size = self._write_ranges(mapped)
            self._write_filter(mapped)
        finally:
            mapped.close()
        self._write(self._params(current.name), current.document.encode())
        breaches = self._write_register()
        conf = _conf(self._folder, current, breaches)
        switch = self._folder / "nginx.conf"
        before = switch.read_text() if switch.exists() else ""
        if before != conf:
            self._write(switch, conf.encode())
            registers = set(re.findall(r"/breaches/([0-9a-f]{16})/all", before)) | {breaches.name}
            self._clean({current.name, previous.name if previous else ""}, registers)
        count = 1 << mapped.parameters.prefix_bits
        return Exported(str(self._folder), current.name, count, size, before != conf)

    def _write_ranges(self, mapped: MappedVersion) -> int:
        """All of them, into a folder that gets its name when it is whole; bytes with the filter."""
        published = mapped.parameters
        count = 1 << published.prefix_bits
        whole = self._range_root() / published.version
        if not whole.exists():
            draft = whole.with_name(f"{published.version}{_DRAFT}")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            with self._progress.task("writing ranges", count) as advance:
                for bucket in range(count):
                    name = entries.prefix(bucket, published.prefix_bits)
                    (draft / name).write_bytes(mapped.range(bucket))
                    advance(1)
            _sync(draft)
            draft.rename(whole)
        return count * published.range_bytes + published.filter.bytes

    def _write_filter(self, mapped: MappedVersion) -> None:
        published = mapped.parameters
        path = self._filter_root() / published.version
        if not path.exists():
            self._write(path, mapped.filter.read(0, published.filter.bytes))

    def _write_register(self) -> Path:
        """The register and each of its entries, in a folder named by what is in it."""
        documents = [listed.document() for listed in self._leaks()]
        content = _json(documents)
        whole = self._register_root() / hashlib.sha256(content).hexdigest()[:16]
        if not whole.exists():
            draft = whole.with_name(f"{whole.name}{_DRAFT}")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            (draft / "all.json").write_bytes(content)
            for document in documents:
                (draft / f"entry-{document['name']}.json").write_bytes(_json(document))
            _sync(draft)
            draft.rename(whole)
        return whole

    def _leaks(self) -> tuple[Listed, ...]:
        shown = set()
        for lane in Lane:
            current = versions.read(self._store, lane).current
            if current is not None:
                shown |= {dataset["id"] for dataset in json.loads(current.document)["datasets"]}
        known = register.read_all(self._store)
        return listing({key: dataset for key, dataset in known.items() if key in shown})

    def _clean(self, kept: set[str], register: set[str]) -> None:
        """Drop what neither this switch nor the one before names, and drafts of killed exports."""
        for root in (self._range_root(), self._filter_root(), self._params("").parent):
            for path in root.iterdir():
                if path.name.removesuffix(".json") not in kept:
                    _remove(path)
        for path in self._register_root().iterdir():
            if path.name not in register:
                _remove(path)

    def _params(self, version: str) -> Path:
        return self._folder / "v1" / "params" / f"{version}.json"

    def _range_root(self) -> Path:
        return self._folder / "v1" / "range" / _LANE.value

    def _register_root(self) -> Path:
        return self._folder / "v1" / "breaches"

    def _filter_root(self) -> Path:
        return self._folder / "v1" / "filter" / _LANE.value

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}{_DRAFT}")
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One export into a folder at a time; a killed one's lock goes with it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UnavailableError(
                    Code.BAD_FILE, "another export is writing into this folder; wait for it"
                ) from None
            yield


def _sync(folder: Path) -> None:
    """What was written into a folder is on the disk before the folder gets its name."""
    os.sync()
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _conf(folder: Path, version: Version, breaches: Path) -> str:
    """What nginx includes in a server block."""
    root = folder / "v1"
    return _CONF.format(
        root=root,
        breaches=breaches,
        version=version.name,
        signature=version.signature,
        gone='{"type": "about:blank", "title": "Gone", "status": 410, "code": "version_gone"}',
        missing='{"type": "about:blank", "title": "Not Found", "status": 404, "code": "not_found"}',
    )


_CONF = """\
# Made by qorgan export for version {version}. Include it in a server block, and after each export:
#   nginx -s reload
# No log line may hold a path: a range's path is part of a question.
location = /v1/params/public {{
    access_log off;
    alias {root}/params/{version}.json;
    default_type application/json;
    add_header Qorgan-Signature "{signature}";
    add_header Cache-Control "no-cache";
    add_header Access-Control-Allow-Origin "*";
    add_header Access-Control-Expose-Headers "ETag, Qorgan-Signature";
    add_header X-Content-Type-Options "nosniff";
}}
location = /v1/breaches {{
    access_log off;
    alias {breaches}/all.json;
    default_type application/json;
    add_header Cache-Control "no-cache";
    add_header Access-Control-Allow-Origin "*";
    add_header Access-Control-Expose-Headers "ETag";
    add_header X-Content-Type-Options "nosniff";
}}
location ~ "^/v1/breaches/([a-z0-9][a-z0-9-]{{0,62}})$" {{
    access_log off;
    log_not_found off;
    alias {breaches}/entry-$1.json;
    default_type application/json;
    error_page 404 = @qorgan_missing;
    add_header Cache-Control "no-cache";
    add_header Access-Control-Allow-Origin "*";
    add_header Access-Control-Expose-Headers "ETag";
    add_header X-Content-Type-Options "nosniff";
}}
location ~ "^/v1/(range|filter)/public/([0-9]{{1,10}}-[0-9a-f]{{8}}(/[0-9a-f]{{3,5}})?)$" {{
    access_log off;
    log_not_found off;
    alias {root}/$1/public/$2;
    types {{ }}
    default_type application/octet-stream;
    gzip off;
    open_file_cache max=20000 inactive=1h;
    open_file_cache_valid 5m;
    error_page 403 404 = @qorgan_gone;
    add_header Cache-Control "public, max-age=31536000, immutable, no-transform";
    add_header Access-Control-Allow-Origin "*";
    add_header Access-Control-Expose-Headers "ETag, Content-Range";
    add_header X-Content-Type-Options "nosniff";
}}
# Whatever else is asked for there: an identifier sent by mistake must not get into the host's log.
location ~ "^/v1/((range|filter)/public|breaches)(/|$)" {{
    access_log off;
    error_page 404 = @qorgan_missing;
    return 404;
}}
location @qorgan_gone {{
    access_log off;
    default_type application/problem+json;
    add_header Cache-Control "no-store" always;
    add_header Access-Control-Allow-Origin "*" always;
    return 410 '{gone}';
}}
location @qorgan_missing {{
    access_log off;
    default_type application/problem+json;
    add_header Cache-Control "no-store" always;
    add_header Access-Control-Allow-Origin "*" always;
    return 404 '{missing}';
}}
"""
