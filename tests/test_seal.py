"""Sealed ledger rows: what a stolen store shows, and what the ledger key gives back."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from lookup.index.seal import SEALED_BYTES, seal, unseal

KEY = bytes(range(32))
FIPS_197_PLAIN = bytes.fromhex("00112233445566778899aabbccddeeff")
FIPS_197_CIPHER = bytes.fromhex("8ea2b7ca516745bfeafc49904b496089")


def masks(*values: int) -> NDArray[np.uint16]:
    return np.array(values, dtype=np.uint16)


def random_pairs(count: int) -> bytes:
    return np.random.default_rng(count).bytes(16 * count)


def aes(block: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES256(KEY), modes.ECB()).encryptor()  # noqa: S305
    return encryptor.update(block)


def test_a_row_is_aes_256_of_person_and_block() -> None:
    """The first 16 bytes are the published AES-256 example (FIPS 197, appendix C.3)."""
    (row,) = seal(KEY, FIPS_197_PLAIN, masks(0))
    assert row[:16].tobytes() == FIPS_197_CIPHER
    assert row[16:].tobytes() == aes(FIPS_197_CIPHER)[:2]
    assert len(row) == SEALED_BYTES == 18


def test_the_mask_lies_big_endian_over_a_second_aes() -> None:
    """The last two bytes are the mask, high byte first, XORed with two bytes nobody can guess."""
    (row,) = seal(KEY, FIPS_197_PLAIN, masks(0x8001))
    pad = aes(FIPS_197_CIPHER)
    assert row[16:].tobytes() == bytes([pad[0] ^ 0x80, pad[1] ^ 0x01])


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_what_is_sealed_is_unsealed(count: int) -> None:
    """All rows of a call come back in their order, with every mask there is."""
    pairs = random_pairs(count)
    fields = np.arange(count, dtype=np.uint16) * np.uint16(65)
    rows = seal(KEY, pairs, fields)
    assert rows.shape == (count, 18)
    opened, masks_again = unseal(KEY, rows)
    assert opened.tobytes() == pairs
    assert masks_again.tolist() == fields.tolist()


def test_every_mask() -> None:
    """Masks are 16 bits, the first and the last included."""
    fields = np.arange(65536, dtype=np.uint16)
    _, again = unseal(KEY, seal(KEY, random_pairs(65536), fields))
    assert np.array_equal(again, fields)


def test_the_same_row_is_sealed_the_same() -> None:
    """A set keeps one of equal rows only if they are sealed alike, in any call and company."""
    alone = seal(KEY, FIPS_197_PLAIN, masks(5))
    among = seal(KEY, random_pairs(1) + FIPS_197_PLAIN + random_pairs(2), masks(1, 5, 2, 3))
    assert alone[0].tobytes() == among[1].tobytes()


def test_rows_show_neither_persons_nor_shared_blocks() -> None:
    """One person in two datasets, and two persons with one mask, look like strangers."""
    person = bytes(8)
    rows = seal(KEY, person + b"A" * 8 + person + b"B" * 8, masks(7, 7))
    one, other = rows[0], rows[1]
    assert person not in rows.tobytes()
    assert one[:8].tobytes() != other[:8].tobytes()
    pads = [bytes(row[16:] ^ np.array([0, 7], dtype=np.uint8)) for row in rows]
    assert pads[0] != pads[1]


def test_with_another_key_all_is_noise() -> None:
    """Without the ledger's own key neither pair nor mask comes back."""
    rows = seal(KEY, random_pairs(50), masks(*[3] * 50))
    pairs, fields = unseal(bytes(32), rows)
    assert pairs.tobytes() != random_pairs(50)
    assert len(set(fields.tolist())) > 40


def test_rows_from_a_store_are_unsealed_in_slices() -> None:
    """Rows may be any part of a larger array that nobody can write to."""
    rows = seal(KEY, random_pairs(10), masks(*range(10)))
    rows.setflags(write=False)
    pairs, fields = unseal(KEY, rows[1::2])
    assert fields.tolist() == [1, 3, 5, 7, 9]
    assert pairs[0].tobytes() == random_pairs(10)[16:32]
