"""Argon2id over the canonical identifier: a speed bump should the OPRF key ever be stolen.

It is no more than that (DESIGN, "Why plain hashes will not do"): there are under 10^9 IINs.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw

from lookup.protocol.suite import Kind

STRETCHED_BYTES = 32


@dataclass(frozen=True)
class Argon2Parameters:
    """The index's cost, fixed by ``init``: 16-byte salt, memory in KiB, passes, lanes."""

    salt: bytes
    memory_kib: int
    time_cost: int
    parallelism: int


# (memory in KiB, passes, lanes); times are per identifier on one core of a 2-core server.
PROFILES = {
    "standard": (1024, 1, 1),  # 1 MiB, 0.5 ms; about 2 ms in a browser
    "owasp": (19 * 1024, 2, 1),  # 19 MiB, 12 to 30 ms; OWASP's second choice
    "test": (64, 1, 1),  # 64 KiB, 0.07 ms. Only for tests!
}


def stretch(kind: Kind, canonical: str, argon2: Argon2Parameters) -> bytes:
    """The 32-byte input of the OPRF: Argon2id, version 0x13, of ``kind ":" canonical``."""
    return stretch_all(kind, [canonical], argon2)[0]


def stretch_all(kind: Kind, canonical: Iterable[str], argon2: Argon2Parameters) -> list[bytes]:
    """``stretch`` of each."""
    start = f"{kind.value}:"
    rest = (
        argon2.salt,
        argon2.time_cost,
        argon2.memory_kib,
        argon2.parallelism,
        STRETCHED_BYTES,
        Type.ID,
        ARGON2_VERSION,
    )
    return [hash_secret_raw((start + one).encode(), *rest) for one in canonical]
