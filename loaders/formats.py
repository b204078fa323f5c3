"""Which reader a dump is read by: all formats in one place.

Each reader is a function of an open ``Dump`` that gives a ``Source``; ``open_source`` opens the
dump once, chooses, and closes it if the reader refuses.
"""

from dataclasses import dataclass
from pathlib import Path

from loaders.csv_source import csv_source, refuse_other_formats
from loaders.dump import Dump
from loaders.json_source import is_json, json_source
from loaders.parquet_source import is_parquet, parquet_source
from loaders.scan_source import scan_source
from loaders.sheet_source import sheet_source
from loaders.sources import Source
from loaders.sql_source import is_sql, sql_source
from lookup.errors import Code, InputError
from lookup.protocol.suite import Kind


@dataclass(frozen=True)
class Reading:
    """How a dump shall be read; what is None is found out.

    Attributes:
        encoding: one of ``loaders.encodings.ENCODINGS`` or a usual spelling of it.
        delimiter: of CSV: one character, or "tab".
        member: which file of an archive (shell patterns allowed).
        table: which table of a SQL dump, sheet of a workbook, or list inside a JSON object.
        header: whether the first line of CSV names the columns; else they are 1, 2, 3.
        scan: the kinds of identifiers to look for in any text; none reads columns.
    """

    encoding: str | None = None
    delimiter: str | None = None
    member: str | None = None
    table: str | None = None
    header: bool = True
    scan: tuple[Kind, ...] = ()


_FIND_OUT = Reading()


def open_source(path: Path, reading: Reading = _FIND_OUT) -> Source:
    """Open a dump in whatever format it is; "-" is standard input.

    Raises:
        InputError: BAD_USAGE, something asked for is none or must be chosen; BAD_FILE, the file
            cannot be read.
    """
    dump = Dump(path, reading.member)
    try:
        return _source(dump, reading)
    except BaseException:
        dump.close()
        raise


def _source(dump: Dump, reading: Reading) -> Source:
    if reading.scan:
        return scan_source(dump, reading.scan, reading.encoding)
    if dump.format and dump.file is not None:
        return sheet_source(dump, dump.file, reading.table)
    if is_parquet(dump):
        if dump.file is None:
            raise InputError(
                Code.BAD_FILE,
                "a Parquet file must be a file of its own, not on standard input or inside a "
                "packing; unpack it first",
            )
        return parquet_source(dump, dump.file)
    if is_json(dump):
        return json_source(dump, reading.table, reading.encoding)
    refuse_other_formats(dump)
    if reading.table is not None or is_sql(dump):
        if not reading.header:
            raise InputError(
                Code.BAD_USAGE, "a SQL dump names its columns itself; leave out --no-header"
            )
        return sql_source(dump, reading.table, reading.encoding)
    return csv_source(dump, reading.encoding, reading.delimiter, header=reading.header)
