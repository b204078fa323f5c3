"""Traps of tables: JSON, workbooks, Parquet and SQL dumps."""

import io
from dataclasses import replace

import pyarrow as pa
from pyarrow import parquet
from traps.trap import NAMES, P, Trap, Z, all_of, lines, phone
from workbooks import inline, ods, spoken, xlsx


def _cell(value: str, kind: str = "n") -> str:
    return f'<c t="{kind}"><v>{value}</v></c>'


def _row(*cells: str) -> str:
    return f"<row>{''.join(cells)}</row>"


def _parquet(columns: dict[str, list[object]]) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out)
    return out.getvalue()


_TWO_LISTS = (
    f'{{"version": 2, "people": [{{"iin": "{P[0]}", "name": "x"}}, {{"iin": "{P[1]}"}}],'
    f' "shops": [{{"iin": "{P[5]}"}}]}}'
)
JSON = (
    Trap(
        "broken_line.jsonl",
        "a line that was cut costs itself",
        lines(
            f'{{"iin": "{P[0]}", "name": "x"}}',
            f'{{"iin": "{P[1]}", "na',
            f'{{"iin": "{P[2]}", "name": "x"}}',
        ).encode(),
        all_of("ni", P[0], P[2]),
    ),
    Trap(
        "late_columns.jsonl",
        "a column that comes in the last line only",
        lines(
            *(f'{{"iin": "{iin}"}}' for iin in P[:3]), f'{{"name": "x", "iin": "{P[3]}"}}'
        ).encode(),
        all_of("i", *P[:3]) | all_of("ni", P[3]),
    ),
    Trap(
        "nested.json",
        "objects within objects and lists within them: each element is a row",
        f'[{{"person": {{"iin": "{P[0]}", "name": "x"}},'
        ' "phones": ["87010000001", "87010000002"]},'
        f' {{"person": {{"iin": "{P[1]}"}}, "phones": []}}]'.encode(),
        all_of("nip", P[0], phone(1), phone(2)) | all_of("i", P[1]),
        words="--iin person.iin --phone phones",
    ),
    Trap(
        "numbers.jsonl",
        "numbers as identifiers, huge ones and none; true, null and an object in their place",
        lines(
            *(f'{{"iin": {cell}, "name": "x"}}' for cell in (P[0], f"{P[1]}.0", "1e400", "-1")),
            *(f'{{"iin": {cell}, "name": "x"}}' for cell in ("null", "true", "NaN", '{"a": 1}')),
        ).encode(),
        all_of("ni", *P[:2]),
    ),
    Trap(
        "same_keys.jsonl",
        "a key that stands twice in an object: both count",
        lines(
            f'{{"iin": "{P[0]}", "iin": "{P[1]}", "name": "x"}}', f'{{"iin": "{P[2]}"}}'
        ).encode(),
        all_of("ni", *P[:2]) | all_of("i", P[2]),
    ),
    Trap(
        "list.json",
        "one list over several lines, with what is no object in it",
        (
            f'[\n {{"iin": "{P[0]}", "name": "x"}},\n 17,\n {{"iin": "{P[1]}", "name": "y"}}\n]\n'
        ).encode(),
        all_of("ni", *P[:2]),
    ),
    Trap(
        "cut.json",
        "a list that was cut in the middle of an object",
        (
            f'[{{"iin": "{P[0]}", "name": "x"}},\n{{"iin": "{P[1]}", "name": "y"}},\n'
            f'{{"iin": "{P[2]}'
        ).encode(),
        all_of("ni", *P[:2]),
    ),
    Trap(
        "mongo.jsonl",
        "MongoDB's way to write numbers",
        lines(*(f'{{"iin": {{"$numberLong": "{iin}"}}, "name": "x"}}' for iin in P[:2])).encode(),
        all_of("ni", *P[:2]),
        words="--iin 'iin.$numberLong'",
    ),
    Trap(
        "surrogate.jsonl",
        "half a letter in a name and in a key",
        lines(
            f'{{"iin": "{P[0]}", "name": "\\ud800"}}', f'{{"iin": "{P[1]}", "\\ud800": "y"}}'
        ).encode(),
        all_of("ni", P[0]) | all_of("i", P[1]),
    ),
    Trap(
        "exact.jsonl",
        "numbers in another form, with all digits",
        lines(f'{{"iin": {P[0][0]}.{P[0][1:]}E+11}}', f'{{"iin": "{P[1]}"}}').encode(),
        all_of("i", *P[:2]),
    ),
    Trap("lists.json", "two lists in an object, none chosen", _TWO_LISTS.encode(), {}),
    Trap(
        "lists_chosen.json",
        "two lists in an object, one chosen",
        _TWO_LISTS.encode(),
        all_of("ni", P[0]) | all_of("i", P[1]),
        words="--iin iin --table people",
    ),
)

_SHEET = (
    inline("iin", "name", "phone")
    + "".join(_row(_cell(str(int(iin))), *[inline("x")[5:-6]]) for iin in (*Z[:3], *P[:2]))
    + _row(_cell("#N/A", "e"), inline("x")[5:-6], _cell("77010000001"))
)
_TWO_SHEETS = xlsx(
    {
        "People": inline("iin", "name") + inline(P[0], NAMES[0]),
        "Empty": "",
        "Shops": inline("iin", "name") + inline(P[5], "x"),
    }
)
SHEETS = (
    Trap(
        "numbers.xlsx",
        "cells that are numbers, so that zeros are lost; an error in a cell",
        xlsx({"Sheet1": _SHEET}),
        all_of("ni", *Z[:3], *P[:2]) | all_of("np", phone(1)),
        words="--iin iin --phone phone",
    ),
    Trap("sheets.xlsx", "two sheets, none chosen", _TWO_SHEETS, {}),
    Trap(
        "sheets_chosen.xlsx",
        "two sheets, one chosen",
        _TWO_SHEETS,
        all_of("ni", P[0]),
        words="--iin iin --table people",
    ),
    Trap(
        "piped.xlsx",
        "a workbook on standard input, which has to be sought in",
        _TWO_SHEETS,
        {},
        is_piped=True,
    ),
    Trap(
        "table.ods",
        "OpenDocument",
        ods({"One": spoken("iin", "name") + spoken(P[0], "x") + spoken("", "x")}),
        all_of("ni", P[0]),
    ),
    Trap(
        "numbers.parquet",
        "integers for IINs, nulls, and phones in lists",
        _parquet(
            {
                "iin": [int(Z[0]), int(Z[1]), int(P[0]), None],
                "name": ["x", None, "x", "x"],
                "phones": [["87010000001", "87010000002"], None, [], None],
            }
        ),
        all_of("nip", Z[0], phone(1), phone(2)) | all_of("i", Z[1]) | all_of("ni", P[0]),
        words="--iin iin --phone phones",
    ),
)
SHEETS = tuple(replace(trap, is_same_everywhere=False) for trap in SHEETS)

_MYSQL = lines(
    "-- MySQL dump",
    "CREATE TABLE `people` (`id` int, `iin` char(12), `name` text);",
    f"INSERT INTO `people` VALUES (1,'{P[0]}','O\\'Marker; (x)'),(2,'{P[1]}',NULL),",
    f"(3,'{P[2]}),(4,'{P[3]}','x');",
    f"INSERT INTO `people` (`iin`,`name`) VALUES ('{P[4]}','other columns');",
    f"INSERT INTO `people` VALUES (5,'{P[5]}','x');",
    "CREATE TABLE `shops` (`iin` char(12));",
    f"INSERT INTO `shops` VALUES ('{P[6]}');",
)
SQL = (
    Trap("mysql.sql", "two tables, none chosen", _MYSQL.encode(), {}),
    Trap(
        "mysql_chosen.sql",
        "one of two tables; a tuple with a quote missing, rows with other columns",
        _MYSQL.encode(),
        all_of("ni", P[0], P[3], P[5]) | all_of("i", P[1]),
        words="--iin iin --table people",
    ),
    Trap(
        "unnamed.sql",
        "columns that nobody names: they are called by number",
        f"INSERT INTO people VALUES (1,'{P[0]}','x');\n".encode(),
        all_of("i", P[0]),
        words="--iin column_2",
    ),
    Trap(
        "misnamed.sql",
        "a column that is not there",
        f"INSERT INTO people VALUES (1,'{P[0]}','x');\n".encode(),
        {},
    ),
    Trap(
        "odd.sql",
        "comments, strings over lines, marks before strings, columns in another order",
        (
            f"/* c */ INSERT INTO people (iin, name) VALUES ('{P[0]}', 'a;\n);-- x'), -- it's\n"
            f"('{P[1]}', E'it\\'s'), ('{P[2]}', x'4142'), ({P[3]}, _binary 'q') "
            "ON DUPLICATE KEY UPDATE name='z';\n"
            f"INSERT INTO people (name, iin) VALUES ('x', '{P[4]}');\n"
        ).encode(),
        all_of("ni", *P[:4]),
    ),
    Trap(
        "copy.sql",
        r"PostgreSQL: tabs, \N for nothing, a line too short",
        lines(
            "COPY public.people (iin, name) FROM stdin;",
            f"{P[0]}\tМаркеров\\tАян",
            f"{P[1]}\t\\N",
            P[2],
            f"{P[3]}\tx",
            "\\.",
            "SELECT 1;",
        ).encode(),
        all_of("ni", P[0], P[3]) | all_of("i", P[1]),
    ),
    Trap(
        "mssql.sql",
        "SQL Server: brackets, N'...', GO, doubled quotes, no semicolons",
        lines(
            "SET IDENTITY_INSERT [dbo].[people] ON",
            "GO",
            f"INSERT [dbo].[people] ([iin], [name]) VALUES (N'{P[0]}', N'О''Маркер')",
            "GO",
            f"INSERT [dbo].[people] ([iin], [name]) VALUES (N'{P[1]}', NULL)",
            "GO",
            end="\r\n",
        ).encode("utf-16"),
        all_of("ni", P[0]) | all_of("i", P[1]),
    ),
    Trap(
        "cut.sql",
        "a dump that was cut in the middle of a tuple",
        (
            "CREATE TABLE people (iin char(12), name text);\n"
            f"INSERT INTO people VALUES ('{P[0]}','x'),('{P[1]}','y'),('{P[2]}','z"
        ).encode(),
        all_of("ni", *P[:2]),
    ),
)

TRAPS = (*JSON, *SHEETS, *SQL)
