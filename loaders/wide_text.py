"""Text of two or four bytes a letter as UTF-8: readers look for line ends and quotes in bytes.

It is known by its mark, or else by its high bytes: no other text holds a 0 or a 4.
"""

import codecs
import io
from collections.abc import Iterator

from loaders.packings import CHUNK

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HIGH = b"\x00\x04"  # of a Latin and of a Cyrillic letter
_LOOKED_AT = 64  # bytes


def as_utf8(plain: "io.BufferedReader[io.RawIOBase]") -> Iterator[bytes]:
    """The content in chunks of at most 1 MiB, as UTF-8 if it is wide."""
    encoding = wide_encoding(plain.peek(_LOOKED_AT)[:_LOOKED_AT])
    if encoding is None:
        while chunk := plain.read1(CHUNK):
            yield chunk
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    while chunk := plain.read1(CHUNK // 2):  # a letter may take three bytes instead of two
        if text := decoder.decode(chunk):
            yield text.encode("utf-8", "replace")
    if text := decoder.decode(b"", final=True):
        yield text.encode("utf-8", "replace")


def wide_encoding(begin: bytes) -> str | None:
    """The codec for a text that begins with these bytes; None if it is not wide."""
    for mark, encoding in _MARKS:
        if begin.startswith(mark):
            return encoding
    letters = len(begin) // 4
    if letters == 0:
        return None
    if not any(begin[2 : 4 * letters : 4] + begin[3 : 4 * letters : 4]):
        return "utf-32-le"
    if not any(begin[0 : 4 * letters : 4] + begin[1 : 4 * letters : 4]):
        return "utf-32-be"
    high = [sum(byte in _HIGH for byte in begin[at : 4 * letters : 2]) for at in (0, 1)]
    if max(high) * 2 < letters * 3 or min(high) * 2 > letters:  # three quarters, one quarter
        return None
    return "utf-16-be" if high[0] > high[1] else "utf-16-le"
