"""The Python client's checks in bulk: against a real node, and against one that lies."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from listening import listening
from verified_node import PATIENT, Asking
from web_index import IINS
from web_node import WebNode

from lookup import bulk as bulk_module
from lookup.bulk import BulkClient
from lookup.client import Client, Found, NotFound
from lookup.errors import Code, CouldNotCheckError, InputError
from lookup.index.embedded import EmbeddedStore
from lookup.protocol.suite import MAX_TOKENS, Kind, Lane

LEAKED, CLEAN = IINS[0], IINS[39]


@pytest.fixture(scope="module")
def node(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A node with a clinic in the verified lane, and a client that may ask both."""
    web = WebNode.make(valkey, tmp_path_factory.mktemp("bulk"))
    yield Asking(web)
    web.close()


@pytest.fixture(scope="module")
def url(node: Asking) -> Iterator[str]:
    with listening(node.web.client.application) as place:
        yield place


@pytest.fixture
def bulk(node: Asking, url: str) -> BulkClient:
    """Of the public lane."""
    return BulkClient(Client(url, api_key=key(node)))


def key(node: Asking) -> str:
    return node.good["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def lie(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any], object]], None]:
    """From now on the service's answers to checks are changed by a function on their way."""

    def telling(change: Callable[[Any], object]) -> None:
        honest = bulk_module.wire.decode_check_response

        def read(body: bytes) -> object:
            return honest(json.dumps(change(json.loads(body))).encode())

        monkeypatch.setattr(bulk_module.wire, "decode_check_response", read)
        monkeypatch.setattr(bulk_module, "_PAUSES", (0.0, 0.0, 0.0))

    return telling


def test_found_and_not_found(bulk: BulkClient, url: str) -> None:
    """The same answers as ``Client`` gives, with the register's entries, in order."""
    answers = bulk.check_many(Kind.IIN, [LEAKED, CLEAN])
    assert Client(url).check_many(Kind.IIN, [LEAKED, CLEAN]) == answers
    assert [Found, NotFound] == [type(answer) for answer in answers]
    assert isinstance(answers[0], Found)
    (leak,) = answers[0].leaks
    assert ("leak", ("government-issued-ids",), "leak en") == (
        leak.name,
        leak.data_classes,
        leak.entry["title"]["en"],
    )


def test_each_lane_has_its_tokens(node: Asking, url: str) -> None:
    """The verified lane's are asked of the verified lane."""
    verified = BulkClient(Client(url, api_key=key(node), lanes=(Lane.VERIFIED,)))
    patient, other = verified.check_many(Kind.IIN, [PATIENT, LEAKED])
    assert isinstance(patient, Found)
    assert ["clinic"] == [leak.name for leak in patient.leaks]
    assert isinstance(other, NotFound)


def test_more_than_a_request_holds(bulk: BulkClient, node: Asking) -> None:
    """Tokens in hand are asked 1,000 at a time; nobody changes places."""
    tokens = bulk.tokens(Kind.IIN, [LEAKED, CLEAN])
    assert [node.web.index.token(iin) for iin in (LEAKED, CLEAN)] == tokens
    noise = [n.to_bytes(32, "big") for n in range(MAX_TOKENS - 1)]
    answers = bulk.look_up(Kind.IIN, [tokens[0], *noise, tokens[0], tokens[1]])
    found = [at for at, answer in enumerate(answers) if isinstance(answer, Found)]
    assert (MAX_TOKENS + 2, [0, MAX_TOKENS]) == (len(answers), found)
    assert [] == bulk.look_up(Kind.IIN, [])


def test_a_version_that_came_meanwhile(
    bulk: BulkClient, node: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of a newer version than the parameters is taken under the newer parameters."""
    current = bulk._client._current
    before = current(Lane.PUBLIC)
    node.web.index.published("second", [CLEAN])
    node.web.node.refresh()
    held = [before]  # what the client has from before the switch
    monkeypatch.setattr(bulk._client, "_current", lambda lane: (held or [current(lane)]).pop())
    monkeypatch.setattr(bulk_module, "_PAUSES", (0.0, 0.0, 0.0))
    (answer,) = bulk.look_up(Kind.IIN, [node.web.index.token(CLEAN)])
    assert isinstance(answer, Found)
    assert (node.web.version, ["second"]) == (answer.version, [x.name for x in answer.leaks])


@pytest.mark.parametrize(
    "change",
    [
        lambda reply: reply | {"results": reply["results"][1:]},
        lambda reply: reply | {"results": [*reply["results"], []]},
        lambda reply: reply | {"results": [[{"name": "other", "data_classes": []}]] * 2},
        lambda reply: reply | {"results": [[{"name": "leak", "data_classes": ["phones"]}]] * 2},
        lambda reply: reply | {"results": [[{"name": "leak"}]] * 2},
        lambda reply: reply | {"results": [[{"name": "leak", "data_classes": "names"}]] * 2},
        lambda reply: reply | {"results": [[{"name": "leak", "data_classes": [1]}]] * 2},
        lambda reply: reply | {"results": [[{"name": 1, "data_classes": []}]] * 2},
        lambda reply: reply | {"results": [["leak"]] * 2},
        lambda reply: reply | {"results": [None, None]},
        lambda reply: reply | {"results": {}},
        lambda reply: reply | {"lane": "verified"},
        lambda reply: {"version": reply["version"], "lane": "public"},
        lambda _: [],
        lambda _: None,
    ],
)
def test_what_is_no_answer(
    bulk: BulkClient, lie: Callable[[Callable[[Any], object]], None], change: Callable[[Any], Any]
) -> None:
    """Too few, too many, of no dataset or class of the version, or of no form: could not check."""
    lie(change)
    with pytest.raises(CouldNotCheckError) as caught:
        bulk.check_many(Kind.IIN, [LEAKED, CLEAN])
    assert Code.BAD_RANGE is caught.value.code
    assert caught.value.sentence.startswith("could not check: the service")


def test_a_version_that_never_comes(
    bulk: BulkClient, lie: Callable[[Callable[[Any], object]], None]
) -> None:
    """An answer of a version that nobody signed is none."""
    lie(lambda reply: reply | {"version": "9-00000000"})
    with pytest.raises(CouldNotCheckError) as caught:
        bulk.look_up(Kind.IIN, [bytes(32)])
    assert Code.VERSION_GONE is caught.value.code


def test_the_node_says_no(node: Asking, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is not known, and a node that is too stale: could not check."""
    strange = BulkClient(Client(url, api_key=f"qk_{'0' * 16}_{'x' * 43}"))
    with pytest.raises(CouldNotCheckError) as caught:
        strange.look_up(Kind.IIN, [bytes(32)])
    assert Code.UNAUTHORISED is caught.value.code
    monkeypatch.setattr(node.web.node, "_heard_at", 0.0)
    with pytest.raises(CouldNotCheckError):
        BulkClient(Client(url, api_key=key(node))).look_up(Kind.IIN, [bytes(32)])


def test_what_it_cannot_ask_with(url: str) -> None:
    """One lane and a key; tokens of 32 bytes, identifiers of their form; nothing was sent."""
    for lanes, api_key in ((tuple(Lane), "key"), ((Lane.PUBLIC,), None)):
        with pytest.raises(InputError):
            BulkClient(Client(url, api_key=api_key, lanes=lanes))
    bulk = BulkClient(Client("http://127.0.0.1:9", api_key="key"))
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(ValueError, match="32 bytes"):
            bulk.look_up(Kind.IIN, [bytes(32), wrong])
    with pytest.raises(InputError):
        bulk.check_many(Kind.IIN, ["1"])
    with pytest.raises(InputError):
        bulk.tokens(Kind.IIN, [CLEAN], subject=CLEAN)
