"""One version's parameters: what publish signs and a client checks before it asks anything.

The document is served byte for byte as it was signed; nobody re-serialises it. ``parse`` is
strict about what it knows and ignores keys it does not.
"""

import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lookup.errors import Code, InputError
from lookup.protocol.suite import (
    ELEMENT_BYTES,
    HASH_BYTES,
    MAX_ARGON2_MEMORY_KIB,
    MAX_ARGON2_PASSES,
    MAX_DATA_CLASSES,
    MAX_DATASET_ID,
    MAX_PREFIX_BITS,
    MIN_PREFIX_BITS,
    MODE,
    PROTOCOL,
    SALT_BYTES,
    SUITE,
    Kind,
    Lane,
)

MAX_BYTES = 4 * 1024 * 1024  # of a document: 65,535 datasets with short lists fit
_SIGNED = b"qorgan v1 params"
_VERSION = re.compile(r"(0|[1-9][0-9]{0,9})-[0-9a-f]{8}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DATA_CLASS = re.compile(r"[a-z0-9-]{1,64}")
_TIME = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}Z"
)
_MAX_RANGE_ENTRIES = 1 << 20  # 8 MiB of entries: far above any sane choice of prefix_bits
_MAX_FILTER_BITS = 1 << 40


@dataclass(frozen=True)
class Argon2Document:
    """Argon2id's parameters as the document has them: hex salt, KiB, passes, lanes."""

    salt: str
    memory_kib: int
    time_cost: int
    parallelism: int


@dataclass(frozen=True)
class PublishedDataset:
    """A dataset as a version holds it.

    Attributes:
        data_classes: in the order of the mask's bits.
        kinds: of the identifiers that it was loaded by: asked by another kind, nobody is found in
            it. None in versions that do not say.
    """

    id: int
    name: str
    data_classes: tuple[str, ...]
    kinds: tuple[str, ...] | None = None


@dataclass(frozen=True)
class FilterDocument:
    """The Bloom filter's size, probes and hash."""

    bits: int
    probes: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Parameters:
    """The document's fields, in its order; hex stays hex."""

    protocol: int
    lane: str
    suite: str
    mode: str
    argon2: Argon2Document
    kinds: tuple[str, ...]
    public_key: str
    publisher_key: str
    version: str
    version_salt: str
    published_at: str
    prefix_bits: int
    range_entries: int
    root: str
    datasets: tuple[PublishedDataset, ...]
    filter: FilterDocument

    @property
    def counter(self) -> int:
        """The version's counter."""
        return int(self.version.partition("-")[0])

    @cached_property
    def range_bytes(self) -> int:
        """The length of every range of this version."""
        return 8 * self.range_entries + HASH_BYTES * self.prefix_bits

    @property
    def view_bytes(self) -> int:
        """The length of the file of all ranges."""
        return self.range_bytes << self.prefix_bits


def version_name(counter: int, root: bytes) -> str:
    """``<counter>-<first 8 hex digits of the root>``."""
    return f"{counter}-{root.hex()[:8]}"


def is_version(text: str) -> bool:
    """Whether this has a version's form."""
    return _VERSION.fullmatch(text) is not None


def serialise(parameters: Parameters) -> bytes:
    """The document's bytes, as they are signed and served."""
    document = asdict(parameters, dict_factory=_without_none)
    return json.dumps(document, separators=(",", ":"), ensure_ascii=True).encode()


def _without_none(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in items if value is not None}


def sign(publisher_seed: bytes, document: bytes) -> bytes:
    """The publisher's Ed25519 signature (64 bytes) of a document."""
    return Ed25519PrivateKey.from_private_bytes(publisher_seed).sign(_SIGNED + document)


def verify(publisher_key: bytes, document: bytes, signature: bytes) -> None:
    """Check a document's signature.

    Raises:
        InputError: BAD_SIGNATURE.
    """
    try:
        Ed25519PublicKey.from_public_bytes(publisher_key).verify(signature, _SIGNED + document)
    except (InvalidSignature, ValueError):
        raise InputError(
            Code.BAD_SIGNATURE, "the parameters are not signed by the pinned publisher"
        ) from None


def parse(document: bytes) -> Parameters:
    """Read and check a document, whoever signed it.

    Raises:
        InputError: BAD_PARAMETERS, it is not a version 1 document or a value is out of bounds.
    """
    if len(document) > MAX_BYTES:
        raise _bad("longer than 4 MiB")
    try:
        raw = json.loads(document.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise _bad("not JSON") from None
    reader = _Reader(raw)
    if reader.whole("protocol", 0, 1 << 31) != PROTOCOL:
        raise _bad("another protocol version than 1; a newer client is needed")
    bits = reader.whole("prefix_bits", MIN_PREFIX_BITS, MAX_PREFIX_BITS)
    parameters = Parameters(
        protocol=PROTOCOL,
        lane=reader.choice("lane", tuple(Lane)),
        suite=reader.choice("suite", (SUITE,)),
        mode=reader.choice("mode", (MODE,)),
        argon2=_argon2(_Reader(reader.get("argon2"))),
        kinds=tuple(_kinds(reader.items("kinds", len(Kind)))),
        public_key=reader.hex("public_key", ELEMENT_BYTES),
        publisher_key=reader.hex("publisher_key", 32),
        version=reader.text("version", _VERSION),
        version_salt=reader.hex("version_salt", SALT_BYTES),
        published_at=reader.text("published_at", _TIME),
        prefix_bits=bits,
        range_entries=reader.whole("range_entries", 1, _MAX_RANGE_ENTRIES),
        root=reader.hex("root", HASH_BYTES),
        datasets=_datasets(reader.items("datasets", MAX_DATASET_ID)),
        filter=_filter(_Reader(reader.get("filter"))),
    )
    if parameters.version != version_name(parameters.counter, bytes.fromhex(parameters.root)):
        raise _bad("the version does not fit the root")
    if parameters.counter >= 1 << 32:
        raise _bad("a counter beyond 32 bits")
    return parameters


def _refuse_constant(_: str) -> None:
    raise ValueError("NaN and Infinity are Python's, not JSON's")


class _Reader:
    """Takes typed values out of a JSON object, or refuses it."""

    def __init__(self, raw: object) -> None:
        if not isinstance(raw, dict):
            raise _bad("an object is missing")
        self._raw: dict[str, Any] = raw

    def has(self, key: str) -> bool:
        return key in self._raw

    def get(self, key: str) -> object:
        if key not in self._raw:
            raise _bad(f"{key} is missing")
        return self._raw[key]

    def whole(self, key: str, low: int, high: int) -> int:
        value = self.get(key)
        # bool is an int to Python, not to JSON
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _bad(f"{key} is out of bounds")
        return value

    def text(self, key: str, form: re.Pattern[str]) -> str:
        value = self.get(key)
        if not isinstance(value, str) or not form.fullmatch(value):
            raise _bad(f"{key} has a wrong form")
        return value

    def hex(self, key: str, length: int) -> str:
        return self.text(key, re.compile(f"[0-9a-f]{{{2 * length}}}"))

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.get(key)
        if not isinstance(value, str) or value not in allowed:
            raise _bad(f"{key} is not one that we know")
        return value

    def items(self, key: str, most: int) -> list[Any]:
        value = self.get(key)
        if not isinstance(value, list) or len(value) > most:
            raise _bad(f"{key} is not a list of at most {most}")
        return value


def _argon2(reader: _Reader) -> Argon2Document:
    memory_kib = reader.whole("memory_kib", 8, MAX_ARGON2_MEMORY_KIB)
    return Argon2Document(
        salt=reader.hex("salt", SALT_BYTES),
        memory_kib=memory_kib,
        time_cost=reader.whole("time_cost", 1, MAX_ARGON2_PASSES),
        parallelism=reader.whole("parallelism", 1, min(4, memory_kib // 8)),
    )


def _kinds(raw: list[Any]) -> list[str]:
    if any(not isinstance(kind, str) or kind not in tuple(Kind) for kind in raw):
        raise _bad("kinds has one that we do not know")
    return raw


def _datasets(raw: list[Any]) -> tuple[PublishedDataset, ...]:
    result = []
    for item in raw:
        reader = _Reader(item)
        classes = reader.items("data_classes", MAX_DATA_CLASSES)
        kinds = _kinds(reader.items("kinds", len(Kind))) if reader.has("kinds") else None
        if not all(isinstance(c, str) and _DATA_CLASS.fullmatch(c) for c in classes):
            raise _bad("data_classes has a wrong form")
        result.append(
            PublishedDataset(
                id=reader.whole("id", 1, MAX_DATASET_ID),
                name=reader.text("name", _NAME),
                data_classes=tuple(classes),
                kinds=None if kinds is None else tuple(kinds),
            )
        )
    if len({dataset.id for dataset in result}) != len(result):
        raise _bad("two datasets have one id")
    return tuple(result)


def _filter(reader: _Reader) -> FilterDocument:
    bits = reader.whole("bits", 1, _MAX_FILTER_BITS)
    size = reader.whole("bytes", 1, _MAX_FILTER_BITS // 8)
    if size != (bits + 7) // 8:
        raise _bad("the filter's bits and bytes do not fit")
    return FilterDocument(
        bits=bits,
        probes=reader.whole("probes", 1, 64),
        bytes=size,
        sha256=reader.hex("sha256", HASH_BYTES),
    )


def _bad(what: str) -> InputError:
    return InputError(Code.BAD_PARAMETERS, f"the parameters cannot be used: {what}")
