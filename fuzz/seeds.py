"""Where fuzzing begins: one small whole input of each kind that a reader knows, all synthetic."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import py7zr

CSV = b'iin;name\n000101300017;Ann\n000101300025;"B\nC"\n'
ZSTANDARD = (  # CSV, by the program
    "28b52ffd202d350100f069696e3b6e616d650a30303031303133373b416e6e32353b22420a43220a0200344d535096"
)
STATEMENTS = (
    b"CREATE TABLE `t` (`a` int, `n` text);\nINSERT INTO `t` VALUES ('1','O\\'N'),('2',NULL);\n",
    b"COPY public.t (iin, name) FROM stdin;\n000101300017\tAnn\n000101300025\t\\N\n\\.\n",
    b"SET NAMES utf8;\nGO\nINSERT [dbo].[t] ([iin], [n]) VALUES (N'1', N'Ann')\nGO\n",
    b"-- a comment\nINSERT INTO t (a) VALUES (E'x\\n'), ($$y$$), (f(1, 'z'));\n/*!40000 x */;\n",
)


def _zip(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, CSV)
    return out.getvalue()


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        info = tarfile.TarInfo("people.csv")
        info.size = len(CSV)
        made.addfile(info, io.BytesIO(CSV))
    return out.getvalue()


def _sevenzip() -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as made:
        made.writestr(CSV, "people.csv")
    return out.getvalue()


_PACKED = (
    gzip.compress(CSV),
    bz2.compress(CSV),
    lzma.compress(CSV),
    bytes.fromhex(ZSTANDARD),
    _zip("people.csv"),
    _zip("people.csv", "more.csv"),
    _tar(),
    gzip.compress(_tar()),
    _sevenzip(),
)
_PLAIN = (
    CSV,
    CSV.replace(b";", b"\t"),
    "ИИН,ФИО\r\n000101300017,Әлия\r\n".encode("kz1048"),
    "iin;name\n000101300017;Ann\n".encode("utf-16"),
    b'{"iin": "000101300017", "name": null}\n{"iin": "000101300025"}\n',
    b'[{"iin": "000101300017", "phones": ["+77010001122", "1e400"]}]',
)

SEEDS = {
    "sql": STATEMENTS,
    "archive": _PACKED,
    "source": (*_PLAIN, *STATEMENTS, *_PACKED),
}
