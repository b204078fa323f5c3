"""Alert rules and the dashboard: they read what nodes tell, and the numbers move as they say."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from scraped import LOCAL, Scraped, named
from test_metrics import restarted
from web_node import WebNode, blinded

from lookup.index import keyspace, ledger
from lookup.index.embedded import EmbeddedStore
from lookup.limits import EvaluateLimit, Rules

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "qorgan.json"
OPERATIONS = ROOT / "docs" / "operations.md"
MATCHER = re.compile(r'(\w+)(=|!=|=~|!~)"([^"]*)"')
ABOUT_PROMETHEUS = {"job"}  # labels that nodes do not tell: Prometheus adds them


@pytest.fixture
def web(valkey: EmbeddedStore, tmp_path: Path) -> Iterator[WebNode]:
    """A node with a load that runs, so that it tells all that there is to tell."""
    made = WebNode.make(valkey, tmp_path)
    (load,) = ledger.loads_of(made.index.store, 1)
    made.index.store.set_hash(keyspace.load(load.id), {"state": "running"})
    limit = EvaluateLimit(made.index.store, Rules.of("1000/day", 1_000_000), bytes(32))
    yield restarted(made, limit=limit)
    made.close()


def rules() -> dict[str, dict[str, Any]]:
    """Each rule by its name."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    by_name = {rule.get("alert") or rule["record"]: rule for rule in found}
    assert 20 < len(found) == len(by_name)
    return by_name


def panels() -> dict[str, list[str]]:
    """The dashboard's expressions by the title of their panel."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert len(dashboard["panels"]) == len({panel["id"] for panel in dashboard["panels"]})
    return {
        panel["title"]: [target["expr"] for target in panel.get("targets", [])]
        for panel in dashboard["panels"]
    }


def expressions() -> list[str]:
    """All that is asked of Prometheus."""
    asked = [rule["expr"] for rule in rules().values()]
    asked += [expression for shown in panels().values() for expression in shown]
    assert 50 < len(asked)
    return asked


def check(web: WebNode) -> None:
    """What a client of ours does to check one person."""
    web.client.get("/v1/params/public")
    web.client.get("/v1/breaches")
    sweep(web)
    web.client.get(f"/v1/range/public/{web.version}/000")


def sweep(web: WebNode, elements: int = 1) -> None:
    """Only the part that needs the service's key."""
    document = {"lane": "public", "blinded": blinded(elements)}
    assert 200 == web.ask(document, environ_base=LOCAL).status_code


def test_all_that_is_asked_for_is_told(web: WebNode) -> None:
    """Every metric, and every value of a label, in rules and dashboard is one of a node's."""
    check(web)
    told = Scraped.at(web.client)
    assert set() == {name for one in expressions() for name in named(one)} - told.names
    labels = {name for name, _ in told.labels()}
    for expression in expressions():
        for label, how, value in MATCHER.findall(expression):
            if label not in ABOUT_PROMETHEUS:
                wanted = set(value.split("|")) if how in ("=~", "!~") else {value}
                assert label in labels
                assert set() == wanted - told.values(label)


def test_all_that_is_told_is_shown(web: WebNode) -> None:
    """There is no metric that neither a rule nor a panel reads."""
    read = {name for one in expressions() for name in named(one)}
    stem = re.compile(r"_(bucket|count|sum)$")
    told = {stem.sub("", name) for name in Scraped.at(web.client).names}
    assert set() == told - {stem.sub("", name) for name in read}


def test_recorded_series_are_those_that_alerts_read() -> None:
    """Each has a rule that makes it, and one that reads it."""
    made = {name for name in rules() if ":" in name}
    read = {name for one in expressions() for name in re.findall(r"\bqorgan:\w+:\w+", one)}
    assert made == read


def test_every_alert_says_what_is_wrong() -> None:
    """How bad it is, a sentence, and a place in the operator's handbook."""
    handbook = OPERATIONS.read_text(encoding="utf-8")
    alerts = {name: rule for name, rule in rules().items() if "alert" in rule}
    for name, rule in alerts.items():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert "summary" in rule["annotations"]
        assert f"`{name}`" in handbook


def test_a_sweep_moves_what_its_rule_reads(web: WebNode) -> None:
    """People who check bring as many parameters as elements; who sweeps brings elements only."""
    (times,) = re.findall(
        r"evaluations_anonymous:rate15m > ([0-9]+) \* qorgan:checks_begun",
        rules()["QorganSweep"]["expr"],
    )
    for _ in range(20):
        check(web)
    usual = _halves(Scraped.at(web.client))
    assert (20, 20) == usual
    for _ in range(10):
        sweep(web, 16)
    after = _halves(Scraped.at(web.client))
    elements, begun = after[0] - usual[0], after[1] - usual[1]
    assert (160, 0) == (elements, begun)
    assert usual[0] <= float(times) * usual[1]
    assert after[0] > float(times) * after[1]


def _halves(told: Scraped) -> tuple[float, float]:
    """What the two recorded series are rates of."""
    recorded = rules()
    elements = named(recorded["qorgan:evaluations_anonymous:rate15m"]["expr"])
    begun = named(recorded["qorgan:checks_begun:rate15m"]["expr"])
    assert ({"qorgan_evaluations_total"}, 1) == (elements, len(begun))
    return (
        told.sum(*elements, who="anonymous"),
        told.sum(*begun, route="parameters.params"),
    )


def test_the_rules_fire_when_they_should() -> None:
    """Prometheus's own tool evaluates them over series that are written down."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool, of Prometheus, is not installed")
    for arguments in (
        ["check", "rules", RULES],
        ["test", "rules", RULES.parent / "alerts_test.yml"],
    ):
        done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stdout + done.stderr
