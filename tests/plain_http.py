"""Requests written out byte by byte, for tests that send what no HTTP library would send."""

import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Heard:
    """One reply; ``raw`` is all of it. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem document, which must say its own status."""
        assert "application/problem+json" == self.headers["content-type"]
        assert self.status == self.json["status"]
        code: str = self.json["code"]
        return code


def ask(
    url: str,
    target: str | bytes,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Heard:
    """One request on a connection of its own."""
    place = urlsplit(url)
    wanted = {"Host": place.netloc, "Connection": "close"} | (headers or {})
    if body is not None:
        wanted = {"Content-Length": str(len(body))} | wanted
    lines = "".join(f"{name}: {value}\r\n" for name, value in wanted.items())
    path = target if isinstance(target, bytes) else target.encode()
    head = method.encode() + b" " + path + b" HTTP/1.1\r\n" + lines.encode("latin-1") + b"\r\n"
    return parse(say(url, head + (body or b"")))


def post(url: str, document: object, **headers: str) -> Heard:
    """Ask for an evaluation, as JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    wanted = {"Content-Type": "application/json"} | named
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return ask(url, "/v1/evaluate", method="POST", headers=wanted, body=body)


def say(url: str, data: bytes) -> bytes:
    """All that comes back to these bytes until the server hangs up."""
    place = urlsplit(url)
    heard = b""
    with (
        socket.create_connection((place.hostname, place.port), timeout=20) as connection,
        suppress(ConnectionError),  # it may hang up before it has read all
    ):
        connection.sendall(data)
        while part := connection.recv(1 << 16):
            heard += part
    return heard


def parse(raw: bytes) -> Heard:
    """A reply from its bytes."""
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    pairs = (text.split(": ", 1) for text in lines)
    return Heard(int(line.split(" ")[1]), {name.lower(): value for name, value in pairs}, body, raw)
