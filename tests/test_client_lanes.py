"""The Python client with an API key: both lanes, one answer, and no request that depends on it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hostile_service import Reply, Step
from small_publication import CLEAN, LEAKED, OTHER, OTHER_OPRF, OTHER_PUBLISHER, publish, token_of
from test_client_requests import shape
from two_lanes import KEY, TwoLanes, lane_of, two_lanes

from lookup import client as clients
from lookup.client import Answer, Client, Found, NotFound
from lookup.errors import Code, CouldNotCheckError, InputError
from lookup.protocol.suite import Kind, Lane

PUBLIC, VERIFIED = Lane
# In the public lane alone, in the verified lane alone, in both, in none.
PATIENT, BOTH = OTHER, "870402391019"
ONLY_PUBLIC = publish([(LEAKED, {1: 0b1}), (BOTH, {2: 0b1})])
ONLY_VERIFIED = publish([(PATIENT, {3: 0b11}), (BOTH, {3: 0b10})], lane=VERIFIED, counter=2)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoLanes]:
    monkeypatch.setattr(clients, "_PAUSES", (0.01, 0.01))
    with two_lanes(ONLY_PUBLIC, ONLY_VERIFIED) as service:
        yield service


def client(service: TwoLanes, pins: Path | None = None) -> Client:
    return Client(service.url, api_key=KEY, lanes=(VERIFIED, PUBLIC), pins=pins)


def leaks(answer: Answer) -> list[tuple[str, tuple[str, ...]]]:
    return [(leak.name, leak.data_classes) for leak in answer.leaks if isinstance(answer, Found)]


def test_one_answer_of_both_lanes(service: TwoLanes) -> None:
    """Found is found in any lane; each answer says what was searched in which version of which."""
    asked = client(service).check_many(Kind.IIN, [LEAKED, PATIENT, BOTH, CLEAN])
    assert [Found, Found, Found, NotFound] == list(map(type, asked))
    assert [("first-leak", ("names",))] == leaks(asked[0])
    assert [("clinic", ("names", "health-data"))] == leaks(asked[1])
    assert [("second-leak", ("government-issued-ids",)), ("clinic", ("health-data",))] == leaks(
        asked[2]
    )
    for answer in asked:
        assert ("first-leak", "second-leak", "clinic") == answer.searched
        assert ONLY_PUBLIC.parameters.version == answer.version
        assert [
            (PUBLIC, ONLY_PUBLIC.parameters.version, ("first-leak", "second-leak")),
            (VERIFIED, ONLY_VERIFIED.parameters.version, ("clinic",)),
        ] == [(lane.lane, lane.version, lane.searched) for lane in answer.lanes]


def test_the_verified_lane_alone(service: TwoLanes) -> None:
    """Who asks it alone is told that this is all that was searched."""
    asked = Client(service.url, api_key=KEY, lanes=[VERIFIED]).check(Kind.IIN, LEAKED)
    assert isinstance(asked, NotFound)
    assert ("clinic",) == asked.searched
    assert {VERIFIED, PUBLIC} == {lane_of(one) for one in service.seen}  # the register
    assert 4 == len(service.seen)


def test_all_requests_before_any_answer(service: TwoLanes) -> None:
    """What is alike for everybody, then the evaluations, then the ranges; the same for all four."""
    shapes = []
    for iin in (LEAKED, PATIENT, BOTH, CLEAN):
        service.seen.clear()
        client(service).check(Kind.IIN, iin)
        assert [
            *((Step.PARAMS, PUBLIC), (Step.PARAMS, VERIFIED), (Step.REGISTER, PUBLIC)),
            *((Step.EVALUATE, PUBLIC), (Step.EVALUATE, VERIFIED)),
            *((Step.RANGE, PUBLIC), (Step.RANGE, VERIFIED)),
        ] == [(one.step, lane_of(one)) for one in service.seen]
        shapes.append(list(map(shape, service.seen)))
    assert [shapes[0]] * 4 == shapes


def test_a_token_for_each_lane(service: TwoLanes) -> None:
    """The lanes have keys of their own: neither's range is asked with the other's token."""
    client(service).check(Kind.IIN, PATIENT)
    for asked in service.seen:
        if asked.step is Step.RANGE:
            lane = lane_of(asked)
            prefix = f"{int(token_of(Kind.IIN, PATIENT, lane=lane).hex()[:4], 16) >> 6:03x}"
            assert asked.target.endswith(f"/{prefix}")


def test_where_the_key_goes(service: TwoLanes) -> None:
    """With evaluations and whatever is of the verified lane; the rest is asked as anyone asks."""
    client(service).check(Kind.IIN, LEAKED, subject="user-7")
    for asked in service.seen:
        headers = dict(asked.headers)
        is_evaluate = asked.step is Step.EVALUATE
        needs_key = is_evaluate or lane_of(asked) is VERIFIED
        assert (f"Bearer {KEY}" if needs_key else None) == headers.get("Authorization")
        assert ("user-7" if is_evaluate else None) == headers.get("X-Subject")


@pytest.mark.parametrize("lane", Lane)
@pytest.mark.parametrize("step", [Step.PARAMS, Step.EVALUATE, Step.RANGE])
def test_half_an_answer_is_none(service: TwoLanes, lane: Lane, step: Step) -> None:
    """If one lane could not be checked nothing is said of the other, found or not."""
    service.lane_lies[lane, step] = lambda reply: replace(reply, status=503)
    for iin in (LEAKED, PATIENT, CLEAN):
        with pytest.raises(CouldNotCheckError):
            client(service).check(Kind.IIN, iin)


@pytest.mark.parametrize("step", [Step.PARAMS, Step.RANGE])
def test_one_lane_for_the_other(service: TwoLanes, step: Step) -> None:
    """The public lane's parameters or ranges do not pass for the verified one's."""
    public = TwoLanes(ONLY_PUBLIC)

    def lie(_: Reply) -> Reply:
        asked = service.seen[-1]
        target = asked.target.replace("verified", "public").replace(
            ONLY_VERIFIED.parameters.version, ONLY_PUBLIC.parameters.version
        )
        return public.honest(replace(asked, target=target))

    service.lane_lies[VERIFIED, step] = lie
    with pytest.raises(CouldNotCheckError) as caught:
        client(service).check(Kind.IIN, CLEAN)
    assert caught.value.code in (Code.BAD_PARAMETERS, Code.BAD_RANGE)


def test_each_lane_has_its_pins(service: TwoLanes, tmp_path: Path) -> None:
    """Both are kept, and each lane is held against its own."""
    pins = tmp_path / "pins.json"
    assert isinstance(client(service, pins).check(Kind.IIN, CLEAN), NotFound)
    service.verified = publish([(PATIENT, {3: 1})], lane=VERIFIED, oprf=OTHER_OPRF, counter=3)
    with pytest.raises(CouldNotCheckError) as caught:
        client(service, pins).check(Kind.IIN, CLEAN)
    assert caught.value.code is Code.PIN_MISMATCH
    service.verified = publish([(PATIENT, {3: 1})], lane=VERIFIED, counter=1)
    with pytest.raises(CouldNotCheckError) as caught:
        client(service, pins).check(Kind.IIN, CLEAN)
    assert caught.value.code is Code.ROLLED_BACK
    assert isinstance(Client(service.url, pins=pins).check(Kind.IIN, LEAKED), Found)


def test_an_index_has_one_publisher(service: TwoLanes) -> None:
    """A lane that is signed by another key than the first lane was is not believed."""
    service.verified = ONLY_VERIFIED.signed_anew(
        OTHER_PUBLISHER, publisher_key=publish(publisher=OTHER_PUBLISHER).parameters.publisher_key
    )
    with pytest.raises(CouldNotCheckError) as caught:
        client(service).check(Kind.IIN, CLEAN)
    assert caught.value.code in (Code.BAD_SIGNATURE, Code.PIN_MISMATCH)


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (401, Code.UNAUTHORISED, "could not check: the service does not know this API key"),
        (403, Code.FORBIDDEN, "could not check: this API key is not for this lane"),
        (
            404,
            Code.SERVICE_UNREACHABLE,
            "could not check: nothing is published in this lane; ask the public lane alone",
        ),
    ],
)
def test_a_key_that_is_refused(service: TwoLanes, status: int, code: Code, sentence: str) -> None:
    """Whoever runs the app is told that it is the key; a key is in no error."""
    service.lane_lies[VERIFIED, Step.PARAMS] = lambda reply: replace(reply, status=status)
    with pytest.raises(CouldNotCheckError) as caught:
        client(service).check(Kind.IIN, CLEAN)
    assert (code, sentence) == (caught.value.code, caught.value.sentence)
    assert "k" * 43 not in repr(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"lanes": ()},
        {"lanes": (VERIFIED,)},
        {"lanes": (PUBLIC, VERIFIED)},
        {"api_key": ""},
        {"api_key": "a b"},
        {"api_key": "a\r\nX-Evil: 1"},
        {"api_key": "ключ"},
    ],
)
def test_clients_that_could_not_ask(options: dict[str, object]) -> None:
    """What can never work is refused when the client is made."""
    with pytest.raises(InputError) as caught:
        Client("http://127.0.0.1:1", **options)  # type: ignore[arg-type]
    assert caught.value.code is Code.BAD_USAGE


@pytest.mark.parametrize("subject", ["", LEAKED, "a@example.com", "a\r\nX-Evil: 1", "a" * 65])
def test_subjects_that_are_not_sent(service: TwoLanes, subject: str) -> None:
    """What could be an identifier does not leave the app, and is not repeated."""
    with pytest.raises(InputError) as caught:
        client(service).check(Kind.IIN, CLEAN, subject=subject)
    assert not subject or subject not in repr(caught.value)
    assert [] == service.seen
