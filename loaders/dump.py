"""The bytes of a dump: from a file or standard input, plain, compressed, or inside an archive.

A dump promises chunks of at most 1 MiB in constant memory, never a file written, and the SHA-256
of the bytes *as they were given*, packed or not, once all were read. What begins with the mark of
a packing is unpacked, whatever its name says; one packing inside another (``tar.gz``, a gzip in a
zip) is unpacked too, a third is not. Text in UTF-16 or UTF-32 is handed on as UTF-8.
"""

import codecs
import hashlib
import io
import itertools
import stat
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from loaders import archives, packings, tar_archive
from loaders.packings import CHUNK
from loaders.wide_text import as_utf8
from lookup.errors import Code, InputError

STDIN = Path("-")
_TAR_AT = 257  # where a tar has its mark
_SEEKING = {"zip": b"PK\x03\x04", "7z": b"7z\xbc\xaf\x27\x1c"}
_REFUSED = {"RAR": b"Rar!\x1a\x07"}


class Dump:
    """An open dump; close it, or use it in a ``with`` statement.

    Attributes:
        size: bytes of the file as given; None from standard input.
        bytes_read: how many of them have been read by the current ``chunks``.
        packing: what it is unpacked from, such as "zip" or "tar in gzip"; "" for a plain file.
        member: the archive's member that is read; "" where there is none.
        format: "xlsx" or "ods" where the content is one of these zips; else "".
        file: the plain file where the content itself can be sought in; None for the others.
    """

    def __init__(self, path: Path, member: str | None = None) -> None:
        """
        Raises:
            InputError: BAD_FILE, it cannot be read; BAD_USAGE, the member is not there or must
                be chosen.
        """
        self.is_stdin = path == STDIN
        self._file, self.size = _stdin() if self.is_stdin else _opened(path)
        self._wanted = member
        self._started = False
        self._sha256: str | None = None
        self.bytes_read = 0
        self.packing = ""
        self.member = ""
        self.format = ""
        try:
            self.sample, self.is_whole = self._begin()
        except BaseException:
            self.close()
            raise
        self.file = self._file if not self.packing and not self.is_stdin else None

    @property
    def sha256(self) -> str:
        """Of the bytes as given, in hex; RuntimeError until ``chunks`` is exhausted."""
        if self._sha256 is None:
            raise RuntimeError("the hash is known only after the last chunk")
        return self._sha256

    def chunks(self) -> Iterator[bytes]:
        """The content from its beginning. From standard input it can be read once.

        Raises:
            InputError: BAD_FILE, the disk failed, the file changed, or its packing is damaged.
        """
        if self.is_stdin:
            if self._started:
                raise RuntimeError("standard input can be read once")
            self._started = True
            return self._stream
        return self._from_start()

    def texts(self, encoding: str) -> Iterator[str]:
        """``chunks`` as text; what is not of this encoding becomes U+FFFD."""
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        for chunk in self.chunks():
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)

    def close(self) -> None:
        """Close the file; doing so twice is harmless."""
        if not self.is_stdin:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> tuple[bytes, bool]:
        """The first MiB of the content, and whether that is all."""
        stream = self._from_start()
        taken, length = [], 0
        for chunk in stream:
            taken.append(chunk)
            length += len(chunk)
            if length >= CHUNK:
                break
        sample = b"".join(taken)
        if self.is_stdin:
            self._stream = itertools.chain(taken, stream)
        else:
            # A 7z is unpacked by a thread that reads ahead: it must let go of our one file before
            # somebody reads from the beginning.
            stream.close()
            self.bytes_read = 0
        return sample[:CHUNK], length < CHUNK

    def _from_start(self) -> Generator[bytes, None, None]:
        try:
            yield from self._once()
        except _MemberChosenError:  # before any chunk: now it is known where to stop
            yield from self._once()

    def _once(self) -> Iterator[bytes]:
        self._sha256 = None
        self.bytes_read = 0
        raw = _Raw(self, self._file)
        if not self.is_stdin:
            self._file.seek(0)
        try:
            yield from self._content(raw)
            raw.drain()
        except OSError:
            raise _bad_file("the file could not be read to its end; check the disk") from None
        if self.size is not None and self.bytes_read != self.size:
            raise _bad_file("the file changed while it was read; load it again when it is complete")
        self._sha256 = raw.digest.hexdigest()

    def _content(self, raw: "_Raw") -> Iterator[bytes]:
        """What is inside: at most two packings, and one member of an archive."""
        self.packing = ""
        plain: io.BufferedReader[io.RawIOBase] = io.BufferedReader(raw, CHUNK)
        for _ in range(2):
            packing = _packing_of(plain.peek(512))
            if packing is None or (packing == "zip" and not self.packing and self._is_sheet()):
                break
            self.packing = f"{packing} in {self.packing}" if self.packing else packing
            inside: io.RawIOBase = _Chunks(self._unpacked(packing, plain, raw))
            plain = io.BufferedReader(inside, CHUNK)
            if packing == "tar":
                break
        yield from as_utf8(plain)

    def _unpacked(self, packing: str, plain: BinaryIO, raw: "_Raw") -> Iterator[bytes]:
        if packing in _REFUSED:
            raise _bad_file(f"{packing} archives are not read; unpack it first")
        if packing in packings.MAGIC:
            return packings.unpacked(packing, plain)
        if packing == "tar":
            return self._tar(plain)
        if self.is_stdin or self.packing != packing:
            raise _bad_file(
                f"a {packing} must be a file of its own, not on standard input or inside another "
                "packing (an Excel or OpenDocument file is a zip, too); give the file itself"
            )
        opener = archives.zip_member if packing == "zip" else archives.sevenzip_member
        raw.drain()  # these are read in any order: their bytes are hashed before
        self.member, content = opener(self._file, self._wanted)
        return content

    def _is_sheet(self) -> bool:
        """Excel and OpenDocument files are zips too, and are read as what they are."""
        if self.is_stdin:
            return False
        place = self._file.tell()
        self.format = archives.sheet_format(self._file)
        self._file.seek(place)
        return bool(self.format)

    def _tar(self, plain: BinaryIO) -> Iterator[bytes]:
        """A tar's member; which one is known only when the whole archive was seen once."""
        if self.member:
            return tar_archive.tar_bytes(plain, self.member)
        if self.is_stdin:
            if self._wanted is None:
                raise InputError(
                    Code.BAD_USAGE,
                    "name the file in the tar with --member, or give the tar as a file",
                )
            self.member = self._wanted
            return tar_archive.tar_bytes(plain, self.member)
        self.member = archives.choose(tar_archive.tar_names(plain), self._wanted, "tar")
        raise _MemberChosenError


class _MemberChosenError(Exception):
    """A tar was seen whole, and the member to read in it is known."""


class _Raw(io.RawIOBase):
    """The file as given: what is read of it is hashed and counted."""

    def __init__(self, dump: Dump, file: BinaryIO) -> None:
        super().__init__()
        self._dump = dump
        self._file = file
        self.digest = hashlib.sha256()
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = b"" if self._ended else self._file.read(len(view))
        self._ended = not data  # an archive may have been sought in since: not our place any more
        view[: len(data)] = data
        self.digest.update(data)
        self._dump.bytes_read += len(data)
        return len(data)

    def drain(self) -> None:
        """Read to the end: what lies behind the content is part of the file."""
        while self.read(CHUNK):
            pass


class _Chunks(io.RawIOBase):
    """A stream made of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        taken = self._rest[: len(view)]
        self._rest = self._rest[len(taken) :]
        view[: len(taken)] = taken
        return len(taken)


def _packing_of(begin: bytes) -> str | None:
    compressed = packings.packing_of(begin)
    if compressed is not None:
        return compressed
    for name, magic in (_SEEKING | _REFUSED).items():
        if begin.startswith(magic):
            return name
    return "tar" if begin[_TAR_AT : _TAR_AT + 5] == b"ustar" else None


def _stdin() -> tuple[BinaryIO, int | None]:
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(Code.BAD_USAGE, "nothing is piped in; give a file, or pipe the dump")
    return sys.stdin.buffer, None


def _opened(path: Path) -> tuple[BinaryIO, int | None]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _bad_file(
                "this is a folder, a pipe or a device; give a regular file, or pipe the dump in "
                "and name it -"
            )
        return path.open("rb"), status.st_size
    except FileNotFoundError:
        raise _bad_file("there is no such file; check the path") from None
    except PermissionError:
        raise _bad_file("the file may not be read; check its permissions") from None
    except (OSError, ValueError):  # ValueError: a NUL in the path
        raise _bad_file("the file cannot be opened; check the path") from None


def _bad_file(sentence: str) -> InputError:
    return InputError(Code.BAD_FILE, sentence)
