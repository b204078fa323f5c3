"""The Parquet reader: cells, nested columns, and what is refused."""

import base64
import datetime
import decimal
import gzip
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from loaders.formats import open_source
from lookup.errors import Code, InputError

MIB = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A path to write a test's file to."""
    return tmp_path / "people.parquet"


def written(columns: dict[str, Any], **options: Any) -> bytes:
    """The bytes of a Parquet file."""
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out, **options)
    return out.getvalue()


def read(path: Path, content: bytes) -> tuple[tuple[str, ...], list[list[str]]]:
    """Header and rows of a file that nothing is wrong with."""
    path.write_bytes(content)
    with open_source(path) as source:
        blocks = list(source.blocks())
        assert hashlib.sha256(content).hexdigest() == source.sha256
        assert len(content) == source.bytes_read == source.size
        assert all(not block.rejected for block in blocks)
        return source.header, [row for block in blocks for row in block.rows]


def refusal(path: Path, content: bytes) -> InputError:
    """The error with which a file is refused, at once or while it is read."""
    with pytest.raises(InputError) as caught:
        read(path, content)
    assert caught.value.sentence == caught.value.sentence.strip(" .")
    assert "; " in caught.value.sentence
    return caught.value


MOMENT = datetime.datetime(1990, 1, 2, 3, 4, 5)  # noqa: DTZ001  what has no zone in the file
CELLS = {
    "integer": (pa.array([9505, None]), "9505"),
    "unsigned": (pa.array([2**64 - 1, None], pa.uint64()), "18446744073709551615"),
    "float": (pa.array([810313311869.0, None]), "810313311869"),
    "fraction": (pa.array([0.5, float("nan")]), "0.5"),
    "single": (pa.array([2.0, None], pa.float32()), "2"),
    "decimal": (pa.array([decimal.Decimal("810313311869.00"), None]), "810313311869"),
    "text": (pa.array(["000101300017", None]), "000101300017"),
    "long text": (pa.array(["ә", None], pa.large_string()), "ә"),
    "bytes": (pa.array([b"950515\xff", None]), "950515\ufffd"),
    "fixed": (pa.array([b"abc", None], pa.binary(3)), "abc"),
    "dictionary": (pa.array(["Almaty", None]).dictionary_encode(), "Almaty"),
    "boolean": (pa.array([True, None]), "true"),
    "date": (pa.array([MOMENT.date(), None]), "1990-01-02"),
    "moment": (pa.array([MOMENT, None], pa.timestamp("us")), "1990-01-02T03:04:05"),
    "zone": (pa.array([MOMENT, None], pa.timestamp("ns", "UTC")), "1990-01-02T03:04:05Z"),
    "time": (pa.array([MOMENT.time(), None]), "03:04:05"),
    "nothing": (pa.nulls(2), ""),
}


def test_cells_are_text(file: Path) -> None:
    """Nothing is lost on the way, and what is no value is empty."""
    columns = {name: array for name, (array, _) in CELLS.items()}
    header, rows = read(file, written(columns))
    assert tuple(CELLS) == header
    assert [[text for _, text in CELLS.values()], [""] * len(CELLS)] == rows


def test_nested_columns_are_flat(file: Path) -> None:
    """Objects are dotted names, lists are rows, as they are of JSON; slices do not shift them."""
    count = 9000  # more than a batch
    phones = [[f"{n}", f"{n + 1}"] if n % 3 else None for n in range(count)]
    contact = [{"city": "A", "phones": one} if n % 5 else None for n, one in enumerate(phones)]
    pairs = pa.array([[("k", n)] for n in range(count)], pa.map_(pa.string(), pa.int64()))
    header, rows = read(
        file, written({"n": list(range(count)), "contact": contact, "pairs": pairs})
    )
    assert ("n", "contact.city", "contact.phones", "pairs.key", "pairs.value") == header
    expected = []
    for n in range(count):
        city = "A" if n % 5 else ""
        both = [f"{n}", f"{n + 1}"] if n % 3 and n % 5 else [""]
        expected += [[f"{n}", city, phone, "k", f"{n}"] for phone in both]
    assert expected == rows


def test_many_rows_in_several_groups(file: Path) -> None:
    """In the order of the file, twice."""
    texts = [f"{n:012d}" for n in range(50_000)]
    file.write_bytes(written({"iin": texts, "iin ": texts}, row_group_size=7000))
    with open_source(file) as source:
        for _ in range(2):
            assert [[text, text] for text in texts] == [
                row for block in source.blocks() for row in block.rows
            ]


# 1,500 texts of a MiB, each the same as the one before: pa.table({"a": ["x" * (1 << 20)] * 1500})
# with column_encoding={"a": "DELTA_BYTE_ARRAY"}, compression="zstd", data_page_version="2.0".
# Arrow 26 ends its process where it cannot have the memory.
PREFIXES = base64.b64decode(
    "UEFSMRUGFZCIgAEV7gFcFYAQFQAVgBAVDhUGFQARHAAAAIAQASi1L/2ASAUCEAA8AgBEA4ABBIAIAAAVABAAgAEEgAiA"
    "gIAB//9/FRUVFQAAAAAAAgBAAAAIAAABACAAAAQAgAAAEHgFAPf9IBcwAtzgVAsE2VYgBwIAEHgCABB4AgAQeAIAEHgC"
    "ABB4AgAQeAIAEHgrEAB4FQYVwIeAARXuAVwVuAcVABW4BxUOFQYVABEcAAAAuAcBKLUv/YBI3QEQADwCAEQDgAEE3AMA"
    "ABUAEACAAQTcA4CAgAH//38VFRUVAAAAAAACAEAAAAgAAAEAIAAABACAAAAQeAUAH/4gF3AA3OBUC4NpFpADAgAQeAIA"
    "EHgCABB4AgAQeAIAEHgCABB4AgAQeOsOAHgVBBksNQAYBnNjaGVtYRUCABUMJQIYAWElAEwcAAAAFrgXGRwZHCYAHBUM"
    "GSUGDhkYAWEVDBa4FxbIkIACFtQEJghJHBUAFQ4VBAA8FoCAgAIZBhkmALgXAAAAFsiQgAIWuBcmCBbUBAAZHBgMQVJS"
    "T1c6c2NoZW1hGKABLy8vLy8zQUFBQUFRQUFBQUFBQUtBQXdBQmdBRkFBZ0FDZ0FBQUFBQkJBQU1BQUFBQ0FBSUFBQUFC"
    "QUFJQUFBQUJBQUFBQUVBQUFBVUFBQUFFQUFVQUFnQUJnQUhBQXdBQUFBUUFCQUFBQUFBQUFFRkVBQUFBQmdBQUFBRUFB"
    "QUFBQUFBQUFFQUFBQmhBQUFBQkFBRUFBUUFBQUFBQUFBQQAYIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4x"
    "GRwcAAAARQEAAFBBUjE="
)
GOOD = written({"iin": ["950515390002"] * 100})


def by_reference() -> bytes:
    """9,000 times the same text of a MiB."""
    same = pa.DictionaryArray.from_arrays(pa.array([0] * 9000, pa.int32()), ["x" * MIB])
    return written({"a": same}, store_schema=False)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "cut": (lambda: GOOD[:-20], "is damaged"),
    "no end": (lambda: GOOD[:40], "is damaged"),
    "no columns": (lambda: written({}), "has no columns"),
    "too many columns": (lambda: written({f"c{n}": [1] for n in range(2001)}), "more than 2000"),
    "rows of nothing": (lambda: written({"a": pa.nulls(30_000_000)}), "bomb"),
    "gigabytes by reference": (by_reference, "too large in memory"),
    "gigabytes by prefix": (lambda: PREFIXES, "too large in memory"),
    "packed": (lambda: gzip.compress(GOOD), "must be a file of its own"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(file: Path, name: str) -> None:
    """Each by one sentence; what kills Arrow does not kill us."""
    make, told = REFUSED[name]
    error = refusal(file, make())
    assert Code.BAD_FILE == error.code
    assert told in error.sentence
    assert "9505" not in error.sentence
