"""Proof of work (ALTCHA, version 2): who asks much pays for it in computing time.

The service picks a number below a bound and tells what Argon2id makes of it; the client tries
numbers until it finds that one. A challenge is signed, is for one network and so many elements,
lasts ten minutes and counts once; to check it costs the service one HMAC. Argon2id, so that a
graphics card gains little: a try costs 0.12 ms natively, 0.5 ms in a browser.
"""

import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altcha.v2 as altcha
from argon2.low_level import Type, hash_secret_raw

from lookup.errors import Code, CouldNotCheckError

HEADER = "Qorgan-Proof-Of-Work"
MAX_CHALLENGE = 8192  # bytes of a problem document that holds one

TRIES = 200  # for one element when it is first asked for: 25 ms natively, 0.1 s in a page
_MEMORY_KIB = 256
_SECONDS = 600
_HEADROOM = 2  # a proof is good while demand is not twice what it was made for
_MOST_MEMORY_KIB = 64 * 1024  # that a client will take
_MOST_SECONDS = 60.0  # that a client will work


@dataclass(frozen=True)
class Proof:
    """A proof of work that was checked.

    Attributes:
        id: of its challenge: it counts once.
        demand: up to which it is enough, in thousandths.
        seconds: until its challenge is too old to be sent again.
    """

    id: str
    demand: int
    seconds: int


class Puzzles:
    """Makes challenges and checks their solutions; all that evaluate share one secret."""

    def __init__(self, secret: bytes, tries: int = TRIES) -> None:
        """``tries``: on average, for one element when proof is first asked for."""
        self._secret = secret
        self._tries = tries

    def challenge(self, who: str, elements: int, demand: int) -> dict[str, Any]:
        """A challenge in ALTCHA's form, for a network that asks so much.

        Args:
            who: the network's pseudonym.
            demand: what it has spent of what is free, in thousandths.
        """
        tries = max(1, self._tries * elements * demand // 1000)
        made = altcha.create_challenge(
            "ARGON2ID",
            1,
            derive_key=_derive_key,
            counter=secrets.randbelow(2 * tries) + 1,  # with a known floor, half of the work
            memory_cost=_MEMORY_KIB,
            parallelism=1,
            expires_at=int(time.time()) + _SECONDS,
            data={"who": self._name(who), "elements": elements, "demand": demand},
            hmac_secret=self._secret,
            hmac_key_secret=self._secret,
        )
        document: dict[str, Any] = made.to_dict()
        return document

    def proof(self, sent: str, who: str, elements: int) -> Proof | None:
        """What a solution proves; None if it is none, is too old, or was another's."""
        try:
            payload = altcha.Payload.from_base64(sent)
            result = altcha.verify_solution(
                payload, self._secret, _derive_key, hmac_key_secret=self._secret
            )
            if not result.verified:
                return None
            parameters = payload.challenge.parameters
            data, nonce = parameters.data or {}, parameters.nonce
        except Exception:  # noqa: BLE001  the library raises what it likes for a hostile text
            return None
        if data.get("who") != self._name(who) or data.get("elements", 0) < elements:
            return None
        return Proof(nonce, _HEADROOM * data["demand"], _SECONDS)

    def _name(self, who: str) -> str:
        """Another pseudonym: what a client is shown is nothing that the store has."""
        return hmac.digest(self._secret, who.encode(), "sha256")[:8].hex()


def demand_of(challenge: Mapping[str, Any]) -> int:
    """What a challenge of ours was made for, in thousandths."""
    return int(challenge["parameters"]["data"]["demand"])


def solve(challenge: object) -> str:
    """The value of ``HEADER`` for a challenge; takes seconds.

    Raises:
        CouldNotCheckError: RATE_LIMITED, it is no challenge, or asks for too much.
    """
    try:
        made = altcha.Challenge.from_dict(challenge)  # type: ignore[arg-type]  # it is checked here
        solution = None
        if _is_bearable(made.parameters):
            solution = altcha.solve_challenge(made, _derive_key, timeout=_MOST_SECONDS)
    except Exception:  # noqa: BLE001  it came from the service
        solution = None
    if solution is None:
        raise CouldNotCheckError(
            Code.RATE_LIMITED,
            "could not check: too many questions from this network; try again later",
        )
    return altcha.Payload(made, solution).to_base64()


def _is_bearable(asked: altcha.ChallengeParameters) -> bool:
    """Whether one try takes what we would give for it; how many there are, time bounds."""
    return (
        asked.algorithm == "ARGON2ID"
        and asked.cost in (1, 2, 3, 4)
        and 16 <= asked.key_length <= 64
        and 8 <= (asked.memory_cost or 0) <= _MOST_MEMORY_KIB
    )


def _derive_key(parameters: altcha.ChallengeParameters, salt: bytes, password: bytes) -> bytes:
    return hash_secret_raw(
        password,
        salt,
        time_cost=parameters.cost,
        memory_cost=parameters.memory_cost or _MEMORY_KIB,
        parallelism=1,
        hash_len=parameters.key_length,
        type=Type.ID,
    )
