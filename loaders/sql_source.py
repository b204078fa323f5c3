"""A table of a SQL dump as the rows of a load: ``sql_text`` reads the statements."""

import re
from collections.abc import Iterator

from loaders import sql_text
from loaders.dump import Dump
from loaders.encodings import encoding_named, encoding_of
from loaders.names import shown
from loaders.sources import Block, Source
from lookup.errors import Code, InputError

OTHER_COLUMNS = "other_columns"
_MOST_SHOWN = 20
# What a SQL dump begins with, after its comments. No blank is tried twice: the text is anybody's.
_STATEMENT = re.compile(
    rb"^[ \t]*+(?:INSERT\s++(?:IGNORE\s++)?+INTO|INSERT\s++\[|REPLACE\s++INTO"
    rb"|COPY\s++[^\n]{1,2000}?\sFROM\s++stdin|CREATE\s++TABLE|DROP\s++TABLE|SET\s++[^\n]{1,200};"
    rb"|PRAGMA\s|BEGIN TRANSACTION)",
    re.IGNORECASE | re.MULTILINE,
)


def is_sql(dump: Dump) -> bool:
    """Whether a dump looks like SQL statements."""
    return _STATEMENT.search(dump.sample[: 1 << 16]) is not None


class SqlSource(Source):
    """One table of a SQL dump; rows of another list of columns are counted, never guessed at."""

    format = "SQL"
    has_schema = True

    def __init__(self, dump: Dump, table: sql_text.Table, encoding: str) -> None:
        super().__init__(dump, table.columns, encoding)
        self._table = table

    @property
    def part(self) -> str:
        """The table, and the archive's member that it is in."""
        return f"{super().part}:{self._table.name}".removeprefix(":")

    def blocks(self) -> Iterator[Block]:
        """Some thousand rows at a time."""
        for batch in sql_text.rows(self._dump.texts(self.encoding), self._table.name):
            if batch.table == self._table or not batch.rows:
                yield Block(batch.rows, batch.rejected)
            else:
                lost = batch.rejected.get(OTHER_COLUMNS, 0) + len(batch.rows)
                yield Block([], {**batch.rejected, OTHER_COLUMNS: lost})


def sql_source(dump: Dump, table: str | None, encoding: str | None) -> SqlSource:
    """An open dump as one of its tables.

    Args:
        table: its name, with or without quotes and schema; None where the dump has one.

    Raises:
        InputError: BAD_USAGE, the table is not there or must be chosen; BAD_FILE, the file cannot
            be read or has no rows in statements.
    """
    chosen = None if encoding is None else encoding_named(encoding)
    if dump.is_stdin:
        raise InputError(
            Code.BAD_USAGE,
            "a SQL dump is read twice, so standard input cannot be used; give the file",
        )
    chosen = chosen or encoding_of(dump.sample, whole=dump.is_whole)
    return SqlSource(dump, _table(dump, table, chosen), chosen)


def _table(dump: Dump, wanted: str | None, encoding: str) -> sql_text.Table:
    """The table to read: the one wanted, or the only one with rows; the fullest of its shapes."""
    found = [
        (table, count)
        for table, count in sql_text.tables(dump.texts(encoding))
        if table.columns and count
    ]
    if not found:
        raise InputError(
            Code.BAD_FILE, "the SQL dump has no rows in INSERT or COPY statements; is it whole?"
        )
    names = list(dict.fromkeys(table.name for table, _ in found))
    if wanted is not None:
        plain = _bare(wanted)
        exact = [name for name in names if name == wanted]
        names = exact or [
            name for name in names if plain in (_bare(name), _bare(name).rpartition(".")[2])
        ]
    if len(names) != 1:
        told = "several tables" if names else "no such table"
        listed = names or list(dict.fromkeys(table.name for table, _ in found))
        raise InputError(
            Code.BAD_USAGE,
            f"the SQL dump has {told}; choose one with --table: "
            + ", ".join(shown(name) for name in listed[:_MOST_SHOWN]),
        )
    return max((one for one in found if one[0].name == names[0]), key=lambda one: one[1])[0]


def _bare(name: str) -> str:
    return re.sub(r"[`\"\[\]\s]", "", name).casefold()
