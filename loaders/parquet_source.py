"""A Parquet file as the rows of a load; ``parquet_child`` reads it, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from loaders.dump import Dump
from loaders.nested import MAX_COLUMNS
from loaders.packings import bomb
from loaders.sources import Block, Source
from lookup.errors import Code, InputError

_LONGEST_LINE = 1 << 28  # characters of what the child writes at once
_MOST_EXPANSION = 250  # rows for each byte of the file: people are not so alike
_FEW = 1 << 20


def is_parquet(dump: Dump) -> bool:
    """Whether a dump begins like Parquet; its mark alone could be a column's name."""
    return dump.sample.startswith(b"PAR1\x15")


class ParquetSource(Source):
    """A Parquet file."""

    format = "Parquet"
    has_schema = True

    def __init__(self, dump: Dump, file: BinaryIO, header: tuple[str, ...]) -> None:
        super().__init__(dump, header, "utf-8")
        self._file = file

    def blocks(self) -> Iterator[Block]:
        """Some thousand rows at a time, the file's bytes having been hashed before."""
        for _ in self._dump.chunks():
            pass
        for what, *told in _told(self._file, "rows"):
            if what == "block":
                yield Block(*told)


def parquet_source(dump: Dump, file: BinaryIO) -> ParquetSource:
    """A Parquet file that is open as a file of its own.

    Raises:
        InputError: BAD_FILE.
    """
    ((_, header, count), _) = _told(file, "header")
    if not header or len(header) > MAX_COLUMNS:
        raise _bad_file(f"the Parquet file has no columns, or more than {MAX_COLUMNS}; split it")
    if count > max(_FEW, _MOST_EXPANSION * (dump.size or 0)):
        raise bomb()
    return ParquetSource(dump, file, tuple(header))


def _told(file: BinaryIO, what: str) -> Iterator[list[Any]]:
    """What the child says; it neither inherits our environment nor looks into this folder.

    Raises:
        InputError: BAD_FILE, it ended before it was done.
    """
    with subprocess.Popen(  # noqa: S603  our own program, with words of our own
        [sys.executable, "-P", "-m", "loaders.parquet_child", what],
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # Arrow's words may repeat what is in the file
        env={
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others reserve what they do not need
        },
        encoding="utf-8",
        errors="replace",
    ) as child:
        assert child.stdout is not None  # noqa: S101  it is a pipe
        try:
            while (line := child.stdout.readline(_LONGEST_LINE)).endswith("\n"):
                told = json.loads(line)
                yield told
                if told == ["end"]:
                    return
        finally:
            child.kill()
    raise _bad_file(
        "the Parquet file is damaged, encrypted or too large in memory; write it anew with smaller "
        "row groups, or convert it to CSV"
    )


def _bad_file(sentence: str) -> InputError:
    return InputError(Code.BAD_FILE, sentence)
