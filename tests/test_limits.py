"""The limit on evaluations: what counts, for whom, for how long, and what is kept of them."""

import ipaddress
import threading
from datetime import UTC, datetime

import pytest
import redis

from lookup.errors import Code, ProblemError
from lookup.index.store import Store, StoreError
from lookup.limits import EvaluateLimit, Rules
from lookup.proof_of_work import solve

SEED = bytes(32)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
ADDRESS = "192.0.2.7"
BUDGET = 1_000_000
NETWORK = "could not check: too many questions from this network; try again later"


class Clock:
    """A clock that only moves when told to."""

    def __init__(self) -> None:
        self.now = NOON

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of a limit."""
    return Clock()


def limit(
    store: Store, clock: Clock, notation: str = "60/hour", budget: int = BUDGET, seed: bytes = SEED
) -> EvaluateLimit:
    """A limit as a web worker makes it."""
    return EvaluateLimit(store, Rules.of(notation, budget), seed, clock.time, tries=2)


def refused(made: EvaluateLimit, address: str = ADDRESS, elements: int = 1) -> ProblemError:
    """What is said to somebody who may not ask."""
    with pytest.raises(ProblemError) as caught:
        made.spend(address, elements)
    assert (caught.value.retry_after or 0) >= 1
    return caught.value


def proof(made: EvaluateLimit, address: str = ADDRESS, elements: int = 1) -> str:
    """The work that is asked for, done."""
    asked = refused(made, address, elements)
    assert Code.PROOF_OF_WORK_REQUIRED is asked.code
    return solve(asked.challenge)


def spend_all(made: EvaluateLimit, total: int, address: str = ADDRESS) -> None:
    """Spend so much, with proof where one is asked for."""
    while total:
        part = min(total, 64)
        try:
            made.spend(address, part)
        except ProblemError as error:
            made.spend(address, part, solve(error.challenge))
        total -= part


def test_the_last_one_and_one_too_many(store: Store, clock: Clock) -> None:
    """Sixty an hour are sixty; from then on a proof of work is asked for."""
    made = limit(store, clock)
    for _ in range(60):
        made.spend(ADDRESS, 1)
    assert Code.PROOF_OF_WORK_REQUIRED is refused(made).code
    made.spend(ADDRESS, 1, proof(made))
    assert Code.PROOF_OF_WORK_REQUIRED is refused(made).code


@pytest.mark.parametrize(("first", "second"), [(60, 1), (59, 2), (1, 60), (30, 31)])
def test_elements_count_not_requests(store: Store, clock: Clock, first: int, second: int) -> None:
    """A request costs as much as it has elements; one that is refused costs nothing."""
    made = limit(store, clock)
    made.spend(ADDRESS, first)
    refused(made, elements=second)
    if first < 60:
        made.spend(ADDRESS, 60 - first)
    refused(made)


def test_more_than_could_ever_be(store: Store, clock: Clock) -> None:
    """A request that could never fit is told so, rather than to wait; nothing is spent."""
    made = limit(store, clock, "1/hour")
    with pytest.raises(ProblemError, match="at most 50 elements at a time") as caught:
        made.spend(ADDRESS, 51)
    assert Code.TOO_MANY_ELEMENTS is caught.value.code
    assert [] == store.redis.keys("*")


def test_proof_ends_too(store: Store, clock: Clock) -> None:
    """Fifty allowances are all that a subscriber gets, whatever he computes."""
    made = limit(store, clock, "2/hour")
    spend_all(made, 100)
    told = refused(made)
    assert (Code.RATE_LIMITED, NETWORK, 3600) == (told.code, told.sentence, told.retry_after)


def test_work_rises_with_use(store: Store, clock: Clock) -> None:
    """The more a network asks, and the more at once, the more it has to compute for it."""
    made = limit(store, clock, "10/hour")
    tries = []
    for _ in range(3):
        spend_all(made, 20)
        tries += [refused(made).challenge, refused(made, elements=10).challenge]
    asked = [each["parameters"]["data"] for each in tries]  # type: ignore[index]
    tries = [2 * one["elements"] * one["demand"] // 1000 for one in asked]  # on average
    assert [4, 60, 8, 100, 12, 140] == tries


def test_a_proof_counts_once(store: Store, clock: Clock) -> None:
    """The same solution sent again is as if none had been."""
    made = limit(store, clock, "1/hour")
    made.spend(ADDRESS, 1)
    done = proof(made)
    made.spend(ADDRESS, 1, done)
    with pytest.raises(ProblemError) as caught:
        made.spend(ADDRESS, 1, done)
    assert Code.PROOF_OF_WORK_REQUIRED is caught.value.code


def test_a_proof_is_for_one_network_and_its_size(store: Store, clock: Clock) -> None:
    """Another's, a smaller request's, another service's or a changed solution pays for nothing."""
    made = limit(store, clock, "1/hour")
    for address in (ADDRESS, "198.51.100.7"):
        made.spend(address, 1)
    done = proof(made)
    other = limit(store, clock, "1/hour", seed=bytes([1] * 32))
    other.spend(ADDRESS, 1)
    for who, address, elements, sent in (
        (made, "198.51.100.7", 1, done),
        (made, ADDRESS, 2, done),
        (other, ADDRESS, 1, done),
        (made, ADDRESS, 1, done[:-8]),
        (made, ADDRESS, 1, ""),
        (made, ADDRESS, 1, "\x00" * 5000),
        (made, ADDRESS, 1, "W10="),
    ):
        with pytest.raises(ProblemError):
            who.spend(address, elements, sent)
    made.spend(ADDRESS, 1, done)


def test_cheap_challenges_cannot_be_hoarded(store: Store, clock: Clock) -> None:
    """A challenge from when little was asked does not do once twice as much is."""
    made = limit(store, clock, "2/hour")
    spend_all(made, 2)
    hoarded = [proof(made) for _ in range(8)]
    for done in hoarded[:4]:  # demand was 1.5 when they were made, and is 3 after these
        made.spend(ADDRESS, 1, done)
    with pytest.raises(ProblemError):
        made.spend(ADDRESS, 1, hoarded[4])


def test_the_budget_is_everybodys(store: Store, clock: Clock) -> None:
    """When it is spent nobody is evaluated until midnight (UTC), and it is said why."""
    made = limit(store, clock, budget=1000)
    for number in range(20):  # a twentieth each
        made.spend(f"198.51.{number}.1", 50)
        told = refused(made, f"198.51.{number}.2")  # the same /24
        assert (Code.RATE_LIMITED, NETWORK) == (told.code, told.sentence)
    told = refused(made)
    assert (Code.BUDGET_SPENT, 43200) == (told.code, told.retry_after)
    clock.now += 43200
    made.spend(ADDRESS, 1)


@pytest.mark.parametrize(
    ("spelling", "allowances"),
    [("192.0.2.{}", 8), ("2001:db8:0:10{:02x}::1", 1), ("2001:db8:0:{:x}00::1", 2)],
)
def test_neighbours_share_what_their_network_has(
    store: Store, clock: Clock, spelling: str, allowances: int
) -> None:
    """Who has many addresses has a few allowances, not as many as addresses."""
    made = limit(store, clock, "1/hour")
    for number in range(allowances):
        made.spend(spelling.format(number), 1)
    assert Code.PROOF_OF_WORK_REQUIRED is refused(made, spelling.format(99)).code


def test_an_operators_ipv6_is_one_network_too(store: Store, clock: Clock) -> None:
    """65,536 networks /48 behind one another are one /32, with 16 allowances."""
    made = limit(store, clock, "1/hour")
    for number in range(16):
        made.spend(f"2001:db8:{number:x}::1", 1)
    assert Code.PROOF_OF_WORK_REQUIRED is refused(made, "2001:db8:ffff::1").code


def test_the_window_opens_anew(store: Store, clock: Clock) -> None:
    """Retry-After is exact: a second earlier is refused, then the allowance is there again."""
    made = limit(store, clock, "1/hour")
    spend_all(made, 50)
    clock.now += 1000
    assert 2600 == refused(made).retry_after
    clock.now += 2599
    assert 1 == refused(made).retry_after
    clock.now += 0.9
    assert 1 == refused(made).retry_after
    clock.now += 0.1
    made.spend(ADDRESS, 1)


@pytest.mark.parametrize("notation", ["60/hour;200/day", "200/day;60/hour"])
def test_two_windows(store: Store, clock: Clock, notation: str) -> None:
    """Both hold, in whatever order they were written."""
    clock.now = NOON - 12 * 3600
    made = limit(store, clock, notation)
    for _ in range(3):
        made.spend(ADDRESS, 60)
        refused(made)
        clock.now += 3600
    made.spend(ADDRESS, 20)
    refused(made)


def test_pseudonyms_change_every_day(store: Store, clock: Clock) -> None:
    """At midnight (UTC) the same address gets another name, so days cannot be put together."""
    made = limit(store, clock, "10/day")
    made.spend(ADDRESS, 1)
    clock.now += 86400
    made.spend(ADDRESS, 1)
    days = [set(store.redis.hkeys(key)) for key in store.redis.keys("*")]
    assert 2 == len(days)
    assert {b"service"} == days[0] & days[1]


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8:1:2:3:4:5:6", "::ffff:192.0.2.7"])
def test_no_address_is_in_the_store(store: Store, address: str) -> None:
    """Names and values hold neither the address nor anything that follows from it alone."""
    made = EvaluateLimit(store, Rules.of("10/hour;20/day", BUDGET), SEED)
    made.spend(address, 3)
    parsed = ipaddress.ip_address(address)
    spellings = {address, str(parsed), parsed.exploded, parsed.packed.hex(), str(int(parsed))}
    kept = store.redis.keys("*")
    assert 2 == len(kept)
    for key in kept:
        assert 0 < store.redis.ttl(key) <= 2 * 86400
        for who, spent in store.redis.hgetall(key).items():
            assert b"3" == spent
            text = (key + who).decode()
            assert not any(s in text for s in (*spellings, "192.0", "2001", "db8"))


def test_workers_share_a_limit(store: Store, clock: Clock) -> None:
    """Workers and restarts do not multiply what one network may ask."""
    workers = [limit(store, clock, "3/hour") for _ in range(3)]
    for worker in workers:
        worker.spend(ADDRESS, 1)
    for worker in workers:
        refused(worker)
    done = proof(workers[0])
    workers[1].spend(ADDRESS, 1, done)


def test_many_at_once_get_no_more(store: Store, clock: Clock) -> None:
    """However many ask at the same moment, the elements that pass are those of the limit."""
    made = limit(store, clock)
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
    assert 60 == sum(passed)


def test_without_the_store_nobody_asks(clock: Clock) -> None:
    """The limit fails closed: an outage is not a day without limits."""
    client = redis.Redis(unix_socket_path="/nowhere/s", retry=None)
    with pytest.raises(StoreError):
        limit(Store(client, None), clock).spend(ADDRESS, 1)
    client.close()
