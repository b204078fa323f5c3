"""The secret keys: one file each, never in the store, the environment or a message.

A file holds 32 bytes as one line of hex, mode 0600, in a folder 0700.
A node needs only those of its role. ``init`` creates them; start-up compares them with the index.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lookup.errors import Code, UnavailableError
from lookup.protocol.oprf import ServerKey
from lookup.protocol.suite import Lane

KEY_BYTES = 32
NOTICES = "notices"  # seals subscriptions and notices: loaders, deliverers, web nodes of role api
WEBHOOK = (
    "webhook"  # each client's webhook secret comes from it: deliverers, where clients are made
)
METRICS = "metrics"  # who sends it may read /metrics; not made by init
_LINE = re.compile(rb"[0-9a-f]{64}\n?")


@dataclass(frozen=True)
class LoaderKeys:
    """What loading and publishing need. The representation shows nothing.

    Attributes:
        lanes: a DeriveKeyPair seed for each lane.
        ledger: AES-256 key of the ledger's rows.
        padding: seed of padding entries and version salts.
        publisher: Ed25519 seed.
    """

    lanes: dict[Lane, bytes] = field(repr=False)
    ledger: bytes = field(repr=False)
    padding: bytes = field(repr=False)
    publisher: bytes = field(repr=False)


_ALL = (*Lane, "ledger", "padding", "publisher", NOTICES, WEBHOOK)


def create(folder: Path, names: Iterable[str] = _ALL) -> None:
    """Make the keys that are not there yet; an interrupted ``init`` is continued.

    Raises:
        UnavailableError: BAD_KEY_FILE, the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        for name in names:
            create_one(folder, name)
    except OSError as error:
        raise _bad("the key folder cannot be written", error) from None


def lane_key(folder: Path, lane: Lane) -> ServerKey:
    """The OPRF key of a lane, from its file.

    Raises:
        UnavailableError: BAD_KEY_FILE.
    """
    return derive_lane_key(read(folder, lane.value), lane)


def derive_lane_key(seed: bytes, lane: Lane) -> ServerKey:
    """DeriveKeyPair of RFC 9497 with the lane's name in its info."""
    return ServerKey(seed, b"qorgan v1 " + lane.value.encode())


def loader_keys(folder: Path) -> LoaderKeys:
    """All keys, for loaders.

    Raises:
        UnavailableError: BAD_KEY_FILE.
    """
    return LoaderKeys(
        lanes={lane: read(folder, lane.value) for lane in Lane},
        ledger=read(folder, "ledger"),
        padding=read(folder, "padding"),
        publisher=read(folder, "publisher"),
    )


def check_value(key: bytes, purpose: str) -> str:
    """16 hex digits by which an index knows a key again; nothing of the key follows from them."""
    return hmac.digest(key, f"qorgan v1 {purpose} check".encode(), "sha256")[:8].hex()


def publisher_key(seed: bytes) -> bytes:
    """The public Ed25519 key (32 bytes) of a publisher seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def limits_key(lane_seed: bytes, day: str) -> bytes:
    """The key of one day's address pseudonyms: whoever has only the store cannot undo them."""
    return hmac.digest(
        hashlib.sha256(b"qorgan v1 limits" + lane_seed).digest(), day.encode(), "sha256"
    )


def webhook_secret(webhook_key: bytes, client_id: str) -> str:
    """What a client checks the signatures of its notices by, as Standard Webhooks spells it."""
    secret = hmac.digest(webhook_key, b"qorgan v1 webhook " + client_id.encode(), "sha256")
    return "whsec_" + base64.b64encode(secret).decode()


def exists(folder: Path, name: str) -> bool:
    """Whether there is a key file of this name, in whatever state."""
    return (folder / f"{name}.key").exists()


def read(folder: Path, name: str) -> bytes:
    """The 32 bytes of one key file.

    Raises:
        UnavailableError: BAD_KEY_FILE, it is missing, others can read it, or it has another form.
    """
    path = folder / f"{name}.key"
    try:
        for checked in (folder, path):
            if stat.S_IMODE(checked.stat().st_mode) & 0o077:
                raise UnavailableError(
                    Code.BAD_KEY_FILE,
                    f"others can read {checked}; run: chmod go= {checked}",
                )
        line = path.read_bytes()
    except FileNotFoundError:
        raise UnavailableError(
            Code.BAD_KEY_FILE,
            f"the key file {path} is missing; restore it from backup",
        ) from None
    except OSError as error:
        raise _bad(f"the key file {path} cannot be read", error) from None
    if not _LINE.fullmatch(line):
        raise UnavailableError(
            Code.BAD_KEY_FILE, f"{path} is not a key file: one line of 64 hex digits is expected"
        )
    return bytes.fromhex(line.decode())


def create_one(folder: Path, name: str) -> None:
    path = folder / f"{name}.key"
    if path.exists():
        return
    # Written whole under another name and then linked, so that a killed init leaves no half key.
    draft = folder / f".{name}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(KEY_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another init made it at the same moment: that one counts
    finally:
        draft.unlink()


def _bad(what: str, error: OSError) -> UnavailableError:
    why = os.strerror(error.errno or 0).lower()
    return UnavailableError(
        Code.BAD_KEY_FILE, f"{what} ({why}); it must belong to the user who runs this"
    )
