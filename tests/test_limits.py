"""The limit on evaluations: what counts, for whom, for how long, and what is kept of them."""

import ipaddress
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import redis
from limits.storage import MemoryStorage

from lookup.errors import Code, ProblemError
from lookup.index.store import Store, StoreError, limits_storage
from lookup.limits import EvaluateLimit

SEED = bytes(32)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
ADDRESS = "192.0.2.7"


class Clock:
    """A clock that only moves when told to; it also stands in for the library's time module."""

    def __init__(self) -> None:
        self.now = NOON

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of limit and storage."""
    made = Clock()
    monkeypatch.setattr("limits.storage.memory.time", made)
    return made


Make = Callable[[str], EvaluateLimit]


@pytest.fixture
def limit(clock: Clock) -> Make:
    """Makes a limit in memory."""
    return lambda notation: EvaluateLimit(MemoryStorage(), notation, SEED, clock.time)


def refused(limit: EvaluateLimit, address: str = ADDRESS, elements: int = 1) -> int:
    """Seconds after which a refused question may be asked again."""
    with pytest.raises(ProblemError) as caught:
        limit.spend(address, elements)
    assert caught.value.code is Code.RATE_LIMITED
    assert caught.value.sentence == (
        "could not check: too many questions from this network; try again later"
    )
    assert caught.value.retry_after is not None
    return caught.value.retry_after


def test_the_last_one_and_one_too_many(limit: Make) -> None:
    """Sixty an hour are sixty: the next one is refused."""
    made = limit("60/hour")
    for _ in range(60):
        made.spend(ADDRESS, 1)
    refused(made)


@pytest.mark.parametrize(("first", "second"), [(60, 1), (59, 2), (1, 60), (30, 31)])
def test_elements_count_not_requests(limit: Make, first: int, second: int) -> None:
    """A request costs as much as it has elements; one that does not fit costs nothing."""
    made = limit("60/hour")
    made.spend(ADDRESS, first)
    refused(made, elements=second)
    if first < 60:
        made.spend(ADDRESS, 60 - first)
    refused(made)


def test_more_than_the_whole_limit(limit: Make) -> None:
    """A request that could never fit is told so, rather than to wait; nothing is spent."""
    made = limit("60/hour")
    with pytest.raises(ProblemError) as caught:
        made.spend(ADDRESS, 61)
    assert Code.TOO_MANY_ELEMENTS is caught.value.code
    with pytest.raises(ProblemError, match="at most 30 elements at a time"):
        limit("60/hour;30/day").spend(ADDRESS, 31)
    made.spend(ADDRESS, 60)


def test_the_window_opens_anew(limit: Make, clock: Clock) -> None:
    """Retry-After is exact: a second earlier is refused, then the whole limit is there again."""
    made = limit("60/hour")
    made.spend(ADDRESS, 60)
    clock.now += 1000
    wait = refused(made)
    assert wait == 2600
    clock.now += wait - 1
    assert refused(made) == 1
    clock.now += 1
    made.spend(ADDRESS, 60)
    refused(made)


def test_less_than_a_second_is_a_second(limit: Make, clock: Clock) -> None:
    """Nobody is told to come back after 0 seconds and be refused again."""
    made = limit("1/minute")
    made.spend(ADDRESS, 1)
    clock.now += 59.9
    assert refused(made) == 1


@pytest.mark.parametrize("notation", ["60/hour;200/day", "200/day;60/hour"])
def test_two_windows(limit: Make, clock: Clock, notation: str) -> None:
    """Both hold, in whatever order they were written; the wait is that of the one that is spent."""
    clock.now = NOON - 11.5 * 3600
    made = limit(notation)
    for _ in range(3):
        made.spend(ADDRESS, 60)
        assert refused(made) == 3600
        clock.now += 3600
    made.spend(ADDRESS, 20)
    assert refused(made) == 86400 - 3 * 3600


def test_networks_have_limits_of_their_own(limit: Make) -> None:
    """One network's curiosity is not another's."""
    made = limit("1/hour")
    for address in ("192.0.2.7", "192.0.2.8", "2001:db8::1", "2001:db8:0:1::1", "garbage"):
        made.spend(address, 1)
        refused(made, address)


@pytest.mark.parametrize(
    "addresses",
    [
        ("192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207", "::FFFF:192.0.2.7"),
        ("2001:db8:1:2::", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:DB8:1:2::7"),
        ("fe80::1", "fe80::1%eth0", "fe80::2%wlan0", "fe80::1%"),
        ("192.0.2.7", "192.0.2.7%eth0"),
        ("", "unknown", "192.0.2.7:4711", "[2001:db8::1]", "256.1.1.1", "1.2.3", "x" * 5000),
        ("not an address", "192.0.2.07", "192.0.2.7, 192.0.2.8", "\x00", "١٩٢.٠.٢.٧"),
    ],
)
def test_one_subscriber_many_spellings(limit: Make, addresses: tuple[str, ...]) -> None:
    """An IPv6 /64 is one subscriber, a mapped IPv4 address is that address, all rubbish is one."""
    for one, other in itertools.permutations(addresses, 2):
        made = limit("1/hour")
        made.spend(one, 1)
        refused(made, other)


def test_neighbours_are_others(limit: Make) -> None:
    """The next /64 and the next IPv4 address belong to somebody else."""
    made = limit("1/hour")
    made.spend("2001:db8:1:2::1", 1)
    made.spend("2001:db8:1:3::1", 1)
    made.spend("::ffff:192.0.2.7", 1)
    made.spend("::ffff:192.0.2.8", 1)


def names(store: Store) -> set[str]:
    return {key.decode() for key in store.redis.scan_iter()}


def test_pseudonyms_change_every_day(store: Store) -> None:
    """At midnight (UTC) the same address gets another name, so days cannot be put together."""
    clock = Clock()
    made = EvaluateLimit(limits_storage(store), "10/hour", SEED, clock.time)
    clock.now = NOON + 12 * 3600 - 1
    made.spend(ADDRESS, 1)
    before = names(store)
    made.spend(ADDRESS, 1)
    assert names(store) == before
    clock.now += 1
    made.spend(ADDRESS, 1)
    assert len(names(store)) == 2


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8:1:2:3:4:5:6", "::ffff:192.0.2.7"])
def test_no_address_is_in_the_store(store: Store, address: str) -> None:
    """Names and values hold neither the address nor anything that follows from it alone."""
    made = EvaluateLimit(limits_storage(store), "10/hour;20/day", SEED)
    made.spend(address, 3)
    kept = names(store)
    assert len(kept) == 2
    parsed = ipaddress.ip_address(address)
    spellings = {address, str(parsed), parsed.exploded, parsed.packed.hex(), str(int(parsed))}
    for name in kept:
        assert not any(spelling in name for spelling in (*spellings, "192.0", "2001", "db8"))
        assert store.redis.get(name) == b"3"
        assert 0 < store.redis.ttl(name) <= 86400
    other = EvaluateLimit(limits_storage(store), "10/hour;20/day", bytes([1] * 32))
    other.spend(address, 3)
    assert len(names(store)) == 4


def test_workers_share_a_limit(store: Store) -> None:
    """Workers and restarts do not multiply what one network may ask."""
    workers = [EvaluateLimit(limits_storage(store), "3/hour", SEED) for _ in range(3)]
    for worker in workers:
        worker.spend(ADDRESS, 1)
    for worker in workers:
        assert 3500 < refused(worker) <= 3600


def test_many_at_once_get_no_more(store: Store) -> None:
    """However many ask at the same moment, the elements that pass are those of the limit."""
    made = EvaluateLimit(limits_storage(store), "60/hour", SEED)
    together = threading.Barrier(12)
    passed: list[int] = []

    def ask() -> None:
        together.wait()
        try:
            made.spend(ADDRESS, 10)
            passed.append(10)
        except ProblemError:
            pass

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 60


def test_without_the_store_nobody_asks() -> None:
    """The limit fails closed: an outage is not a day without limits."""
    client = redis.Redis(unix_socket_path="/nowhere/s", retry=None)
    made = EvaluateLimit(limits_storage(Store(client, None)), "60/hour", SEED)
    with pytest.raises(StoreError):
        made.spend(ADDRESS, 1)
    client.close()
