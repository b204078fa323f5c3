"""How a dump reads in each encoding that it may be in, so that a person can choose.

Shown are the columns' names, one masked cell, and which letters beyond Russian and Latin ones the
sample has and how often: ә ғ қ ң in Kazakhstan, ђ ѓ ќ of a wrong guess. Letters are counted over
the whole sample and tell of nobody.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loaders import encodings
from loaders.masks import mask
from loaders.names import shown

_BINARY = 4096  # bytes in which a text has no NUL
_MOST_LETTERS = 8
_BEYOND = re.compile(r"[^\x00-\x7fа-яА-ЯёЁ№«»\u00a0]")
_UNREADABLE = "\ufffd"


@dataclass(frozen=True)
class Preview:
    """One plausible encoding.

    Attributes:
        names: the columns' names that differ, read in it; "" where they may not be shown.
        example: a masked cell.
        letters: those beyond Russian and Latin, the most frequent first, each with its count.
    """

    encoding: str
    names: str
    example: str
    letters: tuple[tuple[str, int], ...]


def is_text(sample: bytes) -> bool:
    """Whether a dump that begins like this has an encoding at all."""
    return b"\x00" not in sample[:_BINARY]


def previews(
    sample: bytes, *, whole: bool, read_as: str, names: Sequence[str], cells: Sequence[str]
) -> tuple[Preview, ...]:
    """The plausible encodings, the likeliest first; none where there is no doubt.

    Args:
        sample: how the content begins; ``whole``, whether that is all of it.
        read_as: the encoding that ``names`` and ``cells`` were read in.
        names: the columns' names, none if these could be somebody's data.
        cells: some cells of the first rows.
    """
    if not is_text(sample):
        return ()
    plausible = encodings.plausible(sample, whole=whole)
    if len(plausible) < 2:
        return ()
    example = next((cell for cell in cells if not cell.isascii()), "")
    telling = [name for name in names if not name.isascii()]
    return tuple(
        Preview(
            encoding,
            ", ".join(shown(_again(name, read_as, encoding)) for name in telling),
            mask(_again(example, read_as, encoding)),
            _letters(sample.decode(encoding, "replace")),
        )
        for encoding in plausible
    )


def _again(text: str, read_as: str, encoding: str) -> str:
    """The text as another encoding reads its bytes."""
    return text.encode(read_as, "replace").decode(encoding, "replace")


def _letters(text: str) -> tuple[tuple[str, int], ...]:
    found = Counter(c if c.isprintable() else _UNREADABLE for c in _BEYOND.findall(text))
    return tuple(found.most_common(_MOST_LETTERS))
