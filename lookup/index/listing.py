"""What the public register lists: published datasets, and known leaks that nobody has loaded.

``known_leaks.json`` holds what public reports of 2026-11-22 told, with their sources and where
they disagree. No dump was looked for or opened for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

from lookup.index.dataset import Dataset
from lookup.protocol.suite import Lane


@dataclass(frozen=True)
class Listed:
    """One leak of the register.

    Attributes:
        lane: where its people can be asked for; None: its data are not in the index, so that
            "not found" says nothing about it.
    """

    dataset: Dataset
    lane: Lane | None

    @property
    def day(self) -> str:
        """The day that it is listed under: made public or, where that is not told, happened."""
        return self.dataset.public_on or self.dataset.breach_date

    @property
    def organisations(self) -> tuple[str, ...]:
        """Whose leak it is, or may be, by name."""
        known = (o for o in self.dataset.organisations if o.role != "none_established")
        return tuple(o.name for o in known)

    def document(self) -> dict[str, object]:
        """As the API shows it."""
        told = self.dataset.model_dump(mode="json", exclude_defaults=True)
        return {**told, "lane": self.lane}


def listing(published: Mapping[int, Dataset]) -> tuple[Listed, ...]:
    """The published datasets in the order of their ids, then the known leaks that are in none.

    An operator who publishes a dataset under a known leak's name says what is told of it.
    """
    loaded = [Listed(dataset, dataset.lane) for _, dataset in sorted(published.items())]
    names = {listed.dataset.name for listed in loaded}
    return (*loaded, *(Listed(leak, None) for leak in known_leaks() if leak.name not in names))


@cache
def known_leaks() -> tuple[Dataset, ...]:
    """The leaks that the register ships with."""
    raw = (files("lookup.facts") / "known_leaks.json").read_bytes()
    return TypeAdapter(tuple[Dataset, ...]).validate_json(raw)
