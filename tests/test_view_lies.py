"""What a lying or broken store serves instead of a version is refused, and never kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from test_view import cache, corrupt, files, flipped, index, refusal, version
from web_index import WebIndex

from lookup.errors import Code, InputError, UnavailableError
from lookup.index import keyspace
from lookup.index.versions import FILTER, VIEW, Version
from lookup.protocol import parameters, tree
from lookup.protocol.suite import Lane

PUBLIC = Lane.PUBLIC
__all__ = ["cache", "index", "version"]  # fixtures


@pytest.mark.parametrize("part", [VIEW, FILTER])
@pytest.mark.parametrize(
    "change",
    [
        flipped(0),
        flipped(-1),
        flipped(1000),
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda _: b"",
    ],
    ids=["first bit", "last bit", "inner bit", "shorter", "longer", "empty"],
)
def test_what_was_not_signed_is_refused(
    index: WebIndex,
    version: Version,
    cache: Path,
    part: str,
    change: Callable[[bytes], bytes],
) -> None:
    """Any other byte in entries, siblings or filter is refused, and nothing of it is kept."""
    corrupt(index.store, version, part, change)
    error = refusal(index.store, version, cache)
    assert error.code is Code.BAD_RANGE
    assert "that was signed" in error.sentence
    assert files(cache) == {".lock"}


@pytest.mark.parametrize("part", [VIEW, FILTER])
def test_a_missing_part_is_refused(
    index: WebIndex, version: Version, cache: Path, part: str
) -> None:
    """A version of which a chunk is gone is not served in part."""
    index.store.redis.delete(keyspace.part(PUBLIC, version.stage, part, 0))
    assert refusal(index.store, version, cache).code is Code.BAD_RANGE
    assert files(cache) == {".lock"}


def test_ranges_may_not_change_places(index: WebIndex, version: Version, cache: Path) -> None:
    """Genuine ranges in another order are refused: each is signed for its place."""
    size = version.view_bytes >> 10

    def swapped(content: bytes) -> bytes:
        return content[size : 2 * size] + content[:size] + content[2 * size :]

    corrupt(index.store, version, VIEW, swapped)
    assert refusal(index.store, version, cache).code is Code.BAD_RANGE


def test_a_tree_of_the_liars_own(index: WebIndex, version: Version, cache: Path) -> None:
    """Changed entries under siblings that fit them have another root than the signed one."""
    signed = parameters.parse(version.document.encode())
    size, entries_size = signed.range_bytes, 8 * signed.range_entries

    def forged(content: bytes) -> bytes:
        ranges = [content[at : at + entries_size] for at in range(0, len(content), size)]
        ranges[5] = bytes(8) + ranges[5][8:]
        leaves = [tree.leaf(PUBLIC, signed.counter, b, each) for b, each in enumerate(ranges)]
        levels = tree.levels(leaves)
        return b"".join(each + tree.path(levels, b) for b, each in enumerate(ranges))

    corrupt(index.store, version, VIEW, forged)
    assert refusal(index.store, version, cache).code is Code.BAD_RANGE


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"signature": "00" * 64}, Code.BAD_SIGNATURE),
        ({"signature": ""}, Code.BAD_SIGNATURE),
        ({"signature": "not hex"}, Code.BAD_SIGNATURE),
        ({"signature": "00" * 65}, Code.BAD_SIGNATURE),
        ({"document": "{}"}, Code.BAD_PARAMETERS),
        ({"document": ""}, Code.BAD_PARAMETERS),
        ({"document": "\ud800"}, Code.BAD_PARAMETERS),
        ({"name": "2-00000000"}, Code.BAD_RANGE),
    ],
)
def test_a_record_that_was_not_signed_is_refused(
    index: WebIndex, version: Version, cache: Path, change: dict[str, str], code: Code
) -> None:
    """Nothing is even fetched for parameters that their publisher did not sign."""
    error = refusal(index.store, replace(version, **change), cache)
    assert error.code is code
    assert isinstance(error, InputError | UnavailableError)
    assert files(cache) == set()


def test_a_document_with_one_letter_changed(index: WebIndex, version: Version, cache: Path) -> None:
    """The signature holds the document byte for byte."""
    changed = replace(version, document=version.document.replace('"leak"', '"leek"'))
    assert changed.document != version.document
    assert refusal(index.store, changed, cache).code is Code.BAD_SIGNATURE
