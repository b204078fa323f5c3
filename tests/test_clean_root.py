"""The parts of ``tools.clean_root`` that are quick: what it reads and refuses, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from conftest import ROOT, wait_until

from tools.clean_root import compose, dockerfile, manual
from tools.clean_root.dockerfile import Command, Copy, Env, Run, Setting
from tools.clean_root.ignore import Ignored
from tools.clean_root.manual import RunOnce, Shell, Up
from tools.clean_root.programs import inside
from tools.clean_root.report import DiffersError

EVERY = r"""
# A comment.
FROM python:3.13-slim-trixie AS build
ENV A=1 B="two words"
RUN one \
    && two
COPY a b/ ./
FROM python:3.13-slim-trixie
COPY --from=build /opt/x /opt/x
USER qorgan
HEALTHCHECK CMD ["python", "-c", "x"]
ENTRYPOINT ["qorgan"]
"""


def test_a_dockerfile_is_read_as_it_stands() -> None:
    """Stages, continued lines, quoted values and lists."""
    build, last = dockerfile.parse(EVERY)
    assert ("python:3.13-slim-trixie", "build") == (build.base, build.name)
    assert build.instructions == (
        Env((("A", "1"), ("B", "two words"))),
        Run("one  && two"),
        Copy(("a", "b/"), "./", None),
    )
    assert last.instructions == (
        Copy(("/opt/x",), "/opt/x", "build"),
        Setting("USER", "qorgan"),
        Command("HEALTHCHECK", ("python", "-c", "x")),
        Command("ENTRYPOINT", ("qorgan",)),
    )


@pytest.mark.parametrize(
    "line",
    [
        "ADD a b",
        "ARG VERSION",
        "RUN --mount=type=cache,target=/x true",
        "COPY --chown=1 a b",
        "COPY *.py ./",
        "CMD serve",
        "ENTRYPOINT [serve]",
        "HEALTHCHECK --interval=5s CMD true",
        "FROM --platform=linux/arm64 python:3.13-slim-trixie",
    ],
)
def test_what_is_not_done_is_refused(line: str) -> None:
    """A step that was passed over would prove nothing."""
    with pytest.raises(DiffersError):
        dockerfile.parse(f"FROM python:3.13-slim-trixie\n{line}\n")


def test_a_dockerfile_begins_with_from() -> None:
    """Neither an empty one nor one without a base is built."""
    for text in ("", "# nothing\n", "RUN true\n"):
        with pytest.raises(DiffersError):
            dockerfile.parse(text)


def test_variables_are_replaced_as_docker_does() -> None:
    """Both spellings; what is not set is nothing."""
    assert "/x:/bin:" == dockerfile.expanded("/x:$PATH:${NONE}", {"PATH": "/bin"})


@pytest.mark.parametrize(
    ("path", "is_ignored"),
    [
        (".git/config", True),
        ("lookup/__pycache__/x.pyc", True),
        ("__pycache__/x.pyc", True),
        ("lookup/api.py", False),
        ("qorgan.egg-info/PKG-INFO", True),
        ("lookup/x.egg-info", False),  # one star is one folder's
        ("deploy/secrets/loader/public.key", True),
        ("deploy/secrets-not/x", False),
    ],
)
def test_dockerignore(path: str, is_ignored: bool) -> None:
    """Patterns begin at the context's root; what is in a folder that is left out is left out."""
    ignored = Ignored.of("# x\n.git\n**/__pycache__\n*.egg-info\ndeploy/secrets\n")
    assert is_ignored == ignored.has(PurePosixPath(path))


@pytest.mark.parametrize("pattern", ["!kept", "[ab]", "a\\b"])
def test_dockerignore_refuses_what_it_does_not_read(pattern: str) -> None:
    """Exceptions and classes of characters."""
    with pytest.raises(DiffersError):
        Ignored.of(pattern)


@pytest.mark.parametrize(
    "entry",
    [
        "mem_limit: 1g",
        "cap_drop: [NET_RAW]",
        "security_opt: ['seccomp:x']",
        "healthcheck: {test: [CMD, x]}",
        "volumes: ['a:/b:z']",
    ],
)
def test_compose_refuses_what_it_does_not_do(entry: str) -> None:
    """Also keys that Docker knows and the program does not honour."""
    with pytest.raises(DiffersError):
        compose.parse(f"services:\n  one:\n    image: x\n    {entry}\n")


def test_what_is_committed_is_understood() -> None:
    """Dockerfile, .dockerignore and compose.yaml have nothing in them that would be refused."""
    stages = dockerfile.parse((ROOT / "Dockerfile").read_text())
    assert 2 == len(stages)
    assert 1 == len({stage.base for stage in stages})
    ignored = Ignored.of((ROOT / ".dockerignore").read_text())
    for secret in (
        "deploy/secrets/loader/public.key",
        "deploy/dumps/x.csv",
        "data/keys/public.key",
    ):
        assert ignored.has(PurePosixPath(secret))
    services = compose.parse((ROOT / "deploy" / "compose.yaml").read_text())
    names = [one.name for one in services]
    assert {"store", "range-1", "range-2", "evaluator", "notices", "loader", "nginx"} == set(names)
    assert "store" == names[0]
    assert names.index("range-2") < names.index("nginx")


def test_links_are_followed_in_the_root_that_they_are_of(tmp_path: Path) -> None:
    """An absolute link of an image never leads to a folder of this machine."""
    (tmp_path / "run").mkdir()
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "run").symlink_to("/run")
    (tmp_path / "var" / "up").symlink_to("../../../etc")
    assert tmp_path / "run" / "x" == inside(tmp_path, "/var/run/x")
    assert tmp_path / "etc" == inside(tmp_path, "/var/up")


def test_the_manuals_commands_are_read_in_order() -> None:
    """What is Docker's is done for it, all else by a shell."""
    text = """```sh
other
```
```sh
cd deploy
a=1
echo $a   # why
docker compose run --rm loader init
docker compose up --detach
```"""
    told = manual.commands(text)
    assert [Shell("a=1\necho $a   # why"), RunOnce("loader", ("init",)), Up()] == told
    for wrong in ("docker compose down", "docker run x", "docker compose run --rm loader"):
        with pytest.raises(DiffersError):
            manual.commands(f"```sh\ncd deploy\n{wrong} # docker compose\n```")
    for missing in ("", "```sh\ndocker compose up --detach\n```"):
        with pytest.raises(DiffersError):
            manual.commands(missing)


def test_the_manuals_own_commands_are_understood() -> None:
    """Docs/operations.md installs by commands that can be run here; the last starts all."""
    told = manual.commands((ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
    assert Up() == told[-1]
    services = {one.service for one in told if isinstance(one, RunOnce)}
    assert {"loader"} == services


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are root's")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_goes_on_without_it(tmp_path: Path, number: signal.Signals) -> None:
    """However it is ended, what it started inside ends with it."""
    inside_it = tmp_path / "inside"
    inside_it.write_text("#!/bin/sh\nsleep 60\n")
    inside_it.chmod(0o755)
    code = (
        "import sys; from pathlib import Path; from tools.clean_root import __main__, programs;"
        f"programs.missing = list; sys.executable = {str(inside_it)!r};"
        f"__main__._outside([], Path({str(tmp_path)!r}))"
    )
    env = os.environ | {"TMPDIR": str(tmp_path)}
    outer = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env)
    wait_until(lambda: _started(inside_it) != [])
    outer.send_signal(number)
    outer.wait(timeout=10)
    try:
        wait_until(lambda: _started(inside_it) == [])
    finally:
        for pid in _started(inside_it):
            os.kill(pid, signal.SIGKILL)


def _started(script: Path) -> list[int]:
    """The processes that run it."""
    words = f"/bin/sh\0{script}\0".encode()
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if one.read_bytes().startswith(words):
                found.append(int(one.parent.name))
        except OSError:  # it has ended
            continue
    return found
