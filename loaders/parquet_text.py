"""Arrow columns as text, and as the pairs and lists that ``nested`` makes rows of.

Whole numbers are digits whatever their type, dates and times ISO, bytes are read as UTF-8, and
nothing is "". Texts of a dictionary are made once, so that a small file does not become large.
"""

import re
from typing import Any

import pyarrow as pa
import pyarrow.types as kinds

from loaders.nested import MAX_DEPTH, number

_NO_FRACTION = re.compile(r"\.0+(?!\d)")


def is_flat(kind: pa.DataType) -> bool:
    """Whether a column of this type has one cell a row."""
    return not kinds.is_nested(kind)


def paths(fields: list[pa.Field], name: str = "", depth: int = 0) -> list[str]:
    """The dotted names of the columns that these fields become.

    Raises:
        RecursionError: they are nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise RecursionError
    found = []
    for field in fields:
        path = f"{name}.{field.name}" if name else field.name
        found += _paths(field.type, path, depth)
    return found


def _paths(kind: pa.DataType, path: str, depth: int) -> list[str]:
    if kinds.is_struct(kind):
        return paths([kind.field(at) for at in range(kind.num_fields)], path, depth + 1)
    if kinds.is_map(kind):
        return [f"{path}.key", *_paths(kind.item_type, f"{path}.value", depth + 1)]
    return _paths(kind.value_type, path, depth + 1) if _is_list(kind) else [path]


def values(array: pa.Array) -> list[Any]:
    """What each place of a column holds: text, a tuple of pairs, a list, or None."""
    kind = array.type
    if kinds.is_struct(kind):
        names = [kind.field(at).name for at in range(kind.num_fields)]
        inner = [values(child) for child in array.flatten()]
        present = array.is_valid().to_pylist()
        whole = zip(*inner, strict=True) if inner else [()] * len(array)
        return [
            tuple(zip(names, cells, strict=True)) if is_there else None
            for is_there, cells in zip(present, whole, strict=True)
        ]
    if kinds.is_map(kind):
        return values(array.cast(pa.list_(pa.struct([kind.key_field, kind.item_field]))))
    if _is_list(kind):
        flat, at, found = values(array.flatten()), 0, []
        for length in array.value_lengths().to_pylist():
            found.append(None if length is None else flat[at : at + length])
            at += length or 0
        return found
    return texts(array)


def texts(array: pa.Array) -> list[str]:
    """The cells of a flat column.

    Raises:
        pa.ArrowException: there is no text for this type.
    """
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        array, kind = array.storage, array.storage.type
    if kinds.is_dictionary(kind):
        words = texts(array.dictionary)
        return ["" if at is None else words[at] for at in array.indices.to_pylist()]
    if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind):
        # Not as it is: what is called text need not be UTF-8.
        array = array.cast(pa.large_binary())
    if _is_binary(array.type):
        cells = array.to_pylist()
        return ["" if cell is None else cell.decode("utf-8", "replace") for cell in cells]
    if kinds.is_floating(kind) or kinds.is_decimal(kind):
        return ["" if cell is None else number(str(cell)) for cell in array.to_pylist()]
    if kinds.is_duration(kind):
        array = array.cast(pa.int64())
    written = ["" if cell is None else cell for cell in array.cast(pa.string()).to_pylist()]
    if kinds.is_timestamp(kind) or kinds.is_time(kind):
        return [_NO_FRACTION.sub("", cell.replace(" ", "T")) for cell in written]
    return written


def _is_list(kind: pa.DataType) -> bool:
    is_any = (kinds.is_list, kinds.is_large_list, kinds.is_fixed_size_list)
    return any(is_one(kind) for is_one in is_any)


def _is_binary(kind: pa.DataType) -> bool:
    is_any = (
        kinds.is_binary,
        kinds.is_large_binary,
        kinds.is_binary_view,
        kinds.is_fixed_size_binary,
    )
    return any(is_one(kind) for is_one in is_any)
