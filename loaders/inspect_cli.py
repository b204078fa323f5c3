"""``qorgan inspect``: what a dump holds, and the command to load it. House rules: ``loaders.cli``.

Everything is told without a whole identifier, name or cell.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loaders.terminal import json_option, note
from lookup.settings import Settings

if TYPE_CHECKING:
    from loaders.formats import Reading
    from loaders.index_view import IndexView
    from loaders.inspection import Column, Inspection
    from loaders.sources import Source


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--encoding", help="As `qorgan load` takes it.")
@click.option("--delimiter", help="As `qorgan load` takes it.")
@click.option("--table", help="As `qorgan load` takes it.")
@click.option("--member", help="As `qorgan load` takes it.")
@click.option("--no-header", is_flag=True, help="As `qorgan load` takes it.")
@click.option(
    "--rows", type=click.IntRange(min=1), help="Look at the first so many rows; else at all."
)
@json_option
def inspect(
    file: Path, *, no_header: bool, rows: int | None, as_json: bool, **given: str | None
) -> None:
    """Look at the dump FILE: what its columns hold, how many people, and how to load it.

    Nothing is loaded or kept, and no index is needed. Where there is one, it tells how many of the
    people it has already, and how long the load would take here. No identifier, name or cell is
    shown.
    """
    from loaders import index_view, inspection, suggestion
    from loaders.formats import Reading, open_source
    from loaders.progress import Progress

    reading = Reading(
        given["encoding"], given["delimiter"], given["member"], given["table"], not no_header
    )
    settings = Settings.from_env()
    today = datetime.now(UTC).date()
    with open_source(file, reading) as source:
        with Progress().task("reading", source.size) as advance:
            found = inspection.inspect(source, rows, today, advance)
        view = index_view.look(settings, found.people.kinds)
        command = suggestion.command(file, reading, source.encoding, found)
        told = _told(source, reading, found, view, settings.workers) | {"command": command}
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    _show(told)
    for sentence in _warnings(found):
        note(sentence)


def _told(
    source: "Source", reading: "Reading", found: "Inspection", view: "IndexView", workers: int
) -> dict[str, Any]:
    """All of it, as a program reads it."""
    from loaders.encoding_preview import is_text
    from loaders.names import shown

    counts = found.counts
    identifiers = {distinct.kind.value: len(distinct) for distinct in found.people.kinds}
    return {
        "file": {
            "format": source.format,
            "packing": source.packing,
            "part": shown(source.part),
            "encoding": source.encoding if is_text(source.sample) else None,
            "encodings": [
                asdict(preview) | {"letters": dict(preview.letters)} for preview in found.previews
            ],
            "delimiter": getattr(source, "delimiter", None),
            "bytes": source.size,
        },
        "rows": {
            "read": counts.read,
            "whole": found.is_whole,
            "share": None if found.share is None else round(found.share, 4),
            "accepted": counts.accepted,
            "duplicates": counts.duplicates,
            "rejected": sum(counts.rejected.values()),
        },
        "rejected": counts.rejected,
        "cells": counts.bad_cells,
        "restored": counts.restored,
        "looked_at": found.looked_at,
        "columns": [_column(column) for column in found.columns],
        "identifiers": identifiers,
        "people": max(identifiers.values(), default=0),
        "iins": None if found.enumeration is None else asdict(found.enumeration),
        "index": asdict(view)
        | {"workers": workers, "load_seconds": _seconds(found, view, workers)},
        "data_classes": sorted(
            {c.meaning.data_class for c in found.columns if c.meaning.data_class is not None}
        ),
        "warnings": list(_warnings(found)),
    }


def _column(column: "Column") -> dict[str, object]:
    return {
        "number": column.number,
        "name": column.name,
        "holds": column.holds,
        "data_class": column.meaning.data_class,
        "known_by": None if column.known_by is None else column.known_by.value,
        "filled": column.filled,
        "valid": column.valid,
        "lost_zeros": column.lost_zeros,
        "rounded": column.rounded,
        "bins": column.bins,
    }


def _seconds(found: "Inspection", view: "IndexView", workers: int) -> float | None:
    """How long the hashing would take, of the whole file if only a part was read."""
    if view.unknown or (not found.is_whole and found.share is None):
        return None
    share = 1.0 if found.share is None else found.share
    return round(len(found.people) / share * view.seconds / workers, 1)


def _warnings(found: "Inspection") -> tuple[str, ...]:
    told = []
    if not found.is_header:
        told.append(
            "no column has a name that is known here, so the first line may be somebody's row and "
            "is not shown; if it is, put a line with the column names above it"
        )
    if found.previews:
        told.append(
            "the encoding is not certain: letters of Kazakh speak for one, letters nobody uses "
            "against it; give --encoding to choose"
        )
    if not found.chosen:
        told.append("no column holds IINs, phone numbers or e-mail addresses: nothing to load by")
    if found.people.looks_like_bins:
        told.append("most numbers in the IIN column are organisations' (BINs)")
    if found.enumeration is not None and found.enumeration.suspicions:
        told += found.enumeration.suspicions
        told.append(
            "this may be a list of possible IINs and no leak; published, it would make everyone "
            'in it "found": ask where it comes from before you load it'
        )
    return tuple(told)


def _show(told: Mapping[str, Any]) -> None:
    from loaders import inspection_text

    click.echo(inspection_text.text(told))
