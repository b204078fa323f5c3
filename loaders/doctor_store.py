"""The doctor's look at the store: how its servers are set and do, and what our user may do."""

from collections.abc import Iterator, Sequence

from loaders.doctor_machine import is_web_node, loads_here
from loaders.finding import Finding, ok, problem, warning
from lookup.index import condition
from lookup.index.condition import Condition, Work
from lookup.index.figures import Figures
from lookup.index.store import Store, is_durable
from lookup.settings import Role, Settings

_COMPACT_SINCE = (7, 2)  # before, only sets of numbers were ever compact
_COMPACT = 128  # members of a ledger's set (deploy/valkey/valkey.conf)
_CLOCK_WARNING, _CLOCK_PROBLEM = 2.0, 30.0  # seconds
_MEMORY_WARNING, _MEMORY_PROBLEM = 0.75, 0.95
_ACL = "give it what deploy/valkey/users.acl.example does"


def server(store: Store, settings: Settings) -> Iterator[Finding]:
    """How the server is set, and how it does; of a cluster's, what any of them has."""
    each = condition.read(store)
    yield from dict.fromkeys(map(_version, each))
    yield _disk(store, each, settings)
    if any(seen.compact is not None and seen.compact < _COMPACT for seen in each):
        yield warning(
            "store memory",
            "the ledger's sets take more than twice the memory; set set-max-listpack-entries "
            f"{_COMPACT} in the store's configuration, before you load",
        )
    yield _clock(max((seen.clock for seen in each), key=abs))


def figures_told(read: Figures) -> Iterator[Finding]:
    """How full the store is, and what waits in it."""
    yield _memory(read)
    yield from _loads(read)
    if dead := sum(read.dead.values()):
        yield warning(
            "notices", f"{dead} were tried in vain; qorgan notices dead tells why, then replay them"
        )


def _memory(read: Figures) -> Finding:
    name = "store memory"
    if not read.memory_max:
        return warning(name, "not known: the store does not tell how much it may use")
    share = read.memory_used / read.memory_max
    used = f"{share:.0%} of {read.memory_max >> 20:,} MiB is used"
    mend = "give the store more (maxmemory), or delete withdrawn loads: qorgan purge"
    if share > _MEMORY_PROBLEM:
        return problem(name, f"{used}: the next load or publish fails; {mend}")
    if share > _MEMORY_WARNING:
        return warning(name, f"{used}; {mend}")
    return ok(name, used)


def _loads(read: Figures) -> Iterator[Finding]:
    left = [load for load in read.running if not load.is_worked_on]
    if left:
        yield warning(
            "loads",
            f"{len(left)} interrupted; qorgan loads tells which: run the same qorgan load again, "
            "or qorgan purge NAME --interrupted",
        )
    if read.unpublished:
        yield warning(
            "loads",
            f"{read.unpublished} finished and not published; qorgan loads tells which: run qorgan "
            "publish NAME, or qorgan withdraw NAME",
        )
    if not left and not read.unpublished:
        yield ok("loads", "none is interrupted, all that are finished are published")


def permissions(store: Store, settings: Settings) -> Iterator[Finding]:
    """Whether our user may do this role's work, and no more."""
    name = "permissions"
    needed = [Work.READ]
    if Role.EVALUATE in settings.roles:
        needed.append(Work.COUNT)
    if Role.API in settings.roles:
        needed.append(Work.WATCH)
    if loads_here(settings):
        needed += [Work.PUBLISH, Work.LOAD]
    if missing := [work for work in needed if not condition.may(store, work)]:
        yield problem(name, f"our user of the store may not {'; not '.join(missing)}; {_ACL}")
    elif is_web_node(settings) and any(condition.may(store, w) for w in (Work.PUBLISH, Work.LOAD)):
        yield warning(
            name,
            "this web node's user of the store may change the index: whoever breaks in here could, "
            "too; give web nodes a user of their own, as deploy/valkey/users.acl.example does",
        )
    else:
        yield ok(name, f"our user of the store may {'; '.join(needed)}")


def _version(seen: Condition) -> Finding:
    if seen.is_replica:
        return problem(
            "store",
            f"{seen.name} answers, but it is a replica; name its primary in QORGAN_REDIS_URL",
        )
    if seen.commands < _COMPACT_SINCE:
        return warning(
            "store",
            f"{seen.name} answers; before Redis 7.2 the ledger takes more than twice the memory: "
            "use Valkey, or a newer Redis",
        )
    return ok("store", f"{seen.name} answers")


def _disk(store: Store, each: Sequence[Condition], settings: Settings) -> Finding:
    name = "durability"
    if failed := dict.fromkeys(what for seen in each for what in seen.failed):
        return problem(
            name, f"the store could not write its {', '.join(failed)}; look at its disk now"
        )
    if is_durable(store):
        return ok(name, "what the store acknowledged is on its disk")
    if not all(seen.has_file for seen in each):
        return warning(
            name,
            "the store has no append-only file, a crash loses the index; set appendonly yes and "
            "appendfsync always",
        )
    if any(seen.fsync is not None for seen in each):
        return warning(name, "the store may lose writes when it crashes; set appendfsync always")
    if is_web_node(settings):
        return ok(name, "it has an append-only file; how often that is synced loaders are told")
    return warning(
        name,
        "not known: our user may not read the store's configuration; see that it has appendfsync "
        "always, or allow our user config|get",
    )


def _clock(ahead: float) -> Finding:
    name, apart = "clock", f"the store's clock and ours are {abs(ahead):.1f} s apart"
    if abs(ahead) > _CLOCK_PROBLEM:
        return problem(name, f"{apart}: limits and locks go wrong; set both by NTP")
    if abs(ahead) > _CLOCK_WARNING:
        return warning(name, f"{apart}; set both by NTP")
    return ok(name, apart)
