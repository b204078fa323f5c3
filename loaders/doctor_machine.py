"""The doctor's look at this machine: folders, disks, key files, and who counts as whom.

Nothing here needs the store, and nothing is made that is not there.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from loaders.finding import Finding, ok, problem, warning
from lookup import keys
from lookup.errors import UnavailableError
from lookup.index import view
from lookup.protocol.suite import Lane
from lookup.settings import Role, Settings

# Locks and maps on these fail in ways of their own.
_REMOTE = frozenset(("afs", "beegfs", "ceph", "cifs", "lustre", "nfs", "nfs4", "smb3", "smbfs"))
_REMOTE_FUSE = ("fuse.sshfs", "fuse.gluster", "fuse.s3", "fuse.rclone", "fuse.ceph")
_MOUNTS = Path("/proc/self/mounts")
_LEAST = 256 << 20  # bytes: for logs and growth, where nothing is published yet

LOADER_KEYS = ("ledger", "padding", "publisher")
_OPERATOR = "operator"
_ALL_KEYS = (*Lane, *LOADER_KEYS, keys.NOTICES, keys.WEBHOOK, keys.METRICS, _OPERATOR)
_NOT_FOR_WEB = (*LOADER_KEYS, keys.WEBHOOK, _OPERATOR)


def is_web_node(settings: Settings) -> bool:
    """Whether this is a node that was given some of the roles: it loads nothing."""
    return settings.roles != frozenset(Role)


def loads_here(settings: Settings) -> bool:
    """Whether somebody loads and publishes with these keys."""
    return not is_web_node(settings) and any(keys.exists(settings.keys, k) for k in LOADER_KEYS)


def delivers_here(settings: Settings) -> bool:
    """Whether these are a deliverer's keys: the webhooks', and none of a lane or a loader."""
    if is_web_node(settings) or settings.redis_url is None:
        return False
    others = (*Lane, *LOADER_KEYS)
    return keys.exists(settings.keys, keys.WEBHOOK) and not any(
        keys.exists(settings.keys, key) for key in others
    )


def has_nothing(settings: Settings) -> bool:
    """Whether there is nothing here that belongs to an index; `qorgan check` keeps its pins."""
    folders = (settings.data / "store", settings.keys, settings.cache)
    return settings.redis_url is None and not any(folder.is_dir() for folder in folders)


def data_folder(settings: Settings) -> Iterator[Finding]:
    """The data folder, and the cache that web nodes serve from."""
    name, data = "data folder", settings.data
    if not data.is_dir() and settings.redis_url is not None:
        yield warning(name, f"there is no folder {data} yet; the first start makes it")
    elif not data.is_dir():
        yield problem(name, f"there is no folder {data}; run: qorgan init, or set QORGAN_DATA")
    elif not os.access(data, os.W_OK | os.X_OK):
        yield problem(name, f"{data} cannot be written to; check its owner, or set QORGAN_DATA")
    elif data.stat().st_mode & 0o022:
        yield warning(name, f"others can write to {data}; run: chmod go-w {data}")
    else:
        yield ok(name, f"{data} is there and ours to write")
    if settings.cache.is_dir():
        view.refuse_shared(settings.cache)
    if data.is_dir() and (kind := _file_system(data)):
        yield warning(
            "file system", f"{data} is on a network file system ({kind}); move it to a local disk"
        )


def disk(settings: Settings, published: int) -> Finding:
    """Room for two versions of ``published`` bytes: a node keeps one while it fetches the next."""
    needed = max(2 * published, _LEAST)
    place = next(p for p in (settings.cache, *settings.cache.parents) if p.is_dir())
    free = shutil.disk_usage(place).free
    if free < needed:
        return warning(
            "disk",
            f"{_mib(free)} are free for {settings.cache} and the next version may need "
            f"{_mib(needed)}; free some, or set QORGAN_CACHE to a larger disk",
        )
    return ok("disk", f"{_mib(free)} are free, the next version needs about {_mib(needed)}")


def key_files(settings: Settings) -> Iterator[Finding]:
    """Whether each key that this role needs is there, ours, and closed to others."""
    name, folder = "key files", settings.keys
    here = [key for key in _ALL_KEYS if keys.exists(folder, key)]
    needed = [Lane.PUBLIC.value] if Role.EVALUATE in settings.roles else []
    if delivers_here(settings):
        needed = [keys.NOTICES, keys.WEBHOOK]
    elif loads_here(settings):
        needed += [key for key in (*Lane, *LOADER_KEYS) if key not in needed]
    if not here and needed:
        yield problem(
            name,
            f"there are no keys in {folder}; restore them from backup, or set QORGAN_KEYS; a new "
            "index gets its own by: qorgan init",
        )
        return
    refused = False
    for key in dict.fromkeys((*here, *needed)):
        try:
            keys.read(folder, key)
        except UnavailableError as error:
            refused = True
            yield problem(name, error.sentence)
        else:
            if (folder / f"{key}.key").stat().st_uid != os.geteuid():
                yield warning(
                    name, f"{folder / key}.key belongs to another user; run: chown it to our user"
                )
    if not refused:
        role = "a deliverer" if delivers_here(settings) else f"roles {_roles(settings)}"
        yield ok(name, f"{role}; keys here: {', '.join(here) or 'none'}")
    yield from _misplaced(settings, here)


def _misplaced(settings: Settings, here: list[str]) -> Iterator[Finding]:
    """What a node that was given some roles has too much, or lacks without being refused."""
    if not is_web_node(settings):
        return
    name = "key files"
    needless = _NOT_FOR_WEB if Role.EVALUATE in settings.roles else (*Lane, *_NOT_FOR_WEB)
    if extra := [key for key in here if key in needless]:
        yield warning(
            name,
            f"a node of these roles needs no {', '.join(extra)} key; remove it from "
            f"{settings.keys}: whoever breaks in here would have it",
        )
    if Role.API in settings.roles and keys.NOTICES not in here:
        yield warning(
            name,
            f"role api has no notices key in {settings.keys}, so apps cannot subscribe; copy "
            "notices.key from the loader, or set QORGAN_KEYS",
        )
    if settings.proxy_hops and keys.METRICS not in here:
        yield warning(
            "metrics",
            "behind a proxy nobody may read /metrics without a key; run: (umask 077; openssl rand "
            f"-hex 32 > {settings.keys / keys.METRICS}.key)",
        )


def limits(settings: Settings) -> Iterator[Finding]:
    """Whether callers are told apart, and counted."""
    name = "limits"
    if Role.EVALUATE not in settings.roles:
        return
    host = settings.host.strip("[]")
    if settings.evaluate_limit is None:
        yield warning(name, "QORGAN_EVALUATE_LIMIT is off: anybody may try all identifiers; set it")
    elif not settings.proxy_hops and host not in ("127.0.0.1", "::1", "localhost"):
        yield warning(
            name,
            f"QORGAN_PROXY_HOPS is 0 while we listen on {host}: behind a proxy all callers would "
            "count as one network; set it to the number of proxies, if there are any",
        )
    else:
        hops = settings.proxy_hops
        yield ok(name, f"{settings.evaluate_limit} a network; QORGAN_PROXY_HOPS is {hops}")


def _roles(settings: Settings) -> str:
    return ", ".join(role.value for role in Role if role in settings.roles)


def _file_system(path: Path) -> str | None:
    """The kind of file system a path is on, if that is a remote one; None where nobody tells."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    mounts = {Path(words[1]): words[2] for line in lines if len(words := line.split(" ")) > 2}
    path = path.resolve()
    kind = next((mounts[p] for p in (path, *path.parents) if p in mounts), "")
    return kind if kind in _REMOTE or kind.startswith(_REMOTE_FUSE) else None


def _mib(size: int) -> str:
    return f"{size >> 20:,} MiB"
