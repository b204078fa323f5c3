"""The bytes of a dump are the same however they are packed, and a bad packing is one sentence."""

import base64
import bz2
import gzip
import hashlib
import io
import lzma
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import py7zr
import pytest

from loaders.dump import Dump
from loaders.packings import CHUNK, zstd
from lookup.errors import Code, InputError

PLAIN = b"iin;name\n" + b"".join(b"%012d;somebody\n" % n for n in range(100_000))


def tarred(content: bytes, *names: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in names or ("people.csv",):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(content: bytes, *names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("people.csv",):
            archive.writestr(name, content)
    return out.getvalue()


def sevenzipped(content: bytes, *names: str) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        for name in names or ("people.csv",):
            archive.writestr(content, name)
    return out.getvalue()


CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
STREAMS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstandard": lambda content: zstd.compress(content, options=CHECKED),  # as the program does
}
ARCHIVES: dict[str, Callable[..., bytes]] = {"zip": zipped, "tar": tarred, "7z": sevenzipped}


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "dump"
    path.write_bytes(content)
    return path


def read(path: Path, member: str | None = None) -> tuple[bytes, str]:
    with Dump(path, member) as dump:
        return b"".join(dump.chunks()), dump.sha256


def refusal(path: Path, member: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(path, member)
    assert caught.value.code in (Code.BAD_FILE, Code.BAD_USAGE)
    return caught.value.sentence


@pytest.mark.parametrize("packing", ["", *STREAMS, *ARCHIVES])
def test_the_same_bytes_however_packed(tmp_path: Path, packing: str) -> None:
    """What is inside is read whole, and the hash is of the file as it was given."""
    packed = ({"": bytes} | STREAMS | ARCHIVES)[packing](PLAIN)
    with Dump(written(tmp_path, packed)) as dump:
        assert PLAIN[: 1 << 20] == dump.sample
        for _ in range(2):  # a second reading starts over
            chunks = list(dump.chunks())
            assert PLAIN == b"".join(chunks)
            assert max(map(len, chunks)) <= 1 << 20
            assert hashlib.sha256(packed).hexdigest() == dump.sha256
            assert len(packed) == dump.bytes_read == dump.size
        assert packing == dump.packing
        assert ("people.csv" if packing in ARCHIVES else "") == dump.member


@pytest.mark.parametrize("outer", STREAMS)
def test_a_tar_in_a_compressed_stream(tmp_path: Path, outer: str) -> None:
    """The usual .tar.gz and its like."""
    packed = STREAMS[outer](tarred(PLAIN))
    assert (PLAIN, hashlib.sha256(packed).hexdigest()) == read(written(tmp_path, packed))


def test_a_compressed_file_in_an_archive(tmp_path: Path) -> None:
    """A gzip in a zip is unpacked too."""
    assert PLAIN == read(written(tmp_path, zipped(gzip.compress(PLAIN), "people.csv.gz")))[0]


def test_streams_one_after_the_other(tmp_path: Path) -> None:
    """gzip, xz and their like may hold several streams; all of them are the content."""
    for pack in STREAMS.values():
        assert b"onetwo" == read(written(tmp_path, pack(b"one") + pack(b"two")))[0]


@pytest.mark.parametrize("padding", [4, "to the end of a read", "over it", 2 << 20])
def test_xz_streams_with_padding_between_them(tmp_path: Path, padding: int | str) -> None:
    """The second stream once was dropped without a word where zeros filled a whole read."""
    first = lzma.compress(b"one")
    zeros = {"to the end of a read": CHUNK - len(first), "over it": CHUNK - len(first) + 4}
    many = zeros.get(padding, padding) if isinstance(padding, str) else padding
    path = written(tmp_path, first + bytes(int(many)) + lzma.compress(b"two"))
    assert b"onetwo" == read(path)[0]


def test_a_tar_on_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of one name, and none of the name, are told as what they are."""

    def given(content: bytes, member: str) -> str:
        path = written(tmp_path, content)
        with path.open("rb") as file:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
            return refusal(Path("-"), member)

    assert "have one name" in given(tarred(PLAIN, "a.csv", "a.csv"), "a.csv")
    assert "no such file; from standard input" in given(tarred(PLAIN, "a.csv"), "*.csv")


@pytest.mark.parametrize("packing", ARCHIVES)
def test_a_member_is_chosen(tmp_path: Path, packing: str) -> None:
    """Several files need a choice; a pattern will do, and what systems add does not count."""
    names = ("a.csv", "folder/b.csv", "__MACOSX/a.csv", ".DS_Store")
    path = written(tmp_path, ARCHIVES[packing](b"x\n1\n", *names))
    sentence = refusal(path)
    assert sentence.startswith(
        f"there are several files in the {packing}; choose one with --member"
    )
    assert sentence.endswith("a.csv, folder/b.csv")
    assert b"x\n1\n" == read(path, "folder/b.csv")[0] == read(path, "*b.csv")[0]
    assert "no such file" in refusal(path, "c.csv")


@pytest.mark.filterwarnings("ignore:Duplicate name")  # the zip's maker warns
@pytest.mark.parametrize("packing", ARCHIVES)
def test_files_of_one_name(tmp_path: Path, packing: str) -> None:
    """The rows of one of them would be lost without a word."""
    path = written(tmp_path, ARCHIVES[packing](b"x\n1\n", "a.csv", "a.csv", "b.csv"))
    told = f"several files in the {packing} have one name; unpack it by hand, load each"
    assert told == refusal(path, "a.csv") == refusal(path, "a*")
    assert b"x\n1\n" == read(path, "b.csv")[0]


def test_a_tar_whose_header_lies(tmp_path: Path) -> None:
    """It says that a file of 100 TB follows, and is not looked through for years."""
    header = tarfile.TarInfo("a.csv")
    header.size = 10**14
    path = written(tmp_path, header.tobuf(tarfile.GNU_FORMAT) + PLAIN)
    assert "the tar is damaged or cut short; fetch it again" == refusal(path)


@pytest.mark.parametrize("packing", STREAMS | ARCHIVES)
def test_a_cut_or_changed_packing(tmp_path: Path, packing: str) -> None:
    """A packing that is cut or damaged is refused, and never read as a shorter file."""
    content = os.urandom(300_000).hex().encode()
    packed = (STREAMS | ARCHIVES)[packing](content)
    cuts = (len(packed) // 2, 300 if packing == "tar" else 40)
    for broken in (packed[:cut] for cut in cuts):
        sentence = refusal(written(tmp_path, broken))
        assert "fetch it again" in sentence or "no file" in sentence
    if packing != "tar":  # a tar has no check over its content
        middle = len(packed) // 2
        changed = packed[:middle] + bytes([packed[middle] ^ 0x55]) + packed[middle + 1 :]
        assert "fetch it again" in refusal(written(tmp_path, changed))


def test_a_bomb(tmp_path: Path) -> None:
    """What expands a thousand times is refused after a while, in constant memory."""
    bomb = gzip.compress(b"\0" * (300 << 20))
    for packed in (bomb, zipped(b"\0" * (300 << 20))):
        assert "archive bomb" in refusal(written(tmp_path, packed))


def test_a_file_without_a_name(tmp_path: Path) -> None:
    """A zip that fuzzing made: the library fails at its only name, which is empty."""
    packed = (
        "UEsDBBQAAAAIAACFe13yyqPsIwAAAC0AAAAKAAAAcGVvcGxlLmNzdsvMzLPOS8xW5TIwMDA0MDUGUebWjnl5SAJG"
        "ptZKzlzOSlwAUEsBAhQDFAAAAAgAAIV7XfLKo+wjAAAALQAAAAoAAAAAAAAAAAAAAIABAAAAAAAAAABsZS5jc3ZQ"
        "SwUGAAAAAAEAAQA4AAAASwAAAAAA"
    )
    assert "fetch it again" in refusal(written(tmp_path, base64.b64decode(packed)))


def test_a_name_that_escapes(tmp_path: Path) -> None:
    """A member's name is no path: nothing is written anywhere."""
    before = sorted(tmp_path.parent.rglob("*"))
    path = written(tmp_path, zipped(b"x\n1\n", "../../escaped.csv"))
    assert b"x\n1\n" == read(path)[0]
    assert [path] == [p for p in sorted(tmp_path.parent.rglob("*")) if p not in before]


def test_numbers_in_names_are_not_shown(tmp_path: Path) -> None:
    """A member may be called by somebody's IIN."""
    path = written(tmp_path, zipped(b"", "900101300017.csv", "b.csv"))
    assert refusal(path).endswith("############.csv, b.csv")


@pytest.mark.parametrize("packing", ["", "gzip", "zstandard", "zip", "7z", "tar"])
def test_standard_input(packing: str) -> None:
    """What can be streamed is read from a pipe; what needs seeking says so."""
    packed = ({"": bytes} | STREAMS | ARCHIVES)[packing](PLAIN)
    program = """
import hashlib, sys
from pathlib import Path
from loaders.dump import Dump
from loaders.packings import zstd
from lookup.errors import InputError
try:
    with Dump(Path("-"), "people.csv" if "tar" in sys.argv else None) as dump:
        print(hashlib.sha256(b"".join(dump.chunks())).hexdigest(), dump.sha256)
except InputError as error:
    print(error.sentence)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, packing], input=packed, capture_output=True, check=False
    )
    told = done.stdout.decode().strip()
    if packing in ("zip", "7z"):
        assert told.startswith(f"a {packing} must be a file of its own, not on standard input")
    else:
        expected = (hashlib.sha256(content).hexdigest() for content in (PLAIN, packed))
        assert " ".join(expected) == told


def test_an_encrypted_archive(tmp_path: Path) -> None:
    """What needs a password says so."""
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password=PLAIN[:4].decode()) as archive:
        archive.writestr(b"x", "a.csv")
    assert "the 7z is encrypted; unpack it first" == refusal(written(tmp_path, out.getvalue()))


@pytest.mark.parametrize("packing", ARCHIVES)
def test_who_stops_early_leaves_nothing_running(tmp_path: Path, packing: str) -> None:
    """A reader that goes away in the middle is no trouble."""
    content = os.urandom(3 << 20)
    path = written(tmp_path, ARCHIVES[packing](content))
    before = threading.active_count()
    with Dump(path) as dump:
        assert before == threading.active_count()  # opened, which read the first MiB
        assert content.startswith(next(dump.chunks()))
