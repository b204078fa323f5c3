"""What is answered before Flask: a bare WSGI callable for the paths that every lookup takes.

Flask takes 40 to 150 us for a request, a range 7 and an evaluation with its proof 220. Every
exception of an answer becomes a problem document here, as ``lookup.app`` does it for the views.
"""

from collections.abc import Iterable
from time import perf_counter_ns
from typing import TYPE_CHECKING, Protocol

from lookup import logs, problems
from lookup.counts import Counts
from lookup.errors import QorganError
from lookup.problems import Problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Answer = tuple[int, Iterable[bytes]]  # the status, and the body


class Answerer(Protocol):
    """What answers some paths; ``route`` is what their requests are counted as."""

    route: str

    def takes(self, path: str) -> bool:
        """Whether a path is one of its."""

    def answer(self, path: str, environ: "WSGIEnvironment", start: "StartResponse") -> Answer:
        """Answer a request of such a path; whatever is raised is answered with a problem."""

    def headers_of(self, problem: Problem, environ: "WSGIEnvironment") -> list[tuple[str, str]]:
        """The headers of a refusal."""


class Front:
    """Asks an answerer for its own paths, hands every other one to ``behind``."""

    def __init__(self, answerer: Answerer, counts: Counts, behind: "WSGIApplication") -> None:
        self.answerer = answerer
        self.behind = behind
        self._counts = counts
        self._took = counts.timer(answerer.route)

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not self.answerer.takes(path):
            return self.behind(environ, start)
        began = perf_counter_ns()
        try:
            status, body = self.answerer.answer(path, environ, start)
        except QorganError as error:
            status, body = self._refused(error, environ, start)
        except Exception as error:  # noqa: BLE001  whatever it is, its text must not get out
            logs.unexpected(error)
            status, body = self._refused(error, environ, start)
        self._took(status, perf_counter_ns() - began)
        return body

    def _refused(
        self, error: Exception, environ: "WSGIEnvironment", start: "StartResponse"
    ) -> Answer:
        problem = problems.of(error)
        self._counts.refused(problem.code)
        start(problem.status_line, self.answerer.headers_of(problem, environ))
        return problem.status, [] if environ["REQUEST_METHOD"] == "HEAD" else [problem.body]
