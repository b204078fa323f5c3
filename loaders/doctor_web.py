"""The doctor's look at the service: from inside over loopback, and from outside through its proxy.

What is heard is shown nowhere: only whether it was what our service says.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

from loaders.finding import Finding, ok, problem, warning
from lookup.errors import Code, InputError, UnavailableError
from lookup.protocol import entries, parameters, tree, wire
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import Lane
from lookup.settings import Role, Settings

_TIMEOUT = 3.0  # seconds without a sign of life
_MOST = parameters.MAX_BYTES
_PARAMETERS = f"/v1/params/{Lane.PUBLIC.value}"
_TELLTALE = ("Server-Timing", "X-Powered-By", "X-Runtime")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104  it is asked, not listened on
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_OF_PAGE = ("Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options")


@dataclass(frozen=True)
class Heard:
    """A reply: at most so many bytes of it."""

    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes

    def json(self) -> object:
        """The body, or None."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def is_problem(self) -> bool:
        """Whether it is a problem document of ours."""
        known, kind = self.json(), self.headers.get("Content-Type", "")
        code = known.get("code") if isinstance(known, dict) else None
        return kind.startswith("application/problem+json") and code in list(Code)


class Asking:
    """A service that is asked. No error tells more than its kind: a URL may hold a password."""

    def __init__(self, url: str) -> None:
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # it logs paths
        self._url = url.rstrip("/")
        self._pool = urllib3.PoolManager(retries=False, timeout=_TIMEOUT)

    def hear(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Heard:
        """One exchange.

        Raises:
            UnavailableError: SERVICE_UNREACHABLE, nobody answers, or not as one should; its cause
                is urllib3's.
        """
        sent = {"Accept-Encoding": "identity", "User-Agent": "qorgan-doctor/1", **headers}
        try:
            reply = self._pool.request(
                method,
                self._url + path,
                body=body,
                headers=sent,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            content = reply.read(_MOST)
            reply.close()
        except urllib3.exceptions.HTTPError as error:
            raise UnavailableError(
                Code.SERVICE_UNREACHABLE, "a request was not answered; look at the service's log"
            ) from error
        return Heard(reply.status, reply.headers, content)


def inside(settings: Settings, current: str | None, *, expected: bool) -> Iterator[Finding]:
    """The service of this machine; ``current`` is what the store has published, if that is known.

    ``expected``: whether there should be one.
    """
    name, address = "service", f"{settings.host}:{settings.port}"
    host = _EVERYWHERE.get(settings.host, settings.host)
    asking = Asking(f"http://{host}:{settings.port}")
    try:
        alive = asking.hear("/healthz")
    except UnavailableError as error:
        if isinstance(error.__cause__, urllib3.exceptions.NewConnectionError):
            say = warning if expected else ok
            yield say(name, f"nobody serves at {address} here; for that run: qorgan serve")
        else:
            yield problem(name, f"something at {address} does not answer; look at its log")
        return
    if alive.json() != {"status": "alive"}:
        yield problem(name, f"another program answers at {address}; set QORGAN_BIND")
        return
    yield _ready(name, asking.hear("/readyz"), address)
    if Role.RANGE in settings.roles and current is not None:
        yield from _version_served(asking, current)
    if Role.SITE in settings.roles:
        page = asking.hear("/en/")
        missing = [header for header in _OF_PAGE if header not in page.headers]
        if page.status != 200 or missing:
            yield problem("page", "the page is not whole; look at the log, and install qorgan anew")
        else:
            yield ok("page", "it is served with its security headers")


def outside(url: str, publisher_key: bytes | None) -> Iterator[Finding]:
    """The deployment at an address, as its callers see it.

    ``publisher_key``: the index's own; None where that is not known.
    """
    asking = Asking(url)
    try:
        heard = asking.hear(_PARAMETERS)
    except UnavailableError as error:
        if isinstance(error.__cause__, urllib3.exceptions.SSLError):
            yield problem(
                "TLS",
                "the certificate is not one that this machine trusts; renew it, or look at its "
                "name and chain",
            )
        else:
            yield problem("proxy", "nobody answers at --url; look at the proxy, and at the address")
        return
    if url.startswith("https://"):
        yield ok("TLS", "the certificate is trusted")
    else:
        yield warning("TLS", "--url is not https://; browsers ask nothing without it")
    published = None
    if heard.status == 404 and heard.is_problem:
        yield warning("parameters", "nothing is published there; run: qorgan publish NAME")
    elif heard.status != 200:
        yield problem(
            "parameters", f"the proxy answers with status {heard.status}; look at its log"
        )
    else:
        try:
            published = _signed(heard, publisher_key)
        except (InputError, ValueError):
            yield problem(
                "parameters",
                "what comes through the proxy is not what our publisher signed; it must hand on "
                "body and Qorgan-Signature unchanged, and keep none of it",
            )
        else:
            whose = "our" if publisher_key else "its"
            yield ok("parameters", f"version {published.version}, signed by {whose} publisher")
    if published is not None:
        yield from _range(asking, published)
    yield _metrics(asking, urlsplit(url).hostname)
    yield _problem_document(asking)


def _ready(name: str, heard: Heard, address: str) -> Finding:
    match heard.json():
        case {"ready": True, "parts": {"verified range": "version not fetched"}}:
            return warning(
                name,
                "it answers the public lane only, for it cannot fetch the verified version; look "
                "at its log, and at the disk of QORGAN_CACHE",
            )
        case {"ready": True, "parts": {"store": "ok"}}:
            return ok(name, f"it is ready at {address}")
        case {"ready": True}:
            return warning(
                name, "it answers from what it knows, without the store; bring that back"
            )
        case {"ready": False, "parts": dict() as parts}:
            lacking = [part for part in _PARTS if parts.get(part, "ok") in _PARTS[part]]
            told = "; ".join(f"{part}: {parts[part]}" for part in lacking) or "it does not say why"
            return problem(name, f"it is not ready ({told}); look at its log")
    return problem(name, "it does not tell whether it is ready; is the same qorgan installed?")


# What /readyz may say, so that no other text gets shown.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "range": ("store away", "stale", "version not fetched", "nothing published"),
    "register": ("store away",),
    "keys": ("do not fit the index",),
    "evaluate": ("store away", "store refuses"),
    "store": ("away",),
}


def _version_served(asking: Asking, current: str) -> Iterator[Finding]:
    heard = asking.hear(_PARAMETERS)
    try:
        served = parameters.parse(heard.body).version if heard.status == 200 else None
    except InputError:
        served = None
    if served == current:
        yield ok("served version", f"{current}, the one that is published")
    else:
        yield warning(
            "served version",
            f"{served or 'none'}, and {current} is published; if that stays so for 5 seconds look "
            'for "version could not be fetched" in its log',
        )


def _signed(heard: Heard, publisher_key: bytes | None) -> Parameters:
    claimed = parameters.parse(heard.body)
    key = publisher_key or bytes.fromhex(claimed.publisher_key)
    signature = bytes.fromhex(heard.headers.get("Qorgan-Signature", ""))
    parameters.verify(key, heard.body, signature)
    return claimed


def _range(asking: Asking, published: Parameters) -> Iterator[Finding]:
    name, bucket = "ranges", 0
    prefix = entries.prefix(bucket, published.prefix_bits)
    heard = asking.hear(wire.range_path(Lane.PUBLIC, published.version, prefix))
    if heard.status != 200:
        yield problem(
            name,
            f"a range is answered with status {heard.status}; look at the proxy, and at the "
            "nodes that serve ranges",
        )
        return
    try:
        rows, path = wire.split_range(heard.body, published.range_entries, published.prefix_bits)
        leaf = tree.leaf(Lane.PUBLIC, published.counter, bucket, rows)
        is_signed = tree.root(leaf, bucket, path).hex() == published.root
    except InputError:
        is_signed = False
    if not is_signed:
        yield problem(
            name,
            "a range is not the one that was signed; empty the proxy's cache, and see that "
            "it neither compresses nor changes ranges",
        )
    elif "ETag" not in heard.headers or "immutable" not in heard.headers.get("Cache-Control", ""):
        yield warning(
            name,
            "the proxy drops ETag or Cache-Control of ranges, so nobody keeps them; hand both on",
        )
    else:
        yield ok(name, "a range is the one that was signed, and may be kept")
    if told := [header for header in _TELLTALE if header in heard.headers]:
        yield warning(
            "headers", f"the proxy adds {', '.join(told)}; take that away: times tell of answers"
        )


def _metrics(asking: Asking, host: str | None) -> Finding:
    name = "metrics"
    status = asking.hear("/metrics").status
    if status in (401, 403, 404):
        return ok(name, "/metrics is refused to whoever has no key")
    if status != 200:
        return warning(name, f"not known: /metrics is answered with status {status}")
    if host in _LOOPBACK:
        return warning(name, "not known: this machine itself may read /metrics; ask from another")
    return problem(
        name, "anybody can read /metrics; have the proxy refuse it, as deploy/nginx/nginx.conf does"
    )


def _problem_document(asking: Asking) -> Finding:
    """A body that no evaluator takes, and that is counted against nobody."""
    name = "problem documents"
    heard = asking.hear("/v1/evaluate", "POST", b"{}", **{"Content-Type": "application/json"})
    if heard.is_problem and heard.status == 400:
        return ok(name, "the evaluator's refusal comes through")
    if heard.is_problem and heard.status in (404, 405):
        return problem(
            name, "/v1/evaluate goes to a node that does not evaluate; send it to the evaluator"
        )
    return problem(
        name,
        f"a refusal arrives with status {heard.status} and not as our problem document; see "
        "that the proxy hands /v1/evaluate and error bodies on",
    )
