"""The networks of an address: which spellings are one, and what each network has."""

import itertools

import pytest

from lookup.networks import networks

KEY = bytes(32)


def names(address: str) -> list[str]:
    """The pseudonyms of an address's networks."""
    return [network.pseudonym for network in networks(address, KEY)]


@pytest.mark.parametrize(
    "addresses",
    [
        ("192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207", "::FFFF:192.0.2.7"),
        ("2001:db8:1:2::", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:DB8:1:2::7"),
        ("fe80::1", "fe80::1%eth0", "fe80::2%wlan0", "fe80::1%"),
        ("192.0.2.7", "192.0.2.7%eth0"),
        ("", "unknown", "192.0.2.7:4711", "[2001:db8::1]", "256.1.1.1", "1.2.3", "x" * 5000),
        ("not an address", "192.0.2.07", "192.0.2.7, 192.0.2.8", "\x00", "١٩٢.٠.٢.٧"),
    ],
)
def test_one_subscriber_many_spellings(addresses: tuple[str, ...]) -> None:
    """An IPv6 /64 is one subscriber, a mapped IPv4 address is that address, all rubbish is one."""
    for one, other in itertools.permutations(addresses, 2):
        assert names(one) == names(other)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("192.0.2.7", "192.0.2.8", 1),
        ("192.0.2.7", "192.0.3.7", 0),
        ("2001:db8:1:200::1", "2001:db8:1:201::1", 3),
        ("2001:db8:1:200::1", "2001:db8:1:300::1", 2),
        ("2001:db8:1::1", "2001:db8:2::1", 1),
        ("2001:db8::1", "2001:db9::1", 0),
    ],
)
def test_neighbours_share_the_wider_networks(one: str, other: str, shared: int) -> None:
    """The next subscriber is another one, in the same network of an operator."""
    assert shared == len(set(names(one)) & set(names(other)))


@pytest.mark.parametrize(
    ("address", "shares"),
    [("192.0.2.7", [1, 8]), ("2001:db8::1", [1, 1, 2, 16]), ("garbage", [1])],
)
def test_what_each_network_has(address: str, shares: list[int]) -> None:
    """The narrowest first; wider ones have several subscribers' allowances."""
    assert shares == [network.share for network in networks(address, KEY)]


def test_pseudonyms_are_keyed() -> None:
    """Another day's key gives other names, all of one form."""
    today, tomorrow = (networks("192.0.2.7", bytes([n]) * 32) for n in (0, 1))
    assert not {n.pseudonym for n in today} & {n.pseudonym for n in tomorrow}
    assert all(len(n.pseudonym) == 32 for n in today)
