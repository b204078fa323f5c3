"""The statements of a dump that hold no rows, and how reading goes on behind them.

Pure. What does not end within ``MAX_STATEMENT`` characters costs its line only.
"""

import re

from loaders.sql_window import Window

# Lines that begin a statement with rows: no string of another statement goes on over one.
_ROWS_LINE = r"\n(?![ \t]*+(?:INSERT|REPLACE[ ]INTO|COPY|CREATE|GO|DELIMITER)\b)"


def _other(escape: str) -> re.Pattern[str]:
    """Any other statement, up to its semicolon or to a line that begins one with rows."""
    return re.compile(
        rf"(?:[^;'\"`$/\n-]++|'(?:[^'\n{escape}]++|\\.|''|{_ROWS_LINE})*+'"
        rf"|\"(?:[^\"\n]++|{_ROWS_LINE})*+\"|`[^`\n]*+`|--[^\n]*+|-|/\*.*?\*/|/(?!\*)"
        rf"|\$(?P<tag>\w*+)\$.*?\$(?P=tag)\$|\$(?!\w*+\$)|{_ROWS_LINE})*+;?+",
        re.DOTALL | re.IGNORECASE,
    )


_OTHER = {False: _other(""), True: _other("\\\\")}
ROUTINE = re.compile(
    r"CREATE\s++(?:[^\s(]++\s++){0,6}?(?:FUNCTION|PROCEDURE|PROC|TRIGGER|EVENT)\s", re.IGNORECASE
)
BEGIN = re.compile(r"\bBEGIN\b", re.IGNORECASE)
END = re.compile(r"\bEND\s*+;|^GO\b", re.IGNORECASE | re.MULTILINE)
DELIMITER_BACK = re.compile(r"^[ \t]*+DELIMITER[ \t]++;", re.IGNORECASE | re.MULTILINE)


def pass_comment(window: Window) -> None:
    """Go on behind a comment, or behind its first line if it does not end."""
    end = window.text.find("*/", window.at + 2, window.limit)
    if end >= 0:
        window.at = end + 2
    else:
        window.spend(window.limit - window.at)
        window.skip_line()


def pass_to(window: Window, end: re.Pattern[str]) -> None:
    """Go on behind what ends here, or behind this line if nothing does."""
    window.look()
    match = end.search(window.text, window.at, window.limit)
    if match is not None:
        window.at = match.end()
    else:
        window.spend(16 * (window.limit - window.at))
        window.skip_line()


def pass_statement(window: Window, escapes: bool) -> None:
    """Go on behind a statement; if its quotes do not close, on the next line."""
    window.look()
    begun, limit = window.at, window.limit
    match = _OTHER[escapes].match(window.text, begun, limit)
    end = begun if match is None else match.end()
    window.at = end
    done = end > begun and window.text[end - 1] == ";"
    if end < limit and not done and window.text[end] != "\n":
        window.spend(limit - end)
        window.skip_line()
    elif end == begun:
        window.skip_line()
