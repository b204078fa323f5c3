"""A load of which anything is killed at any moment, and run again, is the load of a clean run.

Loader, pool worker, store: moments are random but seeded. For a soak test say how many kills each
test shall make: ``make soak``, or ``KILLS=200 pytest tests/test_kill.py``.
"""

import os
import random
import re
import signal
import subprocess
import time
from contextlib import suppress

import kill_runner
import pytest
from conftest import wait_until
from killable import (
    Copier,
    Killable,
    Prepared,
    Result,
    copied,
    kill,
    kills,
    prepared,
    result,
    small_chunks,
)
from processes import children, lives

__all__ = ["copied", "prepared", "small_chunks"]

INTERRUPTED = "\nqorgan: interrupted; run the same command again to go on\n"
NOT_STARTED = re.compile(  # killed while it was starting
    r"qorgan: the embedded store's server did not start; see .*/valkey\.log for the reason\n"
)
SENTENCES = {
    "worker": (
        "a hashing worker was killed; free memory or lower QORGAN_WORKERS, then run the same "
        "command again"
    ),
    "store": "the store cannot be reached; check that it runs, then run the same command again",
}


def test_a_load_killed_again_and_again(prepared: Prepared, copied: Copier) -> None:
    """No row is lost or made up, and the certificate counts what a clean one counts."""
    dice = random.Random(1)
    installation = copied(prepared.empty)
    killed = moves = 0
    checkpoints = [0]
    for number in range(kills(8)):
        process = installation.start(*installation.load("one"))
        if number % 2:
            installation.gets_beyond(checkpoints[-1], process)
            time.sleep(dice.uniform(0, 0.05))
        else:
            time.sleep(dice.uniform(0, 1.5))  # while it starts, or reads, or early in its hashing
        if kill(process):
            killed += 1
            checkpoint = installation.checkpoint()
            checkpoints.append(checkpoints[-1] if checkpoint is None else checkpoint)
            assert sorted(checkpoints) == checkpoints
            moves += checkpoints[-1] > checkpoints[-2]
        else:  # it was done before the kill came
            finish_load(installation, prepared.first)
            installation, checkpoints = copied(prepared.empty), [0]
    assert killed > kills(8) // 2
    assert moves >= kills(8) // 4
    finish_load(installation, prepared.first)


@pytest.mark.parametrize("who", ["worker", "store"])
def test_what_a_load_needs_killed_again_and_again(
    prepared: Prepared, copied: Copier, who: str
) -> None:
    """One sentence and 3; what was acknowledged is on the disk, and run again it goes on."""
    dice = random.Random(2)
    installation = copied(prepared.empty)
    killed = seen = before = 0
    victims: list[int] = []
    for number in range(kills(6)):
        process = installation.start(*installation.load("one"))
        moment = dice.randint(seen, len(prepared.first.rows)) if number % 2 else 0
        while process.poll() is None and (not victims or before < moment):
            before = installation.checkpoint() or 0
            victims = victims or needed(installation, process, who)
        time.sleep(dice.uniform(0, 0.05))
        with suppress(ProcessLookupError):
            for pid in victims[:1]:
                os.kill(pid, signal.SIGKILL)
        victims = []
        out, err = process.communicate(timeout=120)
        if process.returncode == 0:  # it was done without
            finish_load(installation, prepared.first)
            installation, seen, before = copied(prepared.empty), 0, 0
            continue
        killed += 1
        assert (3, "") == (process.returncode, out)
        assert err.startswith(f"qorgan: {SENTENCES[who]}") or NOT_STARTED.fullmatch(err)
        assert 1 == err.count("\n")
        with installation.store():
            after = installation.checkpoint() or 0
        assert max(seen, before) <= after <= len(prepared.first.rows)
        seen = after
    assert killed > kills(6) // 3
    finish_load(installation, prepared.first)


def needed(installation: Killable, process: subprocess.Popen[str], who: str) -> list[int]:
    """The processes of a load's pool; or the store that it uses, once it answers."""
    if who == "worker":
        return children(process.pid, "spawn_main")
    path = installation.data / "store" / "valkey.pid"
    return [int(path.read_text())] if installation.checkpoint() is not None else []


def finish_load(installation: Killable, expected: Result) -> None:
    """Load to the end and publish: all must be as after a clean load, and verify says so."""
    installation.run(*installation.load("one"))
    installation.run("publish", "one")
    assert expected == result(installation)
    assert "identifiers, " in installation.run("verify")


def test_a_load_interrupted_by_ctrl_c(prepared: Prepared, copied: Copier) -> None:
    """It ends soon, in order, with a sentence; the next run goes on from its checkpoint."""
    installation = copied(prepared.empty)
    process = installation.start(*installation.load("one"))
    installation.gets_beyond(0, process)
    family = children(process.pid)
    server = int((installation.data / "store" / "valkey.pid").read_text())
    assert len(family) > 1
    assert lives(server)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (130, "", INTERRUPTED) == (process.returncode, out, err)
    wait_until(lambda: not any(lives(pid) for pid in (*family, server)), seconds=5)
    with installation.store():
        stopped_at = installation.checkpoint() or 0
    assert 0 < stopped_at < len(prepared.first.rows)
    assert 0 == stopped_at % kill_runner.SLICE  # of a group that took seconds, a part
    finish_load(installation, prepared.first)


def test_a_load_whose_workers_are_starting_when_ctrl_c_comes(
    prepared: Prepared, copied: Copier
) -> None:
    """However early Ctrl-C comes, no worker's traceback is shown in place of the sentence."""
    installation = copied(prepared.empty)
    for pause in (0.0, 0.1, 0.2):
        process = installation.start(*installation.load("one"))
        wait_until(lambda process=process: len(children(process.pid)) > 1)
        time.sleep(pause)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (130, "", INTERRUPTED) == (process.returncode, out, err)
