"""What apps are told: ``/v1/subscriptions``, whom they watch, and ``/v1/notices``, what was new.

Everything is the asking client's own. The store is asked each time: with it away, the answer is
that it is. A notice is no answer to a question, and is not signed: an app that must be sure asks.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, Response, request

from lookup import clients
from lookup.api import close, current_service, whole_body
from lookup.errors import Code, ProblemError
from lookup.index import notices, subscriptions
from lookup.index.clients import ApiClient
from lookup.index.notice_book import NoticeBook
from lookup.index.store import StoreError
from lookup.protocol.suite import Lane
from lookup.protocol.wire import (
    MAX_SUBSCRIPTIONS_BYTES,
    SubscriptionsRequest,
    decode_subscriptions_request,
)

MOST_NOTICES = 1000  # on a page
_USUAL_NOTICES = 100
_ID = re.compile(notices.ID_PATTERN)
_LARGEST = 2**64 - 1
_ARGUMENTS = frozenset({"lane", "after", "limit"})
_COUNT = re.compile(r"[1-9][0-9]{0,3}")

watching = Blueprint("notices", __name__)


@watching.post("/v1/subscriptions")
def subscribe() -> Response:
    """Watch 1 to 10,000 more persons; sent again it changes nothing."""
    client, wanted = _wanted(may_be_all=False)
    with _book() as book:
        count = subscriptions.add(book, wanted.lane, client.id, wanted.persons or ())
    return _answer({"lane": wanted.lane.value, "persons": count})


@watching.delete("/v1/subscriptions")
def unsubscribe() -> Response:
    """Watch these persons no longer, or nobody: ``{"lane": ..., "persons": "all"}``."""
    client, wanted = _wanted(may_be_all=True)
    with _book() as book:
        if wanted.persons is None:
            subscriptions.remove_all(book, wanted.lane, client.id)
        else:
            subscriptions.remove(book, wanted.lane, client.id, wanted.persons)
        count = subscriptions.count(book, wanted.lane, client.id)
    return _answer({"lane": wanted.lane.value, "persons": count})


@watching.get("/v1/subscriptions")
def count_subscriptions() -> Response:
    """How many persons the client watches, lane by lane, and how many it may."""
    client = clients.keyed(request.headers.get("Authorization"), current_service().node)
    with _book() as book:
        lanes = sorted(client.lanes)
        counts = {lane.value: subscriptions.count(book, lane, client.id) for lane in lanes}
    return _answer({"persons": counts, "most": subscriptions.MOST})


@watching.get("/v1/notices")
def list_notices() -> Response:
    """The client's notices after one that it has seen, oldest first."""
    client = clients.keyed(request.headers.get("Authorization"), current_service().node)
    if any(name not in _ARGUMENTS or len(given) > 1 for name, given in request.args.lists()):
        raise ProblemError(Code.BAD_REQUEST, "ask with lane, after and limit, each once at most")
    lane = request.args.get("lane", Lane.PUBLIC.value)
    if lane not in tuple(Lane):
        raise ProblemError(Code.BAD_REQUEST, "lane must be public or verified")
    clients.permit(client, Lane(lane))
    after, most = _after(), _most()
    with _book() as book:
        page = notices.read(book, Lane(lane), client.id, after, most)
    return _answer(
        {
            "notices": [notice.document() for notice in page.notices],
            "after": page.last,
            "more": page.entries == most,
        }
    )


@watching.after_request
def keep_closed(response: Response) -> Response:
    """Pages of other sites may not read this."""
    return close(response)


def _wanted(*, may_be_all: bool) -> tuple[ApiClient, SubscriptionsRequest]:
    client = clients.keyed(request.headers.get("Authorization"), current_service().node)
    if request.mimetype != "application/json":
        raise ProblemError(Code.BAD_MEDIA_TYPE, "send application/json")
    request.max_content_length = MAX_SUBSCRIPTIONS_BYTES
    wanted = decode_subscriptions_request(whole_body(), may_be_all=may_be_all)
    clients.permit(client, wanted.lane)
    return client, wanted


@contextmanager
def _book() -> Iterator[NoticeBook]:
    """The store for the length of a block; away, it is no reason to say "nothing new".

    Raises:
        ProblemError: STORE_UNAVAILABLE; NOT_FOUND, this node has no notices key.
    """
    book = current_service().book
    if book is None:
        raise ProblemError(Code.NOT_FOUND, "this node takes no subscriptions")
    try:
        yield book
    except StoreError:
        raise ProblemError(
            Code.STORE_UNAVAILABLE, "could not check; try again later", retry_after=5
        ) from None


def _after() -> str:
    text = request.args.get("after", notices.FIRST)
    if not _ID.fullmatch(text) or max(map(int, text.split("-"))) > _LARGEST:
        raise ProblemError(Code.BAD_REQUEST, "after must be the id of a notice")
    return text


def _most() -> int:
    text = request.args.get("limit", str(_USUAL_NOTICES))
    if not _COUNT.fullmatch(text) or int(text) > MOST_NOTICES:
        raise ProblemError(Code.BAD_REQUEST, f"limit must be 1 to {MOST_NOTICES}")
    return int(text)


def _answer(document: object) -> Response:
    response = Response(json.dumps(document), mimetype="application/json")
    response.headers["Cache-Control"] = "private, no-store"
    return response
