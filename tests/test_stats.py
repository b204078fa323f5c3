"""Stats on the real store, and their picture."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from small_index import SmallIndex, iins

from loaders import picture
from loaders.stats import DatasetStats, stats
from lookup.errors import InputError
from lookup.index.store import Store
from lookup.protocol.suite import Lane

ANN, BOB, *CROWD = iins(2002)
SOME = (
    DatasetStats("one", "public", 2, 30, 1000, True, 21.5),
    DatasetStats("clinic", "verified", 1, 1, 1, False, 90.0),
    DatasetStats("empty", "public", 0, 0, 0, False, None),
)


def test_what_there_is(store: Store) -> None:
    """Each dataset with its finished loads, and about what a row takes of the store."""
    index = SmallIndex.with_datasets(store)
    index.fill("one", dict.fromkeys(CROWD, 1))
    index.fill("one", {ANN: 1, CROWD[0]: 1})
    index.publish("one")
    index.fill("two", {ANN: 1})
    index.fill("three", {ANN: 1}, finished=False)
    one, two, three, clinic = stats(store)
    assert ("one", "public", 2, 2002, True) == (
        *(one.dataset, one.lane, one.loads),
        *(one.identifiers, one.published),
    )
    assert one.bytes_per_identifier is not None
    assert 18 < one.bytes_per_identifier < 40
    assert (1, 1, False) == (two.loads, two.identifiers, two.published)
    assert (0, 0, False, None) == (
        *(three.loads, three.identifiers),
        *(three.published, three.bytes_per_identifier),
    )
    assert Lane.VERIFIED.value == clinic.lane


def test_the_picture(tmp_path: Path) -> None:
    """A bar for each dataset, the longest for the most people, none for nobody."""
    path = tmp_path / "stats.svg"
    picture.write(path, SOME)
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314  ours
    svg = "{http://www.w3.org/2000/svg}"
    bars = [each.attrib for each in root.iter(f"{svg}rect")][1:]
    assert ["400", "1", "0"] == [bar["width"] for bar in bars]
    assert [bars[1]["fill"]] * 2 == [bar["fill"] for bar in bars[1:]]
    assert bars[0]["fill"] != bars[1]["fill"]
    texts = [each.text for each in root.iter(f"{svg}text")]
    assert ["one", "1,000", "clinic", "1", "empty", "0"] == texts[:-1]


def test_names_are_text(tmp_path: Path) -> None:
    """Whatever a register says, it is no markup."""
    odd = DatasetStats("<&>", "public", 1, 1, 1, True, 1.0)
    assert "&lt;&amp;&gt;" in picture.svg([odd])
    assert picture.svg([]).startswith("<svg ")
    with pytest.raises(InputError, match="the picture cannot be written"):
        picture.write(tmp_path / "no" / "folder.svg", [odd])


def test_bars_in_the_terminal() -> None:
    """The same, in characters."""
    assert [
        f"one    {'█' * 40} 1,000",
        "clinic ░ 1",
        "empty   0",
    ] == picture.terminal(SOME)
    assert [] == picture.terminal([])
