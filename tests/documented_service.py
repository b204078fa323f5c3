"""The service that the examples of ``docs/clients.md`` ask, and the blocks of that page.

Nobody in it exists.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT, Installation
from web_index import IINS, WebIndex

from lookup.index import clients, notice_book, store
from lookup.protocol.suite import Lane
from lookup.settings import Settings

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
_THERE = "http://127.0.0.1:8000"
LEAKED = IINS[0]


@dataclass(frozen=True)
class Documented:
    """Where it is, a folder with ``my-app.key`` in it, and each lane's version."""

    url: str
    folder: Path
    versions: dict[Lane, str]

    def blocks(self, language: str) -> list[str]:
        """The page's examples in a language, asking this service."""
        found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
        return [block.replace(_THERE, self.url) for block in found]


@contextmanager
def documented(folder: Path) -> Iterator[Documented]:
    """The service, until the block ends."""
    made = Installation(folder / "data")
    with store.opened(Settings.from_env({"QORGAN_DATA": str(made.data)})) as opened:
        index = WebIndex.create(opened, made.data / "keys")
        versions = {
            Lane.PUBLIC: index.published("shop", [LEAKED, IINS[1]]).name,
            Lane.VERIFIED: index.published("clinic", [LEAKED], sensitive=True).name,
        }
        client, key = clients.new("My app", frozenset(Lane))
        clients.add(opened, client)
        notice_book.opened(opened, made.data / "keys")  # as `qorgan init` does
    (folder / "my-app.key").write_text(f"{key}\n")
    with made.served(QORGAN_WORKERS="1") as served:
        yield Documented(served.url, folder, versions)
