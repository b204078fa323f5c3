"""One delivery: what is signed, where it may go, and what counts as accepted."""

import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
from standardwebhooks import Webhook, WebhookVerificationError
from tls_files import tls_files
from webhook_receiver import Receiver, receiving

from loaders import webhook
from loaders.webhook import Hook, Message
from lookup import keys

SECRET = keys.webhook_secret(b"\x01" * 32, "00" * 8)
MESSAGE = Message("msg_public_1-2", json.dumps({"type": "notice.created", "data": "қорған"}))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def hook(url: str, *, allow_private: bool = False) -> Hook:
    return Hook(url, SECRET, allow_private)


def test_the_standards_own_library_verifies_it(receiver: Receiver) -> None:
    """Id, time, signature and body are what Standard Webhooks says; with another secret not."""
    assert "" == hook(receiver.url).deliver(MESSAGE)
    ((headers, body),) = receiver.arrived
    assert (MESSAGE.id, "application/json") == (headers["webhook-id"], headers["content-type"])
    assert json.loads(MESSAGE.body) == Webhook(SECRET).verify(body, headers)
    other = keys.webhook_secret(b"\x01" * 32, "01" * 8)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + b" ", headers)


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_every_success_is_accepted(receiver: Receiver, status: int) -> None:
    """Any status of the 2xx."""
    receiver.answer = lambda _: status
    assert "" == hook(receiver.url).deliver(MESSAGE)


@pytest.mark.parametrize("status", [301, 307, 400, 410, 429, 500])
def test_all_else_is_a_failure(receiver: Receiver, status: int) -> None:
    """Redirects too: they are not followed."""
    receiver.answer = lambda _: status
    receiver.headers = {"Location": receiver.url, "Retry-After": "0"}
    assert f"status {status}" == hook(receiver.url).deliver(MESSAGE)
    assert 1 == len(receiver.arrived)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "0.0.0.0",  # noqa: S104  an address that is refused
        "169.254.169.254",
        "fe80::1%lo",
        "224.0.0.1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "10.1.2.3",
        "fd00::1",
        "fec0::1",
        "64:ff9b:1::a00:1",
        "::127.0.0.1",
        "::ffff:0:7f00:1",
        "5f00::1",
    ],
)
def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Whoever rules the name must not make us ask our own machines."""
    leads_to(monkeypatch, address)
    assert webhook.REFUSED == hook("https://app.example/hook").deliver(MESSAGE)


@pytest.mark.parametrize("address", ["10.1.2.3", "172.31.0.1", "192.168.1.1", "fd00::1"])
def test_private_networks_are_for_whoever_allows_them(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """With --allow-private they are tried; what is this machine or no host never is."""
    asked: list[str] = []
    leads_to(monkeypatch, address)
    monkeypatch.setattr(Hook, "_post", lambda _, to, *__: asked.append(to) or "")
    assert "" == hook("https://app.example/", allow_private=True).deliver(MESSAGE)
    assert [address] == asked
    for other in ("127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"):
        leads_to(monkeypatch, other)
        refused = hook("https://app.example/", allow_private=True).deliver(MESSAGE)
        assert webhook.REFUSED == refused


def test_plain_http_is_for_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the store says otherwise; and a loopback name must lead to loopback."""
    leads_to(monkeypatch, "93.184.216.34")
    for url in ("http://app.example/hook", "http://localhost/hook", "https://localhost/hook"):
        assert webhook.REFUSED == hook(url).deliver(MESSAGE)


def test_the_checked_address_is_the_one_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked up once: no second look can lead elsewhere."""
    asked: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        asked.append(address)
        raise OSError

    lookups = leads_to(monkeypatch, "10.0.0.1", "93.184.216.34")
    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    assert webhook.UNREACHABLE == hook("https://app.example/hook").deliver(MESSAGE)
    assert ([("93.184.216.34", 443)], 1) == (asked, len(lookups))


def test_names_and_ports_that_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are told apart for the operator."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        assert webhook.UNREACHABLE == hook(url).deliver(MESSAGE)

    def no_name(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    assert webhook.NO_ADDRESS == hook("https://app.example/").deliver(MESSAGE)


@contextmanager
def speaking(*said: bytes) -> Iterator[str]:
    """The address of somebody who says these bytes, one part each 50 ms, and then nothing."""
    over = threading.Event()

    def serve() -> None:
        line, _ = listener.accept()
        with line:
            for part in said:
                try:
                    line.sendall(part)
                except OSError:
                    return
                over.wait(0.05)
            over.wait(5)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            over.set()
            thread.join()


def test_hostile_answers_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence, a drip of headers, or no HTTP: a failure, soon."""
    monkeypatch.setattr(webhook, "DEADLINE", 0.5)
    began = time.monotonic()
    with speaking() as url:
        assert webhook.NO_ANSWER == hook(url).deliver(MESSAGE)
    with speaking(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 60) as url:
        assert webhook.NO_ANSWER == hook(url).deliver(MESSAGE)
    with speaking(b"SSH-2.0\r\n\r\n") as url:
        assert webhook.BROKEN == hook(url).deliver(MESSAGE)
    assert time.monotonic() - began < 5


def test_who_drips_keeps_nothing_of_ours(threads: list[threading.Thread]) -> None:
    """At the deadline the line is cut, and the thread that waited on it ends."""
    with speaking(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 400) as url:
        assert webhook.NO_ANSWER == hook(url).deliver(MESSAGE)
        (thread,) = threads
        thread.join(5)
        assert not thread.is_alive()


def test_who_is_reached_after_the_deadline_keeps_nothing_either(
    threads: list[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name whose first addresses are slow to refuse, and whose last one drips."""
    given_up = threading.Event()
    connect = urllib3.util.connection.create_connection

    def connect_late(*args: Any, **kwargs: Any) -> socket.socket:
        given_up.wait(5)
        return connect(*args, **kwargs)

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect_late)
    with speaking(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 400) as url:
        assert webhook.NO_ANSWER == hook(url).deliver(MESSAGE)
        given_up.set()
        (thread,) = threads
        thread.join(5)
        assert not thread.is_alive()


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads that deliver, from now on; each delivery has 0.3 s."""
    seen: list[threading.Thread] = []
    outcome = Hook._outcome

    def seen_outcome(self: Hook, *args: Any) -> str:
        seen.append(threading.current_thread())
        return outcome(self, *args)

    monkeypatch.setattr(webhook, "DEADLINE", 0.3)
    monkeypatch.setattr(Hook, "_outcome", seen_outcome)
    return seen


def test_an_endless_body_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status is all that is looked at."""
    monkeypatch.setattr(webhook, "DEADLINE", 2.0)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"
    with speaking(head, *[b"x" * 1000] * 60) as url:
        began = time.monotonic()
        assert "" == hook(url).deliver(MESSAGE)
        assert time.monotonic() - began < 1


def test_certificates_are_checked_against_the_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One that nobody vouches for, or for another name, is refused; the right one is good."""
    with tls_server(tmp_path, "localhost") as port:
        url = f"https://localhost:{port}/"
        monkeypatch.setattr(socket, "getaddrinfo", to_loopback)
        assert webhook.BAD_CERTIFICATE == hook(url).deliver(MESSAGE)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        assert "" == hook(url).deliver(MESSAGE)
        other = hook(f"https://127.0.0.1:{port}/").deliver(MESSAGE)
        assert webhook.BAD_CERTIFICATE == other


def test_nothing_of_it_is_logged(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither address nor path nor secret, whatever the level."""
    caplog.set_level(logging.DEBUG)
    webhook.silence()
    hook(receiver.url).deliver(MESSAGE)
    with speaking(b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n") as url:
        hook(url).deliver(MESSAGE)
    assert "" == caplog.text
    assert receiver.url not in repr(hook(receiver.url))
    assert SECRET not in repr(hook(receiver.url))


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[object]:
    """Names have these addresses from now on; what was asked."""
    lookups: list[object] = []

    def look(host: object, port: int, **_: object) -> list[tuple[object, ...]]:
        lookups.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look)
    return lookups


def to_loopback(host: object, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@contextmanager
def tls_server(folder: Path, name: str) -> Iterator[int]:
    """A port on loopback where somebody with a certificate of his own says 200."""
    tls_files(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(line, server_side=True) as secured:
                    received = b""
                    # In two pieces, or none if the certificate was not liked.
                    while (part := secured.recv(1 << 16)) and MESSAGE.body.encode() not in (
                        received := received + part
                    ):
                        pass
                    secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            except OSError:
                line.close()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
