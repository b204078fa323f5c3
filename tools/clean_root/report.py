"""What the program says: a line for each step with its seconds, or how the first one differed."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class DiffersError(Exception):
    """Something is not as promised, or cannot be done here; the text says so to a person."""


@contextmanager
def step(text: str) -> Iterator[None]:
    """Tell the step once it is done."""
    start = time.monotonic()
    yield
    say(f"{time.monotonic() - start:7.1f} s  {text}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def expect(what: str, wanted: object, got: object) -> None:
    """Refuse to go on where they are not equal.

    Raises:
        DiffersError: they are not.
    """
    if wanted != got:
        raise DiffersError(f"{what}: expected {wanted}, got {got}")
