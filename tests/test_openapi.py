"""The OpenAPI document: it names what there is, and the service does what it says."""

import html
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Installation, get
from site_world import serving
from web_node import WebNode

from lookup import openapi, problems
from lookup.app import _flask
from lookup.errors import Code
from lookup.evaluations import PATH
from lookup.index.embedded import EmbeddedStore
from lookup.openapi_operations import OPERATIONS
from lookup.protocol.wire import RANGE_ROOT

# Not of the API: pages, what they load, what is told about the API itself, and to operators.
PAGES = ("site.", "assets.", "contract.docs", "metrics.")
TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def web(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebNode]:
    made = WebNode.make(valkey, tmp_path_factory.mktemp("openapi"))
    yield made
    made.close()


def test_it_names_what_there_is_and_no_more(web: WebNode) -> None:
    """Every route of the app with its methods, and what is in front of it."""
    routes = {
        (rule.endpoint, method.lower(), rule.rule.replace("<", "{").replace(">", "}"))
        for rule in _flask(web.service).url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith(PAGES)
    }
    told = {(one.id, one.method, one.path) for one in OPERATIONS}
    front = {one for one in told if one[2].startswith((RANGE_ROOT, PATH))}
    assert {"range", "evaluate"} == {endpoint for endpoint, _, _ in front}
    assert routes == told - front


def test_every_code_is_told_of_somewhere() -> None:
    """The closed set of problem codes; a wrong method and what breaks can happen anywhere."""
    told = {problems.shown(code) for one in OPERATIONS for code in one.codes}
    assert set(problems.shown_codes()) == told | {Code.INTERNAL}


def test_the_page_tells_every_operation_and_loads_nothing(web: WebNode) -> None:
    """For people: no script, no file, no other origin; its style is the one its policy allows."""
    reply = web.client.get("/v1/docs")
    page = html.unescape(reply.text)
    for one in OPERATIONS:
        assert f"<code>{one.method.upper()} {one.path}</code>" in page
    for name in openapi.document()["components"]["schemas"]:
        assert f'id="schema-{name}"' in page
    for loaded in ("<script", "<link", "<img", " src=", "@import", "url("):
        assert loaded not in page
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha")
    again = web.client.get("/v1/docs", headers={"If-None-Match": reply.headers["ETag"]})
    assert 304 == again.status_code


def test_the_service_does_what_it_says(published_site: Installation, tmp_path: Path) -> None:
    """Schemathesis, every check on, with a key for both lanes, finds nothing."""
    with serving(published_site, tmp_path, QORGAN_EVALUATE_LIMIT="off") as (served, made):
        lanes = (
            "--lanes",
            "public,verified",
            "--rate",
            "1000000/hour",
            "--subject-rate",
            "1000000/hour",
        )
        key = made.qorgan("client", "add", "app", *lanes).stdout.strip()
        command = [sys.executable, "-m", "schemathesis.cli"]
        command += ["--config-file", str(TESTS / "schemathesis.toml")]
        command += ["run", f"{served.url}/v1/openapi.json", "--checks", "all"]
        command += ["--header", f"Authorization: Bearer {key}", "--max-examples", "15"]
        command += ["--generation-deterministic", "--no-color"]
        version = json.loads(get(f"{served.url}/v1/params/public")[1])["version"]
        hooks = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "SERVED_VERSION": version}
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | hooks | {"PYTHONPATH": f"{TESTS}:{ROOT}"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert 0 == done.returncode, done.stdout[-12000:]
    # All but the document itself, which it has read.
    assert f"Tested: {len(OPERATIONS) - 1}" in done.stdout
