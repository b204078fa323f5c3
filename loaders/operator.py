"""Who works here: the operator's own key, and what the audit trail lets him do.

The key is one more file of the keys folder, ``operator.key``, an Ed25519 seed that never leaves
its machine; beside it, if one was given, a plain name in ``operator.name``. Every operator has a
key of his own: two people who share one are one person to the trail.
"""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lookup import keys
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import audit
from lookup.index.audit_record import harmless, operator_id
from lookup.index.dataset import Dataset
from lookup.index.store import Store
from lookup.protocol.suite import Lane

_KEY = "operator"
_WHO_MAY_ASK = {
    Lane.PUBLIC: "the public lane: anyone may ask who is in it",
    Lane.VERIFIED: "the verified lane: only API clients may ask who is in it",
}


@dataclass(frozen=True)
class Operator:
    """The operator of this machine. The representation shows no key."""

    seed: bytes = field(repr=False)
    name: str | None = None

    @property
    def public_key(self) -> bytes:
        """32 bytes, Ed25519."""
        return keys.publisher_key(self.seed)

    @property
    def id(self) -> str:
        """By what records name him."""
        return operator_id(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def exists(folder: Path) -> bool:
    """Whether this machine has an operator's key."""
    return (folder / f"{_KEY}.key").exists()


def create(folder: Path, name: str | None = None) -> Operator:
    """Make this machine's operator, or find him; a name that is given is the one from now on.

    Raises:
        InputError: BAD_USAGE, the name is no plain name.
        UnavailableError: BAD_KEY_FILE.
    """
    if name is not None:
        harmless(name)
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        keys.create_one(folder, _KEY)
        if name is not None:
            _write_name(folder / f"{_KEY}.name", name)
    except OSError as error:
        raise _bad("the key folder cannot be written", error) from None
    return read(folder)


def read(folder: Path) -> Operator:
    """This machine's operator.

    Raises:
        UnavailableError: BAD_KEY_FILE, a file is missing, others can read it, or it is broken.
    """
    if not exists(folder):
        raise UnavailableError(
            Code.BAD_KEY_FILE,
            "this machine has no operator key; restore it, or run: qorgan operator init",
        )
    seed = keys.read(folder, _KEY)
    try:
        name = (folder / f"{_KEY}.name").read_text(encoding="utf-8")
        return Operator(seed, harmless(name.removesuffix("\n")))
    except FileNotFoundError:
        return Operator(seed)
    except (UnicodeDecodeError, InputError):
        raise UnavailableError(
            Code.BAD_KEY_FILE,
            "operator.name is no plain name; run: qorgan operator init --name NAME",
        ) from None
    except OSError as error:
        raise _bad("operator.name cannot be read", error) from None


def ready(store: Store, folder: Path) -> Operator:
    """The operator, sure to be one whom the trail takes records from; ask before any work.

    Where nobody has recorded anything yet, a missing key is made.

    Raises:
        InputError: BAD_USAGE, the trail does not know him; the sentence says who must do what.
        UnavailableError: BAD_KEY_FILE, or BAD_SIGNATURE where the trail was changed.
        StoreError: the store is away.
    """
    trail = audit.read(store)
    operator = read(folder) if trail.records or exists(folder) else create(folder)
    audit.refuse_unknown(trail, operator)
    return operator


def refuse_same_hands(store: Store, operator: Operator, loads: Iterable[int]) -> None:
    """With four eyes on, refuse to publish loads that this operator loaded.

    Args:
        loads: ids of those that would become visible; what is visible already was looked at.

    Raises:
        InputError: BAD_USAGE, these were his, or nobody's: no record tells who loaded them.
        UnavailableError: BAD_SIGNATURE, the trail was changed.
        StoreError: the store is away.
    """
    trail = audit.read(store)
    if not trail.four_eyes:
        return
    for load_id in loads:
        loaders = trail.loaders_of(load_id)
        if operator.id in loaders:
            raise InputError(
                Code.BAD_USAGE,
                f"load {load_id} was loaded by this operator and four eyes are asked for; "
                "have another operator publish it",
            )
        if not loaders:
            raise InputError(
                Code.BAD_USAGE,
                f"no record tells who loaded load {load_id} and four eyes are asked for; "
                "have another operator run its load command again, then publish",
            )


def confirm_lane(dataset: Dataset, *, assume_yes: bool) -> None:
    """Have a person confirm the lane of a dataset that is published for the first time.

    Raises:
        InputError: BAD_USAGE, the answer was no.
    """
    if assume_yes:
        return
    where = f"{dataset.name} goes to {_WHO_MAY_ASK[dataset.lane]}"
    if not sys.stdin.isatty():  # scripts publish too, and there is nobody to ask
        return
    if not click.confirm(f"{where}. Once published, that cannot be undone. Publish?", err=True):
        raise InputError(
            Code.BAD_USAGE,
            "nothing was published; for the other lane, enter the dataset under another name",
        )


def _write_name(path: Path, name: str) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(name.encode() + b"\n")
    draft.replace(path)


def _bad(what: str, error: OSError) -> UnavailableError:
    return UnavailableError(Code.BAD_KEY_FILE, f"{what} ({os.strerror(error.errno or 0)})")
