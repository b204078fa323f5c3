"""What an index is, fixed once by ``init``: protocol, Argon2 cost and salt, prefix bits, keys.

Everything ever loaded depends on it, so it never changes; start-up compares the key files with it.
"""

import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass, replace

from lookup import keys
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import keyspace
from lookup.index.store import Store, StoreError, unavailable
from lookup.protocol.stretch import PROFILES, Argon2Parameters
from lookup.protocol.suite import (
    MAX_PREFIX_BITS,
    MIN_PREFIX_BITS,
    PROTOCOL,
    SALT_BYTES,
    Lane,
)

_FIELD = "definition"
_HEX_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Definition:
    """The index's fixed parameters; bytes are hex."""

    protocol: int
    profile: str
    argon2_salt: str
    memory_kib: int
    time_cost: int
    parallelism: int
    prefix_bits: int
    public_keys: dict[str, str]
    publisher_key: str
    ledger_check: str
    padding_check: str
    mac: str = ""  # over all the rest, with the ledger key: publishers sign what this says

    @property
    def argon2(self) -> Argon2Parameters:
        """What ``stretch`` takes."""
        salt = bytes.fromhex(self.argon2_salt)
        return Argon2Parameters(salt, self.memory_kib, self.time_cost, self.parallelism)


def exists(store: Store) -> bool:
    """Whether this store has an index.

    Raises:
        UnavailableError: STORE_UNAVAILABLE.
    """
    try:
        return bool(store.redis.hexists(keyspace.INDEX, _FIELD))
    except StoreError as error:
        raise unavailable(error) from None


def refuse_existing(store: Store) -> None:
    """Refuse a store that has an index, before anything is made for a new one.

    Raises:
        InputError: INDEX_EXISTS.
        UnavailableError: STORE_UNAVAILABLE.
    """
    if exists(store):
        raise _exists()


def create(
    store: Store, loader_keys: keys.LoaderKeys, profile: str, prefix_bits: int
) -> Definition:
    """Write the definition of a new index.

    Raises:
        InputError: INDEX_EXISTS, this store has one.
        UnavailableError: STORE_UNAVAILABLE.
    """
    memory_kib, time_cost, parallelism = PROFILES[profile]
    definition = Definition(
        protocol=PROTOCOL,
        profile=profile,
        argon2_salt=secrets.token_hex(SALT_BYTES),
        memory_kib=memory_kib,
        time_cost=time_cost,
        parallelism=parallelism,
        prefix_bits=prefix_bits,
        public_keys={
            lane.value: keys.derive_lane_key(seed, lane).public_key.hex()
            for lane, seed in loader_keys.lanes.items()
        },
        publisher_key=keys.publisher_key(loader_keys.publisher).hex(),
        ledger_check=keys.check_value(loader_keys.ledger, "ledger"),
        padding_check=keys.check_value(loader_keys.padding, "padding"),
    )
    definition = replace(definition, mac=_mac(definition, loader_keys.ledger))
    try:
        created = store.redis.hsetnx(keyspace.INDEX, _FIELD, json.dumps(asdict(definition)))
    except StoreError as error:
        raise unavailable(error) from None
    if not created:
        raise _exists()
    return definition


def read(store: Store) -> Definition:
    """The definition of the store's index.

    Raises:
        UnavailableError: INDEX_MISSING, INDEX_PROTOCOL or STORE_UNAVAILABLE.
    """
    try:
        raw = store.redis.hget(keyspace.INDEX, _FIELD)
    except StoreError as error:
        raise unavailable(error) from None
    if raw is None:
        raise missing()
    try:
        document = json.loads(raw)
        if document["protocol"] != PROTOCOL:
            raise UnavailableError(
                Code.INDEX_PROTOCOL,
                f"this index has protocol version {int(document['protocol'])}, this program has "
                f"{PROTOCOL}; run the program version that made it",
            )
        definition = Definition(**document)
        if _is_sane(definition):
            return definition
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError):
        pass
    raise UnavailableError(
        Code.INDEX_PROTOCOL,
        "the index's definition cannot be read; run the program version that made it",
    )


def _is_sane(definition: Definition) -> bool:
    """Whether it is as ``create`` makes them: a store may be hostile, and people are shown this.

    Raises:
        TypeError, AttributeError: a value is of another type.
    """
    keys_told = (*definition.public_keys.values(), definition.publisher_key)
    return (
        set(definition.public_keys) == set(Lane)
        and all(_HEX_KEY.fullmatch(key) for key in keys_told)
        and len(definition.argon2.salt) == SALT_BYTES
        and definition.profile in PROFILES
        and isinstance(definition.prefix_bits, int)
        and MIN_PREFIX_BITS <= definition.prefix_bits <= MAX_PREFIX_BITS
    )


def check_lane_keys(definition: Definition, public_keys: dict[Lane, bytes]) -> None:
    """Refuse OPRF keys that are not this index's.

    Raises:
        UnavailableError: KEY_MISMATCH.
    """
    for lane, public_key in public_keys.items():
        if definition.public_keys[lane.value] != public_key.hex():
            raise _mismatch(lane.value)


def check_loader_keys(definition: Definition, loader_keys: keys.LoaderKeys) -> None:
    """Refuse keys of which any is not this index's.

    Raises:
        UnavailableError: KEY_MISMATCH.
    """
    check_lane_keys(
        definition,
        {
            lane: keys.derive_lane_key(seed, lane).public_key
            for lane, seed in loader_keys.lanes.items()
        },
    )
    for name, expected, found in (
        ("ledger", definition.ledger_check, keys.check_value(loader_keys.ledger, "ledger")),
        ("padding", definition.padding_check, keys.check_value(loader_keys.padding, "padding")),
        ("publisher", definition.publisher_key, keys.publisher_key(loader_keys.publisher).hex()),
    ):
        if expected != found:
            raise _mismatch(name)
    if not hmac.compare_digest(definition.mac, _mac(definition, loader_keys.ledger)):
        raise UnavailableError(
            Code.KEY_MISMATCH,
            "the index's definition in the store was changed; restore the store from its backup",
        )


def _mac(definition: Definition, ledger_key: bytes) -> str:
    document = json.dumps(asdict(replace(definition, mac="")), sort_keys=True)
    return hmac.digest(ledger_key, b"qorgan v1 definition" + document.encode(), "sha256").hex()


def missing() -> UnavailableError:
    """What a person is told of a store without an index."""
    return UnavailableError(Code.INDEX_MISSING, "this store has no index yet; run: qorgan init")


def _exists() -> InputError:
    return InputError(
        Code.INDEX_EXISTS,
        "this store already has an index; use it, or set QORGAN_DATA or QORGAN_REDIS_URL",
    )


def _mismatch(name: str) -> UnavailableError:
    return UnavailableError(
        Code.KEY_MISMATCH,
        f"the key file {name}.key does not fit this index; restore the index's own key from backup",
    )
