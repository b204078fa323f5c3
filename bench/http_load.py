"""A load generator for one server: some keep-alive connections, each with one request under way.

It reads of an answer no more than status and Content-Length, so that one core of it outruns a
Python server on another; ``Load.busy`` says how much of its core it took.
"""

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

_CONNECTIONS = 8
_PACED_CONNECTIONS = 64
_PATIENCE = 30.0  # seconds for the first answer
_BUFFER = 1 << 18
_HEAD_END = b"\r\n\r\n"
_OK = b"HTTP/1.1 200 "
_LENGTH = b"\r\ncontent-length: "  # in lower case, as some servers write it


@dataclass(frozen=True)
class Load:
    """What a run came to.

    Attributes:
        answers: how many came.
        rate: answers a second.
        busy: the part of the time in which the generator itself worked.
    """

    answers: int
    rate: float
    busy: float


def get(path: str) -> bytes:
    """A request, ready to be sent."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: bytes, key: str | None = None) -> bytes:
    """A request with a JSON body, ready to be sent; with the API key, if one is given."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {key}\r\n" if key else ""
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


class _Connection:
    """One connection; its answer comes in parts."""

    def __init__(self, port: int, requests: Sequence[bytes], first: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._next = first
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._got = 0  # bytes of the answer so far
        self._whole = 0  # its length, when known

    def ask(self) -> None:
        """Send the next request."""
        self._got = self._whole = 0
        self.socket.sendall(self._requests[self._next])
        self._next = (self._next + 1) % len(self._requests)

    def read(self) -> int:
        """Take what has come; the answer's length once it is whole, else 0.

        Raises:
            ConnectionError: the answer is not a whole 200.
        """
        count = self.socket.recv_into(self._view[self._got :])
        self._got += count
        if not self._whole:
            end = self._buffer.find(_HEAD_END, 0, self._got)
            at = self._buffer[:end].lower().find(_LENGTH) if end >= 0 else -1
            if not count or (end >= 0 and (at < 0 or not self._buffer.startswith(_OK))):
                raise ConnectionError("the server's answer is not a whole 200")
            if end >= 0:
                at += len(_LENGTH)
                length = int(self._buffer[at : self._buffer.index(b"\r", at)])
                self._whole = end + len(_HEAD_END) + length
        return self._got if self._got == self._whole else 0

    def answer(self, length: int) -> bytes:
        """The answer that was read."""
        return bytes(self._view[:length])


def once(port: int, request: bytes) -> bytes:
    """One whole answer, head and body."""
    connection = _Connection(port, [request], 0)
    try:
        connection.ask()
        while not (whole := connection.read()):
            pass
        return connection.answer(whole)
    finally:
        connection.socket.close()


def one_by_one(port: int, requests: Sequence[bytes]) -> float:
    """Seconds to ask all of these on one connection, each after the answer to the one before."""
    connection = _Connection(port, requests, 0)
    try:
        began = time.perf_counter()
        for _ in requests:
            connection.ask()
            while not connection.read():
                pass
        return time.perf_counter() - began
    finally:
        connection.socket.close()


def run(port: int, requests: Sequence[bytes], seconds: float) -> Load:
    """Ask round and round for some seconds, and until one answer is there."""
    step = max(1, len(requests) // _CONNECTIONS)
    connections = [
        _Connection(port, requests, i * step % len(requests)) for i in range(_CONNECTIONS)
    ]
    try:
        with selectors.DefaultSelector() as selector:
            for connection in connections:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            return _measure(selector, connections, seconds)
    finally:
        for connection in connections:
            connection.socket.close()


def paced(port: int, requests: Sequence[bytes], rate: float, seconds: float) -> list[float]:
    """Ask so many times a second, whether or not answers come; how long each took, in seconds.

    A request that finds all connections busy waits, and its time runs from when it was due: a
    server that stalls does not make the load smaller. This process never sleeps meanwhile.
    """
    step = max(1, len(requests) // _PACED_CONNECTIONS)
    connections = [
        _Connection(port, requests, i * step % len(requests)) for i in range(_PACED_CONNECTIONS)
    ]
    free, due_of, took = list(connections), {}, []
    try:
        with selectors.DefaultSelector() as selector:
            for connection in connections:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            began = time.perf_counter()
            due, end, every = began, began + seconds, 1 / rate
            while due < end or len(free) < len(connections):
                while free and due < end and due <= time.perf_counter():
                    connection = free.pop()
                    due_of[connection] = due
                    connection.ask()
                    due += every
                for key, _ in selector.select(timeout=0):
                    if key.data.read():
                        took.append(time.perf_counter() - due_of[key.data])
                        free.append(key.data)
    finally:
        for connection in connections:
            connection.socket.close()
    return took


def _measure(
    selector: selectors.BaseSelector, connections: Sequence[_Connection], seconds: float
) -> Load:
    answers = 0
    began, worked = time.perf_counter(), time.process_time()
    for connection in connections:
        connection.ask()
    while (took := time.perf_counter() - began) < seconds or (not answers and took < _PATIENCE):
        for key, _ in selector.select(timeout=5):
            if key.data.read():
                answers += 1
                key.data.ask()
    took = time.perf_counter() - began
    return Load(answers, answers / took, (time.process_time() - worked) / took)
