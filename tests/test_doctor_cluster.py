"""``qorgan doctor`` where the store is a cluster: as with one server, and each primary counts."""

from pathlib import Path

import pytest
from cluster_servers import ClusterServers, cluster, servers
from web_index import WebIndex

from loaders.doctor import Examination
from loaders.finding import Finding, Level
from lookup.index import store
from lookup.settings import Settings

__all__ = ["cluster", "servers"]


@pytest.fixture
def data(cluster: ClusterServers, tmp_path: Path) -> Path:
    """The folder of who made an index in the cluster."""
    with store.opened(Settings.from_env({"QORGAN_REDIS_URL": cluster.url})) as opened:
        WebIndex.create(opened, tmp_path / "keys")
    return tmp_path


def examined(cluster: ClusterServers, data: Path, user: str, **environ: str) -> list[Finding]:
    """What a user's doctor finds."""
    url = {"QORGAN_REDIS_URL": cluster.url_of(user), "QORGAN_DATA": str(data)}
    return list(Examination(Settings.from_env(url | environ), None).findings())


@pytest.mark.parametrize(
    ("user", "environ"),
    [
        ("loader", {}),
        ("web", {"QORGAN_ROLES": "range,site,api"}),
        ("web", {"QORGAN_ROLES": "evaluate"}),
    ],
)
def test_every_role(
    cluster: ClusterServers, data: Path, user: str, environ: dict[str, str]
) -> None:
    """Each may do its work, and nothing is wrong with there being several servers."""
    told = [
        (one.check, one.level)
        for one in examined(cluster, data, user, **environ)
        if one.check in ("store", "permissions", "clock")
    ]
    assert [(check, Level.OK) for check in ("store", "clock", "permissions")] == told


@pytest.mark.parametrize("number", range(3))
def test_each_primary_is_looked_at(cluster: ClusterServers, data: Path, number: int) -> None:
    """One whose sets are not compact is told of, whichever it is."""
    server = cluster.primaries()[number]
    server.admin.config_set("set-max-listpack-entries", "64")
    try:
        told = examined(cluster, data, "loader")
    finally:
        server.admin.config_set("set-max-listpack-entries", "128")
    assert [Level.WARNING] == [
        one.level for one in told if "set-max-listpack-entries" in one.sentence
    ]
