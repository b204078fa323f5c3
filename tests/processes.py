"""The process table, as tests of killed programs see it."""

import subprocess


def lives(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    return described(pid, "stat")[:1] not in ("", "Z")


def command_line(pid: int) -> str:
    """How a process was started; empty if there is no such process."""
    return described(pid, "args") if lives(pid) else ""


def described(pid: int, what: str) -> str:
    """A column of the process table; empty if there is no such process."""
    return _ps("-o", f"{what}=", "-p", str(pid))


def children(pid: int, called: str = "") -> list[int]:
    """The ids of a process's living children that were started with this word, in one look."""
    lines = _ps("-o", "pid=,args=", "--ppid", str(pid)).splitlines()
    return [int(line.split()[0]) for line in lines if called in line]


def _ps(*arguments: str) -> str:
    done = subprocess.run(["ps", "-ww", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()
