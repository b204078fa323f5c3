"""Archives made to exhaust whoever opens them: refused, soon, in bounded memory."""

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from loaders.dump import Dump
from lookup.errors import InputError

PLAIN = b"iin;name\n950515390002;x\n"
BLOCK = 512


def refusal(tmp_path: Path, content: bytes, member: str | None = None) -> str:
    path = tmp_path / "dump"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught, Dump(path, member) as dump:
        for _ in dump.chunks():
            pass
    return caught.value.sentence


def header(kind: bytes, size: int, name: str = "people.csv") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def member() -> bytes:
    return header(tarfile.REGTYPE, len(PLAIN)) + padded(PLAIN)


def old_sparse(size: int) -> bytes:
    """GNU's: a file that is said to be of this size, with one part of data in it."""
    head = bytearray(header(tarfile.GNUTYPE_SPARSE, len(PLAIN)))
    head[257:265] = b"ustar  \0"
    head[386:398], head[398:410] = b"%011o\0" % 0, b"%011o\0" % len(PLAIN)
    head[483:495] = b"\x80" + size.to_bytes(11)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + padded(PLAIN) + bytes(2 * BLOCK)


def with_marks(kind: bytes, marks: bytes) -> bytes:
    return header(kind, len(marks)) + padded(marks)


def mark(name: str, value: str) -> bytes:
    body = f" {name}={value}\n"
    return next(
        made
        for digits in range(1, 6)
        if len(made := f"{len(body) + digits}{body}".encode()) == len(body) + digits
    )


SPARSE = {
    "GNU's own": old_sparse(1 << 60),
    "0.0": with_marks(tarfile.XHDTYPE, mark("GNU.sparse.size", "9" * 18)) + member(),
    "0.1": with_marks(tarfile.XHDTYPE, mark("GNU.sparse.map", "0,5")) + member(),
    "1.0": with_marks(
        tarfile.XHDTYPE, mark("GNU.sparse.major", "1") + mark("GNU.sparse.minor", "0")
    )
    + member(),
}


@pytest.mark.parametrize("kind", SPARSE)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_sparse_file_in_a_tar(tmp_path: Path, kind: str, pack: type) -> None:
    """A kilobyte that would give zeros for years."""
    told = "the tar has a sparse file in it, which is not read; unpack it first"
    assert told == refusal(tmp_path, pack(SPARSE[kind]))


def test_marks_are_bounded(tmp_path: Path) -> None:
    """What stands before a tar's member is read whole by the library: long, many or overlapping."""
    overlapping = b"2 " * 4000 + b"="
    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
        longest = 16 << 10
        assert "fetch it again" in refusal(tmp_path, header(kind, longest + 1) + bytes(BLOCK * 40))
        assert "fetch it again" in refusal(
            tmp_path, with_marks(kind, mark("a", "b")) * 9 + member()
        )
    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE):
        assert "fetch it again" in refusal(tmp_path, with_marks(kind, overlapping) + member())
        many = b"".join(mark(f"k{n}", "v") for n in range(101))
        assert "fetch it again" in refusal(tmp_path, with_marks(kind, many) + member())


def test_long_names_and_marks_are_read(tmp_path: Path) -> None:
    """As much as a name may have is no reason to refuse."""
    path = tmp_path / "dump"
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with tarfile.open(path, "w", format=form) as archive:
            info = tarfile.TarInfo("ы" * 2000 + ".csv")
            info.size = len(PLAIN)
            archive.addfile(info, io.BytesIO(PLAIN))
        with Dump(path) as dump:
            assert PLAIN == b"".join(dump.chunks())


@pytest.mark.parametrize("folders", [True, False])
def test_too_many_members_of_a_tar(tmp_path: Path, folders: bool) -> None:
    """Folders count too: the library keeps each of them."""
    kind = tarfile.DIRTYPE if folders else tarfile.REGTYPE
    content = gzip.compress(header(kind, 0) * 10_001 + member())
    told = "the tar has more than 10000 files in it; unpack it first"
    assert told == refusal(tmp_path, content) == refusal(tmp_path, content, "people.csv")


def listed(count: int) -> bytes:
    """A zip of one byte that lists so many members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", b"x")
    made = out.getvalue()
    at = made.index(b"PK\x01\x02")
    end = made.index(b"PK\x05\x06")
    entry = made[at:end]
    size = len(entry) * count
    far = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, at)
    last = struct.pack("<4sLQL", b"PK\x06\x07", 0, at + size, 1)
    return (
        made[:at]
        + entry * count
        + far
        + last
        + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    )


@pytest.mark.parametrize("count", [10_001, 100_000])
def test_too_many_members_of_a_zip(tmp_path: Path, count: int) -> None:
    """Two million of them took a gigabyte before anybody had counted them."""
    told = "the zip has more than 10000 files in it; unpack it first"
    assert told == refusal(tmp_path, listed(count))
