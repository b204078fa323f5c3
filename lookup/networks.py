"""The networks that an address is in, from one subscriber's to an operator's, as pseudonyms.

A pseudonym is keyed and changes every day: no address is kept, and what is kept outlives no day.
"""

import hmac
import socket
from dataclasses import dataclass

# Bits of the prefix -> how many subscribers' allowance such a network has. Where addresses are
# shared (a carrier's NAT) one /32 has thousands of people: the proof of work is for them.
_IPV4 = {32: 1, 24: 8}
_IPV6 = {64: 1, 56: 1, 48: 2, 32: 16}  # tunnels give a /48 to whoever asks
_MAPPED = bytes(10) + b"\xff\xff"  # an IPv4 address written as an IPv6 one


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
    """Names that are the same for all spellings of an address, and shares; bits are whole bytes."""
    packed = _packed(address.partition("%")[0])
    if packed is None:
        return [("unknown", 1)]
    kind, shares = ("4", _IPV4) if len(packed) == 4 else ("6", _IPV6)
    return [(f"{kind}:{packed[: bits // 8].hex()}", share) for bits, share in shares.items()]


def _packed(address: str) -> bytes | None:
    """4 or 16 bytes; by the C library, for ``ipaddress`` takes as long as a third of a range."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            packed = socket.inet_pton(family, address)
        except (OSError, ValueError):
            continue
        return packed.removeprefix(_MAPPED) if len(packed) == 16 else packed
    return None
