"""API clients as an operator changes them: what may be asked for, and in which order it is told.

A key is told in the audit trail before it is given, and taken before that is told: a command that
is killed in between leaves nobody who can ask unseen.
"""

import re
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from loaders.recording import Recorder
from lookup.errors import Code, InputError
from lookup.index import clients, usage
from lookup.index.audit_record import Details, Event, harmless
from lookup.index.clients import ApiClient
from lookup.index.store import Store
from lookup.index.usage import Use
from lookup.protocol.suite import Lane
from lookup.settings import LIMITS_FORM, parse_limit

_LONGEST_URL = 300
_USAGE_DAYS = 30
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Wanted:
    """What an operator typed of a new client, not checked."""

    name: str
    lanes: str
    rate: str
    subject_rate: str
    webhook: str | None
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Listed:
    """A client, and by day what it asked."""

    client: ApiClient
    used: dict[str, dict[str, int]]

    @property
    def state(self) -> str:
        """Whether its keys open, and whether there is more than one."""
        if self.client.revoked_at is not None:
            return "revoked"
        return "open" if len(self.client.hashes(time.time())) == 1 else "old key open"

    def totals(self) -> dict[str, int]:
        """What it asked on all these days."""
        return {use.value: sum(day[use.value] for day in self.used.values()) for use in Use}

    def document(self) -> dict[str, object]:
        """All of it but what belongs to its keys."""
        told = asdict(self.client)
        for secret in ("key_sha256", "old_keys"):
            del told[secret]
        return {**told, "lanes": sorted(self.client.lanes), "state": self.state, "usage": self.used}


def add(recorder: Recorder, wanted: Wanted) -> tuple[ApiClient, str]:
    """Enter a client; it and its key, which nobody can tell a second time.

    Raises:
        InputError: BAD_USAGE, something of it is refused, or the name is taken.
        StoreError: the store is away.
    """
    client, key = clients.new(
        harmless(wanted.name),
        parse_lanes(wanted.lanes),
        rate=_rate("--rate", wanted.rate),
        subject_rate=_rate("--subject-rate", wanted.subject_rate),
        webhook=None if wanted.webhook is None else parse_webhook(wanted.webhook),
        origins=tuple(dict.fromkeys(map(parse_origin, wanted.origins))),
    )
    clients.refuse_taken(recorder.store, client.name)  # before a record tells of one that is not
    lanes = tuple(sorted(client.lanes))
    recorder.record(Event.CLIENT_ADDED, Details(client=client.id, name=client.name, lanes=lanes))
    clients.add(recorder.store, client)
    return client, key


def rotate(recorder: Recorder, name: str, *, grace: int) -> str:
    """Give a client a new key, which is told once; the key before opens so many seconds more.

    Raises:
        InputError: BAD_USAGE, there is no such client.
        StoreError: the store is away.
    """
    client = clients.get(recorder.store, name)
    told = Details(client=client.id, name=client.name, request=secrets.token_hex(8))
    recorder.record(Event.CLIENT_ROTATED, told)
    return clients.rotate(recorder.store, client, grace=grace)


def revoke(recorder: Recorder, name: str) -> ApiClient:
    """End a client's keys. Killed and run again, it is told all the same.

    Raises:
        InputError: BAD_USAGE, there never was such a client.
        StoreError: the store is away.
    """
    known = [one for one in clients.read_history(recorder.store) if one.name == name]
    if not known:
        raise clients.unknown()
    client = next((one for one in known if one.revoked_at is None), known[-1])
    if client.revoked_at is None:
        clients.revoke(recorder.store, client)
    recorder.record(Event.CLIENT_REVOKED, Details(client=client.id, name=client.name))
    return client


def listed(store: Store) -> list[Listed]:
    """All clients, the revoked ones too, with what they asked in the last 30 days."""
    today = datetime.now(UTC).date()
    days = [(today - timedelta(days=ago)).isoformat() for ago in range(_USAGE_DAYS)]
    return [
        Listed(client, usage.read(store, client.id, days)) for client in clients.read_history(store)
    ]


def parse_lanes(text: str) -> frozenset[Lane]:
    """Lanes, separated by commas.

    Raises:
        InputError: BAD_USAGE.
    """
    try:
        return frozenset(Lane(part.strip()) for part in text.split(","))
    except ValueError:
        raise InputError(
            Code.BAD_USAGE, "--lanes must be public, verified, or public,verified"
        ) from None


def parse_origin(text: str) -> str:
    """An origin as browsers send it.

    Raises:
        InputError: BAD_USAGE.
    """
    default = {"http": ":80", "https": ":443"}.get(text.partition("://")[0], "")
    if not _ORIGIN.fullmatch(text) or len(text) > _LONGEST_URL or text.endswith(default):
        raise InputError(
            Code.BAD_USAGE,
            "--origin must be as browsers send it: https://app.example.kz, in lower case, with no "
            "path and no default port",
        )
    return text


def parse_webhook(text: str) -> str:
    """Where notices go: an address that itself holds no secret, since operators see it.

    Raises:
        InputError: BAD_USAGE.
    """
    try:
        parts = urlsplit(text)
        is_safe = parts.scheme == "https" or parts.hostname in _LOOPBACK
        is_plain = not (parts.username or parts.password or parts.query or parts.fragment)
        is_address = bool(parts.hostname) and parts.scheme in ("http", "https")
        _ = parts.port
    except ValueError:  # half an IPv6 address, or a port that is none
        is_safe = is_plain = is_address = False
    is_text = text.isascii() and text.isprintable() and " " not in text
    if not (is_safe and is_plain and is_address and is_text and len(text) <= _LONGEST_URL):
        raise InputError(
            Code.BAD_USAGE,
            "--webhook must be an https:// URL without user, password, query and fragment",
        )
    return text


def _rate(option: str, text: str) -> str | None:
    try:
        return parse_limit(text)
    except ValueError:
        raise InputError(Code.BAD_USAGE, f"{option} must be {LIMITS_FORM}") from None
