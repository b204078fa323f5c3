"""Archives: zip and 7z, of which one member is read, lazily; nothing is ever unpacked to disk.

``tar_archive`` reads tars. A member's name is only compared and shown, never used as a path, so
that none can escape. Only regular files count; what systems add beside them (``__MACOSX``, dot
files) does not.
"""

import fnmatch
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from queue import Full, Queue
from typing import BinaryIO

from loaders.names import folded, shown
from loaders.packings import CHUNK, bomb
from lookup.errors import Code, InputError

MOST_MEMBERS = 10_000
_MOST_SHOWN = 20
_MOST_EXPANSION = 250
_SMALL = 256 << 20
_LARGEST_DIRECTORY = 4 << 20  # bytes of a zip's list of members: 10,000 with the longest of names


def choose(names: list[str], wanted: str | None, packing: str) -> str:
    """The member to read: the one wanted (shell patterns allowed), or the only one.

    Raises:
        InputError: BAD_USAGE, there are several or none of that name; BAD_FILE, there is none, or
            which of them is meant cannot be told.
    """
    if len(names) > MOST_MEMBERS:
        raise too_many(packing)
    files = [name for name in names if _is_ours(name)]
    if not files:
        raise InputError(Code.BAD_FILE, f"there is no file in the {packing}")
    if wanted is not None:
        files = (
            [name for name in files if name == wanted]
            or [name for name in files if folded(name) == folded(wanted)]
            or fnmatch.filter(files, wanted)
        )
    if len(files) == 1:
        return files[0]
    if len(set(files)) == 1:
        raise InputError(
            Code.BAD_FILE,
            f"several files in the {packing} have one name; unpack it by hand, load each",
        )
    found = "are several files" if files else "is no such file"
    listed = ", ".join(shown(name, from_end=True) for name in (files or names)[:_MOST_SHOWN])
    raise InputError(
        Code.BAD_USAGE,
        f"there {found} in the {packing}; choose one with --member, each is a load of its own: "
        f"{listed}",
    )


def sheet_format(file: BinaryIO) -> str:
    """Whether a zip is an Excel ("xlsx") or OpenDocument ("ods") file; else ""."""
    try:
        names = set(opened_zip(file).namelist())
    except Exception:  # noqa: BLE001  likewise
        return ""
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
        return "xlsx"
    return "ods" if {"mimetype", "content.xml"} <= names else ""


def opened_zip(file: BinaryIO) -> zipfile.ZipFile:
    """A zip with its list of members read, if that is not one of millions.

    Raises:
        InputError: BAD_FILE, there are too many.
        Exception: what the library raises for a broken archive.
    """
    return zipfile.ZipFile(_ShortReads(file))


class _ShortReads:
    """A zip's file. The library reads the list of members at once, as long as the file says."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > _LARGEST_DIRECTORY:
            raise too_many("zip")
        return self._file.read(size)


def zip_member(file: BinaryIO, wanted: str | None) -> tuple[str, Iterator[bytes]]:
    """A zip's member by name, and its bytes.

    Raises:
        InputError: BAD_USAGE, BAD_FILE.
    """
    try:
        archive = opened_zip(file)
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except InputError:  # too many
        raise
    except Exception:  # noqa: BLE001  the library raises what it likes for a broken archive
        raise damaged("zip") from None
    name = choose([info.filename for info in infos], wanted, "zip")
    return name, zip_bytes(archive, next(info for info in infos if info.filename == name))


def zip_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of one member.

    Raises:
        InputError: BAD_FILE.
    """
    if info.flag_bits & 1:
        raise InputError(Code.BAD_FILE, "the zip is encrypted; unpack it first")
    try:
        with archive.open(info) as member:
            yield from bounded(iter(lambda: member.read(CHUNK), b""), info.compress_size)
    except InputError:  # a bomb
        raise
    except NotImplementedError:
        raise InputError(
            Code.BAD_FILE, "the zip uses a compression that is not read here; unpack it first"
        ) from None
    except Exception:  # noqa: BLE001  likewise
        raise damaged("zip") from None


def sevenzip_member(file: BinaryIO, wanted: str | None) -> tuple[str, Iterator[bytes]]:
    """A 7z's member by name, and its bytes.

    Raises:
        InputError: BAD_USAGE, BAD_FILE.
    """
    import py7zr

    try:
        file.seek(0)
        with py7zr.SevenZipFile(file, "r") as archive:
            is_secret = archive.needs_password()
            names = [info.filename for info in archive.list() if not info.is_directory]
    except Exception:  # noqa: BLE001  the library raises what it likes for a broken archive
        raise damaged("7z") from None
    if is_secret:
        raise InputError(Code.BAD_FILE, "the 7z is encrypted; unpack it first")
    name = choose(names, wanted, "7z")
    packed = file.seek(0, io.SEEK_END)  # a solid archive does not tell it of each member
    return name, bounded(_sevenzip_bytes(file, name), packed)


def _sevenzip_bytes(file: BinaryIO, name: str) -> Iterator[bytes]:
    """The library pushes what it unpacks: a thread takes it, and waits while nobody wants more."""
    from loaders.sevenzip import Push, unpack

    queue: Queue[bytes | None] = Queue(maxsize=8)
    gone = threading.Event()

    def put(chunk: bytes | None) -> None:
        while not gone.is_set():
            try:
                queue.put(chunk, timeout=0.2)
            except Full:
                continue
            return
        raise EOFError  # nobody reads any more: the library gives up

    push = Push(put)
    thread = threading.Thread(target=unpack, args=(file, name, push), daemon=True)
    thread.start()
    try:
        while (chunk := queue.get()) is not None:
            yield chunk
    finally:
        gone.set()
        thread.join()
    if push.failed:
        raise damaged("7z")


def bounded(chunks: Iterator[bytes], packed: int) -> Iterator[bytes]:
    """Chunks that may not be many times what they were packed in.

    Raises:
        InputError: BAD_FILE.
    """
    produced = 0
    for chunk in chunks:
        produced += len(chunk)
        if produced > max(_SMALL, _MOST_EXPANSION * packed):
            raise bomb()
        yield chunk


def _is_ours(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return bool(parts) and parts[0] != "__MACOSX" and not parts[-1].startswith(".")


def too_many(packing: str) -> InputError:
    """What has more members than anybody would choose from."""
    return InputError(
        Code.BAD_FILE,
        f"the {packing} has more than {MOST_MEMBERS} files in it; unpack it first",
    )


def damaged(packing: str) -> InputError:
    """What cannot be read to its end."""
    return InputError(Code.BAD_FILE, f"the {packing} is damaged or cut short; fetch it again")
