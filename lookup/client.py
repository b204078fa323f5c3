"""The Python client: asks a service about an identifier without showing it the identifier.

    Client("https://...").check(Kind.IIN, "...")  ->  Found, NotFound, or CouldNotCheckError

There is no fourth outcome, and "could not check" is never "not found". What the service sees is a
blinded element and a prefix that thousands share; its requests are the same whatever the answer.
With an API key it asks the verified lane too: one answer, or none if one lane could not be checked.
Everything it says is checked: signature and pins of the parameters, the proof of the evaluation,
length and root of the range.
"""

import json
import re
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookup.answers import (
    Answer,
    Found,
    LaneAnswer,
    Leak,
    NotFound,
    SearchedLane,
    merged,
    refuse_unsearched,
    searched,
)
from lookup.errors import Code, CouldNotCheckError, InputError
from lookup.pins import Pins
from lookup.protocol import entries, parameters, tree, wire
from lookup.protocol.identifiers import canonical
from lookup.protocol.oprf import Blinding, Evaluation
from lookup.protocol.parameters import Parameters
from lookup.protocol.stretch import Argon2Parameters, stretch
from lookup.protocol.suite import MAX_ELEMENTS, Kind, Lane
from lookup.transport import Transport, from_service, refused

__all__ = ["Answer", "Client", "Found", "Leak", "NotFound", "SearchedLane"]

_PAUSES = (1.0, 2.0)  # seconds before an older version is refused for good
_TRIES = 3  # parameters fetched again when their version is gone
_MAX_REGISTER = 8 * 1024 * 1024
_KEY = re.compile(r"[!-~]{1,200}")  # of the service; what it is worth the service says
_MAX_REPLY = 64 * 1024  # of evaluate: 64 elements and a proof take 5 KiB


class Client:
    """One service, asked over HTTP."""

    def __init__(
        self,
        url: str,
        *,
        publisher_key: str | None = None,
        pins: Path | None = None,
        timeout: float = 20.0,
        api_key: str | None = None,
        lanes: Collection[Lane] = (Lane.PUBLIC,),
    ) -> None:
        """
        Args:
            url: where the service is.
            publisher_key: 64 hex digits; else the key of the first use is pinned.
            pins: file that keeps pins from one run to the next; else they last as this object.
            timeout: seconds for each request.
            api_key: of an API client. It goes with evaluations, and with what else is asked of the
                verified lane; the public parameters and ranges are asked for as anyone does.
            lanes: all of these are asked; the verified one needs a key that is for it.

        Raises:
            InputError: BAD_USAGE, no lane, or a key that is missing or none.
        """
        self._url = url.rstrip("/")
        self._service = self._url if publisher_key is None else f"{self._url}#{publisher_key}"
        self._publisher_key = None if publisher_key is None else bytes.fromhex(publisher_key)
        self._pins = Pins(pins)
        self._http = Transport(self._url, timeout)
        self._lanes = tuple(lane for lane in Lane if lane in lanes)
        if not self._lanes or (Lane.VERIFIED in self._lanes and api_key is None):
            raise InputError(Code.BAD_USAGE, "ask the public lane, or both with an API key")
        if api_key is not None and not _KEY.fullmatch(api_key):
            raise InputError(Code.BAD_USAGE, "this is no API key")
        self._authorization = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}

    def check(self, kind: Kind, value: str, *, subject: str | None = None) -> Answer:
        """Ask about one identifier.

        Raises: as ``check_many``.
        """
        return self.check_many(kind, [value], subject=subject)[0]

    def check_many(
        self, kind: Kind, values: Sequence[str], *, subject: str | None = None
    ) -> list[Answer]:
        """Ask about several identifiers, 64 to an evaluation.

        Args:
            subject: with an API key, the app's own pseudonym of the user who asks, whose share of
                the limit is counted; never an identifier.

        Raises:
            InputError: a value is no identifier of this kind, or the subject is no pseudonym;
                nothing was sent.
            CouldNotCheckError: there is no answer to at least one, in at least one lane.
        """
        texts = [canonical(kind, value) for value in values]
        with from_service(subject):
            return self._answers(kind, texts, subject)

    def _answers(self, kind: Kind, texts: list[str], subject: str | None) -> list[Answer]:
        """All that is alike for everybody first, then all evaluations, then all ranges."""
        published = {lane: self._published(lane, kind) for lane in self._lanes}
        refuse_unsearched(kind, published.values())
        register = self._register()
        tokens = {lane: self._tokens(kind, texts, published[lane], subject) for lane in self._lanes}
        answers: list[Answer] = []
        for number in range(len(texts)):
            parts = []
            for lane in self._lanes:
                asked = _Asked(kind, lane, tokens[lane][number])
                part, published[lane] = self._answer(asked, published[lane])
                parts.append(part)
            answers.append(merged(parts, register))
        return answers

    def _parameters(self, lane: Lane) -> Parameters:
        """The current parameters of a lane, signature and pins checked."""
        document, signature = self._get(
            f"/v1/params/{lane.value}", parameters.MAX_BYTES, self._key_for(lane)
        )
        claimed = parameters.parse(document)
        key = self._publisher_key or self._pinned_publisher()
        parameters.verify(key or bytes.fromhex(claimed.publisher_key), document, signature)
        if key is not None and claimed.publisher_key != key.hex():
            raise CouldNotCheckError(Code.PIN_MISMATCH, "could not check: another publisher key")
        if claimed.lane != lane:
            raise CouldNotCheckError(Code.BAD_PARAMETERS, "could not check: another lane")
        self._pins.check(self._pin_name(lane), claimed)
        return claimed

    def _pinned_publisher(self) -> bytes | None:
        """An index has one publisher: the first that was seen in any of its lanes."""
        known = (self._pins.publisher_key(self._pin_name(lane)) for lane in Lane)
        return next((key for key in known if key is not None), None)

    def _pin_name(self, lane: Lane) -> str:
        return self._service if lane is Lane.PUBLIC else f"{self._service}#{lane.value}"

    def _key_for(self, lane: Lane) -> dict[str, str]:
        return {} if lane is Lane.PUBLIC else self._authorization

    def _current(self, lane: Lane) -> Parameters:
        """The parameters; workers of one service learn of a switch within seconds, not at once."""
        for pause in _PAUSES:
            try:
                return self._parameters(lane)
            except CouldNotCheckError as error:
                if error.code is not Code.ROLLED_BACK:
                    raise
                time.sleep(pause)
        return self._parameters(lane)

    def _published(self, lane: Lane, kind: Kind) -> Parameters:
        """The parameters of a lane that has identifiers of this kind."""
        published = self._current(lane)
        if kind not in published.kinds:
            raise CouldNotCheckError(
                Code.BAD_PARAMETERS, "could not check: this index has no such identifiers"
            )
        return published

    def _register(self) -> dict[str, dict[str, Any]]:
        """The whole register by name, fetched before anything is asked."""
        body, _ = self._get("/v1/breaches", _MAX_REGISTER, {})
        try:
            listed = json.loads(body)
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list) and all(map(_is_entry, listed)):
            return {entry["name"]: entry for entry in listed}
        raise CouldNotCheckError(
            Code.BAD_REGISTER, "could not check: the service's register cannot be read"
        )

    def _tokens(
        self, kind: Kind, texts: list[str], published: Parameters, subject: str | None
    ) -> list[bytes]:
        """The tokens of canonical identifiers, 64 to an evaluation."""
        headers = self._authorization | ({} if subject is None else {"X-Subject": subject})
        return [
            token
            for at in range(0, len(texts), MAX_ELEMENTS)
            for token in self._evaluated(kind, texts[at : at + MAX_ELEMENTS], published, headers)
        ]

    def _evaluated(
        self, kind: Kind, texts: list[str], published: Parameters, headers: dict[str, str]
    ) -> list[bytes]:
        argon2 = Argon2Parameters(
            bytes.fromhex(published.argon2.salt),
            published.argon2.memory_kib,
            published.argon2.time_cost,
            published.argon2.parallelism,
        )
        blinding = Blinding([stretch(kind, text, argon2) for text in texts])
        request = wire.EvaluateRequest(Lane(published.lane), blinding.blinded)
        sent = self._http.send(
            "POST",
            "/v1/evaluate",
            _MAX_REPLY,
            wire.encode_evaluate_request(request),
            headers,
        )
        reply = wire.decode_evaluate_response(sent.body)
        outputs = blinding.finalize(
            Evaluation(reply.evaluated, reply.proof), bytes.fromhex(published.public_key)
        )
        return [entries.token(output) for output in outputs]

    def _answer(self, asked: "_Asked", published: Parameters) -> tuple[LaneAnswer, Parameters]:
        """A lane's answer to one token, and the parameters it was found under."""
        for _ in range(_TRIES):
            bucket = entries.bucket(asked.token, published.prefix_bits)
            prefix = entries.prefix(bucket, published.prefix_bits)
            path = wire.range_path(asked.lane, published.version, prefix)
            reply = self._http.send(
                "GET", path, published.range_bytes, headers=self._key_for(asked.lane)
            )
            if reply.status != 410:
                found = _matches(asked.token, bucket, reply.body, published)
                about = searched(asked.kind, published)
                return LaneAnswer(about, tuple(found)), published
            published = self._current(asked.lane)
        raise CouldNotCheckError(
            Code.VERSION_GONE, "could not check: the index changes too fast; try again"
        )

    def _get(self, path: str, most: int, headers: dict[str, str]) -> tuple[bytes, bytes]:
        """A body and its signature header (empty where there is none)."""
        reply = self._http.send("GET", path, most, headers=headers)
        if reply.status != 200:
            raise refused(reply.status)
        return reply.body, reply.signature


@dataclass(frozen=True)
class _Asked:
    """One question's kind and token of a lane; its text does not show the token."""

    kind: Kind
    lane: Lane
    token: bytes = field(repr=False)


def _matches(
    token: bytes, bucket: int, body: bytes, published: Parameters
) -> list[tuple[str, tuple[str, ...]]]:
    """Dataset names and this person's data classes, from a range whose every byte is checked."""
    rows, path = wire.split_range(body, published.range_entries, published.prefix_bits)
    leaf = tree.leaf(Lane(published.lane), published.counter, bucket, rows)
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
