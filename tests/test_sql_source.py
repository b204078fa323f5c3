"""Whether a dump is SQL is told soon, whatever its first lines are."""

import time
from pathlib import Path

import pytest

from loaders.dump import Dump
from loaders.sql_source import is_sql


def told(tmp_path: Path, content: bytes) -> bool:
    path = tmp_path / "dump"
    path.write_bytes(content)
    with Dump(path) as dump:
        return is_sql(dump)


@pytest.mark.parametrize(
    "begin",
    [
        b"insert  ignore into x values (1);",
        b"INSERT [dbo].[x] VALUES (1)",
        b"-- made by\n\n  COPY public.people (iin, name) FROM stdin;",
        b"\tCREATE\tTABLE x (a text);",
        b"SET NAMES utf8;",
    ],
)
def test_statements(tmp_path: Path, begin: bytes) -> None:
    """After comments and blanks, in any case."""
    assert told(tmp_path, begin + b"\n")


@pytest.mark.parametrize(
    "content",
    [
        *(b" \n" * 32_768, b"COPY" + b" " * 65_000, b"INSERT" + b" " * 65_000),
        *((b"COPY" + b" FROM" * 400 + b"\n") * 33, b"SET a\n" * 10_000, b"\t\n\r\n" * 16_000),
    ],
)
def test_what_almost_is_one(tmp_path: Path, content: bytes) -> None:
    """Blanks were once tried in every way that they can be shared out: minutes, or for ever."""
    begun = time.monotonic()
    assert not told(tmp_path, content)
    assert time.monotonic() - begun < 2  # it takes some milliseconds
