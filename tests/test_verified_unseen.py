"""Who is in a sensitive dataset is invisible to whoever has no key: by every address there is."""

from pathlib import Path
from typing import NoReturn

import pytest
from verified_node import Asking
from web_index import IINS
from web_node import WebNode, blinded
from werkzeug.test import TestResponse

from lookup.index.embedded import EmbeddedStore
from lookup.protocol.suite import Lane

PATIENTS = (IINS[35], IINS[36])
FILLED = {"lane": tuple(lane.value for lane in Lane), "name": ("leak", "clinic"), "path": ("x",)}
Told = dict[str, tuple[int, tuple[tuple[str, str], ...], bytes]]


def addresses(web: WebNode, versions: dict[Lane, str]) -> list[str]:
    """Every address that the application answers with GET, and every range."""
    flask = web.flask
    paths = []
    for rule in flask.url_map.iter_rules():
        filled = [rule.rule]
        for argument in rule.arguments:
            options = FILLED.get(argument, ("ru", "style.css", "0", "kk"))
            names = [part for part in rule.rule.split("<") if part.split(">")[0].endswith(argument)]
            written = "<" + names[0].split(">")[0] + ">"
            filled = [path.replace(written, option) for path in filled for option in options]
        paths += filled
    for lane, version in versions.items():
        for prefix in range(1 << 10):
            paths.append(f"/v1/range/{lane.value}/{version}/{prefix:03x}")
            paths.append(f"/v1/range/{lane.value}/{version}/{prefix:03x}.json")
    assert not [path for path in paths if "<" in path]
    return paths


def fixed(reply: TestResponse) -> tuple[tuple[str, str], ...]:
    """All headers but the time."""
    return tuple(sorted((name, value) for name, value in reply.headers if name != "Date"))


def test_every_address_tells_the_same_whoever_is_in_it(
    valkey: EmbeddedStore, tmp_path: Path
) -> None:
    """Two indexes that differ in the patient alone answer anonymous questions byte for byte."""
    told: list[Told] = []
    versions: dict[Lane, str] = {}
    for number, patient in enumerate(PATIENTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        web = WebNode.make(valkey, folder)
        node = Asking(web, patient)
        versions = versions or {Lane.PUBLIC: web.version, Lane.VERIFIED: node.version}
        heard: Told = {}
        for path in addresses(web, versions):
            reply = node.get(path)
            heard[path] = (reply.status_code, fixed(reply), reply.data)
        for lane in Lane:
            reply = node.evaluate(lane.value)
            refused = reply.data if lane is Lane.VERIFIED else str(len(reply.data)).encode()
            heard[f"evaluate {lane}"] = (reply.status_code, fixed(reply), refused)
        told.append(heard)
        web.close()
    first, second = told
    assert len(first) > 4 * (1 << 10)
    assert first.keys() == second.keys()
    assert [] == [path for path in first if first[path] != second[path]]
    public = [path for path in first if "/range/public/" in path and first[path][0] == 200]
    closed = {first[path] for path in first if "/range/verified/" in path}
    assert (2 << 10, 1) == (len(public), len(closed))


@pytest.mark.parametrize("path", ["{version}/000", "{version}/zzz", "1-00000000/000", "x/y"])
def test_no_time_is_spent_on_looking(
    valkey: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Without a key nothing that is mapped is touched: there is no time that could tell."""
    web = WebNode.make(valkey, tmp_path)
    node = Asking(web)
    expected = node.get("/v1/range/verified/9-00000000/3ff").data

    class Untouchable:
        def __getattr__(self, _: str) -> NoReturn:
            raise AssertionError("looked")

    monkeypatch.setattr(web.node, "state", Untouchable())
    reply = node.get(f"/v1/range/verified/{path.format(version=node.version)}")
    assert (401, expected) == (reply.status_code, reply.data)
    assert 401 == node.get("/v1/params/verified").status_code
    assert 401 == web.ask({"lane": "verified", "blinded": blinded(1)}).status_code
    monkeypatch.undo()
    web.close()
