"""What is asked of the deployment, from outside through nginx and from inside a role."""

import base64
import json
import time
from dataclasses import dataclass
from pathlib import Path

from tools.clean_root.containers import Running
from tools.clean_root.deployment import NAME, Deployment, People
from tools.clean_root.report import DiffersError, expect, step

_URL = f"https://{NAME}"
_FETCH = """
import base64, http.client, json, ssl, sys
ask = json.load(sys.stdin)
service = http.client.HTTPSConnection(ask["host"], context=ssl.create_default_context(), timeout=20)
body = ask["body"].encode() if ask["body"] else None
service.request(ask["method"], ask["path"], body, ask["headers"])
reply = service.getresponse()
json.dump({"status": reply.status, "headers": {k.lower(): v for k, v in reply.getheaders()},
           "body": base64.b64encode(reply.read()).decode()}, sys.stdout)
"""
# As the web role: each command is refused for lack of permission, and by nothing else.
_TRIED = """
import os, redis
store = redis.Redis.from_url(os.environ["QORGAN_REDIS_URL"])
for command in COMMANDS:
    try:
        store.execute_command(*command)
    except redis.exceptions.NoPermissionError:
        continue
    print(command[0])
"""
_WEB_MAY_NOT = (
    *(("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("SHUTDOWN",)),
    *(("SMEMBERS", "q:p:1:0"), ("HSET", "qorgan:versions:public", "current", "9-00000000")),
    *(("DEL", "qorgan:index"), ("HGETALL", "qorgan:history:public")),
)
_NOBODY_MAY = (("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "SET", "save", ""), ("SHUTDOWN",))
_KEYS = """
from pathlib import Path
print(*sorted({key.name for folder in ("/data", "/keys") for key in Path(folder).rglob("*.key")}))
"""
_CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2).close()
    print("connected", end="")
except OSError:
    pass
"""


@dataclass(frozen=True)
class Reply:
    """What nginx replied; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def fetch(
    deployment: Deployment,
    path: str,
    body: str = "",
    headers: dict[str, str] | None = None,
) -> Reply:
    """Ask nginx over TLS, from outside; with a body it is a POST."""
    method = "POST" if body else "GET"
    asked = {"host": NAME, "method": method, "path": path, "body": body, "headers": headers or {}}
    told = json.loads(deployment.ask("python", "-c", _FETCH, given=json.dumps(asked)).output)
    return Reply(told["status"], told["headers"], base64.b64decode(told["body"]))


def ask_as_citizen(deployment: Deployment, people: People, publisher_key: str) -> tuple[str, Reply]:
    """Somebody asks from outside; a range's path and its reply, which nginx keeps from now on.

    Raises:
        DiffersError: an answer is another one.
    """
    with step("asked through nginx: an IIN that was leaked is found, another is not"):
        for iin, code in ((people.found, 10), (people.clean, 0)):
            _check(deployment, iin, code, "--publisher-key", publisher_key)
    with step("asked through nginx: a range twice, the same bytes, and 304 for those who have it"):
        parameters = fetch(deployment, "/v1/params/public")
        expect("parameters", 200, parameters.status)
        path = f"/v1/range/public/{json.loads(parameters.body)['version']}/0a5"
        first, again = fetch(deployment, path), fetch(deployment, path)
        expect("a range", (200, 200), (first.status, again.status))
        expect("a range asked twice has the same bytes", True, first.body == again.body)
        tag = {"If-None-Match": first.headers["etag"]}
        expect("If-None-Match", 304, fetch(deployment, path, headers=tag).status)
    with step("asked through nginx: the page, and no metrics"):
        statuses = [fetch(deployment, one).status for one in ("/en/", "/v1/breaches", "/metrics")]
        expect("page, register, metrics", [200, 200, 404], statuses)
    return path, first


def ask_as_app(deployment: Deployment) -> None:
    """An app with an API key watches a person, and reads its notices."""
    with step("asked through nginx: an app subscribes, and reads its notices"):
        key = deployment.run("loader", "client", "add", "app", "--lanes", "public").output.strip()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        body = json.dumps({"lane": "public", "persons": ["0011223344556677"]})
        time.sleep(2)  # nodes hear of clients once a second
        expect("subscribe", 200, fetch(deployment, "/v1/subscriptions", body, headers).status)
        expect("notices", 200, fetch(deployment, "/v1/notices", headers=headers).status)


def look_from_inside(deployment: Deployment) -> None:
    """What roles have and may."""
    ours = [one for one in deployment.running.values() if one.container.service.image == "qorgan"]
    with step("inside: no root, no capabilities, no new privileges, nothing to write but /data"):
        for one in deployment.running.values():
            if one.container.service.is_read_only:
                _is_confined(one)
    with step("inside: each role has its own keys and no other"):
        has = {one.name: one.run(("python", "-c", _KEYS)).output.split() for one in ours}
        expect("keys of the evaluator", ["public.key", "verified.key"], has["evaluator"])
        for name in ("range-1", "range-2"):
            expect(f"keys of {name}", ["notices.key"], has[name])
        expect("keys of the deliverer", ["notices.key", "webhook.key"], has["notices"])
    with step("inside: the web role reads no ledger, writes no version; nobody empties the store"):
        for name, commands in (("range-1", _WEB_MAY_NOT), ("notices", _NOBODY_MAY)):
            tried = deployment.running[name].run(
                ("python", "-c", f"COMMANDS = {commands!r}\n{_TRIED}")
            )
            expect(f"commands that the store grants {name}", (0, ""), (tried.code, tried.output))
    with step("outside: nobody reaches a node or the store but through nginx"):
        for (name, _), address in deployment.host.networks.addresses.items():
            if name not in (NAME, "asker"):
                port = 6379 if name == "store" else 8000
                told = deployment.ask("python", "-c", _CONNECT, address, str(port)).output
                expect(f"{name} from outside", "", told)
    _doctor(deployment, [one for one in ours if one.container.service.is_checked])


def lose_nodes(deployment: Deployment, people: People, path: str, kept: Reply) -> None:
    """One range node away is not noticed; with both away there is no answer, never a wrong one."""
    deployment.stop("range-2")
    with step("with one range node: found and not found as before"):
        _check(deployment, people.found, 10)
        _check(deployment, people.clean, 0)
    deployment.stop("range-1")
    with step("with none: could not check; the range asked before comes from nginx's cache"):
        _check(deployment, people.found, 3)
        again = fetch(deployment, path)
        expect("a kept range", (200, True), (again.status, again.body == kept.body))
        expect("another range", 502, fetch(deployment, f"{path[:-1]}6").status)


def search_logs(deployment: Deployment, people: People) -> None:
    """No log of any service says who asked what."""
    with step("logs: no path, no identifier, no address, of anybody, anywhere"):
        addresses = [
            a for (name, _), a in deployment.host.networks.addresses.items() if name == "asker"
        ]
        words = ["/v1/", people.found, people.clean, *addresses, "qk_"]
        logs = sorted(deployment.host.logs.glob("*.log"))
        if not logs:
            raise DiffersError("no service left a log")
        for log in logs:
            text = log.read_text(errors="replace")
            if any(word in text for word in words):
                raise DiffersError(f"the log {log.name} holds a path, an identifier or an address")


def _check(deployment: Deployment, iin: str, code: int, *more: str) -> None:
    """With no more words the publisher is the one seen first, as for everybody."""
    words = ("qorgan", "check", "--server", _URL, *more)
    deployment.ask(*words, given=f"{iin}\n", code=code)


def _is_confined(one: Running) -> None:
    process = Path(f"/proc/{one.pid()}")
    status = dict(
        line.split(":\t", 1)
        for line in (process / "status").read_text().splitlines()
        if ":\t" in line
    )
    uids = set(status["Uid"].split())
    told = ("0" in uids, int(status["CapEff"], 16), int(status["CapBnd"], 16), status["NoNewPrivs"])
    expect(f"{one.name}: root, capabilities, no new privileges", (False, 0, 0, "1"), told)
    writable = []
    for line in (process / "mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split(" ")
        if kind not in ("proc", "tmpfs", "devtmpfs") and "rw" in options.split(","):
            writable.append(place)
    expect(f"{one.name}: places to write", ["/data"], writable)


def _doctor(deployment: Deployment, nodes: list[Running]) -> None:
    """``qorgan doctor`` in each web node and beside the loader's keys."""
    for one in nodes:
        with step(f"{one.name}: qorgan doctor"):
            done = one.run(("qorgan", "doctor"))
            if done.code:
                raise DiffersError(f"{one.name}: doctor says:\n{done.output}{done.errors}")
    with step("loader: qorgan doctor"):
        deployment.run("loader", "doctor")
