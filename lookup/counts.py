"""What a web node counts of requests: how many, how long they took, what was refused, and why.

House rule: every label has a closed set of values, known before the first request. So no
identifier, address, network, key, token or prefix can ever be one, and every count has its cell
in a ``Tally`` from the start. A count needs no lock: threads of a worker take turns at calls and
jumps, and there is neither between reading a cell and writing it.
"""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from lookup import problems
from lookup.errors import Code
from lookup.protocol.suite import Lane
from lookup.tally import Tally

COUNTS = "qorgan-counts"  # where the app keeps its Counts
RANGE, EVALUATE = "range", "evaluate"  # the routes that are not Flask's
NO_ROUTE = "none"  # of requests for what there is not

# A range takes 0.00005 s, an evaluation 0.0003 s; 0.01 s is the most that a range may take.
_SECONDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)
_NANOSECONDS = [round(bound * 1e9) for bound in _SECONDS]
# In allowances: what a network has spent of what it may spend without proof of work.
_DEMANDS = (1.5, 2.0, 5.0, 10.0, 20.0, 50.0)
_THOUSANDTHS = [round(bound * 1000) for bound in _DEMANDS]

_Key = TypeVar("_Key", bound=Hashable)
_STATUSES = (200, 206, 304, *sorted(problems.statuses()))
_OTHER = 0  # a status that we have not thought of


class Who(StrEnum):
    """Who asked; no client has a name here."""

    ANONYMOUS = "anonymous"
    CLIENT = "client"


class Proof(StrEnum):
    """Proofs of work."""

    ASKED = "asked"
    GIVEN = "given"


class Counts:
    """The counts of one worker, and the sums of all."""

    def __init__(self, routes: Iterable[str], shared: Path | None = None) -> None:
        """``routes``: the endpoints of the application; ``shared``: see ``lookup.tally``."""
        names = sorted({*routes, RANGE, EVALUATE, NO_ROUTE})
        self._size = 0
        self._timed = self._placed(
            ((route, status) for route in names for status in (*_STATUSES, _OTHER)),
            len(_SECONDS) + 2,  # a sum, the buckets, and what is beyond them
        )
        self._evaluated = self._placed((lane, who) for lane in Lane for who in Who)
        self._checked = self._placed(Lane)
        self._refused = self._placed(problems.shown_codes())
        self._proofs = self._placed(Proof, len(_DEMANDS) + 2)
        layout = repr((names, _STATUSES, _SECONDS, _DEMANDS, [*self._refused]))
        self._tally = Tally(layout, self._size, shared)
        self._cells = self._tally.cells

    def timer(self, route: str) -> Callable[[int, int], None]:
        """Counts a request of a route: its status, and nanoseconds until the answer began."""
        cells, other = self._cells, self._timed[route, _OTHER]
        at = {status: self._timed[route, status] for status in _STATUSES}.get

        def took(status: int, nanoseconds: int) -> None:
            first = at(status, other)
            bucket = first + 1 + bisect_left(_NANOSECONDS, nanoseconds)
            cells[first] += nanoseconds
            cells[bucket] += 1

        return took

    def evaluated(self, lane: Lane, who: Who, elements: int) -> None:
        """Count elements that were evaluated."""
        self._cells[self._evaluated[lane, who]] += elements

    def checked(self, lane: Lane, tokens: int) -> None:
        """Count tokens that were looked up for an API client."""
        self._cells[self._checked[lane]] += tokens

    def refused(self, code: Code) -> None:
        """Count a problem document."""
        self._cells[self._refused[problems.shown(code)]] += 1

    def proof(self, what: Proof, demand: int) -> None:
        """Count a proof of work, and the demand that it was for, in thousandths."""
        first = self._proofs[what]
        bucket = first + 1 + bisect_left(_THOUSANDTHS, demand)
        self._cells[first] += demand
        self._cells[bucket] += 1

    def collect(self) -> Iterator[Metric]:
        """All that the workers counted, for Prometheus."""
        totals = self._tally.totals()
        yield self._requests(totals)
        yield _counter(
            "qorgan_evaluations",
            "Elements evaluated.",
            ("lane", "who"),
            ((key, totals[at]) for key, at in self._evaluated.items()),
        )
        yield _counter(
            "qorgan_checked_tokens",
            "Tokens looked up for API clients by /v1/check.",
            ("lane",),
            (((lane,), totals[at]) for lane, at in self._checked.items()),
        )
        yield _counter(
            "qorgan_refusals",
            "Problem documents, by their code.",
            ("code",),
            (((code,), totals[at]) for code, at in self._refused.items()),
        )
        proofs = HistogramMetricFamily(
            "qorgan_proof_of_work_demand",
            "What networks had spent when proof of work was asked or given, in allowances.",
            labels=("proof",),
        )
        for what, at in self._proofs.items():
            cells = totals[at : at + len(_DEMANDS) + 2]
            proofs.add_metric((what,), _buckets(_DEMANDS, cells), cells[0] / 1000)
        yield proofs

    def _requests(self, totals: Sequence[int]) -> Metric:
        """Only of what there were any: most routes have few statuses."""
        family = HistogramMetricFamily(
            "qorgan_http_request_duration_seconds",
            "Requests by route and status, and how long they took until the answer began.",
            labels=("route", "status"),
        )
        for (route, status), at in self._timed.items():
            cells = totals[at : at + len(_SECONDS) + 2]
            if any(cells[1:]):
                labels = (route, str(status or "other"))
                family.add_metric(labels, _buckets(_SECONDS, cells), cells[0] / 1e9)
        return family

    def _placed(self, keys: Iterable[_Key], width: int = 1) -> dict[_Key, int]:
        """The first cell of each key."""
        placed = {}
        for key in keys:
            placed[key] = self._size
            self._size += width
        return placed


def _counter(
    name: str,
    about: str,
    labels: Sequence[str],
    values: Iterable[tuple[Sequence[str], int]],
) -> Metric:
    family = CounterMetricFamily(name, about, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def _buckets(bounds: Sequence[float], cells: Sequence[int]) -> list[tuple[str, float]]:
    """How many were up to each bound, as Prometheus wants them; the cells begin with a sum."""
    told, below = [], 0
    for bound, here in zip((*bounds, float("inf")), cells[1:], strict=True):
        below += here
        told.append(("+Inf" if bound == float("inf") else str(bound), float(below)))
    return told
