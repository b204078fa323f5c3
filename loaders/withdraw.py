"""Withdraw and rollback: other versions made of what is in the ledger, each in one switch.

Both mark loads before they switch: killed in between and run again, they end the same. A marked
load is in no later version, whoever makes it, and a publish that had looked before the mark cannot
switch any more (``versions.count_withdrawal``).
"""

import re
from collections.abc import Iterable

from loaders.publish import Published, Publisher, Seen
from lookup.errors import Code, InputError
from lookup.index import ledger, register, versions
from lookup.index.ledger import LoadState
from lookup.index.store import Store
from lookup.index.versions import PastVersion
from lookup.protocol.suite import Lane

_LONGEST_REASON = 500
_IDENTIFIER = re.compile(r"\d(?:[^\w'\"]*\d){8,}|\S+@\S+")  # nothing in the store names a person


def withdraw(publisher: Publisher, name: str, reason: str) -> Published:
    """Take a dataset out of the answers; its finished loads stay, marked, with the reason.

    A lane whose last dataset this was gets a version that searches nothing, and says so.

    Raises:
        InputError: BAD_USAGE, the name is unknown, has no finished load, or the reason cannot be
            kept; PUBLISH_CONFLICT.
        StoreError: the store is away; run again to go on.
    """
    store = publisher.store
    if not reason.strip() or len(reason) > _LONGEST_REASON or not reason.isprintable():
        raise InputError(
            Code.BAD_USAGE, f"--reason must be one line of 1 to {_LONGEST_REASON} characters"
        )
    if _IDENTIFIER.search(reason):
        raise InputError(Code.BAD_USAGE, "--reason must not name a person: leave numbers out")
    dataset_id, dataset = register.get(store, name)
    loads = ledger.loads_of(store, dataset_id)
    if all(load.state is LoadState.RUNNING for load in loads):
        raise InputError(Code.BAD_USAGE, f"{name} has no finished load: it is in no answer")
    for load in loads:
        if load.state is LoadState.LOADED:
            ledger.move(store, load, LoadState.WITHDRAWN, reason)
    versions.count_withdrawal(store, dataset.lane)
    seen = publisher.look(dataset.lane)
    if seen.before is None:
        return Published(dataset.lane.value, "", (), None, changed=False)
    its_ids = {load.id for load in loads}  # whatever a rollback has just made of their marks
    left = [load_id for load_id in seen.before.loads if load_id not in its_ids]
    return _switched(publisher, seen, left, "withdraw")


def rollback(publisher: Publisher, name: str) -> Published:
    """Publish, as a new version, what an earlier version was made of.

    Withdrawn loads among them are no longer withdrawn. People who have asked to be forgotten since
    stay out: their rows are no more.

    Raises:
        InputError: BAD_USAGE, no such version, or some of its rows are purged; PUBLISH_CONFLICT.
        StoreError: the store is away; run again to go on.
    """
    lane, past = find_version(publisher.store, name)
    seen = publisher.look(lane)
    loads = [ledger.read(publisher.store, load_id) for load_id in past.loads]
    if any(load.state is LoadState.PURGED for load in loads):
        raise InputError(
            Code.BAD_USAGE,
            "some of the loads that this version was made of are purged; load their files anew "
            "with --fresh, then run: qorgan publish NAME",
        )
    for load in loads:
        if load.state is LoadState.WITHDRAWN and not ledger.move(
            publisher.store, load, LoadState.LOADED
        ):
            raise _conflict("rollback")
    return _switched(publisher, seen, past.loads, "rollback")


def find_version(store: Store, name: str) -> tuple[Lane, PastVersion]:
    """A version by its name, and its lane.

    Raises:
        InputError: BAD_USAGE, there is none.
    """
    for lane in Lane:
        for past in versions.history(store, lane):
            if past.name == name:
                return lane, past
    raise InputError(
        Code.BAD_USAGE, "there is no such version, or it is too old; see: qorgan versions"
    )


def past_versions(store: Store) -> list[tuple[Lane, PastVersion, bool]]:
    """All versions that can be named, each with its lane and whether it is the current one."""
    found = []
    for lane in Lane:
        current = versions.current_name(store, lane)
        found += [(lane, past, past.name == current) for past in versions.history(store, lane)]
    return found


def _switched(publisher: Publisher, seen: Seen, load_ids: Iterable[int], command: str) -> Published:
    try:
        return publisher.switch_to(seen, load_ids)
    except InputError as error:
        if error.code is not Code.PUBLISH_CONFLICT:
            raise
        raise _conflict(command) from None


def _conflict(command: str) -> InputError:
    return InputError(
        Code.PUBLISH_CONFLICT,
        f"another publish finished while this one ran, so nothing was switched; run {command} "
        "again",
    )
