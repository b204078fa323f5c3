"""One asker of ``bench.soak``: a lookup of each kind, and what came of it.

What is asked raw is checked here as a client does: length, root, every dataset's entry.
"""

import hashlib
import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import urllib3

from bench.soak_oracle import Asked, Kind
from lookup.answers import Answer, Found
from lookup.client import Client, _matches
from lookup.errors import Code, CouldNotCheckError, InputError
from lookup.protocol import entries, parameters, wire
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import Kind as Identifier
from lookup.protocol.suite import Lane

_BULK = 20  # tokens of a bulk check
_NEW_VISITORS = 0.25  # of whole checks: no pins, no connection
_FRESH = 1.0  # seconds that parameters are used for ranges
_TIMEOUT = 20.0  # seconds


@dataclass
class Citizens:
    """Who is asked about, and what a range is asked of; grows as datasets come."""

    iins: list[str] = field(default_factory=list, repr=False)
    tokens: list[bytes] = field(default_factory=list, repr=False)

    def add(self, rows: list[list[str]]) -> None:
        """More of them: IIN and public token, hex."""
        for iin, token in rows:
            self.tokens.append(bytes.fromhex(token))
            self.iins.append(iin)


class _NoAnswerError(Exception):
    """Why there is none, and which version was asked for."""

    def __init__(self, reason: str, versions: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.versions = versions or {}


class Asker:
    """One thread's clients and connections."""

    def __init__(self, url: str, key: str, citizens: Citizens, seed: int) -> None:
        self._url, self._key, self._citizens = url, key, citizens
        self._random = random.Random(seed)
        self._http = urllib3.PoolManager(retries=False, timeout=_TIMEOUT)
        self._standing = Client(url)
        self._both = Client(url, api_key=key, lanes=tuple(Lane))
        self._known: tuple[float, Parameters | None] = (0.0, None)
        self._ways: dict[Kind, Callable[[], dict[str, Any]]] = {
            Kind.CHECK: self._check,
            Kind.BOTH: lambda: self._whole(self._both),
            Kind.BULK: self._bulk,
            Kind.RANGE: self._range,
            Kind.PARAMS: self._params,
            Kind.REGISTER: self._register,
            Kind.FILTER: self._filter,
            Kind.PAGE: self._page,
        }

    def ask(self, kind: Kind, due: float | None = None) -> Asked:
        """One lookup of this kind."""
        began = time.monotonic()
        try:
            outcome = self._ways[kind]()
        except CouldNotCheckError as error:
            outcome = {"error": _reason(error)}
        except _NoAnswerError as error:
            outcome = {"error": str(error), "versions": error.versions}
        except InputError as error:
            outcome = {"error": error.code.value}
        return Asked(kind, began if due is None else due, began, time.monotonic(), **outcome)

    def _who(self) -> int:
        return self._random.randrange(len(self._citizens.iins))

    def _check(self) -> dict[str, Any]:
        is_new = self._random.random() < _NEW_VISITORS
        return self._whole(Client(self._url) if is_new else self._standing)

    def _whole(self, client: Client) -> dict[str, Any]:
        who = self._who()
        answer = client.check(Identifier.IIN, self._citizens.iins[who])
        return {"who": (who,), "versions": _versions(answer), "found": (_leaks(answer),)}

    def _bulk(self) -> dict[str, Any]:
        who = tuple(self._who() for _ in range(_BULK))
        body = wire.encode_check_request(Lane.PUBLIC, [self._citizens.tokens[n] for n in who])
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        reply = wire.decode_check_response(self._send("POST", "/v1/check", body, headers).data)
        found = tuple({name: list(classes) for name, classes in one} for one in reply.results)
        return {"who": who, "versions": {reply.lane: reply.version}, "found": found}

    def _range(self) -> dict[str, Any]:
        who, published = self._who(), self._published()
        token = self._citizens.tokens[who]
        bucket = entries.bucket(token, published.prefix_bits)
        prefix = entries.prefix(bucket, published.prefix_bits)
        body = self._of_version(published, wire.range_path(Lane.PUBLIC, published.version, prefix))
        found = {name: list(its) for name, its in _matches(token, bucket, body, published)}
        return {"who": (who,), "versions": {"public": published.version}, "found": (found,)}

    def _params(self) -> dict[str, Any]:
        self._known = 0.0, None
        return {"versions": {"public": self._published().version}}

    def _register(self) -> dict[str, Any]:
        listed = json.loads(self._send("GET", "/v1/breaches").data)
        return {"found": ({one["name"]: [] for one in listed if one["lane"] is not None},)}

    def _filter(self) -> dict[str, Any]:
        published = self._published()
        body = self._of_version(published, wire.filter_path(Lane.PUBLIC, published.version))
        if hashlib.sha256(body).hexdigest() != published.filter.sha256:
            raise _NoAnswerError("another filter than was signed")
        return {"versions": {"public": published.version}}

    def _page(self) -> dict[str, Any]:
        body = self._send("GET", "/").data
        if not body.rstrip().endswith(b"</html>"):
            raise _NoAnswerError("half a page")
        return {}

    def _published(self) -> Parameters:
        """The parameters, as they were a second ago at most; the signature checked."""
        read_at, known = self._known
        if known is None or time.monotonic() - read_at > _FRESH:
            reply = self._send("GET", "/v1/params/public")
            known = parameters.parse(reply.data)
            signature = bytes.fromhex(reply.headers["Qorgan-Signature"])
            parameters.verify(bytes.fromhex(known.publisher_key), reply.data, signature)
            self._known = time.monotonic(), known
        return known

    def _of_version(self, published: Parameters, path: str) -> bytes:
        try:
            return self._send("GET", path).data
        except _NoAnswerError as error:
            self._known = 0.0, None
            raise _NoAnswerError(str(error), {"public": published.version}) from None

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """A whole 200.

        Raises:
            _NoAnswerError: anything else: the status and the problem's code, or the connection.
        """
        try:
            reply = self._http.request(
                method, self._url + path, body=body, headers=headers, redirect=False
            )
        except Exception as error:  # noqa: BLE001  its text may hold the address
            raise _NoAnswerError(f"connection {type(error).__name__}") from None
        if reply.status != 200:
            raise _NoAnswerError(f"{reply.status} {_code(reply.data)}")
        return reply


def _code(body: bytes) -> str:
    try:
        return str(Code(json.loads(body)["code"]))
    except (ValueError, KeyError, TypeError):
        return "without a code of ours"


def _reason(error: CouldNotCheckError) -> str:
    """What the client's sentence says of the status, in a word."""
    if error.code is not Code.SERVICE_UNREACHABLE:
        return error.code.value
    status = re.search(r"status ([0-9]{3})$", error.sentence)
    return f"{status[1]} to the client" if status else "connection of the client"


def _versions(answer: Answer) -> dict[str, str]:
    return {one.lane.value: one.version for one in answer.lanes}


def _leaks(answer: Answer) -> dict[str, list[str]]:
    leaks = answer.leaks if isinstance(answer, Found) else ()
    return {leak.name: list(leak.data_classes) for leak in leaks}
