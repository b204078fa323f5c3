"""What apps are told of new leaks: for each client and lane a stream of sealed notices.

A notice's id is ``<round>-<tag>``: the tags of one client's persons are as good as random, and
notices of a round are written in their order. The store takes an id only above all that it ever
took. So a round that is written again, by whom and how often soever, doubles nothing and leaves
nothing out: the id is the compare-and-set.

An entry holds person, datasets and masks, sealed (AES-SIV) for its client, lane and id; what the
round is about stands once, in the round.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from lookup.errors import Code, UnavailableError
from lookup.index import keyspace, rounds, versions
from lookup.index.notice_book import PERSON, NoticeBook
from lookup.index.rounds import Round
from lookup.protocol import parameters
from lookup.protocol.suite import Lane

ID_PATTERN = "^[0-9]{1,19}-[0-9]{1,20}$"  # of a notice: when, and a random number
FIRST = "0-0"  # an id before all others
_FIELD = b"n"
_BATCH = 1000  # notices written at a time
_MATCH = 4  # bytes: dataset id and mask


@dataclass(frozen=True)
class Match:
    """One person of a client, and the datasets that he is newly in: pairs of id and mask."""

    tag: int
    person: bytes
    datasets: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Notice:
    """What a client is told of one of its persons.

    Attributes:
        person: 16 hex digits, as the client gave them.
        version: in which the leak was new; ``created_at`` when that was, UTC.
        datasets: name and this person's data classes.
    """

    id: str
    lane: Lane
    version: str
    created_at: str
    person: str
    datasets: tuple[tuple[str, tuple[str, ...]], ...]

    def document(self) -> dict[str, object]:
        """As apps receive it, by asking and by webhook."""
        return {
            "id": self.id,
            "lane": self.lane.value,
            "version": self.version,
            "created_at": self.created_at,
            "person": self.person,
            "datasets": [
                {"name": name, "data_classes": list(classes)} for name, classes in self.datasets
            ],
        }


@dataclass(frozen=True)
class Page:
    """Some of a stream.

    Attributes:
        notices: those whose datasets are still published: what was withdrawn is told to nobody.
        last: the id of the last entry looked at; where there was none, the id that was given.
        entries: how many were looked at.
    """

    notices: tuple[Notice, ...]
    last: str
    entries: int


def write(
    book: NoticeBook, lane: Lane, client_id: str, about: Round, matches: Iterable[Match]
) -> Iterator[int]:
    """Write a client's notices of a round, yielding how many of each batch were new.

    Args:
        matches: by ascending tag.

    Raises:
        StoreError: the store is away; run again.
    """
    key = keyspace.notices(lane, client_id)
    cipher = AESSIV(book.notice_key)
    done = _last_written(book, key)
    batch: list[tuple[str, bytes]] = []
    for match in matches:
        if (about.number, match.tag) <= done:
            continue
        entry_id = f"{about.number}-{match.tag}"
        batch.append((entry_id, _seal(cipher, lane, client_id, entry_id, match)))
        if len(batch) == _BATCH:
            yield _send(book, key, batch)
            batch = []
    if batch:
        yield _send(book, key, batch)


def read(
    book: NoticeBook, lane: Lane, client_id: str, after: str, most: int, until: str = "+"
) -> Page:
    """The notices after an id.

    Raises:
        UnavailableError: STORE_UNAVAILABLE, an entry was damaged.
        StoreError: the store is away.
    """
    key = keyspace.notices(lane, client_id)
    entries: Any = book.store.redis.xrange(key, min=f"({after}", max=until, count=most)
    found = {entry_id.decode(): fields for entry_id, fields in entries}
    if not found:
        return Page((), after, 0)
    about = rounds.read(book.store, lane, (round_of(entry_id) for entry_id in found))
    published = _published(book, lane)
    cipher = AESSIV(book.notice_key)
    notices = []
    for entry_id, fields in found.items():
        its_round = about.get(round_of(entry_id))  # gone with its notices, if that was just now
        if its_round is not None:
            match = _unseal(cipher, lane, client_id, entry_id, fields)
            notices.append(_notice(entry_id, lane, its_round, match, published))
    return Page(
        notices=tuple(notice for notice in notices if notice.datasets),
        last=list(found)[-1],
        entries=len(found),
    )


def ends(book: NoticeBook, lane: Lane, client_id: str, after: str, most: int) -> tuple[str, int]:
    """The id of the last of at most so many entries after an id, and how many these are."""
    key = keyspace.notices(lane, client_id)
    entries: Any = book.store.redis.xrange(key, min=f"({after}", count=most)
    return (entries[-1][0].decode(), len(entries)) if entries else (after, 0)


def _send(book: NoticeBook, key: str, batch: Sequence[tuple[str, bytes]]) -> int:
    """Add entries; those that somebody else has added meanwhile are not ours, nor new."""
    pipeline = book.store.redis.pipeline(transaction=False)
    for entry_id, sealed in batch:
        pipeline.xadd(key, {_FIELD: sealed}, id=entry_id)
    replies = pipeline.execute(raise_on_error=False)
    refused = [reply for reply in replies if isinstance(reply, Exception)]
    if refused:
        for error in refused:
            if not isinstance(error, redis.ResponseError):
                raise error
        if _last_written(book, key) < numbers(batch[-1][0]):
            raise refused[0]
    return len(batch) - len(refused)


def _last_written(book: NoticeBook, key: str) -> tuple[int, int]:
    """The highest id that the stream ever took, as two numbers."""
    if not book.store.redis.exists(key):
        return 0, 0
    about: Any = book.store.redis.xinfo_stream(key)
    return numbers(about["last-generated-id"].decode())


def _published(book: NoticeBook, lane: Lane) -> set[str]:
    """Ids, as text, of the datasets in the current version.

    A notice is written after its version was switched to: a dataset that is not there now was
    taken back.
    """
    current = versions.read(book.store, lane).current
    if current is None:
        return set()
    return {str(d.id) for d in parameters.parse(current.document.encode()).datasets}


def _notice(entry_id: str, lane: Lane, about: Round, match: Match, published: set[str]) -> Notice:
    named = []
    for dataset_id, mask in match.datasets:
        if str(dataset_id) in published:
            name, classes = about.datasets[str(dataset_id)]
            named.append((name, tuple(c for bit, c in enumerate(classes) if mask >> bit & 1)))
    return Notice(entry_id, lane, about.version, about.at, match.person.hex(), tuple(named))


def _seal(cipher: AESSIV, lane: Lane, client_id: str, entry_id: str, match: Match) -> bytes:
    pairs = [number.to_bytes(2, "big") for pair in match.datasets for number in pair]
    return cipher.encrypt(match.person + b"".join(pairs), _bound_to(lane, client_id, entry_id))


def _unseal(
    cipher: AESSIV, lane: Lane, client_id: str, entry_id: str, fields: dict[bytes, bytes]
) -> Match:
    try:
        opened = cipher.decrypt(fields[_FIELD], _bound_to(lane, client_id, entry_id))
    except (InvalidTag, KeyError):
        raise UnavailableError(
            Code.STORE_UNAVAILABLE, "notices are damaged in the store; restore its backup"
        ) from None
    pairs = [opened[at : at + _MATCH] for at in range(PERSON, len(opened), _MATCH)]
    datasets = tuple(
        (int.from_bytes(pair[:2], "big"), int.from_bytes(pair[2:], "big")) for pair in pairs
    )
    return Match(numbers(entry_id)[1], opened[:PERSON], datasets)


def _bound_to(lane: Lane, client_id: str, entry_id: str) -> list[bytes]:
    return [lane.value.encode(), client_id.encode(), entry_id.encode()]


def round_of(entry_id: str) -> int:
    """The round that an id belongs to."""
    return numbers(entry_id)[0]


def numbers(entry_id: str) -> tuple[int, int]:
    """An id as ids are ordered: round and tag."""
    number, _, tag = entry_id.partition("-")
    return int(number), int(tag)
