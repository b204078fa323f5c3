"""The SQL reader: the dialects of dumps, their cells, and what damage costs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.sql_text import Rows, Table, rows, tables


def read(dump: str, table: str | None = None) -> list[Rows]:
    """All batches of a dump."""
    return list(rows([dump], table))


def cells(values: str, head: str = "INSERT INTO t VALUES ") -> tuple[list[list[str]], int]:
    """The rows of one statement, and how many it lost."""
    batches = read(head + values)
    lost = sum(sum(batch.rejected.values()) for batch in batches)
    return [row for batch in batches for row in batch.rows], lost


MYSQL = r"""-- MySQL dump 10.13
/*!40101 SET NAMES utf8 */;
DROP TABLE IF EXISTS `users`;
CREATE TABLE `users` (
  `id` int NOT NULL AUTO_INCREMENT, -- a, b
  `name` varchar(255) DEFAULT 'a,b)',
  `iin` char(12),
  PRIMARY KEY (`id`), KEY `i` (`iin`)
) ENGINE=InnoDB;
LOCK TABLES `users` WRITE;
/*!40000 ALTER TABLE `users` DISABLE KEYS */;
INSERT INTO `users` VALUES (1,'O\'Brien','000101300017'),(2,'a''b;),(3,\\',NULL);
INSERT IGNORE INTO `users` VALUES (3,_binary 'x\n',0x1F) ON DUPLICATE KEY UPDATE id=1;
REPLACE INTO `users` VALUES (4,"d",DEFAULT);
DELIMITER ;;
CREATE TRIGGER x BEFORE INSERT ON users FOR EACH ROW BEGIN
INSERT INTO log VALUES (NEW.id,1,2); END ;;
DELIMITER ;
UNLOCK TABLES;
"""
POSTGRES = r"""SET standard_conforming_strings = on;
CREATE FUNCTION f() RETURNS int AS $_$ BEGIN
INSERT INTO users VALUES (1,2,3); END; $_$;
CREATE TABLE public.users (id integer NOT NULL, name text DEFAULT 'x'::text,
    iin character(12), CONSTRAINT k PRIMARY KEY (id));
INSERT INTO public.users VALUES (1, 'C:\', '000101300017'), (2, E'a\'b\n', 'x'::character(12));
INSERT INTO public.users VALUES (3, now(), ARRAY['a','b']::text[]) ON CONFLICT DO NOTHING;
COPY public.users (id, name, iin) FROM stdin;
4	\N	a\tb\\
05		x
\.
SELECT pg_catalog.setval('users_id_seq', 5, true);
"""
MSSQL = """USE [db]
GO
CREATE TABLE [dbo].[users]([id] [int] NOT NULL, [name] [nvarchar](50) NULL, [iin] [date]
 CONSTRAINT [PK] PRIMARY KEY CLUSTERED ([id] ASC)) ON [PRIMARY]
GO
SET IDENTITY_INSERT [dbo].[users] ON\x20
INSERT [dbo].[users] ([id], [name], [iin]) VALUES (1, N'Құ''x', CAST(N'2020-01-01' AS Date))
GO
INSERT [dbo].[users] ([id], [name], [iin]) VALUES (2, N'C:\\', NULL)
INSERT [dbo].[users] ([id], [name], [iin]) VALUES (3, N'z', CAST(0x07 AS Date))
GO
"""
SQLITE = """PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, key TEXT);
INSERT INTO users VALUES(1,'a;b',X'AB');
INSERT INTO "users" VALUES(2,'--',1.50);
COMMIT;
"""
NAMES = ("id", "name", "iin")
DIALECTS = {
    "mysql": (
        MYSQL,
        Table("users", NAMES),
        [
            ["1", "O'Brien", "000101300017"],
            ["2", "a'b;),(3,\\", ""],
            ["3", "x\n", "0x1F"],
            ["4", "d", ""],
        ],
    ),
    "postgres": (
        POSTGRES,
        Table("public.users", NAMES),
        [
            ["1", "C:\\", "000101300017"],
            ["2", "a'b\n", "x"],
            ["3", "now()", "ARRAY['a','b']::text[]"],
            ["4", "", "a\tb\\"],
            ["05", "", "x"],
        ],
    ),
    "mssql": (
        MSSQL,
        Table("dbo.users", NAMES),
        [["1", "Құ'x", "2020-01-01"], ["2", "C:\\", ""], ["3", "z", "0x07"]],
    ),
    "sqlite": (
        SQLITE,
        Table("users", ("id", "name", "key")),
        [["1", "a;b", "X'AB'"], ["2", "--", "1.50"]],
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dump_of_each_dialect(dialect: str) -> None:
    """Every row comes with its columns, whatever wrote the dump; nothing else is taken for one."""
    dump, table, expected = DIALECTS[dialect]
    assert [Rows(table, expected, {})] == read(dump)
    assert [(table, len(expected))] == tables([dump])
    assert read(dump) == list(rows(iter(dump), "USERS"))
    assert [] == read(dump, "other")


def test_a_table_is_asked_for_with_or_without_its_schema() -> None:
    """Quotes and schema make no difference to which table is meant."""
    dump = 'INSERT INTO a.t VALUES (1);INSERT INTO `b`."t" VALUES (2);INSERT INTO [u] VALUES (3);'
    assert [("a.t", [["1"]]), ("b.t", [["2"]])] == [(b.table.name, b.rows) for b in read(dump, "t")]
    assert [[["2"]]] == [b.rows for b in read(dump, "b.t")]
    assert [[["3"]]] == [b.rows for b in read(dump, "dbo.u")]


DAMAGE = [
    ("(1,'O'Brien'),(2,'b');", [["2", "b"]], 1),
    ("(1,'a'),(2,'b),(3,'c'),(4,'d');", [["1", "a"], ["3", "c"], ["4", "d"]], 1),
    ("(1,'a'),(2,b'),(3,'c');", [["1", "a"], ["3", "c"]], 1),
    ("(1,'a'),(2,'D','A'),(3,'c');", [["1", "a"], ["3", "c"]], 1),
    ("(1,'a') x),(3,'c');", [["3", "c"]], 1),
    ("(1,'a'),(2,'b'", [["1", "a"]], 1),
    ("(1,'a'),(2,'b\nINSERT INTO t VALUES (3,'c');", [["1", "a"], ["3", "c"]], 1),
    ("(1,'a'),(2,'b');\nINSERT INTO t VALUES (3,'c);\nINSERT INTO t VALUES (4,'d');",
     [["1", "a"], ["2", "b"], ["4", "d"]], 1),
    ("(1,'a'),(2,'" + "x" * (1 << 21) + "'),(3,'c');", [["1", "a"], ["3", "c"]], 1),
    ("(1,'a')(2,'b'),;", [["1", "a"], ["2", "b"]], 0),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(DAMAGE)))
def test_a_broken_tuple_costs_itself(case: int) -> None:
    """A stray quote, a cell too many, a lost end or an endless string harm no neighbour."""
    values, expected, lost = DAMAGE[case]
    assert (expected, lost) == cells(values)


def test_each_loss_has_its_reason() -> None:
    """What is counted says why: a tuple that is broken, too long or of another width."""
    dump = "INSERT INTO t VALUES (1,'a'),(2,'O'B'),(3),(4,'" + "x" * (1 << 21) + "'),(5,'e');"
    expected = {"broken_statement": 1, "wrong_width": 1, "long_statement": 1}
    assert [expected] == [batch.rejected for batch in read(dump)]


def test_a_line_of_copy_costs_itself() -> None:
    """A line of another width or without end is counted, a lost end mark loses no other table."""
    lost = {"wrong_width": 1, "long_statement": 1}
    dump = (
        "COPY t (a,b) FROM stdin;\n1\t2\n3\n"
        + "x" * (1 << 21)
        + "\n4\t5\nCOPY u (a) FROM stdin;\n6\n"
    )
    assert [
        Rows(Table("t", ("a", "b")), [["1", "2"], ["4", "5"]], lost),
        Rows(Table("u", ("a",)), [["6"]], {"broken_statement": 1}),
    ] == read(dump)  # fmt: skip


def test_an_insert_that_cannot_be_read_is_counted() -> None:
    """An INSERT without VALUES is a loss, of its table if it tells one."""
    dump = "INSERT INTO t SELECT 'a;b';\nINSERT INTO u VALUES (1);"
    assert [
        Rows(Table("t", ()), [], {"broken_statement": 1}),
        Rows(Table("u", ("column_1",)), [["1"]], {}),
    ] == read(dump)


def test_statements_of_one_row_each() -> None:
    """They are read at once only while they begin alike: what stands between changes nothing."""
    begun = "INSERT INTO t (a, b) VALUES"
    statements = (
        *(f"{begun} (1,'x')", f"{begun} (2,'O'B')", f"{begun} (3,'y')"),
        *("INSERT INTO t (b, a) VALUES ('z',4)", f"{begun} (5,6)", f"{begun}(7,8)"),
        *("INSERT INTO u VALUES (9)", f"{begun} (10,11),(12,13)", f"{begun} (14,15)"),
    )
    alike, apart = ";\n".join(statements) + ";", ";/**/\n".join(statements) + ";"
    ab, ba, u = Table("t", ("a", "b")), Table("t", ("b", "a")), Table("u", ("column_1",))
    expected = [
        Rows(ab, [["1", "x"], ["3", "y"]], {"broken_statement": 1}),
        Rows(ba, [["z", "4"]], {}),
        Rows(ab, [["5", "6"], ["7", "8"]], {}),
        Rows(u, [["9"]], {}),
        Rows(ab, [["10", "11"], ["12", "13"], ["14", "15"]], {}),
    ]
    assert expected == read(alike) == read(apart)


VALUES = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), st.none())
ROWS = st.lists(st.tuples(VALUES, VALUES, st.integers()), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.sampled_from(["mysql", "postgres", "mssql", "sqlite", "copy"]), st.integers(1, 50))
def test_what_is_written_is_read(
    values: list[tuple[str | None, ...]], dialect: str, step: int
) -> None:
    """Any text comes back from any dialect, however the dump is cut."""
    dump = written(values, dialect)
    chunks = [dump[i : i + step] for i in range(0, len(dump), step)]
    expected = [["" if v is None else str(v) for v in row] for row in values]
    found = list(rows(chunks, None))
    assert [expected] == [batch.rows for batch in found]
    assert [{}] == [batch.rejected for batch in found]


def written(values: list[tuple[str | None, ...]], dialect: str) -> str:
    """The rows as that server's own tool writes them."""
    if dialect == "copy":
        lines = ("\t".join(map(copied, row)) + "\n" for row in values)
        return "COPY t (a, b, c) FROM stdin;\n" + "".join(lines) + "\\.\n"
    tuples = ["(" + ",".join(quoted(v, dialect) for v in row) + ")" for row in values]
    if dialect == "mysql":
        return "INSERT INTO `t` VALUES " + ",".join(tuples) + ";\n"
    head, end = "INSERT INTO t VALUES", ";\n"
    if dialect == "mssql":
        head, end = "INSERT [t] ([a], [b], [c]) VALUES ", "\nGO\n"
    return "".join(head + one + end for one in tuples)


def quoted(value: object, dialect: str) -> str:
    """One value as SQL."""
    if not isinstance(value, str):
        return "NULL" if value is None else str(value)
    if dialect == "mysql":
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
    return ("N" if dialect == "mssql" else "") + "'" + value.replace("'", "''") + "'"


def copied(value: object) -> str:
    """One value as COPY writes it."""
    if value is None:
        return "\\N"
    text = str(value).replace("\\", "\\\\")
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
