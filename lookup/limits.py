"""How many elements anonymous callers may have evaluated: nested networks, and a budget for all.

Each network that an address is in (``lookup.networks``) has an allowance; beyond it a proof of work
is asked for, the more the more is spent; at ``_MOST`` allowances it ends. The whole service has a
budget a day, of which no one network gets more than ``_SHARE``: asking for everybody takes years,
from however many addresses. What is spent is counted in the store, so that it holds across workers
and restarts, and fails closed: with the store away nobody is evaluated.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from limits import parse_many

from lookup import keys
from lookup.errors import Code, ProblemError
from lookup.index import spending
from lookup.index.spending import Counter, Outcome, Verdict
from lookup.index.store import Store
from lookup.networks import Network, networks
from lookup.proof_of_work import TRIES, Puzzles

_MOST = 50  # allowances of a network, with proof of work
_SHARE = 20  # the part of the budget that one network may have: a twentieth
_DAY = 86400
ALL_FREE = 1000  # thousandths
_SERVICE = "service"  # no pseudonym has this form


@dataclass(frozen=True)
class Rules:
    """What may be spent.

    Attributes:
        windows: seconds -> a subscriber's allowance in such a window, the shortest first.
        budget: elements a day, for the whole service.
    """

    windows: tuple[tuple[int, int], ...]
    budget: int

    @classmethod
    def of(cls, notation: str, budget: int) -> "Rules":
        """From the ``limits`` library's notation, such as ``60/hour;200/day``."""
        items = sorted((item.get_expiry(), item.amount) for item in parse_many(notation))
        return cls(tuple(items), budget)

    @cached_property
    def longest_request(self) -> int:
        """Elements that could ever be spent at once."""
        return min((self.budget, *(amount * _MOST for _, amount in self.windows)))

    def counters(self, who: tuple[Network, ...]) -> tuple[Counter, ...]:
        """All that a request from these networks counts against; the budget comes last."""
        share = max(1, self.budget // _SHARE)
        nested = [
            Counter(
                seconds,
                network.pseudonym,
                free=amount * network.share,
                most=min(share, amount * network.share * _MOST),
            )
            for network in who
            for seconds, amount in self.windows
        ]
        return (*nested, Counter(_DAY, _SERVICE, self.budget, self.budget))


class EvaluateLimit:
    """The limit on anonymous evaluations."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        lane_seed: bytes,
        clock: Callable[[], float] = time.time,
        tries: int = TRIES,
    ) -> None:
        self._store = store
        self._rules = rules
        self._seed = lane_seed
        self._clock = clock
        self._key = (-1.0, b"")  # the day's number since 1970, and its key
        self._puzzles = Puzzles(keys.limits_key(lane_seed, "proof of work"), tries)

    def spend(self, address: str, elements: int, sent: str | None = None) -> int:
        """Count elements against the address's networks.

        Args:
            sent: the proof of work that came with the request, if any.

        Returns:
            What is spent now of what is free, in thousandths, where that is most: above
            ``ALL_FREE`` it took a proof of work.

        Raises:
            ProblemError: TOO_MANY_ELEMENTS, more than could ever be; RATE_LIMITED or BUDGET_SPENT,
                with the seconds until a window opens anew; PROOF_OF_WORK_REQUIRED, with a
                challenge.
            StoreError: the store is away.
        """
        most = self._rules.longest_request
        if elements > most:
            raise ProblemError(
                Code.TOO_MANY_ELEMENTS, f"this service evaluates at most {most} elements at a time"
            )
        now = self._clock()
        who = networks(address, self._key_of_day(now))
        name = who[0].pseudonym
        proof = None if sent is None else self._puzzles.proof(sent, name, elements)
        counters = self._rules.counters(who)
        outcome = spending.spend(self._store, counters, elements, now, proof)
        match outcome.verdict:
            case Verdict.FULL:
                raise _full(counters[outcome.at], now)
            case Verdict.PROVE | Verdict.USED:
                raise self._unproven(name, elements, outcome)
        return outcome.demand

    def _key_of_day(self, now: float) -> bytes:
        """What pseudonyms are made with on the day of this moment."""
        number, key = self._key
        if number != now // _DAY:
            day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
            number, key = self._key = (now // _DAY, keys.limits_key(self._seed, day))
        return key

    @property
    def budget(self) -> int:
        """Elements a day, for the whole service."""
        return self._rules.budget

    def spent_of_budget(self) -> int:
        """How many of these were spent today.

        Raises:
            StoreError: the store is away.
        """
        return spending.spent(self._store, _DAY, _SERVICE, self._clock())

    def _unproven(self, who: str, elements: int, outcome: Outcome) -> ProblemError:
        return ProblemError(
            Code.PROOF_OF_WORK_REQUIRED,
            "could not check yet: this network asks much; send the request again with the "
            "challenge's solution",
            retry_after=1,
            challenge=self._puzzles.challenge(who, elements, outcome.demand),
        )


def _full(counter: Counter, now: float) -> ProblemError:
    opens = counter.seconds - now % counter.seconds
    wait = max(1, round(opens))
    if counter.who == _SERVICE:
        return ProblemError(
            Code.BUDGET_SPENT,
            "could not check: the service has answered all that it may today; try again later",
            retry_after=wait,
        )
    return ProblemError(
        Code.RATE_LIMITED,
        "could not check: too many questions from this network; try again later",
        retry_after=wait,
    )
