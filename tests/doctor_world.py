"""A deployment that a test can spoil: a Valkey with the deployed users, an index, the doctor."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from conftest import ROOT, wait_until
from program import Program, program
from web_index import WebIndex

from lookup.index import notice_book, valkey_server
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store

PASSWORD = "correct-horse"  # noqa: S105  a made-up one
WEB = {"QORGAN_ROLES": "range,site,api"}
_DEFAULTS = {
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",
    "appendonly": "yes",
    "appendfsync": "always",
    "set-max-listpack-entries": "128",
}


@dataclass(frozen=True)
class Deployed:
    """A Valkey of an operator's own; ``admin`` may do everything."""

    socket: Path
    admin: redis.Redis

    def url(self, user: str) -> str:
        return f"unix://{user}:{PASSWORD}@{self.socket}"

    def configured(self, **options: str) -> None:
        for name, value in options.items():
            self.admin.config_set(name.replace("_", "-"), value)

    def cured(self) -> None:
        """Empty, and set as it should be."""
        for name, value in _DEFAULTS.items():
            self.admin.config_set(name, value)
        self.admin.flushall()


@contextmanager
def deployed() -> Iterator[Deployed]:
    """A server with the users web and loader, as in ``deploy/``, and one who may do little."""
    folder = Path(tempfile.mkdtemp(prefix="qd-", dir="/tmp"))
    options = {"port": "0", "unixsocket": str(folder / "s"), "save": "", "dir": str(folder)}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    process = subprocess.Popen([valkey_server._binary(), *words], stdout=subprocess.DEVNULL)
    admin = redis.Redis(unix_socket_path=options["unixsocket"])
    try:
        wait_until(lambda: valkey_server.ask(folder / "s") is not None)
        acl = (ROOT / "deploy" / "valkey" / "users.acl.example").read_text()
        for line in acl.splitlines()[1:]:  # the first ends the default user, who is the admin
            name, *rules = line.split()[1:]
            known = [f">{PASSWORD}" if rule.endswith("-PASSWORD") else rule for rule in rules]
            admin.execute_command("ACL", "SETUSER", name, *known)
        few = ("on", f">{PASSWORD}", "%R~*", "+@read", "+info", "+time", "+@connection")
        admin.execute_command("ACL", "SETUSER", "few", *few)
        yield Deployed(folder / "s", admin)
    finally:
        admin.close()
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder)


@dataclass(frozen=True)
class Patient:
    """An index with one published leak on that server, and the command."""

    store: Deployed
    index: WebIndex
    program: Program

    @classmethod
    def healthy(cls, store: Deployed, program: Program) -> "Patient":
        store.cured()
        data = program.folder / "data"
        data.mkdir()
        index = WebIndex.with_a_leak(Store(store.admin, None), data / "keys")
        notice_book.key_checks(index.store, index.folder)
        return cls(store, index, program)

    def examined(
        self, *arguments: str, user: str = "loader", **environ: str
    ) -> tuple[int, dict[str, list[str]]]:
        """The exit code, and by check what was found: level and sentence."""
        env = {"QORGAN_REDIS_URL": self.store.url(user)} | environ
        said = self.program("doctor", "--json", *arguments, **env)
        assert PASSWORD not in said.out + said.err
        found: dict[str, list[str]] = {}
        for one in json.loads(said.out):
            found.setdefault(one["check"], []).append(f"{one['level']}: {one['sentence']}")
        return said.code, found

    def contents(self) -> tuple[dict[bytes, bytes], list[tuple[str, int, float]]]:
        """All that the doctor could have changed."""
        admin, data = self.store.admin, self.program.folder
        files = [(str(p), p.stat().st_mode, p.stat().st_mtime) for p in sorted(data.rglob("*"))]
        return {key: admin.dump(key) for key in admin.scan_iter()}, files


@pytest.fixture(scope="module")
def server() -> Iterator[Deployed]:
    """One server for all tests of a file; each finds it cured."""
    with deployed() as made:
        yield made


@pytest.fixture
def qorgan(
    tmp_path: Path,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command, with a folder of its own."""
    return program(tmp_path, valkey, monkeypatch, capsys)


@pytest.fixture
def patient(server: Deployed, qorgan: Program) -> Patient:
    """With nothing wrong, until a test spoils it."""
    return Patient.healthy(server, qorgan)


def wrong(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is not in order, but for the profile that all tests use."""
    kept = {check: [s for s in told if not s.startswith("ok")] for check, told in found.items()}
    return {check: told for check, told in kept.items() if told and check != "index"}
