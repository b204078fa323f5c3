"""What gunicorn's worker does with a client's socket: how long it waits, and for what."""

import re
import socket
import struct
import time
from contextlib import suppress

from lookup.protocol.wire import RANGE_ROOT

SILENCE = 10  # seconds without a byte, in either direction, after which a connection is dropped
LINGER = 1.0  # seconds for a client to hang up after its last answer
LINGER_BYTES = 65536  # what it may still send meanwhile, as in gunicorn

# What the parser takes in one read, so that it never waits in the loop.
_PEEKED = 8192
_RANGE = f"GET {RANGE_ROOT}".encode()
_BODY = re.compile(rb"\n(?:content-length|transfer-encoding|expect|upgrade)\b", re.IGNORECASE)

_TIMEVAL = struct.pack("ll", SILENCE, 0)


def bound_waits(client: socket.socket) -> None:
    """Let no read and no write that waits for it take longer than ``SILENCE``."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEVAL)


def asks_range(client: socket.socket) -> bool:
    """Whether one request for a range, without a body, has come whole; it is left to be read."""
    try:
        head = client.recv(_PEEKED, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return False
    is_range = head.startswith(_RANGE) and head.find(b"\r\n\r\n") == len(head) - 4
    return is_range and len(head) < _PEEKED and not _BODY.search(head)


def send_rest(client: socket.socket, rest: bytes, goes_on: bool) -> bool:
    """Wait for a client that does not take its answer at once; whether it may ask on."""
    client.setblocking(True)
    try:
        client.sendall(rest)
    except OSError:  # it has gone, or took nothing for ``SILENCE`` seconds
        goes_on = False
    if not goes_on:
        part(client)
    return goes_on


def part(sock: socket.socket) -> None:
    """Send the end, wait for the client's (RFC 9112, section 9.6), and cut the connection.

    gunicorn does the same later in its main loop, for up to 2 s a connection; after this there
    is nothing left for it to wait for.
    """
    deadline = time.monotonic() + LINGER
    left = LINGER_BYTES
    with suppress(OSError):  # the client has gone, or does not hang up in time
        sock.shutdown(socket.SHUT_WR)
        while left > 0 and (wait := deadline - time.monotonic()) > 0:
            sock.settimeout(wait)
            got = len(sock.recv(4096))
            left = left - got if got else 0
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
