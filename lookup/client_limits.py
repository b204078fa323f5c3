"""How many elements a client, and each of its users, may have evaluated.

A user is the app's own pseudonym of him (``X-Subject``). It is kept under a name that changes
every day, that is another one for each client, and that the store alone cannot undo. As for
anonymous networks (``lookup.limits``), counts live in the store and fail closed.
"""

import hmac
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache

from limits import RateLimitItem, parse_many
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from lookup import keys
from lookup.errors import Code, ProblemError
from lookup.index.clients import ApiClient
from lookup.protocol import wire

_Counted = tuple[RateLimitItem, str]  # a limit, and who is counted under it


class ClientLimit:
    """The limits on clients and their users; a pure decision over a storage and a clock."""

    def __init__(
        self, storage: Storage, lane_seed: bytes, clock: Callable[[], float] = time.time
    ) -> None:
        self._limiter = FixedWindowRateLimiter(storage)
        self._seed = lane_seed
        self._clock = clock

    def spend(self, client: ApiClient, subject: str | None, elements: int) -> None:
        """Count elements against the client and, where it names one, its user.

        Raises:
            ProblemError: TOO_MANY_ELEMENTS, more than a whole window holds; RATE_LIMITED, with the
                seconds until the window that is spent opens anew.
            StoreError: the store is away.
        """
        counted = list(self._counted(client, subject))
        most = min((item.amount for item, _ in counted), default=elements)
        if elements > most:
            raise ProblemError(
                Code.TOO_MANY_ELEMENTS,
                f"this API key has at most {most} elements evaluated at a time",
            )
        for item, who in counted:
            if not self._limiter.test(item, who, cost=elements):
                raise self._spent(item, who)
        for item, who in counted:
            # Two workers may have tested at once: the hit is what counts, and it is atomic.
            if not self._limiter.hit(item, who, cost=elements):
                raise self._spent(item, who)

    def _counted(self, client: ApiClient, subject: str | None) -> Iterator[_Counted]:
        """The user first: what he spends in vain is not the client's."""
        if subject is not None:
            pseudonym = self._pseudonym(client, subject)
            yield from ((item, f"subject-{pseudonym}") for item in _items(client.subject_rate))
        yield from ((item, f"client-{client.id}") for item in _items(client.rate))

    def _spent(self, item: RateLimitItem, who: str) -> ProblemError:
        opens = self._limiter.get_window_stats(item, who).reset_time
        whose = "this user" if who.startswith("subject-") else "this API key"
        return ProblemError(
            Code.RATE_LIMITED,
            f"could not check: too many questions of {whose}; try again later",
            retry_after=max(1, round(opens - self._clock())),
        )

    def _pseudonym(self, client: ApiClient, subject: str) -> str:
        day = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%d")
        key = keys.limits_key(self._seed, day)
        return hmac.digest(key, f"subject {client.id} {subject}".encode(), "sha256")[:16].hex()


def subject_of(header: str | None) -> str | None:
    """The app's pseudonym of its user, from ``X-Subject``; never an identifier.

    Raises:
        ProblemError: BAD_REQUEST.
    """
    if header is not None and not wire.is_subject(header):
        raise ProblemError(Code.BAD_REQUEST, f"X-Subject is {wire.SUBJECT_FORM}")
    return header


@lru_cache(maxsize=1024)
def _items(notation: str | None) -> tuple[RateLimitItem, ...]:
    """The shortest window first: the one most often spent is asked first."""
    if notation is None:
        return ()
    return tuple(sorted(parse_many(notation), key=lambda item: item.get_expiry()))
