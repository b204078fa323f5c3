"""``.dockerignore``: what of the context no COPY sees."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from tools.clean_root.report import DiffersError

_PARTS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True)
class Ignored:
    """The patterns of a file, each for a whole path from the context's root."""

    patterns: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, text: str) -> "Ignored":
        """Read a ``.dockerignore``.

        Raises:
            DiffersError: a pattern is an exception (``!``), or has a class of characters.
        """
        lines = (line.strip() for line in text.splitlines())
        return cls(tuple(_pattern(one) for one in lines if one and not one.startswith("#")))

    def has(self, path: PurePosixPath) -> bool:
        """Whether the path, or a folder that it is in, is left out."""
        every = [path, *path.parents][:-1]  # without "."
        return any(pattern.fullmatch(str(one)) for one in every for pattern in self.patterns)


def _pattern(line: str) -> re.Pattern[str]:
    if line.startswith("!") or "[" in line or "\\" in line:
        raise DiffersError(f".dockerignore: the pattern {line} is not understood here")
    words = re.split(r"(\*\*/|\*\*|\*|\?)", line.strip("/"))
    return re.compile("".join(_PARTS.get(word, re.escape(word)) for word in words))
