"""What the commands share towards the person who typed them: notes, and the option for JSON.

House rules of all commands: those at the top of ``loaders.cli``.
"""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lookup.index.store import Store

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def note(text: str) -> None:
    """Something worth knowing that is no result, on standard error."""
    click.echo(f"note: {text}", err=True)


def warn_if_not_durable(opened: "Store") -> None:
    """Tell who keeps a ledger in a store that may lose acknowledged writes."""
    from lookup.index.store import is_durable

    durable = is_durable(opened)
    if durable is None:
        note(
            "cannot tell whether the store may lose writes when it crashes; see that it has "
            "appendfsync always, or allow our user config|get"
        )
    elif not durable:
        note("the store may lose writes when it crashes; set appendonly yes and appendfsync always")
