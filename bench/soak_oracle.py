"""What a lookup may be answered at which moment, and whether it was: pure, over what was noted.

The harness notes when each switch of a version began and was done, and when store and web node were
away; a lookup notes when it began, when it ended, and what came of it. An answer names its
versions, so it is right if a node could serve each of them in that time, and if it tells of exactly
the leaks that each person has in them, with the person's own data classes. Nothing else is right
but an error that its time excuses:

- store away: whatever has to count in the store (evaluations) may say 503, and so may whatever
  needs a key at a node that started meanwhile and has heard of no client;
- web node away (a worker killed, all of it restarted): the connection may break;
- a version that is neither the current one nor the one before is gone (410).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

Window = tuple[float, float]  # monotonic seconds, from and to
Leaks = Mapping[str, Sequence[str]]  # dataset -> data classes

FOLLOWS = 5.0  # seconds after a switch in which nodes may serve the version before: the documents'
GRACE = 3.0  # seconds that it takes connections to be made anew, and gunicorn to part from old ones


class Kind(StrEnum):
    """What was asked."""

    CHECK = "check"  # the Python client's whole check, public lane
    BOTH = "both"  # the same with a key, both lanes
    BULK = "bulk"  # POST /v1/check with a key
    RANGE = "range"
    PARAMS = "params"
    REGISTER = "register"
    FILTER = "filter"
    PAGE = "page"


EVALUATING = frozenset({Kind.CHECK, Kind.BOTH})
KEYED = frozenset({Kind.BOTH, Kind.BULK})
_OF_PERSONS = frozenset({Kind.CHECK, Kind.BOTH, Kind.BULK, Kind.RANGE})


@dataclass(frozen=True)
class Asked:
    """One lookup and what came of it.

    Attributes:
        due, began, ended: monotonic seconds; ``due`` is when the schedule wanted it.
        who: numbers of the citizens it was about.
        versions: lane -> version that was answered.
        found: for each of ``who`` the leaks that were told; of a register, its names as keys.
        error: why there is no answer; "" where there is one.
    """

    kind: Kind
    due: float
    began: float
    ended: float
    who: tuple[int, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    found: tuple[Leaks, ...] = ()
    error: str = ""

    def line(self) -> str:
        """As a line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of_line(cls, line: str) -> "Asked":
        """Read back."""
        raw = json.loads(line)
        raw |= {key: tuple(raw[key]) for key in ("who", "found")}
        return cls(**raw | {"kind": Kind(raw["kind"])})


class Verdict(StrEnum):
    """What an answer is worth; the last two fail the run."""

    RIGHT = "right"
    EXCUSED = "excused"
    ERROR = "error"
    WRONG = "wrong"


@dataclass(frozen=True)
class Switch:
    """A lane's version, what it is made of, and when its command ran."""

    lane: str
    version: str
    datasets: frozenset[str]
    began: float
    done: float


@dataclass
class Timeline:
    """All that happened; ``away`` windows are only added once they are over."""

    switches: dict[str, list[Switch]] = field(default_factory=dict)
    store_away: list[Window] = field(default_factory=list)
    web_away: list[Window] = field(default_factory=list)

    def add(self, switch: Switch) -> None:
        """Note a switch; of a lane's, in the order in which they happened."""
        self.switches.setdefault(switch.lane, []).append(switch)

    def settled(self, switch: Switch) -> float:
        """From when on no node may serve what was before: it heard of it, or the store was away."""
        until = switch.done + FOLLOWS
        for began, ended in sorted(self.store_away):
            if began < until and ended > switch.done:
                until = max(until, ended + FOLLOWS)
        return until

    def may_serve(self, lane: str, span: Window) -> dict[str, Switch]:
        """The versions that a right answer may name."""
        known = self.switches.get(lane, [])
        return {
            one.version: one
            for one, after in zip(known, [*known[1:], None], strict=True)
            if one.began <= span[1] and (after is None or self.settled(after) >= span[0])
        }

    def may_be_gone(self, lane: str, version: str, span: Window) -> bool:
        """Whether a node may not have a version: not yet, or not any more."""
        known = self.switches.get(lane, [])
        at = next((n for n, one in enumerate(known) if one.version == version), None)
        if at is None:
            return False
        is_new = self.settled(known[at]) >= span[0]
        return is_new or (at + 2 < len(known) and known[at + 2].began <= span[1])


def within(windows: Iterable[Window], span: Window, grace: float = GRACE) -> bool:
    """Whether a time touches one of these."""
    return any(began <= span[1] and span[0] <= ended + grace for began, ended in windows)


@dataclass(frozen=True)
class Oracle:
    """Judges; ``leaks`` has each citizen's, by dataset, published or not."""

    timeline: Timeline
    leaks: Sequence[Leaks]

    def judge(self, asked: Asked) -> tuple[Verdict, str]:
        """The verdict, and for all but right ones why, without a person in it."""
        span = asked.began, asked.ended
        if asked.error:
            excuse = self._excuse(asked, span)
            verdict = Verdict.EXCUSED if excuse else Verdict.ERROR
            return verdict, f"{asked.error}{f' ({excuse})' if excuse else ''}"
        if asked.kind is Kind.REGISTER:
            return self._register(asked, span)
        published: dict[str, Switch] = {}
        for lane, version in asked.versions.items():
            allowed = self.timeline.may_serve(lane, span)
            # A range is asked by its version, which may be any that the node still has.
            if asked.kind in (Kind.RANGE, Kind.FILTER):
                known = self.timeline.switches.get(lane, [])
                allowed = {one.version: one for one in known if one.began <= span[1]}
            if version not in allowed:
                return Verdict.WRONG, "a version that no node may serve any more"
            published[lane] = allowed[version]
        return self._persons(asked, published)

    def _persons(self, asked: Asked, published: Mapping[str, Switch]) -> tuple[Verdict, str]:
        if asked.kind in _OF_PERSONS and len(asked.found) != len(asked.who):
            return Verdict.WRONG, "answers to fewer or more than were asked about"
        names = frozenset().union(*(one.datasets for one in published.values()))
        for who, told in zip(asked.who, asked.found, strict=True):
            true = {name: sorted(its) for name, its in self.leaks[who].items() if name in names}
            if told.keys() < true.keys():
                return Verdict.WRONG, "a leak of a person is missing"
            if told.keys() != true.keys():
                return Verdict.WRONG, "a leak that the person is not in, or that was withdrawn"
            if {name: sorted(classes) for name, classes in told.items()} != true:
                return Verdict.WRONG, "other data classes than the person's"
        return Verdict.RIGHT, ""

    def _register(self, asked: Asked, span: Window) -> tuple[Verdict, str]:
        (names,) = (set(found) for found in asked.found)
        lanes = [self.timeline.may_serve(lane, span).values() for lane in self.timeline.switches]
        possible: list[frozenset[str]] = [frozenset()]
        for versions in lanes:
            possible = [one | version.datasets for one in possible for version in versions]
        if names in possible:
            return Verdict.RIGHT, ""
        return Verdict.WRONG, "a register that no node may show"

    def _excuse(self, asked: Asked, span: Window) -> str:
        """What excuses an error; "" if nothing does."""
        timeline = self.timeline
        match asked.error.split():
            case ["connection", *_] if within(timeline.web_away, span):
                return "web node away"
            case ["503", *_] if within(timeline.store_away, span):
                if asked.kind in EVALUATING:
                    return "store away"
                if asked.kind in KEYED and self._began_without_store(span):
                    return "started without the store"
            case ["410", *_] if any(
                timeline.may_be_gone(lane, version, span)
                for lane, version in asked.versions.items()
            ):
                return "version gone"
        return ""

    def _began_without_store(self, span: Window) -> bool:
        """Whether a worker began while the store was away, as it is in this time."""
        windows = [one for one in self.timeline.store_away if within([one], span)]
        return any(
            within(windows, web, 0.0) and web[0] <= span[1] for web in self.timeline.web_away
        )

    def is_outage_test(self, asked: Asked) -> bool:
        """Whether it was asked of the files alone, all of it while the store was away."""
        span = asked.began, asked.ended
        is_in = any(a <= span[0] and span[1] <= b for a, b in self.timeline.store_away)
        is_of_files = asked.kind not in EVALUATING
        if asked.kind in KEYED and self._began_without_store(span):
            is_of_files = False
        return is_of_files and is_in and not within(self.timeline.web_away, span)
