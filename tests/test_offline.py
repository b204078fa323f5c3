"""Offline checks: what is answered from the filter here, and what the service sees of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hostile_service import HostileService, Step, assert_says_nothing, served
from small_publication import CLEAN, LEAKED, OTHER, publish, token_of
from two_lanes import KEY, two_lanes

from lookup.client import Client, Found, NotFound, SearchedLane
from lookup.errors import Code, CouldNotCheckError, InputError
from lookup.filter import ReadOnlyFilter
from lookup.offline import OfflineClient, Possible
from lookup.protocol.suite import Kind, Lane

PUBLICATION = publish()
VERSION = PUBLICATION.parameters.version
SEARCHED = ("first-leak", "second-leak")


@pytest.fixture
def service() -> Iterator[HostileService]:
    """An honest service."""
    with served(PUBLICATION) as made:
        yield made


@pytest.fixture
def client(service: HostileService, tmp_path: Path) -> OfflineClient:
    """A client that holds nothing yet."""
    return OfflineClient(Client(service.url), tmp_path / "filters")


def steps(service: HostileService) -> list[Step]:
    """What was asked since this was last asked."""
    seen = [asked.step for asked in service.seen]
    service.seen.clear()
    return seen


def test_a_miss_and_a_hit(client: OfflineClient) -> None:
    """Who is in no leak is not found in this version; who may be is possible, never found."""
    published_at = PUBLICATION.parameters.published_at
    lanes = (SearchedLane(Lane.PUBLIC, VERSION, published_at, SEARCHED),)
    assert NotFound(VERSION, published_at, SEARCHED, lanes) == client.check(Kind.IIN, CLEAN)
    assert Possible(VERSION, published_at, SEARCHED, lanes) == client.check(Kind.IIN, LEAKED)
    assert ("second-leak",) == client.check(Kind.PHONE, "87012345678").searched


def test_no_request_depends_on_an_answer(client: OfflineClient, service: HostileService) -> None:
    """Hit or miss, the service sees parameters and an evaluation: no range, and no register."""
    client.refresh()
    steps(service)
    for iin in (LEAKED, CLEAN):
        client.check(Kind.IIN, iin)
        assert [Step.PARAMS, Step.EVALUATE] == steps(service)


def test_a_range_is_asked_only_where_allowed(
    client: OfflineClient, service: HostileService
) -> None:
    """With leave, a hit is confirmed by its range and a miss is not; without, neither."""
    client.refresh()
    steps(service)
    found = client.check(Kind.IIN, LEAKED, confirm=True)
    assert isinstance(found, Found)
    assert ["first-leak", "second-leak"] == [leak.name for leak in found.leaks]
    assert "The first-leak" == found.leaks[0].entry["title"]["en"]
    assert [Step.PARAMS, Step.REGISTER, Step.EVALUATE, Step.RANGE] == steps(service)
    assert isinstance(client.check(Kind.IIN, CLEAN, confirm=True), NotFound)
    assert [Step.PARAMS, Step.REGISTER, Step.EVALUATE] == steps(service)


def test_a_false_hit_is_cleared_by_the_range(
    client: OfflineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger whom the filter has is possible until the range says that he is in no leak."""
    monkeypatch.setattr(ReadOnlyFilter, "may_have", lambda _, t: np.ones(len(t) // 32, np.bool_))
    assert isinstance(client.check(Kind.IIN, CLEAN), Possible)
    assert isinstance(client.check(Kind.IIN, CLEAN, confirm=True), NotFound)
    answers = client.check_many(Kind.IIN, [CLEAN, LEAKED, OTHER], confirm=True)
    assert [NotFound, Found, NotFound] == [type(answer) for answer in answers]


def test_several_at_once(client: OfflineClient, service: HostileService) -> None:
    """Answers come in the order of the questions, 64 to an evaluation."""
    client.refresh()
    steps(service)
    answers = client.check_many(Kind.IIN, [CLEAN, LEAKED] * 33)
    assert [NotFound, Possible] * 33 == [type(answer) for answer in answers]
    assert [Step.PARAMS, Step.EVALUATE, Step.EVALUATE] == steps(service)
    assert [] == client.check_many(Kind.IIN, [])


def test_tokens_in_hand(client: OfflineClient, service: HostileService) -> None:
    """Tokens got once are looked up with no evaluation, few or many, and later versions too."""
    tokens = client.tokens(Kind.IIN, [LEAKED, CLEAN, OTHER])
    assert [token_of(Kind.IIN, iin) for iin in (LEAKED, CLEAN, OTHER)] == tokens
    client.refresh()
    steps(service)
    answers = client.look_up(Kind.IIN, tokens * 100)
    assert [Possible, NotFound, NotFound] * 100 == [type(answer) for answer in answers]
    service.publication = publish([(OTHER, {1: 1})], counter=4)
    answers = client.look_up(Kind.IIN, tokens)
    assert [NotFound, NotFound, Possible] == [type(answer) for answer in answers]
    assert {service.publication.parameters.version} == {answer.version for answer in answers}
    assert Step.EVALUATE not in steps(service)


def test_a_token_of_another_length(client: OfflineClient) -> None:
    """Two wrong ones that are together as long as two right ones are no question."""
    with pytest.raises(ValueError, match="a token is 32 bytes"):
        client.look_up(Kind.IIN, [bytes(31), bytes(33)])


def test_no_identifier_nothing_sent(client: OfflineClient, service: HostileService) -> None:
    """One that is mistyped is refused before anything is asked."""
    with pytest.raises(InputError):
        client.check_many(Kind.IIN, [CLEAN, "1"])
    assert [] == steps(service)


@pytest.mark.parametrize("step", [Step.PARAMS, Step.EVALUATE, Step.FILTER])
def test_no_answer_without_the_service(
    client: OfflineClient,
    service: HostileService,
    step: Step,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever step fails, nobody is told that he is in no leak, and nothing of him is told."""
    monkeypatch.setattr("lookup.held_filter._PAUSES", (0.0,))
    service.lies[step] = lambda reply: replace(reply, status=503, body=b"")
    with pytest.raises(CouldNotCheckError) as caught:
        client.check(Kind.IIN, CLEAN)
    assert Code.SERVICE_UNREACHABLE is caught.value.code
    assert_says_nothing(caught.value, service, CLEAN)


def test_the_verified_lane_with_its_key(tmp_path: Path) -> None:
    """Parameters, evaluation and filter are asked for with the key; its people are there."""
    sensitive = publish([(LEAKED, {3: 1})], lane=Lane.VERIFIED)
    with two_lanes(PUBLICATION, sensitive) as service:
        verified = Client(service.url, api_key=KEY, lanes=[Lane.VERIFIED])
        offline = OfflineClient(verified, tmp_path)
        answers = offline.check_many(Kind.IIN, [LEAKED, CLEAN], subject="user-7")
        assert [Possible, NotFound] == [type(answer) for answer in answers]
        assert {("clinic",)} == {answer.searched for answer in answers}
        named = ("X-Subject", "user-7")
        assert [Step.EVALUATE] == [a.step for a in service.seen if named in a.headers]
        found = offline.check(Kind.IIN, LEAKED, confirm=True)
        assert isinstance(found, Found)
        assert ["clinic"] == [leak.name for leak in found.leaks]
        wrong = Client(service.url, api_key=KEY[:-1] + "x", lanes=[Lane.VERIFIED])
        with pytest.raises(CouldNotCheckError) as caught:
            OfflineClient(wrong, tmp_path / "other").refresh()
        assert Code.UNAUTHORISED is caught.value.code


def test_a_kind_that_the_index_lacks(client: OfflineClient, service: HostileService) -> None:
    """Nobody is in no leak because an index has no such identifiers; that is no answer."""
    service.publication = PUBLICATION.signed_anew(kinds=("iin",))
    client.refresh()
    for ask in (
        lambda: client.check(Kind.PHONE, "87012345678"),
        lambda: client.tokens(Kind.PHONE, ["87012345678"]),
        lambda: client.look_up(Kind.PHONE, [bytes(32)]),
    ):
        with pytest.raises(CouldNotCheckError, match="this index has no such identifiers"):
            ask()
    assert Step.EVALUATE not in steps(service)


def test_a_kind_by_which_no_leak_was_loaded(client: OfflineClient, service: HostileService) -> None:
    """Nor because none was loaded by such identifiers; online it is the same."""
    datasets = tuple(replace(d, kinds=("iin",)) for d in PUBLICATION.parameters.datasets)
    service.publication = PUBLICATION.signed_anew(datasets=datasets)
    for asked in (client, Client(service.url)):
        with pytest.raises(CouldNotCheckError, match="no leak here was loaded by such"):
            asked.check(Kind.PHONE, "87012345678")
    assert Step.EVALUATE not in steps(service)


def test_a_filter_is_of_one_lane(tmp_path: Path) -> None:
    """Whoever wants both lanes has a client for each."""
    both = Client("http://127.0.0.1:1", api_key=KEY, lanes=list(Lane))
    with pytest.raises(InputError, match="with a client of one lane, or with two"):
        OfflineClient(both, tmp_path)


def test_an_identifier_is_no_pseudonym(client: OfflineClient, service: HostileService) -> None:
    """A subject that could be an identifier is refused before anything is sent."""
    with pytest.raises(InputError, match="pseudonym"):
        client.check(Kind.IIN, CLEAN, subject=CLEAN)
    assert [] == steps(service)


def test_an_evaluation_under_another_key(client: OfflineClient, service: HostileService) -> None:
    """A token that the service made up would be in no filter: it is refused, not looked up."""
    honest = service.publication
    other = publish(oprf=b"\x04" * 32)
    service.publication = replace(honest, key=other.key)
    with pytest.raises(CouldNotCheckError) as caught:
        client.check(Kind.IIN, LEAKED)
    assert Code.BAD_EVALUATION is caught.value.code
