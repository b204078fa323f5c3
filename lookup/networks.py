"""The networks that an address is in, from one subscriber's to an operator's, as pseudonyms.

A pseudonym is keyed and changes every day: no address is kept, and what is kept outlives no day.
"""

import hmac
import ipaddress
from dataclasses import dataclass

# Bits of the prefix -> how many subscribers' allowance such a network has. Where addresses are
# shared (a carrier's NAT) one /32 has thousands of people: the proof of work is for them.
_IPV4 = {32: 1, 24: 8}
_IPV6 = {64: 1, 56: 1, 48: 2, 32: 16}  # tunnels give a /48 to whoever asks


@dataclass(frozen=True)
class Network:
    """One of the networks that an address is in.

    Attributes:
        pseudonym: 32 hex digits.
        share: the allowance that it has, in those of a subscriber.
    """

    pseudonym: str
    share: int


def networks(address: str, key: bytes) -> tuple[Network, ...]:
    """The narrowest first; all addresses that cannot be read are one network.

    Args:
        key: the day's.
    """
    return tuple(
        Network(hmac.digest(key, name.encode(), "sha256")[:16].hex(), share)
        for name, share in _named(address)
    )


def _named(address: str) -> list[tuple[str, int]]:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return [("unknown", 1)]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    shares = _IPV4 if parsed.version == 4 else _IPV6
    return [(_network(parsed, bits), share) for bits, share in shares.items()]


def _network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: int) -> str:
    """As ``ipaddress.ip_network`` writes it, at a fifth of its cost."""
    rest = address.max_prefixlen - bits
    return f"{type(address)(int(address) >> rest << rest)}/{bits}"
