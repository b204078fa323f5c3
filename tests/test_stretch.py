"""Argon2id over the canonical identifier, held against OpenSSL's."""

from dataclasses import replace

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from lookup.protocol.stretch import PROFILES, Argon2Parameters, stretch
from lookup.protocol.suite import MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_PASSES, SALT_BYTES, Kind

TINY = Argon2Parameters(bytes(range(16)), 64, 1, 1)
IIN = "950515390002"


def openssl(text: str, argon2: Argon2Parameters) -> bytes:
    """Argon2id by another implementation than the one that the service uses."""
    try:
        kdf = Argon2id(
            salt=argon2.salt,
            length=32,
            iterations=argon2.time_cost,
            lanes=argon2.parallelism,
            memory_cost=argon2.memory_kib,
        )
    except UnsupportedAlgorithm:
        pytest.skip("this OpenSSL is older than 3.2 and has no Argon2")
    return kdf.derive(text.encode())


@pytest.mark.parametrize(
    "argon2",
    [
        TINY,
        replace(TINY, memory_kib=1024),
        replace(TINY, memory_kib=2000, time_cost=3),
        replace(TINY, time_cost=4, parallelism=4),
        replace(TINY, salt=b"\xff" * 16),
    ],
)
def test_stretched_as_openssl_does(argon2: Argon2Parameters) -> None:
    """Another Argon2id gives the same 32 bytes for every kind and cost."""
    assert stretch(Kind.IIN, IIN, argon2) == openssl(f"iin:{IIN}", argon2)
    phone = "+77012345678"
    assert stretch(Kind.PHONE, phone, argon2) == openssl(f"phone:{phone}", argon2)
    email = "aigerim@example.kz"
    assert stretch(Kind.EMAIL, email, argon2) == openssl(f"email:{email}", argon2)


def test_every_parameter_counts() -> None:
    """Kind, text, salt and each cost change the result: none was forgotten on the way."""
    results = [
        stretch(Kind.IIN, IIN, TINY),
        stretch(Kind.PHONE, IIN, TINY),
        stretch(Kind.EMAIL, IIN, TINY),
        stretch(Kind.IIN, IIN[:-1], TINY),
        stretch(Kind.IIN, IIN, replace(TINY, salt=bytes(16))),
        stretch(Kind.IIN, IIN, replace(TINY, memory_kib=72)),
        stretch(Kind.IIN, IIN, replace(TINY, time_cost=2)),
        stretch(Kind.IIN, IIN, replace(TINY, parallelism=2)),
    ]
    assert len(set(results)) == len(results)
    assert {len(result) for result in results} == {32}
    assert stretch(Kind.IIN, IIN, TINY) == results[0]


def test_profiles_are_within_what_a_client_accepts() -> None:
    """An index made with any profile can be asked by any client."""
    assert set(PROFILES) == {"standard", "owasp", "test"}
    for memory_kib, time_cost, parallelism in PROFILES.values():
        assert 8 * parallelism <= memory_kib <= MAX_ARGON2_MEMORY_KIB
        assert 1 <= time_cost <= MAX_ARGON2_PASSES
        argon2 = Argon2Parameters(bytes(SALT_BYTES), memory_kib, time_cost, parallelism)
        assert len(stretch(Kind.IIN, IIN, argon2)) == 32
