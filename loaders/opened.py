"""An index opened for loading: store, definition and keys, all held against each other."""

from collections.abc import Iterator
from contextlib import contextmanager

from loaders.load import Loader
from loaders.progress import Progress
from lookup import keys
from lookup.index import definition, store
from lookup.settings import Settings


@contextmanager
def loader(settings: Settings) -> Iterator[Loader]:
    """A loader for the length of a block.

    Raises:
        UnavailableError: the store, the index or a key cannot be reached or trusted.
    """
    with store.opened(settings) as opened:
        index = definition.read(opened)
        loader_keys = keys.loader_keys(settings.keys)
        definition.check_loader_keys(index, loader_keys)
        yield Loader(opened, index, loader_keys, settings.workers, Progress())
