"""Containers: a program as process 1 of namespaces of its own, in a root made of an image's layers.

What Docker gives a container it has here: its user, no more capabilities than allowed, no new
privileges, a root that is read-only where it should be, volumes, /dev, /proc, and its network.
Limits of memory and system calls (cgroups, seccomp) are not set.
"""

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.clean_root import programs
from tools.clean_root.compose import Service
from tools.clean_root.image import Image
from tools.clean_root.network import Networks
from tools.clean_root.report import DiffersError

STOP_SECONDS = 10.0  # as Docker waits before it kills
# What Docker leaves to root in a container, of those that these programs could want.
_USUAL = (
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETGID",
    "SETUID",
)

_LISTENS = "0A"  # the kernel's TCP_LISTEN


@dataclass(frozen=True)
class Result:
    """How a program ended; ``output`` is its standard output."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True)
class Container:
    """A service with its root mounted and its network joined."""

    service: Service
    image: Image
    root: Path
    network: Path
    env: Mapping[str, str]
    log: Path

    def words(self, command: Sequence[str]) -> list[str]:
        """The command as started from outside: namespaces, then root, then user."""
        proc = shlex.join(("mount", "-t", "proc", "none", f"{self.root}/proc"))
        inner = shlex.join(("chroot", str(self.root), *self.as_user(command)))
        return [
            *("nsenter", f"--net={self.network}"),
            *("unshare", "--mount", "--ipc", "--uts", "--pid", "--fork", "--kill-child"),
            *("/bin/sh", "-c", f"{proc} && exec {inner}"),
        ]

    def as_user(self, command: Sequence[str]) -> list[str]:
        """The command with the service's user and capabilities, for inside the root."""
        uid, gid, _ = self.image.user_and_group(self.service.user or self.image.user)
        allowed = self.service.capabilities
        kept = _USUAL if allowed is None else allowed
        bounding = ",".join(("-all", *(f"+{name.lower()}" for name in kept)))
        privileges = ["--no-new-privs"] if self.service.no_new_privileges else []
        return [
            *("env", "-C", self.image.folder),
            *("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"),
            *("--inh-caps=-all", f"--bounding-set={bounding}", *privileges, "--"),
            *command,
        ]


class Running:
    """A container that was started."""

    def __init__(self, container: Container, command: Sequence[str]) -> None:
        self.container = container
        with container.log.open("wb") as log:
            self._process = subprocess.Popen(
                container.words(command),
                env=dict(container.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def name(self) -> str:
        return self.container.service.name

    def pid(self) -> int:
        """Its process 1, as seen from here.

        Raises:
            DiffersError: it has ended.
        """
        outer = self._process.pid
        while self._process.poll() is None:
            found = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
            if found:
                return int(found[0])
            time.sleep(0.01)  # unshare has not come so far
        raise DiffersError(f"{self.name} has ended; the end of its log:\n{self.log_end()}")

    def is_listening(self) -> bool:
        """Whether somebody in its network listens on a port."""
        lines = Path(f"/proc/{self.pid()}/net/tcp").read_text().splitlines()[1:]
        return any(line.split()[3] == _LISTENS for line in lines)

    def log_end(self) -> str:
        return "\n".join(self.container.log.read_text(errors="replace").splitlines()[-15:])

    def run(self, command: Sequence[str], given: str = "") -> Result:
        """Run a command in it, as ``docker compose exec`` does."""
        enter = ["nsenter", f"--target={self.pid()}", "--mount", "--ipc", "--uts", "--net"]
        enter += ["--pid", "--root", "--wd", "--", *self.container.as_user(command)]
        return _result(enter, self.container.env, given)

    def stop(self) -> int:
        """Ask it to stop, as Docker does; the exit code.

        Raises:
            DiffersError: it does not stop in time.
        """
        os.kill(self.pid(), signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise DiffersError(f"{self.name} did not stop within {STOP_SECONDS:.0f} s") from None


class Host:
    """Where containers are made: their volumes, networks and logs."""

    def __init__(self, work: Path, folder: Path) -> None:
        """``folder``: that of compose.yaml, from which its paths are meant."""
        self.networks = Networks()
        self.logs = work / "logs"
        self.logs.mkdir()
        self._work = work
        self._folder = folder
        self._made = 0

    def prepared(self, service: Service, image: Image) -> Container:
        """A container, not yet started. All who share a network must have joined it before.

        Raises:
            DiffersError: something that it is given is not there.
        """
        self._made += 1
        folder = self._work / "containers" / f"{self._made}-{service.name}"
        root = programs.overlay(image.layers, folder)
        hosts = folder / "hosts"
        hosts.write_text(self.networks.hosts(service.networks))
        _bound(hosts, root, "/etc/hosts", is_read_only=True)
        for mount in service.mounts:
            source = self._volume(mount.source, root, mount.target)
            _bound(source, root, mount.target, is_read_only=mount.is_read_only)
        for place, options in service.tmpfs:
            if place != "/dev/shm":  # noqa: S108  /dev has it already, as Docker's has
                where = programs.inside(root, place)
                where.mkdir(parents=True, exist_ok=True)
                words = ",".join(filter(None, ("nosuid,nodev,noexec,mode=1777", options)))
                programs.mount("-t", "tmpfs", "-o", words, "none", str(where))
        programs.devices(root)
        if service.is_read_only:
            programs.mount("-o", "remount,ro", str(root))
        network = Path("/run/netns") / service.name
        log = self.logs / f"{self._made}-{service.name}.log"
        return Container(service, image, root, network, self._env(service, image), log)

    def run(
        self, service: Service, image: Image, command: Sequence[str], given: str = ""
    ) -> Result:
        """A container for one command, entrypoint and all, as ``docker run --rm`` makes it."""
        container = self.prepared(service, image)
        try:
            return _result(container.words(command), container.env, given)
        finally:
            programs.unmount(container.root)

    def _volume(self, source: str, root: Path, target: str) -> Path:
        """What is mounted; a new volume begins as what the image has there, owner and mode too."""
        if source.startswith((".", "/")):
            path = self._folder / source
            if not path.exists():
                raise DiffersError(f"compose.yaml mounts {source}, which is not there")
            return path
        volume = self._work / "volumes" / source
        if not volume.exists():
            there = programs.inside(root, target)
            volume.mkdir(parents=True)
            if there.is_dir():
                shutil.copytree(there, volume, symlinks=True, dirs_exist_ok=True)
                status = there.stat()
                os.chown(volume, status.st_uid, status.st_gid)
                volume.chmod(status.st_mode & 0o7777)
        return volume

    def _env(self, service: Service, image: Image) -> dict[str, str]:
        _, _, home = image.user_and_group(service.user or image.user)
        env = {**dict(image.env), "HOME": home, "HOSTNAME": service.name}
        for path in service.env_files:
            for line in (self._folder / path).read_text().splitlines():
                name, equals, value = line.partition("=")
                if equals and not name.startswith("#"):
                    env[name] = value
        return env | dict(service.environment)


def _bound(source: Path, root: Path, target: str, *, is_read_only: bool) -> None:
    where = programs.inside(root, target)
    if source.is_dir():
        where.mkdir(parents=True, exist_ok=True)
    else:
        where.parent.mkdir(parents=True, exist_ok=True)
        where.touch()
    programs.mount("--bind", str(source), str(where))
    if is_read_only:
        programs.mount("-o", "remount,bind,ro", str(where))


def _result(words: Sequence[str], env: Mapping[str, str], given: str) -> Result:
    done = subprocess.run(
        words, input=given, env=dict(env), capture_output=True, text=True, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)
