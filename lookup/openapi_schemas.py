"""The shapes of the API's messages as JSON Schema, from the constants that decoders hold to."""

from typing import Any

from pydantic import TypeAdapter

from lookup import hibp
from lookup.index import subscriptions
from lookup.index.dataset import Dataset
from lookup.index.notices import ID_PATTERN
from lookup.protocol import suite, wire
from lookup.protocol.suite import Lane

Schema = dict[str, Any]

_AT = "#/components/schemas/"
VERSION = r"^(0|[1-9][0-9]{0,9})-[0-9a-f]{8}$"
NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
ELEMENT_FORMAT = "ristretto255-element"  # a canonical encoding, not of the identity (RFC 9497)


def ref(name: str) -> Schema:
    """A reference to one of ``components``."""
    return {"$ref": f"{_AT}{name}"}


def hex_text(count: int) -> Schema:
    """So many bytes as lower-case hex."""
    return {"type": "string", "pattern": f"^[0-9a-f]{{{2 * count}}}$"}


def whole(low: int = 0, high: int | None = None) -> Schema:
    """A whole number."""
    bound = {} if high is None else {"maximum": high}
    return {"type": "integer", "minimum": low, **bound}


def text(**more: Any) -> Schema:
    """A string."""
    return {"type": "string", **more}


def several(of: Schema, low: int = 0, high: int | None = None) -> Schema:
    """A list."""
    bound = {} if high is None else {"maxItems": high}
    return {"type": "array", "items": of, "minItems": low, **bound}


def record(*, is_open: bool = False, optional: tuple[str, ...] = (), **keys: Schema) -> Schema:
    """An object with these keys; ``is_open``: clients ignore others."""
    required = [name for name in keys if name not in optional]
    closed = {} if is_open else {"additionalProperties": False}
    return {"type": "object", "properties": keys, "required": required, **closed}


LANE = text(enum=[lane.value for lane in Lane])
_MOMENT = text(format="date-time")
_CLASSES = several(text(pattern="^[a-z0-9-]{1,64}$"), 0, suite.MAX_DATA_CLASSES)
_ELEMENT = text(format=ELEMENT_FORMAT, description="64 lower-case hex digits")
_EXPOSURES = several(record(name=text(pattern=NAME), data_classes=_CLASSES))


def components() -> dict[str, Schema]:
    """All named schemas."""
    return {
        **_register(),
        "Parameters": _parameters(),
        "EvaluateRequest": record(lane=LANE, blinded=several(_ELEMENT, 1, suite.MAX_ELEMENTS)),
        "EvaluateResponse": record(
            evaluated=several(hex_text(suite.ELEMENT_BYTES), 1, suite.MAX_ELEMENTS),
            proof=hex_text(suite.PROOF_BYTES),
        ),
        "Range": record(
            version=text(pattern=VERSION),
            prefix=text(pattern="^[0-9a-f]{3,5}$"),
            entries=several(hex_text(suite.ENTRY_BYTES)),
            path=several(hex_text(suite.HASH_BYTES), suite.MIN_PREFIX_BITS, suite.MAX_PREFIX_BITS),
        ),
        "CheckRequest": record(
            lane=LANE, tokens=several(hex_text(suite.TOKEN_BYTES), 1, suite.MAX_TOKENS)
        ),
        "CheckResponse": record(
            lane=LANE,
            version=text(pattern=VERSION),
            published_at=_MOMENT,
            results=several(_EXPOSURES, 1, suite.MAX_TOKENS),
        ),
        "Persons": several(hex_text(suite.PERSON_BYTES), 1, wire.MAX_PERSONS),
        "SubscribeRequest": record(lane=LANE, persons=ref("Persons")),
        "UnsubscribeRequest": record(
            lane=LANE, persons={"oneOf": [ref("Persons"), {"const": "all"}]}
        ),
        "Subscribed": record(lane=LANE, persons=whole(0, subscriptions.MOST)),
        "Subscriptions": record(
            persons=record(optional=tuple(Lane), public=whole(), verified=whole()),
            most=whole(),
        ),
        "Notice": record(
            id=text(pattern=ID_PATTERN),
            lane=LANE,
            version=text(pattern=VERSION),
            created_at=_MOMENT,
            person=hex_text(suite.PERSON_BYTES),
            datasets=_EXPOSURES,
        ),
        "Notices": record(
            notices=several(ref("Notice")),
            after=text(pattern=ID_PATTERN),
            more={"type": "boolean"},
        ),
        "Alive": record(status={"const": "alive"}),
        "Ready": record(
            ready={"type": "boolean"}, parts={"type": "object", "additionalProperties": text()}
        ),
    }


def _register() -> dict[str, Schema]:
    """The register's entries, from the models that check and make them."""
    dataset = TypeAdapter(Dataset).json_schema(ref_template=f"{_AT}{{model}}")
    inner: dict[str, Schema] = dataset.pop("$defs")
    breach = TypeAdapter(hibp.Breach).json_schema(mode="serialization")
    dataset["properties"]["lane"] = {"oneOf": [LANE, {"type": "null"}]}
    dataset["required"].append("lane")
    for schema in (dataset, *inner.values(), breach):
        schema.pop("description", None)  # of the class, for who reads our code
    translated = record(kk=text(), ru=text(), en=text())
    return {
        **inner,
        "Breach": dataset,
        "DataClass": record(slug=text(), name=translated, hibp=text()),
        "HibpBreach": breach,
    }


def _parameters() -> Schema:
    salt, key = hex_text(suite.SALT_BYTES), hex_text(suite.HASH_BYTES)
    return record(
        is_open=True,
        protocol={"const": suite.PROTOCOL},
        lane=LANE,
        suite={"const": suite.SUITE},
        mode={"const": suite.MODE},
        argon2=record(salt=salt, memory_kib=whole(1), time_cost=whole(1), parallelism=whole(1)),
        kinds=several(text(enum=[kind.value for kind in suite.Kind])),
        public_key=key,
        publisher_key=key,
        version=text(pattern=VERSION),
        version_salt=salt,
        published_at=_MOMENT,
        prefix_bits=whole(suite.MIN_PREFIX_BITS, suite.MAX_PREFIX_BITS),
        range_entries=whole(0),
        root=key,
        datasets=several(
            record(
                is_open=True,
                id=whole(1, suite.MAX_DATASET_ID),
                name=text(pattern=NAME),
                data_classes=_CLASSES,
            )
        ),
        filter=record(bits=whole(1), probes=whole(1), bytes=whole(1), sha256=key),
    )
