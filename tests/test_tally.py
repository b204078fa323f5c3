"""Workers count in one file each, and any of them knows the sum of all."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lookup import tally
from lookup.tally import Tally

LAYOUT = "two cells"
WORKER = """
import sys
from lookup import tally
made = tally.Tally("two cells", 2, tally.shared())
made.cells[1] += int(sys.argv[1])
print(made.totals(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in memory, so to speak; the environment is as before afterwards."""
    monkeypatch.setattr(tally, "_MEMORY", tmp_path)
    monkeypatch.setenv("LOOKUP_TALLY", "")
    return tmp_path


def made(folder: Path, layout: str = LAYOUT) -> Tally:
    return Tally(layout, 2, folder)


def test_workers_add_up(base: Path) -> None:
    """Three workers of one service, each in a file of its own; all tell the same sums."""
    share = tally.share()
    assert share is not None
    workers = [made(share.folder) for _ in range(3)]
    for number, worker in enumerate(workers):
        worker.cells[0] += 1
        worker.cells[1] += 10**number
    assert [[3, 111]] * 3 == [worker.totals() for worker in workers]
    share.end()
    assert [] == list(base.iterdir())


def test_a_killed_worker_is_followed_by_another(base: Path) -> None:
    """What it counted stays, and its file is the next one's: there are never more than workers."""
    share = tally.share()
    assert share is not None
    for expected in ("[0, 5]", "[0, 10]"):
        command = [sys.executable, "-c", WORKER, "5"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
        ) as worker:
            assert worker.stdout is not None
            assert expected == worker.stdout.readline().strip()
            worker.kill()
    assert [0, 10] == made(share.folder).totals()
    assert 2 == len(list(share.folder.iterdir()))  # the file and the service's lock
    share.end()


def test_other_counts_are_not_added(base: Path) -> None:
    """After a reload workers of the new code may count other things than those of the old."""
    old, new = made(base, "old"), made(base, "new")
    old.cells[0] += 1
    assert ([1, 0], [0, 0]) == (old.totals(), new.totals())


def test_no_count_of_a_thread_is_lost() -> None:
    """Threads count in the same cell without a lock."""
    alone = Tally(LAYOUT, 2, None)
    cells = alone.cells

    def count() -> None:
        for _ in range(100_000):
            cells[0] += 1

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)
    assert [400_000, 0] == alone.totals()


def test_what_a_killed_service_left_is_removed(base: Path) -> None:
    """The next one removes it, and not what a living one has."""
    killed, living = tally.share(), tally.share()
    assert killed is not None
    assert living is not None
    made(killed.folder)
    os.close(killed.lock)
    third = tally.share()
    assert third is not None
    assert {living.folder, third.folder} == set(base.iterdir())
    living.end()
    third.end()


def test_without_a_place_each_counts_alone(base: Path, tmp_path: Path) -> None:
    """No memory for the files, or nobody who made a folder: counts are kept all the same."""
    assert tally.shared() is None
    for folder in (None, tmp_path / "gone"):
        alone = Tally(LAYOUT, 2, folder)
        alone.cells[1] += 7
        assert [0, 7] == alone.totals()
