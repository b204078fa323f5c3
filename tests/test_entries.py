"""What a token gives: person, bucket, prefix, and one entry for each dataset."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookup.protocol.entries import block, bucket, entry, find, person, prefix, token

TOKEN = hashlib.sha256(b"token").digest()
SALT = hashlib.sha256(b"salt").digest()[:16]
NOISE = b"".join(hashlib.sha256(bytes([i])).digest()[:8] for i in range(64))
MASKS = (0, 1, 2, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)

tokens = st.binary(min_size=32, max_size=32)
dataset_ids = st.integers(1, 65535)


@given(st.binary(min_size=64, max_size=64))
def test_token_and_person_are_the_outputs_first_bytes(output: bytes) -> None:
    """A token is the first half of an OPRF output, a person the first quarter of a token."""
    assert token(output) == output[:32]
    assert person(token(output)) == output[:8]


@pytest.mark.parametrize("bits", range(10, 21))
def test_prefix_of_every_length(bits: int) -> None:
    """A prefix is the token's first bits as hex, padded to whole digits on the left."""
    for text in ("0" * 64, "f" * 64, "8" + "0" * 63, "00001" + "f" * 59, TOKEN.hex()):
        number = bucket(bytes.fromhex(text), bits)
        assert number == int(bin(int("1" + text, 16))[3 : 3 + bits], 2)
        digits = prefix(number, bits)
        assert digits == hex(number)[2:].zfill(3 if bits <= 12 else 4 if bits <= 16 else 5)
        assert int(digits, 16) == number < 1 << bits


@given(tokens, dataset_ids)
def test_block_is_an_hmac_of_the_dataset(token: bytes, dataset: int) -> None:
    """A block is HMAC-SHA-256 under the token, cut to 8 bytes: no token, no block."""
    info = b"qorgan v1 entry" + bytes(divmod(dataset, 256))
    assert block(token, dataset) == hmac.new(token, info, hashlib.sha256).digest()[:8]


@pytest.mark.parametrize("dataset", [-1, 65536])
def test_no_block_beyond_two_bytes_of_id(dataset: int) -> None:
    """An id that two bytes cannot hold is refused, not wrapped around to another dataset's."""
    with pytest.raises(OverflowError):
        block(TOKEN, dataset)


@pytest.mark.parametrize("mask", MASKS)
def test_entry_is_the_hash_and_the_masked_fields(mask: int) -> None:
    """Six bytes recognise the entry, two hold the field mask XORed with the hash's."""
    made = block(TOKEN, 7)
    digest = hashlib.sha256(made + SALT).digest()
    expected = digest[:6] + (int.from_bytes(digest[6:8], "big") ^ mask).to_bytes(2, "big")
    assert entry(made, SALT, mask) == expected


def test_every_mask_is_found_again() -> None:
    """All 65,536 field masks come out as they went in."""
    made = block(TOKEN, 1)
    assert [find(entry(made, SALT, m), made, SALT) for m in range(65536)] == list(range(65536))


@pytest.mark.parametrize("mask", [-1, 65536])
def test_no_entry_of_a_mask_beyond_16_bits(mask: int) -> None:
    """A seventeenth data class is refused, not wrapped around to another's bit."""
    with pytest.raises(OverflowError):
        entry(block(TOKEN, 1), SALT, mask)


@given(tokens, dataset_ids, st.integers(0, 65535), st.integers(0, 64))
def test_entry_is_found_wherever_it_stands(token: bytes, dataset: int, mask: int, at: int) -> None:
    """An entry is found at the first, the last and any place, and only by its own block."""
    made = block(token, dataset)
    entries = NOISE[: 8 * at] + entry(made, SALT, mask) + NOISE[8 * at :]
    assert find(entries, made, SALT) == mask
    assert find(NOISE, made, SALT) is None
    assert find(entries, block(token, dataset % 65535 + 1), SALT) is None
    assert find(entries, made, SALT[::-1]) is None


def test_entry_is_found_at_its_own_boundary_only() -> None:
    """Bytes that straddle two entries are no entry, though they look like one."""
    made = block(TOKEN, 1)
    shifted = b"\0" * 4 + entry(made, SALT, 5) + b"\0" * 4
    assert find(shifted, made, SALT) is None


def test_each_dataset_of_a_range_is_found() -> None:
    """A person in several datasets is found in all of them, each with its own mask."""
    masks = {1: 0, 2: 1, 300: 0xFFFF, 65535: 0x8001}
    entries = NOISE + b"".join(entry(block(TOKEN, d), SALT, m) for d, m in masks.items())
    found = {d: find(entries, block(TOKEN, d), SALT) for d in (1, 2, 3, 300, 65535)}
    assert found == {**masks, 3: None}


def test_nothing_is_found_in_no_entries() -> None:
    """An empty range holds nobody."""
    assert find(b"", block(TOKEN, 1), SALT) is None
