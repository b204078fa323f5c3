"""What a network that asks much has to compute: the client's side, and the shared vector."""

import base64
import json
from pathlib import Path

import pytest

from lookup.errors import Code, CouldNotCheckError
from lookup.proof_of_work import Puzzles, solve

VECTOR = json.loads((Path(__file__).parent / "vectors" / "proof-of-work.json").read_text())
PUZZLES = Puzzles(bytes(32))


def test_the_vectors_solution_is_found() -> None:
    """Browser and program send the same for the same challenge."""
    payload = json.loads(base64.b64decode(solve(VECTOR["challenge"])))
    assert VECTOR["challenge"] == payload["challenge"]
    assert 37 == payload["solution"]["counter"]
    assert VECTOR["solution"]["derivedKey"] == payload["solution"]["derivedKey"]


@pytest.mark.parametrize(
    "change",
    [
        *({"algorithm": "SHA-256"}, {"cost": 5}, {"cost": 0.5}, {"memoryCost": 65537}),
        *({"memoryCost": 7}, {"keyLength": 65}, {"keyPrefix": "zz"}, {"nonce": "zz"}),
        *({"salt": "00"}, {"salt": None}, {"nonce": []}, {"keyLength": None}),
    ],
)
def test_what_asks_for_too_much_is_not_worked_on(change: dict[str, object]) -> None:
    """A hostile service cannot make a client work for ever, or in gigabytes."""
    parameters = VECTOR["challenge"]["parameters"] | change
    with pytest.raises(CouldNotCheckError) as caught:
        solve({"parameters": parameters})
    assert Code.RATE_LIMITED is caught.value.code


@pytest.mark.parametrize("challenge", [None, [], "x", 1, {}, {"parameters": None}])
def test_what_is_no_challenge(challenge: object) -> None:
    """Whatever stands in its place is "could not check"."""
    with pytest.raises(CouldNotCheckError):
        solve(challenge)


def test_a_challenge_tells_nothing_of_the_network() -> None:
    """Whoever reads one sees neither the address nor the pseudonym that is counted."""
    who = "0123456789abcdef0123456789abcdef"
    challenge = Puzzles(bytes(32), tries=4).challenge(who, 3, 2000)
    assert who not in json.dumps(challenge)
    assert {"elements": 3, "demand": 2000} == {
        name: value for name, value in challenge["parameters"]["data"].items() if name != "who"
    }


@pytest.mark.parametrize("changed", ["counter", "derivedKey", "demand", "who", "expiresAt"])
def test_a_changed_solution_proves_nothing(changed: str) -> None:
    """Everything that a client sends back is under the service's signature, or is the work."""
    puzzles = Puzzles(bytes(32), tries=4)
    sent = json.loads(base64.b64decode(solve(puzzles.challenge("w", 1, 1000))))
    assert puzzles.proof(base64.b64encode(json.dumps(sent).encode()).decode(), "w", 1)
    parameters, solution = sent["challenge"]["parameters"], sent["solution"]
    match changed:
        case "counter":
            solution["counter"] += 1  # the key is what counts
            solution["derivedKey"] = "00" * 32
        case "derivedKey":
            solution["derivedKey"] = "00" * 32
        case "expiresAt":
            parameters["expiresAt"] += 1
        case "who":
            parameters["data"]["who"] = "0" * 16
        case _:
            parameters["data"]["demand"] = 10**9
    assert None is puzzles.proof(base64.b64encode(json.dumps(sent).encode()).decode(), "w", 1)


def test_an_old_challenge_is_none() -> None:
    """After ten minutes the work was for nothing: challenges cannot be collected for a sweep."""
    sent = VECTOR | {"challenge": VECTOR["challenge"]}
    sent["challenge"]["parameters"]["expiresAt"] = 1
    payload = base64.b64encode(json.dumps(sent).encode()).decode()
    assert None is PUZZLES.proof(payload, "w", 1)
