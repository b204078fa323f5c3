"""The same application under gunicorn and under Granian behaves alike."""

import http.client
import json
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest
from conftest import Installation, Served, get, wait_until
from plain_http import ask, say
from processes import children, lives
from site_world import CLEAN, LEAKED, serving

SLOW = 200  # bodies that never end
IDLE = 10_000


@pytest.fixture(scope="module", params=["gunicorn", "granian"])
def world(
    request: pytest.FixtureRequest,
    published_site: Installation,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Served, Installation]]:
    folder = tmp_path_factory.mktemp(request.param)
    with serving(published_site, folder, "--server", request.param) as made:
        yield made


def version(served: Served) -> str:
    name: str = json.loads(get(f"{served.url}/v1/params/public")[1])["version"]
    return name


def test_people_are_found_and_not_found(world: tuple[Served, Installation]) -> None:
    """The whole lookup, by the command that people use."""
    served, installation = world
    for iin, code in ((LEAKED, 10), (CLEAN, 0)):
        installation.qorgan("check", "--server", served.url, stdin=iin, code=code)


def test_one_connection_serves_many(world: tuple[Served, Installation]) -> None:
    """A range, its tag, its HEAD and a part of the filter, all on one kept connection."""
    served, _ = world
    name = version(served)
    place = urlsplit(served.url)
    line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
    line.connect()
    opened = line.sock
    path = f"/v1/range/public/{name}/000"

    def heard(method: str, where: str, **headers: str) -> http.client.HTTPResponse:
        line.request(method, where, headers={k.replace("_", "-"): v for k, v in headers.items()})
        reply = line.getresponse()
        reply.body = reply.read()  # type: ignore[attr-defined]
        return reply

    whole = heard("GET", path)
    head = heard("HEAD", path)
    assert (200, 200) == (whole.status, head.status)
    assert whole.headers["Content-Length"] == head.headers["Content-Length"]
    assert b"" == head.body  # type: ignore[attr-defined]
    tag = whole.headers["ETag"]
    assert f'"{name}-000"' == tag
    assert 304 == heard("GET", path, If_None_Match=tag).status
    part = heard("GET", f"/v1/filter/public/{name}", Range="bytes=3-6")
    assert (206, "4") == (part.status, part.headers["Content-Length"])
    assert part.headers["Content-Range"].startswith("bytes 3-6/")
    assert 416 == heard("GET", f"/v1/filter/public/{name}", Range="bytes=99999999-").status
    assert opened is line.sock
    line.close()


def test_no_busy_client_keeps_another_waiting(world: tuple[Served, Installation]) -> None:
    """More than gunicorn has threads send 3,000 requests at once: others come in between."""
    served, _ = world
    path = f"/v1/range/public/{version(served)}/000"
    many = f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 3_000
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(_place(served))) for _ in range(20)]
        for line in lines:
            line.sendall(many)
        assert 200 == get(f"{served.url}{path}")[0]
        for line in lines:
            line.setblocking(False)
            heard = b""
            with suppress(BlockingIOError):
                while part := line.recv(1 << 20):
                    heard += part
            assert heard.count(b"HTTP/1.1 200") < 3_000


def test_what_cannot_be_parsed_is_not_repeated(world: tuple[Served, Installation]) -> None:
    """Neither in the reply nor in the log, which is JSON lines of ours and "ready"."""
    served, _ = world
    for data in (
        b"GET /?iin=000101590007 HTTP/9.9\r\n\r\n",
        b"GET /" + b"0" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: 000101590007\r\n\r\n",
        b"POST /v1/evaluate HTTP/1.1\r\nHost: x\r\nContent-Length: 000101590007\r\n\r\n",
    ):
        heard = say(served.url, data)
        assert b"000101590007" not in heard
        assert b"0" * 100 not in heard
    assert 410 == ask(served.url, "/v1/range/public/1-00000000/000101590007").status
    log = served.log.read_text()
    assert "0001015" not in log
    assert "/v1/" not in log
    for text in log.splitlines():
        assert text.startswith(("{", "ready: ")), text


def test_it_stops_in_order(
    request: pytest.FixtureRequest, published_site: Installation, tmp_path_factory: object
) -> None:
    """Ctrl-C ends it and its store within 10 s, also while clients hold lines open."""
    del request
    assert isinstance(tmp_path_factory, pytest.TempPathFactory)
    for server in ("gunicorn", "granian"):
        folder = tmp_path_factory.mktemp("stop")
        with ExitStack() as stack:
            served, _ = stack.enter_context(serving(published_site, folder, "--server", server))
            for _ in range(20):
                stack.enter_context(socket.create_connection(_place(served)))
            started = time.monotonic()
            family = children(served.process.pid)
            assert family
            served.process.send_signal(signal.SIGINT)
            assert 0 == served.process.wait(timeout=10)
            assert time.monotonic() - started < 10
            wait_until(lambda family=family: not any(lives(pid) for pid in family), 5)


def test_slow_clients_hurt_nobody(world: tuple[Served, Installation]) -> None:
    """Granian by itself: bodies that never end, and more idle connections than most have."""
    served, installation = world
    if "granian" not in str(installation.data):
        pytest.skip("gunicorn has nginx in front of it against these")
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    idle = min(IDLE, most - 2 * SLOW - 500)
    body = b"POST /v1/evaluate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
    try:
        with ExitStack() as stack:
            for number in range(SLOW + idle):
                line = stack.enter_context(socket.create_connection(_place(served)))
                if number < SLOW:
                    line.sendall(body)
            wait_until(lambda: _answers(served), 30)  # ten thousand at once take a while to accept
            for _ in range(5):
                started = time.monotonic()
                assert 200 == get(f"{served.url}/v1/range/public/{version(served)}/000")[0]
                assert time.monotonic() - started < 5
            installation.qorgan("check", "--server", served.url, stdin=LEAKED, code=10)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def test_a_killed_worker_is_replaced(
    published_site: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Under Granian as under gunicorn; the service goes on answering."""
    folder = tmp_path_factory.mktemp("killed")
    with serving(published_site, folder, "--server", "granian") as (served, _):
        (worker,) = children(served.process.pid, "granian_server")
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not lives(worker), 10)
        wait_until(lambda: _answers(served), 20)
        assert served.process.poll() is None


def _place(served: Served) -> tuple[str, int]:
    place = urlsplit(served.url)
    return place.hostname or "", place.port or 0


def _answers(served: Served) -> bool:
    try:
        return get(f"{served.url}/healthz")[0] == 200
    except OSError:
        return False
