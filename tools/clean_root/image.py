"""The image, built as the Dockerfile says, each stage one layer over its base."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tools.clean_root import programs
from tools.clean_root.dockerfile import (
    Command,
    Copy,
    Env,
    Instruction,
    Run,
    Setting,
    Stage,
    expanded,
)
from tools.clean_root.ignore import Ignored
from tools.clean_root.report import DiffersError, step
from tools.clean_root.roots import run_in

PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHOWN = 60  # characters of an instruction


@dataclass(frozen=True)
class Image:
    """Layers, the uppermost first, and how a container of it starts."""

    layers: tuple[Path, ...]
    env: tuple[tuple[str, str], ...] = (("PATH", PATH),)
    user: str = "root"
    folder: str = "/"
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    check: tuple[str, ...] = ()

    def user_and_group(self, user: str) -> tuple[int, int, str]:
        """Ids and home of a user by name, or of ``uid:gid``, which has no home.

        Raises:
            DiffersError: there is no such user in the image.
        """
        uid, colon, gid = user.partition(":")
        if colon and uid.isdecimal() and gid.isdecimal():
            return int(uid), int(gid), "/"
        users = next(one for layer in self.layers if (one := layer / "etc/passwd").exists())
        for line in users.read_text().splitlines():
            name, _, number, group, _, home, _ = line.split(":")
            if user == name:
                return int(number), int(group), home
        raise DiffersError(f"the image has no user {user}")


def build(
    stages: tuple[Stage, ...], context: Path, work: Path, base: Callable[[str], Path]
) -> Image:
    """The last stage's image.

    Raises:
        DiffersError: a step failed, or names what is not there.
    """
    ignored = Ignored.of((context / ".dockerignore").read_text())
    made: dict[str, Image] = {}
    bases = {name: base(name) for name in dict.fromkeys(stage.base for stage in stages)}
    image = Image(())
    for number, stage in enumerate(stages):
        folder = work / f"stage-{number}"
        image = Image((bases[stage.base],))
        root = programs.overlay(image.layers, folder)
        for instruction in stage.instructions:
            with step(f"{stage.name or 'image'}: {_told(instruction)}"):
                image = _done(instruction, image, root, _Sources(context, ignored, made))
        programs.unmount(root)
        image = replace(image, layers=(folder / "upper", *image.layers))
        if stage.name is not None:
            made[stage.name] = image
    return image


@dataclass(frozen=True)
class _Sources:
    """Where COPY takes from."""

    context: Path
    ignored: Ignored
    made: dict[str, Image]


def _done(instruction: Instruction, image: Image, root: Path, sources: _Sources) -> Image:
    match instruction:
        case Run(command):
            if image.user != "root":
                raise DiffersError("a RUN after USER is not understood here")
            folder = programs.inside(root, image.folder).relative_to(root)
            run_in(root, f"cd /{folder} && {command}", dict(image.env), f"RUN {command}")
        case Copy():
            _copy(instruction, image, root, sources)
        case Setting("WORKDIR", place):
            programs.inside(root, place).mkdir(parents=True, exist_ok=True)
    return _configured(instruction, image)


def _configured(instruction: Instruction, image: Image) -> Image:
    """The image with what the instruction says of its containers."""
    made = image
    match instruction:
        case Env(values):
            env = dict(image.env)
            new = {name: expanded(value, env) for name, value in values}
            made = replace(image, env=tuple((env | new).items()))
        case Setting("USER", value):
            made = replace(image, user=value)
        case Setting("WORKDIR", value):
            made = replace(image, folder=value)
        case Command("ENTRYPOINT", words):
            made = replace(image, entrypoint=words)
        case Command("CMD", words):
            made = replace(image, command=words)
        case Command("HEALTHCHECK", words):
            made = replace(image, check=words)
    return made


def _copy(copy: Copy, image: Image, root: Path, sources: _Sources) -> None:
    target = programs.inside(root, str(PurePosixPath(image.folder) / copy.target))
    is_folder = copy.target.endswith("/") or len(copy.sources) > 1
    for name in copy.sources:
        if copy.stage is not None:
            source = _of_stage(sources.made, copy.stage, name)
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            continue
        source = sources.context / name
        if not source.exists() or sources.ignored.has(PurePosixPath(name)):
            raise DiffersError(f"COPY {name}: it is not in the context")
        if source.is_dir():
            _tree(source, target, sources)
        else:
            _file(source, target / source.name if is_folder else target)


def _of_stage(made: dict[str, Image], stage: str, name: str) -> Path:
    if stage not in made:
        raise DiffersError(f"COPY --from={stage}: there is no such stage before")
    source = programs.inside(made[stage].layers[0], name)
    if not source.is_dir():
        raise DiffersError(f"COPY --from={stage} {name}: that stage made no such folder")
    return source


def _tree(source: Path, target: Path, sources: _Sources) -> None:
    for folder, names, files in os.walk(source):
        here = Path(folder)
        names[:] = [
            one for one in names if not sources.ignored.has(_path(here / one, sources.context))
        ]
        for one in files:
            if not sources.ignored.has(_path(here / one, sources.context)):
                _file(here / one, target / (here / one).relative_to(source))


def _path(path: Path, context: Path) -> PurePosixPath:
    return PurePosixPath(path.relative_to(context))


def _file(source: Path, target: Path) -> None:
    """Mode as it is, owner root: as Docker copies."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target, follow_symlinks=False)
    os.chown(target, 0, 0, follow_symlinks=False)


def _told(instruction: Instruction) -> str:
    match instruction:
        case Run(command):
            text = f"RUN {command}"
        case Copy(names, target, stage):
            text = " ".join(("COPY", *([f"--from={stage}"] if stage else []), *names, target))
        case Env(values):
            text = "ENV " + " ".join(name for name, _ in values)
        case Setting(name, value):
            text = f"{name} {value}"
        case Command(name, words):
            text = f"{name} {' '.join(words)}"
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
