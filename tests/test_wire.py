"""The messages of a lookup: one spelling each, anything else refused."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookup.errors import Code, InputError
from lookup.protocol.suite import MAX_ELEMENTS, Lane
from lookup.protocol.wire import (
    MAX_EVALUATE_BYTES,
    EvaluateRequest,
    EvaluateResponse,
    decode_evaluate_request,
    decode_evaluate_response,
    encode_evaluate_request,
    encode_evaluate_response,
    range_json,
    range_path,
    split_range,
)

E1, E2 = "0a" * 32, "f0" * 32
PROOF = "0b" * 64
MARKER = "950515390002-MARKER"

elements = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=64).map(tuple)


def request(**changes: Any) -> bytes:
    """A good request's body, with changes."""
    return json.dumps({"lane": "public", "blinded": [E1, E2], **changes}).encode()


def response(**changes: Any) -> bytes:
    """A good reply's body, with changes."""
    return json.dumps({"evaluated": [E1, E2], "proof": PROOF, **changes}).encode()


def refusal(body: bytes) -> Code:
    """The code with which a request is refused; its sentence repeats nothing of it."""
    with pytest.raises(InputError) as caught:
        decode_evaluate_request(body)
    assert "MARKER" not in caught.value.sentence
    return caught.value.code


def reply_refused(body: bytes) -> bool:
    """Whether a reply is refused, for the one reason it may have."""
    with pytest.raises(InputError) as caught:
        decode_evaluate_response(body)
    assert "MARKER" not in caught.value.sentence
    return caught.value.code is Code.BAD_EVALUATION


@given(st.sampled_from(Lane), elements)
@settings(deadline=None, max_examples=50)
def test_a_request_is_read_as_it_was_written(lane: Lane, blinded: tuple[bytes, ...]) -> None:
    """What a client writes, the service reads, for any number of elements up to 64."""
    asked = EvaluateRequest(lane, blinded)
    body = encode_evaluate_request(asked)
    assert decode_evaluate_request(body) == asked
    assert len(body) <= MAX_EVALUATE_BYTES


@given(elements, st.binary(min_size=64, max_size=64))
@settings(deadline=None, max_examples=50)
def test_a_reply_is_read_as_it_was_written(evaluated: tuple[bytes, ...], proof: bytes) -> None:
    """What the service writes, a client reads."""
    reply = EvaluateResponse(evaluated, proof)
    assert decode_evaluate_response(encode_evaluate_response(reply)) == reply


def test_bodies_are_the_documented_json() -> None:
    """Other implementations find the keys and the hex that the API documents."""
    asked = EvaluateRequest(Lane.VERIFIED, (bytes.fromhex(E1),))
    assert json.loads(encode_evaluate_request(asked)) == {"lane": "verified", "blinded": [E1]}
    reply = EvaluateResponse((bytes.fromhex(E1),), bytes.fromhex(PROOF))
    assert json.loads(encode_evaluate_response(reply)) == {"evaluated": [E1], "proof": PROOF}


def test_both_sides_of_the_largest_request() -> None:
    """64 elements are answered, 65 are too many, and none is no request."""
    assert len(decode_evaluate_request(request(blinded=[E1] * MAX_ELEMENTS)).blinded) == 64
    assert refusal(request(blinded=[E1] * 65)) is Code.TOO_MANY_ELEMENTS
    assert refusal(request(blinded=[MARKER] * 65)) is Code.TOO_MANY_ELEMENTS
    assert refusal(request(blinded=[])) is Code.BAD_REQUEST
    assert len(decode_evaluate_request(request(blinded=[E1])).blinded) == 1


@pytest.mark.parametrize("lane", ["Public", "", "private", None, 1, True, ["public"], {}, MARKER])
def test_an_unknown_lane_is_a_bad_request(lane: object) -> None:
    """There are two lanes, and one spelling of each."""
    assert refusal(request(lane=lane)) is Code.BAD_REQUEST


@pytest.mark.parametrize("blinded", [None, E1, 1, {}, {"0": E1}, MARKER, True])
def test_blinded_is_a_list(blinded: object) -> None:
    """A single element is asked for in a list, too."""
    assert refusal(request(blinded=blinded)) is Code.BAD_REQUEST


@pytest.mark.parametrize(
    "element",
    [
        E1.upper(),
        E1[:-1],
        E1[:-2],
        E1 + "00",
        "",
        " " + E1,
        E1 + "\n",
        "0x" + E1[2:],
        "g" + E1[1:],
        "\u0661" + E1[1:],
        None,
        0,
        [E1],
        MARKER,
        "950515390002",
    ],
    ids=repr,
)
def test_an_element_has_one_spelling(element: object) -> None:
    """A raw identifier sent by mistake, or any other text, is refused and not repeated."""
    for blinded in ([element], [E1, element], [element, E1]):
        assert refusal(request(blinded=blinded)) is Code.BAD_ELEMENT


def test_unknown_and_missing_keys_of_a_request_are_refused() -> None:
    """A request says what it must and nothing else: no identifier can ride along."""
    assert refusal(request(iin=MARKER)) is Code.BAD_REQUEST
    assert refusal(request(Lane="public")) is Code.BAD_REQUEST
    assert refusal(json.dumps({"lane": "public"}).encode()) is Code.BAD_REQUEST
    assert refusal(json.dumps({"blinded": [E1]}).encode()) is Code.BAD_REQUEST


NOT_OBJECTS = [
    b"",
    b"null",
    b"[]",
    b"1",
    b'"950515390002-MARKER"',
    b"950515390002-MARKER",
    b"{}",
    b"\xff",
    b"\xff\xfe{\0}\0",
    b"lane=public&blinded=" + E1.encode(),
    b"[" * 100_000,
    b'{"lane":' * 100_000,
    b'{"lane": "public", "blinded": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"lane": "public", "blinded": ' + b"9" * 5000 + b"}",
    b'{"lane": "public", "blinded": NaN}',
    request() + b"x",
    request() * 2,
    request()[:-1],
    request().replace(b'"', b"'"),
]


@pytest.mark.parametrize("body", NOT_OBJECTS, ids=lambda body: repr(body[:14]))
def test_what_is_no_message_is_refused_without_a_crash(body: bytes) -> None:
    """However hostile the bytes, the service answers bad_request and a client could not check."""
    assert refusal(body) is Code.BAD_REQUEST
    assert reply_refused(body)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_messages_are_utf_8(encoding: str) -> None:
    """JSON between systems is UTF-8 (RFC 8259, section 8.1): one spelling of each message."""
    assert refusal(request().decode().encode(encoding)) is Code.BAD_REQUEST
    assert reply_refused(response().decode().encode(encoding))


def test_a_key_given_twice_is_refused() -> None:
    """Two lanes in one request are two spellings: whoever checked the first is not misled."""
    twice = request()[:-1] + b', "lane": "verified"}'
    assert refusal(twice) is Code.BAD_REQUEST


def test_blanks_between_the_tokens_are_json() -> None:
    """A request pretty-printed by another client's library is the same request."""
    expected = decode_evaluate_request(request())
    assert decode_evaluate_request(json.dumps(json.loads(request()), indent=4).encode()) == expected
    assert decode_evaluate_request(b" \r\n\t" + request() + b"\n") == expected


def test_unknown_keys_of_a_reply_are_ignored() -> None:
    """A later service may say more: old clients read on."""
    assert decode_evaluate_response(response(new=[MARKER])) == decode_evaluate_response(response())


@pytest.mark.parametrize(
    "body",
    [
        response(evaluated=None),
        response(evaluated=E1),
        response(evaluated={"0": E1}),
        response(evaluated=[E1, None]),
        response(evaluated=[E1.upper()]),
        response(evaluated=[E1, E2[:-2]]),
        response(evaluated=[E1 + "\n"]),
        response(evaluated=[MARKER]),
        response(proof=None),
        response(proof=PROOF.upper()),
        response(proof=PROOF[:-2]),
        response(proof=PROOF + "00"),
        response(proof=PROOF + "\n"),
        response(proof=[PROOF]),
        response(proof=MARKER),
        json.dumps({"evaluated": [E1]}).encode(),
        json.dumps({"proof": PROOF}).encode(),
    ],
)
def test_a_malformed_reply_is_no_answer(body: bytes) -> None:
    """A reply that is not whole and exact is "could not check"."""
    assert reply_refused(body)


def test_a_reply_cut_at_any_byte_is_no_answer() -> None:
    """A connection lost in the middle of a reply is never read as a shorter one."""
    body = response()
    assert all(reply_refused(body[:length]) for length in range(len(body)))


def test_path_of_a_range() -> None:
    """The path is the documented one."""
    assert range_path(Lane.PUBLIC, "7-ed0447ca", "a43") == "/v1/range/public/7-ed0447ca/a43"
    assert range_path(Lane.VERIFIED, "7-ed0447ca", "00") == "/v1/range/verified/7-ed0447ca/00"


@pytest.mark.parametrize(("count", "bits"), [(1, 10), (4, 2), (37, 12), (100, 20)])
def test_a_range_cut_or_lengthened_anywhere_is_refused(count: int, bits: int) -> None:
    """Only the exact length is a range: a body cut at any byte is not "not found"."""
    body = hashlib.shake_256(b"range").digest(8 * count + 32 * bits)
    assert split_range(body, count, bits) == (body[: 8 * count], body[8 * count :])
    longer = [body + bytes(n) for n in (1, 8, 32, 8 * count)]
    for bad in [body[:length] for length in range(len(body))] + longer:
        with pytest.raises(InputError) as caught:
            split_range(bad, count, bits)
        assert caught.value.code is Code.BAD_RANGE


def test_a_range_of_another_size_is_refused() -> None:
    """A body that fits another version's numbers does not fit this one's."""
    body = bytes(8 * 40 + 32 * 12)
    assert [len(part) for part in split_range(body, 40, 12)] == [320, 384]
    for count, bits in ((41, 12), (39, 12), (40, 11), (40, 13)):
        with pytest.raises(InputError):
            split_range(body, count, bits)


def test_a_range_as_json_says_the_same() -> None:
    """The JSON form holds the very bytes of the binary one."""
    body = hashlib.shake_256(b"range").digest(8 * 5 + 32 * 10)
    entries, path = split_range(body, 5, 10)
    shown = json.loads(range_json("7-ed0447ca", "2a4", entries, path))
    assert list(shown) == ["version", "prefix", "entries", "path"]
    assert (shown["version"], shown["prefix"]) == ("7-ed0447ca", "2a4")
    assert [len(e) for e in shown["entries"]] == [16] * 5
    assert [len(h) for h in shown["path"]] == [64] * 10
    assert bytes.fromhex("".join(shown["entries"] + shown["path"])) == body
