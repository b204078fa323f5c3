"""``POST /v1/check``: up to 1,000 tokens an API client has, for apps that accept that we see them.

A token is as good as its person to whoever has it, so it stays in the body, and in no log or
error. No limit is counted: that would ask the store, and each token was counted when evaluated.
"""

import json

from flask import Blueprint, Response, current_app, request

from lookup import clients, served
from lookup.api import close, current_service, whole_body
from lookup.check import Exposure, exposures
from lookup.counts import COUNTS, Counts
from lookup.errors import Code, ProblemError
from lookup.index.usage import Use
from lookup.protocol.wire import MAX_CHECK_BYTES, decode_check_request

checks = Blueprint("checks", __name__)
checks.after_request(close)


@checks.post("/v1/check")
def check() -> Response:
    """For each token, in order, the datasets that its person is in, and which data."""
    service = current_service()
    node = service.node
    client = clients.keyed(request.headers.get("Authorization"), node)
    if request.mimetype != "application/json":
        raise ProblemError(Code.BAD_MEDIA_TYPE, "send application/json")
    request.max_content_length = MAX_CHECK_BYTES
    wanted = decode_check_request(whole_body())
    clients.permit(client, wanted.lane)
    mapped = served.current(node, wanted.lane)
    found = exposures(mapped, wanted.tokens)
    service.meter.count(client.id, Use.CHECKS, len(found))
    counts: Counts = current_app.extensions[COUNTS]
    counts.checked(wanted.lane, len(found))
    document = {
        "lane": wanted.lane,
        "version": mapped.version.name,
        "published_at": mapped.parameters.published_at,
        "results": [[_document(exposure) for exposure in one] for one in found],
    }
    response = Response(json.dumps(document), mimetype="application/json")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _document(exposure: Exposure) -> dict[str, object]:
    return {"name": exposure.name, "data_classes": exposure.data_classes}
