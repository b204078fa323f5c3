"""Bulk checks: whose key, which tokens, what is said of each, and what is never said."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from web_index import IINS
from web_node import WebNode, logged, problem
from werkzeug.test import TestResponse

from lookup.filter import ReadOnlyFilter
from lookup.index import clients
from lookup.index.embedded import EmbeddedStore
from lookup.index.usage import Use
from lookup.protocol.suite import Lane

PUBLIC, VERIFIED = Lane
LEAK = [{"name": "leak", "data_classes": ["government-issued-ids"]}]
CLINIC = [{"name": "clinic", "data_classes": ["government-issued-ids"]}]


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    """A node with 30 people in a leak, and of these the last ten in a clinic's."""
    made = WebNode.make(valkey, tmp_path_factory.mktemp("check"))
    made.index.published("clinic", IINS[20:30], sensitive=True)
    made.node.refresh()
    yield made
    made.close()


@pytest.fixture(scope="module")
def keys(web: WebNode) -> dict[Lane, str]:
    """A key for the public lane, and one for both."""
    made = {}
    for lane, lanes in ((PUBLIC, {PUBLIC}), (VERIFIED, set(Lane))):
        client, made[lane] = clients.new(lane.value, frozenset(lanes))
        clients.add(web.index.store, client)
    web.node.refresh()
    return made


def ask(web: WebNode, body: object, key: str | None, **more: Any) -> TestResponse:
    """POST to check; a body that is not bytes is sent as JSON."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    more.setdefault("content_type", "application/json")
    return web.client.post("/v1/check", data=data, headers=headers, **more)


def tokens(web: WebNode, *iins: str, lane: Lane = PUBLIC) -> list[str]:
    return [web.index.token(iin, lane).hex() for iin in iins]


def noise(count: int, start: int = 0) -> list[str]:
    """Tokens of nobody."""
    return [f"{n:064x}" for n in range(start, start + count)]


def test_each_token_in_order(web: WebNode, keys: dict[Lane, str]) -> None:
    """Datasets and data classes for each, nothing for who is in none, and the version's name."""
    reply = ask(web, {"lane": "public", "tokens": tokens(web, *IINS)}, keys[PUBLIC])
    assert reply.status_code == 200
    assert reply.json == {
        "lane": "public",
        "version": web.version,
        "published_at": web.node.state.current[PUBLIC].parameters.published_at,
        "results": [LEAK] * 30 + [[]] * 10,
    }
    assert reply.headers["Cache-Control"] == "private, no-store"
    assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize("count", [1, 20, 960])
def test_few_and_many(web: WebNode, keys: dict[Lane, str], count: int) -> None:
    """Whether bloom-filter2 is asked or an array, members among strangers are found."""
    among = [*noise(count), *tokens(web, IINS[3], IINS[39], IINS[4]), *noise(20, count)]
    reply = ask(web, {"lane": "public", "tokens": among}, keys[PUBLIC])
    assert reply.json["results"] == [[]] * count + [LEAK, [], LEAK] + [[]] * 20


def test_a_hit_of_the_filter_alone_is_nothing(
    web: WebNode, keys: dict[Lane, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the filter says yes to everybody, the entries still tell who is in what."""
    monkeypatch.setattr(ReadOnlyFilter, "may_have", lambda _, t: np.ones(len(t) // 32, np.bool_))
    body = {"lane": "public", "tokens": [*tokens(web, *IINS[25:35]), *noise(300)]}
    assert ask(web, body, keys[PUBLIC]).json["results"] == [LEAK] * 5 + [[]] * 305


def test_a_token_is_of_its_lane(web: WebNode, keys: dict[Lane, str]) -> None:
    """The verified lane answers for its own tokens; the other lane's are noise in it."""
    own, other = tokens(web, *IINS[20:40], lane=VERIFIED), tokens(web, *IINS[20:40])
    reply = ask(web, {"lane": "verified", "tokens": [*own, *other]}, keys[VERIFIED])
    assert reply.json["results"] == [CLINIC] * 10 + [[]] * 30
    reply = ask(web, {"lane": "public", "tokens": own}, keys[VERIFIED])
    assert reply.json["results"] == [[]] * 20


def test_nobody_without_a_key(web: WebNode, keys: dict[Lane, str]) -> None:
    """No key, a wrong one, one without the lane: refused, with the same words for any token."""
    body = {"lane": "verified", "tokens": tokens(web, IINS[20], lane=VERIFIED)}
    problem(ask(web, body, None), 401, "unauthorised")
    problem(ask(web, body, keys[PUBLIC][:-1] + "_"), 401, "unauthorised")
    said = problem(ask(web, body, keys[PUBLIC]), 403, "forbidden")
    assert said == problem(
        ask(web, {"lane": "verified", "tokens": noise(1)}, keys[PUBLIC]), 403, "forbidden"
    )


def test_a_node_that_knows_no_keys_yet(
    web: WebNode, keys: dict[Lane, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it has heard whose keys there are, it does not call a good one unknown."""
    monkeypatch.setattr(web.node, "knows_clients", False)
    body = {"lane": "public", "tokens": noise(1)}
    problem(ask(web, body, keys[PUBLIC]), 503, "store_unavailable")
    problem(ask(web, body, None), 401, "unauthorised")


def test_each_token_is_metered(web: WebNode, keys: dict[Lane, str]) -> None:
    """The client's count goes up by the tokens that were answered, and by none that were not."""
    before = checked(web)
    ask(web, {"lane": "public", "tokens": noise(7)}, keys[PUBLIC])
    ask(web, {"lane": "public", "tokens": [*noise(7), "x"]}, keys[PUBLIC])
    ask(web, {"lane": "verified", "tokens": noise(7)}, keys[PUBLIC])
    assert before + 7 == checked(web)


def checked(web: WebNode) -> int:
    """Tokens that the client with the public lane alone has had checked."""
    client = clients.get(web.index.store, PUBLIC.value)
    counts = web.service.meter._counts.items()
    return sum(n for (who, _, use), n in counts if (who, use) == (client.id, Use.CHECKS))


def test_a_thousand_and_no_more(web: WebNode, keys: dict[Lane, str]) -> None:
    """1,000 tokens are answered, however they are written down; 1,001 are too many."""
    body = {"lane": "public", "tokens": noise(1000)}
    for written in (json.dumps(body), json.dumps(body, indent=8)):
        reply = ask(web, written.encode(), keys[PUBLIC])
        assert len(reply.json["results"]) == 1000
    problem(
        ask(web, {"lane": "public", "tokens": noise(1001)}, keys[PUBLIC]), 400, "too_many_elements"
    )


def test_a_body_has_its_bounds(web: WebNode, keys: dict[Lane, str]) -> None:
    """131,072 bytes are read and refused for what they are; one more is too large."""
    body = json.dumps({"lane": "public", "tokens": noise(1)}).encode()
    full = body + b" " * (128 * 1024 - len(body))
    assert ask(web, full, keys[PUBLIC]).status_code == 200
    problem(ask(web, full + b" ", keys[PUBLIC]), 413, "too_large")
    evaluate = web.ask(b" " * (64 * 1024 + 1))  # others' bound is what it was
    problem(evaluate, 413, "too_large")


@pytest.mark.parametrize(
    "wrong",
    [
        *(f"{1:063x}", f"{1:065x}", "AB" * 32, "g" * 64, "", " " + f"{1:063x}", f"{1:064x}\n"),
        *("٠" * 64, 1, None, True, [], {}, "900101300017"),
    ],
)
def test_one_wrong_token(web: WebNode, keys: dict[Lane, str], wrong: object) -> None:
    """A single token of another form, and none of them is answered."""
    body = {"lane": "public", "tokens": [*noise(3), wrong, *noise(3)]}
    said = problem(ask(web, body, keys[PUBLIC]), 400, "bad_element")
    assert said == "a token must be 64 lower-case hex digits"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"null", b"{", b'"lane"', b"\xff", b"[" * 100_000),
        *({}, {"lane": "public"}, {"tokens": noise(1)}, {"lane": "other", "tokens": noise(1)}),
        {"lane": "public", "tokens": []},
        {"lane": "public", "tokens": f"{1:064x}"},
        {"lane": ["public"], "tokens": noise(1)},
        {"lane": "public", "tokens": noise(1), "more": 1},
        b'{"lane": "public", "lane": "verified", "tokens": ["%064x"]}' % 1,
    ],
)
def test_a_wrong_body(web: WebNode, keys: dict[Lane, str], body: object) -> None:
    """Anything but the one form is refused."""
    problem(ask(web, body, keys[VERIFIED]), 400, "bad_request")


def test_other_media_types(web: WebNode, keys: dict[Lane, str]) -> None:
    """Only JSON, and only with POST."""
    body = {"lane": "public", "tokens": noise(1)}
    reply = ask(web, body, keys[PUBLIC], content_type="text/plain")
    problem(reply, 415, "bad_media_type")
    problem(web.client.get("/v1/check"), 405, "bad_request")


def test_what_no_version_can_say(
    web: WebNode, keys: dict[Lane, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry with a data class that its dataset lacks is "could not check", for all of them."""
    mapped = web.node.state.current[PUBLIC]
    fewer = tuple(replace(one, data_classes=()) for one in mapped.parameters.datasets)
    odd = replace(mapped, parameters=replace(mapped.parameters, datasets=fewer))
    monkeypatch.setattr(web.node, "state", replace(web.node.state, current={PUBLIC: odd}))
    reply = ask(web, {"lane": "public", "tokens": tokens(web, IINS[0])}, keys[PUBLIC])
    said = problem(reply, 503, "store_unavailable")
    assert said == "could not check; try again later"


def test_a_stale_index_says_nothing(
    web: WebNode, keys: dict[Lane, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After too long without word from the store nobody is told that he is in no leak."""
    monkeypatch.setattr(web.node, "_heard_at", 0.0)
    reply = ask(web, {"lane": "public", "tokens": noise(1)}, keys[PUBLIC])
    problem(reply, 503, "stale")
    assert reply.headers["Retry-After"] == "60"


def test_no_store_is_asked(
    web: WebNode, keys: dict[Lane, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the store gone from the node, checks go on."""
    monkeypatch.setattr(web.node, "_store", None)
    reply = ask(web, {"lane": "public", "tokens": tokens(web, IINS[0])}, keys[PUBLIC])
    assert reply.json["results"] == [LEAK]


def test_nothing_is_logged(web: WebNode, keys: dict[Lane, str]) -> None:
    """Neither a token nor a person nor a key is in any log or refusal."""
    token = tokens(web, IINS[0])[0]
    with logged() as lines:
        replies = [
            ask(web, {"lane": "public", "tokens": [token]}, keys[PUBLIC]),
            ask(web, {"lane": "public", "tokens": [token, token[:-1]]}, keys[PUBLIC]),
            ask(web, {"lane": "verified", "tokens": [token]}, keys[PUBLIC]),
            ask(web, {"lane": "public", "tokens": [token]}, keys[PUBLIC] + "x"),
        ]
    said = "".join(lines) + "".join(reply.get_data(as_text=True) for reply in replies)
    assert [200, 400, 403, 401] == [reply.status_code for reply in replies]
    for secret in (token[:16], keys[PUBLIC][-43:], keys[PUBLIC][3:19]):
        assert secret not in said
