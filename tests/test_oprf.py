"""The OPRF against RFC 9497: its published vectors, and libsodium as a second opinion.

The reference in this file is written from the RFC over libsodium's ristretto255 (rbcl) and shares
no line with ``voprf``, which the service uses: both must give the same bytes.
"""

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import rbcl
from hypothesis import given, settings
from hypothesis import strategies as st

from lookup.errors import Code, InputError
from lookup.protocol.oprf import Blinding, Evaluation, ServerKey

RFC: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "vectors/rfc9497-ristretto255.json").read_text("utf-8")
)
CONTEXT = b"OPRFV1-\x01-ristretto255-SHA512"
ORDER = 2**252 + 27742317777372353535851937790883648493
ONE = (1).to_bytes(32, "little")
KEY = ServerKey(b"\x42" * 32, b"qorgan test key")


def lp(*parts: bytes) -> bytes:
    """Each part behind its length in two bytes, as all of the RFC's transcripts have it."""
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def expand(message: bytes, tag: bytes) -> bytes:
    """RFC 9380's expand_message_xmd, SHA-512, for 64 bytes: a single block."""
    tag += bytes([len(tag)])
    b0 = hashlib.sha512(bytes(128) + message + b"\x00\x40\x00" + tag).digest()
    return hashlib.sha512(b0 + b"\x01" + tag).digest()


def hash_to_scalar(message: bytes, tag: bytes = b"HashToScalar-") -> bytes:
    """RFC 9497, section 4.1."""
    return bytes(rbcl.crypto_core_ristretto255_scalar_reduce(expand(message, tag + CONTEXT)))


def derive_secret_key(seed: bytes, info: bytes) -> bytes:
    """RFC 9497, section 3.2.1; the first counter gives zero with probability 2^-252."""
    return hash_to_scalar(seed + lp(info) + b"\0", b"DeriveKeyPair")


def times(scalar: bytes, element: bytes) -> bytes:
    """Scalar multiplication by libsodium."""
    return bytes(rbcl.crypto_scalarmult_ristretto255(scalar, element))


def plus(left: bytes, right: bytes) -> bytes:
    """The sum of two elements by libsodium."""
    return bytes(rbcl.crypto_core_ristretto255_add(left, right))


def hash_to_group(message: bytes) -> bytes:
    """RFC 9497, section 4.1."""
    return bytes(
        rbcl.crypto_core_ristretto255_from_hash(expand(message, b"HashToGroup-" + CONTEXT))
    )


def evaluate(secret_key: bytes, private_input: bytes) -> bytes:
    """RFC 9497, section 3.3.1."""
    evaluated = times(secret_key, hash_to_group(private_input))
    return hashlib.sha512(lp(private_input, evaluated) + b"Finalize").digest()


def composites(public_key: bytes, pairs: Sequence[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """RFC 9497, section 2.2.1, ComputeComposites: the elements and what became of them."""
    seed = hashlib.sha512(lp(public_key, b"Seed-" + CONTEXT)).digest()
    m = z = bytes(32)  # the identity
    for i, (c, d) in enumerate(pairs):
        scalar = hash_to_scalar(lp(seed) + i.to_bytes(2, "big") + lp(c, d) + b"Composite")
        m, z = plus(times(scalar, c), m), plus(times(scalar, d), z)
    return m, z


def challenge(public_key: bytes, *elements: bytes) -> bytes:
    """RFC 9497, section 2.2.1: c from M, Z, t2 and t3."""
    return hash_to_scalar(lp(public_key, *elements) + b"Challenge")


def generate_proof(secret_key: bytes, pairs: Sequence[tuple[bytes, bytes]], r: bytes) -> bytes:
    """RFC 9497, section 2.2.1, with a given r."""
    public_key = bytes(rbcl.crypto_scalarmult_ristretto255_base(secret_key))
    m, z = composites(public_key, pairs)
    t2 = bytes(rbcl.crypto_scalarmult_ristretto255_base(r))
    c = challenge(public_key, m, z, t2, times(r, m))
    c_times_key = rbcl.crypto_core_ristretto255_scalar_mul(c, secret_key)
    return c + bytes(rbcl.crypto_core_ristretto255_scalar_sub(r, c_times_key))


def proof_verifies(public_key: bytes, pairs: Sequence[tuple[bytes, bytes]], proof: bytes) -> bool:
    """RFC 9497, section 2.2.2."""
    c, s = proof[:32], proof[32:]
    m, z = composites(public_key, pairs)
    t2 = plus(bytes(rbcl.crypto_scalarmult_ristretto255_base(s)), times(c, public_key))
    t3 = plus(times(s, m), times(c, z))
    return challenge(public_key, m, z, t2, t3) == c


def parts(text: str) -> list[bytes]:
    """The RFC's comma-separated hex of a batch."""
    return [bytes.fromhex(part) for part in text.split(",")]


SUITE = RFC[0]
SEED, INFO = bytes.fromhex(SUITE["seed"]), bytes.fromhex(SUITE["keyInfo"])
each_vector = pytest.mark.parametrize("vector", SUITE["vectors"], ids=lambda v: v["Input"][:6])


def test_rfc9497_vectors_are_all_there() -> None:
    """The RFC gives three test vectors for this suite in VOPRF mode; the last is a batch of two."""
    assert [(s["identifier"], s["mode"]) for s in RFC] == [("ristretto255-SHA512", 1)]
    assert [v["Batch"] for v in SUITE["vectors"]] == [1, 1, 2]
    assert [len(parts(v["Input"])) for v in SUITE["vectors"]] == [1, 1, 2]


def test_rfc9497_key_derivation() -> None:
    """A key file's seed gives the RFC's key pair, in ``voprf`` and in libsodium."""
    secret_key = derive_secret_key(SEED, INFO)
    assert secret_key.hex() == SUITE["skSm"]
    assert bytes(rbcl.crypto_scalarmult_ristretto255_base(secret_key)).hex() == SUITE["pkSm"]
    assert ServerKey(SEED, INFO).public_key.hex() == SUITE["pkSm"]


@each_vector
def test_rfc9497_outputs(vector: dict[str, Any]) -> None:
    """An input that a loader holds gets the RFC's output."""
    key = ServerKey(SEED, INFO)
    outputs = [key.evaluate(private_input) for private_input in parts(vector["Input"])]
    assert outputs == parts(vector["Output"])


@each_vector
def test_rfc9497_evaluated_elements(vector: dict[str, Any]) -> None:
    """A client's blinded element is evaluated to the RFC's."""
    evaluation = ServerKey(SEED, INFO).blind_evaluate(parts(vector["BlindedElement"]))
    assert list(evaluation.evaluated) == parts(vector["EvaluationElement"])


@each_vector
def test_rfc9497_proofs(vector: dict[str, Any]) -> None:
    """The reference makes the RFC's very proofs, and accepts them and ours: it may judge ours."""
    blinded = parts(vector["BlindedElement"])
    pairs = list(zip(blinded, parts(vector["EvaluationElement"]), strict=True))
    proof, r = bytes.fromhex(vector["Proof"]["proof"]), bytes.fromhex(vector["Proof"]["r"])
    public_key = bytes.fromhex(SUITE["pkSm"])
    assert generate_proof(bytes.fromhex(SUITE["skSm"]), pairs, r) == proof
    assert proof_verifies(public_key, pairs, proof)
    assert proof_verifies(public_key, pairs, ServerKey(SEED, INFO).blind_evaluate(blinded).proof)
    assert not proof_verifies(public_key, pairs, proof[:32] + ONE)


def test_a_thousand_outputs_equal_libsodium_s() -> None:
    """Loader and service give the outputs that another implementation gives, key by key."""
    rng = random.Random(9497)
    for _ in range(20):
        seed, info = rng.randbytes(32), rng.randbytes(rng.randrange(40))
        key, secret_key = ServerKey(seed, info), derive_secret_key(seed, info)
        inputs = [rng.randbytes(rng.choice([1, 32, 32, 32, 200])) for _ in range(50)]
        assert [key.evaluate(x) for x in inputs] == [evaluate(secret_key, x) for x in inputs]


@pytest.mark.parametrize("batch", [1, 2, 3, 17, 64])
def test_a_lookup_gives_what_a_load_computed(batch: int) -> None:
    """blind, blind_evaluate, finalize ends where evaluate does, and libsodium accepts the proof."""
    rng = random.Random(batch)
    inputs = [rng.randbytes(32) for _ in range(batch)]
    blinding = Blinding(inputs)
    evaluation = KEY.blind_evaluate(blinding.blinded)
    expected = [KEY.evaluate(private_input) for private_input in inputs]
    assert blinding.finalize(evaluation, KEY.public_key) == expected
    pairs = list(zip(blinding.blinded, evaluation.evaluated, strict=True))
    assert proof_verifies(KEY.public_key, pairs, evaluation.proof)


@given(st.lists(st.binary(min_size=1, max_size=64), min_size=1, max_size=64))
@settings(deadline=None, max_examples=25)
def test_any_batch_gives_what_a_load_computed(inputs: list[bytes]) -> None:
    """The same for any inputs, equal ones among them."""
    blinding = Blinding(inputs)
    outputs = blinding.finalize(KEY.blind_evaluate(blinding.blinded), KEY.public_key)
    assert outputs == [KEY.evaluate(private_input) for private_input in inputs]


def test_another_implementation_s_reply_is_accepted() -> None:
    """A client of ours can ask a service built on libsodium."""
    secret_key = derive_secret_key(b"\x42" * 32, b"qorgan test key")
    blinding = Blinding([b"a", b"b", b"c"])
    evaluated = tuple(times(secret_key, element) for element in blinding.blinded)
    pairs = list(zip(blinding.blinded, evaluated, strict=True))
    proof = generate_proof(secret_key, pairs, hash_to_scalar(b"r"))
    outputs = blinding.finalize(Evaluation(evaluated, proof), KEY.public_key)
    assert outputs == [evaluate(secret_key, x) for x in (b"a", b"b", b"c")]


def test_blinding_hides_equal_inputs() -> None:
    """The same identifier is blinded to another element each time, so lookups cannot be linked."""
    blinded = {Blinding([b"x"]).blinded[0] for _ in range(20)} | set(Blinding([b"x"] * 20).blinded)
    assert len(blinded) == 40


def refused(blinding: Blinding, evaluation: Evaluation, public_key: bytes) -> bool:
    """Whether finalize refuses a reply, for the one reason it may have."""
    try:
        blinding.finalize(evaluation, public_key)
    except InputError as error:
        return error.code is Code.BAD_EVALUATION
    return False


def test_a_reply_under_another_key_is_refused() -> None:
    """A service that swaps its key, to tell a victim apart, is caught."""
    blinding = Blinding([b"a", b"b"])
    other = ServerKey(b"\x43" * 32, b"qorgan test key")
    assert not refused(blinding, KEY.blind_evaluate(blinding.blinded), KEY.public_key)
    assert refused(blinding, other.blind_evaluate(blinding.blinded), KEY.public_key)
    assert refused(blinding, KEY.blind_evaluate(blinding.blinded), other.public_key)


def test_a_proof_changed_in_any_byte_is_refused() -> None:
    """No bit of a proof may be touched on the way, nor the proof be lengthened or cut."""
    blinding = Blinding([b"a", b"b"])
    good = KEY.blind_evaluate(blinding.blinded)
    for at in range(64):
        changed = bytearray(good.proof)
        changed[at] ^= 1 << (at % 8)
        assert refused(blinding, Evaluation(good.evaluated, bytes(changed)), KEY.public_key)
    for proof in (b"", good.proof[:-1], good.proof + b"\0", good.proof[32:] + good.proof[:32]):
        assert refused(blinding, Evaluation(good.evaluated, proof), KEY.public_key)


@pytest.mark.parametrize("half", [0, 32])
def test_a_proof_whose_scalar_is_not_reduced_is_refused(half: int) -> None:
    """A proof has one spelling: the same scalar plus the group's order is another one."""
    blinding = Blinding([b"a"])
    good = KEY.blind_evaluate(blinding.blinded)
    scalar = int.from_bytes(good.proof[half : half + 32], "little") + ORDER
    proof = good.proof[:half] + scalar.to_bytes(32, "little") + good.proof[half + 32 :]
    assert refused(blinding, Evaluation(good.evaluated, proof), KEY.public_key)


def test_elements_swapped_changed_lost_or_added_are_refused() -> None:
    """The proof covers each element in its place."""
    blinding = Blinding([b"a", b"b", b"c"])
    good = KEY.blind_evaluate(blinding.blinded)
    a, b, c = good.evaluated
    identity, garbage, base = bytes(32), b"\xff" * 32, hash_to_group(b"x")
    for elements in (
        (b, a, c),
        (a, a, c),
        (a, b, base),
        (a, b, identity),
        (a, b, garbage),
        (a, b, c[:-1]),
        (a, b, c + b"\0"),
        (a, b),
        (a, b, c, c),
        (),
    ):
        assert refused(blinding, Evaluation(elements, good.proof), KEY.public_key)


def test_elements_cut_at_other_places_are_refused() -> None:
    """An element has 32 bytes: the same bytes cut elsewhere are not the same reply."""
    blinding = Blinding([b"a", b"b"])
    good = KEY.blind_evaluate(blinding.blinded)
    joined = b"".join(good.evaluated)
    for elements, proof in (
        ((joined[:31], joined[31:]), good.proof),
        ((b"", joined), good.proof),
        ((joined[:32], b""), good.proof + joined[32:]),
    ):
        assert refused(blinding, Evaluation(elements, proof), KEY.public_key)


@pytest.mark.parametrize(
    "public_key", [b"", bytes(32), b"\xff" * 32, KEY.public_key[:-1], KEY.public_key + b"\0"]
)
def test_a_malformed_public_key_is_refused(public_key: bytes) -> None:
    """A pinned key that is no key is "could not check", not a crash."""
    blinding = Blinding([b"a"])
    assert refused(blinding, KEY.blind_evaluate(blinding.blinded), public_key)


GOOD_ELEMENT = hash_to_group(b"good")
BAD_ELEMENTS = {
    "identity": bytes(32),
    "empty": b"",
    "31 bytes": GOOD_ELEMENT[:31],
    "33 bytes": GOOD_ELEMENT + b"\0",
    "twice": GOOD_ELEMENT * 2,
    "odd, so negative": (1).to_bytes(32, "little"),  # RFC 9496, section 4.3.1
    "p, so zero unreduced": (2**255 - 19).to_bytes(32, "little"),
    "above p": (2**255 - 19 + 2).to_bytes(32, "little"),
    "high bit set": GOOD_ELEMENT[:31] + bytes([GOOD_ELEMENT[31] | 0x80]),
    "all ones": b"\xff" * 32,
    "hex, not bytes": GOOD_ELEMENT.hex().encode(),
}


@pytest.mark.parametrize("element", BAD_ELEMENTS.values(), ids=BAD_ELEMENTS.keys())
def test_a_bad_element_is_refused_wherever_it_stands(element: bytes) -> None:
    """The key is never applied to what is not an element (RFC 9497, section 5.1)."""
    for batch in ([element], [GOOD_ELEMENT, element], [element, GOOD_ELEMENT]):
        with pytest.raises(InputError) as caught:
            KEY.blind_evaluate(batch)
        assert caught.value.code is Code.BAD_ELEMENT


def test_random_bytes_are_elements_only_where_libsodium_says_so() -> None:
    """Of random strings about one in sixteen is an element; both implementations name the same."""
    rng = random.Random(9496)
    taken = 0
    for _ in range(400):
        element = rng.randbytes(31) + bytes([rng.randrange(128)])
        if rbcl.crypto_core_ristretto255_is_valid_point(element):
            taken += 1
            assert len(KEY.blind_evaluate([element]).evaluated) == 1
        else:
            with pytest.raises(InputError) as caught:
                KEY.blind_evaluate([element])
            assert caught.value.code is Code.BAD_ELEMENT
    assert 5 < taken < 60


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_seed_of_another_length_makes_no_key(length: int) -> None:
    """A truncated key file cannot become a key, whatever ``voprf`` itself would take."""
    with pytest.raises((ValueError, InputError)):
        ServerKey(b"\x42" * length, b"qorgan test key")


def test_a_key_shows_nothing_of_itself() -> None:
    """A key that lands in a log or a traceback says that it is one, and nothing else."""
    assert repr(KEY) == str(KEY) == f"{KEY}" == "ServerKey(...)"
    assert derive_secret_key(b"\x42" * 32, b"qorgan test key").hex() not in repr(vars(KEY))
