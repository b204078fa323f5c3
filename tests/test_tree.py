"""The Merkle tree: whoever serves a range cannot change a byte of it or its place."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookup.protocol.suite import Lane
from lookup.protocol.tree import leaf, levels, node, path, root

COUNTER = 7


def entries_of(bucket: int) -> bytes:
    """Four entries of a bucket."""
    return hashlib.sha256(b"entries" + bytes([bucket])).digest()


def leaves_of(depth: int) -> list[bytes]:
    """The leaves of a small version."""
    return [leaf(Lane.PUBLIC, COUNTER, b, entries_of(b)) for b in range(1 << depth)]


def test_leaf_and_node_are_the_specification_s() -> None:
    """A leaf binds lane, counter and bucket; its first byte tells it from a node."""
    place = b"public\0" + (7).to_bytes(4, "big") + (0xABCDE).to_bytes(4, "big")
    assert leaf(Lane.PUBLIC, 7, 0xABCDE, b"xy") == hashlib.sha256(b"\0" + place + b"xy").digest()
    left, right = bytes(32), b"\xff" * 32
    assert node(left, right) == hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("depth", [0, 1, 2, 5, 10])
def test_every_path_leads_to_the_root(depth: int) -> None:
    """Each range of a version proves itself with as many hashes as the prefix has bits."""
    leaves = leaves_of(depth) if depth < 9 else [bytes([b % 256]) * 32 for b in range(1 << depth)]
    tree = levels(leaves)
    assert [len(level) for level in tree] == [1 << (depth - i) for i in range(depth + 1)]
    for bucket, own in enumerate(leaves):
        siblings = path(tree, bucket)
        assert len(siblings) == 32 * depth
        assert root(own, bucket, siblings) == tree[-1][0]


def test_root_of_four_leaves_by_hand() -> None:
    """The tree pairs neighbours: ((0, 1), (2, 3))."""
    a, b, c, d = leaves_of(2)
    tree = levels([a, b, c, d])
    assert tree[-1] == [node(node(a, b), node(c, d))]
    assert path(tree, 2) == d + node(a, b)


def test_any_changed_byte_of_entries_or_path_is_caught() -> None:
    """A flipped bit anywhere in a served range does not lead to the signed root."""
    tree = levels(leaves_of(4))
    top = tree[-1][0]
    entries, siblings = entries_of(9), path(tree, 9)
    served = entries + siblings
    assert root(leaf(Lane.PUBLIC, COUNTER, 9, served[:32]), 9, served[32:]) == top
    for at in range(len(served)):
        changed = bytearray(served)
        changed[at] ^= 1 << at % 8
        own = leaf(Lane.PUBLIC, COUNTER, 9, bytes(changed[:32]))
        assert root(own, 9, bytes(changed[32:])) != top


def test_another_place_is_caught() -> None:
    """A range of another bucket, an older version or the other lane does not pass for the asked."""
    tree = levels(leaves_of(4))
    top, siblings = tree[-1][0], path(tree, 9)
    entries = entries_of(9)
    assert root(leaf(Lane.PUBLIC, COUNTER, 9, entries), 9, siblings) == top
    assert root(leaf(Lane.VERIFIED, COUNTER, 9, entries), 9, siblings) != top
    for counter in (0, COUNTER - 1, COUNTER + 1, (1 << 32) - 1):
        assert root(leaf(Lane.PUBLIC, counter, 9, entries), 9, siblings) != top
    for bucket in set(range(16)) - {9}:
        assert root(leaf(Lane.PUBLIC, COUNTER, bucket, entries), bucket, siblings) != top
        assert root(leaf(Lane.PUBLIC, COUNTER, bucket, entries), 9, siblings) != top
        assert root(leaf(Lane.PUBLIC, COUNTER, 9, entries), bucket, siblings) != top


def test_a_path_cut_or_reordered_is_caught() -> None:
    """Fewer siblings, more of them, or the same ones in another order do not lead to the root."""
    tree = levels(leaves_of(4))
    own, siblings = leaves_of(4)[9], path(tree, 9)
    others = [siblings[:-32], siblings[32:], b"", siblings + bytes(32), siblings[64:] + siblings]
    others.append(siblings[32:64] + siblings[:32] + siblings[64:])
    assert [root(own, 9, other) == tree[-1][0] for other in others] == [False] * 6


def test_a_node_cannot_pass_for_a_leaf() -> None:
    """Two hashes served as entries do not hash to their node, whatever place is claimed."""
    tree = levels(leaves_of(2))
    for bucket in range(4):
        for lane in Lane:
            forged = leaf(lane, COUNTER, bucket, tree[0][0] + tree[0][1])
            assert forged != tree[1][0]
            assert root(forged, 0, tree[1][1]) != tree[-1][0]
    # and the other way: what a leaf hashes, 64 bytes of it, is not what a node of two halves does
    place, entries = b"public\0" + COUNTER.to_bytes(4, "big") + bytes(4), bytes(49)
    preimage = place + entries
    assert node(preimage[:32], preimage[32:]) != leaf(Lane.PUBLIC, COUNTER, 0, entries)


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=8, max_size=8), st.data())
@settings(deadline=None)
def test_a_path_proves_no_other_leaf(leaves: list[bytes], data: st.DataObject) -> None:
    """Whatever the leaves, a path proves its own leaf in its own place and nothing else."""
    tree = levels(leaves)
    bucket = data.draw(st.integers(0, 7))
    other = data.draw(st.binary(min_size=32, max_size=32))
    assert root(leaves[bucket], bucket, path(tree, bucket)) == tree[-1][0]
    proves = root(other, bucket, path(tree, bucket)) == tree[-1][0]
    assert proves == (other == leaves[bucket])


@pytest.mark.parametrize("place", [(1 << 32, 0), (0, 1 << 32), (-1, 0)])
def test_no_leaf_beyond_32_bits(place: tuple[int, int]) -> None:
    """A counter or bucket that four bytes cannot hold is refused, not wrapped around."""
    leaf(Lane.PUBLIC, (1 << 32) - 1, (1 << 32) - 1, b"")
    with pytest.raises(OverflowError):
        leaf(Lane.PUBLIC, *place, b"")
