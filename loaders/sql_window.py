"""The text of a dump, seen through a window: constant memory, and bounded work where it is hostile.

Pure. Whoever calls ``look`` sees at least ``MAX_STATEMENT`` characters ahead, or all that is left,
however the chunks were cut: so no answer depends on the cuts.

Damage makes a reader try again from the next place that looks like a row. Each failed try is paid
for (``spend``), and the purse grows with the text read; when it is empty (``exhausted``) the
reader skips ahead without trying. So the work is linear in the text, whatever is in it.
"""

import re
from collections.abc import Iterable

MAX_STATEMENT = 1 << 20  # characters of one tuple, string, comment or other statement

# The unit is a character that a pattern scans, some nanoseconds.
STEP = 256  # what a step of Python costs
_PURSE = 1 << 27  # what every dump may cost in vain: about a second
_WAGES = 128  # and so much more for each character read

_SURROGATE = re.compile("[\ud800-\udfff]")


class Window:
    """Text from ``at`` on; earlier text is forgotten at the next ``look``.

    Attributes:
        text: some of the dump.
        at: where in ``text`` reading goes on.
        ended: nothing follows ``text``.
    """

    def __init__(self, chunks: Iterable[str]) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        self._chunks = iter(chunks)
        self._before = 0
        self._spent = 0

    @property
    def position(self) -> int:
        """Characters of the dump before ``at``."""
        return self._before + self.at

    @property
    def limit(self) -> int:
        """Where a statement that begins at ``at`` must end, to be read."""
        return min(self.at + MAX_STATEMENT, len(self.text))

    def look(self) -> bool:
        """Make the text ahead visible; False if there is none."""
        ahead = len(self.text) - self.at
        if ahead <= MAX_STATEMENT and not self.ended:
            kept = min(self.at, 1)  # the character before, by which a line begins
            parts = [self.text[self.at - kept :]]
            while ahead < 2 * MAX_STATEMENT:
                chunk = next(self._chunks, None)
                if chunk is None:
                    self.ended = True
                    break
                parts.append(chunk)
                ahead += len(chunk)
            self._before += self.at - kept
            self.text = "".join(parts)
            self.at = kept
        return ahead > 0

    def skip(self) -> None:
        """Go on as far as can be seen."""
        self.look()
        self.at = self.limit

    def skip_line(self) -> None:
        """Go on behind the next line feed, however far it is."""
        while self.look():
            limit = self.limit
            end = self.text.find("\n", self.at, limit)
            if end >= 0:
                self.at = end + 1
                return
            self.at = limit

    def spend(self, work: int) -> None:
        """Pay for a try that failed."""
        self._spent += work + 2 * STEP

    def exhausted(self) -> bool:
        """Whether to skip instead of trying again."""
        return self._spent > _PURSE + _WAGES * self.position


def whole_characters(text: str) -> str:
    """The text with its surrogates joined to characters or replaced: it can be encoded."""
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
