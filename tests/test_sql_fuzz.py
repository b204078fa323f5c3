"""The SQL reader under attack: it ends, soon and small, and cuts do not matter."""

import random
import time
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loaders import sql_headers, sql_insert, sql_text, sql_window
from loaders.sql_text import Rows, rows, tables

MIB = 1 << 20
REASONS = {"broken_statement", "long_statement", "wrong_width"}

TOKENS = [
    *"'\"`()[],;\\$#/*-\n\t \r\0.1axNE",
    *(
        "''",
        "\\'",
        "),(",
        "),\n(",
        ");\n",
        "\\.\n",
        "\\N",
        "/*",
        "*/",
        "/*!40000 ",
        "--",
        "$$",
        "$a$",
    ),
    *(
        "INSERT INTO t VALUES (",
        "INSERT `t` (a,b) VALUES (1,'x')",
        '\nINSERT INTO "s"."t" VALUES (',
    ),
    *(
        "REPLACE INTO t ",
        " VALUES ",
        "COPY t (a,b) FROM stdin;\n",
        "1\t2\n",
        "CREATE TABLE t (a int, b int)",
    ),
    *(
        "\nGO\n",
        "DELIMITER ;;\n",
        "DELIMITER ;\n",
        "CAST(N'x' AS Date)",
        "::text",
        "E'\\n'",
        "NULL",
        "\ud83d",
    ),
    *(
        "CREATE TRIGGER x BEGIN ",
        " END;",
        " ON DUPLICATE KEY UPDATE a=1",
        "(1,'a')",
        "COLLATE x",
        "é\U0001f600",
    ),
]
TEXTS = st.lists(st.sampled_from(TOKENS), max_size=60).map("".join)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
@example("INSERT INTO t VALUES (1,'a),(2,'b'),(3,'c');", random.Random(0))
def test_any_text_gives_whole_rows_however_it_is_cut(text: str, cuts: random.Random) -> None:
    """Rows fit their table, what is lost has a known reason, and any chunks give the same."""
    whole = list(rows([text], None))
    for batch in whole:
        assert {len(batch.table.columns)} >= {len(row) for row in batch.rows}
        assert REASONS >= set(batch.rejected)
        assert all(count > 0 for count in batch.rejected.values())
        assert 0 < len(batch.rows) + sum(batch.rejected.values())
    assert whole == list(rows(pieces(text, cuts), None))
    for table, count in tables([text]):
        found = [batch for batch in rows([text], table.name) if batch.table == table]
        assert count == sum(
            len(batch.rows) + batch.rejected.get("wrong_width", 0) for batch in found
        )


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_characters_are_read_without_a_crash(text: str) -> None:
    """Text that is no dump at all has no row, or few, and never an error."""
    for prefix in (
        "",
        "INSERT INTO t VALUES (1,'",
        "COPY t (a,b) FROM stdin;\n",
        "CREATE TABLE t (",
    ):
        for batch in rows([prefix + text], None):
            assert REASONS >= set(batch.rejected)


def pieces(text: str, cuts: random.Random) -> Iterator[str]:
    """The text in random chunks, some empty."""
    at = 0
    while at < len(text):
        step = cuts.choice([0, 1, 2, 7, 100])
        yield text[at : at + step]
        at += step


HOSTILE = {
    "open strings": ("INSERT INTO t VALUES (1,'x'),", "(1,'),("),
    "open strings, one a line": ("INSERT INTO t VALUES (1,'x'),\n", "(1,'\n"),
    "quotes only": ("INSERT INTO t VALUES (1,'", "'"),
    "three quotes": ("INSERT INTO t VALUES (1,'x'),(", "'''),("),
    "both quotes": ("INSERT INTO t VALUES (1,'x'),(", "(\"),('),"),
    "backslashes": ("INSERT INTO `t` VALUES (1,'", "\\"),
    "escaped quotes": ("INSERT INTO `t` VALUES (1,'x'),", "('\\'),("),
    "parentheses": ("INSERT INTO t VALUES (1,", "("),
    "closed parentheses": ("INSERT INTO t VALUES (1,f(", "),("),
    "brackets": ("INSERT INTO t VALUES (1,", "["),
    "wide tuples": ("INSERT INTO t VALUES (1,'a'),(", "'),(',"),
    "endless tuple": ("INSERT INTO t VALUES (1,'a'),(", "1,"),
    "spaces": ("INSERT INTO t VALUES (1,'a'),(", " "),
    "spaces behind": ("INSERT INTO t VALUES (1,'a')", " "),
    "comments between": ("INSERT INTO t VALUES (1,'a')", "/*),(1,'a')"),
    "line comments": ("INSERT INTO t VALUES (1,'a')", "--),(1,'a')"),
    "casts": ("INSERT INTO t VALUES (1,'a'),(", "CAST( AS "),
    "casts with spaces": ("INSERT INTO t VALUES (CAST(1", " " * 100 + "AS "),
    "types": ("INSERT INTO t VALUES (1,'a'::", "a "),
    "headers": ("", "INSERT INTO t (a,\n"),
    "headers, one a line": ("", "\nINSERT INTO t VALUES ('"),
    "copies": ("", "COPY t (a) FROM stdin;\n"),
    "copy headers": ("", "COPY t (a,"),
    "copy without end": ("COPY t (a,b) FROM stdin;\n", "1\t2\t3\n"),
    "copy, one line": ("COPY t (a,b) FROM stdin;\n", "1\t"),
    "copy, empty lines": ("COPY t (a,b) FROM stdin;\n", "\n"),
    "copy, headers inside": ("COPY t (a,b) FROM stdin;\n", "COPY t (a\n"),
    "open comments": ("", "/*\n"),
    "open dollars": ("", "SET $a$\nSET $b$ "),
    "open statements": ("", "SET '\n"),
    "creates": ("", "CREATE TABLE t (a(\n"),
    "routines": ("", "CREATE FUNCTION f BEGIN\n"),
    "delimiters": ("", "DELIMITER ;;\n"),
    "line feeds": ("SET x", "\n"),
    "semicolons": ("", ";"),
    "names": ("INSERT INTO ", "a."),
    "one line": ("", "x"),
    "many tables": ("", "INSERT INTO t%d VALUES (1);\n"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_costs_little_time_and_memory(name: str) -> None:
    """A MiB of anything takes seconds, never hours."""
    head, part = HOSTILE[name]
    begun = time.process_time()
    count = sum(len(batch.rows) for batch in rows(repeated(head, part, MIB), None))
    assert count <= MIB
    assert time.process_time() - begun < 30


def repeated(head: str, part: str, size: int) -> Iterator[str]:
    """The part again and again, in chunks; numbered if it wants a number."""
    yield head
    if "%d" in part:
        yield from (part % number for number in range(size // len(part)))
        return
    chunk = part * (65536 // len(part) + 1)
    for _ in range(size // len(chunk)):
        yield chunk


@pytest.mark.parametrize("name", ["extended", "single", "copy", "long string", "broken"])
def test_memory_does_not_grow_with_the_dump(name: str) -> None:
    """Four times the rows, even all in one statement, need no more memory."""
    assert peak(name, 24 * MIB) < peak(name, 6 * MIB) + 2 * MIB


def peak(name: str, size: int) -> int:
    """The most memory that reading such a dump needed."""
    filler = "x" * 5000
    head, part = {
        "extended": ("INSERT INTO t VALUES (1,'a')", f",\n(1,'{filler}')"),
        "single": ("", f"INSERT INTO t VALUES (1,'{filler}');\n"),
        "copy": ("COPY t (a,b) FROM stdin;\n", f"1\t{filler}\n"),
        "long string": ("INSERT INTO t VALUES (1,'a'),(1,'", filler),
        "broken": ("INSERT INTO t VALUES (1,'a')", f",(1,'{filler}'x)"),
    }[name]
    tracemalloc.start()
    try:
        for _ in rows(repeated(head, part, size), None):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_batches_are_small_and_the_list_of_tables_is_bounded() -> None:
    """A batch has at most 2000 rows, a list at most 1000 tables."""
    dump = "INSERT INTO t VALUES (1)" + ",(1)" * 5000 + ";"
    assert [2000, 2000, 1001] == [len(batch.rows) for batch in rows([dump], None)]
    many = (f"INSERT INTO t{number} VALUES (1);" for number in range(1002))
    assert 1000 == len(tables(many))


def test_a_batch_is_typed() -> None:
    """Each batch says whose rows it holds."""
    assert all(isinstance(batch, Rows) for batch in rows(["INSERT INTO t VALUES (1);"], "t"))


@pytest.mark.parametrize("seed", range(4))
def test_chunks_may_cut_anywhere_in_a_small_window(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """With bounds so small that every text goes beyond them, the cuts still make no difference."""
    for module in (sql_window, sql_insert, sql_text):
        monkeypatch.setattr(module, "MAX_STATEMENT", 96)
    for module in (sql_headers, sql_text):
        monkeypatch.setattr(module, "MAX_HEADER", 96)
    cuts = random.Random(seed)
    for _ in range(500):
        text = "".join(cuts.choice(TOKENS) for _ in range(cuts.randrange(120)))
        whole = list(rows([text], None))
        assert whole == list(rows(pieces(text, cuts), None)) == list(rows(text, None))
