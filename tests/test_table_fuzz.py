"""Workbooks and Parquet files with changed bytes are read or refused: no crash, no other error."""

import io
import random
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from workbooks import inline, ods, spoken, xlsx

from loaders.formats import open_source
from lookup.errors import Code, InputError


def read_or_refused(path: Path, content: bytes) -> None:
    """Read all rows, or be refused."""
    path.write_bytes(content)
    try:
        with open_source(path) as source:
            widths = {len(row) for block in source.blocks() for row in block.rows}
        assert widths <= {len(source.header)}
    except InputError as error:
        found = error
    else:
        return
    assert found.code in (Code.BAD_FILE, Code.BAD_USAGE)


@pytest.mark.parametrize("make", ["xlsx", "ods"])
def test_changed_workbooks(tmp_path: Path, make: str) -> None:
    """Changed in the zip or in a part of it, a workbook is read or refused, and nothing else."""
    books = {
        "xlsx": xlsx({"S": inline("a", "b") + inline("1", "2") * 20}, texts="<si><t>x</t></si>"),
        "ods": ods({"S": spoken("a", "b") + spoken("1", "2") * 20}),
    }
    parts = {}
    with zipfile.ZipFile(io.BytesIO(books[make])) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    chance = random.Random(7)
    for turn in range(300):
        if turn % 2:
            content = changed(books[make], chance)
        else:
            name = chance.choice(list(parts))
            touched = parts | {name: changed(parts[name], chance)}
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as archive:
                for each, inside in touched.items():
                    archive.writestr(each, inside)
            content = out.getvalue()
        read_or_refused(tmp_path / "people", content)


def changed(content: bytes, chance: random.Random) -> bytes:
    """A few bytes are others, or gone."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(made))
        if chance.random() < 0.3:
            del made[at : at + chance.randint(1, 20)]
        else:
            made[at] = chance.randrange(256)
        made = made or bytearray(b"x")
    return bytes(made)


def test_changed_parquet(tmp_path: Path) -> None:
    """Each is a process: a few are enough here."""
    out = io.BytesIO()
    table = pa.table(
        {
            "iin": ["950515390002"] * 50,
            "n": range(50),
            "x": [{"y": ["a", "b"]}] * 50,
            "f": [1.5] * 50,
        }
    )
    parquet.write_table(table, out, compression="snappy")
    chance = random.Random(3)
    for _ in range(8):
        read_or_refused(tmp_path / "people", b"PAR1\x15" + changed(out.getvalue()[5:], chance))
