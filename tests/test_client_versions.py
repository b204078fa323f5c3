"""The client while versions come and go: it follows forward, never back, and not for ever."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hostile_service import HostileService, Reply, Step, refused, served
from small_publication import LEAKED, OTHER, Publication, publish

from lookup import client as client_module
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


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_PAUSES", (0.01, 0.01))


@pytest.fixture
def client(service: HostileService) -> Client:
    """One that has asked before, and so has pinned the honest service."""
    made = Client(service.url)
    assert isinstance(made.check(Kind.IIN, LEAKED), Found)
    return made


def test_version_gone_once(client: Client, service: HostileService) -> None:
    """If the version goes between two requests the client asks the new one, and says so."""
    newer = publish([(OTHER, {1: 0b1})], counter=4)

    def gone(_: Reply) -> Reply:
        del service.lies[Step.RANGE]
        service.publication = newer
        return Reply(b"{}", status=410)

    service.lies[Step.RANGE] = gone
    answers = client.check_many(Kind.IIN, [OTHER, LEAKED])
    assert [newer.parameters.version] * 2 == [answer.version for answer in answers]
    assert [True, False] == [isinstance(answer, Found) for answer in answers]


def test_version_gone_for_ever(client: Client, service: HostileService) -> None:
    """After three versions that went the client gives up."""
    service.lies[Step.RANGE] = lambda _: Reply(b"{}", status=410)
    assert refused(service, client) is Code.VERSION_GONE
    assert 3 == sum(asked.step is Step.RANGE for asked in service.seen)


def test_version_gone_and_another_salt(client: Client, service: HostileService) -> None:
    """A version that goes is no way to change what is pinned."""
    salted = replace(service.publication.parameters.argon2, salt="0d" * 16)

    def gone(_: Reply) -> Reply:
        service.publication = publish(counter=4).signed_anew(argon2=salted)
        return Reply(b"{}", status=410)

    service.lies[Step.RANGE] = gone
    assert refused(service, client) is Code.PIN_MISMATCH


def test_shorter_prefix_and_newer_version_are_welcome(
    client: Client, service: HostileService
) -> None:
    """A new version, and a prefix that hides better, are no reason to refuse."""
    service.publication = publish(counter=4)
    assert isinstance(client.check(Kind.IIN, LEAKED), Found)
    longer = publish(prefix_bits=12)
    with served(longer) as other:
        asker = Client(other.url)
        assert isinstance(asker.check(Kind.IIN, LEAKED), Found)
        other.publication = publish(counter=4, prefix_bits=10)
        assert isinstance(asker.check(Kind.IIN, LEAKED), Found)
        other.publication = publish(counter=5, prefix_bits=12)
        assert isinstance(asker.check(Kind.IIN, LEAKED), Found)


def test_worker_that_has_not_heard_of_the_newest_version(
    client: Client, service: HostileService, publication: Publication
) -> None:
    """Workers learn of a switch one after the other: the client asks again before it refuses."""
    service.publication = newer = publish(counter=4)
    assert isinstance(client.check(Kind.IIN, LEAKED), Found)
    late = iter((publication, publication, newer))

    def lag(_: Reply) -> Reply:
        now = next(late)
        return Reply(now.document, headers=(("Qorgan-Signature", now.signature.hex()),))

    service.lies[Step.PARAMS] = lag
    service.seen.clear()
    assert isinstance(client.check(Kind.IIN, LEAKED), Found)
    expected = [Step.PARAMS] * 3 + [Step.REGISTER, Step.EVALUATE, Step.RANGE]
    assert expected == [asked.step for asked in service.seen]
