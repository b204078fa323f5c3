"""Traps of packings: compressed, in archives, cut, secret, escaping, expanding without end."""

import bz2
import gzip
import io
import lzma
import sys
import tarfile
import warnings
import zipfile

import py7zr
from traps.trap import NAMES, P, Trap, all_of, lines

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_TABLE = lines("iin;name", f"{P[0]};{NAMES[0]}", f"{P[1]};{NAMES[1]}").encode()
_OTHER = lines("iin;name", f"{P[2]};{NAMES[2]}").encode()
_IN = all_of("ni", *P[:2])
_MIB = 1 << 20


def _zip(*contents: tuple[str, bytes], is_secret: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings(action="ignore"):
        for name, content in contents:  # of one that stands twice, the library warns
            archive.writestr(zipfile.ZipInfo(name), content)
    made = out.getvalue()
    if is_secret:  # by its flags, in both of its headers
        made = made.replace(b"PK\x03\x04\x14\0\0\0", b"PK\x03\x04\x14\0\1\0")
        made = made.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\1\0")
    return made


def _tar_gz(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


def _7z(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        archive.writestr(content, name)
    return out.getvalue()


_GZIP = gzip.compress(_TABLE, mtime=0)
COMPRESSED = (
    Trap("table.csv.gz", "gzip", _GZIP, _IN, is_same_everywhere=False),
    Trap(
        "misnamed.csv",
        "gzip that calls itself CSV",
        gzip.compress(_OTHER, mtime=0),
        all_of("ni", P[2]),
        is_same_everywhere=False,
    ),
    Trap(
        "joined.csv.gz",
        "two gzip files, one after the other",
        _GZIP + gzip.compress(f"{P[2]};x\n".encode(), mtime=0),
        all_of("ni", *P[:3]),
        is_same_everywhere=False,
    ),
    Trap("table.csv.bz2", "bzip2", bz2.compress(_TABLE), _IN, is_same_everywhere=False),
    Trap("table.csv.xz", "xz", lzma.compress(_TABLE), _IN, is_same_everywhere=False),
    Trap("table.csv.zst", "zstandard", zstd.compress(_TABLE), _IN, is_same_everywhere=False),
    Trap("cut.csv.gz", "a download that broke off", _GZIP[:-20], {}, is_same_everywhere=False),
    Trap(
        "bomb.csv.gz",
        "300 MiB of one line in 300 KiB",
        gzip.compress(_TABLE, mtime=0) + gzip.compress(b"x" * _MIB, mtime=0) * 300,
        {},
        is_made=True,
    ),
    Trap(
        "piped.csv.gz",
        "gzip on standard input",
        gzip.compress(_TABLE + b"\n", mtime=0),
        _IN,
        is_same_everywhere=False,
        is_piped=True,
    ),
)

ARCHIVES = (
    Trap("one.zip", "a zip of one file", _zip(("people.csv", _TABLE)), _IN),
    Trap("several.zip", "two files, none chosen", _zip(("a.csv", _TABLE), ("b.csv", _OTHER)), {}),
    Trap(
        "several_chosen.zip",
        "two files, one chosen",
        _zip(("a.csv", _OTHER), ("b.csv", _TABLE), ("__MACOSX/._b.csv", b"x")),
        _IN,
        words="--iin iin --member b*",
    ),
    Trap(
        "escaping.zip",
        "a name that leads out of the folder: it is never used as a path",
        _zip(("../../x/people.csv", _TABLE)),
        _IN,
    ),
    Trap(
        "same_names.zip",
        "two files of one name, of which only one could be chosen",
        _zip(("a.csv", _TABLE), ("a.csv", _OTHER)),
        {},
    ),
    Trap("secret.zip", "a zip with a password", _zip(("a.csv", _TABLE), is_secret=True), {}),
    Trap("cut.zip", "a zip without its end", _zip(("a.csv", _TABLE))[:-30], {}),
    Trap(
        "inside.csv.zip",
        "gzip in a zip",
        _zip(("a.csv.gz", _GZIP)),
        _IN,
        is_same_everywhere=False,
    ),
    Trap("table.7z", "7z", _7z("people.csv", _TABLE), _IN, is_same_everywhere=False),
    Trap(
        "table.tar.gz",
        "a tar in gzip",
        _tar_gz("dir/people.csv", _TABLE),
        _IN,
        is_same_everywhere=False,
    ),
    Trap(
        "letter.docx",
        "a document that is a zip",
        _zip(("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")),
        {},
    ),
)

NOT_READ = (
    Trap("archive.rar", "RAR", b"Rar!\x1a\x07\x01\0" + bytes(64), {}),
    Trap("old.xls", "old Excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), {}),
    Trap("page.xml", "XML", f"<?xml version='1.0'?><a>{P[0]}</a>".encode(), {}),
    Trap("scan.pdf", "PDF, which is half text", b"%PDF-1.4\n%\xe2\xe3\n1 0 obj\n" + _TABLE, {}),
    Trap("custom.dump", "PostgreSQL's own format", b"PGDMP\x01\x0e\0\x04" + _TABLE, {}),
    Trap("shop.db", "SQLite", b"SQLite format 3\0\x10\0\x01\x01" + _TABLE, {}),
)

TRAPS = (*COMPRESSED, *ARCHIVES, *NOT_READ)
