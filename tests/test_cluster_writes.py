"""What a write to a cluster waits for, and whom."""

import pytest

from lookup.index import keyspace, routing

KEY = keyspace.load(1)


@pytest.mark.parametrize("word", ["HSET", "UNLINK", "GETDEL", "LPUSH", "SPOP", "a new one"])
def test_what_is_not_known_is_a_write(word: str) -> None:
    """Whoever sends a new command is waited for without a thought of it."""
    assert routing.is_write((word, KEY, "x"))


@pytest.mark.parametrize(
    "words",
    [
        ("HGET", KEY, "state"),
        ("SCRIPT LOAD", "return 1"),
        ("PING",),
        ("HINCRBY", keyspace.usage("app", "2026-11-28"), "checks", 1),
        ("EVALSHA", "0" * 40, 1, keyspace.spent(60, 1)),
    ],
)
def test_what_is_not_waited_for(words: tuple[str | int, ...]) -> None:
    """Reads, what has no key, and counts that may be lost."""
    assert not routing.is_write(words)
