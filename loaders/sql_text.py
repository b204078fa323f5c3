"""SQL dumps as rows of text cells: INSERT statements of any dialect, and COPY of PostgreSQL.

Pure: an iterator of decoded text in, batches of rows out; no files. It promises:

- memory does not grow with the text, and time grows no faster than it, whatever the text is;
- the same batches however the text is cut into chunks;
- every cell is text: numbers as written, strings decoded, NULL empty, a call its own text;
- a broken tuple or line costs itself, and is counted; only where damage is made to cost time
  (``sql_window``) is more skipped at once.

What it cannot know: whether a backslash escapes, where nothing tells MySQL's dialect from the
others. It takes it for a character then, and for an escape where the tuple reads no other way.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from loaders.sql_copy import BROKEN, LONG, WRONG_WIDTH, Taken, take_lines
from loaders.sql_headers import (
    MAX_HEADER,
    Header,
    copy_header,
    create_header,
    insert_header,
    insert_name,
    same_table,
)
from loaders.sql_insert import Statement, TupleReader
from loaders.sql_other import (
    BEGIN,
    DELIMITER_BACK,
    END,
    ROUTINE,
    pass_comment,
    pass_statement,
    pass_to,
)
from loaders.sql_window import MAX_STATEMENT, STEP, Window

__all__ = ["BROKEN", "LONG", "WRONG_WIDTH", "Rows", "Table", "rows", "tables"]

_MOST_TABLES = 1000  # that are listed
_MOST_NAMES = 1 << 24  # characters of their columns
_BATCH = 2000  # rows

_BLANK = re.compile(r"[\s;\ufeff]++")
_WORD = re.compile(
    r"(?P<insert>(?:INSERT|REPLACE)\s)|(?P<copy>COPY\s)|(?P<create>CREATE\s)|(?P<comment>/\*)"
    r"|(?P<delimiter>DELIMITER\s++(?!;)\S)|(?P<line>--|\#|\\|GO\b|DELIMITER\s)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Table:
    """A table as a statement of the dump describes it.

    Attributes:
        name: without quotes, with its schema if that is written.
        columns: as the statement lists them, else as its CREATE TABLE does, else ``column_1`` and
            so on; () where nothing tells, which no row has.
    """

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Rows:
    """Some consecutive rows of a table.

    Attributes:
        table: its name is "" for statements that do not even tell their table.
        rows: each has exactly as many cells as the table has columns.
        rejected: what was lost among them, by reason.
    """

    table: Table
    rows: list[list[str]]
    rejected: dict[str, int]


def tables(text: Iterable[str]) -> list[tuple[Table, int]]:
    """The first thousand tables that have rows, and how many, those of a wrong width included."""
    seen: dict[Table, int] = {}
    for batch in rows(text, None):
        count = len(batch.rows) + batch.rejected.get(WRONG_WIDTH, 0)
        if count and (batch.table in seen or len(seen) < _MOST_TABLES):
            seen[batch.table] = seen.get(batch.table, 0) + count
    return list(seen.items())


def rows(text: Iterable[str], table: str | None) -> Iterator[Rows]:
    """The rows of one table, or of every one, in batches of at most 2000, in order.

    Args:
        text: the dump, cut anywhere.
        table: a name without quotes, with or without its schema; None is every table. What is lost
            of statements that do not tell their table is counted whatever is asked for.
    """
    return _Reader(text, table).read()


class _Reader:
    """Reads a dump once."""

    def __init__(self, text: Iterable[str], wanted: str | None) -> None:
        self._window = Window(text)
        self._tuples = TupleReader(self._window)
        self._wanted = wanted
        self._columns: dict[str, tuple[str, ...]] = {}
        self._names = 0
        self._escapes = False
        self._last: tuple[str, Header | None] = ("", None)
        self._batch: Rows | None = None
        self._begun = 0

    def read(self) -> Iterator[Rows]:
        """All batches."""
        window = self._window
        while window.look():
            if window.exhausted():
                yield from self._count("", LONG)
                window.skip()
                continue
            blank = _BLANK.match(window.text, window.at, window.limit)
            if blank is not None:
                window.at = blank.end()
                continue
            word = _WORD.match(window.text, window.at, window.limit)
            kind = word.lastgroup if word is not None else None
            if kind == "insert":
                yield from self._insert()
            elif kind == "copy":
                yield from self._copy()
            else:
                self._pass(kind)
        yield from self._flush()

    def _insert(self) -> Iterator[Rows]:
        window = self._window
        header = self._insert_header()
        if header is None:
            yield from self._count(insert_name(window.text, window.at), BROKEN)
            window.spend(min(MAX_HEADER, window.limit - window.at))
            pass_statement(window, self._escapes)
            return
        window.at = header.end
        written = self._last[0]
        yield from self._take(
            header,
            lambda width, most: self._tuples.take(Statement(written, width, self._escapes), most),
        )

    def _insert_header(self) -> Header | None:
        """The header of the INSERT here: most often the same as that of the last one."""
        text, at = self._window.text, self._window.at
        written, header = self._last
        end = at + len(written)
        if header is not None and text.startswith(written, at) and text.startswith("(", end):
            return replace(header, end=end)
        header = insert_header(text, at)
        if header is not None:
            written = text[at : header.end]
            self._notice(written)
            self._last = (written, header)
        return header

    def _copy(self) -> Iterator[Rows]:
        window = self._window
        header = copy_header(window.text, window.at)
        if header is None:
            window.spend(min(MAX_HEADER, window.limit - window.at))
            pass_statement(window, self._escapes)
            return
        window.at = header.end
        if header.readable:
            yield from self._take(header, lambda w, most: take_lines(window, w, most))
            return
        yield from self._count(header.name, BROKEN)
        while take_lines(window, 0, _BATCH).more:
            pass

    def _take(self, header: Header, take: Callable[[int, int], Taken]) -> Iterator[Rows]:
        """The rows of one statement; the first says how wide they are, if nothing else does."""
        key = header.name.casefold()
        columns = header.columns or self._columns.get(key, ())
        columns = columns or self._columns.get(key.rpartition(".")[2], ())
        table = Table(header.name, columns)
        wanted = self._is_wanted(table.name)
        lost: dict[str, int] = {}
        more = True
        while more:
            room = _BATCH - len(self._batch.rows) if self._batch else _BATCH
            taken = take(len(table.columns), room if table.columns else 1)
            more = taken.more
            if not table.columns and taken.rows:
                table = Table(header.name, _numbered(len(taken.rows[0])))
                self._remember(key, table.columns)
            for reason, count in taken.rejected.items():
                lost[reason] = lost.get(reason, 0) + count
            if wanted and (taken.rows or not more):
                yield from self._keep(table, taken.rows, lost)
                lost = {}

    def _keep(self, table: Table, rows: list[list[str]], lost: dict[str, int]) -> Iterator[Rows]:
        """Add to the batch; one that is full, or of another table, goes out."""
        if not rows and not lost:
            return
        if self._batch is None or self._batch.table != table:
            yield from self._flush()
            self._batch = Rows(table, [], {})
            self._begun = self._window.position
        batch = self._batch
        batch.rows.extend(rows)
        for reason, count in lost.items():
            batch.rejected[reason] = batch.rejected.get(reason, 0) + count
        if len(batch.rows) >= _BATCH or self._window.position - self._begun > MAX_STATEMENT:
            yield from self._flush()

    def _flush(self) -> Iterator[Rows]:
        batch, self._batch = self._batch, None
        if batch is not None:
            yield batch

    def _count(self, name: str, reason: str) -> Iterator[Rows]:
        """Count a statement that is lost."""
        if not name or self._is_wanted(name):
            columns = self._columns.get(name.casefold(), ())
            yield from self._keep(Table(name, columns), [], {reason: 1})

    def _is_wanted(self, name: str) -> bool:
        return self._wanted is None or same_table(self._wanted, name)

    def _notice(self, header: str) -> None:
        """Only MySQL writes backticks (and /*!): from here on backslashes escape."""
        self._escapes = self._escapes or "`" in header

    def _remember(self, key: str, columns: tuple[str, ...]) -> None:
        """Keep the columns for later statements; what is too much is forgotten."""
        if columns and key not in self._columns:
            self._names += len(key) + sum(map(len, columns)) + 64 * len(columns)
            if self._names > _MOST_NAMES:
                return
        if columns:
            self._columns[key] = columns

    def _pass(self, kind: str | None) -> None:
        """Go on behind what has no rows."""
        window = self._window
        if kind == "comment":
            self._escapes = self._escapes or window.text.startswith("/*!", window.at)
            pass_comment(window)
        elif kind == "line":
            window.skip_line()
        elif kind == "delimiter":
            pass_to(window, DELIMITER_BACK)
        elif kind == "create":
            self._create()
        else:
            pass_statement(window, self._escapes)

    def _create(self) -> None:
        window = self._window
        header = create_header(window.text, window.at)
        if header is not None and not header.readable:
            window.spend(STEP * (header.end - window.at))
        elif header is not None:
            self._notice(window.text[window.at : header.end])
            key = header.name.casefold()
            self._remember(key, header.columns)
            self._remember(key.rpartition(".")[2], header.columns)
            window.at = header.end
            pass_statement(window, self._escapes)
            return
        text, begun, start = window.text, window.at, window.position
        routine = ROUTINE.match(window.text, begun, begun + MAX_HEADER) is not None
        window.spend(min(MAX_HEADER, window.limit - begun))
        pass_statement(window, self._escapes)
        passed = text[begun : begun + window.position - start]  # skipped lines may move the window
        if routine and "$" not in passed and BEGIN.search(passed):
            pass_to(window, END)


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(f"column_{number}" for number in range(1, width + 1))
