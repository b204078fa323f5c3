"""What a web node last heard from the store, noted in its cache folder for a worker that restarts.

It is checked like what a store says, by whoever takes it up: anybody may have changed it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lookup.index import versions, view
from lookup.index.dataset import Dataset
from lookup.index.versions import LaneVersions
from lookup.protocol.suite import Lane

NAME = "last-known.json"


@dataclass(frozen=True)
class LastKnown:
    """A note.

    Attributes:
        heard_at: seconds since 1970; the file's time, so that it can be kept young.
        lanes: the versions of each lane.
        datasets: the register by id.
    """

    heard_at: float
    lanes: Mapping[Lane, LaneVersions]
    datasets: Mapping[int, Dataset]


def write(cache: Path, lanes: Mapping[Lane, LaneVersions], datasets: Mapping[int, Dataset]) -> None:
    """Replace the note; under the cache folder's lock.

    Raises:
        OSError: the folder cannot be used.
    """
    document = {
        "lanes": {lane.value: asdict(both) for lane, both in lanes.items()},
        "datasets": {key: d.model_dump_json(exclude_defaults=True) for key, d in datasets.items()},
    }
    path = cache / NAME
    draft = view.draft_of(path)
    draft.write_text(json.dumps(document), encoding="utf-8")
    draft.replace(path)


def read(cache: Path) -> LastKnown | None:
    """The note; None where there is none, or nonsense."""
    path = cache / NAME
    try:
        heard_at = path.stat().st_mtime
        document = json.loads(path.read_text(encoding="utf-8"))
        lanes = {
            Lane(lane): LaneVersions(
                *(versions.of_dict(both[which]) for which in ("current", "previous"))
            )
            for lane, both in document["lanes"].items()
        }
        datasets = {
            int(key): Dataset.model_validate_json(raw) for key, raw in document["datasets"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return LastKnown(heard_at, lanes, datasets)
