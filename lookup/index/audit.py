"""The audit trail: who did what to the index and when, in signed records chained one to the other.

Each record names the SHA-256 of the line before it. Record 1 enters the first operator, by himself;
whoever else signs was entered by a record before. ``verify`` finds every change within the trail.
That its end was cut off, or that all of it was written anew, shows only to somebody who has kept a
head (the SHA-256 of a line) elsewhere.

Line n is entry ``n-0`` of the stream. The store takes an id only above all that it ever took, so
of two operators who continue the same line one is refused: that is the compare-and-set.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from lookup.errors import Code, InputError, UnavailableError
from lookup.index import audit_record
from lookup.index.audit_record import Details, Event, Record, Signer
from lookup.index.store import Store

TRAIL = "qorgan:audit"
_FIRST_PREVIOUS = "0" * 64
_MOST_BACK = timedelta(days=1)  # clocks of several machines differ; more is a rewritten past
_BATCH = 500  # lines asked for at a time: about 1 MiB
_TRIES = 100  # each one that fails is another operator's record: so many never come in a row


@dataclass(frozen=True)
class Trail:
    """A trail that was verified.

    Attributes:
        records: all of them; ``hashes`` the SHA-256 of each one's line.
        operators: by id, the record that entered each.
    """

    records: tuple[Record, ...]
    hashes: tuple[str, ...]
    operators: dict[str, Record]

    @property
    def head(self) -> str:
        """The SHA-256 of the last line; 64 zeros where there is none."""
        return self.hashes[-1] if self.hashes else _FIRST_PREVIOUS

    @property
    def four_eyes(self) -> bool:
        """Whether who publishes must not be who loaded."""
        is_on = False
        for record in self.records:
            if record.event is Event.FOUR_EYES_SET:
                is_on = bool(record.details.on)
        return is_on

    def loaders_of(self, load_id: int) -> set[str]:
        """The operators who loaded a load; none where no record tells."""
        return {
            record.operator
            for record in self.records
            if record.event is Event.LOADED and record.details.load == load_id
        }

    def number_of(self, event: Event, details: Details) -> int | None:
        """The record that says this already, and that nothing since has overtaken."""
        about = audit_record.subject(event, details)
        for record in reversed(self.records):
            if about == audit_record.subject(record.event, record.details):
                wanted = record.model_copy(update={"event": event, "details": details})
                return record.number if wanted.state == record.state else None
        return None


def read(store: Store, head: str | None = None) -> Trail:
    """The store's trail, verified; with a head that was kept, also that it goes that far.

    Raises:
        UnavailableError: BAD_SIGNATURE, the trail was changed; the sentence names the record.
        StoreError: the store is away.
    """
    # Asked first: a record that is added while we read must not look like one that is missing.
    last = _last_number(store)
    trail = verify(read_lines(store), head)
    if len(trail.records) < last:
        raise _changed(len(trail.records) + 1, "is missing")
    return trail


def read_lines(store: Store) -> list[bytes]:
    """The trail's lines as they stand, whatever they are worth.

    Raises:
        StoreError: the store is away.
    """
    lines: list[bytes] = []
    first = "-"
    while True:
        entries: Any = store.redis.xrange(TRAIL, min=first, count=_BATCH)
        # An entry of any other form becomes a line that no record has.
        lines += [
            fields[b"line"] if fields and list(fields) == [b"line"] else b""
            for _, fields in entries
        ]
        if len(entries) < _BATCH:
            return lines
        first = f"({entries[-1][0].decode()}"


def verify(lines: Iterable[bytes], head: str | None = None) -> Trail:
    """The trail of these lines, every one of them checked.

    Args:
        head: the SHA-256 of a line that must be among them, if one was kept.

    Raises:
        UnavailableError: BAD_SIGNATURE, with the number of the first record that is not right.
    """
    records: list[Record] = []
    hashes: list[str] = []
    operators: dict[str, Record] = {}
    latest = datetime.min.replace(tzinfo=UTC)
    for number, line in enumerate(lines, 1):
        record = _checked(number, line, operators)
        if record.previous != (hashes[-1] if hashes else _FIRST_PREVIOUS):
            raise _changed(number, "does not continue the one before it: one of them was changed")
        if latest - record.time > _MOST_BACK:
            raise _changed(number, "is more than a day older than one before it")
        latest = max(latest, record.time)
        if record.event is Event.OPERATOR_ADDED:
            operators.setdefault(_entered(record), record)
        records.append(record)
        hashes.append(_hash(line))
    if head is not None and head not in hashes:
        raise UnavailableError(
            Code.BAD_SIGNATURE,
            f"the audit trail ends with record {len(records)} and none of its records is the head "
            "that was kept: its end was cut off, or it was written anew; look for an export",
        )
    return Trail(tuple(records), tuple(hashes), operators)


def append(
    store: Store, operator: Signer, event: Event, details: Details, now: datetime | None = None
) -> str:
    """Record an event, once: where the trail says so already, nothing is added. The head.

    An empty trail first gets the record that enters its first operator. Killed, or with a reply
    lost, and run again, there is one record all the same.

    Raises:
        InputError: BAD_USAGE, the trail does not know this operator, or the clock is behind.
        UnavailableError: BAD_SIGNATURE, the trail was changed: nothing is built on it.
        StoreError: the store is away; run again.
    """
    trail = read(store)
    if not trail.records:
        trail = _append(store, trail, operator, Event.OPERATOR_ADDED, introduction(operator), now)
    return _append(store, trail, operator, event, details, now).head


def introduction(operator: Signer) -> Details:
    """The details that enter an operator."""
    return Details(public_key=operator.public_key.hex(), name=operator.name)


def refuse_unknown(trail: Trail, operator: Signer) -> None:
    """Refuse an operator whom the trail does not know, before he does what it could not record.

    Raises:
        InputError: BAD_USAGE.
    """
    if trail.records and operator.id not in trail.operators:
        raise InputError(
            Code.BAD_USAGE,
            f"the audit trail does not know operator {operator.id}; have one whom it knows run: "
            f"qorgan operator add {operator.public_key.hex()}",
        )


def _append(
    store: Store,
    trail: Trail,
    operator: Signer,
    event: Event,
    details: Details,
    now: datetime | None,
) -> Trail:
    sent: list[bytes] = []
    for _ in range(_TRIES):
        refuse_unknown(trail, operator)
        # Sent by us, and the reply was lost: then it is there, whatever came after it.
        is_sent = any(_hash(line) in trail.hashes for line in sent)
        if is_sent or trail.number_of(event, details) is not None:
            return trail
        sent.append(_next_line(trail, operator, event, details, now or datetime.now(UTC)))
        _send(store, len(trail.records) + 1, sent[-1])
        trail = read(store)
    raise UnavailableError(
        Code.STORE_UNAVAILABLE, "the audit trail is too busy; run the same command again"
    )


def _next_line(
    trail: Trail, operator: Signer, event: Event, details: Details, now: datetime
) -> bytes:
    latest = max((record.time for record in trail.records), default=now)
    if latest - now.replace(microsecond=0) > _MOST_BACK:
        raise InputError(
            Code.BAD_USAGE,
            "this clock is more than a day behind the audit trail; set it, then run again",
        )
    record = Record(
        number=len(trail.records) + 1,
        at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        event=event,
        operator=operator.id,
        details=details,
        previous=trail.head,
    )
    return audit_record.signed_line(record, operator)


def _send(store: Store, number: int, line: bytes) -> None:
    """Add a line, or find that its place was taken; by whom, the next reading shows."""
    try:
        store.redis.xadd(TRAIL, {"line": line}, id=f"{number}-0")
    except redis.ResponseError:
        if _last_number(store) < number:
            raise


def _last_number(store: Store) -> int:
    """The highest number that the stream ever took, also if that record was deleted since."""
    if not store.redis.exists(TRAIL):
        return 0
    about: Any = store.redis.xinfo_stream(TRAIL)
    return int(about["last-generated-id"].partition(b"-")[0])


def _checked(number: int, line: bytes, operators: dict[str, Record]) -> Record:
    """A record that stands in its place and was signed by an operator known before it."""
    try:
        record, signature = audit_record.parse(line)
    except (ValueError, InputError):
        raise _changed(number, "is not as a record is written") from None
    if record.number != number:
        raise _changed(number, "is missing or not in its place")
    signer = operators.get(record.operator)
    if number == 1 and _entered(record) == record.operator:
        signer = record
    if signer is None:
        raise _changed(number, "is by nobody whom a record before it entered")
    public_key = bytes.fromhex(signer.details.public_key or "")
    if not audit_record.is_signed(record, signature, public_key):
        raise _changed(number, "was changed, or signed with another key")
    certificate = record.details.certificate
    if certificate is not None and _hash(certificate.encode()) != record.details.certificate_sha256:
        raise _changed(number, "holds another certificate than it names")
    return record


def _entered(record: Record) -> str:
    """The id of the operator whom a record enters, else an id that nobody has."""
    is_entry = record.event is Event.OPERATOR_ADDED and record.details.public_key
    return audit_record.operator_id(bytes.fromhex(is_entry)) if is_entry else ""


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _changed(number: int, what: str) -> UnavailableError:
    return UnavailableError(
        Code.BAD_SIGNATURE,
        f"record {number} of the audit trail {what}; compare it with an export kept elsewhere",
    )
