"""``qorgan client`` as an operator and his scripts meet it, on a real store."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from program import Program, Said, program, refused

from loaders import client as logic
from lookup.errors import InputError
from lookup.index import clients, usage
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.index.usage import Use

KEY = re.compile(r"qk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}\n")


@pytest.fixture
def qorgan(
    tmp_path_factory: pytest.TempPathFactory,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command with an index."""
    del store  # its being empty is what matters
    made = program(tmp_path_factory.mktemp("program"), valkey, monkeypatch, capsys)
    assert 0 == made("init", "--argon2", "test", "--prefix-bits", "10").code
    return made


def without_head(noted: str) -> str:
    """What is noted besides the audit trail's head, which must be told."""
    left, heads = re.subn(r"note: audit head [0-9a-f]{64}\n", "", noted)
    assert 1 == heads
    return left


def trail(qorgan: Program) -> list[tuple[str, dict[str, object]]]:
    """The events on clients, with their details."""
    records = json.loads(qorgan("audit", "show", "--json").out)
    return [
        (record["event"], record["details"])
        for record in records
        if record["event"].startswith("client_")
    ]


def test_a_client_is_added(qorgan: Program, store: Store) -> None:
    """Its key alone is on standard output; the trail tells who may ask what, and no key."""
    said = qorgan("client", "add", "eGov mobile", "--lanes", "public,verified")
    shown = KEY.fullmatch(said.out)
    assert shown is not None
    assert Said(0, said.out, said.err) == said
    assert without_head(said.err) == (
        f"note: client {shown[1]}; keep its key where only the app can read it: it is not shown "
        "again\n"
    )
    told = {"client": shown[1], "name": "eGov mobile", "lanes": ["public", "verified"]}
    assert [("client_added", told)] == trail(qorgan)
    assert [shown[1]] == list(clients.read_all(store))
    assert 0 == qorgan("audit", "verify").code


def test_what_is_known_of_a_client(qorgan: Program) -> None:
    """As JSON: all that was entered, the defaults of what was not, and nothing of its key."""
    key = qorgan(
        *("client", "add", "app", "--origin", "https://a.example", "--origin", "http://b:81"),
        *("--origin", "https://a.example", "--webhook", "https://a.example/hook"),
        *("--rate", "off"),
    ).out
    said = qorgan("client", "list", "--json")
    (row,) = json.loads(said.out)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", row.pop("created_at"))
    assert row == {
        "id": key[3:19],
        "name": "app",
        "lanes": ["public"],
        "rate": None,
        "subject_rate": "60/hour;200/day",
        "origins": ["https://a.example", "http://b:81"],
        "webhook": "https://a.example/hook",
        "revoked_at": None,
        "state": "open",
        "usage": {},
    }


def test_what_clients_asked(qorgan: Program, store: Store) -> None:
    """Totals of the last 30 days in the table, each day in the JSON; older days are not shown."""
    qorgan("client", "add", "[app]")
    (client_id,) = clients.read_all(store)
    today = datetime.now(UTC).date().isoformat()
    counts = {(client_id, today, Use.RANGES): 7, (client_id, "2020-01-01", Use.RANGES): 1}
    usage.add(store, counts)
    usage.add(store, {(client_id, today, Use.EVALUATIONS): 5})
    row = qorgan("client", "list").out.splitlines()[-1].split()
    assert ["[app]", "public", "10000/hour", "open", "5", "7", "0"] == row
    (document,) = json.loads(qorgan("client", "list", "--json").out)
    assert {today: {"evaluations": 5, "ranges": 7, "checks": 0}} == document["usage"]


def test_a_new_key(qorgan: Program, store: Store) -> None:
    """The one before goes on for a day; both rotations are told, without keys."""
    first = qorgan("client", "add", "app").out
    said = qorgan("client", "rotate", "app")
    assert KEY.fullmatch(said.out)
    assert said.out != first
    assert "note: it is not shown again; the key before opens for 24 hours more\n" == without_head(
        said.err
    )
    (client,) = clients.read_all(store).values()
    (old,) = client.old_keys
    assert 86300 < old.until - datetime.now(UTC).timestamp() <= 86400
    assert "old key open" == json.loads(qorgan("client", "list", "--json").out)[0]["state"]
    assert 0 == qorgan("client", "rotate", "app").code
    told = trail(qorgan)
    assert ["client_added", "client_rotated", "client_rotated"] == [event for event, _ in told]
    assert {"client", "name", "request"} == set(told[2][1])


def test_a_stolen_key(qorgan: Program, store: Store) -> None:
    """--now ends all keys but the new one."""
    qorgan("client", "add", "app")
    qorgan("client", "rotate", "app")
    said = qorgan("client", "rotate", "app", "--now")
    assert "note: it is not shown again; every key before ended\n" == without_head(said.err)
    (client,) = clients.read_all(store).values()
    assert () == client.old_keys


def test_a_client_is_revoked(qorgan: Program, store: Store) -> None:
    """It stays in the list as revoked; said again, it is one record all the same."""
    client_id = qorgan("client", "add", "app").out[3:19]
    gone = Said(0, f"client {client_id} revoked\n", "")
    said = [qorgan("client", "revoke", "app") for _ in range(2)]
    assert [gone, gone] == [replace(each, err=without_head(each.err)) for each in said]
    assert {} == clients.read_all(store)
    assert ["client_added", "client_revoked"] == [event for event, _ in trail(qorgan)]
    assert "revoked" == json.loads(qorgan("client", "list", "--json").out)[0]["state"]
    again = qorgan("client", "add", "app").out[3:19]
    assert [again] == list(clients.read_all(store))


def test_names_that_are_not_there_or_there_already(qorgan: Program) -> None:
    """One sentence that says what to do, and no record of what was not done."""
    nobody = refused("there is no such client; see: qorgan client list")
    assert [nobody, nobody] == [qorgan("client", w, "app") for w in ("rotate", "revoke")]
    qorgan("client", "add", "app")
    assert qorgan("client", "add", "app") == refused(
        "there is a client of this name; for a new key run: qorgan client rotate NAME"
    )
    assert 1 == len(trail(qorgan))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["app", "--lanes", "third"], "--lanes must be public, verified, or public,verified"),
        (["app", "--lanes", ""], "--lanes must be public, verified, or public,verified"),
        *(
            (
                ["app", option, value],
                (
                    f"{option} must be limits whose windows fill a day, such as 60/hour;200/day, "
                    "or off"
                ),
            )
            for option in ("--rate", "--subject-rate")
            for value in ("", "many", "0/hour", "5/week", "10/2 day")
        ),
        (
            ["ask 870402391009"],
            "a name or reason must hold no identifier; leave long numbers and @ out",
        ),
        ([" "], "a name or reason must be one line of 1 to 500 characters"),
    ],
)
def test_what_a_client_cannot_be(qorgan: Program, arguments: list[str], sentence: str) -> None:
    """Nothing is entered, nothing recorded."""
    assert refused(sentence) == qorgan("client", "add", *arguments)
    assert [] == json.loads(qorgan("client", "list", "--json").out)
    assert [] == trail(qorgan)


@pytest.mark.parametrize(
    "origin",
    [
        *("https://egov.example", "http://egov.example", "http://localhost:8080"),
        *("http://[::1]:3000", "https://xn--e1afmkfd.example:8443"),
    ],
)
def test_origins(origin: str) -> None:
    """What a browser sends is taken as it is."""
    assert origin == logic.parse_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "",
            "null",
            "*",
            "egov.example",
            "https://",
            "https://egov.example/",
            "ftp://egov.example",
        ),
        *("https://EGOV.example", "https://egov.example:443", "http://egov.example:80"),
        *("https://u@egov.example", "https://*.egov.example", "https://egov.example:999999"),
        *("https://egov.example\n", "https://егов.example", f"https://{'a' * 300}.example"),
    ],
)
def test_no_origins(origin: str) -> None:
    """What no browser ever sends would never match: the operator is told so now."""
    with pytest.raises(InputError, match="--origin must be as browsers send it"):
        logic.parse_origin(origin)


@pytest.mark.parametrize(
    "url",
    [
        *("https://egov.example", "https://egov.example:8443/hooks/leaks"),
        *("http://localhost:9000/", "http://127.0.0.1:9000/hook", "http://[::1]:9000/"),
    ],
)
def test_webhooks(url: str) -> None:
    """An address by https, or on this machine."""
    assert url == logic.parse_webhook(url)


@pytest.mark.parametrize(
    "url",
    [
        *("", "egov.example/hook", "http://egov.example/hook", "ftp://localhost/", "https://"),
        *("https://user:secret@egov.example/", "https://egov.example/?token=secret"),
        *("https://egov.example/#a", "https://egov.example/a b", "https://егов.example/"),
        *("https://egov.example:99999/", "https://[::1/", f"https://egov.example/{'a' * 300}"),
        "https://egov.example/\nX: y",
    ],
)
def test_no_webhooks(url: str) -> None:
    """Whatever is no such address, or could hold a secret, is refused and not repeated."""
    with pytest.raises(InputError, match="--webhook must be an https:// URL") as caught:
        logic.parse_webhook(url)
    assert "secret" not in caught.value.sentence
