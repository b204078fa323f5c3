"""A scripted service for the tests of the client: honest until a test tells it to lie.

What it serves is genuine (``small_publication``). A lie takes the honest reply of one step and
gives another one, or raw pieces for the socket.
"""

import json
import re
import socketserver
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from small_publication import DATASETS, LEAKED, Publication, stretched, token_of

from lookup.client import Client, Found
from lookup.errors import Code, CouldNotCheckError
from lookup.protocol import entries, wire
from lookup.protocol.suite import Kind


class Step(StrEnum):
    """The requests of a question, in the order in which they are made; and of a filter."""

    PARAMS = "params"
    REGISTER = "register"
    EVALUATE = "evaluate"
    RANGE = "range"
    FILTER = "filter"


QUESTION = [step for step in Step if step is not Step.FILTER]


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def step(self) -> Step:
        return Step(self.target.split("/")[2].replace("breaches", "register"))

    @property
    def blinded(self) -> list[str]:
        found: list[str] = json.loads(self.body)["blinded"]
        return found


@dataclass(frozen=True)
class Reply:
    """One reply before it becomes bytes."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    beyond: bytes = b""

    def raw(self) -> bytes:
        """The bytes of an honest HTTP/1.1 message."""
        lines = [f"HTTP/1.1 {self.status} Any Reason", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body + self.beyond


Lie = Callable[[Reply], Reply | Iterable[bytes]]


REGISTER = json.dumps(
    [
        {
            "name": dataset.name,
            "sensitive": False,
            "title": {"kk": "kk", "ru": "ru", "en": f"The {dataset.name}"},
            "breach_date": "2025-06-16",
            "data_classes": dataset.data_classes,
        }
        for dataset in DATASETS
    ]
).encode()


Service = TypeVar("Service", bound="HostileService")


@dataclass
class HostileService:
    """What is served now, which steps are lied about, and all that was asked."""

    publication: Publication
    url: str = ""
    lies: dict[Step, Lie] = field(default_factory=dict)
    seen: list[Asked] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply | Iterable[bytes]:
        """The reply to one request, after the step's lie if there is one."""
        self.seen.append(asked)
        reply = self.honest(asked)
        lie = self.lies.get(asked.step)
        return reply if lie is None else lie(reply)

    def honest(self, asked: Asked) -> Reply:
        """What a service that does not lie answers."""
        now = self.publication
        match asked.step:
            case Step.PARAMS:
                return Reply(now.document, headers=(("Qorgan-Signature", now.signature.hex()),))
            case Step.REGISTER:
                return Reply(REGISTER)
            case Step.EVALUATE:
                evaluation = now.key.blind_evaluate([bytes.fromhex(e) for e in asked.blinded])
                reply = wire.EvaluateResponse(evaluation.evaluated, evaluation.proof)
                return Reply(wire.encode_evaluate_response(reply))
            case Step.RANGE | Step.FILTER:
                version, *prefix = asked.target.split("/")[4:]
                if version != now.parameters.version:
                    return Reply(b"{}", status=410)
                if prefix:
                    return Reply(now.range(int(prefix[0], 16)))
                first, last = map(int, dict(asked.headers)["Range"][6:].split("-"))
                return Reply(now.filter[first : last + 1], status=206)


@contextmanager
def served(publication: Publication) -> Iterator[HostileService]:
    """A service of the public lane on a free port of loopback until the block ends."""
    with serving(HostileService(publication)) as service:
        yield service


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    """A service on a free port of loopback until the block ends."""

    class Handler(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            with suppress(ConnectionError):  # the client may hang up on a lie
                while (asked := _read(self.rfile)) is not None:
                    reply = service.answer(asked)
                    if isinstance(reply, Reply):
                        self.request.sendall(reply.raw())
                        continue
                    for piece in reply:
                        self.request.sendall(piece)
                    return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield service
        server.shutdown()
        thread.join()


def _read(stream: object) -> Asked | None:
    """One request; None at the end of the connection."""
    readline, read = stream.readline, stream.read  # type: ignore[attr-defined]
    line = readline(65536)
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ")
    headers = []
    while (header := readline(65536).decode("latin-1").strip()) != "":
        name, _, value = header.partition(": ")
        headers.append((name, value))
    length = next((int(value) for name, value in headers if name == "Content-Length"), 0)
    return Asked(method, target, tuple(headers), read(length))


def refused(service: HostileService, client: Client, *iins: str) -> Code:
    """Ask; there must be no answer, and nothing personal in the error. The code."""
    service.seen.clear()
    asked_about = iins or (LEAKED,)
    try:
        answers = client.check_many(Kind.IIN, asked_about)
    except CouldNotCheckError as error:
        for iin in asked_about:
            assert_says_nothing(error, service, iin)
        return error.code
    raise AssertionError(f"answered {[type(answer).__name__ for answer in answers]}")


def body_lie(service: HostileService, step: Step, body: bytes) -> None:
    """Give this body, and all else as it was."""
    service.lies[step] = lambda reply: replace(reply, body=body)


def honest_body(service: HostileService, client: Client, step: Step) -> bytes:
    """What an honest service answers about the leaked person at this step."""
    heard: list[bytes] = []

    def listen(reply: Reply) -> Reply:
        heard.append(reply.body)
        return reply

    service.lies[step] = listen
    assert isinstance(client.check(Kind.IIN, LEAKED), Found)
    del service.lies[step]
    return heard[0]


def flipped(body: bytes, at: int) -> bytes:
    """With one bit changed."""
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


def assert_says_nothing(error: BaseException, service: HostileService, iin: str) -> None:
    """Neither an error nor what it was raised from tells who was asked about, or what was sent."""
    token = token_of(Kind.IIN, iin)
    prefixes = [entries.prefix(entries.bucket(token, bits), bits) for bits in (10, 12)]
    blinded = [b for asked in service.seen if asked.step is Step.EVALUATE for b in asked.blinded]
    secrets = [iin, token.hex()[:8], stretched(Kind.IIN, iin).hex()[:8], "/v1/range/public/"]
    secrets += [element[:12] for element in blinded]
    text = "\n".join(_texts(error))
    for secret in secrets:
        assert secret not in text, text
    for prefix in prefixes:
        assert not re.search(rf"\b{prefix}\b", text), text


def _texts(error: BaseException | None) -> Iterator[str]:
    if error is None:
        return
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
    yield from traceback.format_exception(error)
    yield from _texts(error.__cause__)
    if not error.__suppress_context__:
        yield from _texts(error.__context__)
