"""The Python client: asks a service about an identifier without showing it the identifier.

    Client("https://...").check(Kind.IIN, "...")  ->  Found, NotFound, or CouldNotCheckError

There is no fourth outcome, and "could not check" is never "not found". What the service sees is a
blinded element and a prefix that thousands share; its requests are the same whatever the answer.
Everything it says is checked: signature and pins of the parameters, the proof of the evaluation,
length and root of the range.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookup import facts
from lookup.errors import Code, CouldNotCheckError, InputError
from lookup.pins import Pins
from lookup.protocol import entries, parameters, tree, wire
from lookup.protocol.identifiers import canonical
from lookup.protocol.oprf import Blinding, Evaluation
from lookup.protocol.parameters import Parameters
from lookup.protocol.stretch import Argon2Parameters, stretch
from lookup.protocol.suite import MAX_ELEMENTS, Kind, Lane
from lookup.transport import Transport, refused

_PAUSES = (1.0, 2.0)  # seconds before an older version is refused for good
_TRIES = 3  # parameters fetched again when their version is gone
_MAX_REGISTER = 8 * 1024 * 1024
_MAX_REPLY = 64 * 1024  # of evaluate: 64 elements and a proof take 5 KiB


@dataclass(frozen=True)
class Leak:
    """One leak a person is in.

    Attributes:
        name: of the dataset; ``entry`` its register entry, empty where the register lacks it.
        data_classes: which of *this person's* data were in it.
    """

    name: str
    data_classes: tuple[str, ...]
    entry: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """In these leaks, as of a version.

    Attributes:
        searched: names of that version's datasets that were loaded by identifiers of this kind:
            nothing is said of any other leak.
        actions: what to do, most useful first.
    """

    version: str
    published_at: str
    searched: tuple[str, ...]
    leaks: tuple[Leak, ...]
    actions: tuple[facts.Action, ...]


@dataclass(frozen=True)
class NotFound:
    """In no leak of this version. That is no proof of safety: not every leak is known.

    Attributes:
        searched: names of that version's datasets that were loaded by identifiers of this kind:
            nothing is said of any other leak.
    """

    version: str
    published_at: str
    searched: tuple[str, ...]


Answer = Found | NotFound


class Client:
    """One service, asked over HTTP."""

    def __init__(
        self,
        url: str,
        *,
        publisher_key: str | None = None,
        pins: Path | None = None,
        timeout: float = 20.0,
    ) -> None:
        """
        Args:
            url: where the service is.
            publisher_key: 64 hex digits; else the key of the first use is pinned.
            pins: file that keeps pins from one run to the next; else they last as this object.
            timeout: seconds for each request.
        """
        self._url = url.rstrip("/")
        self._service = self._url if publisher_key is None else f"{self._url}#{publisher_key}"
        self._publisher_key = None if publisher_key is None else bytes.fromhex(publisher_key)
        self._pins = Pins(pins)
        self._http = Transport(self._url, timeout)

    def check(self, kind: Kind, value: str) -> Answer:
        """Ask about one identifier.

        Raises:
            InputError: the value is no identifier of this kind; nothing was sent.
            CouldNotCheckError: there is no answer.
        """
        return self.check_many(kind, [value])[0]

    def check_many(self, kind: Kind, values: Sequence[str]) -> list[Answer]:
        """Ask about several identifiers, 64 to an evaluation.

        Raises:
            InputError: a value is no identifier of this kind; nothing was sent.
            CouldNotCheckError: there is no answer to at least one.
        """
        texts = [canonical(kind, value) for value in values]
        try:
            published = self._current()
            if kind not in published.kinds:
                raise CouldNotCheckError(
                    Code.BAD_PARAMETERS, "could not check: this index has no such identifiers"
                )
            register = self._register()
            tokens = [
                token for batch in _batches(texts) for token in self._tokens(kind, batch, published)
            ]
            answers: list[Answer] = []
            for token in tokens:
                answer, published = self._answer(_Asked(kind, token), published, register)
                answers.append(answer)
        except InputError as error:  # what the protocol refuses came from the service
            raise CouldNotCheckError(error.code, f"could not check: {error.sentence}") from None
        return answers

    def _parameters(self) -> Parameters:
        """The current parameters, signature and pins checked."""
        document, signature = self._get("/v1/params/public", parameters.MAX_BYTES)
        claimed = parameters.parse(document)
        key = self._publisher_key or self._pins.publisher_key(self._service)
        parameters.verify(key or bytes.fromhex(claimed.publisher_key), document, signature)
        if key is not None and claimed.publisher_key != key.hex():
            raise CouldNotCheckError(Code.PIN_MISMATCH, "could not check: another publisher key")
        if claimed.lane != Lane.PUBLIC:
            raise CouldNotCheckError(Code.BAD_PARAMETERS, "could not check: another lane")
        self._pins.check(self._service, claimed)
        return claimed

    def _current(self) -> Parameters:
        """The parameters; workers of one service learn of a switch within seconds, not at once."""
        for pause in _PAUSES:
            try:
                return self._parameters()
            except CouldNotCheckError as error:
                if error.code is not Code.ROLLED_BACK:
                    raise
                time.sleep(pause)
        return self._parameters()

    def _register(self) -> dict[str, dict[str, Any]]:
        """The whole register by name, fetched before anything is asked."""
        body, _ = self._get("/v1/breaches", _MAX_REGISTER)
        try:
            listed = json.loads(body)
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list) and all(map(_is_entry, listed)):
            return {entry["name"]: entry for entry in listed}
        raise CouldNotCheckError(
            Code.BAD_REGISTER, "could not check: the service's register cannot be read"
        )

    def _tokens(self, kind: Kind, texts: list[str], published: Parameters) -> list[bytes]:
        argon2 = Argon2Parameters(
            bytes.fromhex(published.argon2.salt),
            published.argon2.memory_kib,
            published.argon2.time_cost,
            published.argon2.parallelism,
        )
        blinding = Blinding([stretch(kind, text, argon2) for text in texts])
        request = wire.EvaluateRequest(Lane.PUBLIC, blinding.blinded)
        body = self._http.send(
            "POST", "/v1/evaluate", _MAX_REPLY, wire.encode_evaluate_request(request)
        ).body
        reply = wire.decode_evaluate_response(body)
        outputs = blinding.finalize(
            Evaluation(reply.evaluated, reply.proof), bytes.fromhex(published.public_key)
        )
        return [entries.token(output) for output in outputs]

    def _answer(
        self, asked: "_Asked", published: Parameters, register: dict[str, dict[str, Any]]
    ) -> tuple[Answer, Parameters]:
        """The answer to one token, and the parameters it was found under."""
        for _ in range(_TRIES):
            bucket = entries.bucket(asked.token, published.prefix_bits)
            prefix = entries.prefix(bucket, published.prefix_bits)
            path = wire.range_path(Lane.PUBLIC, published.version, prefix)
            reply = self._http.send("GET", path, published.range_bytes)
            if reply.status != 410:
                found = _matches(asked.token, bucket, reply.body, published)
                return _describe(found, asked.kind, published, register), published
            published = self._current()
        raise CouldNotCheckError(
            Code.VERSION_GONE, "could not check: the index changes too fast; try again"
        )

    def _get(self, path: str, most: int) -> tuple[bytes, bytes]:
        """A body and its signature header (empty where there is none)."""
        reply = self._http.send("GET", path, most)
        if reply.status != 200:
            raise refused(reply.status)
        return reply.body, reply.signature


@dataclass(frozen=True)
class _Asked:
    """One question's kind and token; its text shows neither."""

    kind: Kind
    token: bytes = field(repr=False)


def _matches(
    token: bytes, bucket: int, body: bytes, published: Parameters
) -> list[tuple[str, tuple[str, ...]]]:
    """Dataset names and this person's data classes, from a range whose every byte is checked."""
    rows, path = wire.split_range(body, published.range_entries, published.prefix_bits)
    leaf = tree.leaf(Lane.PUBLIC, published.counter, bucket, rows)
    if tree.root(leaf, bucket, path).hex() != published.root:
        raise CouldNotCheckError(
            Code.BAD_RANGE, "could not check: the range is not the one that was signed"
        )
    found = []
    salt = bytes.fromhex(published.version_salt)
    for dataset in published.datasets:
        mask = entries.find(rows, entries.block(token, dataset.id), salt)
        if mask is None:
            continue
        if mask >> len(dataset.data_classes):
            raise CouldNotCheckError(
                Code.BAD_RANGE, "could not check: an entry names a data class that does not exist"
            )
        slugs = (slug for bit, slug in enumerate(dataset.data_classes) if mask >> bit & 1)
        found.append((dataset.name, tuple(slugs)))
    return found


def _describe(
    found: list[tuple[str, tuple[str, ...]]],
    kind: Kind,
    published: Parameters,
    register: dict[str, dict[str, Any]],
) -> Answer:
    searched = tuple(d.name for d in published.datasets if d.kinds is None or kind in d.kinds)
    if not found:
        return NotFound(published.version, published.published_at, searched)
    leaks = tuple(Leak(name, classes, register.get(name, {})) for name, classes in found)
    exposed = [slug for leak in leaks for slug in leak.data_classes]
    return Found(published.version, published.published_at, searched, leaks, facts.advice(exposed))


def _is_entry(raw: object) -> bool:
    """Whether what every program shows of a leak has its form; the rest is the register's."""
    match raw:
        case {
            "name": str(),
            "title": {"kk": str(), "ru": str(), "en": str()},
            "breach_date": str(),
        }:
            return True
    return False


def _batches(texts: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(texts), MAX_ELEMENTS):
        yield texts[at : at + MAX_ELEMENTS]
