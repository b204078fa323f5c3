"""A cluster's URL: ``redis+cluster://user:password@host:port,host:port/``, some of its nodes."""

from typing import Any
from urllib.parse import urlsplit

from redis.connection import parse_url

SCHEMES = {"redis+cluster": "redis", "rediss+cluster": "rediss"}
_PORT = 6379


def start_nodes(url: str) -> tuple[str, list[tuple[str, int]]]:
    """The first node's URL as redis-py reads it, and host and port of the others.

    Raises:
        ValueError: it cannot be read.
    """
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    who, at, hosts = place.rpartition("@")
    first, *others = hosts.split(",")
    if path.partition("?")[0] not in ("", "0"):
        raise ValueError
    pairs = [_host_and_port(other) for other in (first, *others)]
    own = f"{SCHEMES[scheme]}://{who}{at}{first}{slash}{path}"
    parse: Any = parse_url  # it has no types
    parse(own)  # else redis-py would refuse it at the first command only
    return own, pairs[1:]


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError
    return parts.hostname, parts.port or _PORT
