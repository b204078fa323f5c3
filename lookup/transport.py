"""HTTP as the client needs it: bounded in bytes and in time, and silent.

A hostile service can drip headers, chunks or trailers for ever, so each exchange runs in a daemon
thread that is given up at the deadline. No error repeats a URL: a range's has the prefix in it.
"""

import logging
import queue
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

import urllib3

from lookup.errors import Code, CouldNotCheckError

DEADLINE = 60.0  # seconds for one exchange, however slowly it drips
_NONE: Mapping[str, str] = {}
_WITH_KEY = {
    401: (Code.UNAUTHORISED, "could not check: the service does not know this API key"),
    403: (Code.FORBIDDEN, "could not check: this API key is not for this lane"),
    404: (
        Code.SERVICE_UNREACHABLE,
        "could not check: nothing is published in this lane; ask the public lane alone",
    ),
}
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "qorgan-client/1"}


@dataclass(frozen=True)
class Reply:
    """A reply with status 200, 206 or 410; ``signature`` is empty where there is none."""

    status: int
    body: bytes
    signature: bytes


class Transport:
    """One service's connections."""

    def __init__(self, url: str, timeout: float) -> None:
        """``timeout``: seconds without a sign of life; the deadline holds beside it."""
        # urllib3 logs paths: at DEBUG, and at WARNING where it cannot parse a service's headers.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._url = url
        self._pool = urllib3.PoolManager(retries=False, timeout=timeout)

    def part(self, path: str, first: int, size: int, headers: Mapping[str, str] = _NONE) -> Reply:
        """``size`` bytes of a file from ``first`` on; all of it (200) is cut to as many.

        Raises: as ``send``; also where there was nothing in it.
        """
        wanted = {**headers, "Range": f"bytes={first}-{first + size - 1}"}
        reply = self.send("GET", path, size, headers=wanted)
        if reply.status == 206 and not reply.body:
            raise _silent()
        return replace(reply, body=reply.body[:size])

    def send(
        self,
        method: str,
        path: str,
        most: int,
        body: bytes | None = None,
        headers: Mapping[str, str] = _NONE,
    ) -> Reply:
        """One exchange; the body has at most ``most + 1`` bytes (one more shows it is too long).

        Raises:
            CouldNotCheckError: SERVICE_UNREACHABLE or RATE_LIMITED; UNAUTHORISED or FORBIDDEN
                where an API key was sent.
        """
        results: queue.SimpleQueue[Reply | CouldNotCheckError] = queue.SimpleQueue()
        threading.Thread(
            target=lambda: results.put(self._outcome(method, path, most, body, headers)),
            daemon=True,
        ).start()
        try:
            outcome = results.get(timeout=DEADLINE)
        except queue.Empty:
            self._pool.clear()  # whoever drips keeps that connection to himself
            raise _silent() from None
        if isinstance(outcome, CouldNotCheckError):
            raise outcome
        return outcome

    def _outcome(
        self, method: str, path: str, most: int, body: bytes | None, more: Mapping[str, str]
    ) -> Reply | CouldNotCheckError:
        headers = {**_HEADERS, **more}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._pool.request(
                method,
                self._url + path,
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            content = _read(response, most)
        except Exception:  # noqa: BLE001  whatever it is, its text may hold the URL
            return _silent()
        is_gone = response.status == 410 and method == "GET"
        is_part = response.status == 206 and "Range" in more
        if response.status == 200 or is_gone or is_part:
            return Reply(response.status, content, _signature(response.headers))
        if "Authorization" in more and response.status in _WITH_KEY:
            return CouldNotCheckError(*_WITH_KEY[response.status])
        return refused(response.status, response.headers.get("Retry-After"))


def refused(status: int, retry_after: str | None = None) -> CouldNotCheckError:
    """What a person is told of a status that is no answer."""
    if status == 429:
        known = re.fullmatch(r"[0-9]{1,6}", retry_after or "")
        wait = f" in {retry_after} seconds" if known else " later"
        return CouldNotCheckError(
            Code.RATE_LIMITED, f"could not check: too many questions from here; try again{wait}"
        )
    return CouldNotCheckError(
        Code.SERVICE_UNREACHABLE, f"could not check: the service answered with status {status}"
    )


def _read(response: urllib3.BaseHTTPResponse, most: int) -> bytes:
    content = bytearray()
    while len(content) <= most and (part := response.read1(most + 1 - len(content))):
        content += part
    if len(content) > most:
        response.close()
    response.release_conn()
    return bytes(content)


def _signature(headers: urllib3.HTTPHeaderDict) -> bytes:
    try:
        return bytes.fromhex(headers.get("Qorgan-Signature", ""))
    except ValueError:
        return b""


def _silent() -> CouldNotCheckError:
    return CouldNotCheckError(
        Code.SERVICE_UNREACHABLE, "could not check: the service does not answer; try again later"
    )
