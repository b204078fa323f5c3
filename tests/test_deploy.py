"""What is in ``deploy/``: a real Valkey and a real nginx run by it, with real nodes behind."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nginx
import pytest
import redis
import yaml
from conftest import ROOT, Installation, Served, free_port, get
from plain_http import ask
from web_index import IINS

from lookup.index import keyspace
from lookup.index.valkey_server import _binary

DEPLOY = ROOT / "deploy"
USERS = ("range", "web", "loader")
FOUND, CLEAN = IINS[0], IINS[20]


@dataclass(frozen=True)
class Deployment:
    """A store as deployed, loaded into by its loader, and a node with the web's permissions."""

    port: int
    loader: Installation
    node: Served

    def store(self, user: str) -> "redis.Redis":
        return redis.Redis(port=self.port, username=user, password=f"{user}-pw")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployed")
    port = free_port()
    acl = (DEPLOY / "valkey" / "users.acl.example").read_text()
    for user in USERS:
        acl = acl.replace(f"{user.upper()}-PASSWORD", f"{user}-pw")
    (folder / "users.acl").write_text(acl)
    conf = (DEPLOY / "valkey" / "valkey.conf").read_text()
    conf = conf.replace("port 6379", f"port {port}\nbind 127.0.0.1")
    conf = conf.replace("/etc/valkey/users.acl", f"{folder}/users.acl")
    (folder / "valkey.conf").write_text(conf.replace("dir /data", f"dir {folder}"))
    store = subprocess.Popen(
        [_binary(), str(folder / "valkey.conf")], stdout=subprocess.DEVNULL, cwd=folder
    )
    try:
        _wait_for(port)
        urls = {user: f"redis://{user}:{user}-pw@127.0.0.1:{port}/0" for user in USERS}
        loader = Installation(folder / "data", {"QORGAN_REDIS_URL": urls["loader"]})
        loader.qorgan("init", "--argon2", "test", "--prefix-bits", "10")
        loader.dataset("shop", classes=("government-issued-ids", "names"))
        dump = folder / "shop.csv"
        dump.write_text("iin;name\n" + "".join(f"{iin};x\n" for iin in IINS[:5]), "utf-8")
        loader.qorgan("load", dump, "--dataset", "shop", "--iin", "iin")
        loader.qorgan("publish", "shop", "--yes")
        web = {"QORGAN_REDIS_URL": urls["web"], "QORGAN_PROXY_HOPS": "1", "QORGAN_WORKERS": "1"}
        limit = {"QORGAN_EVALUATE_LIMIT": "1000/hour"}
        with loader.served(**web, **limit) as node:
            yield Deployment(port, loader, node)
    finally:
        store.terminate()
        store.wait(timeout=10)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            redis.Redis(port=port).ping()
        except redis.exceptions.AuthenticationError:
            return
        except redis.RedisError:
            time.sleep(0.05)


def test_the_web_role_answers(deployment: Deployment) -> None:
    """With its own permissions alone: limits are counted, clients known, people watched."""
    for iin, code in ((FOUND, 10), (CLEAN, 0)):
        deployment.loader.qorgan("check", "--server", deployment.node.url, stdin=iin, code=code)
    key = deployment.loader.qorgan("client", "add", "app", "--lanes", "public").stdout.strip()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    time.sleep(2)  # the node hears of clients once a second
    body = json.dumps({"lane": "public", "persons": ["0011223344556677"]}).encode()
    heard = ask(deployment.node.url, "/v1/subscriptions", method="POST", headers=headers, body=body)
    assert (200, 1) == (heard.status, heard.json["persons"])
    assert 200 == ask(deployment.node.url, "/v1/notices", headers=headers).status
    assert "store_refused" not in deployment.node.log.read_text()


@pytest.mark.parametrize(
    "command",
    [
        ("FLUSHALL",),
        ("CONFIG", "GET", "*"),
        ("SMEMBERS", "q:p:1:0"),
        ("HSET", "qorgan:versions:public", "current", "9-00000000"),
        ("SET", "qorgan:part:public:x:view:0", "x"),
        ("DEL", "qorgan:index"),
        ("HGETALL", "qorgan:history:public"),
        ("KEYS", "*"),
        ("FUNCTION", "FLUSH"),
        ("FUNCTION", "LOAD", "#!lua name=x\nserver.register_function('f', function() end)"),
        ("SCRIPT", "FLUSH"),
    ],
)
@pytest.mark.parametrize("user", ["web", "range"])
def test_what_the_web_roles_may_not(
    deployment: Deployment, user: str, command: tuple[str, ...]
) -> None:
    """They read no ledger, write no version, leave no code behind, and destroy nothing."""
    with (
        deployment.store(user) as store,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        store.execute_command(*command)


@pytest.mark.parametrize(
    "command",
    [
        ("DEL", keyspace.spent(3600, 0)),
        ("HDEL", keyspace.spent(3600, 0), "service"),
        ("SET", f"{keyspace.LIMITS}/x", "0"),
        ("EVAL", "return 1", "0"),
    ],
)
def test_a_range_node_may_not_lift_limits(deployment: Deployment, command: tuple[str, ...]) -> None:
    """Whoever has its password cannot have the evaluator forget what was spent."""
    with (
        deployment.store("range") as store,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        store.execute_command(*command)


def test_the_range_role_answers(deployment: Deployment) -> None:
    """With its own permissions: what a node of these roles does, and the doctor misses nothing."""
    roles = {"QORGAN_ROLES": "range,site,api", "QORGAN_WORKERS": "1"}
    url = {"QORGAN_REDIS_URL": f"redis://range:range-pw@127.0.0.1:{deployment.port}/0"}
    key = deployment.loader.qorgan("client", "add", "app2", "--lanes", "public").stdout.strip()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"lane": "public", "persons": ["0011223344556677"]}).encode()
    checked = json.dumps({"lane": "public", "tokens": ["00" * 32]}).encode()
    with deployment.loader.served(**roles, **url) as node:
        heard = ask(node.url, "/v1/subscriptions", method="POST", headers=headers, body=body)
        assert (200, 1) == (heard.status, heard.json["persons"])
        assert 200 == ask(node.url, "/v1/notices", headers=headers).status
        assert (
            200 == ask(node.url, "/v1/check", method="POST", headers=headers, body=checked).status
        )
        bind = {"QORGAN_BIND": node.url.removeprefix("http://")}
        web = Installation(deployment.loader.data, roles | url | bind)
        told = json.loads(web.qorgan("doctor", "--json").stdout)
    assert ["key files", "index"] == [one["check"] for one in told if one["level"] != "ok"]
    with deployment.store("loader") as store:  # counted when it stopped, if not before
        assert [] != store.keys(keyspace.usage("*", "*"))
    assert "refused" not in node.log.read_text()


@pytest.mark.parametrize(
    "command", [("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "SET", "save", ""), ("SHUTDOWN",)]
)
def test_what_nobody_may(deployment: Deployment, command: tuple[str, ...]) -> None:
    """Not even the loader empties the store; and without a password nobody is let in."""
    with (
        deployment.store("loader") as store,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        store.execute_command(*command)
    with redis.Redis(port=deployment.port) as nobody, pytest.raises(redis.RedisError):
        nobody.ping()


def test_the_doctor_finds_all_in_order(deployment: Deployment) -> None:
    """For the loader, and for web nodes with the web's user: their keys are too many here."""
    done = deployment.loader.qorgan("doctor", "--json")
    told = json.loads(done.stdout)
    assert ["index"] == [one["check"] for one in told if one["level"] != "ok"]  # its profile
    url = f"redis://web:web-pw@127.0.0.1:{deployment.port}/0"
    bind = deployment.node.url.removeprefix("http://")
    web = Installation(
        deployment.loader.data,
        {
            "QORGAN_REDIS_URL": url,
            "QORGAN_BIND": bind,
            "QORGAN_ROLES": "range,evaluate,site",
            "QORGAN_PROXY_HOPS": "1",
        },
    )
    told = json.loads(web.qorgan("doctor", "--json").stdout)
    expected = ["key files", "metrics", "index"]
    assert expected == [one["check"] for one in told if one["level"] != "ok"]
    assert {"check": "service", "level": "ok", "sentence": f"it is ready at {bind}"} in told


def test_the_store_is_durable_and_does_not_evict(deployment: Deployment) -> None:
    """The loader sees both, and warns of neither."""
    done = deployment.loader.qorgan("verify")
    assert "warning" not in done.stderr
    with deployment.store("loader") as store:
        assert {"appendfsync": "always"} == store.config_get("appendfsync")
        assert "noeviction" == store.info("memory")["maxmemory_policy"]


@pytest.mark.skipif(
    nginx.PROGRAM is None, reason="nginx is not installed (Debian: apt-get install nginx-light)"
)
def test_nginx_in_front(deployment: Deployment, tmp_path: Path) -> None:
    """Asked through TLS: ranges, register and probes, and no metrics; the doctor agrees."""
    name = json.loads(get(f"{deployment.node.url}/v1/params/public")[1])["version"]
    with nginx.deployed(tmp_path, deployment.node.url.removeprefix("http://")) as url:
        curl = ["curl", "-s", "--cacert", str(tmp_path / "cert.pem"), "--retry", "5"]
        curl += ["--retry-connrefused", "-w", "%{http_code} "]
        paths = [f"/v1/range/public/{name}/000"] * 2 + ["/v1/breaches", "/metrics", "/readyz"]
        done = subprocess.run(
            [*curl, *(word for one in paths for word in ("-o", "/dev/null", f"{url}{one}"))],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        trusting = Installation(tmp_path / "data", {"SSL_CERT_FILE": str(tmp_path / "cert.pem")})
        outside = trusting.qorgan("doctor", "--url", url).stdout
    assert ["ok"] * 5 == [line.split()[0] for line in outside.splitlines()], outside
    statuses = done.stdout.replace("%", "").split()
    assert ["200", "200", "200", "404", "200"] == statuses
    assert "range" not in (tmp_path / "error.log").read_text()


def test_every_service_of_compose_is_of_what_is_here() -> None:
    """One image; keys only where they are needed; nothing but nginx is open to the world."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    assert ["nginx"] == [name for name, one in services.items() if "ports" in one]
    ours = {name for name, one in services.items() if one["image"] == "qorgan"}
    assert {"range-1", "range-2", "evaluator", "notices", "loader"} == ours
    for name in ours:
        assert services[name]["read_only"]
        assert ["ALL"] == services[name]["cap_drop"]
    keys = {
        name: next((v.split(":")[0] for v in services[name]["volumes"] if ":/keys" in v), "")
        for name in ours
    }
    assert ["./secrets/range.env"] == services["range-1"]["env_file"]
    assert ["./secrets/web.env"] == services["evaluator"]["env_file"]
    assert "./secrets/evaluator" == keys["evaluator"]
    assert {"./secrets/notices"} == {keys["range-1"], keys["range-2"]}
    assert "./secrets/deliverer" == keys["notices"]
    for name in ours:  # where the keys are mounted is where they are looked for
        assert "/keys" == services[name]["environment"]["QORGAN_KEYS"]
    for name in ("notices", "loader"):  # they answer nobody, as the image's check expects
        assert {"disable": True} == services[name]["healthcheck"]
    for mounted in ("valkey/valkey.conf", "nginx/nginx.conf"):
        assert (DEPLOY / mounted).is_file()
    assert services["range-1"]["environment"]["QORGAN_ROLES"] == "range,site,api"
    assert services["evaluator"]["environment"]["QORGAN_ROLES"] == "evaluate"
