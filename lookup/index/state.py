"""What a web node answers from at one moment: a picture that its thread replaces whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lookup.index.clients import ApiClient
from lookup.index.dataset import Dataset
from lookup.index.view import MappedVersion
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import Lane


@dataclass(frozen=True)
class State:
    """One consistent picture.

    Attributes:
        current: the version answered by default, for each lane that has one.
        mapped: all versions that ranges are answered from, by lane and name.
        datasets: the register by id.
        clients: the API clients that are not revoked, by id.
        unfetched: what is published in lanes that nothing can be answered from: its files could
            not be had, as on a full disk.
    """

    current: Mapping[Lane, MappedVersion] = field(default_factory=dict)
    mapped: Mapping[tuple[Lane, str], MappedVersion] = field(default_factory=dict)
    datasets: Mapping[int, Dataset] = field(default_factory=dict)
    clients: Mapping[str, ApiClient] = field(default_factory=dict)
    unfetched: Mapping[Lane, Parameters] = field(default_factory=dict)

    def published(self) -> dict[int, Dataset]:
        """The register entries of all published datasets, by id."""
        answered = [mapped.parameters for mapped in self.current.values()]
        ids = {d.id for each in (*answered, *self.unfetched.values()) for d in each.datasets}
        return {key: dataset for key, dataset in self.datasets.items() if key in ids}
