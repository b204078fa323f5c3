"""The ``qorgan load`` command that fits a dump, as a line to be pasted into a shell.

Where something would have to be named that may not be shown (a file called by an IIN, names of
columns that could be a row), a word in capitals stands for it.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path

from loaders.column_meaning import KnownBy
from loaders.formats import Reading
from loaders.inspection import Inspection
from loaders.names import folded, shown
from lookup.protocol.suite import Kind


def command(path: Path, reading: Reading, read_as: str, found: Inspection) -> str:
    """The command; "" where no column holds identifiers.

    Args:
        reading: what the operator said of the file, which the load must be told, too.
        read_as: the encoding, named where others are plausible.
    """
    if not found.chosen:
        return ""
    encoding = reading.encoding or (read_as if found.previews else None)
    words = ["qorgan", "load", _path(path), "--dataset", "NAME"]
    for option, value in (
        ("--encoding", encoding),
        ("--delimiter", reading.delimiter),
        ("--table", reading.table),
        ("--member", reading.member),
    ):
        words += [option, _safe(value, option[2:].upper())] if value is not None else []
    words += [] if reading.header else ["--no-header"]
    for kind in Kind:
        if kind in found.chosen:
            words += [f"--{kind.value}", _column(found, found.chosen[kind])]
    for field in _fields(found):
        words += ["--field", field]
    return shlex.join(words)


def _fields(found: Inspection) -> Iterator[str]:
    """What a load would not see by the columns' names alone."""
    taken = set(found.chosen.values())
    for at, column in enumerate(found.columns):
        if column.known_by is KnownBy.CONTENT and at not in taken:
            slug = column.meaning.data_class
            yield f"{_column(found, at)}={slug or ''}"


def _column(found: Inspection, at: int) -> str:
    instead = f"COLUMN_{at + 1}"
    return _safe(found.header[at], instead) if found.is_header else instead


def _path(path: Path) -> str:
    return str(path) if all(shown(part) == part for part in path.parts) else "FILE"


def _safe(value: str, instead: str) -> str:
    told = shown(value)
    return told if told and folded(told) == folded(value) else instead
