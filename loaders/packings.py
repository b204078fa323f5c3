"""Compressed streams: gzip, bzip2, xz and zstandard bytes in, plain bytes out, lazily.

A stream that is damaged or cut is refused when that is met, never taken for its end: a load counts
wholly or not at all. What expands out of all measure is refused too.
"""

import bz2
import gzip
import lzma
import sys
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from lookup.errors import Code, InputError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK = 1 << 20  # bytes handed on at once

# A dump of text shrinks 5 to 60 times. What expands more than this, and is not small, is a bomb.
_MOST_EXPANSION = 250
_SMALL = 256 << 20
_XZ_MEMORY = 256 << 20  # bytes a decompressor may take; xz -9 needs 65 MiB
_ZSTD_WINDOW = 27  # log2 of bytes: 128 MiB, what zstd itself allows without being asked

MAGIC = {
    "gzip": b"\x1f\x8b",
    "zstandard": b"\x28\xb5\x2f\xfd",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
}


def packing_of(begin: bytes) -> str | None:
    """Which compression these first bytes are of."""
    return next((name for name, magic in MAGIC.items() if begin.startswith(magic)), None)


def unpacked(packing: str, packed: BinaryIO) -> Iterator[bytes]:
    """The plain bytes of a compressed stream, at most ``CHUNK`` at a time.

    Raises:
        InputError: BAD_FILE, the stream is damaged, cut, or expands like a bomb.
    """
    counted = _Counted(packed)
    produced = 0
    try:
        with _opened(packing, counted) as stream:
            while chunk := stream.read(CHUNK):
                produced += len(chunk)
                if produced > max(_SMALL, _MOST_EXPANSION * counted.taken):
                    raise bomb()
                yield chunk
    except (EOFError, OSError, zlib.error, lzma.LZMAError, zstd.ZstdError):
        raise InputError(
            Code.BAD_FILE, f"the {packing} file is damaged or cut short; fetch it again"
        ) from None


def bomb() -> InputError:
    """What expands too much."""
    return InputError(
        Code.BAD_FILE,
        "the archive expands more than 250 times, as an archive bomb does; unpack it by hand and "
        "look at it",
    )


class _Counted:
    """A stream that knows how much was taken from it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size if 0 <= size <= CHUNK else CHUNK)
        self.taken += len(data)
        return data

    def seekable(self) -> bool:
        return False


def _opened(packing: str, packed: Any) -> Any:
    """A file of the library in charge; each wants of ``packed`` no more than it has."""
    match packing:
        case "gzip":
            return gzip.GzipFile(fileobj=packed, mode="rb")
        case "bzip2":
            return bz2.BZ2File(packed, "rb")
        case "xz":
            return _Xz(packed)
        case _:
            options = {int(zstd.DecompressionParameter.window_log_max): _ZSTD_WINDOW}
            return zstd.ZstdFile(packed, "rb", options=options)


class _Xz:
    """xz within a bound on memory, which the standard library's file has not."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._rest = b""
        self._one = self._fresh()

    def __enter__(self) -> "_Xz":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, size: int) -> bytes:
        """Some plain bytes; none at the end of the last of the file's streams."""
        while True:
            if self._one.eof:
                rest = self._one.unused_data.lstrip(b"\x00")
                while not rest:  # padding may be longer than what is read at once
                    packed = self._packed.read(CHUNK)
                    if not packed:
                        return b""
                    rest = packed.lstrip(b"\x00")
                self._rest = rest
                self._one = self._fresh()
            elif self._one.needs_input:
                self._rest = self._rest or self._packed.read(CHUNK)
                if not self._rest:
                    raise EOFError
            data, self._rest = self._one.decompress(self._rest, size), b""
            if data:
                return data

    @staticmethod
    def _fresh() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
