"""The doctor's look at the index: its keys, what is published, and what of that is kept here."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from loaders import operator, verify
from loaders.doctor_machine import LOADER_KEYS, delivers_here, is_web_node, loads_here
from loaders.finding import Finding, ok, problem, warning
from lookup import keys
from lookup.errors import UnavailableError
from lookup.index import audit, clients, definition, notice_book, versions, view
from lookup.index.definition import Definition
from lookup.index.store import Store
from lookup.index.versions import Version
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import Lane
from lookup.settings import Role, Settings

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_FUTURE = 30.0  # seconds


@dataclass(frozen=True)
class Published:
    """A lane's current version, whose signature was checked."""

    lane: Lane
    version: Version
    parameters: Parameters

    @property
    def bytes(self) -> int:
        """Of its two files."""
        return self.version.view_bytes + self.version.filter_bytes


def index(made: Definition) -> Finding:
    """What the index is."""
    about = f"profile {made.profile}, {made.prefix_bits} prefix bits"
    if made.profile == "test":
        return warning(
            "index", f"{about}: this profile protects nobody; load real data into another index"
        )
    return ok("index", about)


def fitting_keys(store: Store, made: Definition, settings: Settings) -> Iterator[Finding]:
    """Whether the keys here are this index's; files that cannot be read were told of already."""
    folder, checked = settings.keys, []
    here = {lane for lane in Lane if keys.exists(folder, lane.value)}
    if loads_here(settings):
        definition.check_loader_keys(made, keys.loader_keys(folder))
        checked += [*Lane, *LOADER_KEYS]
    elif here:
        public = {lane: keys.lane_key(folder, lane).public_key for lane in here}
        definition.check_lane_keys(made, public)
        checked += sorted(here)
    for name in (keys.NOTICES, keys.WEBHOOK):
        if keys.exists(folder, name) and notice_book.is_used(store, name):
            notice_book.refuse_other(store, name, keys.read(folder, name))
            checked.append(name)
    if checked:
        yield ok("keys", f"{', '.join(checked)} are this index's")
    if not is_web_node(settings) and operator.exists(folder):
        audit.refuse_unknown(audit.read(store), operator.read(folder))
        yield ok("operator", "the audit trail knows this machine's operator")


def current(store: Store, made: Definition, lane: Lane) -> Published | None:
    """A lane's version; None where there is none.

    Raises:
        UnavailableError: our publisher did not sign it.
        StoreError: the store is away.
    """
    version = versions.read(store, lane).current
    if version is None:
        return None
    return Published(lane, version, verify.signed(made, lane, version))


def version(found: Published | None, lane: Lane) -> Finding:
    """What is published in a lane."""
    name = f"{lane.value} lane"
    if found is None:
        if lane is Lane.VERIFIED:
            return ok(name, "nothing is published")
        return warning(name, "nothing is published; run: qorgan publish NAME")
    published = found.parameters
    made_at = datetime.strptime(published.published_at, _TIME).replace(tzinfo=UTC)
    age = (datetime.now(UTC) - made_at).total_seconds()
    if age < -_FUTURE:
        return warning(
            name, f"version {published.version} is from the future; set this machine's clock by NTP"
        )
    return ok(
        name,
        f"version {published.version} is signed by our publisher, {_age(age)} old, "
        f"{len(published.datasets)} datasets",
    )


def kept(found: Published, settings: Settings) -> Finding:
    """Whether this node has the version's files, and they are what was signed."""
    name, size = f"{found.lane.value} cache", f"{found.bytes >> 20:,} MiB"
    try:
        if view.holds(found.lane, found.version, found.parameters, settings.cache):
            return ok(name, f"version {found.version.name} is here, {size}, every byte as signed")
    except UnavailableError as error:
        files = settings.cache / view.file_name(found.lane, found.parameters, "*")
        return problem(
            name,
            f"{error.sentence}; stop this node, delete {files}, then start it: it fetches anew",
        )
    return ok(name, f"version {found.version.name} is not here; a node fetches {size} at its start")


def apps(store: Store) -> Finding:
    """Whether every API client's record can be read."""
    known = [one for one in clients.read_history(store) if one.revoked_at is None]
    return ok("clients", f"{len(known)} API clients")


def keeps_versions(settings: Settings) -> bool:
    """Whether a web node of these roles keeps versions."""
    return settings.roles != {Role.EVALUATE} and not delivers_here(settings)


def _age(seconds: float) -> str:
    hours = int(max(seconds, 0) // 3600)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
