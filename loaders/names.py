"""Names of columns, tables, sheets and files as sentences may show them, and as they are compared.

What nobody sees (control characters, marks of direction, zero-width spaces) is in neither, so that
a name can be typed as it is shown.
"""

import re

_LONGEST = 40
_MOST_DIGITS = 8  # a name with more could be somebody's number
_LOOKED_AT = 1000  # characters: a number or address may begin where the name is cut
_ADDRESS = re.compile(r"[^\s/\\@]+@[^\s/\\@]+")


def shown(name: str, *, from_end: bool = False) -> str:
    """What can be seen of a name, cut, with addresses hidden, and digits where they are many."""
    looked_at = name[-_LOOKED_AT:] if from_end else name[:_LOOKED_AT]
    letters = _ADDRESS.sub("...", _visible(looked_at))
    if sum(c.isdigit() for c in letters) > _MOST_DIGITS:
        letters = "".join("#" if c.isdigit() else c for c in letters)
    return (letters[-_LONGEST:] if from_end else letters[:_LONGEST]).strip()


def folded(name: str) -> str:
    """A name as it is compared: but for case, blanks around it, and what nobody sees in it."""
    return _visible(name).casefold()


def _visible(name: str) -> str:
    return "".join(c for c in " ".join(name.split()) if c.isprintable()).strip()
