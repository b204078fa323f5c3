"""The verifiable OPRF of RFC 9497, suite ristretto255-SHA512, mode 0x01, over the voprf package.

The only file that knows ``voprf``. It puts RFC 9497's names and plain bytes around it. Elements
are checked when they are deserialised (section 3.3: not canonical, or the identity, is refused).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from voprf import ristretto

from lookup.errors import Code, InputError
from lookup.protocol.suite import ELEMENT_BYTES, PROOF_BYTES

_SEED_BYTES = 32


@dataclass(frozen=True)
class Evaluation:
    """A server's reply: evaluated elements in the order asked, one proof for all of them."""

    evaluated: tuple[bytes, ...]
    proof: bytes


class ServerKey:
    """A secret key and what a server does with it. Its text shows nothing of the key."""

    def __init__(self, seed: bytes, info: bytes) -> None:
        """DeriveKeyPair(seed, info), RFC 9497 section 3.2.1.

        Raises:
            ValueError: the seed has not 32 bytes.
        """
        if len(seed) != _SEED_BYTES:
            raise ValueError("a seed has 32 bytes")
        self._evaluator = ristretto.Evaluator.from_seed(seed, info)
        self.public_key: bytes = self._evaluator.public_key.serialize()

    def blind_evaluate(self, blinded: Sequence[bytes]) -> Evaluation:
        """BlindEvaluate with one batched proof, RFC 9497 section 3.3.2.

        Raises:
            InputError: BAD_ELEMENT, an element is malformed or the identity.
        """
        inputs = [_blinded_input(element) for element in blinded]
        reply = self._evaluator.evaluate_batch(inputs).serialize()  # the proof comes first
        elements = reply[PROOF_BYTES:]
        return Evaluation(
            evaluated=tuple(
                elements[i : i + ELEMENT_BYTES] for i in range(0, len(elements), ELEMENT_BYTES)
            ),
            proof=reply[:PROOF_BYTES],
        )

    def evaluate(self, private_input: bytes) -> bytes:
        """Evaluate, RFC 9497 section 3.3.1: the 64-byte output of an input that we hold."""
        return self._evaluator.evaluate_known_input(private_input)

    def __repr__(self) -> str:
        return "ServerKey(...)"


class Blinding:
    """A client's secret state between blind and finalize, for a batch of inputs."""

    def __init__(self, private_inputs: Sequence[bytes]) -> None:
        """Blind each input with fresh randomness, RFC 9497 section 3.3.2."""
        pairs = [ristretto.Client.blind(private_input) for private_input in private_inputs]
        self._clients = [client for client, _ in pairs]
        self.blinded = tuple(blinded.serialize() for _, blinded in pairs)

    def finalize(self, evaluation: Evaluation, public_key: bytes) -> list[bytes]:
        """Check the proof and unblind: the 64-byte outputs, RFC 9497 section 3.3.2.

        Raises:
            InputError: BAD_EVALUATION, the reply is malformed or not made with this key.
        """
        sizes = [len(evaluation.proof), *map(len, evaluation.evaluated)]
        if sizes != [PROOF_BYTES] + [ELEMENT_BYTES] * len(self._clients):
            raise _bad_evaluation()
        reply = list(evaluation.proof + b"".join(evaluation.evaluated))
        try:
            key = ristretto.PublicKey.deserialize(public_key)
            if len(self._clients) == 1:  # the same proof, checked without the panic below
                output = ristretto.VerifiableOutput.deserialize(reply)
                return [self._clients[0].finalize(output, key)]
            outputs = ristretto.VerifiableBatchOutput.deserialize(reply)
            return ristretto.Client.finalize_batch(self._clients, outputs, key)
        except ValueError:
            raise _bad_evaluation() from None
        except BaseException as error:
            # voprf 0.2.0 meets a batch's wrong proof with a Rust panic, which is no Exception.
            if type(error).__name__ != "PanicException":
                raise
            raise _bad_evaluation() from None


def _blinded_input(element: bytes) -> ristretto.BlindedInput:
    if len(element) == ELEMENT_BYTES:  # voprf reads the first 32 bytes of a longer one
        with suppress(ValueError):
            return ristretto.BlindedInput.deserialize(element)
    raise InputError(
        Code.BAD_ELEMENT, "an element is not a valid ristretto255 element other than identity"
    )


def _bad_evaluation() -> InputError:
    return InputError(Code.BAD_EVALUATION, "the evaluation was not made with the pinned key")
