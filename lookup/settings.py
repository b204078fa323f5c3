"""The settings: ``QORGAN_*`` environment variables, read once into one frozen object.

A value is never repeated in an error: it may hold a password.
"""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from limits import parse_many

from lookup.errors import Code, InputError


class Role(StrEnum):
    """What a web node does; the roles need not share a machine."""

    RANGE = "range"
    EVALUATE = "evaluate"
    SITE = "site"
    API = "api"


@dataclass(frozen=True)
class Settings:
    """The validated settings; paths are absolute.

    Attributes:
        data: folder of the embedded store, the keys and the cache.
        redis_url: the store's URL; None means the embedded Valkey.
        keys: folder of the key files.
        cache: folder of a web node's view and filter files.
        host, port: where the web server listens.
        workers: web server and hashing processes.
        roles: what this web node does.
        evaluate_limit: in the ``limits`` library's notation, counts elements; None is off.
        evaluate_budget: elements a day that all anonymous callers together may have evaluated.
        max_stale: seconds without word from the store after which ranges are refused.
        proxy_hops: how many proxies in front of us are ours.
        log_json: JSON lines rather than plain text.
    """

    data: Path
    redis_url: str | None = field(repr=False)  # it may hold a password
    keys: Path
    cache: Path
    host: str
    port: int
    workers: int
    roles: frozenset[Role]
    evaluate_limit: str | None
    evaluate_budget: int
    max_stale: int
    proxy_hops: int
    log_json: bool

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read and check the settings.

        Raises:
            InputError: a setting is unknown or has a value of the wrong form.
        """
        env = {
            k: v
            for k, v in (os.environ if environ is None else environ).items()
            if k.startswith("QORGAN_")
        }
        for name in env:
            if name not in SETTINGS:
                near = difflib.get_close_matches(name, SETTINGS, n=1, cutoff=0.0)[0]
                raise InputError(Code.BAD_SETTING, f"unknown setting {name}; did you mean {near}?")
        data = Path(env.get("QORGAN_DATA") or "data").absolute()
        host, port = _bind(env.get("QORGAN_BIND") or "127.0.0.1:8000")
        return cls(
            data=data,
            redis_url=_redis_url(env.get("QORGAN_REDIS_URL")),
            keys=Path(env.get("QORGAN_KEYS") or data / "keys").absolute(),
            cache=Path(env.get("QORGAN_CACHE") or data / "cache").absolute(),
            host=host,
            port=port,
            workers=_whole("QORGAN_WORKERS", env, _cores(), 1, 256),
            roles=_roles(env.get("QORGAN_ROLES") or "range,evaluate,site,api"),
            evaluate_limit=_limit(env.get("QORGAN_EVALUATE_LIMIT") or "60/hour;200/day"),
            evaluate_budget=_whole("QORGAN_EVALUATE_BUDGET", env, 1_000_000, 1_000, 999_999_999),
            max_stale=_duration(env.get("QORGAN_MAX_STALE") or "24h"),
            proxy_hops=_whole("QORGAN_PROXY_HOPS", env, 0, 0, 8),
            log_json=_log(env.get("QORGAN_LOG") or "json"),
        )

    def shown(self) -> dict[str, str]:
        """The settings as text for ``qorgan settings``; a password in the URL is masked."""
        hours, rest = divmod(self.max_stale, 3600)
        return {
            "QORGAN_DATA": str(self.data),
            "QORGAN_REDIS_URL": _masked(self.redis_url) if self.redis_url else "(embedded)",
            "QORGAN_KEYS": str(self.keys),
            "QORGAN_CACHE": str(self.cache),
            "QORGAN_BIND": f"{self.host}:{self.port}",
            "QORGAN_WORKERS": str(self.workers),
            "QORGAN_ROLES": ",".join(role for role in Role if role in self.roles),
            "QORGAN_EVALUATE_LIMIT": self.evaluate_limit or "off",
            "QORGAN_EVALUATE_BUDGET": str(self.evaluate_budget),
            "QORGAN_MAX_STALE": f"{self.max_stale}s" if rest else f"{hours}h",
            "QORGAN_PROXY_HOPS": str(self.proxy_hops),
            "QORGAN_LOG": "json" if self.log_json else "text",
        }


SETTINGS = (
    "QORGAN_DATA",
    "QORGAN_REDIS_URL",
    "QORGAN_KEYS",
    "QORGAN_CACHE",
    "QORGAN_BIND",
    "QORGAN_WORKERS",
    "QORGAN_ROLES",
    "QORGAN_EVALUATE_LIMIT",
    "QORGAN_EVALUATE_BUDGET",
    "QORGAN_MAX_STALE",
    "QORGAN_PROXY_HOPS",
    "QORGAN_LOG",
)

_STORE_SCHEMES = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")
_LONGEST_WINDOW = 86400  # seconds: pseudonyms change every day: a window must end with it
LIMITS_FORM = "limits whose windows fill a day, such as 60/hour;200/day, or off"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_bind(text: str) -> tuple[str, int] | None:
    """``host:port`` (an IPv6 host in brackets) as a pair, or None where it is not one."""
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", text)
    if match is None or int(match[2]) > 65535:
        return None
    return match[1], int(match[2])


def parse_limit(text: str) -> str | None:
    """Limits in the notation of the ``limits`` library, checked; None for "off".

    Raises:
        ValueError: they are none, or a day is not a whole number of their windows.
    """
    if text == "off":
        return None
    items = parse_many(text)
    if any(_LONGEST_WINDOW % i.get_expiry() or i.amount < 1 for i in items):
        raise ValueError
    return text


def _bind(text: str) -> tuple[str, int]:
    pair = parse_bind(text)
    if pair is None:
        raise _bad("QORGAN_BIND", "an address and a port, as 127.0.0.1:8000")
    return pair


def _redis_url(text: str | None) -> str | None:
    if not text:
        return None
    try:
        scheme = urlsplit(text).scheme
    except ValueError:  # half an IPv6 address
        scheme = ""
    if scheme not in _STORE_SCHEMES or not text.startswith(f"{scheme}://"):
        raise _bad("QORGAN_REDIS_URL", "a redis://, rediss://, redis+cluster:// or unix:// URL")
    return text


def _whole(name: str, env: Mapping[str, str], default: int, low: int, high: int) -> int:
    text = env.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise _bad(name, f"a whole number from {low} to {high}")
    return int(text)


def _cores() -> int:
    """The cores that we may use: in a container these are fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _roles(text: str) -> frozenset[Role]:
    try:
        return frozenset(Role(part.strip()) for part in text.split(","))
    except ValueError:
        raise _bad("QORGAN_ROLES", "a comma-separated choice of " + ", ".join(Role)) from None


def _limit(text: str) -> str | None:
    try:
        return parse_limit(text)
    except ValueError:
        raise _bad("QORGAN_EVALUATE_LIMIT", LIMITS_FORM) from None


def _duration(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if match is None or int(match[1]) == 0:
        raise _bad("QORGAN_MAX_STALE", "a time such as 30m or 24h")
    return int(match[1]) * _SECONDS[match[2]]


def _log(text: str) -> bool:
    if text not in ("json", "text"):
        raise _bad("QORGAN_LOG", "json or text")
    return text == "json"


def _masked(url: str) -> str:
    """The URL without what may be a password, also one that was not escaped."""
    url = re.sub(r"(?<=[?&]password=)[^&]*", "***", url)
    scheme, _, rest = url.partition("://")
    secret, at, place = rest.rpartition("@")
    user, colon, _ = secret.partition(":")
    return f"{scheme}://{user}:***@{place}" if at and colon else url


def _bad(name: str, wanted: str) -> InputError:
    return InputError(Code.BAD_SETTING, f"{name} must be {wanted}")
