"""The doctor's look at a store that is a cluster: whether its servers hold together.

Servers are told by host and port, as ``qorgan settings`` tells them.
"""

import re
from collections.abc import Collection, Iterator
from contextlib import suppress

from loaders.finding import Finding, ok, problem, warning
from lookup.index import condition
from lookup.index.condition import Condition
from lookup.index.roll_call import SLOTS, Roll
from lookup.index.store import Store, StoreError

_NAMED = 3  # servers; more are only counted
_NAME = re.compile(r"[A-Za-z0-9._:\[\]-]{1,100}")  # of a server, as it says itself

_CHECK = "cluster"


def among(names: Collection[str], everybody: Collection[str]) -> str:
    """Which servers a sentence is about, in brackets; nothing where there is one by itself."""
    if "" in everybody:
        return ""
    if len(names) == len(everybody):
        return f" (all {len(names)} servers)"
    if len(names) <= _NAMED and all(map(_NAME.fullmatch, names)):
        return f" ({', '.join(sorted(names))})"
    return f" ({len(names)} of {len(everybody)} servers)"


def together(roll: Roll[Condition]) -> Iterator[Finding]:
    """What goes wrong between the servers."""
    wrong = list(_wrong(roll))
    yield from wrong
    if not wrong:
        count = len(_primaries(roll))
        yield ok(
            _CHECK, f"all {SLOTS:,} slots are on {count} primaries, each with a living replica"
        )


def remains(store: Store) -> Iterator[Finding]:
    """What is wrong with a cluster that is away; nothing if no server answers, or there is one."""
    if store.cluster is not None:
        with suppress(StoreError):
            yield from _wrong(condition.read(store))


def _wrong(roll: Roll[Condition]) -> Iterator[Finding]:
    seen, everybody = roll.answers, {*roll.answers, *roll.silent}
    if down := [name for name, one in seen.items() if not one.is_up]:
        yield problem(
            _CHECK,
            f"it is down, as servers of it say{among(down, everybody)}: start those that are "
            "dead, and see that all reach each other, also at their cluster bus ports",
        )
    if roll.unserved:
        yield problem(
            _CHECK,
            f"{roll.unserved:,} of {SLOTS:,} slots are on no server, so part of the index is away; "
            "start the servers that had them, or run: valkey-cli --cluster fix",
        )
    if roll.silent:
        yield warning(
            _CHECK,
            f"servers of it do not answer us{among(roll.silent, everybody)}; see that they run, "
            "that this machine reaches them, and that our user is in their users.acl",
        )
    primaries = _primaries(roll)
    if alone := [name for name in primaries if not seen[name].replicas]:
        yield warning(
            _CHECK,
            f"primaries without a living replica: {len(alone)} of {len(primaries)}"
            f"{among(alone, everybody)}; what is written there is on one disk only, and when it "
            "dies a part of the index is away; start the replica again, or add one",
        )


def _primaries(roll: Roll[Condition]) -> list[str]:
    return [name for name, one in roll.answers.items() if not one.is_replica]
