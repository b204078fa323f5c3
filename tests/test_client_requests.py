"""What the client sends: the same whatever the answer, and nothing that tells who is meant."""

import base64
import re
from collections.abc import Iterator

import pytest
from hostile_service import QUESTION, Asked, HostileService, Reply, Step, served
from small_publication import CLEAN, LEAKED, OTHER, publish, stretched, token_of

from lookup.client import Answer, Client, Found, NotFound
from lookup.errors import InputError
from lookup.protocol import entries
from lookup.protocol.suite import Kind

BITS = 12  # of the prefix: just its first three hex digits are the token's
PEOPLE = {LEAKED: Found, CLEAN: NotFound, OTHER: NotFound}


@pytest.fixture(scope="module")
def service() -> Iterator[HostileService]:
    with served(publish(prefix_bits=BITS)) as service:
        yield service


def ask(service: HostileService, *iins: str) -> tuple[list[Answer], list[Asked]]:
    """The answers, and all that a new client sent for them."""
    service.seen.clear()
    answers = Client(service.url).check_many(Kind.IIN, iins)
    return answers, list(service.seen)


def shape(asked: Asked) -> tuple[str, str, tuple[tuple[str, str], ...], bytes, int]:
    """A request without the prefix and the blinded elements, of which only the length counts."""
    target = asked.target
    if asked.step is Step.RANGE:
        before, _, prefix = target.rpartition("/")
        target = f"{before}/{re.sub('[0-9a-f]', '.', prefix)}"
    body = re.sub(rb"[0-9a-f]{64}", b"element", asked.body)
    return asked.method, target, asked.headers, body, len(asked.body)


def test_exact_requests(service: HostileService) -> None:
    """One question is these four requests with these headers, and nothing more."""
    _, seen = ask(service, LEAKED)
    plain = {
        "Host": service.url.removeprefix("http://"),
        "Accept-Encoding": "identity",
        "User-Agent": "qorgan-client/1",
    }
    posted = plain | {"Content-Type": "application/json", "Content-Length": "99"}
    version = service.publication.parameters.version
    body = b'{"lane": "public", "blinded": ["element"]}'
    expected = [
        ("GET", "/v1/params/public", plain, b"", 0),
        ("GET", "/v1/breaches", plain, b"", 0),
        ("POST", "/v1/evaluate", posted, body, 99),
        ("GET", f"/v1/range/public/{version}/...", plain, b"", 0),
    ]
    found = [shape(asked) for asked in seen]
    assert expected == [(m, target, dict(headers), *rest) for m, target, headers, *rest in found]


@pytest.mark.parametrize("iin", [CLEAN, OTHER])
def test_requests_do_not_depend_on_the_answer(service: HostileService, iin: str) -> None:
    """Found and not found make the same requests, byte for byte but for prefix and element."""
    (found,), for_found = ask(service, LEAKED)
    (not_found,), for_not_found = ask(service, iin)
    assert (Found, NotFound) == (type(found), type(not_found))
    assert list(map(shape, for_found)) == list(map(shape, for_not_found))


def test_many_requests_do_not_depend_on_the_answers(service: HostileService) -> None:
    """Nor do the requests for a batch, whoever in it is found."""
    some, for_some = ask(service, LEAKED, CLEAN, LEAKED)
    none, for_none = ask(service, CLEAN, OTHER, CLEAN)
    assert [Found, NotFound, Found] == list(map(type, some))
    assert [NotFound] * 3 == list(map(type, none))
    assert list(map(shape, for_some)) == list(map(shape, for_none))


def test_register_and_parameters_come_first(service: HostileService) -> None:
    """All that an answer needs is fetched before anything about the person is sent."""
    _, seen = ask(service, LEAKED)
    assert QUESTION == [asked.step for asked in seen]


def test_requests_after_a_version_went(service: HostileService) -> None:
    """Also where a version goes between two requests nothing depends on the answer."""
    shapes = []
    for iin in (LEAKED, CLEAN):
        gone = iter([True, False])
        service.lies[Step.RANGE] = lambda r, gone=gone: Reply(b"{}", 410) if next(gone) else r
        answers, seen = ask(service, iin)
        assert PEOPLE[iin] is type(answers[0])
        shapes.append(list(map(shape, seen)))
    del service.lies[Step.RANGE]
    assert shapes[0] == shapes[1]
    assert [*QUESTION, Step.PARAMS, Step.RANGE] == [asked.step for asked in seen]


def spellings(secret: bytes) -> Iterator[str]:
    """How bytes could stand in a request; hex in four digits or more from the beginning."""
    yield secret.hex()[:4]
    yield secret.hex()[:4].upper()
    yield secret[:3].decode("latin-1")
    for encode in (base64.b64encode, base64.urlsafe_b64encode, base64.b32encode):
        yield encode(secret).decode()[:6]


def sent(asked: Asked, elements: int = 1) -> str:
    """All of a request as text, without the blinded elements."""
    text = [asked.method, asked.target, *(part for header in asked.headers for part in header)]
    body, cut = re.subn(r'"[0-9a-f]{64}"', "", asked.body.decode("latin-1"))
    assert cut == (elements if asked.step is Step.EVALUATE else 0)
    return "\n".join([*text, body])


@pytest.mark.parametrize("iin", PEOPLE)
def test_nothing_sent_tells_who_is_meant(service: HostileService, iin: str) -> None:
    """No request holds the identifier, its hash, its token, or more of it than the prefix."""
    _, seen = ask(service, iin)
    token, hashed = token_of(Kind.IIN, iin), stretched(Kind.IIN, iin)
    prefix = entries.prefix(entries.bucket(token, BITS), BITS)
    assert token.hex()[:3] == prefix
    number = int(iin).to_bytes(8, "big")
    secrets = [iin, iin[:8], iin[4:], f"{int(iin):x}", base64.b64encode(iin.encode()).decode()[:8]]
    secrets += [number[2:].decode("latin-1"), number[:1:-1].decode("latin-1")]
    secrets += [*spellings(token), *spellings(hashed), *spellings(entries.person(token))]
    for asked in seen:
        text = sent(asked)
        assert [] == [secret for secret in secrets if secret in text], text
        assert (asked.step is Step.RANGE) == (f"/{prefix}" in text)
    (blinded,) = (asked.blinded[0] for asked in seen if asked.step is Step.EVALUATE)
    for secret in (token.hex(), hashed.hex(), iin.encode().hex()):
        assert secret[:8] not in blinded


def test_no_two_questions_look_alike(service: HostileService) -> None:
    """Asking about one person again shows another blinded element each time."""
    seen = [asked for _ in range(8) for asked in ask(service, LEAKED)[1]]
    elements = [asked.blinded[0] for asked in seen if asked.step is Step.EVALUATE]
    assert 8 == len(set(elements))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.IIN, ""),
        (Kind.IIN, LEAKED[:-1]),
        (Kind.IIN, LEAKED + "0"),
        (Kind.IIN, LEAKED[:-1] + "0"),
        (Kind.IIN, "0" * 12),
        (Kind.IIN, "\u0661" * 12),
        (Kind.PHONE, LEAKED),
        (Kind.PHONE, "1-800-FLOWERS"),
        (Kind.EMAIL, LEAKED),
        (Kind.EMAIL, "a@b"),
        (Kind.EMAIL, "a b@example.com"),
        (Kind.EMAIL, "\udcff@example.com"),
    ],
)
def test_nothing_is_sent_for_what_is_no_identifier(
    service: HostileService, kind: Kind, value: str
) -> None:
    """A mistyped identifier is refused before any request, and the refusal does not repeat it."""
    service.seen.clear()
    client = Client(service.url)
    for values in ([value], [LEAKED, value]):
        with pytest.raises(InputError) as raised:
            client.check_many(kind if values[0] == value else Kind.IIN, values)
        assert value == "" or value not in repr(raised.value) + str(raised.value.__context__)
    assert [] == service.seen


def test_a_refusal_does_not_repeat_the_identifier_in_its_causes(service: HostileService) -> None:
    """Not even the error behind the error shows what was typed."""
    with pytest.raises(InputError) as raised:
        Client(service.url).check(Kind.PHONE, "+7 999 000 00 00 00 00")
    error: BaseException | None = raised.value
    while error is not None:
        assert "999" not in repr(error)
        error = error.__context__
