"""A cluster's URL: ``redis+cluster://user:password@host:port,host:port/``, some of its nodes."""

from urllib.parse import urlsplit

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
    return f"{SCHEMES[scheme]}://{who}{at}{first}{slash}{path}", pairs[1:]


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError
    return parts.hostname, parts.port or _PORT
