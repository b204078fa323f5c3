"""How the store's servers are set, how they do, and what our user may do there: for the doctor.

Only looks: what would write is tried on keys and fields that do not exist, and changes nothing.
"""

import re
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import redis
import redis.exceptions

from lookup.index import keyspace
from lookup.index.store import Client, Store
from lookup.protocol.suite import Lane

_NOBODY = "doctor"  # no client, challenge, stage or day is called that


class Work(StrEnum):
    """What a role does in the store."""

    READ = "read versions and the register"
    COUNT = "count limits and use"
    WATCH = "keep subscriptions"
    PUBLISH = "switch versions"
    LOAD = "write the ledger"


_TRIES = {
    Work.READ: (("HGET", keyspace.versions(Lane.PUBLIC), _NOBODY),),
    Work.COUNT: (
        ("EVAL", "return 1", "1", keyspace.proof(_NOBODY)),
        ("DEL", keyspace.proof(_NOBODY)),
        ("HDEL", keyspace.usage(_NOBODY, _NOBODY), _NOBODY),
    ),
    Work.WATCH: (("SREM", keyspace.subscriptions(Lane.PUBLIC, _NOBODY), _NOBODY),),
    Work.PUBLISH: (("HDEL", keyspace.versions(Lane.PUBLIC), f"stage:{_NOBODY}"),),
    Work.LOAD: (("SREM", keyspace.ledger(Lane.PUBLIC, 0, 0), _NOBODY),),  # loads begin at 1
}


@dataclass(frozen=True)
class Condition:
    """What a server says of itself; None: our user may not ask.

    Attributes:
        name: program and version, such as ``Valkey 9.1.2``.
        commands: the version of Redis whose commands it has.
        is_replica: it takes no writes, and may lag behind.
        has_file: whether writes go to an append-only file.
        fsync: when they reach the disk.
        failed: which of its writes to the disk failed last.
        compact: up to how many members a set of the ledger stays compact.
        clock: seconds by which its clock is ahead of ours.
    """

    name: str
    commands: tuple[int, ...]
    is_replica: bool
    has_file: bool
    fsync: str | None
    failed: tuple[str, ...]
    compact: int | None
    clock: float


def read(store: Store) -> list[Condition]:
    """Ask the server; of a cluster, each primary.

    Raises:
        StoreError: one is away.
    """
    return store.ask_each(_of_server)


def _of_server(client: Client) -> Condition:
    server, disk = client.info("server"), client.info("persistence")
    is_valkey = server.get("server_name") == "valkey"
    version = _version(server.get("valkey_version" if is_valkey else "redis_version"))
    last = {
        "append-only file": disk.get("aof_last_write_status"),
        "rewrite of the append-only file": disk.get("aof_last_bgrewrite_status"),
        "snapshot": disk.get("rdb_last_bgsave_status"),
    }
    fsync = _setting(client, "appendfsync")
    return Condition(
        name=f"{'Valkey' if is_valkey else 'Redis'} {version}",
        commands=tuple(map(int, _version(server.get("redis_version")).split("."))),
        is_replica=client.info("replication").get("role") == "slave",
        has_file=bool(disk.get("aof_enabled")),
        fsync=None if fsync is None else str(fsync),
        failed=tuple(what for what, status in last.items() if status not in ("ok", None)),
        compact=_whole(_setting(client, "set-max-listpack-entries")),
        clock=_clock(client),
    )


def may(store: Store, work: Work) -> bool:
    """Whether our user may do that work; nothing of it is done.

    Raises:
        StoreError: the store is away.
    """
    try:
        for command in _TRIES[work]:
            run: Any = store.redis.execute_command  # it has no types
            run(*command)
    except redis.exceptions.NoPermissionError:
        return False
    return True


def _setting(client: Client, name: str) -> object:
    try:
        found: dict[Any, Any] = client.config_get(name)
    except redis.ResponseError:
        return None  # CONFIG is forbidden to us, or unknown there
    return found.get(name)


def _clock(client: Client) -> float:
    """Half of the way there and back is taken for the way there."""
    before = time.time()
    seconds, micros = client.time()
    return float(seconds + micros / 1e6 - (before + time.time()) / 2)


def _version(raw: object) -> str:
    """What a store says is shown to people: digits and points only."""
    found = re.match(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}", str(raw))
    return found[0] if found else "0.0"


def _whole(raw: object) -> int | None:
    return int(raw) if isinstance(raw, str) and re.fullmatch(r"[0-9]{1,18}", raw) else None
