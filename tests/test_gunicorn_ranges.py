"""Ranges, which gunicorn's worker answers in its loop."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from gunicorn_server import Server
from tiny_wsgi import LONG

from lookup.gunicorn_problem import ANSWERS
from lookup.logs import Event

M = b"950515390002"  # stands for what nobody may see again


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests; what it wrote is looked through at the end."""
    started = Server.start(tmp_path_factory.mktemp("ranges"))
    try:
        yield started
    finally:
        started.stop()
    assert [line for line in started.written() if M.decode() in line] == []


class Line:
    """A connection that goes on, as that of a proxy; its first request was answered."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.heard = b""
        assert self.ask(request("other"))[0] == 200

    def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of what comes next."""
        self.client.sendall(data)
        return self.hear()

    def hear(self) -> tuple[int, dict[str, str], bytes]:
        while b"\r\n\r\n" not in self.heard:
            self._more()
        head, _, self.heard = self.heard.partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        headers = dict(header.lower().split(": ", 1) for header in lines)
        length = int(headers.get("content-length", "0"))
        while len(self.heard) < length:
            self._more()
        body, self.heard = self.heard[:length], self.heard[length:]
        return int(line.split()[1]), headers, body

    def rest(self) -> bytes:
        """All until the server hangs up."""
        with suppress(ConnectionError):
            while got := self.client.recv(1 << 20):
                self.heard += got
        return self.heard

    def _more(self) -> None:
        got = self.client.recv(1 << 20)
        if not got:
            raise EOFError
        self.heard += got


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    with server.connect() as client:
        yield Line(client)


def request(name: str, headers: bytes = b"", body: bytes = b"") -> bytes:
    head = f"GET /v1/range/{name} HTTP/1.1\r\nHost: x\r\n".encode()
    return head + headers + b"\r\n" + body


def test_one_after_another(line: Line) -> None:
    """Ranges and other requests take turns on one connection."""
    for _ in range(50):
        assert line.ask(request("other"))[0] == 200
    assert line.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200
    assert line.ask(request("other"))[0] == 200


def test_two_at_once_and_one_in_pieces(line: Line) -> None:
    """A head that is not whole yet, and one with another behind it."""
    status, _, _ = line.ask(request("other") * 2)
    assert (status, line.hear()[0]) == (200, 200)
    whole = request("other")
    for at in (1, 20, len(whole) - 3):
        line.client.sendall(whole[:at])
        time.sleep(0.05)
        assert line.ask(whole[at:])[0] == 200


def test_one_that_comes_while_another_is_read(tmp_path: Path) -> None:
    """The parser takes both: nothing more comes from the client that would tell of the second."""
    server = Server.start(tmp_path, "tests.tiny_wsgi:slow_to_look()")
    try:
        with server.connect() as client:
            line = Line(client)
            client.settimeout(2)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(3):
                client.sendall(request("other"))
                time.sleep(0.05)
                client.sendall(request("other"))
                assert (line.hear()[0], line.hear()[0]) == (200, 200)
    finally:
        server.stop()


def test_a_body_is_read_before_the_next_request(line: Line) -> None:
    """Also one that comes late: it is no request, whatever it says."""
    smuggled = b"GET /v1/range/raise HTTP/1.1\r\n\r\n"
    length = b"Content-Length: %d\r\n" % len(smuggled)
    line.client.sendall(request("other", length))
    time.sleep(0.1)
    assert line.ask(smuggled)[::2] == (200, b"ok")
    assert line.ask(request("other", length, smuggled))[::2] == (200, b"ok")
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(smuggled), smuggled)
    assert line.ask(request("other", b"Transfer-Encoding: chunked\r\n", chunked))[2] == b"ok"
    assert line.ask(request("other"))[::2] == (200, b"")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("raise?" + M.decode()), 500),
        (request("exit?" + M.decode()), 500),
        (request("other", b"X: %b\n\r\n" % M), 400),
        (request("other", b" %b: 1\r\n" % M), 400),
        (request("other", b"X: %b\r\n" % M * 100), 431),
        (request("other?" + M.decode() * 200), 414),
        (request("other", b"X: %b\r\n" % (M * 900)), 431),
    ],
)
def test_what_goes_wrong_is_a_constant(line: Line, data: bytes, status: int) -> None:
    """Nothing of the request comes back, and the connection ends."""
    got, headers, body = line.ask(data)
    code = ANSWERS[status][1]
    assert (got, json.loads(body)["code"]) == (status, code.value)
    assert headers["connection"] == "close"
    assert M not in body + line.rest()


@pytest.mark.parametrize("name", ["late", "unreadable"])
def test_an_answer_that_fails_ends_where_it_failed(line: Line, name: str) -> None:
    """No error page is read as more of it."""
    line.client.sendall(request(f"{name}?{M.decode()}"))
    assert line.rest().endswith(b"\r\n\r\n12345")


def test_an_answer_in_parts(line: Line) -> None:
    """Chunked, as gunicorn does it."""
    assert line.ask(request("parts"))[0] == 200
    while not line.heard.endswith(b"0\r\n\r\n"):
        line._more()
    assert line.heard == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


def test_a_client_that_wants_no_more(line: Line) -> None:
    """It is told so, and the connection ends."""
    _, headers, _ = line.ask(request("other", b"Connection: close\r\n"))
    assert headers["connection"] == "close"
    assert line.rest() == b""


def test_a_client_that_does_not_read_keeps_nobody_waiting(server: Server) -> None:
    """Not even as many as there are threads; one that reads late has all of its answer."""
    with ExitStack() as stack:
        line, *slow = [Line(stack.enter_context(server.connect())) for _ in range(17)]
        for other in slow:
            other.client.sendall(request("long"))
        began = time.monotonic()
        for _ in range(20):
            assert line.ask(request("other"))[0] == 200
        assert time.monotonic() - began < 5
        for other in slow[:2]:
            assert other.hear()[::2] == (200, bytes(LONG))
            assert other.ask(request("other"))[0] == 200


def test_a_client_that_goes_is_forgotten(tmp_path: Path) -> None:
    """No file of the worker's is left open for it."""
    server = Server.start(tmp_path)
    try:
        with server.connect() as client:
            Line(client)
        worker = next(one["pid"] for one in server.log() if one["event"] == Event.WORKER_STARTED)
        before = settled(Path(f"/proc/{worker}/fd"), 0)
        with ExitStack() as stack:
            for _ in range(12):  # fewer than there are threads
                line = Line(stack.enter_context(server.connect()))
                line.client.sendall(request("long"))
        assert settled(Path(f"/proc/{worker}/fd"), before) <= before
    finally:
        server.stop()


def settled(folder: Path, expected: int) -> int:
    """How many files there are, as soon as they are as expected, or do not change for a second."""
    counts = [len(list(folder.iterdir()))]
    while counts[-1] != expected and counts[-20:] != [counts[-1]] * 20:
        time.sleep(0.05)
        counts.append(len(list(folder.iterdir())))
    return counts[-1]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("path", ["/v1/range/other", "/healthz"])
def test_who_has_just_connected_is_answered_before_it_stops(
    tmp_path: Path, how: signal.Signals, path: str
) -> None:
    """Its request may be on its way; who says nothing does not hold up the end."""
    server = Server.start(tmp_path)
    try:
        with server.connect() as client, server.connect() as silent:
            Line(client)  # both are accepted
            with server.connect() as fresh:
                time.sleep(0.1)
                server.process.send_signal(how)
                time.sleep(0.3)
                fresh.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert b" 200 OK" in fresh.recv(4096)
            silent.settimeout(4)
            assert silent.recv(1) == b""
    finally:
        server.stop()


@pytest.mark.parametrize("seconds", [0, 1])
def test_keepalive_is_since_the_last_answer(tmp_path: Path, seconds: int) -> None:
    """As the operator asked; 0 is none."""
    server = Server.start(tmp_path, GUNICORN_CMD_ARGS=f"--keep-alive {seconds}")
    try:
        with server.connect(request("other")) as client:
            if seconds == 0:
                assert b"Connection: close\r\n" in client.recv(4096)
                assert client.recv(4096) == b""
                return
            line = Line.__new__(Line)
            line.client, line.heard = client, b""
            assert line.hear()[0] == 200
            with server.connect(request("other")) as idle:
                for _ in range(6):  # three times as long as an idle one may stay
                    time.sleep(0.5)
                    assert line.ask(request("other"))[0] == 200
                idle.settimeout(0)
                assert b" 200 OK" in idle.recv(4096)
                assert idle.recv(4096) == b""
            began = time.monotonic()
            assert line.rest() == b""
            assert time.monotonic() - began < 5
    finally:
        server.stop()
