"""The commands of docs/operations.md that install a deployment, to be run as they stand."""

import re
import shlex
from dataclasses import dataclass

from tools.clean_root.report import DiffersError

_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_RUN, _UP = ("docker", "compose", "run", "--rm"), ("docker", "compose", "up", "--detach")


@dataclass(frozen=True)
class Shell:
    """Lines for one shell, in the folder of compose.yaml."""

    script: str


@dataclass(frozen=True)
class RunOnce:
    """``docker compose run --rm SERVICE WORDS``."""

    service: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Up:
    """``docker compose up --detach``: all services that are not the operator's."""


def commands(text: str) -> list[Shell | RunOnce | Up]:
    """Those of the document's first block that has ``docker compose`` in it.

    Raises:
        DiffersError: there is none, or one of Docker's that this program does not do.
    """
    block = next((one for one in _BLOCK.findall(text) if "docker compose" in one), None)
    if block is None:
        raise DiffersError("docs/operations.md has no commands that install a deployment")
    first, *lines = block.splitlines()
    if first != "cd deploy":
        raise DiffersError("the manual's commands are run in deploy; they begin with: cd deploy")
    told: list[Shell | RunOnce | Up] = []
    for line in lines:
        words = tuple(shlex.split(line, comments=True))
        if words[:1] != ("docker",):
            if told and isinstance(told[-1], Shell):
                told[-1] = Shell(f"{told[-1].script}\n{line}")
            else:
                told.append(Shell(line))
        elif words[:4] == _RUN and len(words) > 5:
            told.append(RunOnce(words[4], words[5:]))
        elif words == _UP:
            told.append(Up())
        else:
            raise DiffersError(f"this program does not do: {line}")
    return told
