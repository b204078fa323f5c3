"""Protocol version 1 against its vectors, on which two independent implementations agree.

The small version in them has four ranges (prefix_bits 2), fewer than a client may accept: it is
for the arithmetic below ``parameters.parse``. The RFC's own vectors are in test_oprf.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookup.errors import Code, InputError
from lookup.protocol import bloom, entries, identifiers, parameters, tree, wire
from lookup.protocol.oprf import Blinding, ServerKey
from lookup.protocol.stretch import Argon2Parameters, stretch
from lookup.protocol.suite import Kind, Lane

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "vectors/protocol-v1.json").read_text("utf-8")
)
CASES: list[dict[str, Any]] = VECTORS["cases"]
VERSION: dict[str, Any] = VECTORS["version"]
PARAMS: dict[str, Any] = json.loads(VERSION["params"])
SALT = bytes.fromhex(VECTORS["version_salt"])
KEY = ServerKey(bytes.fromhex(VECTORS["key"]["seed"]), VECTORS["key"]["info"].encode())
ARGON2 = Argon2Parameters(
    salt=bytes.fromhex(VECTORS["argon2"]["salt"]),
    memory_kib=VECTORS["argon2"]["memory_kib"],
    time_cost=VECTORS["argon2"]["time_cost"],
    parallelism=VECTORS["argon2"]["parallelism"],
)
BITS: int = PARAMS["prefix_bits"]
COUNTER = int(PARAMS["version"].split("-")[0])
RANGES = [
    wire.split_range(bytes.fromhex(text), PARAMS["range_entries"], BITS)
    for text in VERSION["ranges"]
]

each_case = pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['kind']}-{c['person'][:4]}")


def test_protocol_vectors_are_all_there() -> None:
    """A vector file that was cut short cannot pass for one that was checked."""
    assert len(CASES) == 5
    assert [case["kind"] for case in CASES] == ["iin", "iin", "iin", "phone", "email"]
    assert [len(case["entries"]) for case in CASES] == [4] * 5
    assert [list(case["prefixes"]) for case in CASES] == [["10", "12", "13", "14", "16", "20"]] * 5
    assert [list(case["probes"]) for case in CASES] == [["1000003,7", "306721869,14"]] * 5
    assert (len(VERSION["ranges"]), len(VERSION["found"])) == (4, 5)
    assert [dataset["id"] for dataset in PARAMS["datasets"]] == [1, 300]


def test_public_key() -> None:
    """The key file's seed gives the published key."""
    assert KEY.public_key.hex() == VECTORS["key"]["public_key"]


@each_case
def test_identifier_to_token(case: dict[str, Any]) -> None:
    """An identifier has the token that the browser computes for it, through all the steps."""
    kind = Kind(case["kind"])
    canonical = identifiers.canonical(kind, f" {case['canonical']} ")
    assert canonical == case["canonical"]
    stretched = stretch(kind, canonical, ARGON2)
    assert stretched.hex() == case["stretched"]
    output = KEY.evaluate(stretched)
    assert output.hex() == case["output"]
    blinding = Blinding([stretched])
    online = blinding.finalize(KEY.blind_evaluate(blinding.blinded), KEY.public_key)
    assert online == [output]
    token = entries.token(output)
    assert token.hex() == case["token"]
    assert entries.person(token).hex() == case["person"]


@each_case
def test_prefixes(case: dict[str, Any]) -> None:
    """A token asks for the same range in every implementation, whatever the prefix length."""
    token = bytes.fromhex(case["token"])
    for bits, prefix in case["prefixes"].items():
        assert entries.prefix(entries.bucket(token, int(bits)), int(bits)) == prefix
        assert entries.prefix_digits(int(bits)) == len(prefix)


@each_case
def test_entries(case: dict[str, Any]) -> None:
    """Blocks and entries are the vectors', and each is found again with its field mask."""
    token = bytes.fromhex(case["token"])
    for vector in case["entries"]:
        block = entries.block(token, vector["dataset"])
        assert block.hex() == vector["block"]
        entry = entries.entry(block, SALT, vector["fields"])
        assert entry.hex() == vector["entry"]
        assert entries.find(entry, block, SALT) == vector["fields"]


@each_case
def test_probes(case: dict[str, Any]) -> None:
    """A person sets the same bits of the filter in every implementation, one by one or in bulk."""
    person = int(case["person"], 16)
    for sizes, probes in case["probes"].items():
        bits, count = (int(size) for size in sizes.split(","))
        assert list(bloom.probes(person, bits, count)) == probes
    bits, count = 1_000_003, 7
    expected = bytearray((bits + 7) // 8)
    for n in case["probes"]["1000003,7"]:
        expected[n // 8] |= 1 << n % 8
    assert bloom.build(np.array([person], dtype=np.uint64), bits, count) == expected


def test_signature_of_the_small_version() -> None:
    """The publisher's signature is made and checked over the parameters' very bytes."""
    document = VERSION["params"].encode()
    key, signature = (bytes.fromhex(VERSION[name]) for name in ("publisher_key", "signature"))
    parameters.verify(key, document, signature)
    assert parameters.sign(bytes.fromhex(VERSION["publisher_secret"]), document) == signature
    with pytest.raises(InputError) as caught:
        parameters.verify(key, document + b" ", signature)
    assert caught.value.code is Code.BAD_SIGNATURE


def test_a_client_refuses_the_small_version() -> None:
    """A signed version of four ranges is refused all the same: prefix_bits 2 is out of bounds."""
    with pytest.raises(InputError) as caught:
        parameters.parse(VERSION["params"].encode())
    assert caught.value.code is Code.BAD_PARAMETERS
    assert "prefix_bits" in caught.value.sentence


def test_tree_of_the_small_version() -> None:
    """The four ranges are the leaves of the signed root, each with its path."""
    leaves = [
        tree.leaf(Lane(PARAMS["lane"]), COUNTER, bucket, entry_bytes)
        for bucket, (entry_bytes, _) in enumerate(RANGES)
    ]
    levels = tree.levels(leaves)
    assert [len(level) for level in levels] == [4, 2, 1]
    assert levels[-1][0].hex() == PARAMS["root"]
    for bucket, (_, path) in enumerate(RANGES):
        assert tree.path(levels, bucket) == path
        assert tree.root(leaves[bucket], bucket, path).hex() == PARAMS["root"]
    assert parameters.version_name(COUNTER, levels[-1][0]) == PARAMS["version"]


@pytest.mark.parametrize("person", range(5))
def test_lookup_in_the_small_version(person: int) -> None:
    """Each person is found in their own range, in exactly their datasets, and in no other range."""
    token = bytes.fromhex(CASES[person]["token"])
    expected = {int(dataset): mask for dataset, mask in VERSION["found"][person].items()}
    own = entries.bucket(token, BITS)
    assert own == int(CASES[person]["token"][0], 16) >> 2
    for bucket, (entry_bytes, _) in enumerate(RANGES):
        found = {}
        for dataset in [d["id"] for d in PARAMS["datasets"]]:
            mask = entries.find(entry_bytes, entries.block(token, dataset), SALT)
            if mask is not None:
                found[dataset] = mask
                assert mask < 1 << len(PARAMS["datasets"][dataset == 300]["data_classes"])
        assert found == (expected if bucket == own else {})


def test_entries_of_another_version_are_noise() -> None:
    """With another version's salt nobody is found, so archived versions cannot be compared."""
    other = hashlib.sha256(SALT).digest()[:16]
    for case in CASES:
        token = bytes.fromhex(case["token"])
        for entry_bytes, _ in RANGES:
            for dataset in (1, 300):
                assert entries.find(entry_bytes, entries.block(token, dataset), other) is None
