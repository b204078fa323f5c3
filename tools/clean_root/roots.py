"""The roots that images begin with: Debian by debootstrap, made once and kept in a folder.

What is kept is the lowest layer of overlays and never written again. The mirror is the one that
this machine's own apt uses, or ``DEBIAN_MIRROR``.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.clean_root import programs
from tools.clean_root.report import DiffersError, step

_SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*.sources")
_MIRROR = re.compile(
    r"^(?:deb(?: \[[^]]*\])?|URIs:)\s+(https?://\S+/debian/?)(?:\s|$)", re.MULTILINE
)
_FORWARDED = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Roots:
    """The folder in which they are kept, and a word by which this run's drafts are known."""

    kept: Path
    run: str

    @property
    def draft(self) -> Path:
        """Where a root is made; it gets its name when it is whole."""
        return self.kept / f".draft-{self.run}"

    def python(self, image: str) -> Path:
        """What stands in for ``python:VERSION-slim-RELEASE``: that Debian, with its own Python.

        Raises:
            DiffersError: it is another image, or that Debian has another Python.
        """
        match = re.fullmatch(r"python:(3\.\d+)-slim-([a-z]+)", image)
        if match is None:
            raise DiffersError(
                f"FROM {image}: only python:VERSION-slim-RELEASE can be stood in for here"
            )
        version, release = match.groups()
        root = self._made(f"python-{release}", lambda root: _debian(root, release))
        told = programs.run(("chroot", str(root), "python3", "-V"), "python3 -V").strip()
        if not told.startswith(f"Python {version}."):
            raise DiffersError(
                f"{image}: Debian {release} has {told}; name the release that has it"
            )
        return root

    def nginx(self, release: str) -> Path:
        """What stands in for the image ``nginx``: Debian's own nginx.

        Raises:
            DiffersError: it cannot be installed.
        """
        return self._made(f"nginx-{release}", lambda root: _debian(root, release, "nginx-light"))

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        ready = self.kept / name
        if ready.is_dir():
            with step(f"{name}: the root kept from an earlier run"):
                return ready
        self.kept.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.draft.mkdir()
        with step(f"{name}: a new root by debootstrap, kept in {self.kept}"):
            make(self.draft)
            self.draft.rename(ready)
        return ready


def run_in(root: Path, command: str, env: dict[str, str], what: str) -> None:
    """Run a shell command in a root, as a RUN of Docker's build: as root, with the network.

    Names are resolved, proxies and package indexes found as on this machine.

    Raises:
        DiffersError: it failed.
    """
    programs.mount("-t", "proc", "none", str(root / "proc"))
    programs.devices(root)
    resolver = root / "dev" / "resolv.conf"
    resolver.write_bytes(Path("/etc/resolv.conf").read_bytes())
    place = programs.inside(root, "/etc/resolv.conf")
    place.touch()
    programs.mount("--bind", str(resolver), str(place))
    try:
        programs.run(
            ("chroot", str(root), "/bin/sh", "-c", command),
            what,
            env=_environment(root) | env,
        )
    finally:
        for mounted in (place, root / "dev", root / "proc"):
            programs.unmount(mounted)


def _environment(root: Path) -> dict[str, str]:
    """What a build is told of this machine; Docker has build arguments for the same."""
    env = {"PATH": _PATH, "HOME": "/root"}
    env |= {name: os.environ[name] for name in _FORWARDED if name in os.environ}
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if certificates:
        shutil.copyfile(certificates, root / "dev" / "certificates.pem")
        env["PIP_CERT"] = "/dev/certificates.pem"
    asked = subprocess.run(
        (sys.executable, "-m", "pip", "config", "get", "global.index-url"),
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode == 0:
        env.setdefault("PIP_INDEX_URL", asked.stdout.strip())
    return env


def _debian(root: Path, release: str, *packages: str) -> None:
    wanted = ",".join(packages or ("python3", "python3-venv"))
    programs.run(
        ("debootstrap", "--variant=minbase", f"--include={wanted}", release, str(root), _mirror()),
        f"debootstrap of {release}",
    )
    for archive in (root / "var" / "cache" / "apt" / "archives").glob("*.deb"):
        archive.unlink()
    if not packages:  # the image python has this name, and no other interpreter
        (root / "usr" / "local" / "bin" / "python").symlink_to("/usr/bin/python3")


def _mirror() -> str:
    if "DEBIAN_MIRROR" in os.environ:
        return os.environ["DEBIAN_MIRROR"]
    for pattern in _SOURCES:
        for path in sorted(Path("/").glob(pattern.lstrip("/"))):
            if match := _MIRROR.search(path.read_text()):
                return match[1]
    raise DiffersError("no Debian mirror in this machine's apt sources; set DEBIAN_MIRROR to one")
