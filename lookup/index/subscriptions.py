"""Whom an app watches: for each client and lane a set of sealed persons.

A member is AES-256 of client id || person: exactly one block, so no mode is needed; equal persons
of one client are equal members, and of two clients they are not. That the client's id comes out
again shows that a member was written here, for this client.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from lookup.errors import Code, InputError, UnavailableError
from lookup.index import keyspace
from lookup.index.clients import ApiClient
from lookup.index.notice_book import PERSON, NoticeBook
from lookup.protocol.suite import Lane

MOST = 5_000_000  # a client and lane: 200 MB of the store's memory (39 bytes each)
_MEMBER = 16  # bytes
_BATCH = 10_000  # members written, or asked for, at a time

U64 = NDArray[np.uint64]


def add(book: NoticeBook, lane: Lane, client_id: str, persons: Sequence[bytes]) -> int:
    """Watch these persons (8 bytes each), too; how many the client watches now.

    The bound is a guard, no quota: calls at the same moment may go beyond it by what they bring.

    Raises:
        InputError: TOO_MANY_ELEMENTS; nothing was added.
        UnavailableError: KEY_MISMATCH.
        StoreError: the store is away; what was added stays, and can be added again.
    """
    book.refuse_other_key()
    key = keyspace.subscriptions(lane, client_id)
    if book.store.redis.scard(key) + len(persons) > MOST:
        raise InputError(
            Code.TOO_MANY_ELEMENTS,
            f"one client watches at most {MOST} persons in a lane; delete some first",
        )
    book.store.redis.sadd(key, *_members(book, lane, client_id, persons))
    return count(book, lane, client_id)


def remove(book: NoticeBook, lane: Lane, client_id: str, persons: Sequence[bytes]) -> None:
    """Watch these persons no longer.

    Raises:
        UnavailableError: KEY_MISMATCH.
        StoreError: the store is away.
    """
    book.refuse_other_key()
    key = keyspace.subscriptions(lane, client_id)
    book.store.redis.srem(key, *_members(book, lane, client_id, persons))


def remove_all(book: NoticeBook, lane: Lane, client_id: str) -> None:
    """Watch nobody."""
    book.store.redis.unlink(keyspace.subscriptions(lane, client_id))


def count(book: NoticeBook, lane: Lane, client_id: str) -> int:
    """How many persons a client watches in a lane."""
    return int(book.store.redis.scard(keyspace.subscriptions(lane, client_id)))


def read(book: NoticeBook, lane: Lane, client: ApiClient) -> U64:
    """The persons whom a client watches, as big-endian numbers, ascending, each once.

    Whoever is added or removed meanwhile may or may not be among them.

    Raises:
        UnavailableError: STORE_UNAVAILABLE, members were damaged.
        StoreError: the store is away.
    """
    key = keyspace.subscriptions(lane, client.id)
    members: Iterator[Any] = book.store.redis.sscan_iter(key, count=_BATCH)
    decrypted = _cipher(book, lane).decryptor().update(b"".join(members))
    opened = np.frombuffer(decrypted, dtype=">u8").reshape(-1, 2)
    if np.any(opened[:, 0] != int(client.id, 16)):
        raise UnavailableError(
            Code.STORE_UNAVAILABLE,
            "subscriptions are damaged in the store; restore its backup",
        )
    persons = np.sort(opened[:, 1].astype(np.uint64))
    return (
        persons[np.concatenate(([True], persons[1:] != persons[:-1]))] if len(persons) else persons
    )


def tags(book: NoticeBook, lane: Lane, client_id: str, persons: U64) -> U64:
    """For each person a number that only holders of the key can tell from a random one.

    The first half of the sealed member: of one client's 100,000 persons two have the same with a
    chance of 3e-10.
    """
    sealed = _sealed(book, lane, client_id, persons.astype(">u8").tobytes())
    return np.frombuffer(sealed, dtype=">u8")[::2].astype(np.uint64)


def _members(book: NoticeBook, lane: Lane, client_id: str, persons: Sequence[bytes]) -> list[bytes]:
    sealed = _sealed(book, lane, client_id, b"".join(persons))
    return [sealed[at : at + _MEMBER] for at in range(0, len(sealed), _MEMBER)]


def _sealed(book: NoticeBook, lane: Lane, client_id: str, persons: bytes) -> bytes:
    blocks = np.empty((len(persons) // PERSON, 2), dtype=">u8")
    blocks[:, 0] = int(client_id, 16)
    blocks[:, 1] = np.frombuffer(persons, dtype=">u8")
    return _cipher(book, lane).encryptor().update(blocks.tobytes())


def _cipher(book: NoticeBook, lane: Lane) -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES256(book.subscription_key(lane)), modes.ECB())  # noqa: S305  above
