"""UTF-16 and UTF-32 are read as any other text, with their mark or without."""

import codecs
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.formats import open_source
from loaders.wide_text import wide_encoding

LITTLE, BIG = ("utf-16-le", "utf-32-le"), ("utf-16-be", "utf-32-be")
LETTERS = st.characters(min_codepoint=0x20, max_codepoint=0x7E) | st.sampled_from(
    "әғқңөұүіАбЖя\r\n\t"
)


@pytest.mark.parametrize("encoding", [*LITTLE, *BIG, "utf-16", "utf-32"])
def test_a_wide_file_is_read(tmp_path: Path, encoding: str) -> None:
    """What Excel saves as "Unicode text", over several chunks, with the hash of its own bytes."""
    path = tmp_path / "dump.csv"
    path.write_bytes(("iin;name\r\n" + "000101390009;Әйгерім\r\n" * 60_000).encode(encoding))
    with open_source(path) as source:
        rows = [row for block in source.blocks() for row in block.rows]
        assert ("utf-8", ("iin", "name")) == (source.encoding, source.header)
        assert [["000101390009", "Әйгерім"]] * 60_000 == rows
        assert hashlib.sha256(path.read_bytes()).hexdigest() == source.sha256


@pytest.mark.parametrize("encoding", [*LITTLE, *BIG])
@given(text=st.text(LETTERS, min_size=4, max_size=40))
def test_the_high_bytes_tell(encoding: str, text: str) -> None:
    """Latin or Cyrillic, two bytes or four, in either order."""
    assert encoding == wide_encoding(text.encode(encoding))


@given(st.text(LETTERS, max_size=40), st.sampled_from(["utf-8", "kz1048", "cp866"]))
def test_no_other_text_is_wide(text: str, encoding: str) -> None:
    """Text of one byte a letter, and UTF-8, have no such bytes."""
    assert wide_encoding(text.encode(encoding, "replace")) is None


@pytest.mark.parametrize("begin", [b"", b"a", b"a\x00", bytes(3)])
def test_a_few_bytes_tell_nothing(begin: bytes) -> None:
    """Fewer than four bytes without a mark are what they are."""
    assert wide_encoding(begin) is None


def test_a_mark_is_enough() -> None:
    """The mark of UTF-32 begins with that of UTF-16."""
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
    expected = ["utf-16", "utf-16", "utf-32", "utf-32"]
    assert expected == [wide_encoding(mark) for mark in marks]
