"""What a client remembers of a service, so that the service cannot change it unnoticed.

Without pins a hostile service could serve its victim a new salt each time and learn 12 fresh bits
a lookup, or an old version without the newest leaks. One small JSON file, a line of text fields
for each service; no identifier is ever in it.
"""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lookup.errors import Code, CouldNotCheckError
from lookup.protocol.parameters import Argon2Document, Parameters


@dataclass(frozen=True)
class Pin:
    """What must stay as it was first seen, and the highest counter seen."""

    publisher_key: str
    public_key: str
    argon2: Argon2Document
    prefix_bits: int
    counter: int


class Pins:
    """The pins of one file, or of this process only where there is no file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._pins: dict[str, Pin] = self._read()

    def publisher_key(self, service: str) -> bytes | None:
        """The publisher key pinned for a service, if any."""
        pin = self._pins.get(service)
        return None if pin is None else bytes.fromhex(pin.publisher_key)

    def check(self, service: str, seen: Parameters) -> None:
        """Hold parameters (whose signature was checked) against the pin; pin on first use.

        Raises:
            CouldNotCheckError: PIN_MISMATCH or ROLLED_BACK; or BAD_FILE, the file is unusable.
        """
        now = Pin(seen.publisher_key, seen.public_key, seen.argon2, seen.prefix_bits, seen.counter)
        pin = self._pins.get(service)
        if pin is not None:
            for name in ("publisher_key", "public_key", "argon2"):
                if getattr(pin, name) != getattr(now, name):
                    raise self._mismatch(name.replace("_", " "))
            if now.prefix_bits > pin.prefix_bits:
                raise self._mismatch("prefix length")
            if now.counter < pin.counter:
                raise CouldNotCheckError(
                    Code.ROLLED_BACK,
                    "could not check: the service shows an older index than it did before",
                )
        kept = now if pin is None else replace(pin, counter=now.counter)
        if kept != pin:
            self._pins[service] = kept
            self._write()

    def _mismatch(self, what: str) -> CouldNotCheckError:
        where = f" in {self._path}" if self._path else ""
        return CouldNotCheckError(
            Code.PIN_MISMATCH,
            f"could not check: the service's {what} is not the one pinned{where}; only if its "
            "operator has announced a new index, remove that pin",
        )

    def _read(self) -> dict[str, Pin]:
        if self._path is None or not self._path.exists():
            return {}
        try:
            raw = json.loads(self._path.read_text(encoding="utf-8"))
            return {
                service: Pin(**fields | {"argon2": Argon2Document(**fields["argon2"])})
                for service, fields in raw.items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            raise self._unusable() from None

    def _write(self) -> None:
        if self._path is None:
            return
        document = {service: asdict(pin) for service, pin in self._pins.items()}
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
            draft.replace(self._path)
        except OSError:
            raise self._unusable() from None

    def _unusable(self) -> CouldNotCheckError:
        return CouldNotCheckError(
            Code.BAD_FILE,
            f"could not check: the pins file {self._path} cannot be used; mend or remove it",
        )
