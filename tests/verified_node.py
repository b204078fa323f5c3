"""A node with a sensitive dataset, a client that may ask about it and one that may not."""

from collections.abc import Mapping

from web_index import IINS
from web_node import WebNode, blinded
from werkzeug.test import TestResponse

from lookup.index import clients
from lookup.protocol.suite import Lane

PATIENT = IINS[35]
REGISTERED = "https://egov.example"


class Asking:
    """The node and its two clients' headers."""

    def __init__(self, web: WebNode, patient: str = PATIENT) -> None:
        self.web = web
        web.index.published("clinic", [patient], sensitive=True)
        self.egov, egov_key = clients.new("eGov", frozenset(Lane), rate="1000/hour")
        self.shop, shop_key = clients.new("shop", origins=(REGISTERED,))
        for client in (self.egov, self.shop):
            clients.add(web.index.store, client)
        web.node.refresh()
        self.good = {"Authorization": f"Bearer {egov_key}"}
        self.other = {"Authorization": f"Bearer {shop_key}"}
        self.version = web.node.state.current[Lane.VERIFIED].version.name

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> TestResponse:
        return self.web.client.get(path, headers=headers)

    def evaluate(self, lane: str = "verified", count: int = 1, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.web.ask({"lane": lane, "blinded": blinded(count)}, headers=named)
