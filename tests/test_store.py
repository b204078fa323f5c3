"""The connection to the store: what is refused, in which words, and what counts as durable."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from conftest import wait_until

from loaders.terminal import warn_if_not_durable
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import definition, store, valkey_server
from lookup.index.store import Store
from lookup.settings import Settings

PASSWORD = "correct-horse"  # noqa: S105  a made-up one


@dataclass(frozen=True)
class Foreign:
    """A Valkey that is not the embedded one: an operator's own, configured in whatever way."""

    socket: Path
    admin: redis.Redis

    def url(self, user: str = "", password: str = "") -> str:
        who = f"{user}:{password}@" if user else ""
        return f"unix://{who}{self.socket}"

    def configured(self, **options: str) -> None:
        for name, value in options.items():
            self.admin.config_set(name.replace("_", "-"), value)


@pytest.fixture(scope="module")
def foreign() -> Iterator[Foreign]:
    """One server; a user who may do all with a password, one who may do next to nothing."""
    folder = Path(tempfile.mkdtemp(prefix="qf-", dir="/tmp"))
    options = {"port": "0", "unixsocket": str(folder / "s"), "save": "", "dir": str(folder)}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    process = subprocess.Popen([valkey_server._binary(), *words], stdout=subprocess.DEVNULL)
    admin = redis.Redis(unix_socket_path=options["unixsocket"])
    try:
        wait_until(lambda: valkey_server.ask(folder / "s") is not None)
        admin.execute_command("ACL", "SETUSER", "all", "on", f">{PASSWORD}", "~*", "+@all")
        admin.execute_command("ACL", "SETUSER", "few", "on", f">{PASSWORD}", "~*", "+ping", "+info")
        admin.execute_command("ACL", "SETUSER", "none", "on", f">{PASSWORD}", "~*", "+ping")
        yield Foreign(folder / "s", admin)
    finally:
        admin.close()
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder)


@pytest.fixture
def plain(foreign: Foreign) -> Foreign:
    """The server with its own defaults, empty."""
    foreign.configured(
        maxmemory="0", maxmemory_policy="noeviction", appendonly="no", appendfsync="everysec"
    )
    foreign.admin.flushall()
    return foreign


def settings(url: str, tmp_path: Path) -> Settings:
    return Settings.from_env({"QORGAN_REDIS_URL": url, "QORGAN_DATA": str(tmp_path)})


def refusal(url: str, tmp_path: Path) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught, store.opened(settings(url, tmp_path)):
        pytest.fail("the store was trusted")
    assert caught.value.exit_code == 3
    assert PASSWORD not in caught.value.sentence
    return caught.value


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
def test_a_store_that_may_evict_is_refused(plain: Foreign, tmp_path: Path, policy: str) -> None:
    """An evicted row would let a leaked person read "not found", so nothing starts on it."""
    plain.configured(maxmemory_policy=policy)
    error = refusal(plain.url(), tmp_path)
    assert error.code is Code.STORE_EVICTS
    assert error.sentence == (
        "the store may evict keys; set maxmemory-policy to noeviction in its configuration"
    )


def test_a_store_that_keeps_is_trusted(plain: Foreign, tmp_path: Path) -> None:
    """An operator's own server is used as it is, with a password in the URL if it has one."""
    for url in (plain.url(), plain.url("all", PASSWORD)):
        with store.opened(settings(url, tmp_path)) as opened:
            opened.set_hash("greeting", {"kk": "сәлем", "en": "hello"})
            assert opened.hash("greeting") == {"kk": "сәлем", "en": "hello"}
            assert opened.hash("nothing") == {}


@pytest.mark.parametrize("url", ["unix:///nowhere/valkey.sock", "redis://127.0.0.1:1/0"])
def test_a_store_out_of_reach(url: str, tmp_path: Path) -> None:
    """Nothing listens there: the sentence says what to check."""
    error = refusal(url, tmp_path)
    assert error.code is Code.STORE_UNAVAILABLE
    assert error.sentence == (
        "the store cannot be reached; check that it runs, then run the same command again"
    )


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://me:sesame@db:6379/0", " (the store at db:6379)"),
        ("rediss://:sesame@db?password=sesame", " (the store at db)"),
        ("redis+cluster://me:sesame@a:1,b:2/", " (the store at a:1,b:2)"),
        ("unix://me:sesame@/run/s?password=sesame", " (the store at /run/s)"),
        ("redis://", " (the store at localhost)"),
        ("redis://:ses/ame@db", ""),
        ("redis://db?password=ses@me", ""),
        (None, ""),
    ],
)
def test_which_store_it_is(url: str | None, place: str, tmp_path: Path) -> None:
    """A command tells where it looked, and neither user nor password."""
    away = store.unavailable(redis.ConnectionError("sesame"))
    env = {"QORGAN_DATA": str(tmp_path)} | ({} if url is None else {"QORGAN_REDIS_URL": url})
    known = Settings.from_env(env)
    assert f"{away.sentence}{place}" == store.told(away, known)
    assert "no" == store.told(UnavailableError(Code.STORE_EVICTS, "no"), known)


def test_to_connect_asks_nothing(tmp_path: Path) -> None:
    """A web node whose store is away still gets its client and its limits; it waits for both."""
    opened = store.connect(settings("unix:///nowhere/valkey.sock", tmp_path))
    limits = store.limits_storage(opened)
    with pytest.raises(store.StoreError):
        limits.get("anything")
    opened.close()


@pytest.mark.parametrize(("user", "password"), [("all", "wrong"), ("nobody", PASSWORD)])
def test_wrong_credentials(plain: Foreign, tmp_path: Path, user: str, password: str) -> None:
    """A wrong password, an unknown user: look at the URL, not the net."""
    error = refusal(plain.url(user, password), tmp_path)
    assert error.code is Code.STORE_UNAVAILABLE
    assert error.sentence == (
        "the store refuses our credentials; check the user and password in QORGAN_REDIS_URL"
    )


def test_a_user_without_permissions(plain: Foreign, tmp_path: Path) -> None:
    """His password is right: another one would not help."""
    error = refusal(plain.url("none", PASSWORD), tmp_path)
    assert error.code is Code.STORE_UNAVAILABLE
    assert error.sentence == (
        "the store's user may not do this; name another user in QORGAN_REDIS_URL, or give this one "
        "what deploy/valkey/users.acl.example does"
    )


def test_a_password_that_is_asked_for(plain: Foreign, tmp_path: Path) -> None:
    """A server that wants a password where the URL has none says the same."""
    plain.configured(requirepass=PASSWORD)
    try:
        error = refusal(plain.url(), tmp_path)
    finally:
        plain.configured(requirepass="")
    assert "credentials" in error.sentence


def test_a_store_that_refuses_a_command(plain: Foreign, tmp_path: Path) -> None:
    """A full store is told apart from one that is away; the server's own text stays out."""
    with store.opened(settings(plain.url(), tmp_path)) as opened:
        plain.configured(maxmemory="1")
        with pytest.raises(store.StoreError) as caught:
            opened.redis.set("key", b"value")
    error = store.unavailable(caught.value)
    assert error.code is Code.STORE_UNAVAILABLE
    assert error.sentence == (
        "the store refused a command; check its memory, disk and the user's permissions"
    )


@pytest.mark.parametrize(
    "url", ["redis://localhost:secret", "redis://localhost:99999999/0", "redis://[::1/0"]
)
def test_an_unusable_url(url: str, tmp_path: Path) -> None:
    """A URL that cannot be read is refused without showing it: it may hold a password."""
    with pytest.raises(InputError) as caught:
        store.connect(settings(url, tmp_path)).close()
    assert caught.value.code is Code.BAD_SETTING
    assert "secret" not in caught.value.sentence


def test_the_embedded_store_is_durable(store: Store) -> None:
    """What the embedded store has acknowledged is on the disk, so loaders do not warn."""
    assert is_durable(store)


def test_less_than_every_write_on_disk_is_not_durable(store: Store) -> None:
    """Every other setting of the append-only file can lose acknowledged rows."""
    try:
        for less in ("everysec", "no"):
            store.redis.config_set("appendfsync", less)
            assert False is is_durable(store)
    finally:
        store.redis.config_set("appendfsync", "always")
    assert is_durable(store)


def test_no_append_only_file_is_not_durable(plain: Foreign, tmp_path: Path) -> None:
    """Whatever fsync is set to, without the file there is nothing on the disk."""
    plain.configured(appendfsync="always")
    with store.opened(settings(plain.url(), tmp_path)) as opened:
        assert False is is_durable(opened)


def test_unknown_is_neither(
    plain: Foreign, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store that does not let us look at its configuration is not said to lose anything."""
    plain.configured(appendonly="yes", appendfsync="always")
    with store.opened(settings(plain.url("few", PASSWORD), tmp_path)) as opened:
        assert None is is_durable(opened)
        warn_if_not_durable(opened)
    told = "cannot tell whether the store may lose writes when it crashes; see that it has "
    assert f"note: {told}appendfsync always, or allow our user config|get\n" == (
        capsys.readouterr().err
    )
    with store.opened(settings(plain.url("all", PASSWORD), tmp_path)) as opened:
        assert is_durable(opened)


def test_whoever_asks_a_store_that_went_away_is_told_so(tmp_path: Path) -> None:
    """The index's definition is not "missing" because the store does not answer."""
    opened = store.connect(settings("unix:///nowhere/valkey.sock", tmp_path))
    for ask in (definition.read, definition.exists, definition.refuse_existing):
        with pytest.raises(UnavailableError) as caught:
            ask(opened)
        assert caught.value.code is Code.STORE_UNAVAILABLE
    with pytest.raises(store.StoreError):
        is_durable(opened)  # nor is anybody warned of its settings
    opened.close()


is_durable = store.is_durable  # the fixture hides the module inside tests
