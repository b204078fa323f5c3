"""What a token gives: person, bucket, and one entry for each dataset a person is in.

To whoever lacks the token every byte of an entry is random; with it, the entry of each dataset
can be recognised by its first six bytes, and the last two unmask the person's data classes.
"""

import hashlib
import hmac
from collections.abc import Iterable

from lookup.protocol.suite import BLOCK_BYTES, ENTRY_BYTES, PERSON_BYTES, TOKEN_BYTES

_ENTRY_INFO = b"qorgan v1 entry"
_MASK_AT = 6  # entry = 6 bytes to recognise, 2 bytes of masked fields


def token(output: bytes) -> bytes:
    """The 32-byte token of a 64-byte OPRF output."""
    return output[:TOKEN_BYTES]


def person(token: bytes) -> bytes:
    """The 8 bytes that stand for a person in ledger, filter and subscriptions; never served."""
    return token[:PERSON_BYTES]


def bucket(token: bytes, prefix_bits: int) -> int:
    """The number of the range a token falls into: its first ``prefix_bits`` bits."""
    return int.from_bytes(token[:4], "big") >> (32 - prefix_bits)


def prefix(bucket: int, prefix_bits: int) -> str:
    """A bucket as it stands in a URL: lower-case hex, ceil(prefix_bits / 4) digits."""
    return f"{bucket:0{prefix_digits(prefix_bits)}x}"


def prefix_digits(prefix_bits: int) -> int:
    """How many hex digits a prefix has."""
    return -(-prefix_bits // 4)


def block(token: bytes, dataset_id: int) -> bytes:
    """The 8 bytes that tie a token to a dataset; kept (sealed) in the ledger."""
    return hmac.digest(token, _block_info(dataset_id), "sha256")[:BLOCK_BYTES]


def pairs(tokens: Iterable[bytes], dataset_id: int) -> bytes:
    """Person || block of each token, 16 bytes each, one after another.

    Said out once more, for two calls would take as long as the hash.
    """
    digest, info = hmac.digest, _block_info(dataset_id)
    return b"".join(
        [token[:PERSON_BYTES] + digest(token, info, "sha256")[:BLOCK_BYTES] for token in tokens]
    )


def entry(block: bytes, version_salt: bytes, fields: int) -> bytes:
    """The 8-byte entry of one version; ``fields`` is the 16-bit mask of data classes."""
    e = hashlib.sha256(block + version_salt).digest()[:ENTRY_BYTES]
    masked = int.from_bytes(e[_MASK_AT:], "big") ^ fields
    return e[:_MASK_AT] + masked.to_bytes(2, "big")


def find(entries: bytes, block: bytes, version_salt: bytes) -> int | None:
    """The field mask of the entry made from this block, or None where there is none."""
    wanted = entry(block, version_salt, 0)
    for at in range(0, len(entries), ENTRY_BYTES):
        if entries[at : at + _MASK_AT] == wanted[:_MASK_AT]:
            found = entries[at + _MASK_AT : at + ENTRY_BYTES]
            return int.from_bytes(found, "big") ^ int.from_bytes(wanted[_MASK_AT:], "big")
    return None


def _block_info(dataset_id: int) -> bytes:
    return _ENTRY_INFO + dataset_id.to_bytes(2, "big")
