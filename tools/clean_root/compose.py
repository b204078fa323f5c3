"""``deploy/compose.yaml``, read: the services and what each is given.

Only what ours needs; a key that this program would not honour is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.clean_root.report import DiffersError

# Read by Docker alone: nothing is built, restarted or opened to this machine here.
_DOCKERS_OWN = {"build", "restart", "ports"}
_KNOWN = _DOCKERS_OWN | {
    *("image", "command", "user", "read_only", "cap_drop", "cap_add", "security_opt", "tmpfs"),
    *("networks", "depends_on", "environment", "env_file", "volumes", "profiles", "healthcheck"),
}
_VARIABLE = re.compile(r"\$\{[A-Z]+:-([^}]*)\}")


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine, or a named volume, at a place in the container."""

    source: str
    target: str
    is_read_only: bool


@dataclass(frozen=True)
class Service:
    """One service; paths are as in the file, relative to its folder.

    Attributes:
        capabilities: those added to none where all were dropped; None means Docker's usual ones.
        tmpfs: places, each with its options or "".
        is_operators: started only when somebody asks for it (a profile).
        is_checked: the image's health check is not switched off.
    """

    name: str
    image: str
    command: tuple[str, ...] | None
    user: str | None
    is_read_only: bool
    capabilities: tuple[str, ...] | None
    no_new_privileges: bool
    tmpfs: tuple[tuple[str, str], ...]
    networks: tuple[str, ...]
    depends_on: tuple[str, ...]
    environment: Mapping[str, str]
    env_files: tuple[Path, ...]
    mounts: tuple[Mount, ...]
    is_operators: bool
    is_checked: bool


def parse(text: str) -> tuple[Service, ...]:
    """The services, each after those that it depends on.

    Raises:
        DiffersError: there is something in it that this program does not do.
    """
    replaced = _VARIABLE.sub(lambda match: match[1], text)
    if "$" in replaced:
        raise DiffersError("compose.yaml: only ${NAME:-default} is understood here")
    document = yaml.safe_load(replaced)
    unknown = {k for k in document if not k.startswith("x-")}
    unknown -= {"name", "services", "networks", "volumes"}
    if unknown:
        raise DiffersError(f"compose.yaml: this program does not do {', '.join(sorted(unknown))}")
    services = {name: _service(name, one) for name, one in document["services"].items()}
    ordered: list[Service] = []
    for service in services.values():
        _place(service, services, ordered)
    return tuple(ordered)


def _place(service: Service, services: Mapping[str, Service], ordered: list[Service]) -> None:
    for name in service.depends_on:
        _place(services[name], services, ordered)
    if service not in ordered:
        ordered.append(service)


def _service(name: str, one: dict[str, Any]) -> Service:
    if unknown := one.keys() - _KNOWN:
        raise DiffersError(f"{name}: this program does not do {', '.join(sorted(unknown))}")
    drops, options = one.get("cap_drop"), one.get("security_opt", [])
    if drops not in (None, ["ALL"]) or options not in ([], ["no-new-privileges:true"]):
        raise DiffersError(f"{name}: only cap_drop ALL and no-new-privileges are understood here")
    check = one.get("healthcheck", {})
    if check not in ({}, {"disable": True}):
        raise DiffersError(f"{name}: of healthcheck only disable is understood here")
    command = one.get("command")
    return Service(
        name=name,
        image=one["image"],
        command=None if command is None else tuple(command),
        user=one.get("user"),
        is_read_only=one.get("read_only", False),
        capabilities=None if drops is None else tuple(one.get("cap_add", [])),
        no_new_privileges=bool(options),
        tmpfs=tuple(_pair(entry) for entry in one.get("tmpfs", [])),
        networks=tuple(one.get("networks", [])),
        depends_on=tuple(one.get("depends_on", [])),
        environment=dict(one.get("environment", {})),
        env_files=tuple(Path(path) for path in one.get("env_file", [])),
        mounts=tuple(_mount(name, entry) for entry in one.get("volumes", [])),
        is_operators="profiles" in one,
        is_checked=not check,
    )


def _pair(entry: str) -> tuple[str, str]:
    place, _, options = entry.partition(":")
    return place, options


def _mount(name: str, entry: str) -> Mount:
    parts = entry.split(":")
    if len(parts) not in (2, 3) or parts[2:] not in ([], ["ro"]):
        raise DiffersError(f"{name}: the volume {entry} is not understood here")
    return Mount(parts[0], parts[1], parts[2:] == ["ro"])
