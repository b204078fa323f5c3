"""How each server of the store is set, how it does, and what our user may do: for the doctor.

Only looks: what would write is tried on keys and fields that do not exist, and changes nothing.
"""

import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import redis
import redis.exceptions

from lookup.index import figures, keyspace
from lookup.index.roll_call import Roll
from lookup.index.store import Client, Store
from lookup.protocol.suite import Lane

_ELSEWHERE = (redis.exceptions.AskError, redis.exceptions.ClusterDownError)  # MOVED is an AskError
_NOBODY = "doctor"  # no client, challenge, stage or day is called that


class Work(StrEnum):
    """What a role does in the store."""

    READ = "read versions and the register"
    COUNT = "count limits and use"
    WATCH = "keep subscriptions"
    PUBLISH = "switch versions"
    LOAD = "write the ledger"
    DELIVER = "note what was delivered"


_TRIES = {
    Work.READ: (("HGET", keyspace.versions(Lane.PUBLIC), _NOBODY),),
    Work.COUNT: (
        ("EVAL", "return 1", "0"),
        ("DEL", keyspace.proof(_NOBODY)),
        ("HDEL", keyspace.usage(_NOBODY, _NOBODY), _NOBODY),
    ),
    Work.WATCH: (("SREM", keyspace.subscriptions(Lane.PUBLIC, _NOBODY), _NOBODY),),
    Work.PUBLISH: (("HDEL", keyspace.versions(Lane.PUBLIC), f"stage:{_NOBODY}"),),
    Work.LOAD: (("SREM", keyspace.ledger(Lane.PUBLIC, 0, 0), _NOBODY),),  # loads begin at 1
    Work.DELIVER: (
        ("EVAL", "return 1", "0"),
        ("HDEL", keyspace.deliveries(Lane.PUBLIC, _NOBODY), _NOBODY),
    ),
}


@dataclass(frozen=True)
class Condition:
    """What the server says of itself; None: our user may not ask.

    Attributes:
        name: program and version, such as ``Valkey 9.1.2``.
        commands: the version of Redis whose commands it has.
        is_replica: it takes no writes, and may lag behind.
        has_file: whether writes go to an append-only file.
        fsync: when they reach the disk.
        failed: which of its writes to the disk failed last.
        compact: up to how many members a set of the ledger stays compact.
        clock: seconds by which its clock is ahead of ours.
        memory_used, memory_max: bytes; 0 is the most if it does not tell.
        replicas: how many get what it writes, at this moment.
        is_up: whether it says that its cluster is; one by itself is.
    """

    name: str
    commands: tuple[int, ...]
    is_replica: bool
    has_file: bool
    fsync: str | None
    failed: tuple[str, ...]
    compact: int | None
    clock: float
    memory_used: int
    memory_max: int
    replicas: int
    is_up: bool


def read(store: Store) -> Roll[Condition]:
    """Ask all servers.

    Raises: as ``Store.call_roll``.
    """
    return store.call_roll(lambda client: _read(client, is_alone=store.cluster is None))


def _read(client: Client, *, is_alone: bool) -> Condition:
    server, disk = client.info("server"), client.info("persistence")
    copies, memory = client.info("replication"), client.info("memory")
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
        is_replica=copies.get("role") == "slave",
        has_file=bool(disk.get("aof_enabled")),
        fsync=None if fsync is None else str(fsync),
        failed=tuple(what for what, status in last.items() if status not in ("ok", None)),
        compact=_whole(_setting(client, "set-max-listpack-entries")),
        clock=_clock(client),
        memory_used=int(memory["used_memory"]),
        memory_max=figures.memory_max(memory),
        replicas=sum(_is_copy(name, value) for name, value in copies.items()),
        is_up=is_alone or _is_up(client),
    )


def allowed(store: Store, works: Collection[Work]) -> Roll[frozenset[Work]]:
    """What of it our user may do at each server, which has users of its own. Nothing of it is done.

    Raises: as ``Store.call_roll``.
    """
    return store.call_roll(lambda client: frozenset(work for work in works if _may(client, work)))


def _may(client: Client, work: Work) -> bool:
    run: Any = client.execute_command  # it has no types
    for command in _TRIES[work]:
        try:
            run(*command)
        except redis.exceptions.NoPermissionError:
            return False
        except _ELSEWHERE:
            continue  # permission comes first, then the question where the key is
    return True


def _is_up(client: Client) -> bool:
    """A server of a cluster that is down serves no key; that may be asked by everybody."""
    try:
        client.exists(keyspace.INDEX)
    except redis.exceptions.ClusterDownError:
        return False
    except redis.ResponseError:
        pass  # the key is elsewhere, or not for us
    return True


def _is_copy(name: str, value: object) -> bool:
    """Of what INFO says of replication: a replica that is connected and has caught up."""
    return (
        re.fullmatch(r"slave[0-9]+", name) is not None
        and isinstance(value, dict)
        and value.get("state") == "online"
    )


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
