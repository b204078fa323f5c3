"""What happens while ``bench.soak`` asks: datasets come and go, workers and store are restarted.

One change at a time, each noted in the timeline as wide as it could have been seen. Until a sixth
of the run nothing but datasets changes; web nodes are restarted until the half, so that the workers
that are there then live to the end; the store goes on being killed.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle

from bench.figures import say
from bench.soak_oracle import Switch, Timeline, Window
from bench.soak_world import CommandError, World, published

_BASE = (30_000, 30_000, 20_000, 20_000)  # identifiers of the public datasets that stay
_SENSITIVE = 5_000
_SMALL = 2_000  # of those that come and go
_ASKED = 300  # of each dataset's people
_SHARED = 60  # of its people who are in others, too
_STRANGERS = 600
_KEPT = 6  # small datasets; beyond, one is withdrawn
_STEP = 25.0  # seconds from change to change, in a run that is long enough
_PAUSE = 3.0  # seconds between two changes at least
_RETRY = 120.0  # seconds for a command while the store comes back
_PUBLIC, _VERIFIED = "public", "verified"


class Changes:
    """Makes them; ``tell_citizens`` is called when there are new people to ask about."""

    def __init__(
        self,
        world: World,
        timeline: Timeline,
        tell_citizens: Callable[[], None],
        *,
        quick: bool = False,
    ) -> None:
        self._world, self._timeline, self._tell = world, timeline, tell_citizens
        self._quick, self._scale = quick, 20 if quick else 1
        self._chance = random.Random(2)
        self._number = 0
        self._base: set[str] = set()
        self.done: dict[str, int] = {}
        calm = (self.publish, self.publish, self.withdraw)
        self._early = cycle(calm)
        self._middle = cycle(
            (
                *(self.kill_worker, self.hang_up, self.kill_worker_without_store),
                *(self.restart_web, self.publish, self.stop_store, self.withdraw),
                *(self.kill_store, self.rollback, self.publish_and_kill_store),
                self.publish_sensitive,
            )
        )
        self._late = cycle(
            (
                *(self.kill_store, self.withdraw, self.stop_store, self.publish_and_kill_store),
                *(self.rollback, self.publish_sensitive, self.publish),
            )
        )

    def begin(self) -> None:
        """The datasets that are there at first."""
        for count in _BASE[:1] if self._quick else _BASE:
            self._base.add(self._publish(self._loaded(count // self._scale)))
        self._base.add(
            self._publish(self._loaded(_SENSITIVE // self._scale, sensitive=True), _VERIFIED)
        )
        self._world.strangers(_STRANGERS)
        self._tell()

    def run(self, seconds: float) -> None:
        """Change something every while, for so long."""
        began = time.monotonic()
        step = max(6.0, min(_STEP, seconds / 20))
        due = began + step
        while (due := max(due, time.monotonic() + _PAUSE)) < began + seconds - step / 2:
            time.sleep(due - time.monotonic())
            share, due = (due - began) / seconds, due + step
            change = next(
                self._early if share < 1 / 6 else self._middle if share < 1 / 2 else self._late
            )
            name = change.__name__.replace("_", " ")
            change_began = time.monotonic()
            change()
            took = time.monotonic() - change_began
            say(f"  {change_began - began:6.0f} s  {name} ({took:.1f} s)")
            self.done[name] = self.done.get(name, 0) + 1
        time.sleep(max(0.0, began + seconds - time.monotonic()))

    def publish(self) -> None:
        """A new small dataset."""
        self._publish(self._loaded(_SMALL // self._scale))

    def publish_sensitive(self) -> None:
        """The same in the verified lane."""
        self._publish(self._loaded(_SMALL // self._scale, sensitive=True), _VERIFIED)

    def withdraw(self) -> None:
        """One of the small ones, of the lane that has more of them."""
        lane = max((_PUBLIC, _VERIFIED), key=lambda lane: len(self._small(lane)))
        if not (small := self._small(lane)):
            return self.publish()
        for name in self._chance.sample(small, max(1, len(small) - _KEPT)):
            left = self._now(lane).datasets - {name}
            self._switch(lane, left, "withdraw", name, "--reason", "soak")
        return None

    def rollback(self) -> None:
        """To what the public lane was some versions ago."""
        past = self._timeline.switches[_PUBLIC][-5:-1]
        target = self._chance.choice(past)
        self._switch(_PUBLIC, target.datasets, "rollback", target.version)

    def kill_worker(self) -> None:
        """One of the two."""
        web = self._world.web
        workers = web.workers()
        killed = self._chance.choice(workers)
        with _noted(self._timeline.web_away):
            web.renewed(lambda: os.kill(killed, signal.SIGKILL), {killed}, len(workers))

    def hang_up(self) -> None:
        """SIGHUP: all workers are replaced, in order."""
        web = self._world.web
        workers = web.workers()
        with _noted(self._timeline.web_away):
            web.renewed(lambda: os.kill(web.pid, signal.SIGHUP), set(workers), len(workers))

    def restart_web(self) -> None:
        """Stop the web node, start it again."""
        with _noted(self._timeline.web_away):
            self._world.web.stop()
            self._world.web.start()

    def kill_store(self) -> None:
        """SIGKILL, and a start on the same files some seconds later."""
        with self._store_killed():
            time.sleep(self._chance.uniform(3, 10))

    def kill_worker_without_store(self) -> None:
        """A worker begins with nothing but what the node last knew."""
        with self._store_killed():
            self.kill_worker()
            time.sleep(self._chance.uniform(3, 6))

    def stop_store(self) -> None:
        """It hangs: connections stay, and nothing answers."""
        with _noted(self._timeline.store_away):
            self._world.valkey.signal(signal.SIGSTOP)
            time.sleep(self._chance.uniform(2, 6))
            self._world.valkey.signal(signal.SIGCONT)

    def publish_and_kill_store(self) -> None:
        """Amid a publish, which is then run again."""
        name = self._loaded(_SMALL // self._scale)
        began = time.monotonic()
        command = self._world.begun("publish", name, "--yes")
        time.sleep(self._chance.uniform(0.3, 1.5))
        with self._store_killed():
            time.sleep(3)
        command.communicate(timeout=_RETRY)
        self._publish(name, began=began)

    def _loaded(self, count: int, *, sensitive: bool = False) -> str:
        self._number += 1
        name = f"soak-{self._number:03d}"
        self._world.enter(name, sensitive=sensitive)
        asked = min(_ASKED, count // 2)
        dump = self._world.dump(name, count, asked, _SHARED)
        fields = ("--field", "name=names", "--field", "address=physical-addresses")
        self._world.command("load", "-", "--dataset", name, "--iin", "iin", *fields, stdin=dump)
        self._tell()
        return name

    def _publish(self, name: str, lane: str = _PUBLIC, began: float | None = None) -> str:
        datasets = self._now(lane).datasets | {name}
        self._switch(lane, datasets, "publish", name, "--yes", began=began)
        return name

    def _switch(
        self, lane: str, datasets: frozenset[str], *words: str, began: float | None = None
    ) -> None:
        """Run a command until it has switched, and note what is served from then on."""
        began = time.monotonic() if began is None else began
        self._world.age_old_versions()
        until = time.monotonic() + _RETRY
        while True:
            try:
                said = published(self._world.command(*words, "--json"))
                break
            except CommandError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
        if (lane, datasets) != (said["lane"], frozenset(said["datasets"])):
            raise SystemExit(f"bench: qorgan {words[0]} made a version of other datasets")
        if said["version"] != self._now(lane).version:
            done = time.monotonic()
            self._timeline.add(Switch(lane, said["version"], datasets, began, done))

    def _now(self, lane: str) -> Switch:
        switches = self._timeline.switches.get(lane)
        return switches[-1] if switches else Switch(lane, "", frozenset(), 0.0, 0.0)

    def _small(self, lane: str) -> list[str]:
        return sorted(self._now(lane).datasets - self._base)

    @contextmanager
    def _store_killed(self) -> Iterator[None]:
        with _noted(self._timeline.store_away):
            self._world.valkey.signal(signal.SIGKILL)
            yield
            self._world.valkey.start()


@contextmanager
def _noted(windows: list[Window]) -> Iterator[None]:
    began = time.monotonic()
    yield
    windows.append((began, time.monotonic()))
