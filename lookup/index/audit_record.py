"""One record of the audit trail: what it may tell, its bytes, its signature.

As a line it is canonical JSON, ``{"record":{...},"signature":"<128 hex>"}``; the signature is
Ed25519 over ``"qorgan v1 audit" || the record's bytes``. Details are a closed list of plain
fields: never an identifier, a row, a path or a column.
"""

import hashlib
import json
import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lookup.errors import Code, InputError
from lookup.protocol.suite import Lane

_SIGNED = b"qorgan v1 audit"
_LINE = re.compile(rb'\{"record":(\{.*\}),"signature":"([0-9a-f]{128})"\}', re.DOTALL)
_IDENTIFIER = re.compile(r"\d(?:[^\w'\"]*\d){8,}|\S+@\S+")  # any marks between its digits
_LONGEST_TEXT = 500
_TOLD = {"counts", "certificate", "certificate_sha256", "reason", "name"}  # no part of the state


class Event(StrEnum):
    """All that is ever recorded."""

    INDEX_MADE = "index_made"
    KEY_MADE = "key_made"  # a key is never replaced: all that was loaded depends on it
    DATASET_ENTERED = "dataset_entered"
    LOADED = "loaded"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    PURGED = "purged"
    ROLLED_BACK = "rolled_back"
    FORGOT = "forgot"  # never who
    OPERATOR_ADDED = "operator_added"
    FOUR_EYES_SET = "four_eyes_set"


# The details that say what an event is about; of several, the first that is given.
_ABOUT: dict[Event, tuple[str, ...]] = {
    Event.INDEX_MADE: (),
    Event.KEY_MADE: ("key",),
    Event.DATASET_ENTERED: ("dataset",),
    Event.LOADED: ("load",),
    Event.PUBLISHED: ("lane",),
    Event.WITHDRAWN: ("load", "dataset"),
    Event.PURGED: ("load", "dataset"),
    Event.ROLLED_BACK: ("lane",),
    Event.FORGOT: ("request",),
    Event.OPERATOR_ADDED: ("public_key",),
    Event.FOUR_EYES_SET: (),
}


def harmless(text: str) -> str:
    """A name or reason that somebody typed, if it is one plain line without an identifier.

    Raises:
        InputError: BAD_USAGE.
    """
    if not text.strip() or len(text) > _LONGEST_TEXT or any(map(_is_odd, text)):
        raise InputError(
            Code.BAD_USAGE, f"a name or reason must be one line of 1 to {_LONGEST_TEXT} characters"
        )
    if _IDENTIFIER.search(text):
        raise InputError(
            Code.BAD_USAGE, "a name or reason must hold no identifier; leave long numbers and @ out"
        )
    return text


def _is_odd(letter: str) -> bool:
    kind = unicodedata.category(letter)
    return kind[0] == "C" or kind in ("Zl", "Zp")


Hex8 = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]
Number = Annotated[int, Field(ge=1)]
Text = Annotated[str, AfterValidator(harmless)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Details(_Strict):
    """What a record tells of its event; nothing else can be told.

    Attributes:
        file_sha256: of a dump.
        entry_sha256: of a dataset's entry, as the store has it.
        certificate: a load's certificate as printed, with its SHA-256.
        key: which key file; ``public_key`` what is public of it, or an operator's; ``check`` by
            what an index knows a key again of which nothing is public.
        name: what an operator is called; ``on`` whether four eyes are asked for.
        request: random, so that a request which is tried again is one record.
    """

    dataset: Name | None = None
    datasets: tuple[Name, ...] | None = None
    load: Number | None = None
    loads: tuple[Number, ...] | None = None
    lane: Annotated[Lane, Field(strict=False)] | None = None
    version: Annotated[str, Field(pattern=r"^[0-9]{1,10}-[0-9a-f]{8}$")] | None = None
    file_sha256: Hex32 | None = None
    entry_sha256: Hex32 | None = None
    counts: dict[Word, Annotated[int, Field(ge=0)]] | None = None
    certificate: Annotated[str, Field(max_length=100_000)] | None = None
    certificate_sha256: Hex32 | None = None
    key: Word | None = None
    public_key: Hex32 | None = None
    check: Hex8 | None = None
    name: Text | None = None
    on: bool | None = None
    reason: Text | None = None
    request: Hex8 | None = None

    @classmethod
    def of_certificate(cls, certificate: str) -> "Details":
        """What is told of a finished load: its certificate, and what one searches by."""
        told = json.loads(certificate)
        return cls(
            dataset=told["dataset"],
            load=told["load"],
            file_sha256=told["file"]["sha256"],
            certificate=certificate,
            certificate_sha256=hashlib.sha256(certificate.encode()).hexdigest(),
        )


class Record(_Strict):
    """One record without its signature; ``at`` is UTC."""

    number: Number
    at: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
    event: Event
    operator: Hex8
    details: Details
    previous: Hex32

    @property
    def time(self) -> datetime:
        """When it was written.

        Raises:
            ValueError: there is no such day or hour.
        """
        return datetime.fromisoformat(self.at)

    @property
    def state(self) -> tuple[Event, Details]:
        """What the event brought its subject to: all details but those that only describe."""
        return self.event, self.details.model_copy(update=dict.fromkeys(_TOLD))

    def canonical(self) -> bytes:
        """The bytes that are signed: sorted keys, no spaces, UTF-8, absent details left out."""
        plain = self.model_dump(mode="json", exclude_none=True)
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()


class Signer(Protocol):
    """An operator, as far as the trail needs one."""

    @property
    def id(self) -> str:
        """The first 16 hex digits of the public key's SHA-256."""

    @property
    def name(self) -> str | None:
        """What the operator is called, if he likes."""

    @property
    def public_key(self) -> bytes:
        """32 bytes, Ed25519."""

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature."""


def subject(event: Event, details: Details) -> tuple[str, object]:
    """What an event is about: the last event on a subject is the state that it is in.

    What is told of a dataset and what became of its loads are two subjects.

    Raises:
        ValueError: the details do not say; a mistake of the caller.
    """
    if not _ABOUT[event]:
        return event.value, None
    for field in _ABOUT[event]:
        value = getattr(details, field)
        if value is not None:
            return "entry" if event is Event.DATASET_ENTERED else field, value
    raise ValueError(f"{event.value} without {' or '.join(_ABOUT[event])}")


def operator_id(public_key: bytes) -> str:
    """The short id by which records name an operator."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def signed_line(record: Record, signer: Signer) -> bytes:
    """The line that is stored and exported."""
    body = record.canonical()
    signature = signer.sign(_SIGNED + body).hex().encode()
    return b'{"record":' + body + b',"signature":"' + signature + b'"}'


def parse(line: bytes) -> tuple[Record, bytes]:
    """A record and its signature, not checked, from a line that is byte for byte canonical.

    Raises:
        ValueError: it is no such line. (InputError: a text in it could hold an identifier.)
    """
    match = _LINE.fullmatch(line)
    record = Record.model_validate_json(match[1]) if match else None
    if match is None or record is None or record.canonical() != match[1]:
        raise ValueError("not a canonical record")
    subject(record.event, record.details)
    _ = record.time
    return record, bytes.fromhex(match[2].decode())


def is_signed(record: Record, signature: bytes, public_key: bytes) -> bool:
    """Whether this key signed the record."""
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
        key.verify(signature, _SIGNED + record.canonical())
    except InvalidSignature:
        return False
    return True
