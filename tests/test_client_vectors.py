"""What a client says to each document, pin, range and filter of ``client-v1.json``."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookup.client import _matches
from lookup.errors import QorganError
from lookup.pins import Pins
from lookup.protocol import bloom, entries, parameters
from lookup.protocol.identifiers import canonical
from lookup.protocol.oprf import ServerKey
from lookup.protocol.parameters import Parameters
from lookup.protocol.stretch import Argon2Parameters, stretch
from lookup.protocol.suite import Kind

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "vectors/client-v1.json").read_text("utf-8")
)
DOCUMENTS, PINS, LOOKUPS, FILTER = (
    VECTORS[name] for name in ("documents", "pins", "lookups", "filter")
)


def verdict(checked: Any) -> str | None:
    """The code of a refusal; None where there is none."""
    try:
        checked()
    except QorganError as error:
        return error.code.value
    return None


def named(case: dict[str, Any]) -> str:
    return str(case["why"]).replace(" ", "-")


def document(number: int) -> Parameters:
    return parameters.parse(DOCUMENTS[number]["params"].encode())


def test_they_are_all_there() -> None:
    """A vector file that was cut short cannot pass for one that was checked."""
    assert (49, 10, 11, 3) == tuple(map(len, (DOCUMENTS, PINS, LOOKUPS, FILTER["persons"])))
    assert 14 == sum(case["code"] is None for case in DOCUMENTS)


@pytest.mark.parametrize("case", DOCUMENTS, ids=named)
def test_documents(case: dict[str, Any]) -> None:
    """Signature and bounds, each with its own refusal."""
    body, signature = case["params"].encode(), bytes.fromhex(case["signature"])

    def checked() -> None:
        parameters.verify(bytes.fromhex(VECTORS["publisher_key"]), body, signature)
        parameters.parse(body)

    assert case["code"] == verdict(checked)


@pytest.mark.parametrize("case", PINS, ids=named)
def test_pins(case: dict[str, Any]) -> None:
    """What was seen first decides what may be seen then."""
    pins = Pins(None)
    pins.check("service", document(case["first"]))
    assert case["code"] == verdict(lambda: pins.check("service", document(case["then"])))


@pytest.mark.parametrize("case", LOOKUPS, ids=named)
def test_lookups(case: dict[str, Any]) -> None:
    """From the identifier to the datasets with their classes, or to no answer."""
    published = document(case["document"])
    argon2 = published.argon2
    costs = (argon2.memory_kib, argon2.time_cost, argon2.parallelism)
    salted = Argon2Parameters(bytes.fromhex(argon2.salt), *costs)
    key = ServerKey(bytes.fromhex(VECTORS["oprf_seed"]), b"qorgan v1 public")
    assert VECTORS["public_key"] == key.public_key.hex() == published.public_key
    text = canonical(Kind.IIN, case["iin"])
    token = entries.token(key.evaluate(stretch(Kind.IIN, text, salted)))
    bucket = entries.bucket(token, published.prefix_bits)
    assert case["token"] == token.hex()
    assert case["prefix"] == entries.prefix(bucket, published.prefix_bits)
    found: list[tuple[str, tuple[str, ...]]] = []
    body = bytes.fromhex(case["range"])
    code = verdict(lambda: found.extend(_matches(token, bucket, body, published)))
    assert case["code"] == code
    assert code is not None or case["found"] == {
        str(dataset.id): sum(1 << dataset.data_classes.index(slug) for slug in slugs)
        for dataset in published.datasets
        for name, slugs in found
        if name == dataset.name
    }


def test_filter() -> None:
    """The bytes are those that were signed, and say who may be in a leak."""
    held, signed = bytes.fromhex(FILTER["filter"]), document(FILTER["document"]).filter
    assert (signed.bytes, signed.sha256) == (len(held), hashlib.sha256(held).hexdigest())
    persons = np.array([int(one["person"], 16) for one in FILTER["persons"]], dtype=np.uint64)
    bits = np.frombuffer(held, dtype=np.uint8)
    assert [one["is_in"] for one in FILTER["persons"]] == bloom.contains(
        bits, persons, signed.bits, signed.probes
    ).tolist()
