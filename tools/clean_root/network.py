"""The networks of compose.yaml: bridges, and for each container a network namespace of its own.

All of it is in namespaces under ``/run/netns`` of our own mount namespace; this machine's own
network is not touched, and nothing in there reaches it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.clean_root import programs

_NAMES = Path("/run/netns")
_SWITCH = "bridges"


def _ip(*words: str) -> None:
    programs.run(("ip", *words), f"ip {' '.join(words)}")


@dataclass
class Networks:
    """Who is where; addresses are 10.N.0.M, N the network's number, M the container's."""

    addresses: dict[tuple[str, str], str] = field(default_factory=dict)
    members: list[str] = field(default_factory=list)
    bridges: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        _NAMES.mkdir(exist_ok=True)
        programs.mount("-t", "tmpfs", "none", str(_NAMES))
        _ip("netns", "add", _SWITCH)

    def join(self, member: str, networks: Sequence[str]) -> Path:
        """A network namespace for a container; the file that names it."""
        _ip("netns", "add", member)
        _ip("-n", member, "link", "set", "lo", "up")
        self.members.append(member)
        for index, network in enumerate(networks):
            if network not in self.bridges:
                self.bridges.append(network)
                _ip("-n", _SWITCH, "link", "add", network, "type", "bridge")
                _ip("-n", _SWITCH, "link", "set", network, "up")
            far = f"{self.bridges.index(network)}-{len(self.members)}"
            address = f"10.{1 + self.bridges.index(network)}.0.{len(self.members)}"
            inner = f"eth{index}"
            _ip(
                *("link", "add", inner, "netns", member, "type", "veth"),
                *("peer", "name", far, "netns", _SWITCH),
            )
            _ip("-n", _SWITCH, "link", "set", far, "master", network, "up")
            _ip("-n", member, "addr", "add", f"{address}/24", "dev", inner)
            _ip("-n", member, "link", "set", inner, "up")
            self.addresses[member, network] = address
        return _NAMES / member

    def hosts(self, networks: Sequence[str]) -> str:
        """``/etc/hosts`` for a container: whoever shares a network with it."""
        lines = ["127.0.0.1 localhost"]
        for (member, network), address in self.addresses.items():
            if network in networks:
                lines.append(f"{address} {member}")
        return "\n".join(lines) + "\n"
