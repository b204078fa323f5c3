"""How far a client's notices were delivered to its webhook: batches, their tries, and who is at it.

The life of a batch: *cut* from the stream behind the cursor (at most 100 notices, and its last id
names it for ever), tried at once and then after growing waits, and gone when it was delivered, or
*dead* after five tries, until somebody replays it. Batches wait for their next try beside each
other: one that an app cannot read holds up no other.

Who delivers holds a lease, which is in the same hash as all that it changes: a script looks at it
with each change, by the store's own clock. So of several deliverers one is at a client's batches,
and one that slept too long changes nothing. Killed between delivering and noting it, a batch is
delivered again, with the same id.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from lookup.index import keyspace, notices
from lookup.index.notice_book import NoticeBook
from lookup.index.store import Store
from lookup.protocol.suite import Lane

NOTICES = 100  # in a batch: about 20 KB
WAITS = (5, 300, 1800, 7200)  # seconds after each try but the last; a little less or more of each
TRIES = len(WAITS) + 1
LEASE = 15  # seconds: longer than a delivery can take; so long after a kill the next one waits
_MOST_WAITING = 100  # batches of one client; the rest stays in its stream until then
_BATCH = "batch:"

_TAKE = """
local now = tonumber(redis.call('TIME')[1])
local holder, until_ = string.match(redis.call('HGET', KEYS[1], 'lease') or '', '(%S+) (%d+)')
if holder and holder ~= ARGV[1] and tonumber(until_) > now then return 0 end
redis.call('HSET', KEYS[1], 'lease', ARGV[1] .. ' ' .. string.format('%d', now + ARGV[2]))
return 1
"""

# Fields and values; an empty value removes its field.
_CHANGE = """
local holder = string.match(redis.call('HGET', KEYS[1], 'lease') or '', '(%S+) ')
if holder ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
  else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return 1
"""

_REPLACE = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""


@dataclass(frozen=True)
class Target:
    """One client's stream of one lane."""

    lane: Lane
    client_id: str

    @property
    def key(self) -> str:
        """Of its hash in the store."""
        return keyspace.deliveries(self.lane, self.client_id)


@dataclass(frozen=True)
class Batch:
    """Notices that travel together.

    Attributes:
        after, last: ids in the stream; it holds what is after the one and up to the other.
        notices: how many entries that is.
        tries: how often it was sent; ``due`` the second (since 1970) of the next try.
        failure: why the last try failed, in words of ours; ``failed_at`` when.
    """

    after: str
    last: str
    notices: int
    tries: int = 0
    due: int = 0
    failure: str = ""
    failed_at: int = 0

    @property
    def is_dead(self) -> bool:
        """Whether it is tried no more."""
        return self.tries >= TRIES

    def failed(self, why: str, now: int, stray: float) -> "Batch":
        """The same after one more try that failed.

        Args:
            stray: 0 to 1, random, so that what failed together is not tried again together.
        """
        wait = 0 if self.tries + 1 >= TRIES else WAITS[self.tries] * (0.9 + 0.2 * stray)
        return replace(
            self, tries=self.tries + 1, due=now + round(wait), failure=why, failed_at=now
        )


@dataclass(frozen=True)
class Backlog:
    """How many notices of a stream are still to deliver, and how many are tried no more."""

    undelivered: int
    dead: int


@dataclass(frozen=True)
class Desk:
    """One deliverer at one target; ``owner`` is random, and his."""

    book: NoticeBook
    target: Target
    owner: str

    def has_work(self, now: int) -> bool:
        """Whether it is worth taking the lease."""
        cursor, waiting = _state(self.book.store, self.target)
        if any(batch.due <= now for batch in waiting if not batch.is_dead):
            return True
        return self._ends(cursor, waiting)[1] > 0

    def take(self) -> bool:
        """Take or renew the lease; whether it is ours now."""
        return bool(self.book.store.redis.eval(_TAKE, 1, self.target.key, self.owner, str(LEASE)))

    def release(self) -> None:
        """Let others deliver."""
        self._change(("lease", ""))

    def next_batch(self, now: int) -> Batch | None:
        """The batch that is due longest, or a new one; None if there is none, or no lease."""
        cursor, waiting = _state(self.book.store, self.target)
        due = [batch for batch in waiting if batch.due <= now and not batch.is_dead]
        if due:
            return min(due, key=lambda batch: batch.due)
        last, count = self._ends(cursor, waiting)
        if not count:
            return None
        made = Batch(cursor, last, count, due=now)
        is_ours = self._change((f"{_BATCH}{last}", _record(made)), ("cursor", last))
        return made if is_ours else None

    def delivered(self, batch: Batch) -> None:
        """It arrived."""
        self._change((f"{_BATCH}{batch.last}", ""))

    def failed(self, batch: Batch) -> None:
        """It did not; ``batch`` is what ``Batch.failed`` made of it."""
        self._change((f"{_BATCH}{batch.last}", _record(batch)))

    def _ends(self, cursor: str, waiting: Sequence[Batch]) -> tuple[str, int]:
        """Where a new batch would end, and how much it would hold."""
        if sum(not batch.is_dead for batch in waiting) >= _MOST_WAITING:
            return cursor, 0
        target = self.target
        return notices.ends(self.book, target.lane, target.client_id, cursor, NOTICES)

    def _change(self, *fields: tuple[str, str]) -> bool:
        flat = [part for field in fields for part in field]
        return bool(self.book.store.redis.eval(_CHANGE, 1, self.target.key, self.owner, *flat))


def waiting(store: Store, target: Target) -> list[Batch]:
    """The batches that are not delivered, dead ones too, oldest first."""
    return _state(store, target)[1]


def dead(store: Store, target: Target) -> list[Batch]:
    """The batches that are tried no more, oldest first."""
    return [batch for batch in waiting(store, target) if batch.is_dead]


def backlog(store: Store, target: Target, most: int) -> Backlog:
    """What is left to do; of what is not cut into batches at most so many are counted."""
    cursor, batches = _state(store, target)
    key = keyspace.notices(target.lane, target.client_id)
    uncut = len(store.redis.xrange(key, min=f"({cursor}", count=most) or ())
    waits = sum(batch.notices for batch in batches if not batch.is_dead)
    dead_ones = sum(batch.notices for batch in batches if batch.is_dead)
    return Backlog(uncut + waits, dead_ones)


def replay(store: Store, target: Target) -> int:
    """Have all dead batches tried again, as if new; how many these were."""
    revived = 0
    for batch in dead(store, target):
        again = replace(batch, tries=0, due=0)
        field = f"{_BATCH}{batch.last}"
        revived += int(
            store.redis.eval(_REPLACE, 1, target.key, field, _record(batch), _record(again))
        )
    return revived


def drop_before(store: Store, target: Target, number: int) -> None:
    """Forget the batches whose notices were all of earlier rounds."""
    for batch in waiting(store, target):
        if notices.round_of(batch.last) < number:
            store.redis.hdel(target.key, f"{_BATCH}{batch.last}")


def _state(store: Store, target: Target) -> tuple[str, list[Batch]]:
    fields = store.hash(target.key)
    batches = [Batch(**json.loads(raw)) for f, raw in fields.items() if f.startswith(_BATCH)]
    batches.sort(key=lambda batch: notices.numbers(batch.last))
    return fields.get("cursor", notices.FIRST), batches


def _record(batch: Batch) -> str:
    return json.dumps(asdict(batch), sort_keys=True)
