"""Request bodies read before the application, so many of them at a time: for Granian's threads.

Under Granian a thread waits in the application for as long as a body takes to come. Here they are
bounded: beyond, the answer is a problem document at once, and what needs no body, the ranges above
all, still has threads.
"""

import io
from collections.abc import Iterable
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from lookup import problems
from lookup.errors import Code, ProblemError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOST_BYTES = 512 * 1024  # that are read; the application has its own, lower bounds


class WholeBodies:
    """Hands requests to an application when their bodies are here."""

    def __init__(self, app: "WSGIApplication", at_once: int) -> None:
        self._app = app
        self._places = BoundedSemaphore(at_once)

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            try:
                environ["wsgi.input"] = io.BytesIO(self._read(environ))
            except ProblemError as error:
                problem = problems.of(error)
                start(problem.status_line, list(problem.headers))
                return [problem.body]
        return self._app(environ, start)

    def _read(self, environ: "WSGIEnvironment") -> bytes:
        """The body.

        Raises:
            ProblemError: TOO_LARGE; RATE_LIMITED, too many are waited for; BAD_REQUEST, it did not
                come whole.
        """
        told = environ.get("CONTENT_LENGTH") or ""
        length = int(told) if told.isdecimal() else 0
        if length > MOST_BYTES:
            raise ProblemError(Code.TOO_LARGE, "the request is too large")
        if not self._places.acquire(blocking=False):
            raise ProblemError(
                Code.RATE_LIMITED,
                "could not check: too many questions at once; try again",
                retry_after=1,
            )
        try:
            body = bytes(environ["wsgi.input"].read(MOST_BYTES))
        finally:
            self._places.release()
        if len(body) < length:
            raise ProblemError(Code.BAD_REQUEST, "the body could not be read")
        return body
