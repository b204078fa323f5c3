"""A small index with apps that watch some of its people; nobody in it exists."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from small_index import SmallIndex

from loaders.notices import Teller, Told
from loaders.progress import Progress
from loaders.publish import Publisher
from loaders.withdraw import withdraw
from lookup import keys
from lookup.index import clients, notice_book, notices, subscriptions
from lookup.index.clients import ApiClient
from lookup.index.notice_book import NoticeBook
from lookup.index.notices import Notice
from lookup.index.store import Store
from lookup.protocol import entries
from lookup.protocol.stretch import stretch
from lookup.protocol.suite import Kind, Lane

PUBLIC = Lane.PUBLIC


@dataclass(frozen=True)
class Watching:
    """The index, its book, and who tells."""

    index: SmallIndex
    book: NoticeBook
    teller: Teller
    known: dict[tuple[str, Lane], bytes] = field(default_factory=dict)

    @classmethod
    def make(cls, store: Store) -> "Watching":
        """An index with the datasets of ``SmallIndex.with_datasets``, nothing loaded."""
        index = SmallIndex.with_datasets(store)
        book = NoticeBook(store, secrets.token_bytes(32))
        notice_book.adopt(store, keys.NOTICES, book.key)
        return cls(index, book, Teller(book, index.keys.ledger, Progress()))

    def client(self, name: str, *lanes: Lane, webhook: str | None = None) -> ApiClient:
        """A client that is entered."""
        made, _ = clients.new(name, frozenset(lanes or (PUBLIC,)), webhook=webhook)
        clients.add(self.index.store, made)
        return made

    def person(self, iin: str, lane: Lane = PUBLIC) -> bytes:
        """What an app subscribes."""
        if (iin, lane) not in self.known:
            key = keys.derive_lane_key(self.index.keys.lanes[lane], lane)
            stretched = stretch(Kind.IIN, iin, self.index.definition.argon2)
            self.known[iin, lane] = entries.person(entries.token(key.evaluate(stretched)))
        return self.known[iin, lane]

    def watch(self, client: ApiClient, *iins: str, lane: Lane = PUBLIC) -> None:
        """Subscribe these people."""
        persons = [self.person(iin, lane) for iin in iins]
        subscriptions.add(self.book, lane, client.id, persons)

    def load(self, name: str, people: Mapping[str, int]) -> None:
        """Load a file of these people, IIN to mask."""
        self.index.fill(name, people)

    def publish(self, *names: str, lane: Lane = PUBLIC) -> list[Told]:
        """Publish, and tell, as ``qorgan publish`` does."""
        self.teller.before_publish(lane)
        self.index.publish(*names)
        return self.teller.tell(lane)

    def withdraw(self, name: str) -> None:
        """Take a dataset back."""
        index = self.index
        withdraw(Publisher(index.store, index.definition, index.keys, Progress()), name, "wrong")

    def told(self, client: ApiClient, lane: Lane = PUBLIC) -> list[Notice]:
        """All notices of a client that it may see."""
        return list(notices.read(self.book, lane, client.id, notices.FIRST, 10_000).notices)

    def names(self, client: ApiClient, lane: Lane = PUBLIC) -> dict[str, list[str]]:
        """By IIN of those who are known here, the datasets that a client was told of, in order."""
        named = {person.hex(): iin for (iin, its), person in self.known.items() if its is lane}
        found: dict[str, list[str]] = {}
        for notice in self.told(client, lane):
            found.setdefault(named[notice.person], []).extend(name for name, _ in notice.datasets)
        return found
