"""The process that reads a Parquet file, alone: ``python -m loaders.parquet_child header|rows``.

Arrow allocates what the file says that it needs, and ends its process where it cannot. So it works
here, within ``_MOST_MEMORY`` and with no key in memory, not in the loader. The file is standard
input. Standard output is one JSON list a line: ``["header", names, number of rows]``, then
``["block", rows, rejected]`` as often as there are, and ``["end"]``, without which the file could
not be read.
"""

import io
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator

import pyarrow as pa
from pyarrow import parquet

from loaders.nested import MAX_CELLS, MAX_COLUMNS, TooMuchError, rows
from loaders.parquet_text import is_flat, paths, texts, values
from loaders.sources import LONG_LINE

_MOST_MEMORY = 3 << 29  # bytes: 1.5 GiB
_BLOCK = 8 << 20  # bytes of Arrow's that are written as one block
_MOST_ROWS = 8192

Made = tuple[list[list[str]], dict[str, int]]


def main() -> None:
    """Write the header, or all rows."""
    file = parquet.ParquetFile(_Given(), buffer_size=1 << 20, pre_buffer=False)
    schema = file.schema_arrow
    header = paths([schema.field(at) for at in range(len(schema))])
    flat = all(map(is_flat, schema.types))
    header = header if flat else list(dict.fromkeys(header))
    _write("header", header[: MAX_COLUMNS + 1], file.metadata.num_rows)
    if sys.argv[1:] == ["rows"]:
        for batch in file.iter_batches(_MOST_ROWS, use_threads=False):
            step = max(1, len(batch) * _BLOCK // max(1, batch.nbytes))
            for at in range(0, len(batch), step):
                part = batch.slice(at, step)
                for made in [_flat(part)] if flat else _nested(part, header):
                    _write("block", *made)
    _write("end")


def _flat(batch: pa.RecordBatch) -> Made:
    return list(map(list, zip(*map(texts, batch.columns), strict=True))), {}


def _nested(batch: pa.RecordBatch, header: list[str]) -> Iterator[Made]:
    """A record may become several rows."""
    at = {name: number for number, name in enumerate(header)}
    empty = [""] * len(at)
    made: list[list[str]] = []
    rejected: dict[str, int] = {}
    for record in zip(*map(values, batch.columns), strict=True):
        try:
            found = rows(tuple(zip(batch.schema.names, record, strict=True)), len(at))
        except TooMuchError:
            rejected[LONG_LINE] = rejected.get(LONG_LINE, 0) + 1
            continue
        for row in found:
            cells = empty.copy()
            for name, cell in row.items():
                if name in at:  # not where an object is missing as a whole
                    cells[at[name]] = cell
            made.append(cells)
        if len(made) * len(at) > MAX_CELLS:
            yield made, rejected
            made, rejected = [], {}
    yield made, rejected


def _write(*line: object) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


class _Given(io.RawIOBase):
    """Standard input, at places of our own: the loader reads the same file."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(0).st_size}
        self._at = base[whence] + place
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = os.pread(0, len(view), self._at)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the loader ends it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="\n")  # type: ignore[union-attr]
    main()
