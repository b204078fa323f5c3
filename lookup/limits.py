"""How many elements an anonymous network may have evaluated, by the ``limits`` library.

Whoever asks is known only as a pseudonym that changes every day and that the store alone cannot
undo. Limits live in the store, so that they hold across workers and restarts, and they fail
closed: with the store away nobody is evaluated.
"""

import hmac
import ipaddress
import time
from collections.abc import Callable
from datetime import UTC, datetime

from limits import RateLimitItem, parse_many
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from lookup import keys
from lookup.errors import Code, ProblemError


class EvaluateLimit:
    """The limit on anonymous evaluations; a pure decision over a storage and a clock."""

    def __init__(
        self,
        storage: Storage,
        notation: str,
        lane_seed: bytes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._limiter = FixedWindowRateLimiter(storage)
        # The shortest window first: the one most often spent is asked first.
        self._items: list[RateLimitItem] = sorted(
            parse_many(notation), key=lambda i: i.get_expiry()
        )
        self._seed = lane_seed
        self._clock = clock

    def spend(self, address: str, elements: int) -> None:
        """Count elements against the address's network.

        Raises:
            ProblemError: TOO_MANY_ELEMENTS, more than a whole window holds; RATE_LIMITED, with the
                seconds until the window that is spent opens anew.
            StoreError: the store is away.
        """
        most = min(item.amount for item in self._items)
        if elements > most:
            raise ProblemError(
                Code.TOO_MANY_ELEMENTS, f"this service evaluates at most {most} elements at a time"
            )
        who = self._pseudonym(address)
        for item in self._items:
            if not self._limiter.test(item, who, cost=elements):
                raise self._spent(item, who)
        for item in self._items:
            # Two workers may have tested at once: the hit is what counts, and it is atomic.
            if not self._limiter.hit(item, who, cost=elements):
                raise self._spent(item, who)

    def _spent(self, item: RateLimitItem, who: str) -> ProblemError:
        opens = self._limiter.get_window_stats(item, who).reset_time
        return ProblemError(
            Code.RATE_LIMITED,
            "could not check: too many questions from this network; try again later",
            retry_after=max(1, round(opens - self._clock())),
        )

    def _pseudonym(self, address: str) -> str:
        day = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%d")
        key = keys.limits_key(self._seed, day)
        return hmac.digest(key, _network(address).encode(), "sha256")[:16].hex()


def _network(address: str) -> str:
    """What one subscriber has: an IPv4 address, an IPv6 /64; all the unreadable are one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
