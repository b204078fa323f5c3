"""The names of all keys in the store; nothing else in the tree spells one."""

from lookup.protocol.suite import Lane

INDEX = "qorgan:index"
DATASETS = "qorgan:datasets"  # id -> register entry
DATASET_IDS = "qorgan:dataset-ids"  # name -> id
LAST_DATASET = "qorgan:last-dataset"
REGISTER_CHANGES = "qorgan:register-changes"
LAST_LOAD = "qorgan:last-load"
LIMITS = "qorgan:limits"
CLIENTS = "qorgan:clients"


def spent(seconds: int, window: int) -> str:
    """The hash who -> how much in one window of time; all in one slot, and read in one step."""
    return f"qorgan:{{limits}}:{seconds}:{window}"


def proof(challenge: str) -> str:
    """That a proof of work was used; gone when its challenge is too old."""
    return f"qorgan:{{limits}}:proof:{challenge}"


def loads_of(dataset_id: int) -> str:
    """The hash load key -> load id of a dataset."""
    return f"qorgan:loads-of:{dataset_id}"


def load(load_id: int) -> str:
    """The hash of one load."""
    return f"qorgan:load:{load_id}"


def load_lock(dataset_id: int) -> str:
    """Who loads into a dataset at this moment; gone by itself when he is."""
    return f"qorgan:load-lock:{dataset_id}"


def usage(client_id: str, day: str) -> str:
    """The hash of what a client asked on a day, in counts."""
    return f"qorgan:usage:{client_id}:{day}"


def subscriptions(lane: Lane, client_id: str) -> str:
    """The set of the persons whom a client watches in a lane, sealed."""
    return f"qorgan:subscriptions:{lane.value}:{client_id}"


def notices(lane: Lane, client_id: str) -> str:
    """The stream of what a client is told about a lane."""
    return f"qorgan:notices:{lane.value}:{client_id}"


def rounds(lane: Lane) -> str:
    """The hash of what apps were told of: rounds, and the loads that each was about."""
    return f"qorgan:rounds:{lane.value}"


def deliveries(lane: Lane, client_id: str) -> str:
    """The hash of how far a stream was delivered, and what failed."""
    return f"qorgan:deliveries:{lane.value}:{client_id}"


def forgotten(lane: Lane) -> str:
    """The set of the people who asked to be forgotten, sealed."""
    return f"qorgan:forgotten:{lane.value}"


def ledger(lane: Lane, load_id: int, shard: int) -> str:
    """One set of sealed rows. Short: there may be 200,000 of these names."""
    return f"{ledger_stem(lane, load_id)}{shard:x}"


def ledger_stem(lane: Lane, load_id: int) -> str:
    """What the names of all sets of a load begin with; the set's number follows, in hex."""
    return f"q:{lane.value[0]}:{load_id:x}:"


def versions(lane: Lane) -> str:
    """The lane's versions: the hash of the atomic switch."""
    return f"qorgan:versions:{lane.value}"


def history(lane: Lane) -> str:
    """The hash version name -> what it was made of."""
    return f"qorgan:history:{lane.value}"


def part(lane: Lane, stage: str, name: str, chunk: int) -> str:
    """One chunk of a version's file."""
    return f"qorgan:part:{lane.value}:{stage}:{name}:{chunk}"


def fence(key: str) -> str:
    """Written after a key, in the same slot: who has this one has that one, too.

    ``key`` has no braces but those of its hash tag.
    """
    tag = key.partition("{")[2].partition("}")[0] or key
    return f"qorgan:fence:{{{tag}}}"


def is_expendable(key: str) -> bool:
    """Whether what was last counted here may be lost when a server of a cluster is."""
    return key.startswith((LIMITS, "qorgan:{limits}:", "qorgan:usage:"))
