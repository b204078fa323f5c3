"""One member of a 7z, pushed chunk by chunk by the library that unpacks it."""

from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

import py7zr
from py7zr.io import Py7zIO, WriterFactory

from loaders.packings import CHUNK


class Push(WriterFactory):
    """Hands on what is unpacked; ``None`` at the end. ``put`` raises where nobody wants more."""

    def __init__(self, put: Callable[[bytes | None], None]) -> None:
        self.put = put
        self.failed = False

    def create(self, filename: str) -> Py7zIO:
        """The library asks for a writer for each member that was asked for: one."""
        return _Writer(self.put)


def unpack(file: BinaryIO, name: str, push: Push) -> None:
    """Push the member; whatever goes wrong is kept in ``push.failed``."""
    try:
        file.seek(0)
        with py7zr.SevenZipFile(file, "r") as archive:
            archive.extract(targets=[name], factory=push)
    except Exception:  # noqa: BLE001  the library raises what it likes; nobody reads its text
        push.failed = True
    with suppress(EOFError):  # the reader went away first
        push.put(None)


class _Writer(Py7zIO):
    def __init__(self, put: Callable[[bytes | None], None]) -> None:
        self._put = put
        self._size = 0

    def write(self, s: bytes | bytearray) -> int:
        for at in range(0, len(s), CHUNK):
            self._put(bytes(s[at : at + CHUNK]))
        self._size += len(s)
        return len(s)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def flush(self) -> None:
        pass

    def size(self) -> int:
        return self._size
