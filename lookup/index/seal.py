"""Ledger rows, sealed: 18 bytes that tell nothing to whoever lacks the ledger key.

Sealing is deterministic, so that a set keeps one of equal rows however often a load is repeated.
AES-256 of person || block (exactly one block, so no mode is needed and equal rows are all that
shows); the field mask is XORed with two bytes of a second AES of the result.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

from lookup.protocol.suite import BLOCK_BYTES, PERSON_BYTES

_PAIR_BYTES = PERSON_BYTES + BLOCK_BYTES
SEALED_BYTES = _PAIR_BYTES + 2

Rows = NDArray[np.uint8]  # shape (n, 18)


def seal(key: bytes, pairs: bytes, fields: NDArray[np.uint16]) -> Rows:
    """Seal n rows: ``pairs`` holds n x (person || block), ``fields`` the n masks."""
    cipher = _encryptor(key)
    sealed = cipher.update(pairs)
    rows = np.empty((len(fields), SEALED_BYTES), dtype=np.uint8)
    rows[:, :_PAIR_BYTES] = np.frombuffer(sealed, dtype=np.uint8).reshape(-1, _PAIR_BYTES)
    rows[:, _PAIR_BYTES:] = _mask_pad(cipher.update(sealed)) ^ _as_bytes(fields)
    return rows


def unseal(key: bytes, rows: Rows) -> tuple[Rows, NDArray[np.uint16]]:
    """The pairs, shape (n, 16), and the masks of n sealed rows."""
    sealed = np.ascontiguousarray(rows[:, :_PAIR_BYTES]).tobytes()
    decryptor = Cipher(algorithms.AES256(key), modes.ECB()).decryptor()  # noqa: S305  see above
    pairs = np.frombuffer(decryptor.update(sealed), dtype=np.uint8).reshape(-1, _PAIR_BYTES)
    fields = rows[:, _PAIR_BYTES:] ^ _mask_pad(_encryptor(key).update(sealed))
    return pairs, np.ascontiguousarray(fields).view(">u2").ravel().astype(np.uint16)


def _encryptor(key: bytes) -> CipherContext:
    return Cipher(algorithms.AES256(key), modes.ECB()).encryptor()  # noqa: S305  see above


def _mask_pad(second: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(second, dtype=np.uint8).reshape(-1, _PAIR_BYTES)[:, :2]


def _as_bytes(fields: NDArray[np.uint16]) -> NDArray[np.uint8]:
    return fields.astype(">u2").view(np.uint8).reshape(-1, 2)
