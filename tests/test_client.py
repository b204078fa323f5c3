"""The client against a service that lies about content: no lie becomes an answer."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hostile_service import (
    HostileService,
    Step,
    body_lie,
    flipped,
    honest_body,
    refused,
    served,
)
from small_publication import (
    ARGON2,
    CLEAN,
    DATASETS,
    LEAKED,
    OTHER,
    OTHER_OPRF,
    OTHER_PUBLISHER,
    Publication,
    lane_key,
    publish,
)

from lookup import client as client_module
from lookup import keys
from lookup.client import Client, Found, NotFound, SearchedLane
from lookup.errors import Code
from lookup.protocol import parameters
from lookup.protocol.suite import MAX_ELEMENTS, Kind, Lane


@pytest.fixture(scope="module")
def publication() -> Publication:
    return publish()


@pytest.fixture
def service(publication: Publication) -> Iterator[HostileService]:
    with served(publication) as service:
        yield service


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_PAUSES", (0.01, 0.01))


@pytest.fixture
def client(service: HostileService) -> Client:
    """One that has asked before, and so has pinned the honest service."""
    made = Client(service.url)
    assert isinstance(made.check(Kind.IIN, LEAKED), Found)
    return made


def test_found_with_the_classes_of_the_mask(client: Client) -> None:
    """A leaked person learns each leak, and of its data classes those that were theirs."""
    answer = client.check(Kind.IIN, LEAKED)
    assert isinstance(answer, Found)
    expected = [
        ("first-leak", ("names", "email-addresses"), "The first-leak"),
        ("second-leak", ("government-issued-ids",), "The second-leak"),
    ]
    assert expected == [(k.name, k.data_classes, k.entry["title"]["en"]) for k in answer.leaks]


def test_not_found_names_the_version(client: Client, publication: Publication) -> None:
    """A person in no leak learns in which version that is so."""
    about = (
        publication.parameters.version,
        "2026-11-22T10:00:00Z",
        ("first-leak", "second-leak"),
    )
    expected = NotFound(*about, (SearchedLane(Lane.PUBLIC, *about),))
    assert expected == client.check(Kind.IIN, CLEAN)


def test_a_leak_of_other_identifiers_is_not_searched(client: Client) -> None:
    """Asked by phone, a leak loaded by IINs alone is not among those that were searched."""
    assert ("second-leak",) == client.check(Kind.PHONE, "+77012345678").searched


def test_many_answers_keep_their_order(client: Client, service: HostileService) -> None:
    """Answers come in the order of the questions, also over two evaluations."""
    service.seen.clear()
    asked = [CLEAN] * (MAX_ELEMENTS - 1) + [LEAKED, OTHER, LEAKED]
    found = [isinstance(answer, Found) for answer in client.check_many(Kind.IIN, asked)]
    assert [iin == LEAKED for iin in asked] == found
    sizes = [len(asked.blinded) for asked in service.seen if asked.step is Step.EVALUATE]
    assert [64, 2] == sizes


def test_leak_without_register_entry_is_found(client: Client, service: HostileService) -> None:
    """The register is not needed to be told of a leak."""
    body_lie(service, Step.REGISTER, b"[]")
    answer = client.check(Kind.IIN, LEAKED)
    assert isinstance(answer, Found)
    assert [{}, {}] == [leak.entry for leak in answer.leaks]


def test_range_of_any_other_length(client: Client, service: HostileService) -> None:
    """A range cut at any byte, or a byte too long, is no answer."""
    body = honest_body(service, client, Step.RANGE)
    wrong = [body[:length] for length in range(len(body))] + [body + b"\0", b"\0" + body]
    for one in wrong:
        body_lie(service, Step.RANGE, one)
        assert refused(service, client) is Code.BAD_RANGE


def test_range_with_any_byte_changed(client: Client, service: HostileService) -> None:
    """A range of which any byte is another one is no answer, also to whoever is in no leak."""
    for at in range(len(honest_body(service, client, Step.RANGE))):
        service.lies[Step.RANGE] = lambda r, at=at: replace(r, body=flipped(r.body, at))
        assert refused(service, client, LEAKED if at % 2 else CLEAN) is Code.BAD_RANGE


def test_range_from_elsewhere(
    client: Client, service: HostileService, publication: Publication
) -> None:
    """A genuine range of another bucket or of another version is no answer."""
    older = publish(counter=2)
    bucket = int(_prefix_of(service, client), 16)
    for one in (publication.range(bucket ^ 1), publication.range(0), older.range(bucket)):
        body_lie(service, Step.RANGE, one)
        assert refused(service, client) is Code.BAD_RANGE


def test_mask_bit_beyond_the_classes(service: HostileService) -> None:
    """A signed entry that names a data class which its dataset lacks is no answer."""
    service.publication = publish([(LEAKED, {2: 0b11})])
    assert refused(service, Client(service.url)) is Code.BAD_RANGE
    service.publication = publish([(LEAKED, {2: 0b1})])
    assert isinstance(Client(service.url).check(Kind.IIN, LEAKED), Found)


def test_parameters_with_any_byte_changed(client: Client, service: HostileService) -> None:
    """Parameters of which any byte is another one are refused before anything is asked."""
    body = service.publication.document
    for at in range(len(body)):
        body_lie(service, Step.PARAMS, flipped(body, at))
        assert refused(service, client) in (Code.BAD_SIGNATURE, Code.BAD_PARAMETERS)
        assert [Step.PARAMS] == [asked.step for asked in service.seen]


def test_parameters_of_another_length(client: Client, service: HostileService) -> None:
    """Parameters that are cut short, lengthened, or no JSON are refused."""
    body = service.publication.document
    cut = [body[:length] for length in range(0, len(body), 7)]
    for one in [*cut, body + b"\n", b" " + body, b"[]", b"null", b"\xff", b"[" * 200_000]:
        body_lie(service, Step.PARAMS, one)
        assert refused(service, client) in (Code.BAD_SIGNATURE, Code.BAD_PARAMETERS)


@pytest.mark.parametrize("header", [None, "", "00" * 64, "zz", "aa", "é", "ab" * 63])
def test_signature_missing_or_wrong(service: HostileService, header: str | None) -> None:
    """Parameters without the publisher's signature are refused, from the first use on."""
    headers = () if header is None else (("Qorgan-Signature", header),)
    service.lies[Step.PARAMS] = lambda reply: replace(reply, headers=headers)
    assert refused(service, Client(service.url)) is Code.BAD_SIGNATURE


def _signed_changes() -> list[tuple[str, dict[str, Any], Code]]:
    argon2 = {
        "another salt": {"salt": "0e" * 16},
        "more memory": {"memory_kib": 128},
        "less memory": {"memory_kib": 32},
        "more passes": {"time_cost": 2},
        "more lanes": {"parallelism": 2},
    }
    cases = [
        (name, {"argon2": replace(ARGON2, **change)}, Code.PIN_MISMATCH)
        for name, change in argon2.items()
    ]
    other_key = lane_key(OTHER_OPRF).public_key.hex()
    too_much = replace(ARGON2, memory_kib=64 * 1024 + 1)
    return [
        *cases,
        ("another OPRF key", {"public_key": other_key}, Code.PIN_MISMATCH),
        ("a longer prefix", {"prefix_bits": 11}, Code.PIN_MISMATCH),
        ("an older counter", {"version": "2-{root}"}, Code.ROLLED_BACK),
        ("another index, no newer", {"root": "ab" * 32}, Code.ROLLED_BACK),
        ("a prefix of 9 bits", {"prefix_bits": 9}, Code.BAD_PARAMETERS),
        ("a prefix of 21 bits", {"prefix_bits": 21}, Code.BAD_PARAMETERS),
        ("over 64 MiB", {"argon2": too_much}, Code.BAD_PARAMETERS),
        ("5 passes", {"argon2": replace(ARGON2, time_cost=5)}, Code.BAD_PARAMETERS),
        ("the verified lane", {"lane": "verified"}, Code.BAD_PARAMETERS),
        ("a version beside its root", {"version": "3-00000000"}, Code.BAD_PARAMETERS),
    ]


@pytest.mark.parametrize(
    ("changes", "code"), [pytest.param(c, code, id=name) for name, c, code in _signed_changes()]
)
def test_signed_change_of_what_is_pinned(
    client: Client, service: HostileService, changes: dict[str, Any], code: Code
) -> None:
    """Not even the publisher may change keys, costs and salt, lengthen the prefix or go back."""
    version = changes.get("version", "3-{root}")
    root = changes.get("root", service.publication.parameters.root)
    changes = changes | {"version": version.format(root=root[:8])}
    service.publication = service.publication.signed_anew(**changes)
    assert code is refused(service, client)
    assert {Step.PARAMS} == {asked.step for asked in service.seen}


def test_another_publisher(client: Client, service: HostileService) -> None:
    """Another publisher's index is refused, whether the key was given or pinned at first use."""
    given = Client(service.url, publisher_key=keys.publisher_key(OTHER_PUBLISHER).hex())
    assert refused(service, given) is Code.BAD_SIGNATURE
    service.publication = publish(publisher=OTHER_PUBLISHER, counter=9)
    assert refused(service, client) is Code.BAD_SIGNATURE
    assert isinstance(given.check(Kind.IIN, LEAKED), Found)
    pinned_key = service.publication.signed_anew(publisher_key="0a" * 32, seed=OTHER_PUBLISHER)
    service.publication = pinned_key
    assert refused(service, given) is Code.PIN_MISMATCH


@pytest.mark.parametrize("step", [Step.EVALUATE, Step.REGISTER])
@pytest.mark.parametrize(
    "body", [b"", b"x", b"\xff", b"null", b"0", b"{}", b"{", b"[1]", b'["a"]', b"[" * 60_000]
)
def test_no_json_of_the_right_shape(
    client: Client, service: HostileService, step: Step, body: bytes
) -> None:
    """A body that is not JSON, or JSON of another shape, is no answer."""
    body_lie(service, step, body)
    wanted = Code.BAD_REGISTER if step is Step.REGISTER else Code.BAD_EVALUATION
    assert wanted is refused(service, client)


ENTRY = {"name": "first-leak", "title": {"kk": "k", "ru": "r", "en": "e"}, "breach_date": "2025-06"}


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"name": None},
        {"name": ["first-leak"]},
        {"title": "text"},
        {"title": None},
        {"title": {"en": 1}},
        {"title": {"kk": "k", "ru": "r"}},
        {"breach_date": 2025},
        {"breach_date": None},
    ],
)
def test_register_entry_of_another_shape(
    client: Client, service: HostileService, change: dict[str, object]
) -> None:
    """What every program shows of a leak has its form, or there is no answer."""
    body_lie(service, Step.REGISTER, json.dumps([ENTRY]).encode())
    assert isinstance(client.check(Kind.IIN, LEAKED), Found)
    body_lie(service, Step.REGISTER, json.dumps([ENTRY | change]).encode())
    assert refused(service, client) is Code.BAD_REGISTER


def test_two_datasets_of_one_name_are_both_told(service: HostileService) -> None:
    """Whatever the signed list looks like, no leak hides another one."""
    twins = (DATASETS[0], replace(DATASETS[1], name=DATASETS[0].name))
    service.publication = service.publication.signed_anew(datasets=twins)
    answer = Client(service.url).check(Kind.IIN, LEAKED)
    assert isinstance(answer, Found)
    exposed = {slug for leak in answer.leaks for slug in leak.data_classes}
    assert {"names", "email-addresses", "government-issued-ids"} == exposed


def _prefix_of(service: HostileService, client: Client) -> str:
    service.seen.clear()
    client.check(Kind.IIN, LEAKED)
    return service.seen[-1].target.rpartition("/")[2]


def test_signature_covers_the_bytes(service: HostileService, publication: Publication) -> None:
    """The same parameters in other bytes are not what the publisher signed."""
    again = json.dumps(json.loads(publication.document)).encode()
    assert parameters.parse(again) == publication.parameters
    body_lie(service, Step.PARAMS, again)
    assert refused(service, Client(service.url)) is Code.BAD_SIGNATURE
