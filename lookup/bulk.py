"""Checks in bulk: tokens in hand, up to 1,000 to a request, for apps that have an API key.

    bulk = BulkClient(Client("https://...", api_key="qk_..."))
    bulk.look_up(Kind.IIN, bulk.tokens(Kind.IIN, values))  ->  Found or NotFound, each

It is quick, and the service sees the tokens: whose they are it cannot tell, but which come again,
and which are in a leak. Nor is its answer under the publisher's signature, as a range is: the
service is believed, within what the signed parameters say of the version. Where either matters, ask
with ``Client``, or with ``OfflineClient``.
"""

import time
from collections.abc import Sequence

from lookup.answers import Answer, LaneAnswer, merged, refuse_unsearched, searched
from lookup.client import Client
from lookup.errors import Code, CouldNotCheckError, InputError
from lookup.protocol import wire
from lookup.protocol.identifiers import canonical
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import MAX_TOKENS, TOKEN_BYTES, Kind
from lookup.transport import from_service

_PAUSES = (1.0, 2.0, 0.0)  # seconds: web nodes learn of a new version one after the other
_MAX_REPLY = 32 * 1024 * 1024  # of 1,000 persons in 200 leaks each


class BulkClient:
    """One lane of a service, asked about tokens."""

    def __init__(self, client: Client) -> None:
        """``client``: of one lane, with an API key that is for it.

        Raises:
            InputError: BAD_USAGE, the client asks both lanes or has no key.
        """
        if len(client._lanes) != 1 or not client._authorization:
            raise InputError(
                Code.BAD_USAGE, "check in bulk with a client of one lane that has an API key"
            )
        self._client = client
        (self._lane,) = client._lanes

    def check_many(
        self, kind: Kind, values: Sequence[str], *, subject: str | None = None
    ) -> list[Answer]:
        """Ask about identifiers; each is evaluated, and counts against the limits.

        Raises: as ``Client.check_many``.
        """
        return self.look_up(kind, self.tokens(kind, values, subject=subject))

    def tokens(
        self, kind: Kind, values: Sequence[str], *, subject: str | None = None
    ) -> list[bytes]:
        """The tokens of identifiers, for ``look_up`` in this version and later ones.

        Who holds a token and a key can tell whether its person is in a leak: keep them as you keep
        the identifiers.

        Raises: as ``Client.check_many``.
        """
        texts = [canonical(kind, value) for value in values]
        with from_service(subject):
            published = self._client._published(self._lane, kind)
            refuse_unsearched(kind, [published])
            return self._client._tokens(kind, texts, published, subject)

    def look_up(self, kind: Kind, tokens: Sequence[bytes]) -> list[Answer]:
        """Ask about tokens of identifiers of this kind.

        Raises:
            ValueError: a token has not 32 bytes.
            CouldNotCheckError: there is no answer to at least one.
        """
        if any(len(token) != TOKEN_BYTES for token in tokens):
            raise ValueError("a token is 32 bytes")
        answers: list[Answer] = []
        with from_service():
            published = self._client._published(self._lane, kind)
            refuse_unsearched(kind, [published])
            register = self._client._register()
            for at in range(0, len(tokens), MAX_TOKENS):
                found, published = self._found(tokens[at : at + MAX_TOKENS], published)
                about = searched(kind, published)
                answers += [merged([LaneAnswer(about, leaks)], register) for leaks in found]
        return answers

    def _found(
        self, tokens: Sequence[bytes], published: Parameters
    ) -> tuple[wire.Exposures, Parameters]:
        """Each token's leaks, and the version that they are of."""
        body = wire.encode_check_request(self._lane, tokens)
        for pause in _PAUSES:
            sent = self._client._http.send(
                "POST", "/v1/check", _MAX_REPLY, body, self._client._authorization
            )
            reply = wire.decode_check_response(sent.body)
            if reply.version == published.version:
                _refuse_other(reply, len(tokens), published)
                return reply.results, published
            time.sleep(pause)
            published = self._client._current(self._lane)
        raise CouldNotCheckError(
            Code.VERSION_GONE, "could not check: the index changes too fast; try again"
        )


def _refuse_other(reply: wire.CheckResponse, count: int, published: Parameters) -> None:
    """Refuse what cannot be said of this many tokens in this version."""
    classes = {dataset.name: set(dataset.data_classes) for dataset in published.datasets}
    is_whole = reply.lane == published.lane and len(reply.results) == count
    if not is_whole or any(
        name not in classes or not classes[name].issuperset(slugs)
        for leaks in reply.results
        for name, slugs in leaks
    ):
        raise CouldNotCheckError(
            Code.BAD_RANGE, "could not check: the service answers what it was not asked"
        )
