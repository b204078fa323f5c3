"""The limits on clients and their users: what counts, for how long, and what is kept of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis
from limits.storage import MemoryStorage
from test_limits import Clock

from lookup.client_limits import ClientLimit, subject_of
from lookup.errors import Code, ProblemError
from lookup.index import clients
from lookup.index.clients import ApiClient
from lookup.index.store import Store, StoreError, limits_storage

SEED = bytes(32)
EGOV, BANK = (
    clients.new(name, rate="10/hour;15/day", subject_rate="3/hour")[0] for name in ("egov", "bank")
)
Make = Callable[[], ClientLimit]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of limit and storage."""
    made = Clock()
    monkeypatch.setattr("limits.storage.memory.time", made)
    return made


@pytest.fixture
def limit(clock: Clock) -> ClientLimit:
    """A limit in memory."""
    return ClientLimit(MemoryStorage(), SEED, clock.time)


def refused(limit: ClientLimit, client: ApiClient, subject: str | None = None, n: int = 1) -> int:
    """Seconds after which a refused question may be asked again."""
    with pytest.raises(ProblemError) as caught:
        limit.spend(client, subject, n)
    assert caught.value.code is Code.RATE_LIMITED
    assert caught.value.sentence.startswith("could not check: too many questions of this ")
    assert caught.value.retry_after is not None
    return caught.value.retry_after


def test_elements_of_a_client(limit: ClientLimit, clock: Clock) -> None:
    """Ten an hour are ten elements, fifteen a day fifteen; another client has its own."""
    limit.spend(EGOV, None, 9)
    assert 3600 == refused(limit, EGOV, n=2)
    limit.spend(EGOV, None, 1)
    refused(limit, EGOV)
    limit.spend(BANK, None, 10)
    clock.now += 3601
    limit.spend(EGOV, None, 5)
    assert 82799 == refused(limit, EGOV)


def test_elements_of_a_user(limit: ClientLimit) -> None:
    """A user has his own share, of each client; what he spends in vain is not the client's."""
    limit.spend(EGOV, "ann", 3)
    for _try in range(20):
        refused(limit, EGOV, "ann")
    limit.spend(EGOV, "bob", 3)
    limit.spend(BANK, "ann", 3)
    limit.spend(EGOV, None, 4)
    refused(limit, EGOV, "eve")


def test_more_than_a_window_holds(limit: ClientLimit) -> None:
    """What no waiting would ever allow is told as such."""
    for subject, most in ((None, 10), ("ann", 3)):
        with pytest.raises(ProblemError) as caught:
            limit.spend(EGOV, subject, most + 1)
        assert caught.value.code is Code.TOO_MANY_ELEMENTS
        assert f"at most {most} elements" in caught.value.sentence


def test_no_limits(limit: ClientLimit) -> None:
    """Off is off, for a client and for its users, each by itself."""
    free = replace(EGOV, rate=None, subject_rate=None)
    for _try in range(50):
        limit.spend(free, "ann", 64)
    half = replace(EGOV, rate=None)
    limit.spend(half, None, 64)
    limit.spend(half, "bob", 3)
    refused(limit, half, "bob")


def test_counts_hold_across_workers_and_restarts(store: Store) -> None:
    """They are the store's, not a process's."""
    for n in range(3):
        ClientLimit(limits_storage(store), SEED).spend(EGOV, "ann", 1)
        assert n < 3
    refused(ClientLimit(limits_storage(store), SEED), EGOV, "ann")


def test_no_user_is_known_again(store: Store, clock: Clock) -> None:
    """His name is not in the store, is another for each client, and another on the next day."""
    limit = ClientLimit(limits_storage(store), SEED, clock.time)
    limit.spend(EGOV, "ann-the-user", 1)
    limit.spend(BANK, "ann-the-user", 1)
    clock.now += 86400
    limit.spend(EGOV, "ann-the-user", 1)
    names = [key.decode() for key in store.redis.keys("*")]
    assert 3 == len({name for name in names if "subject-" in name})
    assert not [name for name in names if "ann" in name]
    ClientLimit(limits_storage(store), b"another seed", clock.time).spend(EGOV, "ann-the-user", 1)
    assert 4 == len(set(store.redis.keys("*subject-*")))
    assert all(0 < store.redis.ttl(key) <= 86400 for key in names)


def test_without_a_store_nobody_asks() -> None:
    """A limit that cannot be counted is a limit that is spent."""
    gone = redis.Redis(unix_socket_path="/nowhere/s", retry=None)
    with pytest.raises(StoreError):
        ClientLimit(limits_storage(Store(gone, None)), SEED).spend(EGOV, None, 1)
    gone.close()


@pytest.mark.parametrize(
    "header",
    ["a", "0" * 16, "a" * 64, "7b0e9f5c-9d3e-4a52-8f65-0c5b1f8f3f11", "u-12345", "1234567a"],
)
def test_pseudonyms(header: str) -> None:
    """Letters, digits, - and _; a number only where it is longer than any identifier."""
    assert header == subject_of(header)


@pytest.mark.parametrize(
    "header",
    [
        *("", "a" * 65, "1", "870402391009", "7701234567", "8-701-234-56-78", "0" * 15),
        *("+77012345678", "a@example.com", "a b", "a\n", "Айгерим", "a,b"),
    ],
)
def test_no_pseudonyms(header: str) -> None:
    """What could be an identifier, or is no plain name, is refused and not repeated."""
    with pytest.raises(ProblemError) as caught:
        subject_of(header)
    assert caught.value.code is Code.BAD_REQUEST
    assert len(header) < 2 or header not in caught.value.sentence


def test_no_user_is_named() -> None:
    """A client need not name its users."""
    assert subject_of(None) is None
