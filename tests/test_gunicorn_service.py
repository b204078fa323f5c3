import os
import resource
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from gunicorn_server import BACKGROUND, FOREGROUND, Server

from lookup.gunicorn_socket import LINGER
from lookup.logs import Event

GOOD = b"GET /healthz HTTP/1.0\r\n\r\n"


Stops = dict[tuple[str, str], Future[tuple[Server, float]]]


@pytest.fixture(scope="module", autouse=True)
def stops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stops]:
    """Servers that are stopped by either signal while clients keep them.

    This takes a while, so it goes on beside the other tests.
    """
    with ThreadPoolExecutor(4) as pool:
        yield {
            (number, shell): pool.submit(_stop, tmp_path_factory.mktemp("stop"), number, shell)
            for number in ("SIGINT", "SIGTERM")
            for shell in (FOREGROUND, BACKGROUND)
        }


def _stop(folder: Path, number: str, shell: str) -> tuple[Server, float]:
    server = Server.start(folder, shell=shell)
    with ExitStack() as clients:
        for start in (b"GET /slow HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n", b"", GOOD):
            clients.enter_context(server.connect(start))
        time.sleep(0.3)
        started = time.monotonic()
        server.signal(getattr(signal, number))
        assert server.gone()
    return server, time.monotonic() - started


def test_stalling_clients(tmp_path: Path) -> None:
    """Clients that say nothing, or stay after their answer, do not hold up the others."""
    server = Server.start(tmp_path)
    try:
        with ExitStack() as clients:
            for data in (b"", b"NONSENSE\r\n"):
                for _ in range(20 if data == b"" else 6):
                    clients.enter_context(server.connect(data))
                time.sleep(0.1)
                started = time.monotonic()
                assert server.ask(GOOD).startswith(b"HTTP/1.0 200 OK")
                assert time.monotonic() - started < LINGER / 2
    finally:
        server.stop()


def test_stop_with_silent_clients(tmp_path: Path) -> None:
    """A client that has not begun its request does not hold up the stop."""
    server = Server.start(tmp_path)
    try:
        with server.connect():
            time.sleep(0.3)
            server.signal(signal.SIGTERM)
            assert server.gone(4)
    finally:
        server.stop()


def test_as_many_files_as_the_system_allows(tmp_path: Path) -> None:
    """A worker that runs out of them drops everybody; many systems give 1,024 unless asked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        server = Server.start(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        server.wait_for("ready: ")
        worker = next(line["pid"] for line in server.log() if line["event"] == Event.WORKER_STARTED)
        assert isinstance(worker, int)
        assert (hard, hard) == resource.prlimit(worker, resource.RLIMIT_NOFILE)
    finally:
        server.stop()


def test_later_worker_cannot_start(tmp_path: Path) -> None:
    """A worker that cannot be replaced for a while does not end the service."""
    once = tmp_path / "once"
    server = Server.start(tmp_path, "tests.tiny_wsgi:once()", ONCE=str(once))
    try:
        server.wait_for("ready: ")
        first = next(line["pid"] for line in server.log() if line["event"] == Event.WORKER_STARTED)
        assert isinstance(first, int)
        os.kill(first, signal.SIGKILL)
        server.wait_for(Event.CANNOT_START)
        once.unlink()
        assert server.ask(GOOD).startswith(b"HTTP/1.0 200 OK")
    finally:
        server.stop()
    assert [line["code"] for line in server.log() if "code" in line] == ["store_unavailable"]


def test_store_is_held_while_serving(tmp_path: Path) -> None:
    """The store is held before the first worker starts and released after the last has gone.

    A reload changes neither that nor the one ready line.
    """
    server = Server.start(tmp_path, conf="tests.holding_conf", QORGAN_WORKERS="2")
    try:
        server.wait_for("ready: ")
        server.wait_for(Event.WORKER_STARTED, 2)
        server.signal(signal.SIGHUP)
        server.wait_for(Event.WORKER_STARTED, 4)
        server.wait_for(Event.WORKER_STOPPED, 2)
    finally:
        server.stop()
    told = [line.partition('"event": ')[2] or line.partition(":")[0] for line in server.written()]
    said = [line.partition("}")[0].partition(",")[0].strip('"') for line in told]
    assert said.count("store held") == said.count("store released") == said.count("ready") == 1
    assert said.index("store held") < said.index(Event.WORKER_STARTED)
    assert said[-1] == "store released"
    assert said.count(Event.WORKER_STOPPED) == 4


def test_stop_while_starting(tmp_path: Path) -> None:
    """A signal that comes while the store starts stops the service, and the store with it."""
    server = Server.start(tmp_path, conf="tests.holding_conf", shell=BACKGROUND, HOLD_SECONDS="20")
    try:
        pid = int(server.wait_for("store held").rpartition(" ")[2])
        os.kill(pid, signal.SIGINT)
        assert server.gone(5)
    finally:
        server.stop()
    assert server.process.returncode == 128 + signal.SIGINT
    assert server.written()[-1] == "store released"


def test_store_cannot_be_held(tmp_path: Path) -> None:
    """Where the store does not start, its sentence is shown, with its exit code."""
    server = Server.start(tmp_path, conf="tests.holding_conf", HOLD_FAILS="1")
    try:
        assert server.process.wait(15) == 3
    finally:
        server.stop()
    assert server.written()[-2:] == [
        "qorgan: the store does not start; see its log",
        "store released",
    ]


def test_cannot_start(tmp_path: Path) -> None:
    """Where the application refuses to start, its sentence is shown once, with its exit code."""
    server = Server.start(
        tmp_path, "tests.tiny_wsgi:broken()", "tests.holding_conf", QORGAN_WORKERS="3"
    )
    try:
        assert server.process.wait(15) == 2
    finally:
        server.stop()
    sentence = "qorgan: public.key is not one line of hex; run qorgan init"
    assert server.written().count(sentence) == 1
    assert {line.get("code") for line in server.log()} == {None, "bad_key_file"}
    assert server.written()[-1] == "store released"


def test_cannot_start_unforeseen(tmp_path: Path) -> None:
    """Where the application fails for another reason, only the class is shown."""
    server = Server.start(tmp_path, "tests.tiny_wsgi:unforeseen()")
    try:
        assert server.process.wait(15) == 3
    finally:
        server.stop()
    assert [line["error"] for line in server.log() if "error" in line] == ["RuntimeError"]
    assert [line for line in server.written() if not line.startswith("{")] == []


def test_bad_setting(tmp_path: Path) -> None:
    """A wrong setting is one sentence and exit code 2."""
    server = Server.start(tmp_path, QORGAN_WORKERS="many")
    try:
        assert server.process.wait(15) == 2
    finally:
        server.stop()
    assert server.written() == ["qorgan: QORGAN_WORKERS must be a whole number from 1 to 256"]


@pytest.mark.parametrize(
    "args",
    [
        ["--worker-class", "sync"],
        ["--capture-output"],
    ],
)
def test_foreign_option(tmp_path: Path, args: list[str]) -> None:
    """An option of gunicorn's that would break a promise is refused, wherever it comes from."""
    server = Server.start(tmp_path, GUNICORN_CMD_ARGS=" ".join(args))
    try:
        assert server.process.wait(15) == 2
    finally:
        server.stop()
    name = args[0].removeprefix("--").replace("-", "_")
    sentence = f"qorgan: gunicorn's {name} is not for changing here; use the QORGAN_ settings"
    assert server.written()[-1] == sentence


@pytest.mark.parametrize("shell", [FOREGROUND, BACKGROUND], ids=["foreground", "background"])
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_stop(stops: Stops, number: str, shell: str) -> None:
    """Either signal ends all processes well within 10 s, whatever clients hold open."""
    server, seconds = stops[number, shell].result()
    assert seconds < 8
    assert server.process.returncode == 0
    signals = [line["signal"] for line in server.log() if line["event"] == Event.SIGNAL_RECEIVED]
    assert signals == [number]
    assert server.log()[-1]["event"] == Event.SERVICE_STOPPING
