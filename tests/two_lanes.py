"""A scripted service of both lanes, the verified one for whoever has the key."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hostile_service import REGISTER, Asked, HostileService, Reply, Step, serving
from small_publication import Publication

from lookup.protocol.suite import Lane

KEY = "qk_0123456789abcdef_" + "k" * 43


def lane_of(asked: Asked) -> Lane:
    """The lane that a request is about; the register is everybody's."""
    match asked.step:
        case Step.EVALUATE:
            return Lane(json.loads(asked.body)["lane"])
        case Step.REGISTER:
            return Lane.PUBLIC
    return Lane(asked.target.split("/")[3])


@dataclass
class TwoLanes(HostileService):
    """``publication`` is the public lane's; a lane's lie is told at one of its steps."""

    verified: Publication | None = None
    lane_lies: dict[tuple[Lane, Step], Callable[[Reply], Reply]] = field(default_factory=dict)

    def honest(self, asked: Asked) -> Reply:
        lane = lane_of(asked)
        if asked.step is Step.REGISTER:
            clinic = json.loads(REGISTER)[0] | {"name": "clinic", "sensitive": True}
            return Reply(json.dumps([*json.loads(REGISTER), clinic]).encode())
        reply = self._of(lane).honest(asked)
        if lane is Lane.VERIFIED and ("Authorization", f"Bearer {KEY}") not in asked.headers:
            reply = Reply(b"{}", status=401)
        return self.lane_lies.get((lane, asked.step), lambda honest: honest)(reply)

    def _of(self, lane: Lane) -> HostileService:
        publication = self.publication if lane is Lane.PUBLIC else self.verified
        assert publication is not None
        return HostileService(publication)


@contextmanager
def two_lanes(public: Publication, verified: Publication) -> Iterator[TwoLanes]:
    """The service on a free port of loopback until the block ends."""
    with serving(TwoLanes(public, verified=verified)) as service:
        yield service
