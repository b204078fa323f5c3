"""The client against evaluations that were tampered with: the proof covers every byte."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hostile_service import (
    HostileService,
    Reply,
    Step,
    flipped,
    honest_body,
    refused,
    served,
)
from small_publication import CLEAN, LEAKED, OTHER_OPRF, Publication, lane_key, publish

from lookup.client import Client, Found
from lookup.errors import Code
from lookup.protocol.suite import Kind


@pytest.fixture(scope="module")
def publication() -> Publication:
    return publish()


@pytest.fixture
def service(publication: Publication) -> Iterator[HostileService]:
    with served(publication) as service:
        yield service


@pytest.fixture
def client(service: HostileService) -> Client:
    """One that has asked before, and so has pinned the honest service."""
    made = Client(service.url)
    assert isinstance(made.check(Kind.IIN, LEAKED), Found)
    return made


def test_evaluation_with_another_key(client: Client, service: HostileService) -> None:
    """An evaluation with another key than the signed one, however proven, is no answer."""
    service.publication = replace(service.publication, key=lane_key(OTHER_OPRF))
    assert refused(service, client) is Code.BAD_EVALUATION


def test_evaluation_with_any_byte_changed(client: Client, service: HostileService) -> None:
    """An evaluation of which any byte is another one, element or proof, is no answer."""
    for at in range(len(honest_body(service, client, Step.EVALUATE))):
        service.lies[Step.EVALUATE] = lambda r, at=at: replace(r, body=flipped(r.body, at))
        assert refused(service, client) is Code.BAD_EVALUATION


def test_evaluation_cut_at_any_byte(client: Client, service: HostileService) -> None:
    """An evaluation that is not whole is no answer."""
    for length in range(len(honest_body(service, client, Step.EVALUATE))):
        service.lies[Step.EVALUATE] = lambda r, n=length: replace(r, body=r.body[:n])
        assert refused(service, client) is Code.BAD_EVALUATION


IDENTITY = "00" * 32


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda e: e[::-1], id="swapped"),
        pytest.param(lambda e: e[:1], id="too few"),
        pytest.param(lambda e: [*e, e[0]], id="too many"),
        pytest.param(lambda e: [e[0], e[0]], id="one twice"),
        pytest.param(lambda e: [e[0], IDENTITY], id="the identity"),
        pytest.param(lambda e: [IDENTITY, IDENTITY], id="identities"),
        pytest.param(lambda e: [e[0], "ff" * 32], id="no element"),
        pytest.param(lambda e: [e[0], e[1].upper()], id="upper case"),
        pytest.param(lambda e: [e[0], int(e[1], 16)], id="a number"),
        pytest.param(lambda e: [e[0], None], id="null"),
        pytest.param(lambda _: [], id="none"),
        pytest.param(lambda _: "", id="text"),
        pytest.param(dict.fromkeys, id="an object"),
    ],
)
def test_evaluation_of_other_elements(client: Client, service: HostileService, change: Any) -> None:
    """In a batch no element can be swapped, left out, added or replaced under the proof."""

    def lie(reply: Reply) -> Reply:
        document = json.loads(reply.body)
        document["evaluated"] = change(document["evaluated"])
        return replace(reply, body=json.dumps(document).encode())

    service.lies[Step.EVALUATE] = lie
    assert refused(service, client, LEAKED, CLEAN) is Code.BAD_EVALUATION
