"""``qorgan check`` as a process of its own: bytes, pipes, terminals, and what others see of it."""

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from conftest import QORGAN, ROOT
from hostile_service import HostileService, Reply, Step, served
from small_publication import CLEAN, LEAKED, OTHER_OPRF, lane_key, publish

NOTHING = b"qorgan: nothing was given; give one identifier on standard input\n"


@pytest.fixture
def service() -> Iterator[HostileService]:
    with served(publish()) as service:
        yield service


def run(
    service: HostileService, folder: Path, command: tuple[str, ...] = QORGAN, given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [*command, "check", "--server", service.url],
        input=given,
        capture_output=True,
        env=environ(folder),
        cwd=ROOT,
        check=False,
    )


def environ(folder: Path) -> dict[str, str]:
    return os.environ | {"QORGAN_DATA": str(folder / "data")}


def test_bytes_that_are_no_utf8(service: HostileService, tmp_path: Path) -> None:
    """Bytes in another encoding are refused like any other typing error."""
    done = run(service, tmp_path, given=f"{CLEAN}\xe9\n".encode("latin-1"))
    said = b"qorgan: an IIN has only the digits 0 to 9\n"
    assert (2, b"", said) == (done.returncode, done.stdout, done.stderr)


def test_closed_input(service: HostileService, tmp_path: Path) -> None:
    """A closed standard input is an empty one."""
    done = run(service, tmp_path, ("sh", "-c", 'exec "$@" <&-', "sh", *QORGAN))
    assert (2, b"", NOTHING) == (done.returncode, done.stdout, done.stderr)


@contextmanager
def started(
    service: HostileService, folder: Path, **streams: object
) -> Iterator[subprocess.Popen[bytes]]:
    """A check that is going on."""
    process = subprocess.Popen(
        [*QORGAN, "check", "--server", service.url],
        env=environ(folder),
        cwd=ROOT,
        start_new_session=True,
        **streams,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_line_is_enough(service: HostileService, tmp_path: Path) -> None:
    """The answer comes after one line, also from a program that leaves the pipe open."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with started(service, tmp_path, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin, process.stdout:
            process.stdin.write(CLEAN.encode() + b"\n")
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 30)[0]
            assert b"not found in version " in process.stdout.readline()


def test_prompt_does_not_echo(service: HostileService, tmp_path: Path) -> None:
    """On a terminal there is a prompt, and what is typed is not shown."""
    ours, theirs = pty.openpty()
    shown = b""
    with started(service, tmp_path, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        while b"(not shown)" not in shown:
            shown += os.read(ours, 1024)
        time.sleep(0.2)  # whatever flushes the terminal's input has done so
        os.write(ours, LEAKED.encode() + b"\n")
        with suppress(OSError):  # the terminal is gone
            while part := os.read(ours, 1024):
                shown += part
    os.close(ours)
    assert 10 == process.returncode
    assert b"IIN (not shown): " in shown
    assert b"What to do today" in shown
    assert LEAKED.encode() not in shown


def test_identifier_is_in_no_process_list(service: HostileService, tmp_path: Path) -> None:
    """While a question is going on, nobody who lists processes sees whom it is about."""
    lists: list[bytes] = []

    def look(reply: Reply) -> Reply:
        place = Path(f"/proc/{process.pid}")
        lists.extend((place / name).read_bytes() for name in ("cmdline", "environ", "comm"))
        return reply

    service.lies[Step.RANGE] = look
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
    with started(service, tmp_path, **pipes) as process:
        process.communicate(LEAKED.encode() + b"\n")
        assert 10 == process.returncode
    assert b"check" in lists[0]
    assert [] == [text for text in lists if LEAKED.encode() in text]


def test_proof_of_another_key(service: HostileService, tmp_path: Path) -> None:
    """An evaluation that does not prove its key is told in one sentence; exit code 3."""
    service.publication = publish().signed_anew(public_key=lane_key(OTHER_OPRF).public_key.hex())
    done = run(service, tmp_path, given=LEAKED.encode())
    said = (
        "qorgan: could not check: the evaluation was not made with the pinned key "
        f"(asked {service.url})\n"
    )
    assert (3, b"", said.encode()) == (done.returncode, done.stdout, done.stderr)
