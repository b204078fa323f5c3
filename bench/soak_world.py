"""What ``bench.soak`` works on: store and web node as deployed, the operator's commands, people.

The web node has the web user's permissions in the store, commands have the loader's.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from bench.figures import say
from bench.soak_servers import Valkey, Web
from loaders.synth import people
from lookup import keys
from lookup.index import definition, keyspace, versions
from lookup.index.store import Store
from lookup.protocol import entries
from lookup.protocol.oprf import ServerKey
from lookup.protocol.stretch import Argon2Parameters, stretch
from lookup.protocol.suite import Kind, Lane

CLASSES = ("government-issued-ids", "names", "physical-addresses")


class CommandError(Exception):
    """A command failed; its text is what it said."""


@dataclass(frozen=True)
class Citizen:
    """Somebody who is asked about; ``leaks``: dataset -> data classes, published or not."""

    iin: str = field(repr=False)
    token: str = field(repr=False)  # public lane, hex
    leaks: dict[str, tuple[str, ...]]


class World:
    """Store, web node, operator and people, for the length of a run."""

    def __init__(self, folder: Path, server: str) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("QORGAN_", "GUNICORN_"))}
        self.valkey = Valkey.made(folder / "store")
        self.data = folder / "data"
        self._folder = folder
        self._env = clean | {"QORGAN_DATA": str(self.data)}
        web = {"QORGAN_REDIS_URL": self.valkey.url("web"), "QORGAN_WORKERS": "2"}
        # Counted in the store as in life, but never too much for one network.
        limits = {"QORGAN_EVALUATE_LIMIT": "99999999/hour", "QORGAN_EVALUATE_BUDGET": "999999999"}
        self.web = Web(self._env | web | limits, server, folder / "web.log")
        self.citizens: list[Citizen] = []
        self.rows = 0  # loaded so far
        self._chance = random.Random(1)
        self._fresh = people(1)
        self._argon2: Argon2Parameters | None = None
        self._oprf: ServerKey | None = None

    def create(self) -> str:
        """Start the store, make the index and an app with a key; the key."""
        self.valkey.start()
        self.command("init", "--argon2", "test")
        with self.valkey.client() as client:
            self._argon2 = definition.read(Store(client, None)).argon2
        seeds = keys.loader_keys(self.data / "keys").lanes
        self._oprf = keys.derive_lane_key(seeds[Lane.PUBLIC], Lane.PUBLIC)
        rates = ("--rate", "99999999/hour", "--subject-rate", "off")
        return self.command("client", "add", "soak", "--lanes", "public,verified", *rates).strip()

    def command(self, *words: str, stdin: str = "") -> str:
        """What a ``qorgan`` command prints.

        Raises:
            CommandError: it failed.
        """
        process = self.begun(*words, stdin=stdin)
        out, error = process.communicate(timeout=600)
        if process.returncode:
            raise CommandError(error.strip())
        return out

    def begun(self, *words: str, stdin: str = "") -> subprocess.Popen[str]:
        """A command under way."""
        process = subprocess.Popen(
            [sys.executable, "-m", "loaders", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._env | {"QORGAN_REDIS_URL": self.valkey.url("loader")},
        )
        if stdin:
            assert process.stdin is not None
            process.stdin.write(stdin)
            process.stdin.close()
            process.stdin = None
        return process

    def enter(self, name: str, *, sensitive: bool) -> None:
        """A dataset's entry in the register."""
        path = self._folder / f"{name}.toml"
        path.write_text(
            f'name = "{name}"\nsensitive = {str(sensitive).lower()}\n'
            f'title = {{kk = "{name}", ru = "{name}", en = "{name}"}}\n'
            f"breach_date = 2025-06-16\ndata_classes = {json.dumps(CLASSES)}\n",
            "utf-8",
        )
        self.command("dataset", "add", str(path))

    def dump(self, name: str, count: int, asked: int, shared: int) -> str:
        """A dump of so many new people, and of some who are in other datasets, too.

        ``asked`` of the new ones become citizens who are asked about.
        """
        lines = ["iin;name;address\n"]
        known = self._chance.sample(self.citizens, min(shared, len(self.citizens)))
        known += [self.citizen(person.iin) for person in islice(self._fresh, asked)]
        lines += [self._row(citizen, name) for citizen in known]
        lines += [f"{person.iin};x;x\n" for person in islice(self._fresh, count - asked)]
        self.rows += len(lines) - 1
        return "".join(lines)

    def strangers(self, count: int) -> None:
        """People who are in nothing, and asked about all the same."""
        for person in islice(self._fresh, count):
            self.citizen(person.iin)

    def citizen(self, iin: str) -> Citizen:
        """One more who is asked about."""
        assert self._argon2 is not None
        assert self._oprf is not None
        token = entries.token(self._oprf.evaluate(stretch(Kind.IIN, iin, self._argon2)))
        self.citizens.append(Citizen(iin, token.hex(), {}))
        return self.citizens[-1]

    def age_old_versions(self) -> None:
        """Make versions that nobody may be served any more an hour older, so that they are dropped.

        They stay for an hour, and would all stay to the end of a run otherwise.
        """
        with self.valkey.client() as client:
            for lane in Lane:
                key = keyspace.versions(lane)
                both = versions.read(Store(client, None), lane)
                kept = {f"retired:{one.name}" for one in (both.current, both.previous) if one}
                for name in client.hkeys(key):
                    if name.startswith(b"retired:") and name.decode() not in kept:
                        client.hset(key, name, int(time.time()) - 3601)

    def end(self) -> None:
        """Stop what still runs."""
        with suppress(Exception):
            self.web.stop()
        if self.valkey.process is not None:
            with suppress(ProcessLookupError):
                self.valkey.signal(signal.SIGCONT)
                self.valkey.signal(signal.SIGKILL)

    def _row(self, citizen: Citizen, name: str) -> str:
        """A row of a dump, some cells empty; what is in it is the citizen's leak."""
        cells = [self._chance.random() < 0.5 for _ in CLASSES[1:]]
        shown = zip(CLASSES[1:], cells, strict=True)
        citizen.leaks[name] = (CLASSES[0], *(slug for slug, is_full in shown if is_full))
        return ";".join([citizen.iin, *("x" if is_full else "" for is_full in cells)]) + "\n"


@contextmanager
def world(folder: Path, server: str) -> Iterator[World]:
    """A world in a folder, which has ended after the block."""
    made = World(folder, server)
    try:
        yield made
    except BaseException:
        for path in (made.web.log, made.valkey.folder / "log"):
            if path.exists():
                say(f"  the end of {path.name}: {path.read_text('utf-8', 'replace')[-2000:]}")
        raise
    finally:
        made.end()


def published(out: str) -> dict[str, Any]:
    """The one lane that a command has switched."""
    (one,) = json.loads(out)
    assert isinstance(one, dict)
    return one
