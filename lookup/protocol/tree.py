"""The Merkle tree over a version's ranges: whoever serves a range cannot change a byte of it.

A full binary tree over the 2^prefix_bits leaves; leaves and nodes are told apart by their first
byte, so that no node can pass for a leaf (RFC 9162, section 2.1.1, for the same reason).
"""

import hashlib
from collections.abc import Sequence

from lookup.protocol.suite import HASH_BYTES, Lane


def leaf(lane: Lane, counter: int, bucket: int, entries: bytes) -> bytes:
    """The hash of one range's entries, bound to its lane, version counter and bucket."""
    place = counter.to_bytes(4, "big") + bucket.to_bytes(4, "big")
    return hashlib.sha256(b"\0" + lane.value.encode() + b"\0" + place + entries).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """All levels of the tree, the leaves first, the root alone last. 2^n leaves."""
    result = [list(leaves)]
    while len(result[-1]) > 1:
        below = result[-1]
        result.append([node(below[i], below[i + 1]) for i in range(0, len(below), 2)])
    return result


def path(levels: Sequence[Sequence[bytes]], bucket: int) -> bytes:
    """The siblings from the leaf up, 32 bytes each: what proves one range."""
    return b"".join(level[(bucket >> depth) ^ 1] for depth, level in enumerate(levels[:-1]))


def root(leaf: bytes, bucket: int, path: bytes) -> bytes:
    """The root that a leaf and its siblings lead to."""
    result = leaf
    for depth in range(len(path) // HASH_BYTES):
        sibling = path[depth * HASH_BYTES : (depth + 1) * HASH_BYTES]
        is_right = bucket >> depth & 1
        result = node(sibling, result) if is_right else node(result, sibling)
    return result
