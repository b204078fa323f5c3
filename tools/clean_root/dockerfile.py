"""A Dockerfile, read: its stages and their instructions.

Only what ours needs; anything else is refused, for a step that is passed over proves nothing.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from tools.clean_root.report import DiffersError

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")


@dataclass(frozen=True)
class Run:
    """A command for ``/bin/sh -c``."""

    command: str


@dataclass(frozen=True)
class Copy:
    """Files of the context, or of an earlier stage, to a place in the image."""

    sources: tuple[str, ...]
    target: str
    stage: str | None


@dataclass(frozen=True)
class Env:
    """Variables, not yet replaced by their values."""

    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Setting:
    """An instruction with one word: USER, WORKDIR, VOLUME or EXPOSE."""

    name: str
    value: str


@dataclass(frozen=True)
class Command:
    """ENTRYPOINT, CMD or HEALTHCHECK in the form of a JSON list."""

    name: str
    words: tuple[str, ...]


Instruction = Run | Copy | Env | Setting | Command


@dataclass(frozen=True)
class Stage:
    """From FROM to the next FROM."""

    base: str
    name: str | None
    instructions: tuple[Instruction, ...]


def parse(text: str) -> tuple[Stage, ...]:
    """The stages of a Dockerfile.

    Raises:
        DiffersError: it has something that this program does not do.
    """
    stages: list[Stage] = []
    for line in _lines(text):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append(_from(rest))
        elif not stages:
            raise DiffersError(f"the Dockerfile begins with {word}; it must begin with FROM")
        else:
            last = stages[-1]
            stages[-1] = Stage(last.base, last.name, (*last.instructions, _instruction(word, rest)))
    if not stages:
        raise DiffersError("the Dockerfile is empty")
    return tuple(stages)


def expanded(value: str, env: Mapping[str, str]) -> str:
    """The value with ``$NAME`` and ``${NAME}`` replaced; a name that is not set is nothing."""
    return _VARIABLE.sub(lambda match: env.get(match[1] or match[2], ""), value)


def _lines(text: str) -> list[str]:
    """The instructions, each on one line, without comments."""
    kept = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(kept))
    return [line.strip() for line in joined.splitlines()]


def _from(rest: str) -> Stage:
    match = re.fullmatch(r"(\S+)(?: AS (\S+))?", rest)
    if match is None:
        raise DiffersError(f"FROM {rest}: only an image and AS are understood here")
    return Stage(match[1], match[2], ())


def _instruction(word: str, rest: str) -> Instruction:
    match word:
        case "RUN" if not rest.startswith(("--", "[")):
            return Run(rest)
        case "COPY":
            return _copy(rest)
        case "ENV" if all("=" in one for one in shlex.split(rest)):
            pairs = (one.partition("=") for one in shlex.split(rest))
            return Env(tuple((name, value) for name, _, value in pairs))
        case "USER" | "WORKDIR" | "VOLUME" | "EXPOSE" if re.fullmatch(r"[\w./:-]+", rest):
            return Setting(word, rest)
        case "ENTRYPOINT" | "CMD" if rest.startswith("["):
            return Command(word, _list(word, rest))
        case "HEALTHCHECK" if rest.startswith("CMD ["):
            return Command(word, _list(word, rest.removeprefix("CMD ")))
    raise DiffersError(
        f"this program does not do {word} in this form; teach it in tools/clean_root/dockerfile.py"
    )


def _copy(rest: str) -> Copy:
    words = shlex.split(rest)
    stage = None
    if words and words[0].startswith("--from="):
        stage = words.pop(0).removeprefix("--from=")
    if len(words) < 2 or any(word.startswith(("--", "<<")) or "*" in word for word in words):
        raise DiffersError(f"COPY {rest}: only --from, names and a target are understood here")
    return Copy(tuple(words[:-1]), words[-1], stage)


def _list(word: str, text: str) -> tuple[str, ...]:
    try:
        words = json.loads(text)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(one, str) for one in words):
        raise DiffersError(f"{word} is not a JSON list of words")
    return tuple(words)
