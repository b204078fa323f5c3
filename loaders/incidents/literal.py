"""A Python dict written with repr(), found inside other text and read as values only.

Python's own parser can exhaust memory or stack on hostile text. So the text is cut into tokens
first: strings, numbers, True, False, None and brackets, nothing else, so many and so deep at most,
and no operators, calls or names. Only then ``ast`` sees it.
"""

import ast
import re
import warnings
from typing import Any

from lookup.errors import Code, InputError

_MOST_TOKENS, _DEEPEST = 20_000, 20  # a real record has some 150 tokens, 4 deep
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>[\[({])
      | (?P<close>[\])}])
      | (?P<mark>[,:])
      | (?P<string>'[^'\\\n]*(?:\\.[^'\\\n]*)*'|"[^"\\\n]*(?:\\.[^"\\\n]*)*")
      | (?P<atom>-?\d{1,18}(?:\.\d{1,18})?(?![\w.])|(?:None|True|False)\b)
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_BEGIN, _END = ("open", "atom", "string"), ("close", "atom", "string")
_PAIRS = {"{": "}", "[": "]", "(": ")"}


def end_of(text: str, start: int) -> int:
    """Where the literal that opens at ``start`` ends.

    Raises:
        InputError: BAD_FILE, it does not end, is too deep or long, or is no plain literal.
    """
    awaited: list[str] = []
    before = ""  # the kind of token before
    position = start
    for _ in range(_MOST_TOKENS):
        token = _TOKEN.match(text, position)
        if token is None or token.lastgroup is None:
            raise refused("is not a plain Python literal that comes to its end")
        kind, mark = token.lastgroup, token[token.lastgroup]
        # Two values side by side would be a call, an index or a sum; strings are put together.
        if kind in _BEGIN and before in _END and not kind == before == "string":
            raise refused("has two values with nothing between them")
        position, before = token.end(), kind
        if kind == "open":
            awaited.append(_PAIRS[mark])
            if len(awaited) > _DEEPEST:
                raise refused(f"is nested more than {_DEEPEST} deep")
        elif kind == "close":
            if awaited.pop() != mark:
                raise refused("has a bracket that closes another one")
            if not awaited:
                return position
    raise refused(f"has more than {_MOST_TOKENS} parts")


def read(text: str) -> Any:
    """The value of a literal that ``end_of`` has passed.

    Raises:
        InputError: BAD_FILE, it is no literal, or names a key twice.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python will not know some day
            tree = ast.parse(text, mode="eval")
            value = ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise refused("is not a Python literal") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            if len(keys) != len(set(keys)):
                raise refused("names a key twice, as a file of two incidents would")
    return value


def refused(why: str) -> InputError:
    """The record cannot be read."""
    return InputError(
        Code.BAD_FILE, f"the record {why}; give the file as it was received, one incident in it"
    )
