"""Tars: one member is read, lazily, and nothing that only expands is held.

A tar's library keeps every member that it has met and reads names and marks before a member whole,
as long as the file says that they are; so members, and what stands before them, have bounds here.
"""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from loaders.archives import MOST_MEMBERS, damaged, too_many
from loaders.packings import CHUNK
from lookup.errors import Code, InputError

_LONGEST_HEADER = 16 << 10  # bytes of what stands before a tar's member: its name, its marks
_MOST_HEADERS = 8  # before one member
_MOST_MARKS = 100
_HEADERS = (
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
)


def tar_names(stream: BinaryIO) -> list[str]:
    """The names of a tar's regular files, by reading all of it.

    Raises:
        InputError: BAD_FILE.
    """
    with _tar(stream) as archive:
        return [info.name for info in _members(archive) if info.isreg()]


def tar_bytes(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """The bytes of a tar's regular file of this name.

    Raises:
        InputError: BAD_FILE, also where there are several; BAD_USAGE, there is none.
    """
    found = False
    with _tar(stream) as archive:
        for info in _members(archive):
            if not info.isreg() or info.name != name:
                continue
            if found:  # from standard input it is known only now
                raise InputError(
                    Code.BAD_FILE,
                    "several files in the tar have one name; unpack it by hand, load each",
                )
            found = True
            member = archive.extractfile(info)
            while member is not None and (chunk := member.read(CHUNK)):
                yield chunk
    if not found:
        raise InputError(
            Code.BAD_USAGE,
            "the tar has no such file; from standard input give its whole name, no pattern",
        )


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members, folders too: the library keeps every one that it has met."""
    for number, info in enumerate(archive):
        if number >= MOST_MEMBERS:
            raise too_many("tar")
        yield info


class _Member(tarfile.TarInfo):
    """A tar's member that is refused before the library holds what only expands.

    Raises:
        InputError: BAD_FILE, it is sparse: a short list of its parts stands for any number of
            zeros; or what stands before it is more than names and marks.
    """

    def _proc_member(self, archive: "_Tar") -> tarfile.TarInfo:
        archive.in_a_row = archive.in_a_row + 1 if self.type in _HEADERS else 0
        if archive.in_a_row > _MOST_HEADERS or (archive.in_a_row and self.size > _LONGEST_HEADER):
            raise damaged("tar")
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]

    def _apply_pax_info(self, marks: dict[str, str], *encoding: str) -> None:
        if len(marks) > _MOST_MARKS:  # they can overlap: a header of 16 KiB gives 64 MiB
            raise damaged("tar")
        super()._apply_pax_info(marks, *encoding)  # type: ignore[misc]

    def _refuse_sparse(self, *_: object) -> None:
        raise InputError(
            Code.BAD_FILE, "the tar has a sparse file in it, which is not read; unpack it first"
        )

    _proc_sparse = _refuse_sparse
    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse_sparse


class _Tar(tarfile.TarFile):
    """A tar of such members."""

    tarinfo = _Member
    in_a_row = 0  # headers, before the member that they are of


class _Ending:
    """A stream that has an end: tarfile reads on behind it, as far as a header says there is more.

    A header may say 8 EiB.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = 3  # an end is met when a block is filled up, and when there is none

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if not data:
            self._left -= 1
            if self._left < 0:
                raise EOFError
        return data


@contextmanager
def _tar(stream: BinaryIO) -> Iterator[tarfile.TarFile]:
    try:
        ending = _Ending(stream)
        with _Tar.open(fileobj=ending, mode="r|", errors="surrogateescape") as archive:  # type: ignore[call-overload]  # it only reads
            yield archive
    except InputError:  # of the packing that it is in
        raise
    except OSError:  # of the disk
        raise
    except Exception:  # noqa: BLE001  likewise
        raise damaged("tar") from None
