"""One tuple of an INSERT's VALUES as text cells, in the SQL of MySQL, PostgreSQL, MSSQL and SQLite.

Pure. A cell is a string (decoded), a number or word (as written; NULL and DEFAULT are ""), either
with a cast around it or behind it (dropped), or any other expression (its text). A string beside
another token makes the tuple broken: so a stray quote breaks the tuple it stands in.

Whether a backslash escapes in strings is the dialect's: the caller says so.
"""

import re
from dataclasses import dataclass

from loaders.sql_headers import MOST_COLUMNS
from loaders.sql_window import STEP, whole_characters

PLAIN = r"'[^']*+(?:''[^']*+)*+'"  # the strings of standard SQL
ESCAPED = r"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'"  # those of MySQL, and E'' of PostgreSQL
NULLS = frozenset(("NULL", "null", "Null", "DEFAULT", "default", "Default"))

_DOUBLE_PLAIN = r'"[^"]*+(?:""[^"]*+)*+"'
_DOUBLE_ESCAPED = r'"[^"\\]*+(?:(?:\\.|"")[^"\\]*+)*+"'

# A comment is looked at no further than so: what is skipped in vain stays cheap.
SPACE = r"(?:\s++|--[^\n]*+|/\*(?:[^*]|\*(?!/)){0,512}+\*/)*+"

_FOLLOWING = (
    r"(?:\s*+::\s*+[\w\".]++(?:\s++(?!AS\b)[a-zA-Z]++)*+(?:\s*+\([\d\s,]*+\))?+"
    r"(?:\s++[a-zA-Z]++)*+(?:\[\d*\])*+|\s++COLLATE\s++[\w\".]++)*+"
)
_MARK = r"(?:[NnBbXx]|[Uu]&|_\w++\s*+|(?:DATE|TIMESTAMP|TIME)\s++)"
_CAST = re.compile(
    r"(?:TRY_)?CAST\s*+\((.*)\sAS\s[\w\s.,()\[\]\"]{1,64}\)", re.DOTALL | re.IGNORECASE
)
_BACKSLASH = re.compile(r"\\(.)|''", re.DOTALL)
_E_BACKSLASH = re.compile(
    r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|''", re.DOTALL
)
_MYSQL = {
    "0": "\0",
    "b": "\b",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "Z": "\x1a",
    "%": "\\%",
    "_": "\\_",
}
_E = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _simple(string: str, double: str) -> re.Pattern[str]:
    return re.compile(
        rf"{SPACE}(?:[eE](?P<e>{ESCAPED})|(?P<mark>{_MARK})?+(?P<string>{string}|{double})"
        rf"|(?P<bare>[^\s,()'\"`;\\:]++(?::(?!:)[^\s,()'\"`;\\:]*+)*+)){_FOLLOWING}{SPACE}(?P<end>[,)])",
        re.DOTALL | re.IGNORECASE,
    )


def _token(string: str, double: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<string>(?<!\w)(?:[eE]{ESCAPED}|[NnBbXx]?+{string}|{double})(?!\w))"
        r"|(?P<mark>[(),\[\]])|[^\s,()\[\]'\";]++|\s++",
        re.DOTALL,
    )


_SIMPLE = {False: _simple(PLAIN, _DOUBLE_PLAIN), True: _simple(ESCAPED, _DOUBLE_ESCAPED)}
_STRING = {
    False: re.compile(f"{PLAIN}|{_DOUBLE_PLAIN}"),
    True: re.compile(f"{ESCAPED}|{_DOUBLE_ESCAPED}", re.DOTALL),
}
_TOKEN = {False: _token(PLAIN, _DOUBLE_PLAIN), True: _token(ESCAPED, _DOUBLE_ESCAPED)}


@dataclass(frozen=True)
class Tuple:
    """What stands at an opening parenthesis.

    Attributes:
        cells: None if it is no tuple.
        end: behind the closing parenthesis; of what is no tuple, how far that was looked at.
        work: what it cost to find out, see ``sql_window``.
    """

    cells: list[str] | None
    end: int
    work: int


def read_tuple(text: str, at: int, limit: int, escapes: bool) -> Tuple:
    """Read the tuple whose parenthesis opens at ``at`` and that ends before ``limit``."""
    simple = _SIMPLE[escapes]
    cells: list[str] = []
    here = at + 1
    steps = 0
    while len(cells) < MOST_COLUMNS:
        match = simple.match(text, here, limit)
        if match is not None:
            cells.append(_cell(match, escapes))
            here = match.end()
        else:
            end, whole, taken = _expression(text, here, limit, escapes)
            steps += taken
            if not whole:
                return Tuple(None, end, end - at + STEP * (steps + len(cells)))
            cells.append(_uncast(text[here : end - 1].strip(), escapes))
            here = end
        if text[here - 1] == ")":
            return Tuple(cells, here, here - at + STEP * (steps + len(cells)))
    return Tuple(None, here, here - at + STEP * (steps + len(cells)))


def read_cell(raw: str, escapes: bool) -> str:
    """What one cell means that is whole."""
    match = _SIMPLE[escapes].match(raw + ")")
    return _cell(match, escapes) if match is not None else _uncast(raw, escapes)


def unquoted(body: str, escapes: bool) -> str:
    """What a string means, given what stands between its quotes."""
    if not escapes or "\\" not in body:
        return body.replace("''", "'")
    return _BACKSLASH.sub(lambda m: _MYSQL.get(m[1], m[1]) if m[1] else "'", body)


def _cell(match: re.Match[str], escapes: bool) -> str:
    bare = match["bare"]
    if bare is not None:
        return "" if bare in NULLS else bare
    e = match["e"]
    if e is not None:
        return whole_characters(_E_BACKSLASH.sub(_e_escape, e[1:-1]))
    string, mark = match["string"], match["mark"]
    if mark and mark in "bBxX":
        return mark + string
    if string[0] == '"':
        string = string.replace('""', '"')
        return (
            _BACKSLASH.sub(lambda m: _MYSQL.get(m[1], m[1]) if m[1] else m[0], string[1:-1])
            if (escapes)
            else string[1:-1]
        )
    return unquoted(string[1:-1], escapes)


def _expression(text: str, at: int, limit: int, escapes: bool) -> tuple[int, bool, int]:
    """Where a cell ends that is neither string nor word, whether it does, and the steps there.

    Strings stand inside its parentheses only; beside a string stands no letter.
    """
    match = _TOKEN[escapes].match
    depth = steps = 0
    here = at
    filled = False
    while here < limit:
        steps += 1
        token = match(text, here, limit)
        if token is None:
            if text[here] not in "'\"":
                return here, False, steps
            string = _STRING[escapes].match(text, here, limit)
            return (limit if string is None else string.end()), False, steps
        here = token.end()
        mark = token["mark"]
        if mark and mark in "([":
            depth += 1
        elif mark and not depth:
            return here, filled and mark != "]", steps
        elif mark and mark in ")]":
            depth -= 1
        elif token["string"] and not depth:
            return here, False, steps
        filled = filled or not token[0].isspace()
    return limit, False, steps


def _uncast(raw: str, escapes: bool) -> str:
    """The text of an expression, or the cell that it casts."""
    cast = _CAST.fullmatch(raw)
    if cast is None:
        return raw
    inner = cast[1] + ")"
    match = _SIMPLE[escapes].match(inner)
    return _cell(match, escapes) if match is not None and match.end() == len(inner) else raw


def _e_escape(match: re.Match[str]) -> str:
    octal, byte, short, long, other = match.groups()
    if octal:
        return chr(int(octal, 8) & 0xFF)
    if code := byte or short or long:
        number = int(code, 16)
        return chr(number) if number <= 0x10FFFF else "\ufffd"
    return _E.get(other, other) if other else "'"
