"""A new index in a temporary folder, with its real embedded store, opened for loading."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loaders.load import Loader
from loaders.progress import Progress
from lookup import keys
from lookup.index import dataset, definition, register, store
from lookup.index.store import Store
from lookup.settings import Settings

DATASET = "bench"
PREFIX_BITS = 12


@dataclass(frozen=True)
class Scratch:
    """An index with one dataset; ``pid`` is its server's."""

    settings: Settings
    store: Store
    dataset_id: int
    pid: int

    def loader(self, progress: Progress | None = None) -> Loader:
        """A loader with this index's keys."""
        return Loader(
            self.store,
            definition.read(self.store),
            keys.loader_keys(self.settings.keys),
            self.settings.workers,
            progress or Progress(),
        )


@contextmanager
def scratch(profile: str = "test", prefix_bits: int = PREFIX_BITS) -> Iterator[Scratch]:
    """A new index, for the length of a block."""
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-") as folder:
        data = Path(folder) / "data"
        settings = Settings.from_env({"QORGAN_DATA": str(data)})
        with store.opened(settings) as opened:
            keys.create(settings.keys)
            definition.create(opened, keys.loader_keys(settings.keys), profile, prefix_bits)
            register.add(opened, dataset.parse(_ENTRY))
            with reopened(data) as index:
                yield index


@contextmanager
def reopened(data: Path) -> Iterator[Scratch]:
    """The index of a ``scratch`` elsewhere, also from another process."""
    settings = Settings.from_env({"QORGAN_DATA": str(data)})
    with store.opened(settings) as opened:
        dataset_id, _ = register.get(opened, DATASET)
        assert opened.embedded is not None
        yield Scratch(settings, opened, dataset_id, opened.embedded.pid)


_ENTRY = {
    "name": DATASET,
    "sensitive": False,
    "title": dict.fromkeys(("kk", "ru", "en"), "Bench"),
    "breach_date": "2025-06-16",
    "data_classes": ["government-issued-ids", "names", "phone-numbers", "physical-addresses"],
}
