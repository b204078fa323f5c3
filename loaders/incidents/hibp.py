"""Have I Been Pwned's breach model (API v3): one breach, or a list and the name of one of it.

``PwnCount`` counts loaded rows, not people; ``AddedDate`` is when HIBP loaded them. Nobody's word
but HIBP's stands behind a record, so ``IsVerified`` is a claim too.
"""

import re
from datetime import date
from typing import Any

from loaders.incidents import classes, counts, dates, markup, plain_text
from loaders.incidents.entry import Draft
from loaders.incidents.finding import Flag
from lookup.errors import Code, InputError

_OWN = ("BreachDate", "PwnCount", "DataClasses", "AddedDate")
_SOURCELESS = ("IsSpamList", "IsMalware", "IsStealerLog")
_WARNED = {
    "IsFabricated": "HIBP takes the data for made up",
    "IsSpamList": "a list of spammers, not one organisation's leak",
    "IsMalware": "taken by malware from many devices, not one organisation's leak",
    "IsStealerLog": "stealer logs from many devices, not one organisation's leak",
    "IsRetired": "HIBP has taken it out",
}


def recognises(document: Any) -> bool:
    """Whether a JSON document looks like HIBP's."""
    first = document[0] if isinstance(document, list) and document else document
    return isinstance(first, dict) and "Name" in first and any(key in first for key in _OWN)


def draft(document: Any, name: str | None, today: date) -> Draft:
    """The draft that a breach makes.

    Raises:
        InputError: BAD_FILE, no breach, or several and none or another one named.
    """
    breach = _chosen(document, name)
    made = Draft("Have I Been Pwned")
    made.put_name(plain_text.one(breach.get("Name")))
    made.put_line("title", breach.get("Title"), "Title")
    _description(made, breach.get("Description"))
    _dates(made, breach, today)
    _count(made, breach.get("PwnCount"))
    found = breach.get("DataClasses")
    made.put_classes(classes.from_hibp(plain_text.several(found)), "DataClasses")
    _flags(made, breach)
    _organisation(made, breach)
    made.add_source("Have I Been Pwned", None)
    if breach.get("DisclosureUrl") or breach.get("Attribution"):
        attribution = markup.text(plain_text.one(breach.get("Attribution")))
        made.add_source(attribution or "Disclosure", breach.get("DisclosureUrl"))
    for key in ("AddedDate", "ModifiedDate"):
        made.keep(key, breach.get(key))
    return made


def _chosen(document: Any, name: str | None) -> dict[str, Any]:
    breaches = document if isinstance(document, list) else [document]
    if not breaches or not all(recognises(breach) for breach in breaches):
        raise InputError(Code.BAD_FILE, "the record is not in HIBP's form; give its JSON as it is")
    if name is not None:
        wanted = name.casefold()
        breaches = [b for b in breaches if plain_text.one(b["Name"]).casefold() == wanted]
        if not breaches:
            raise InputError(Code.BAD_FILE, "the record has no breach of that name; check --name")
    if len(breaches) > 1:
        what = "has several breaches" if name is None else "has that name more than once"
        raise InputError(
            Code.BAD_FILE, f"the record {what}; an entry is of one, say which with --name"
        )
    found: dict[str, Any] = breaches[0]
    return found


def _description(made: Draft, html: Any) -> None:
    if not isinstance(html, str) or not html.strip():
        return
    text = markup.text(html)
    if text is None:
        made.flag(Flag.LEFT_OUT, "Description", "HTML that cannot be read; write a text")
    else:
        made.put_text("description", text, "Description")


def _dates(made: Draft, breach: dict[str, Any], today: date) -> None:
    happened, added = dates.read(breach.get("BreachDate")), dates.read(breach.get("AddedDate"))
    if happened is None:
        made.flag(Flag.PLACEHOLDER, "BreachDate", "no date that can be")
        return
    if happened.first > today or (added is not None and happened.first > added.last):
        made.flag(Flag.CONTRADICTORY, "BreachDate", "after today, or after HIBP loaded it")
        made.keep("BreachDate", happened.text)
        return
    made.put("breach_date", happened.text, "BreachDate")
    if happened.is_placeholder:
        year_too = "; in January perhaps only the year" if happened.first.month == 1 else ""
        made.flag(Flag.PLACEHOLDER, "BreachDate", f"the first of a month: only the month{year_too}")


def _count(made: Draft, given: Any) -> None:
    count = counts.read(given)
    if count is None or not count.number:
        made.flag(Flag.PLACEHOLDER, "PwnCount", "no count")
        return
    made.put("rows", count.value, "PwnCount")
    made.flag(Flag.CLAIMED, "PwnCount", "loaded rows, not people; how many people is not told")


def _flags(made: Draft, breach: dict[str, Any]) -> None:
    sensitive = breach.get("IsSensitive")
    if isinstance(sensitive, bool):
        made.put("sensitive", sensitive, "IsSensitive")
    for key, what in _WARNED.items():
        if breach.get(key) is True:
            made.flag(Flag.CLAIMED, key, what)
    verified, fabricated = breach.get("IsVerified") is True, breach.get("IsFabricated") is True
    if verified and fabricated:
        made.flag(Flag.CONTRADICTORY, "IsVerified", "verified and made up at once")
    made.values["status"] = "claimed"
    made.flag(
        Flag.CLAIMED,
        "IsVerified",
        "HIBP has checked it; confirmed is what an authority or the organisation says"
        if verified
        else "HIBP has not checked it",
    )


def _organisation(made: Draft, breach: dict[str, Any]) -> None:
    if not breach.get("Domain") or any(breach.get(key) is True for key in _SOURCELESS):
        return
    domain = plain_text.one(breach["Domain"])
    title = plain_text.line(plain_text.one(breach.get("Title")))
    name = title if re.search(re.escape(domain), title, re.IGNORECASE) else f"{title} ({domain})"
    if made.add_organisation(name if title else domain, "suspected"):
        made.flag(Flag.CLAIMED, "Domain", "organisation by HIBP's word: suspected at most")
