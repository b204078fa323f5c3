"""The client against a service that misbehaves on the wire: it waits a while and has no answer."""

import gzip
import logging
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from conftest import free_port, wait_until
from hostile_service import QUESTION, HostileService, Reply, Step, refused, served
from small_publication import LEAKED, Publication, publish

from lookup import transport as transport_module
from lookup.client import Client, Found
from lookup.errors import Code, CouldNotCheckError
from lookup.protocol.suite import Kind

STEPS = QUESTION
MIB = 1 << 20


@pytest.fixture(scope="module")
def publication() -> Publication:
    return publish()


@pytest.fixture
def service(publication: Publication) -> Iterator[HostileService]:
    with served(publication) as service:
        yield service


@pytest.fixture
def client(service: HostileService) -> Client:
    """One that has asked before, and so has open connections and pins."""
    made = Client(service.url, timeout=5)
    assert isinstance(made.check(Kind.IIN, LEAKED), Found)
    return made


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 404, 405, 413, 418, 500, 503, 599])
def test_any_other_status(client: Client, service: HostileService, step: Step, status: int) -> None:
    """A status that announces no whole answer is none, though the body be the honest one."""
    service.lies[step] = lambda reply: replace(reply, status=status)
    assert refused(service, client) is Code.SERVICE_UNREACHABLE
    assert step == service.seen[-1].step


@pytest.mark.parametrize("step", [Step.PARAMS, Step.REGISTER, Step.EVALUATE])
def test_only_a_range_can_be_gone(client: Client, service: HostileService, step: Step) -> None:
    """Status 410 means a version; the honest body of anything else under it is no answer."""
    service.lies[step] = lambda reply: replace(reply, status=410)
    assert refused(service, client) is Code.SERVICE_UNREACHABLE


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(
    client: Client, service: HostileService, step: Step, status: int
) -> None:
    """Nobody can send the client elsewhere with what it asks."""
    with served(service.publication) as elsewhere:
        location = (("Location", f"{elsewhere.url}/v1/params/public"),)
        service.lies[step] = lambda reply: replace(reply, status=status, headers=location)
        assert refused(service, client) is Code.SERVICE_UNREACHABLE
        assert [] == elsewhere.seen


@pytest.mark.parametrize(
    ("wait", "sentence"),
    [
        ("30", "in 30 seconds"),
        ("", "later"),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "later"),
        ("²³", "later"),
        ("9" * 5000, "later"),
    ],
)
def test_limit_is_told(client: Client, service: HostileService, wait: str, sentence: str) -> None:
    """Who has asked too much is told when to try again, if the service says so in seconds."""
    service.lies[Step.EVALUATE] = lambda reply: replace(
        reply, status=429, headers=(("Retry-After", wait),)
    )
    with pytest.raises(CouldNotCheckError) as raised:
        client.check(Kind.IIN, LEAKED)
    assert Code.RATE_LIMITED is raised.value.code
    assert (
        f"could not check: too many questions from here; try again {sentence}"
        == raised.value.sentence
    )


def test_nobody_listens() -> None:
    """A service that is not there is no answer."""
    url = f"http://127.0.0.1:{free_port()}"
    with served(publish()) as unused:
        assert refused(unused, Client(url)) is Code.SERVICE_UNREACHABLE


def _lying_length(reply: Reply, by: int) -> bytes:
    raw = reply.raw()
    said = f"Content-Length: {len(reply.body)}".encode()
    assert said in raw
    return raw.replace(said, f"Content-Length: {len(reply.body) + by}".encode())


def _chunked(body: bytes, *sizes: int) -> bytes:
    """A head and the body in chunks of these sizes; the last chunk is left out."""
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for size in sizes:
        raw += b"%x\r\n%b\r\n" % (size, body[:size])
        body = body[size:]
    return raw


BROKEN = {
    "closed at once": lambda _: [],
    "closed in the status line": lambda r: [r.raw()[:7]],
    "closed in the headers": lambda r: [r.raw()[:30]],
    "closed before the body": lambda r: [r.raw()[: -len(r.body)]],
    "closed midway": lambda r: [r.raw()[: -len(r.body) // 2]],
    "closed before the last byte": lambda r: [r.raw()[:-1]],
    "a length that is too long": lambda r: [_lying_length(r, 1)],
    "a length that is too short": lambda r: [_lying_length(r, -1)],
    "a length that is no number": lambda r: [
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        r.body[:-1],
    ],
    "two lengths": lambda r: [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n",
        r.body,
    ],
    "a negative length": lambda r: [b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", r.body[:-1]],
    "chunks without an end": lambda r: [_chunked(r.body, 10, 20)],
    "chunks of no size": lambda _: [_chunked(b"") + b"zz\r\nbody\r\n0\r\n\r\n"],
    "no HTTP": lambda _: [b"SSH-2.0-OpenSSH_9.9\r\n\r\n"],
    "a reply to nothing before it": lambda r: [b"\0" * 10 + r.raw()],
    "HTTP/0.9": lambda r: [r.body],
    "too many headers": lambda r: [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", r.body],
    "a long header": lambda r: [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", r.body],
    "compressed": lambda r: [
        replace(
            r, body=gzip.compress(r.body), headers=(*r.headers, ("Content-Encoding", "gzip"))
        ).raw()
    ],
    "a compressed bomb": lambda r: [
        replace(r, body=gzip.compress(bytes(MIB)), headers=(("Content-Encoding", "gzip"),)).raw()
    ],
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", BROKEN)
def test_broken_reply(client: Client, service: HostileService, step: Step, name: str) -> None:
    """A reply that is cut, contradicts itself, or is no plain HTTP is no answer."""
    service.lies[step] = BROKEN[name]
    refused(service, client)
    assert step == service.seen[-1].step
    del service.lies[step]
    wait_until(lambda: recovered(client))


def recovered(client: Client) -> bool:
    """Whether it is found again; a connection that the service is closing may be in the way."""
    try:
        return isinstance(client.check(Kind.IIN, LEAKED), Found)
    except CouldNotCheckError:
        return False


@pytest.mark.parametrize("step", STEPS)
def test_reply_in_other_pieces(client: Client, service: HostileService, step: Step) -> None:
    """How the honest bytes are cut into packets or chunks does not matter."""
    service.lies[step] = lambda r: (r.raw()[at : at + 100] for at in range(0, len(r.raw()), 100))
    assert isinstance(client.check(Kind.IIN, LEAKED), Found)


@pytest.mark.parametrize("step", STEPS)
def test_reply_before_the_reply(client: Client, service: HostileService, step: Step) -> None:
    """What a service sends beyond its reply does not become the reply to the next request."""
    forged = Reply(b"[]").raw()
    service.lies[step] = lambda reply: replace(reply, beyond=forged)
    assert isinstance(client.check(Kind.IIN, LEAKED), Found)
    del service.lies[step]
    assert isinstance(client.check(Kind.IIN, LEAKED), Found)


def _drip(text: bytes, fast: int = 0) -> Iterator[bytes]:
    """The text: so many bytes at once, then one at a time for 3 seconds, then the rest."""
    yield text[:fast]
    until = time.monotonic() + 3
    while time.monotonic() < until and fast < len(text) - 1:
        yield text[fast : fast + 1]
        fast += 1
        time.sleep(0.02)
    yield text[fast:]


@pytest.mark.parametrize("step", STEPS)
def test_slow_body(
    client: Client, service: HostileService, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that drips is given up at the deadline, though every byte came in time."""
    monkeypatch.setattr(transport_module, "DEADLINE", 0.3)
    service.lies[step] = lambda r: _drip(r.raw(), len(r.raw()) - len(r.body))
    assert refused(service, client) is Code.SERVICE_UNREACHABLE


def test_slow_head(
    client: Client, service: HostileService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers that drip are given up at the deadline too."""
    monkeypatch.setattr(transport_module, "DEADLINE", 0.3)
    service.lies[Step.PARAMS] = lambda r: _drip(r.raw())
    assert refused(service, client) is Code.SERVICE_UNREACHABLE


def test_silence(service: HostileService) -> None:
    """A service that accepts and says nothing is given up after the timeout."""
    service.lies[Step.PARAMS] = lambda r: _late(r.raw())
    assert refused(service, Client(service.url, timeout=0.2)) is Code.SERVICE_UNREACHABLE


def _late(raw: bytes) -> Iterator[bytes]:
    time.sleep(1.5)
    yield raw


# What may be read at each step beyond which nobody honest goes, in MiB.
MOST = {Step.PARAMS: 4, Step.REGISTER: 64, Step.EVALUATE: 1, Step.RANGE: 1}


@pytest.mark.parametrize("step", STEPS)
def test_endless_body(client: Client, service: HostileService, step: Step) -> None:
    """A body without end is refused before it fills the memory."""
    sent = [0]

    def endless(_: Reply) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while sent[0] < 200:
            sent[0] += 1
            yield b"[" + b" " * (MIB - 1) if sent[0] == 1 else b" " * MIB

    service.lies[step] = endless
    tracemalloc.start()
    refused(service, client)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sent[0] <= MOST[step] + 16  # what lies in the sockets' buffers
    assert peak < (3 * MOST[step] + 16) * MIB


def test_log_says_nothing(
    client: Client, service: HostileService, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the service answers, no log of a library tells what was asked."""
    malformed = b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"
    both = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with caplog.at_level(logging.DEBUG):
        for step in STEPS:
            for raw in (malformed, both):
                service.lies = {step: lambda r, raw=raw: [raw, r.body]}
                with suppress(CouldNotCheckError):
                    client.check(Kind.IIN, LEAKED)
                assert step in {asked.step for asked in service.seen}
    assert "/v1/" not in caplog.text
    assert LEAKED not in caplog.text
