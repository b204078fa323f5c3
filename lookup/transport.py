"""HTTP as the client needs it: bounded in bytes and in time, and silent.

A hostile service can drip headers, chunks or trailers for ever, so each exchange runs in a daemon
thread that is given up at the deadline. No error repeats a URL: a range's has the prefix in it.
"""

import json
import logging
import queue
import re
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import urllib3

from lookup.errors import Code, CouldNotCheckError, InputError
from lookup.proof_of_work import HEADER, MAX_CHALLENGE, solve
from lookup.protocol import wire

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
_PROOFS = 3  # requests with and without: demand may rise while we work
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "qorgan-client/1"}


@dataclass(frozen=True)
class Reply:
    """A reply with status 200, 206 or 410; ``signature`` is empty where there is none."""

    status: int
    body: bytes
    signature: bytes


@dataclass(frozen=True)
class _Unproven:
    """The service wants a proof of work along with the same request."""

    challenge: object


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
        proof: dict[str, str] = {}
        for _ in range(_PROOFS):
            outcome = self._exchange(method, path, most, body, {**headers, **proof})
            if not isinstance(outcome, _Unproven):
                break
            proof = {HEADER: solve(outcome.challenge)}
        else:
            outcome = refused(429)
        if isinstance(outcome, CouldNotCheckError):
            raise outcome
        return outcome

    def _exchange(
        self, method: str, path: str, most: int, body: bytes | None, more: Mapping[str, str]
    ) -> "Reply | CouldNotCheckError | _Unproven":
        results: queue.SimpleQueue[Reply | CouldNotCheckError | _Unproven] = queue.SimpleQueue()
        threading.Thread(
            target=lambda: results.put(self._outcome(method, path, most, body, more)), daemon=True
        ).start()
        try:
            return results.get(timeout=DEADLINE)
        except queue.Empty:
            self._pool.clear()  # whoever drips keeps that connection to himself
            return _silent()

    def _outcome(
        self, method: str, path: str, most: int, body: bytes | None, more: Mapping[str, str]
    ) -> "Reply | CouldNotCheckError | _Unproven":
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
            content = _read(response, MAX_CHALLENGE if response.status == 429 else most)
        except urllib3.exceptions.SSLError as error:
            return _untrusted() if _is_untrusted(error) else _silent()
        except Exception:  # noqa: BLE001  whatever it is, its text may hold the URL
            return _silent()
        is_gone = response.status == 410 and method == "GET"
        is_part = response.status == 206 and "Range" in more
        if response.status == 200 or is_gone or is_part:
            return Reply(response.status, content, _signature(response.headers))
        if "Authorization" in more and response.status in _WITH_KEY:
            return CouldNotCheckError(*_WITH_KEY[response.status])
        challenge = _challenge(content) if response.status == 429 else None
        if challenge is not None:
            return _Unproven(challenge)
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


@contextmanager
def from_service(subject: str | None = None) -> Iterator[None]:
    """What the protocol refuses meanwhile came from the service: there is no answer.

    Raises:
        InputError: BAD_USAGE, the subject is no pseudonym.
        CouldNotCheckError: what was refused.
    """
    if subject is not None and not wire.is_subject(subject):
        raise InputError(Code.BAD_USAGE, f"the subject must be {wire.SUBJECT_FORM}")
    try:
        yield
    except InputError as error:
        raise CouldNotCheckError(error.code, f"could not check: {error.sentence}") from None


def _challenge(content: bytes) -> object:
    """The proof of work that a refusal asks for; None where it asks for none."""
    try:
        problem = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if isinstance(problem, dict) and problem.get("code") == Code.PROOF_OF_WORK_REQUIRED:
        return problem.get("challenge")
    return None


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


def _is_untrusted(error: urllib3.exceptions.SSLError) -> bool:
    """Whether it was the certificate: TLS can fail in other ways."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args)


def _untrusted() -> CouldNotCheckError:
    return CouldNotCheckError(
        Code.SERVICE_UNREACHABLE,
        "could not check: the service's certificate is not trusted here; check the address and "
        "this machine's clock, or name your own authority's file in SSL_CERT_FILE",
    )


def _silent() -> CouldNotCheckError:
    return CouldNotCheckError(
        Code.SERVICE_UNREACHABLE, "could not check: the service does not answer; try again later"
    )
