"""The doctor's look at the store: how its servers are set and do, and what our user may do."""

from collections.abc import Iterator, Mapping

from loaders import doctor_cluster
from loaders.doctor_cluster import among
from loaders.doctor_machine import delivers_here, is_web_node, loads_here
from loaders.finding import Finding, ok, problem, warning
from lookup.index import condition
from lookup.index.condition import Condition, Work
from lookup.index.figures import Figures
from lookup.index.store import Store
from lookup.settings import Role, Settings

_COMPACT_SINCE = (7, 2)  # before, only sets of numbers were ever compact
_COMPACT = 128  # members of a ledger's set (deploy/valkey/valkey.conf)
_CLOCK_WARNING, _CLOCK_PROBLEM = 2.0, 30.0  # seconds
_MEMORY_WARNING, _MEMORY_PROBLEM = 0.75, 0.95
_ACL = "give it what deploy/valkey/users.acl.example does"


def servers(store: Store, settings: Settings) -> Iterator[Finding]:
    """How the servers are set, and how they do; of several the worst is told."""
    roll = condition.read(store)
    seen = roll.answers
    yield _version(seen, is_alone=store.cluster is None)
    if store.cluster is not None:
        yield from doctor_cluster.together(roll)
    yield _disk(seen, settings)
    wide = [name for name, one in seen.items() if (one.compact or _COMPACT) < _COMPACT]
    if wide:
        yield warning(
            "store memory",
            f"the ledger's sets take more than twice the memory{among(wide, seen)}; set "
            f"set-max-listpack-entries {_COMPACT} in the store's configuration, before you load",
        )
    yield _clock(seen)
    yield _memory(seen)


def figures_told(read: Figures) -> Iterator[Finding]:
    """What waits in the store."""
    yield from _loads(read)
    if dead := sum(read.dead.values()):
        yield warning(
            "notices", f"{dead} were tried in vain; qorgan notices dead tells why, then replay them"
        )


def _memory(seen: Mapping[str, Condition]) -> Finding:
    name = "store memory"
    if not all(one.memory_max for one in seen.values()):
        return warning(name, "not known: the store does not tell how much it may use")
    fullest, most = max(seen.items(), key=lambda item: item[1].memory_used / item[1].memory_max)
    share = most.memory_used / most.memory_max
    used = f"{share:.0%} of {most.memory_max >> 20:,} MiB is used{among([fullest], seen)}"
    mend = "give the store more (maxmemory), or delete withdrawn loads: qorgan purge"
    if share > _MEMORY_PROBLEM:
        return problem(
            name, f"{used}: loads and publishes fail, then nobody can be checked; {mend}"
        )
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
    if delivers_here(settings):
        needed.append(Work.DELIVER)
    elif Role.EVALUATE in settings.roles:
        needed.append(Work.COUNT)
    if Role.API in settings.roles and not delivers_here(settings):
        needed.append(Work.WATCH)
    if loads_here(settings):
        needed += [Work.PUBLISH, Work.LOAD]
    forbidden = {Work.PUBLISH, Work.LOAD} if is_web_node(settings) else set()
    lifts = {Work.COUNT} if is_web_node(settings) and Role.EVALUATE not in settings.roles else set()
    allowed = condition.allowed(store, {*needed, *forbidden, *lifts}).answers
    refused = {work: [at for at, may in allowed.items() if work not in may] for work in needed}
    missing = [f"{work}{among(at, allowed)}" for work, at in refused.items() if at]
    if missing:
        yield problem(name, f"our user of the store may not {'; not '.join(missing)}; {_ACL}")
    elif any(forbidden & may for may in allowed.values()):
        yield warning(
            name,
            "this web node's user of the store may change the index: whoever breaks in here could, "
            "too; give web nodes a user of their own, as deploy/valkey/users.acl.example does",
        )
    elif any(lifts & may for may in allowed.values()):
        yield warning(
            name,
            "this node evaluates nothing, but its user of the store may delete what limits "
            "counted: give it the user range of deploy/valkey/users.acl.example",
        )
    else:
        yield ok(name, f"our user of the store may {'; '.join(needed)}")


def _version(seen: Mapping[str, Condition], *, is_alone: bool) -> Finding:
    oldest = min(seen.values(), key=lambda one: one.commands)
    if is_alone and oldest.is_replica:
        return problem(
            "store",
            f"{oldest.name} answers, but it is a replica; name its primary in QORGAN_REDIS_URL",
        )
    old = [name for name, one in seen.items() if one.commands < _COMPACT_SINCE]
    if old:
        return warning(
            "store",
            f"{oldest.name} answers{among(old, seen)}; before Redis 7.2 the ledger takes more than "
            "twice the memory: use Valkey, or a newer Redis",
        )
    return ok("store", f"{oldest.name} answers{among(seen, seen)}")


def _disk(seen: Mapping[str, Condition], settings: Settings) -> Finding:
    name = "durability"
    failing = [at for at, one in seen.items() if one.failed]
    if failing:
        failed = ", ".join(dict.fromkeys(what for one in seen.values() for what in one.failed))
        where = among(failing, seen)
        return problem(name, f"the store could not write its {failed}{where}; look at its disk now")
    without = [at for at, one in seen.items() if not one.has_file]
    if without:
        return warning(
            name,
            f"the store has no append-only file{among(without, seen)}, a crash loses the index; "
            "set appendonly yes and appendfsync always",
        )
    late = [at for at, one in seen.items() if one.fsync not in (None, "always")]
    if late:
        lost = f"the store may lose writes when it crashes{among(late, seen)}"
        return warning(name, f"{lost}; set appendfsync always")
    unknown = [at for at, one in seen.items() if one.fsync is None]
    if not unknown:
        return ok(name, "what the store acknowledged is on its disk")
    if is_web_node(settings):
        return ok(name, "it has an append-only file; how often that is synced loaders are told")
    return warning(
        name,
        f"not known{among(unknown, seen)}: our user may not read the store's configuration; see "
        "that it has appendfsync always, or allow our user config|get",
    )


def _clock(seen: Mapping[str, Condition]) -> Finding:
    worst, ahead = max(((at, abs(one.clock)) for at, one in seen.items()), key=lambda pair: pair[1])
    name = "clock"
    apart = f"the store's clock and ours are {ahead:.1f} s apart{among([worst], seen)}"
    if ahead > _CLOCK_PROBLEM:
        return problem(name, f"{apart}: limits and locks go wrong; set both by NTP")
    if ahead > _CLOCK_WARNING:
        return warning(name, f"{apart}; set both by NTP")
    return ok(name, apart)
