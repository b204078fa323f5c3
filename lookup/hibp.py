"""The register in Have I Been Pwned's model (its API, version 3), so that its clients read it.

What that model cannot say is not made up: we keep no domains, logos or malware lists, so these are
empty or false. ``PwnCount`` must be a number and dates must have a day; where these say more than
is known, the description says so. Nobody can be asked about in that model: it sends identifiers.
"""

import html
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_pascal

from lookup import facts
from lookup.index.dataset import AtLeast, Dataset
from lookup.index.listing import Listed

ROOT = "/api/v3/"


class Breach(BaseModel):
    """One entry: https://haveibeenpwned.com/API/v3#BreachModel."""

    model_config = ConfigDict(
        alias_generator=to_pascal, validate_by_name=True, frozen=True, extra="forbid"
    )

    name: str
    title: str
    domain: Literal[""] = ""
    breach_date: str
    added_date: str
    modified_date: str
    pwn_count: int
    description: str
    logo_path: Literal[""] = ""
    attribution: None = None
    disclosure_url: str | None
    data_classes: tuple[str, ...]
    is_verified: bool
    is_fabricated: bool
    is_sensitive: bool
    is_retired: Literal[False] = False
    is_spam_list: Literal[False] = False
    is_malware: Literal[False] = False
    is_subscription_free: Literal[False] = False
    is_stealer_log: Literal[False] = False

    def document(self) -> dict[str, object]:
        """As its clients read it."""
        return self.model_dump(mode="json", by_alias=True)


def breach(listed: Listed) -> Breach:
    """An entry of the register; a month stands as its first day, a text as HTML in English."""
    dataset = listed.dataset
    added = f"{_day(listed.day)}T00:00:00Z"
    known = facts.data_classes()
    return Breach(
        name=dataset.name,
        title=dataset.title.en,
        breach_date=_day(dataset.breach_date),
        added_date=added,
        modified_date=added,
        pwn_count=_people(dataset),
        description=_description(listed),
        disclosure_url=next((source.url for source in dataset.sources if source.url), None),
        data_classes=tuple(known[slug].hibp for slug in dataset.data_classes),
        is_verified=dataset.status == "confirmed",
        is_fabricated=dataset.status == "refuted",
        is_sensitive=dataset.sensitive,
    )


def data_classes() -> list[str]:
    """All names of data classes, in order."""
    return sorted({known.hibp for known in facts.data_classes().values()})


def _description(listed: Listed) -> str:
    """HTML: what is told of a leak, and what the other fields cannot tell."""
    dataset = listed.dataset
    text = dataset.description.en if dataset.description else dataset.title.en
    notes = (
        (dataset.people is None, "How many people are in it is not known."),
        (isinstance(dataset.people, AtLeast), "There are at least so many people in it."),
        (dataset.breach_date_at_latest, "It had happened by its date at the latest."),
        (len(dataset.breach_date) == 7, "The day of its date is not known."),
        (listed.lane is None, "Its data are not in this index."),
    )
    return " ".join([html.escape(text), *(note for is_so, note in notes if is_so)])


def _people(dataset: Dataset) -> int:
    people = dataset.people
    return people.at_least if isinstance(people, AtLeast) else people or 0


def _day(day: str) -> str:
    return day if len(day) == 10 else f"{day}-01"
