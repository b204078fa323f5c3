"""The web service, built in a function: ranges and evaluations in front, Flask behind.

Start-up refuses keys that do not fit the index, and a store that may evict. With the store away
it starts all the same and serves what the node last knew.
"""

import atexit
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestedRangeNotSatisfiable
from werkzeug.middleware.proxy_fix import ProxyFix

from lookup import (
    api,
    check_api,
    docs_api,
    filter_api,
    hibp,
    keys,
    logs,
    metrics,
    notices_api,
    pages,
    problems,
    register_api,
)
from lookup.client_limits import ClientLimit
from lookup.counting import Counting
from lookup.counts import COUNTS
from lookup.errors import Code, ProblemError, UnavailableError
from lookup.evaluations import MAX_BODY, Evaluations
from lookup.front import Front
from lookup.index import definition, store
from lookup.index.node import Node
from lookup.index.notice_book import NoticeBook
from lookup.index.store import Store
from lookup.index.watch import Watch
from lookup.limits import EvaluateLimit, Rules
from lookup.logs import Event
from lookup.metering import Meter
from lookup.problems import Problem
from lookup.protocol.oprf import ServerKey
from lookup.protocol.suite import Lane
from lookup.ranges import Ranges
from lookup.settings import Role, Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_CODES = {
    404: Code.NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    413: Code.TOO_LARGE,
    416: Code.NO_SUCH_PART,
}
_SENTENCES = {
    Code.NOT_FOUND: "there is nothing at this address",
    Code.METHOD_NOT_ALLOWED: "this address is not for that method",
    Code.TOO_LARGE: "the request is too large",
    Code.NO_SUCH_PART: "the file ends before that; ask for a part that it has",
    Code.BAD_REQUEST: "the request cannot be understood",
}


def create_app(settings: Settings | None = None) -> "WSGIApplication":
    """The WSGI callable of a web node; without settings, those of the environment.

    Raises:
        InputError: a setting is refused.
        UnavailableError: a key, the index or the store cannot be trusted.
    """
    settings = settings or Settings.from_env()
    opened = store.connect(settings)
    atexit.register(opened.close)
    lane_keys, seed = {}, b""
    if Role.EVALUATE in settings.roles:
        seed = keys.read(settings.keys, Lane.PUBLIC.value)
        lane_keys = _lane_keys(settings)
    serves_versions = settings.roles != {Role.EVALUATE}
    public_keys = {lane: key.public_key for lane, key in lane_keys.items()}
    node = Node(
        opened,
        settings.cache,
        settings.max_stale,
        tuple(Lane) if serves_versions else (),
        _watch(),
        trust=lambda: _check(opened, public_keys),
    )
    limit, client_limit = None, None
    if lane_keys:
        client_limit = ClientLimit(store.limits_storage(opened), seed)
        if settings.evaluate_limit is not None:
            rules = Rules.of(settings.evaluate_limit, settings.evaluate_budget)
            limit = EvaluateLimit(opened, rules, seed)
    try:
        _check(opened, public_keys)
    except UnavailableError as error:
        if error.code is not Code.STORE_UNAVAILABLE:  # one that is merely away is waited for
            raise
    node.start()
    atexit.register(node.stop)  # before the store is closed: the last registered is called first
    meter = Meter(opened, logs.unexpected)
    meter.start()
    atexit.register(meter.stop)
    book = _book(opened, settings)
    scrape_key = _metrics_key(settings)
    service = api.Service(
        settings.roles,
        node,
        meter,
        lane_keys,
        limit,
        client_limit,
        Counting(opened),
        book,
        scrape_key,
        is_proxied=settings.proxy_hops > 0,
    )
    return assembled(service, settings.proxy_hops)


def assembled(service: api.Service, proxy_hops: int = 0) -> "WSGIApplication":
    """Ranges before evaluations before Flask, as far as a node has these roles."""
    flask = _flask(service)
    counts = flask.extensions[COUNTS]
    app: WSGIApplication = flask
    if Role.EVALUATE in service.roles:
        app = Front(Evaluations(service, counts), counts, app)
    if proxy_hops:
        # Only so many addresses, from the right, were added by proxies of ours.
        app = ProxyFix(app, x_for=proxy_hops, x_proto=0)
    if Role.RANGE in service.roles:
        app = Front(Ranges(service.node, service.meter), counts, app)
    return app


def _lane_keys(settings: Settings) -> dict[Lane, ServerKey]:
    """The OPRF keys of the lanes that this node evaluates; it may do without the verified one.

    Raises:
        UnavailableError: BAD_KEY_FILE.
    """
    lanes = [Lane.PUBLIC]
    if keys.exists(settings.keys, Lane.VERIFIED.value):
        lanes.append(Lane.VERIFIED)
    return {lane: keys.lane_key(settings.keys, lane) for lane in lanes}


def _book(opened: Store, settings: Settings) -> NoticeBook | None:
    """Of subscriptions and notices, for nodes of role api; one may do without the key.

    Raises:
        UnavailableError: BAD_KEY_FILE.
    """
    if Role.API not in settings.roles or not keys.exists(settings.keys, keys.NOTICES):
        return None
    return NoticeBook(opened, keys.read(settings.keys, keys.NOTICES))


def _metrics_key(settings: Settings) -> bytes | None:
    """What a reader of /metrics must send; None where there is no such key.

    Raises:
        UnavailableError: BAD_KEY_FILE.
    """
    if not keys.exists(settings.keys, keys.METRICS):
        return None
    return keys.read(settings.keys, keys.METRICS)


def _check(opened: Store, public_keys: dict[Lane, bytes]) -> None:
    """Refuse a store that may evict, has no index, or has one for other keys."""
    store.check(opened)
    definition.check_lane_keys(definition.read(opened), public_keys)


def _flask(service: api.Service) -> Flask:
    app = Flask("lookup", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.debug = False  # not even FLASK_DEBUG may make it talk
    # A redirect to the "right" path would repeat the path, whatever is in it.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.url_map.redirect_defaults = False
    app.extensions[api.SERVICE] = service
    app.register_blueprint(api.probes)
    if Role.RANGE in service.roles:
        app.register_blueprint(api.parameters)
        app.register_blueprint(filter_api.filters)
    if Role.API in service.roles:
        app.register_blueprint(check_api.checks)
        app.register_blueprint(notices_api.watching)
    if service.roles & {Role.API, Role.SITE}:
        app.register_blueprint(register_api.register)
        app.register_blueprint(docs_api.contract)
    if Role.SITE in service.roles:
        pages.install(app)
    metrics.install(app)
    app.register_error_handler(Exception, _answer)
    app.after_request(_harden)
    return app


def _answer(error: Exception) -> Response:
    """The one handler: every exception of a view becomes a problem document here."""
    allowed = (error.valid_methods or ()) if isinstance(error, MethodNotAllowed) else ()
    size = error.length if isinstance(error, RequestedRangeNotSatisfiable) else None
    if isinstance(error, HTTPException):
        code = _CODES.get(error.code or 500, Code.BAD_REQUEST)
        error = ProblemError(code, _SENTENCES[code])
        if code is Code.NOT_FOUND and request.path.startswith(hibp.ROOT):
            # Asked about an account, its clients take 404 for "in no leak".
            error = ProblemError(
                Code.BAD_REQUEST,
                "nobody can be asked about here, only the register; never send an identifier",
            )
    problem = problems.of(error)
    current_app.extensions[COUNTS].refused(problem.code)
    if problem.status == 500:
        logs.unexpected(error)
    response = _as_page(problem) or Response(problem.body, problem.status, dict(problem.headers))
    response.allow.update(sorted(allowed))  # RFC 9110, section 15.5.6
    if size is not None:
        response.headers["Content-Range"] = f"bytes */{size}"  # section 15.5.17
    return response


def _as_page(problem: Problem) -> Response | None:
    """For people, where there are pages; None for programs, and where a page cannot be made."""
    if pages.site.name not in current_app.blueprints:
        return None
    try:
        return pages.problem_page(problem)
    except Exception as error:  # noqa: BLE001  an error about an error: the plain one will do
        logs.unexpected(error)
        return None


def _harden(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    return response


def _watch() -> Watch:
    return Watch(
        mapped=lambda lane, version: logs.event(
            Event.VERSION_MAPPED, lane=lane.value, version=version
        ),
        refused=lambda lane, code: logs.event(
            Event.VERSION_FETCH_FAILED, logs.ERROR, lane=lane.value, code=code
        ),
        misfit=lambda code: logs.event(Event.KEY_MISFIT, logs.ERROR, code=code),
        store_away=lambda: logs.event(Event.STORE_AWAY, logs.WARNING),
        store_back=lambda: logs.event(Event.STORE_BACK),
        unexpected=logs.unexpected,
        stale=lambda: logs.event(Event.VERSION_STALE, logs.ERROR),
    )
