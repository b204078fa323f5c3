"""``GET /v1/filter/<lane>/<version>``: a version's Bloom filter, resumable.

It is read from the map piece by piece, so that a slow client holds one piece and not a filter. Its
tag is its SHA-256, which the signed parameters have too: a client that resumes can tell that it
goes on with the same file.
"""

import base64
from collections.abc import Iterator

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from lookup import clients, served
from lookup.api import current_service, keep_verified_closed
from lookup.errors import Code, ProblemError
from lookup.index.view import MappedVersion
from lookup.protocol.suite import Lane
from lookup.protocol.wire import FILTER_ROOT

_PIECE = 64 * 1024  # bytes

filters = Blueprint("filters", __name__)
filters.after_request(keep_verified_closed)


@filters.get(f"{FILTER_ROOT}<lane>/<version>")
def filter_file(lane: str, version: str) -> Response:
    """All of the filter, or the part that a Range header names."""
    mapped = _served(lane, version)
    published = mapped.parameters.filter
    if request.if_none_match.contains_weak(published.sha256):
        response = Response(status=304)
    else:
        part = _part(published.bytes, published.sha256)
        start, stop = part or (0, published.bytes)
        response = Response(_pieces(mapped, start, stop), 206 if part else 200)
        response.mimetype = "application/octet-stream"
        response.content_length = stop - start
        if part:
            response.content_range.set(start, stop, published.bytes)
        response.headers["Accept-Ranges"] = "bytes"
        digest = base64.b64encode(bytes.fromhex(published.sha256)).decode()
        response.headers["Repr-Digest"] = f"sha-256=:{digest}:"  # RFC 9530: of all of it
    response.set_etag(published.sha256)
    if mapped.parameters.lane == Lane.PUBLIC:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable, no-transform"
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = "ETag, Content-Range, Repr-Digest"
    else:
        response.headers["Cache-Control"] = "private, no-store"
    return response


def _served(lane: str, version: str) -> MappedVersion:
    """The version asked for, which a range would be answered from."""
    node = current_service().node
    if lane not in tuple(Lane):
        raise ProblemError(Code.NOT_FOUND, "there is no such lane")
    clients.asking(request.headers.get("Authorization"), node, Lane(lane))
    return served.named(node, Lane(lane), version)


def _part(size: int, tag: str) -> tuple[int, int] | None:
    """Which bytes are asked for; None is all (RFC 9110, section 14.2: what is not understood).

    Raises:
        RequestedRangeNotSatisfiable: there are no such bytes.
    """
    wanted = request.range
    if request.method != "GET" or wanted is None or wanted.units != "bytes":
        return None
    if "If-Range" in request.headers and request.headers["If-Range"] != f'"{tag}"':
        return None  # the client has the beginning of something else
    if len(wanted.ranges) != 1:
        return None  # nobody needs several parts at once
    part = wanted.range_for_length(size)
    if part is None:
        raise RequestedRangeNotSatisfiable(size)
    return part


def _pieces(mapped: MappedVersion, start: int, stop: int) -> Iterator[bytes]:
    for at in range(start, stop, _PIECE):
        yield mapped.filter.read(at, min(_PIECE, stop - at))
