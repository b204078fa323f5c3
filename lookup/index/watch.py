"""What a web node tells whoever owns it, who writes it to the log."""

from collections.abc import Callable
from dataclasses import dataclass

from lookup.errors import Code
from lookup.protocol.suite import Lane


@dataclass(frozen=True)
class Watch:
    """Called when something happens; no argument can hold personal data."""

    mapped: Callable[[Lane, str], None]
    refused: Callable[[Lane, Code], None]
    misfit: Callable[[Code], None]
    store_away: Callable[[], None]
    store_back: Callable[[], None]
    unexpected: Callable[[Exception], None]
    stale: Callable[[], None] = lambda: None
