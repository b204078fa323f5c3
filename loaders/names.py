"""Names of columns, tables, sheets and files as sentences may show them."""

_LONGEST = 40
_MOST_DIGITS = 8  # a name with more could be somebody's number


def shown(name: str) -> str:
    """A name without control characters, cut, and with its digits hidden where they are many."""
    letters = "".join(c if c.isprintable() else "?" for c in name[:_LONGEST])
    digits = sum(c.isdigit() for c in letters)
    return "".join("#" if c.isdigit() else c for c in letters) if digits > _MOST_DIGITS else letters
