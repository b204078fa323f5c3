"""The register: what is known of each dataset, and the ids datasets keep for ever.

``Dataset`` is the dataset file of CONTRACTS.md. Ids run from 1 to 65535 and are never used twice;
a name keeps its id, its lane and the order of its data classes.
"""

import difflib
import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lookup.errors import Code, InputError
from lookup.facts import data_classes
from lookup.index import keyspace
from lookup.index.store import Store
from lookup.protocol.suite import MAX_DATA_CLASSES, MAX_DATASET_ID, Lane

_MAX_FILE_BYTES = 256 * 1024
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Line = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(min_length=1, max_length=5000)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s<>\"]{1,500}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Title(_Strict):
    """A line in the three languages."""

    kk: Line
    ru: Line
    en: Line


class Description(_Strict):
    """A text in the three languages."""

    kk: Text
    ru: Text
    en: Text


class Organisation(_Strict):
    """Who had the data, and in what part."""

    name: Line
    role: Literal["operator", "processor", "suspected", "none_established"]
    sector: Line | None = None


class AtLeast(_Strict):
    """A count known only from below."""

    at_least: Annotated[int, Field(ge=0)]


class Proceeding(_Strict):
    """A case or a fine."""

    what: Line
    amount: Annotated[float, Field(ge=0)] | Annotated[int, Field(ge=0)] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    date: str | None = None


class Source(_Strict):
    """Where a statement can be read."""

    title: Line
    url: Url | None = None
    accessed_on: str | None = None


class Severity(_Strict):
    """ENISA's severity inputs: SE = DPC x EI + CB."""

    dpc: Annotated[float, Field(ge=0, le=4)]
    ei: Annotated[float, Field(ge=0, le=1)]
    cb: Annotated[float, Field(ge=0, le=2)]


class Dataset(_Strict):
    """One dataset file. Dates are ISO text, a month where only the month is known."""

    name: Name
    sensitive: bool
    title: Title
    breach_date: str
    data_classes: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_DATA_CLASSES)]
    description: Description | None = None
    organisations: tuple[Organisation, ...] = ()
    status: Literal["claimed", "confirmed", "refuted"] | None = None
    detected_on: str | None = None
    public_on: str | None = None
    people: Annotated[int, Field(ge=0)] | AtLeast | None = None
    rows: Annotated[int, Field(ge=0)] | AtLeast | None = None
    proceedings: tuple[Proceeding, ...] = ()
    measures: Text | None = None
    sources: tuple[Source, ...] = ()
    severity: Severity | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Dataset":
        for slug in self.data_classes:
            if slug not in data_classes():
                near = difflib.get_close_matches(slug, data_classes(), n=1, cutoff=0.0)[0]
                raise ValueError(f"data_classes has an unknown class; did you mean {near}?")
        if len(set(self.data_classes)) != len(self.data_classes):
            raise ValueError("data_classes names a class twice")
        for key in ("breach_date", "detected_on", "public_on"):
            text = getattr(self, key)
            if text is not None and not _is_date(text):
                raise ValueError(f'{key} must be a date, or a month such as "2025-06"')
        return self

    @property
    def lane(self) -> Lane:
        """Where its people can be asked for."""
        return Lane.VERIFIED if self.sensitive else Lane.PUBLIC


def read_file(path: Path) -> Dataset:
    """A dataset file, checked.

    Raises:
        InputError: BAD_FILE or BAD_DATASET, one sentence naming the key.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_FILE_BYTES + 1)
    except OSError:
        raise InputError(
            Code.BAD_FILE, "the dataset file cannot be opened; check its path"
        ) from None
    if len(raw) > _MAX_FILE_BYTES:
        raise InputError(Code.BAD_FILE, "the dataset file is longer than 256 KiB")
    try:
        document = tomllib.loads(raw.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        raise InputError(Code.BAD_FILE, "the dataset file is not TOML in UTF-8") from None
    return parse(_dates_as_text(document))


def parse(document: object) -> Dataset:
    """A dataset from plain values.

    Raises:
        InputError: BAD_DATASET.
    """
    try:
        return Dataset.model_validate_json(json.dumps(document, default=lambda _: None))
    except ValidationError as error:
        raise InputError(Code.BAD_DATASET, _explain(error)) from None


def add(store: Store, dataset: Dataset) -> int:
    """Enter a dataset, or change what is told of one; its id.

    Raises:
        InputError: BAD_DATASET, its lane or classes' order would change, or ids are used up.
    """
    client = store.redis
    known = client.hget(keyspace.DATASET_IDS, dataset.name)
    if known is None:
        fresh = int(client.incr(keyspace.LAST_DATASET))
        if fresh > MAX_DATASET_ID:
            raise InputError(Code.BAD_DATASET, "all 65535 dataset ids are used up")
        client.hsetnx(keyspace.DATASET_IDS, dataset.name, fresh)
        known = client.hget(keyspace.DATASET_IDS, dataset.name)
    dataset_id = int(known or 0)
    before = _entry(client.hget(keyspace.DATASETS, str(dataset_id)))
    if before is not None:
        _refuse_other_meaning(before, dataset)
    if before != dataset:
        client.hset(
            keyspace.DATASETS, str(dataset_id), dataset.model_dump_json(exclude_defaults=True)
        )
        client.incr(keyspace.REGISTER_CHANGES)
    return dataset_id


def get(store: Store, name: str) -> tuple[int, Dataset]:
    """A dataset and its id by name.

    Raises:
        InputError: BAD_USAGE, there is none; the sentence names the nearest.
    """
    known = store.redis.hget(keyspace.DATASET_IDS, name)
    dataset = known and _entry(store.redis.hget(keyspace.DATASETS, known))
    if not known or not dataset:
        names = [dataset.name for dataset in read_all(store).values()]
        if not names:
            raise InputError(
                Code.BAD_USAGE, "there are no datasets yet; run: qorgan dataset add FILE.toml"
            )
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
        raise InputError(Code.BAD_USAGE, f"there is no such dataset; did you mean {near}?")
    return int(known), dataset


def read_all(store: Store) -> dict[int, Dataset]:
    """All datasets by id."""
    raw = store.redis.hgetall(keyspace.DATASETS)
    entries = {int(key): _entry(value) for key, value in raw.items()}
    return {key: entry for key, entry in sorted(entries.items()) if entry is not None}


def changes(store: Store) -> int:
    """How often the register has changed: what a web node watches."""
    return int(store.redis.get(keyspace.REGISTER_CHANGES) or 0)


def _entry(raw: bytes | str | None) -> Dataset | None:
    return None if raw is None else Dataset.model_validate_json(raw)


def _refuse_other_meaning(before: Dataset, after: Dataset) -> None:
    if before.sensitive != after.sensitive:
        raise InputError(
            Code.BAD_DATASET, "a dataset's lane cannot change; enter it under another name"
        )
    if after.data_classes[: len(before.data_classes)] != before.data_classes:
        raise InputError(
            Code.BAD_DATASET,
            "data_classes may only grow at the end: loaded field masks mean its order",
        )


def _is_date(text: str) -> bool:
    if _MONTH.fullmatch(text):
        return True
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _dates_as_text(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _dates_as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_dates_as_text(inner) for inner in value]
    return value


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(first["loc"][-1]), Dataset.model_fields, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"unknown key {key} in the dataset file{hint}"
    if first["type"] == "missing":
        return f"{key} is missing in the dataset file"
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if key else message
