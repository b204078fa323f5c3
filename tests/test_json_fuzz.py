"""JSON under attack: it ends, soon and small, and cuts do not matter."""

import itertools
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.json_text import BROKEN, LONG, DamagedError, Records, Shape

MIB = 1 << 20

TOKENS = ['{"a":', "{", "}", "[", "]", ",", ":", '"', "\\", "\n", " ", "1", '"x"', "null", "{}"]
TEXTS = st.lists(st.sampled_from([*TOKENS, '{"a":1}', '\n{"b":"2"}', "\ud800"]), max_size=60)


@settings(max_examples=300, deadline=None)
@given(TEXTS.map("".join), st.sampled_from(Shape), st.integers(1, 7))
def test_records_end_and_do_not_depend_on_cuts(text: str, shape: Shape, size: int) -> None:
    """However the text is cut into pieces, the same records, and no other error."""

    def found(pieces: list[str]) -> list[object]:
        try:
            return list(Records(iter(pieces), shape))
        except DamagedError:
            return ["damaged"]

    assert found([text]) == found([text[at : at + size] for at in range(0, len(text), size)])


UNITS = ('{"a":', '{"a":[', "{", ',{"a":1,', "\n", '\n{"a":', " ,\n ,", '"', "\\")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("shape", Shape)
def test_time_does_not_grow_with_the_damage(unit: str, shape: Shape) -> None:
    """What is broken again and again is read once or twice, not once for each attempt."""
    begin = '{"b":[{"c":1}' if shape is Shape.OBJECT else "["
    texts = [begin, unit * (MIB // len(unit)), unit * 9999]
    begun = time.monotonic()
    assert all(record in (BROKEN, LONG) or path for path, record in Records(iter(texts), shape))
    assert time.monotonic() - begun < 60  # a second on a quiet machine; it was hours


@pytest.mark.parametrize("unit", ['{"a":"1"},\n', '{"a":', '"', " "])
def test_memory_does_not_grow(unit: str) -> None:
    """Four MiB go through a window of two."""
    tracemalloc.start()
    for _ in Records(itertools.chain(["["], [unit * (MIB // len(unit))] * 4), Shape.LIST):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MIB
