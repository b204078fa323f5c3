"""Whether a dump is SQL is told soon, whatever its first lines are."""

import time
from collections import Counter
from pathlib import Path

import pytest

from loaders.dump import Dump
from loaders.formats import Reading, open_source
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


def counted(tmp_path: Path, content: str, table: str | None = None) -> tuple[int, dict[str, int]]:
    """How many rows are read of a SQL dump, and what is rejected."""
    path = tmp_path / "dump.sql"
    path.write_text(content, encoding="utf-8")
    with open_source(path, Reading(table=table)) as source:
        blocks = list(source.blocks())
    rejected: Counter[str] = Counter()
    for block in blocks:
        rejected.update(block.rejected)
    return sum(len(block.rows) for block in blocks), dict(rejected)


@pytest.mark.parametrize(
    ("content", "rows", "rejected"),
    [
        ("COPY t (iin, n) FROM stdin;\n1\ta\n2\tb\n\\.\n", 2, 0),
        ("COPY t (iin, n) FROM stdin;\n1\ta\n2\tb\n", 2, 1),
        ("INSERT INTO t (iin, n) VALUES (1,'a'),(2,'b');\n", 2, 0),
    ],
)
def test_a_dump_that_was_cut_between_rows(
    tmp_path: Path, content: str, rows: int, rejected: int
) -> None:
    """It must not look whole: what is missing is a rejected row."""
    expected = {"broken_statement": rejected} if rejected else {}
    assert (rows, expected) == counted(tmp_path, content)


def test_a_table_named_exactly(tmp_path: Path) -> None:
    """Two that differ in case or schema only can both be had."""
    content = "".join(
        f"INSERT INTO {name} (iin, n) VALUES {rows};\n"
        for name, rows in (("users", "(1,'a')"), ("Users", "(1,'a'),(2,'b')"))
    )
    assert 1 == counted(tmp_path, content, "users")[0]
    assert 2 == counted(tmp_path, content, "Users")[0]
