"""Results on standard output: a table for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence

import click
from rich.console import Console
from rich.table import Table


def show(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool) -> None:
    """Rows as a table with these columns, or all they have as JSON."""
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    Console(soft_wrap=True).print(table)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    return "" if value is None else str(value)
