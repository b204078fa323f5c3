"""What is asked of each reader, whatever it is given; a broken promise is an AssertionError."""

import os
import tempfile
from pathlib import Path

from loaders import sql_text
from loaders.dump import Dump
from loaders.formats import open_source
from lookup.errors import InputError

_REASONS = {sql_text.BROKEN, sql_text.LONG, sql_text.WRONG_WIDTH}
_PLACE = Path(tempfile.gettempdir()) / f"fuzz-{os.getpid()}"


def sql(data: bytes) -> None:
    """Rows that fit their table, and known reasons for all that is lost, however it is cut."""
    text = data.decode("utf-8", "replace")
    whole = list(sql_text.rows([text], None))
    for batch in whole:
        assert all(len(row) == len(batch.table.columns) for row in batch.rows)
        assert set(batch.rejected) <= _REASONS
    cut = len(text) // 3
    assert whole == list(sql_text.rows([text[:cut], text[cut : cut + 1], text[cut + 1 :]], None))


def archive(data: bytes) -> None:
    """The content of a file, the same each time it is read; or one sentence."""
    _PLACE.write_bytes(data)
    try:
        with Dump(_PLACE) as dump:
            first = b"".join(dump.chunks())
            assert first.startswith(dump.sample)
            assert first == b"".join(dump.chunks())
            assert dump.bytes_read == len(data)
    except InputError as error:
        _is_sentence(error)
    finally:
        _PLACE.unlink()


def source(data: bytes) -> None:
    """Rows of the header's width and counts of what is lost; or one sentence."""
    _PLACE.write_bytes(data)
    try:
        with open_source(_PLACE) as opened:
            for block in opened.blocks():
                assert all(len(row) == len(opened.header) for row in block.rows)
                assert all(count > 0 for count in block.rejected.values())
            assert len(opened.sha256) == 64
    except InputError as error:
        _is_sentence(error)
    finally:
        _PLACE.unlink()


def _is_sentence(error: InputError) -> None:
    text = error.sentence
    assert text == text.strip(" .")
    assert text.isprintable()
    assert len(text) < 4000
