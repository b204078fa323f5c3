"""Who asks with a key: ``Authorization: Bearer qk_...`` against the clients that a node knows.

Nothing here asks the store: the node's picture of the clients is at most a few seconds old. The
same work is done for an unknown client as for a known one with a wrong key.
"""

import hmac
import re
import time
from collections.abc import Mapping

from lookup.errors import Code, ProblemError
from lookup.index import clients as api_clients
from lookup.index.clients import ApiClient
from lookup.index.node import Node
from lookup.protocol.suite import Lane

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([!-~]{1,200})")  # RFC 9110: schemes in any case
_NOBODY = ("0" * 64,)


def asking(authorization: str | None, node: Node, lane: Lane) -> ApiClient | None:
    """Who asks a lane: one whose key is for it, or anyone (None), whom only the public one is for.

    Raises:
        ProblemError: UNAUTHORISED or FORBIDDEN; STORE_UNAVAILABLE where the node has not heard yet
            whose keys there are, so that it must not call one unknown.
    """
    if authorization is None:
        if lane is not Lane.PUBLIC:
            raise ProblemError(Code.UNAUTHORISED, "this lane needs an API key")
        return None
    return keyed(authorization, node, lane)


def keyed(authorization: str | None, node: Node, lane: Lane | None = None) -> ApiClient:
    """Who asks what is for API clients only; with a lane, one whose key is for it.

    Raises: as ``asking``.
    """
    if authorization is not None and not node.knows_clients:
        raise ProblemError(
            Code.STORE_UNAVAILABLE, "could not check; try again later", retry_after=5
        )
    return required(authorization, node.state.clients, lane)


def authenticated(
    authorization: str | None, clients: Mapping[str, ApiClient], now: float | None = None
) -> ApiClient | None:
    """The client whose key an Authorization header holds; None where there is no header.

    Raises:
        ProblemError: UNAUTHORISED, the header is no key of any client.
    """
    if authorization is None:
        return None
    bearer = _BEARER.fullmatch(authorization)
    parts = api_clients.split_key(bearer[1]) if bearer else None
    if parts is not None:
        client_id, secret = parts
        client = clients.get(client_id)
        hashes = client.hashes(time.time() if now is None else now) if client else _NOBODY
        given = api_clients.sha256_of(secret)
        # All of them are compared, so that the time tells not even which one it was.
        if any([hmac.compare_digest(given, one) for one in hashes]) and client is not None:  # noqa: C419
            return client
    raise ProblemError(Code.UNAUTHORISED, "this API key is not known, or is no longer")


def required(
    authorization: str | None,
    clients: Mapping[str, ApiClient],
    lane: Lane | None = None,
    now: float | None = None,
) -> ApiClient:
    """The client whose key a header holds, where a key must be given; with a lane, one for it.

    Raises:
        ProblemError: UNAUTHORISED; FORBIDDEN, the key is not for this lane.
    """
    client = authenticated(authorization, clients, now)
    if client is None:
        raise ProblemError(Code.UNAUTHORISED, "this needs an API key")
    if lane is not None:
        permit(client, lane)
    return client


def permit(client: ApiClient, lane: Lane) -> None:
    """Refuse a client that may not ask this lane.

    Raises:
        ProblemError: FORBIDDEN.
    """
    if lane not in client.lanes:
        raise ProblemError(Code.FORBIDDEN, "this API key is not for this lane")
