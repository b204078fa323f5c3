"""The dataset file: what is told of one leak, checked key by key.

An unknown key, a value of another type, or a text that is not plain is refused; the sentence
names the key and never repeats a value.
"""

import difflib
import json
import re
import tomllib
import unicodedata
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from lookup.errors import Code, InputError
from lookup.facts import data_classes
from lookup.protocol.suite import MAX_DATA_CLASSES, Lane

_MAX_FILE_BYTES = 256 * 1024
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_LINE, _TRANSLATED = "one line", "three lines"  # what a text may be; no part of a key's name
_SHOWN = re.compile(r"[A-Za-z_-]{1,40}")  # of unknown keys: others could be anybody's data


def _plain(text: str) -> str:
    """Plain text: what would move a cursor or turn the writing around is refused.

    Nothing else is: texts are escaped where they are shown.
    """
    for letter in text:
        kind = unicodedata.category(letter)
        if (kind[0] == "C" and letter != "\n") or kind in ("Zl", "Zp"):
            raise ValueError("holds a control character or one that cannot be seen")
    if not text.strip():
        raise ValueError("is blank")
    return text


def _one_line(text: str) -> str:
    if "\n" in text:
        raise ValueError("must be one line")
    return text


def _date(text: str) -> str:
    if not _is_date(text):
        raise ValueError('must be a date, or a month such as "2025-06"')
    return text


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Text = Annotated[str, Field(max_length=5000), AfterValidator(_plain)]
Line = Annotated[str, Field(max_length=300), AfterValidator(_plain), AfterValidator(_one_line)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s<>\"]{1,500}$"), AfterValidator(_plain)]
Day = Annotated[str, AfterValidator(_date)]
Count = Annotated[int, Field(ge=0, le=10**12)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


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

    at_least: Count


class Proceeding(_Strict):
    """A case or a fine; a line without translations is shown as it is in every language."""

    what: Annotated[
        Annotated[Line, Tag(_LINE)] | Annotated[Title, Tag(_TRANSLATED)],
        Discriminator(lambda what: _LINE if isinstance(what, str) else _TRANSLATED),
    ]
    amount: Annotated[float, Field(ge=0)] | Annotated[int, Field(ge=0)] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    date: Day | None = None


class Source(_Strict):
    """Where a statement can be read."""

    title: Line
    url: Url | None = None
    accessed_on: Day | None = None


class Severity(_Strict):
    """ENISA's severity inputs: SE = DPC x EI + CB."""

    dpc: Annotated[float, Field(ge=0, le=4)]
    ei: Annotated[float, Field(ge=0, le=1)]
    cb: Annotated[float, Field(ge=0, le=2)]


class Dataset(_Strict):
    """One dataset file. Dates are ISO text, a month where only the month is known.

    Attributes:
        breach_date_at_latest: the day is not known: it had happened by ``breach_date``.
        conflicts: where what is told of it does not agree, told openly.
    """

    name: Name
    sensitive: bool
    title: Title
    breach_date: Day
    breach_date_at_latest: bool = False
    data_classes: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_DATA_CLASSES)]
    description: Description | None = None
    organisations: tuple[Organisation, ...] = ()
    status: Literal["claimed", "confirmed", "refuted"] | None = None
    detected_on: Day | None = None
    public_on: Day | None = None
    people: Count | AtLeast | None = None
    rows: Count | AtLeast | None = None
    proceedings: tuple[Proceeding, ...] = ()
    measures: Text | None = None
    conflicts: tuple[Description, ...] = ()
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
        document = _dates_as_text(tomllib.loads(raw.decode("utf-8-sig")))
    except (ValueError, RecursionError):  # TOMLDecodeError, UnicodeDecodeError, too many digits
        raise InputError(Code.BAD_FILE, "the dataset file is not TOML in UTF-8") from None
    return parse(document)


def parse(document: object) -> Dataset:
    """A dataset from plain values.

    Raises:
        InputError: BAD_DATASET.
    """
    try:
        return Dataset.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise InputError(Code.BAD_DATASET, _explain(error)) from None
    except (TypeError, ValueError):  # a time of day, a number of thousands of digits
        raise InputError(
            Code.BAD_DATASET, "the dataset file holds a value that no key of it can have"
        ) from None


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


# The keys below each key that has any, and what may stand where there is a choice of types.
_BELOW: dict[str, type[_Strict]] = {
    "title": Title,
    "description": Description,
    "organisations": Organisation,
    "people": AtLeast,
    "rows": AtLeast,
    "proceedings": Proceeding,
    "conflicts": Description,
    "sources": Source,
    "severity": Severity,
}
_CHOICES = {
    **dict.fromkeys(("people", "rows"), "must be a whole number, or { at_least = a whole number }"),
    "proceedings.amount": "must be a number, not below zero",
}


def _explain(error: ValidationError) -> str:
    """One sentence on what is wrong; a misspelt key is what is told first."""
    errors = error.errors(include_url=False, include_input=False)
    first = min(errors, key=lambda e: e["type"] != "extra_forbidden")
    loc = [part for part in first["loc"] if part not in (_LINE, _TRANSLATED)]
    parts = [str(part) for part in loc if not isinstance(part, int)]
    if first["type"] == "extra_forbidden":
        model = Dataset if len(parts) == 1 else Title if parts[1] == "what" else _BELOW[parts[0]]
        near = difflib.get_close_matches(parts[-1], model.model_fields, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(model.model_fields)}"
        named = ".".join([*parts[:1], parts[-1]][-len(parts) :])
        shown = f" {named}" if _SHOWN.fullmatch(parts[-1]) else ""
        return f"unknown key{shown} in the dataset file; {hint}"
    if first["type"] == "json_invalid":
        return "the dataset file nests its values too deeply"
    for key, choice in _CHOICES.items():
        if f"{'.'.join(parts)}.".startswith(f"{key}."):
            return f"{key}: {choice}"
    key = ".".join(parts)
    if first["type"] == "missing":
        return f"{key} is missing in the dataset file"
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if key else message
