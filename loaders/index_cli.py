"""``qorgan init`` and ``qorgan dataset``: an index, and the datasets in its register."""

from pathlib import Path

import click

from loaders.import_cli import import_record
from loaders.terminal import json_option, note, warn_if_not_durable
from lookup.protocol.stretch import PROFILES
from lookup.protocol.suite import MAX_PREFIX_BITS, MIN_PREFIX_BITS
from lookup.settings import Settings


@click.command()
@click.option(
    "--prefix-bits",
    type=click.IntRange(MIN_PREFIX_BITS, MAX_PREFIX_BITS),
    default=12,
    show_default=True,
    help="Length of the prefix that a question shows: fewer bits hide better, more serve smaller.",
)
@click.option(
    "--argon2",
    "profile",
    type=click.Choice(list(PROFILES)),
    default="standard",
    show_default=True,
    help="Cost of hashing an identifier: 1 MiB; 19 MiB in two passes; or 64 KiB, for tests only.",
)
def init(prefix_bits: int, profile: str) -> None:
    """Make a new index: its keys, then its fixed parameters in the store.

    Both are told in the audit trail, as made by this machine's operator. Interrupted, the same
    command goes on.
    """
    from loaders.recording import Recorder, tells_of
    from lookup import keys
    from lookup.index import audit, definition, store

    settings = Settings.from_env()
    with store.opened(settings) as opened:
        if definition.exists(opened):
            made = definition.read(opened)
            is_same = (profile, prefix_bits) == (made.profile, made.prefix_bits)
            if not is_same or tells_of(audit.read(opened), made):
                definition.refuse_existing(opened)
            recorder = Recorder(opened, settings.keys)
        else:
            recorder = Recorder(opened, settings.keys)
            keys.create(settings.keys)
            made = definition.create(opened, keys.loader_keys(settings.keys), profile, prefix_bits)
        recorder.index_made(made)
        warn_if_not_durable(opened)
    if profile == "test":
        note("THIS INDEX IS FOR TESTS ONLY: its Argon2 profile protects nobody")
    note(f"back up the key files in {settings.keys}: without them the index is noise")
    click.echo(f"index made; publisher key {made.publisher_key}")


@click.group()
def dataset() -> None:
    """Enter datasets in the register."""


@dataset.command("add")
@click.argument("file", type=click.Path(path_type=Path))
def dataset_add(file: Path) -> None:
    """Enter the dataset described in FILE (TOML), or change what is told of it."""
    from loaders.recording import Recorder
    from lookup.index import definition, register, store
    from lookup.index.dataset import read_file

    entry = read_file(file)
    settings = Settings.from_env()
    with store.opened(settings) as opened:
        definition.read(opened)
        recorder = Recorder(opened, settings.keys)
        dataset_id = register.add(opened, entry)
        recorder.entered(entry)
    click.echo(f"{entry.name}: dataset {dataset_id}, {entry.lane.value} lane")


@dataset.command("list")
@json_option
def dataset_list(*, as_json: bool) -> None:
    """List the datasets in the register."""
    from loaders import report
    from lookup.index import definition, register, store

    with store.opened(Settings.from_env()) as opened:
        definition.read(opened)
        entries = register.read_all(opened)
    rows = [
        {"id": i, "name": d.name, "lane": d.lane.value, "data_classes": list(d.data_classes)}
        for i, d in entries.items()
    ]
    report.show(rows, ("id", "name", "lane", "data_classes"), as_json=as_json)


dataset.add_command(import_record)
