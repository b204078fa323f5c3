"""What a client remembers of a service, so that the service cannot change it unnoticed.

Without pins a hostile service could serve its victim a new salt each time and learn 12 fresh bits
a lookup, or an old version without the newest leaks. One small JSON file, a line of text fields
for each service; no identifier is ever in it. Programs that share the file lose no pin of each
other's: each reads it anew, and writes it under a lock.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lookup.errors import Code, CouldNotCheckError
from lookup.protocol.parameters import Argon2Document, Parameters


@dataclass(frozen=True)
class Pin:
    """What must stay as it was first seen, and the newest version seen."""

    publisher_key: str
    public_key: str
    argon2: Argon2Document
    prefix_bits: int
    counter: int
    root: str  # of the version with that counter


class Pins:
    """The pins of one file, or of this process only where there is no file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._pins: dict[str, Pin] = {}
        self._pins = self._read()

    def publisher_key(self, service: str) -> bytes | None:
        """The publisher key pinned for a service, if any."""
        pin = self._pins.get(service)
        return None if pin is None else bytes.fromhex(pin.publisher_key)

    def check(self, service: str, seen: Parameters) -> None:
        """Hold parameters (whose signature was checked) against the pin; pin on first use.

        Raises:
            CouldNotCheckError: PIN_MISMATCH or ROLLED_BACK; or BAD_FILE, the file is unusable.
        """
        now = Pin(
            seen.publisher_key,
            seen.public_key,
            seen.argon2,
            seen.prefix_bits,
            seen.counter,
            seen.root,
        )
        self._pins = self._read()
        if self._held(service, now) != self._pins.get(service):
            with self._locked():
                self._pins = self._read()  # another program may have written since
                self._pins[service] = self._held(service, now)
                self._write()

    def _held(self, service: str, now: Pin) -> Pin:
        """The pin as it is after this was seen, if that fits the pin before."""
        pin = self._pins.get(service)
        if pin is not None:
            for name in ("publisher_key", "public_key", "argon2"):
                if getattr(pin, name) != getattr(now, name):
                    raise self._mismatch(name.replace("_", " "))
            if now.prefix_bits > pin.prefix_bits:
                raise self._mismatch("prefix length")
            if (now.counter, now.root) != (pin.counter, pin.root) and now.counter <= pin.counter:
                raise CouldNotCheckError(
                    Code.ROLLED_BACK,
                    "could not check: the service shows another index than before, not a newer one",
                )
        return now if pin is None else replace(pin, counter=now.counter, root=now.root)

    def _mismatch(self, what: str) -> CouldNotCheckError:
        where = f" in {self._path}" if self._path else ""
        return CouldNotCheckError(
            Code.PIN_MISMATCH,
            f"could not check: the service's {what} is not the one pinned{where}; only if its "
            "operator has announced a new index, remove that pin",
        )

    def _read(self) -> dict[str, Pin]:
        if self._path is None:
            return self._pins
        try:
            raw = json.loads(self._path.read_text(encoding="utf-8"))
            return {service: _pin(fields) for service, fields in raw.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise self._unusable() from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if self._path is None:
            yield
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_name(f".{self._path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError:
            raise self._unusable() from None

    def _write(self) -> None:
        if self._path is None:
            return
        document = {service: asdict(pin) for service, pin in self._pins.items()}
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        draft.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        draft.replace(self._path)

    def _unusable(self) -> CouldNotCheckError:
        return CouldNotCheckError(
            Code.BAD_FILE,
            f"could not check: the pins file {self._path} cannot be used; mend or remove it",
        )


def _pin(fields: dict[str, Any]) -> Pin:
    """A pin as the file has it; ValueError or TypeError where that cannot be compared."""
    pin = Pin(**fields | {"argon2": Argon2Document(**fields["argon2"])})
    if type(pin.counter) is not int or type(pin.prefix_bits) is not int:
        raise TypeError
    if not re.fullmatch(r"[0-9a-f]{64}", pin.publisher_key):
        raise ValueError
    return pin
