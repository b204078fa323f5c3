"""What a statement of a dump says before its rows: the table's name and its columns.

Pure. Names lose their quotes, backticks and brackets; a schema stays, with a dot. A header is read
within ``MAX_HEADER`` characters and with at most ``MOST_COLUMNS`` columns, or not at all.
"""

import re
from dataclasses import dataclass

MAX_HEADER = 1 << 16
MOST_COLUMNS = 2000

_MOST_NAME = 256  # characters; every server allows fewer
_NAME = (
    rf"(?:`(?:[^`\n]|``){{1,{_MOST_NAME}}}+`|\"(?:[^\"\n]|\"\"){{1,{_MOST_NAME}}}+\""
    rf"|\[(?:[^\]\n]|\]\]){{1,{_MOST_NAME}}}+\]|[\w$@#]{{1,{_MOST_NAME}}}+)"
)
_NAMES = rf"{_NAME}(?:\s*+\.\s*+{_NAME}){{0,3}}+"
_LIST = rf"(?:\(\s*+({_NAME}\s*+(?:,\s*+{_NAME}\s*+)*+)\)\s*+)?+"
_VERB = (
    r"(?:INSERT|REPLACE)\s++"
    r"(?:(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE|OR\s++\w++)\s++){0,3}+"
    rf"(?:INTO\s++(?:TABLE\s++)?+)?+({_NAMES})\s*+"
)
_FLAGS = re.IGNORECASE

_INSERT = re.compile(
    rf"{_VERB}{_LIST}(?:OVERRIDING\s++\w++\s++VALUE\s++)?+VALUES?+\s*+(?=\()", _FLAGS
)
_INSERT_NAME = re.compile(_VERB, _FLAGS)
_COPY = re.compile(rf"COPY\s++({_NAMES})\s*+{_LIST}FROM\s++STDIN\b([^;\n]*+);[^\n]*+\n", _FLAGS)
_COPY_TEXT = re.compile(r"\s*+(?:WITH\s*+)?+(?:\(\s*+FORMAT\s++'?text'?\s*+\))?+\s*+", _FLAGS)
_CREATE = re.compile(
    rf"CREATE\s++(?:\w++\s++){{0,4}}?TABLE\s++(?:IF\s++NOT\s++EXISTS\s++)?+({_NAMES})\s*+\(", _FLAGS
)
_ONE_NAME = re.compile(_NAME)
_PART = re.compile(
    r"(?P<quoted>'[^']*+'|\"[^\"]*+\"|`[^`]*+`|--[^\n]*+|/\*.*?\*/)|(?P<mark>[(),])|[^'\"`(),/-]++|.",
    re.DOTALL,
)
# Lines of a CREATE TABLE that are no column, though some of these words may name one.
_CONSTRAINT = re.compile(
    r"(?:CONSTRAINT|PRIMARY\s++KEY|FOREIGN\s++KEY|CHECK\s*+\(|EXCLUDE\s|LIKE\s|PERIOD\s++FOR"
    r"|UNIQUE(?:\s++(?:KEY|INDEX|CLUSTERED|NONCLUSTERED))?+\s*+[^\s(]*+\s*+\("
    r"|(?:(?:FULLTEXT|SPATIAL)\s++)?+(?:KEY|INDEX)\s*+[^\s(]*+\s*+\(\s*+[^\d\s])",
    _FLAGS,
)


@dataclass(frozen=True)
class Header:
    """The beginning of a statement, up to where its rows begin.

    Attributes:
        name: of the table.
        columns: () if it names none.
        end: where the rows begin.
        readable: whether we know how its rows are written.
    """

    name: str
    columns: tuple[str, ...]
    end: int
    readable: bool = True


def insert_header(text: str, at: int) -> Header | None:
    """The header of an INSERT or REPLACE with VALUES."""
    match = _INSERT.match(text, at, at + MAX_HEADER)
    return None if match is None else _header(match)


def insert_name(text: str, at: int) -> str:
    """The table of an INSERT that is no such one; "" if there is no telling."""
    match = _INSERT_NAME.match(text, at, at + MAX_HEADER)
    return "" if match is None else plain_name(match[1])


def copy_header(text: str, at: int) -> Header | None:
    """The header of a COPY whose rows follow; readable only if they are in the text format."""
    match = _COPY.match(text, at, at + MAX_HEADER)
    return None if match is None else _header(match, _COPY_TEXT.fullmatch(match[3]) is not None)


def create_header(text: str, at: int) -> Header | None:
    """The table and columns of a CREATE TABLE; ``end`` is behind its list, if it is readable."""
    match = _CREATE.match(text, at, at + MAX_HEADER)
    if match is None:
        return None
    limit = min(len(text), at + MAX_HEADER)
    columns: list[str] = []
    depth = 0
    here = start = match.end()
    while here < limit and len(columns) <= MOST_COLUMNS:
        part = _PART.match(text, here, limit)
        if part is None:
            break
        here = part.end()
        mark = part["mark"]
        if mark == "(":
            depth += 1
        elif mark and depth and mark == ")":
            depth -= 1
        elif mark and not depth:
            columns += _column(text[start : here - 1])
            start = here
            if mark == ")":
                return _checked(Header(plain_name(match[1]), tuple(columns), here))
    return Header(plain_name(match[1]), (), here, readable=False)


def plain_name(written: str) -> str:
    """A name without its quotes, its parts joined by dots."""
    return ".".join(map(_plain, _ONE_NAME.findall(written)))


def same_table(one: str, other: str) -> bool:
    """Whether two plain names can mean one table: either may lack the schema; case is nothing."""
    one, other = one.casefold(), other.casefold()
    return one == other or one.endswith("." + other) or other.endswith("." + one)


def _header(match: re.Match[str], readable: bool = True) -> Header | None:
    columns = tuple(map(_plain, _ONE_NAME.findall(match[2]))) if match[2] else ()
    return _checked(Header(plain_name(match[1]), columns, match.end(), readable))


def _checked(header: Header) -> Header | None:
    return header if len(header.columns) <= MOST_COLUMNS else None


def _column(definition: str) -> list[str]:
    """The name of the column that is defined, or nothing."""
    definition = re.sub(r"--[^\n]*+|/\*.*?\*/", " ", definition, flags=re.DOTALL).strip()
    name = _ONE_NAME.match(definition)
    if name is None or _CONSTRAINT.match(definition):
        return []
    return [_plain(name[0])]


def _plain(name: str) -> str:
    quote = {"`": "`", '"': '"', "[": "]"}.get(name[0])
    return name if quote is None else name[1:-1].replace(quote * 2, quote)
