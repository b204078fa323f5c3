"""Results on standard output: a table for people, JSON for programs."""

import json
import sys
from collections.abc import Mapping, Sequence

import click
from rich.console import Console
from rich.table import Column, Table

_LONG = 1000  # letters of a line in a pipe or a file


def show(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool) -> None:
    """Rows as a table with these columns, or all they have as JSON."""
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    # Nothing is cut off: a terminal folds what is too long; elsewhere lines are long.
    shown = (Column(name, overflow="fold") for name in columns)
    table = Table(*shown, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    width = None if sys.stdout.isatty() else _LONG
    Console(soft_wrap=True, width=width).print(table)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    return "" if value is None else str(value)
