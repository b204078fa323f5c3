"""How gunicorn's threaded worker writes an answer: in one piece, where its body is of one part."""

import time
from functools import lru_cache
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi


class Response(wsgi.Response):  # type: ignore[misc] # gunicorn ships no types
    """An answer whose head goes out together with its body, where that is of one part."""

    headers_sent: bool

    def default_headers(self) -> list[str]:
        """As gunicorn's; the date is written once a second."""
        connection = "close" if self.should_close() else "keep-alive"
        version = self.req.version
        headers = [
            f"HTTP/{version[0]}.{version[1]} {self.status}\r\n",
            f"Server: {self.version}\r\n",
            f"Date: {_http_date(int(time.time()))}\r\n",
            f"Connection: {connection}\r\n",
        ]
        return [*headers, "Transfer-Encoding: chunked\r\n"] if self.chunked else headers

    def write(self, part: bytes) -> None:
        """Send a part of the body, and before the first one the head."""
        is_whole = not (self.headers_sent or self.chunked) and len(part) == self.response_length
        if not is_whole or self._omits_body:
            super().write(part)
            return
        lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers)]
        self.headers_sent = True
        self.sent = len(part)
        self.sock.sendall("".join((*lines, "\r\n")).encode("latin-1") + part)


@lru_cache(maxsize=2)
def _http_date(second: int) -> str:
    return str(util.http_date(second))


class Outbox:
    """Stands for a client's socket until its answer is whole: the loop waits for no client."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        """Keep it."""
        self._parts.append(data)

    def is_empty(self) -> bool:
        """Whether nothing of an answer is there yet."""
        return not self._parts

    def send_to(self, sock: Any) -> bytes:
        """Give a non-blocking socket what it takes now; what it did not take.

        Raises:
            OSError: the client has gone.
        """
        data = b"".join(self._parts)
        try:
            return data[sock.send(data) :]
        except BlockingIOError:
            return data
