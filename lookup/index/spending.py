"""What networks have spent, and whether they may spend more: one step in the store.

A counter is a field of a hash, a hash for each window of time, so that all of a window goes at
once when its time is over. Who spends is a pseudonym here. All hashes share one cluster slot: the
step must see them together, or two workers would let through what neither may.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lookup.index import keyspace
from lookup.index.store import Store
from lookup.proof_of_work import Proof

_STEP = """
local n, cost, demand = #KEYS - 1, tonumber(ARGV[1]), 0
for i = 1, n do
  local at = 4 * i
  local after = tonumber(redis.call('HGET', KEYS[i], ARGV[at + 1]) or '0') + cost
  if after > tonumber(ARGV[at + 3]) then return {'full', i - 1, 0} end
  demand = math.max(demand, math.ceil(after * 1000 / tonumber(ARGV[at + 2])))
end
if demand > 1000 then
  if demand > tonumber(ARGV[3]) then return {'prove', 0, demand} end
  if not redis.call('SET', KEYS[n + 1], '', 'NX', 'EX', ARGV[4]) then return {'used', 0, demand} end
end
for i = 1, n do
  local at = 4 * i
  if redis.call('HINCRBY', KEYS[i], ARGV[at + 1], cost) == cost then
    redis.call('EXPIRE', KEYS[i], ARGV[at + 4], 'NX')
  end
end
return {'spent', 0, demand}
"""


@dataclass(frozen=True)
class Counter:
    """What somebody may spend in a window of time.

    Attributes:
        seconds: the window's length; windows begin at multiples of it since 1970.
        who: a pseudonym.
        free: how much he may spend without proof of work.
        most: how much at all.
    """

    seconds: int
    who: str
    free: int
    most: int


class Verdict(StrEnum):
    """What came of it; only ``SPENT`` counted anything."""

    SPENT = "spent"
    FULL = "full"
    PROVE = "prove"
    USED = "used"


@dataclass(frozen=True)
class Outcome:
    """A verdict with its reason.

    Attributes:
        at: of ``FULL``, the number of the counter that is full.
        demand: of the others, what is spent then of what is free, in thousandths, where it is most.
    """

    verdict: Verdict
    at: int
    demand: int


def spend(
    store: Store, counters: Sequence[Counter], amount: int, now: float, proof: Proof | None
) -> Outcome:
    """Count an amount against all counters, or against none.

    Raises:
        StoreError: the store is away.
    """
    keys = [keyspace.spent(one.seconds, int(now) // one.seconds) for one in counters]
    arguments: list[str | int] = [amount]
    arguments += [proof.id, proof.demand, proof.seconds] if proof else ["", 0, 0]
    for one in counters:
        arguments += [one.who, one.free, one.most, 2 * one.seconds]
    keys.append(keyspace.proof(proof.id if proof else ""))
    verdict, at, demand = store.run(_STEP, keys, arguments)
    return Outcome(Verdict(verdict.decode()), at, demand)


def try_out(store: Store, now: float) -> None:
    """Count nothing against nobody, to see whether the store would take a count.

    Raises:
        StoreError: the store is away, or refuses it.
    """
    spend(store, [Counter(60, "nobody", free=1, most=1)], 0, now, None)


def spent(store: Store, seconds: int, who: str, now: float) -> int:
    """What somebody has spent in the window of this moment.

    Raises:
        StoreError: the store is away.
    """
    return int(store.redis.hget(keyspace.spent(seconds, int(now) // seconds), who) or 0)
