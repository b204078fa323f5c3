"""The register in Have I Been Pwned's model: what it says, and that its clients can read it."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, Installation
from web_index import IINS, WebIndex
from web_node import WebNode, logged, problem

from lookup import facts, hibp
from lookup.app import _flask
from lookup.index import store
from lookup.index.dataset import parse
from lookup.index.embedded import EmbeddedStore
from lookup.index.listing import Listed
from lookup.protocol.suite import Lane
from lookup.settings import Role, Settings

WEB = ROOT / "web"
LEAST = {
    "name": "shop-2025",
    "sensitive": False,
    "title": {"kk": "Дүкен", "ru": "Магазин", "en": "A <shop>"},
    "breach_date": "2025-06",
    "data_classes": ["government-issued-ids", "names"],
}


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    made = WebNode.make(valkey, tmp_path_factory.mktemp("hibp"))
    yield made
    made.close()


def entry(**more: object) -> dict[str, object]:
    return hibp.breach(Listed(parse({**LEAST, **more}), None)).document()


def test_what_is_not_known_is_not_made_up() -> None:
    """A month stands as its first day and unknown as 0, which the description says, in HTML."""
    assert entry() == {
        "Name": "shop-2025",
        "Title": "A <shop>",
        "Domain": "",
        "BreachDate": "2025-06-01",
        "AddedDate": "2025-06-01T00:00:00Z",
        "ModifiedDate": "2025-06-01T00:00:00Z",
        "PwnCount": 0,
        "Description": "A &lt;shop&gt; How many people are in it is not known. "
        "The day of its date is not known. Its data are not in this index.",
        "LogoPath": "",
        "Attribution": None,
        "DisclosureUrl": None,
        "DataClasses": ["Government issued IDs", "Names"],
        "IsVerified": False,
        "IsFabricated": False,
        "IsSensitive": False,
        "IsRetired": False,
        "IsSpamList": False,
        "IsMalware": False,
        "IsSubscriptionFree": False,
        "IsStealerLog": False,
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [("confirmed", (True, False)), ("refuted", (False, True)), ("claimed", (False, False))],
)
def test_only_what_was_confirmed_is_verified(status: str, expected: tuple[bool, bool]) -> None:
    """What was refuted is fabricated, a claim is neither."""
    told = entry(status=status)
    assert expected == (told["IsVerified"], told["IsFabricated"])


def test_what_is_known_is_told() -> None:
    """How many (at least), when it became public, where it can be read, that it is sensitive."""
    told = entry(
        people={"at_least": 2000000},
        public_on="2025-07-03",
        sensitive=True,
        sources=[{"title": "on paper"}, {"title": "a paper", "url": "https://example.kz/a"}],
    )
    assert 2_000_000 == told["PwnCount"]
    assert "There are at least so many people in it." in told["Description"]
    assert "2025-07-03T00:00:00Z" == told["AddedDate"]
    assert "https://example.kz/a" == told["DisclosureUrl"]
    assert told["IsSensitive"]


def test_a_description_alone() -> None:
    """Where the fields say all that is known, the description is what the register has."""
    told = parse({**LEAST, "people": 7, "breach_date": "2025-06-16"})
    assert "A &lt;shop&gt;" == hibp.breach(Listed(told, Lane.PUBLIC)).description
    late = told.model_copy(update={"breach_date_at_latest": True})
    assert "at the latest" in hibp.breach(Listed(late, Lane.PUBLIC)).description


def test_both_forms_list_the_same(web: WebNode) -> None:
    """Entry by entry, the latest, and the vocabulary."""
    get = web.client.get
    ours, theirs = get("/v1/breaches").json, get("/api/v3/breaches").json
    assert [one["name"] for one in ours] == [one["Name"] for one in theirs]
    for one in theirs:
        assert one == get(f"/api/v3/breach/{one['Name']}").json
    assert get("/v1/latest").json["name"] == get("/api/v3/latestbreach").json["Name"]
    assert "kundelik-2025" == get("/v1/latest").json["name"]
    classes = get("/v1/dataclasses").json
    assert list(facts.data_classes()) == [one["slug"] for one in classes]
    assert sorted({one["hibp"] for one in classes}) == get("/api/v3/dataclasses").json
    assert {"kk", "ru", "en"} == set(classes[0]["name"])


@pytest.mark.parametrize("query", ["Domain=example.com", "domain=a"])
def test_no_domain_can_be_asked_for(web: WebNode, query: str) -> None:
    """We keep none: an empty list would say that a company had no leak."""
    reply = web.client.get(f"/api/v3/breaches?{query}")
    assert problem(reply, 400, "bad_request").startswith("could not check: no domains are kept")


@pytest.mark.parametrize("query", ["IsSpamList=true"])
def test_nothing_is_found_by_what_we_do_not_know(web: WebNode, query: str) -> None:
    """None of our leaks is a list for spam."""
    assert [] == web.client.get(f"/api/v3/breaches?{query}").json


def test_other_filters_change_nothing(web: WebNode) -> None:
    """As at Have I Been Pwned."""
    whole = web.client.get("/api/v3/breaches").data
    for query in ("IsSpamList=false", "Domain=", "other=1"):
        assert whole == web.client.get(f"/api/v3/breaches?{query}").data


def test_entries_are_kept_and_asked_after(web: WebNode) -> None:
    """A tag, 304 for who has it, and open to the pages of any site; HEAD too."""
    for path in ("/api/v3/breaches", "/v1/latest", "/v1/dataclasses", "/api/v3/dataclasses"):
        reply = web.client.get(path)
        assert ("no-cache", "*") == (
            reply.headers["Cache-Control"],
            reply.headers["Access-Control-Allow-Origin"],
        )
        again = web.client.get(path, headers={"If-None-Match": reply.headers["ETag"]})
        assert (304, b"") == (again.status_code, again.data)
        assert reply.headers["Content-Length"] == web.client.head(path).headers["Content-Length"]


def test_an_unknown_entry(web: WebNode) -> None:
    """404, and the name is not repeated."""
    reply = web.client.get("/api/v3/breach/nosuchleak")
    assert "nosuchleak" not in problem(reply, 404, "not_found")


@pytest.mark.parametrize(
    "path", ["breachedaccount/900101300017", "pasteaccount/a@example.kz", "breaches/", "", "x/y"]
)
@pytest.mark.parametrize("roles", [tuple(Role), (Role.RANGE,)])
def test_nobody_is_in_no_leak_because_nothing_is_there(
    web: WebNode, path: str, roles: tuple[Role, ...]
) -> None:
    """Its clients read 404 as "in no leak": what asks about an account is refused otherwise."""
    flask = _flask(replace(web.service, roles=frozenset(roles)))
    with logged() as lines:
        reply = flask.test_client().get(f"/api/v3/{path}")
    assert "never send an identifier" in problem(reply, 400, "bad_request")
    assert not path or path not in reply.text
    assert [] == lines


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed (20 or newer)")
@pytest.mark.skipif(
    not (WEB / "node_modules" / "hibp").exists(), reason="run npm ci in web/: hibp is missing"
)
def test_the_npm_package_reads_it(tmp_path: Path) -> None:
    """`hibp`, unchanged, given our address as its base URL."""
    made = Installation(tmp_path / "data")
    with store.opened(Settings.from_env({"QORGAN_DATA": str(made.data)})) as opened:
        index = WebIndex.create(opened, made.data / "keys")
        index.published("shop", IINS[:3])
        index.published("clinic", IINS[:1], sensitive=True)
    with made.served(QORGAN_WORKERS="1") as served:
        done = subprocess.run(
            ["node", "hibp-reader.js", f"{served.url}/api/v3"],
            cwd=WEB,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert "" == done.stderr
    told = json.loads(done.stdout)
    names = [one["Name"] for one in told["all"]]
    assert {"shop", "clinic", "kz-2025-16m"} <= set(names)
    assert (told["all"][0], None) == (told["one"], told["none"])
    assert told["ofDomain"].startswith("Error: Bad request")
    assert ["Error", "Error"] == [told["account"], told["search"]]
    assert told["latest"]["Name"] in names
    assert "Names" in told["classes"]
    for one in told["all"]:
        assert set(entry()) == set(one)
