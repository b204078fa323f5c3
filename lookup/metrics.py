"""``GET /metrics``: what operators watch, in Prometheus's text format; the public gets 404.

Three sources: what all workers of this service counted (``lookup.counts``), what this worker has
mapped, and how the store is doing (``lookup.index.figures``). The store's part is left out while
the store is away: nobody waits for it here.

Who may read it: whoever sends the key in ``metrics.key``, if this node has one; else who asks on
this machine itself, without a proxy in between.
"""

import hmac
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from time import perf_counter_ns

from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lookup import logs, tally
from lookup.api import SERVICE, Service, current_service
from lookup.counts import COUNTS, NO_ROUTE, Counts
from lookup.errors import Code, ProblemError
from lookup.index import figures
from lookup.index.figures import Figures
from lookup.index.ledger import LoadState
from lookup.index.node import Node
from lookup.index.store import StoreError
from lookup.protocol.suite import Lane

_PATIENCE = 1.0  # seconds that a reader waits for the store
_FRESH = 60.0  # seconds that figures of the store are told, while newer ones are awaited
_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")

metrics = Blueprint("metrics", __name__)


def install(app: Flask) -> None:
    """Count every request of the application, whose routes are all there, and tell the counts."""
    app.register_blueprint(metrics)
    routes = {rule.endpoint for rule in app.url_map.iter_rules()}
    counts = Counts(routes, tally.shared())
    timers = {route: counts.timer(route) for route in routes} | {None: counts.timer(NO_ROUTE)}
    app.extensions[COUNTS] = counts
    service: Service = app.extensions[SERVICE]
    app.extensions[_COLLECTOR] = _Told(service, counts, _Reading(lambda: _read(service)))

    def begin() -> None:
        g.began = perf_counter_ns()

    def end(response: Response) -> Response:
        now = perf_counter_ns()
        timers[request.endpoint](response.status_code, now - g.get("began", now))
        return response

    app.before_request(begin)
    app.after_request(end)


@metrics.get("/metrics")
def tell() -> Response:
    """All metrics."""
    if not _is_operator():
        raise ProblemError(Code.NOT_FOUND, "there is nothing at this address")
    body = generate_latest(current_app.extensions[_COLLECTOR])
    response = Response(body, content_type=CONTENT_TYPE_PLAIN_0_0_4)
    response.headers["Cache-Control"] = "no-store"
    return response


def _is_operator() -> bool:
    service = current_service()
    if service.metrics_key is not None:
        wanted = f"Bearer {service.metrics_key.hex()}".encode()
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        return hmac.compare_digest(wanted, given)
    if service.is_proxied or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


_COLLECTOR = "qorgan-metrics"  # where the app keeps what it tells


@dataclass(frozen=True)
class _StoreTold:
    """What was read of the store: its figures, and what is spent of the budget where there is."""

    figures: Figures
    budget_spent: int | None


def _read(service: Service) -> _StoreTold:
    spent = None if service.limit is None else service.limit.spent_of_budget()
    return _StoreTold(figures.read(service.node.store), spent)


class _Reading:
    """Reads in a thread of its own, one at a time, so that nobody waits long."""

    def __init__(self, read: Callable[[], _StoreTold]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._latest: tuple[float, _StoreTold] | None = None

    def latest(self) -> _StoreTold | None:
        """What was read now or, where that takes long, a moment ago; None if there is nothing."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="figures", daemon=True)
                self._thread.start()
            thread = self._thread
        thread.join(_PATIENCE)
        latest = self._latest
        if latest is None or time.monotonic() - latest[0] > _FRESH:
            return None
        return latest[1]

    def _run(self) -> None:
        try:
            self._latest = time.monotonic(), self._read()
        except StoreError:
            self._latest = None
        except Exception as error:  # noqa: BLE001  whatever it is, the rest is told
            self._latest = None
            logs.unexpected(error)


class _Told(Collector):
    """Everything, as prometheus-client collects it."""

    def __init__(self, service: Service, counts: Counts, reading: _Reading) -> None:
        self._service = service
        self._counts = counts
        self._reading = reading

    def collect(self) -> Iterator[Metric]:
        yield from self._counts.collect()
        yield from _of_node(self._service.node)
        limit = self._service.limit
        if limit is not None:
            name = "qorgan_budget_elements"
            yield _gauge(name, "Elements a day for all anonymous callers.", limit.budget)
        told = self._reading.latest() if self._service.node.store_answers else None
        if told is not None:
            yield from _of_store(told)


def _of_node(node: Node) -> Iterator[Metric]:
    """What this worker has mapped, and what it hears."""
    yield _gauge("qorgan_store_up", "Whether the store answers.", int(node.store_answers))
    yield _gauge("qorgan_store_silence_seconds", "Since the store was heard.", node.silence)
    yield _gauge("qorgan_stale", "Whether the index is too old to answer.", int(node.is_stale))
    yield _gauge("qorgan_key_misfit", "Whether the keys are another's.", int(node.is_misfit))
    current = node.state.current
    published = {lane: mapped.parameters for lane, mapped in current.items()}
    now = time.time()
    yield _by_lane(
        "qorgan_version_counter",
        "The counter of the version that is served.",
        {lane: known.counter for lane, known in published.items()},
    )
    yield _by_lane(
        "qorgan_version_age_seconds",
        "Since the version that is served was published.",
        {lane: now - _seconds(known.published_at) for lane, known in published.items()},
    )
    yield _by_lane(
        "qorgan_view_bytes",
        "The size of the mapped view.",
        {lane: known.view_bytes for lane, known in published.items()},
    )
    yield _by_lane(
        "qorgan_filter_bytes",
        "The size of the mapped filter.",
        {lane: known.filter.bytes for lane, known in published.items()},
    )


def _of_store(told: _StoreTold) -> Iterator[Metric]:
    """What is the same on every node."""
    of = told.figures
    if told.budget_spent is not None:
        name = "qorgan_budget_spent_elements"
        yield _gauge(name, "Elements of today's budget that are spent.", told.budget_spent)
    yield _gauge("qorgan_store_memory_used_bytes", "Memory that the store uses.", of.memory_used)
    about = "Memory that the store may use: its limit, or else what its machine has."
    yield _gauge("qorgan_store_memory_max_bytes", about, of.memory_max)
    loads = GaugeMetricFamily("qorgan_loads", "Loads by state.", labels=("state",))
    for state in LoadState:
        loads.add_metric((state.value,), of.loads.get(state, 0))
    yield loads
    about = "Finished loads that are in no current version."
    yield _gauge("qorgan_loads_unpublished", about, of.unpublished)
    progress = {
        "qorgan_load_identifiers": ("Identifiers that an unfinished load has.", "identifiers"),
        "qorgan_load_identifiers_written": ("How many of these are in the ledger.", "written"),
        "qorgan_load_worked_on": ("Whether a process is at it.", "is_worked_on"),
    }
    for name, (about, attribute) in progress.items():
        family = GaugeMetricFamily(name, about, labels=("load",))
        for load in of.running:
            family.add_metric((str(load.id),), int(getattr(load, attribute)))
        yield family
    about = "Notices that webhooks still have to get."
    yield _by_lane("qorgan_notices_undelivered", about, _both(of.undelivered))
    about = "Notices that were tried in vain and wait for: qorgan notices replay."
    yield _by_lane("qorgan_notices_dead", about, _both(of.dead))


def _both(known: Mapping[Lane, int]) -> dict[Lane, int]:
    return {lane: known.get(lane, 0) for lane in Lane}


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _by_lane(name: str, about: str, values: Mapping[Lane, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=("lane",))
    for lane, value in values.items():
        family.add_metric((lane.value,), value)
    return family


def _seconds(published_at: str) -> float:
    """Since 1970; the document was checked, so it has this form."""
    return datetime.strptime(published_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
