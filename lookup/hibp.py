"""The register in Have I Been Pwned's model (its API, version 3), so that its clients read it.

What that model cannot say is not made up: we keep no domains, logos or malware lists, so these are
empty or false. ``PwnCount`` must be a number and dates must have a day; where these say more than
is known, the description says so.
"""

import html
from typing import TypedDict

from lookup import facts
from lookup.index.dataset import AtLeast, Dataset
from lookup.index.listing import Listed


class Breach(TypedDict):
    """One entry: https://haveibeenpwned.com/API/v3#BreachModel."""

    Name: str
    Title: str
    Domain: str
    BreachDate: str
    AddedDate: str
    ModifiedDate: str
    PwnCount: int
    Description: str
    LogoPath: str
    Attribution: str | None
    DisclosureUrl: str | None
    DataClasses: list[str]
    IsVerified: bool
    IsFabricated: bool
    IsSensitive: bool
    IsRetired: bool
    IsSpamList: bool
    IsMalware: bool
    IsSubscriptionFree: bool
    IsStealerLog: bool


def breach(listed: Listed) -> Breach:
    """An entry of the register; a month stands as its first day, a text as HTML in English."""
    dataset = listed.dataset
    added = f"{_day(listed.day)}T00:00:00Z"
    known = facts.data_classes()
    return Breach(
        Name=dataset.name,
        Title=dataset.title.en,
        Domain="",
        BreachDate=_day(dataset.breach_date),
        AddedDate=added,
        ModifiedDate=added,
        PwnCount=_people(dataset),
        Description=_description(listed),
        LogoPath="",
        Attribution=None,
        DisclosureUrl=next((source.url for source in dataset.sources if source.url), None),
        DataClasses=[known[slug].hibp for slug in dataset.data_classes],
        IsVerified=dataset.status == "confirmed",
        IsFabricated=dataset.status == "refuted",
        IsSensitive=dataset.sensitive,
        IsRetired=False,
        IsSpamList=False,
        IsMalware=False,
        IsSubscriptionFree=False,
        IsStealerLog=False,
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
