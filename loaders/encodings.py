"""Encodings: the ones that dumps are written in, and which of them a file has."""

import codecs

from lookup.errors import Code, InputError

ENCODINGS = ("utf-8", "cp1251", "kz1048")

_SPELLINGS = {"utf8": "utf-8", "utf-8-sig": "utf-8", "windows-1251": "cp1251", "kz-1048": "kz1048"}


def encoding_named(name: str) -> str:
    """One of ``ENCODINGS`` by its name or a usual spelling of it.

    Raises:
        InputError: BAD_USAGE.
    """
    known = _SPELLINGS.get(name.lower(), name.lower())
    if known not in ENCODINGS:
        raise InputError(Code.BAD_USAGE, "the encoding must be one of " + ", ".join(ENCODINGS))
    return known


def encoding_of(sample: bytes, *, whole: bool) -> str:
    """UTF-8, or what Kazakh and Russian texts are written in where it is not."""
    marked = sample.startswith(codecs.BOM_UTF8)
    return "utf-8" if marked or _is_utf8(sample, whole) else "kz1048"


def _is_utf8(sample: bytes, whole: bool) -> bool:
    """Whether the bytes are UTF-8, but for a character that the sample's end cuts."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=whole)
    except UnicodeDecodeError:
        return False
    return True
