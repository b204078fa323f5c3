"""The settings: defaults, refusals that name the setting and not its value, masked passwords."""

import dataclasses
import os
from pathlib import Path

import pytest

from lookup.errors import Code, InputError
from lookup.settings import SETTINGS, Role, Settings, parse_bind

MARKER = "s3cr3t"
ALL_ROLES = frozenset(Role)


def refusal(**environ: str) -> str:
    """The sentence with which an environment is refused."""
    with pytest.raises(InputError) as caught:
        Settings.from_env(environ)
    assert caught.value.code is Code.BAD_SETTING
    return caught.value.sentence


def test_defaults() -> None:
    """With nothing set, the service keeps all under ./data and listens on loopback only."""
    assert Settings.from_env({}) == Settings(
        data=Path.cwd() / "data",
        redis_url=None,
        keys=Path.cwd() / "data" / "keys",
        cache=Path.cwd() / "data" / "cache",
        host="127.0.0.1",
        port=8000,
        workers=os.cpu_count() or 1,
        roles=ALL_ROLES,
        evaluate_limit="60/hour;200/day",
        evaluate_budget=1_000_000,
        max_stale=24 * 3600,
        proxy_hops=0,
        log_json=True,
    )


def test_an_empty_setting_is_an_unset_one() -> None:
    """``QORGAN_DATA=`` in an environment file means the default, as it does elsewhere."""
    assert Settings.from_env(dict.fromkeys(SETTINGS, "")) == Settings.from_env({})


def test_every_setting_is_taken() -> None:
    """Each documented setting has its effect."""
    taken = Settings.from_env(
        {
            "QORGAN_DATA": "/srv/qorgan",
            "QORGAN_REDIS_URL": "rediss://user:pw@store:6380/2",
            "QORGAN_KEYS": "/etc/qorgan",
            "QORGAN_CACHE": "/var/cache/qorgan",
            "QORGAN_BIND": "[::1]:9000",
            "QORGAN_WORKERS": "3",
            "QORGAN_ROLES": "range, evaluate",
            "QORGAN_EVALUATE_LIMIT": "off",
            "QORGAN_EVALUATE_BUDGET": "50000",
            "QORGAN_MAX_STALE": "90m",
            "QORGAN_PROXY_HOPS": "2",
            "QORGAN_LOG": "text",
            "PATH": "/usr/bin",
            "qorgan_data": "another program's",
        }
    )
    assert taken == Settings(
        data=Path("/srv/qorgan"),
        redis_url="rediss://user:pw@store:6380/2",
        keys=Path("/etc/qorgan"),
        cache=Path("/var/cache/qorgan"),
        host="[::1]",
        port=9000,
        workers=3,
        roles=frozenset({Role.RANGE, Role.EVALUATE}),
        evaluate_limit=None,
        evaluate_budget=50_000,
        max_stale=5400,
        proxy_hops=2,
        log_json=False,
    )
    assert len(SETTINGS) == 12


def test_keys_and_cache_follow_the_data_folder() -> None:
    """One setting moves everything; a relative one counts from where the program starts."""
    moved = Settings.from_env({"QORGAN_DATA": "elsewhere"})
    assert moved.data == Path.cwd() / "elsewhere"
    assert (moved.keys, moved.cache) == (moved.data / "keys", moved.data / "cache")


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument the environment of the process is read."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QORGAN_WORKERS", "7")
    assert Settings.from_env().workers == 7


BAD = {
    "QORGAN_REDIS_URL": [
        f"http://{MARKER}@store",
        f"{MARKER}",
        f"//:{MARKER}@store",
        f"redis-{MARKER}://store",
        f"redis+{MARKER}://store",
        f"unix+cluster://{MARKER}/s",
        f"redis://:{MARKER}[@store",  # these three make urlsplit itself raise
        f"redis://[{MARKER}",
        f"redis://:{MARKER}\u2100@store",
    ],
    "QORGAN_BIND": [
        f"{MARKER}",
        "127.0.0.1",
        ":8000",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:80 ",
        "127.0.0.1:80\n",
        "::1:80",
        f"http://{MARKER}:80",
        "127.0.0.1:\u0668\u0660",
        f"{MARKER}@host:80",
    ],
    "QORGAN_WORKERS": ["0", "257", "-1", "1.5", "two", MARKER, "1e2", " 1", "1\n", "9" * 5000],
    "QORGAN_ROLES": [MARKER, "range,", ",", "range;site", "Range", f"range,{MARKER}", "all"],
    "QORGAN_EVALUATE_LIMIT": [
        MARKER,
        "60",
        "hour",
        "60/fortnight",
        "60/7hour",
        f"60/hour;{MARKER}",
        "-1/hour",
    ],
    "QORGAN_MAX_STALE": ["0h", "24", "h", "-1h", "1.5h", "1w", "24h ", "24 h", MARKER, "9999999d"],
    "QORGAN_PROXY_HOPS": ["-1", "9", "1.0", MARKER, "true"],
    "QORGAN_LOG": ["JSON", "yaml", MARKER, "json "],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD.items() for v in values])
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    """A refusal names the setting and what it must be, and never repeats what may be a secret."""
    sentence = refusal(**{name: value})
    assert sentence.startswith(f"{name} must be ")
    assert MARKER not in sentence
    assert not sentence.endswith(".")


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("QORGAN_WORKERS", ["1", "256", "08"]),
        ("QORGAN_PROXY_HOPS", ["0", "8"]),
        ("QORGAN_BIND", ["0.0.0.0:0", "localhost:65535", "[::]:80", "a-b.example:1"]),
        ("QORGAN_MAX_STALE", ["1s", "999999d", "1m"]),
        ("QORGAN_EVALUATE_LIMIT", ["1/second", "60/hour;200/day", "10 per 2 minutes", "off"]),
        ("QORGAN_REDIS_URL", ["redis://store", "unix:///run/store.sock", "rediss://:p@store:1/0"]),
        ("QORGAN_REDIS_URL", ["redis+cluster://a:1,b:2/", "rediss+cluster://u:p@a,b"]),
        ("QORGAN_ROLES", ["site", "api,site,evaluate,range", "range,range"]),
    ],
)
def test_good_values_up_to_the_bounds(name: str, good: list[str]) -> None:
    """The last value within each bound is taken."""
    for value in good:
        Settings.from_env({name: value})


@pytest.mark.parametrize(
    ("unknown", "near"),
    [
        ("QORGAN_REDIS", "QORGAN_REDIS_URL"),
        ("QORGAN_DATA_DIR", "QORGAN_DATA"),
        ("QORGAN_WORKER", "QORGAN_WORKERS"),
        ("QORGAN_EVALUATE_LIMITS", "QORGAN_EVALUATE_LIMIT"),
        ("QORGAN_STALE", "QORGAN_MAX_STALE"),
        ("QORGAN_HOPS", "QORGAN_PROXY_HOPS"),
        ("QORGAN_BINDING", "QORGAN_BIND"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest(unknown: str, near: str) -> None:
    """A mistyped name stops the service rather than leave the default at work."""
    assert refusal(**{unknown: MARKER}) == f"unknown setting {unknown}; did you mean {near}?"


@pytest.mark.parametrize("unknown", ["QORGAN_", "QORGAN_ZZZZZZZZZZZZZZZZZ", "QORGAN_\u049b"])
def test_a_name_like_none_is_refused_too(unknown: str) -> None:
    """There is a suggestion, however far the name."""
    assert refusal(**{unknown: MARKER}).startswith(
        f"unknown setting {unknown}; did you mean QORGAN_"
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://store:6379/0", "redis://store:6379/0"),
        (f"redis://:{MARKER}@store:6379/0", "redis://:***@store:6379/0"),
        (f"rediss://user:{MARKER}@store", "rediss://user:***@store"),
        (f"redis://user:{MARKER}@{MARKER}@store", "redis://user:***@store"),
        (f"redis://user:{MARKER}:{MARKER}@store", "redis://user:***@store"),
        (f"redis+cluster://user:{MARKER}@a:1,b:2/", "redis+cluster://user:***@a:1,b:2/"),
        (f"unix://user:{MARKER}@/run/store.sock?db=1", "unix://user:***@/run/store.sock?db=1"),
    ],
)
def test_a_password_is_masked(url: str, shown: str) -> None:
    """``qorgan settings`` can be pasted into a ticket."""
    settings = Settings.from_env({"QORGAN_REDIS_URL": url})
    assert settings.redis_url == url
    assert settings.shown()["QORGAN_REDIS_URL"] == shown


@pytest.mark.parametrize(
    "url",
    [
        f"redis://store?password={MARKER}",  # redis-py takes it from there, too
        f"redis://store/0?db=1&password={MARKER}&x=1",
        f"redis://:{MARKER}/{MARKER}@store:6379/0",  # not escaped, so no password to urlsplit
        f"redis://:{MARKER}#{MARKER}@store",
        f"redis://:{MARKER}?{MARKER}@store",
        f"redis://store?password={MARKER}#{MARKER}",
        f"redis:user:{MARKER}@store",  # no slashes, so no user and no password to urlsplit
        f"redis:/user:{MARKER}@store",
    ],
)
def test_a_password_in_an_odd_place_is_not_shown(url: str) -> None:
    """A password that was not escaped, or stands in the query, is masked or refused."""
    try:
        said = Settings.from_env({"QORGAN_REDIS_URL": url}).shown()["QORGAN_REDIS_URL"]
    except InputError as error:
        said = error.sentence
    assert MARKER not in said


def test_a_password_is_not_in_the_settings_text() -> None:
    """Settings that land in a log or a traceback show no password."""
    settings = Settings.from_env({"QORGAN_REDIS_URL": f"redis://:{MARKER}@store"})
    assert MARKER not in repr(settings)
    assert MARKER not in f"{settings}"


def test_what_is_shown_reads_back() -> None:
    """The shown settings are valid ones and mean the same."""
    environ = {
        "QORGAN_DATA": "/srv/qorgan",
        "QORGAN_REDIS_URL": "redis://store/1",
        "QORGAN_ROLES": "site,range",
        "QORGAN_EVALUATE_LIMIT": "off",
        "QORGAN_MAX_STALE": "100s",
        "QORGAN_LOG": "text",
        "QORGAN_BIND": "[::1]:80",
    }
    settings = Settings.from_env(environ)
    shown = settings.shown()
    assert tuple(shown) == SETTINGS
    assert Settings.from_env(shown) == settings
    assert (shown["QORGAN_ROLES"], shown["QORGAN_MAX_STALE"]) == ("range,site", "100s")
    default = Settings.from_env({}).shown()
    assert (default["QORGAN_REDIS_URL"], default["QORGAN_MAX_STALE"]) == ("(embedded)", "24h")


def test_settings_cannot_be_changed() -> None:
    """What was checked at start-up stays what it was."""
    settings = Settings.from_env({})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("[::1]:0", ("[::1]", 0)),
        ("localhost:65535", ("localhost", 65535)),
        ("localhost:65536", None),
        ("localhost:99999", None),
        ("localhost:123456", None),
        ("localhost", None),
        ("", None),
        ("unix:/run/x.sock", None),
    ],
)
def test_bind_is_a_host_and_a_port(text: str, expected: tuple[str, int] | None) -> None:
    """An address is split once, here."""
    assert parse_bind(text) == expected
