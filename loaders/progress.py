"""Progress of long work: bars with rate and time left on a terminal, silence elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

Advance = Callable[[int], None]


class _Rate(ProgressColumn):
    """What is done a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "-/s")


class Progress:
    """Shows tasks on standard error; descriptions are ours, never data."""

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        """A task for the length of a block; call what is yielded with each amount done."""
        if not sys.stderr.isatty():
            yield lambda _: None
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
        )
        with RichProgress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(description, total=total)
            yield lambda amount: bars.advance(task, amount)
