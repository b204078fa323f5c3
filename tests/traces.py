"""What a journey of marked people left behind, and the search for their marks in it."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from conftest import Installation
from marked_requests import (
    ADDRESS,
    BAD_EMAIL,
    BAD_PHONE,
    EMAIL,
    IIN,
    NAME,
    PHONE,
    REJECTED,
    SENT,
)

from lookup.index.embedded import EmbeddedStore

MARKS = (IIN, REJECTED, SENT, PHONE[1:], "909-09-09", EMAIL, NAME, ADDRESS, BAD_PHONE, BAD_EMAIL)


@dataclass
class Traces:
    """All that was left behind, by where it was found."""

    installation: Installation
    found: dict[str, bytes] = field(default_factory=dict)
    tokens: list[bytes] = field(default_factory=list)

    def keep(self, where: str, what: bytes) -> None:
        self.found[f"{len(self.found)} {where}"] = what


def run(traces: Traces, *arguments: str | Path, stdin: str = "") -> None:
    done = traces.installation.qorgan(*arguments, stdin=stdin, code=None)
    said = f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    traces.keep(f"qorgan {arguments[0]}", said.encode())


def dump_store(traces: Traces, embedded: EmbeddedStore) -> None:
    """Every key of the store and every value, whatever its type."""
    with redis.Redis(unix_socket_path=str(embedded.socket)) as client:
        count = 0
        for key in client.scan_iter(count=1000):
            count += 1
            kind = client.type(key).decode()
            value: Any = {
                "string": client.get,
                "hash": client.hgetall,
                "set": client.smembers,
                "stream": client.xrange,
            }[kind](key)
            traces.keep(f"store {kind}", key + b"\0" + b"\0".join(_flat(value)))
        assert 5 < count == client.dbsize()


def _flat(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _flat(pair)
    else:
        for part in value:
            yield from _flat(part)


def spellings(mark: str) -> Iterator[bytes]:
    """How a text could be written, so that somebody could read it again or recognise it."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "kz1048"):
        raw = mark.encode(encoding)
        yield raw
        yield raw.hex().encode()
        for shift in range(3):  # base64 of the text inside of something longer
            yield base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4]
    yield quote(mark).encode()
    yield json.dumps(mark)[1:-1].encode()
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        digest = hashlib.new(name, mark.encode()).digest()
        yield digest[:10]
        yield digest.hex().encode()[:20]
    if mark.isdigit():
        yield int(mark).to_bytes(8, "little")
        yield int(mark).to_bytes(8, "big")
        yield f"{int(mark):x}".encode()


def whose(what: bytes, needles: list[bytes]) -> list[bytes]:
    return [needle for needle in needles if needle in what]


def needles() -> list[bytes]:
    """All marks in all their spellings."""
    return [needle for mark in MARKS for needle in spellings(mark)]


def keep_files(traces: Traces, folder: Path) -> None:
    """Every file of a folder, its name and its bytes."""
    for path in folder.rglob("*"):
        if path.is_file():
            traces.keep(
                str(path.relative_to(folder.parent)), path.name.encode() + path.read_bytes()
            )
