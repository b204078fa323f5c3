"""The messages of a lookup as bytes: evaluate's and check's JSON, a range's and a filter's path.

Decoders are strict: one spelling of each message, anything else is refused.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lookup.errors import Code, InputError
from lookup.protocol.suite import (
    ELEMENT_BYTES,
    ENTRY_BYTES,
    HASH_BYTES,
    MAX_ELEMENTS,
    MAX_TOKENS,
    PERSON_BYTES,
    PROOF_BYTES,
    TOKEN_BYTES,
    Lane,
)

RANGE_ROOT = "/v1/range/"
FILTER_ROOT = "/v1/filter/"
MAX_EVALUATE_BYTES = 8 * 1024  # 64 elements of 64 hex digits with quotes and room for spaces
MAX_CHECK_BYTES = 128 * 1024  # 1,000 tokens of 64 hex digits, a line each if need be
MAX_PERSONS = 10_000
MAX_SUBSCRIPTIONS_BYTES = 256 * 1024  # 10,000 persons of 16 hex digits with quotes and room
_EVALUATE = {"lane", "blinded"}
_LANES = {lane.value: lane for lane in Lane}
_ELEMENT = re.compile(f"[0-9a-f]{{{2 * ELEMENT_BYTES}}}")
# A number shorter than this could be an IIN or a phone number.
SUBJECT_PATTERN = "^(?![0-9_-]{1,15}$)[A-Za-z0-9_-]{1,64}$"
_SUBJECT = re.compile(SUBJECT_PATTERN.removesuffix("$"))
SUBJECT_FORM = (
    "the app's own pseudonym of its user: 1 to 64 letters, digits, - and _, not a number of fewer "
    "than 16 digits, and never an identifier"
)
_PROOF = re.compile(f"[0-9a-f]{{{2 * PROOF_BYTES}}}")
_PERSON = re.compile(f"[0-9a-f]{{{2 * PERSON_BYTES}}}")
_TOKEN = re.compile(f"[0-9a-f]{{{2 * TOKEN_BYTES}}}")


# For each token the names of datasets, each with data classes.
Exposures = tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]


@dataclass(frozen=True)
class EvaluateRequest:
    """``POST /v1/evaluate``: 1 to 64 blinded elements, 32 bytes each, not yet decoded to points."""

    lane: Lane
    blinded: tuple[bytes, ...]


@dataclass(frozen=True)
class EvaluateResponse:
    """Its reply: evaluated elements, 32 bytes each, and one 64-byte proof."""

    evaluated: tuple[bytes, ...]
    proof: bytes


@dataclass(frozen=True)
class CheckRequest:
    """``POST /v1/check``: 1 to 1,000 tokens, 32 bytes each, end to end."""

    lane: Lane
    tokens: bytes = field(repr=False)


@dataclass(frozen=True)
class CheckResponse:
    """Its reply, of one version: for each token, in order, dataset names with data classes."""

    lane: str
    version: str
    results: Exposures = field(repr=False)


@dataclass(frozen=True)
class SubscriptionsRequest:
    """``POST`` and ``DELETE /v1/subscriptions``: 1 to 10,000 persons, 8 bytes each; None is all."""

    lane: Lane
    persons: tuple[bytes, ...] | None


def is_subject(text: str) -> bool:
    """Whether this may stand in ``X-Subject``: a plain name that can be no identifier."""
    return _SUBJECT.fullmatch(text) is not None


def encode_evaluate_request(request: EvaluateRequest) -> bytes:
    """The body of a request."""
    blinded = [element.hex() for element in request.blinded]
    return json.dumps({"lane": request.lane.value, "blinded": blinded}).encode()


def decode_evaluate_request(body: bytes) -> EvaluateRequest:
    """Read the body of a request.

    Raises:
        InputError: BAD_REQUEST, TOO_MANY_ELEMENTS or BAD_ELEMENT.
    """
    raw = _object(body)
    lane = None if raw is None or raw.keys() != _EVALUATE else _lane(raw["lane"])
    if raw is None or lane is None:
        raise InputError(Code.BAD_REQUEST, 'the body must be {"lane": ..., "blinded": [...]}')
    blinded = raw["blinded"]
    if not isinstance(blinded, list) or not blinded:
        raise InputError(Code.BAD_REQUEST, "blinded must be a list of 1 to 64 elements")
    if len(blinded) > MAX_ELEMENTS:
        raise InputError(Code.TOO_MANY_ELEMENTS, "ask for at most 64 elements at a time")
    if not all(isinstance(e, str) and _ELEMENT.fullmatch(e) for e in blinded):
        raise InputError(Code.BAD_ELEMENT, "an element must be 64 lower-case hex digits")
    return EvaluateRequest(lane, tuple(map(bytes.fromhex, blinded)))


def _lane(name: object) -> Lane | None:
    return _LANES.get(name) if isinstance(name, str) else None


def encode_evaluate_response(response: EvaluateResponse) -> bytes:
    """The body of a reply."""
    evaluated = [element.hex() for element in response.evaluated]
    return json.dumps({"evaluated": evaluated, "proof": response.proof.hex()}).encode()


def decode_evaluate_response(body: bytes) -> EvaluateResponse:
    """Read the body of a reply; unknown keys are ignored.

    Raises:
        InputError: BAD_EVALUATION.
    """
    raw = _object(body) or {}
    evaluated, proof = raw.get("evaluated"), raw.get("proof")
    if (
        not isinstance(evaluated, list)
        or not all(isinstance(e, str) and _ELEMENT.fullmatch(e) for e in evaluated)
        or not isinstance(proof, str)
        or not _PROOF.fullmatch(proof)
    ):
        raise InputError(Code.BAD_EVALUATION, "the service's evaluation is malformed")
    return EvaluateResponse(tuple(bytes.fromhex(e) for e in evaluated), bytes.fromhex(proof))


def decode_check_request(body: bytes) -> CheckRequest:
    """Read the body of a request.

    Raises:
        InputError: BAD_REQUEST, TOO_MANY_ELEMENTS or BAD_ELEMENT.
    """
    raw = _object(body)
    if raw is None or set(raw) != {"lane", "tokens"} or raw["lane"] not in tuple(Lane):
        raise InputError(Code.BAD_REQUEST, 'the body must be {"lane": ..., "tokens": [...]}')
    tokens = raw["tokens"]
    if not isinstance(tokens, list) or not tokens:
        raise InputError(Code.BAD_REQUEST, f"tokens must be a list of 1 to {MAX_TOKENS} tokens")
    if len(tokens) > MAX_TOKENS:
        raise InputError(Code.TOO_MANY_ELEMENTS, f"ask for at most {MAX_TOKENS} tokens at a time")
    if not all(isinstance(t, str) and _TOKEN.fullmatch(t) for t in tokens):
        raise InputError(Code.BAD_ELEMENT, "a token must be 64 lower-case hex digits")
    return CheckRequest(Lane(raw["lane"]), bytes.fromhex("".join(tokens)))


def encode_check_request(lane: Lane, tokens: Sequence[bytes]) -> bytes:
    """The body of a request."""
    return json.dumps({"lane": lane.value, "tokens": [token.hex() for token in tokens]}).encode()


def decode_check_response(body: bytes) -> CheckResponse:
    """Read the body of a reply; unknown keys are ignored.

    Raises:
        InputError: BAD_RANGE.
    """
    try:
        match _object(body):
            case {"lane": str(lane), "version": str(version), "results": list(results)}:
                return CheckResponse(lane, version, tuple(map(_exposures, results)))
    except (TypeError, KeyError):
        pass
    raise InputError(Code.BAD_RANGE, "the service's answer to the check is malformed")


def _exposures(raw: list[dict[str, Any]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """One token's datasets; TypeError or KeyError where these are none."""
    found = []
    for one in raw:
        name, classes = one["name"], one["data_classes"]
        if not isinstance(name, str) or not isinstance(classes, list):
            raise TypeError
        if not all(isinstance(slug, str) for slug in classes):
            raise TypeError
        found.append((name, tuple(classes)))
    return tuple(found)


def decode_subscriptions_request(body: bytes, *, may_be_all: bool) -> SubscriptionsRequest:
    """Read the body of a request; with ``may_be_all`` its persons may be ``"all"``.

    Raises:
        InputError: BAD_REQUEST, TOO_MANY_ELEMENTS or BAD_ELEMENT.
    """
    raw = _object(body)
    if raw is None or set(raw) != {"lane", "persons"} or raw["lane"] not in tuple(Lane):
        raise InputError(Code.BAD_REQUEST, 'the body must be {"lane": ..., "persons": [...]}')
    persons = raw["persons"]
    if may_be_all and persons == "all":
        return SubscriptionsRequest(Lane(raw["lane"]), None)
    if not isinstance(persons, list) or not persons:
        sentence = f"persons must be a list of 1 to {MAX_PERSONS}"
        raise InputError(Code.BAD_REQUEST, sentence + (' or "all"' if may_be_all else ""))
    if len(persons) > MAX_PERSONS:
        raise InputError(Code.TOO_MANY_ELEMENTS, f"send at most {MAX_PERSONS} persons at a time")
    if not all(isinstance(p, str) and _PERSON.fullmatch(p) for p in persons):
        raise InputError(Code.BAD_ELEMENT, "a person must be 16 lower-case hex digits")
    return SubscriptionsRequest(Lane(raw["lane"]), tuple(bytes.fromhex(p) for p in persons))


def filter_path(lane: Lane, version: str) -> str:
    """The path of a filter."""
    return f"{FILTER_ROOT}{lane.value}/{version}"


def range_path(lane: Lane, version: str, prefix: str) -> str:
    """The path of a range."""
    return f"{RANGE_ROOT}{lane.value}/{version}/{prefix}"


def split_range(body: bytes, range_entries: int, prefix_bits: int) -> tuple[bytes, bytes]:
    """The entries, and the siblings from the leaf up, of a body.

    Raises:
        InputError: BAD_RANGE, the body has another length than every range of its version.
    """
    at = ENTRY_BYTES * range_entries
    if len(body) != at + HASH_BYTES * prefix_bits:
        raise InputError(Code.BAD_RANGE, "the range is not whole")
    return body[:at], body[at:]


def range_json(version: str, prefix: str, entries: bytes, path: bytes) -> bytes:
    """The same range as JSON, for people who look and languages without byte arrays."""
    return json.dumps(
        {
            "version": version,
            "prefix": prefix,
            "entries": _hex_parts(entries, ENTRY_BYTES),
            "path": _hex_parts(path, HASH_BYTES),
        }
    ).encode()


def _hex_parts(data: bytes, size: int) -> Sequence[str]:
    return [data[at : at + size].hex() for at in range(0, len(data), size)]


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        raw = json.loads(body.decode("utf-8"), object_pairs_hook=_single_keys)
    except (ValueError, RecursionError):
        return None
    return raw if isinstance(raw, dict) else None


def _single_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result
