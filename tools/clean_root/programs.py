"""The programs of this machine that do the work: mount, ip, debootstrap and the like."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from tools.clean_root.report import DiffersError

WANTED = ("debootstrap", "ip", "mount", "nsenter", "openssl", "setpriv", "umount", "unshare")
_TOLD = 15  # lines of a program's output, where it failed


def missing() -> list[str]:
    """Those that are wanted and not there."""
    return [name for name in WANTED if shutil.which(name) is None]


def run(
    words: Sequence[str],
    what: str,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Run one to its end; its standard output.

    Raises:
        DiffersError: it failed; the end of what it said is told.
    """
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-_TOLD:])
        raise DiffersError(f"{what} failed with exit code {done.returncode}:\n{said}")
    return done.stdout


def mount(*words: str) -> None:
    """``mount`` with these words.

    Raises:
        DiffersError: the kernel refuses.
    """
    run(("mount", *words), f"mount {words[-1]}")


def overlay(layers: Sequence[Path], folder: Path) -> Path:
    """A root of these layers, the uppermost first, under what is written now: ``folder/upper``.

    Raises:
        DiffersError: the kernel refuses.
    """
    for name in ("upper", "aside", "root"):
        (folder / name).mkdir(parents=True)
    (folder / "upper").chmod(0o755)
    options = f"lowerdir={':'.join(map(str, layers))},upperdir={folder / 'upper'}"
    mount("-t", "overlay", "-o", f"{options},workdir={folder / 'aside'}", "none", f"{folder}/root")
    return folder / "root"


def unmount(root: Path) -> None:
    """Take away a root and all that is mounted in it."""
    run(("umount", "--recursive", str(root)), f"umount {root}")


def devices(root: Path) -> None:
    """``/dev`` as a container has it: harmless devices, shared memory and standard streams."""
    dev = root / "dev"
    mount("-t", "tmpfs", "-o", "nosuid,mode=755", "none", str(dev))
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        (dev / name).touch()
        mount("--bind", f"/dev/{name}", str(dev / name))
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (dev / name).symlink_to(f"/proc/self/{target}")
    (dev / "shm").mkdir()
    mount("-t", "tmpfs", "-o", "nosuid,nodev,noexec,mode=1777,size=64m", "none", f"{dev}/shm")


def inside(root: Path, place: str) -> Path:
    """Where a path of the root is; symbolic links are followed as they are meant in there."""
    where = root
    for part in PurePosixPath(place).parts:
        if part == "/":
            where = root
            continue
        if part == "..":
            where = root if where == root else where.parent
            continue
        where = where / part
        if where.is_symlink():
            link = where.readlink()
            near = "/" / where.relative_to(root).parent
            where = inside(root, str(near / link))
    return where
