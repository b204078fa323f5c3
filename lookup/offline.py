"""The Python client's offline mode: the service evaluates, and the answer is found here.

    OfflineClient(Client("https://..."), Path("filters")).check(Kind.IIN, "...")
        ->  NotFound, Possible, or CouldNotCheckError

The service sees parameters fetched, a filter fetched once a version, and a blinded element: no
prefix, and nothing from which it could tell who was asked about, or with what outcome. No request
depends on an answer, unless the caller allows it with ``confirm=True``: then a hit is followed by
its range, and so the service learns that there was one, and the prefix that thousands share.

The filter has everybody who is in any published dataset of the lane, and takes one stranger in
10,000 (the publisher's choice) for one of them. So a miss is "not found in version V"; a hit is
``Possible``, and never "found", which only an entry in a range can say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lookup.answers import Answer, NotFound, SearchedLane, merged, refuse_unsearched, searched
from lookup.client import Client, _Asked
from lookup.errors import Code, CouldNotCheckError, InputError
from lookup.filter import ReadOnlyFilter
from lookup.held_filter import HeldFilter
from lookup.protocol.identifiers import canonical
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import TOKEN_BYTES, Kind
from lookup.transport import Reply, from_service

_TRIES = 3  # parameters fetched again when their version is gone


@dataclass(frozen=True)
class Possible:
    """Perhaps in a leak of this version, or a stranger whom the filter takes for somebody else.

    Tell nobody that he is in a leak on the strength of this: ask with ``confirm=True`` first.

    Attributes:
        searched: names of that version's datasets that were loaded by identifiers of this kind.
        lanes: the one lane that was searched.
    """

    version: str
    published_at: str
    searched: tuple[str, ...]
    lanes: tuple[SearchedLane, ...]


class OfflineClient:
    """One lane of a service, asked to evaluate only; its filter is kept in a folder."""

    def __init__(self, client: Client, folder: Path) -> None:
        """
        Args:
            client: of one lane: how the service is reached, with its pins and its API key.
            folder: for this service's filters alone: 38 MB for 16 million persons.

        Raises:
            InputError: BAD_USAGE, the client asks both lanes.
        """
        if len(client._lanes) != 1:
            raise InputError(Code.BAD_USAGE, "check offline with a client of one lane, or with two")
        self._client = client
        (self._lane,) = client._lanes
        self._held = HeldFilter(folder)

    def refresh(self) -> str:
        """Fetch the filter of the newest version, if it is not here yet; the version's name.

        Every question does so first; to do it before, and now and then, spares questions the wait.

        Raises:
            CouldNotCheckError: it cannot be had.
        """
        with from_service():
            return self._ready()[0].version

    def check(
        self, kind: Kind, value: str, *, subject: str | None = None, confirm: bool = False
    ) -> "Answer | Possible":
        """Ask about one identifier; ``confirm`` allows a range to be asked for after a hit.

        Raises: as ``Client.check_many``.
        """
        return self.check_many(kind, [value], subject=subject, confirm=confirm)[0]

    def check_many(
        self,
        kind: Kind,
        values: Sequence[str],
        *,
        subject: str | None = None,
        confirm: bool = False,
    ) -> "list[Answer | Possible]":
        """Ask about several identifiers, 64 to an evaluation.

        Raises: as ``Client.check_many``.
        """
        texts = [canonical(kind, value) for value in values]
        with from_service(subject):
            published, held = self._ready(kind)
            register = self._client._register() if confirm else {}
            tokens = self._client._tokens(kind, texts, published, subject)
            answers: list[Answer | Possible] = [*self._answers(kind, tokens, published, held)]
            for at, answer in enumerate(answers if confirm else ()):
                if isinstance(answer, Possible):
                    asked = _Asked(kind, self._lane, tokens[at])
                    part, published = self._client._answer(asked, published)
                    answers[at] = merged([part], register)
        return answers

    def tokens(
        self, kind: Kind, values: Sequence[str], *, subject: str | None = None
    ) -> list[bytes]:
        """The tokens of several identifiers, for ``look_up`` in this version and later ones.

        Who holds a token can tell for ever whether its person is in a leak: keep them as you keep
        the identifiers.

        Raises: as ``check_many``.
        """
        texts = [canonical(kind, value) for value in values]
        with from_service(subject):
            return self._client._tokens(kind, texts, self._current(kind), subject)

    def look_up(self, kind: Kind, tokens: Sequence[bytes]) -> "list[NotFound | Possible]":
        """The same answers for tokens in hand, in bulk; of them the service hears nothing at all.

        The client's pins must last as long as tokens are kept: another index would know nobody.

        Raises:
            ValueError: a token has not 32 bytes.
            CouldNotCheckError: the newest version's filter cannot be had.
        """
        if any(len(token) != TOKEN_BYTES for token in tokens):
            raise ValueError("a token is 32 bytes")
        with from_service():
            published, held = self._ready(kind)
        return self._answers(kind, tokens, published, held)

    def _ready(self, kind: Kind | None = None) -> tuple[Parameters, ReadOnlyFilter]:
        """The newest version, and its filter."""
        for _ in range(_TRIES):
            published = self._current(kind)
            held = self._held.of(published, self._part)
            if held is not None:
                return published, held
        raise CouldNotCheckError(
            Code.VERSION_GONE, "could not check: the index changes too fast; try again"
        )

    def _current(self, kind: Kind | None) -> Parameters:
        if kind is None:
            return self._client._current(self._lane)
        published = self._client._published(self._lane, kind)
        refuse_unsearched(kind, [published])
        return published

    def _part(self, path: str, first: int, size: int) -> Reply:
        key = self._client._key_for(self._lane)
        return self._client._http.part(path, first, size, key)

    def _answers(
        self, kind: Kind, tokens: Sequence[bytes], published: Parameters, held: ReadOnlyFilter
    ) -> "list[NotFound | Possible]":
        about = searched(kind, published)
        said = (about.version, about.published_at, about.searched, (about,))
        miss, hit = NotFound(*said), Possible(*said)
        return [hit if may else miss for may in held.may_have(b"".join(tokens)).tolist()]
