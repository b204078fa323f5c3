"""Rankiteo's incident record. The vendor's word is a claim, and its placeholders are none.

Vendor scores, lessons and recommendations are no part of a register entry: they are kept beside it.
"""

import re
from datetime import date
from typing import Any

from loaders.incidents import classes, counts, dates, plain_text, rankiteo_record
from loaders.incidents.dates import Claimed
from loaders.incidents.entry import MOST, Draft
from loaders.incidents.finding import Flag
from loaders.incidents.rankiteo_record import Record

recognises = rankiteo_record.recognises

_DETECTED, _PUBLIC = "date_detected", "date_publicly_disclosed"
_AFFECTED = "customers_affected"
_SCORES = ("severity", "impact", "explanation")
# The record's fields that the register has no key for; kept for the person who reads the draft.
_ASIDE = {
    "data_breach": ("sensitivity_of_data", "personally_identifiable_information"),
    "impact": (
        *("brand_reputation_impact", "data_compromised", "identity_theft_risk"),
        "legal_liabilities",
    ),
}
_NOTES = ("lessons_learned", "recommendations")
_KNOWN = frozenset(
    (
        *("affected_entities", "data_breach", "date_detected", "date_publicly_disclosed"),
        *("description", "impact", "post_incident_analysis", "references"),
        *("regulatory_compliance", "title", "type", *_NOTES),
        *("id", "linkid", "date", "severity", "explanation"),
    )
)
_OF_LAWS = re.compile(r"\b(law|laws|bill|legislation|fines?|penalt\w+|amendments?)\b", re.I)
_PROPOSED = re.compile(r"\b(propos\w+|potential\w*|possible|planned|may|draft)\b", re.I)


def draft(text: str, document: Any, today: date) -> Draft:
    """The draft that a record makes; ``document`` is it as JSON, if it is that.

    Raises:
        InputError: BAD_FILE, it cannot be read; BAD_DATASET, it joins two incidents.
    """
    record = rankiteo_record.take_apart(text, document)
    record.refuse_two_incidents()
    made = Draft("Rankiteo")
    _dates(made, record, today)
    made.put_line("title", record.body.get("title"), "title")
    made.put_text("description", record.body.get("description"), "description")
    made.values["status"] = "claimed"
    made.flag(Flag.CLAIMED, "status", "a vendor's word; the record does not say who confirmed it")
    _organisations(made, record)
    _data(made, record)
    _aftermath(made, record)
    _sources(made, record)
    _aside(made, record)
    unknown = sum(key not in _KNOWN for key in record.body)
    if unknown:
        made.flag(Flag.LEFT_OUT, "body", f"fields that this form does not have: {unknown}")
    return made


def _dates(made: Draft, record: Record, today: date) -> None:
    happened = _date(made, record.head, "date", today)
    told = {}
    for field, key in ((_DETECTED, "detected_on"), (_PUBLIC, "public_on")):
        found = _date(made, record.body, field, today)
        if found is None:
            continue
        recorded = record.recorded_on
        if recorded is not None and found.first > recorded:
            made.flag(Flag.CONTRADICTORY, field, "after the record itself was made")
            made.keep(field, found.text)
        else:
            made.put(key, found.text, field)
            told[field] = found
    first_field = min(told, key=lambda field: told[field].first, default="")
    first = told.get(first_field)
    if happened is not None:
        made.put("breach_date", happened.text, "head date")
        made.flag(Flag.CLAIMED, "head date", "when it happened, by the vendor's word")
        if first is not None and first.last < happened.first:
            made.flag(Flag.CONTRADICTORY, "head date", "known before it happened")
    elif first is not None:
        made.put("breach_date", first.text, first_field)
        made.put("breach_date_at_latest", value=True, field=first_field)
    if len(told) == 2 and told[_PUBLIC].last < told[_DETECTED].first:
        made.flag(Flag.CONTRADICTORY, "date_publicly_disclosed", "public before it was detected")
    year = happened or first
    if record.head.get("linkid"):  # a year alone names nothing
        made.put_name(record.head["linkid"], year.text[:4] if year else "")


def _date(made: Draft, given: dict[str, Any], field: str, today: date) -> Claimed | None:
    if plain_text.says_nothing(given.get(field)):
        return None
    found = dates.read(given[field])
    if found is None:
        made.flag(Flag.PLACEHOLDER, field, "no month or day that can be")
        made.keep(field, given[field])
    elif found.first > today:
        made.flag(Flag.CONTRADICTORY, field, "after today")
        made.keep(field, found.text)
        return None
    elif found.is_placeholder:
        made.flag(Flag.PLACEHOLDER, field, "the first of a month: only the month is taken over")
    return found


def _organisations(made: Draft, record: Record) -> None:
    left = 0
    for entity in record.entities:
        left += not made.add_organisation(entity.get("name"), "suspected", entity.get("industry"))
        for field in ("location", "size", "type"):
            made.keep(f"affected_entities.{field}", entity.get(field))
    if made.values.get("organisations"):
        text = "suspected at most: nothing in the record confirms it"
        made.flag(Flag.CLAIMED, "affected_entities.name", text)
        made.flag(Flag.MAPPED, "affected_entities", "now organisations; industry is its sector")
    if len(record.entities) > 1:
        text = f"so many organisations: {len(record.entities)}; make sure that it was one incident"
        made.flag(Flag.CLAIMED, "affected_entities", text)
    if left:
        made.flag(
            Flag.LEFT_OUT,
            "affected_entities",
            f"not taken over, for want of a name or of room: {left}",
        )


def _data(made: Draft, record: Record) -> None:
    affected = [entity[_AFFECTED] for entity in record.entities if _AFFECTED in entity]
    people = _largest(affected)
    breach = _table(record.body.get("data_breach"))
    rows = counts.read(breach.get("number_of_records_exposed"))
    for count, key, field, given in (
        (people, "people", "affected_entities.customers_affected", affected),
        (rows, "rows", "data_breach.number_of_records_exposed", breach),
    ):
        if count is not None and count.number:
            made.put(key, count.value, field)
        elif given:
            made.flag(Flag.PLACEHOLDER, field, "no count")
    if len({count.number for count in map(counts.read, affected) if count is not None}) > 1:
        text = "several counts of people; the largest is taken over"
        made.flag(Flag.CONTRADICTORY, "affected_entities.customers_affected", text)
    if people is not None and people == rows:
        text = "the same number for people and for rows: a row is no person, one is a guess"
        made.flag(Flag.CLAIMED, "data_breach.number_of_records_exposed", text)
    field = "data_breach.type_of_data_compromised"
    found = classes.from_words(plain_text.several(breach.get("type_of_data_compromised")))
    made.put_classes(found, field)
    personal = plain_text.one(breach.get("personally_identifiable_information"))
    if found.slugs and personal.strip().casefold() == "no":
        text = "no personal data, it says, and names some"
        made.flag(Flag.CONTRADICTORY, "data_breach.personally_identifiable_information", text)


def _largest(values: Any) -> counts.Count | None:
    found = [count for count in map(counts.read, values) if count is not None]
    return max(found, key=lambda count: count.number, default=None)


def _aftermath(made: Draft, record: Record) -> None:
    field = "regulatory_compliance.legal_actions"
    compliance = _table(record.body.get("regulatory_compliance"))
    for action in plain_text.several(compliance.get("legal_actions"))[:MOST]:
        if _PROPOSED.search(action):
            made.flag(Flag.CLAIMED, field, "a proposal is no proceeding: kept beside the entry")
            made.keep(field, action)
        elif made.add_proceeding(action):
            made.flag(Flag.MAPPED, field, "now proceedings, without its translations")
        else:
            made.flag(Flag.LEFT_OUT, field, "longer than the register's lines may be")
            made.keep(field, action)
    field = "post_incident_analysis.corrective_actions"
    analysis = _table(record.body.get("post_incident_analysis"))
    measures = "\n".join(plain_text.several(analysis.get("corrective_actions")))
    if _OF_LAWS.search(measures):
        made.flag(Flag.CONTRADICTORY, field, "about laws, not about measures that were taken")
        made.keep(field, measures)
    else:
        made.put_text("measures", measures, field)


def _sources(made: Draft, record: Record) -> None:
    field = "references.date_accessed"
    for reference in rankiteo_record.tables(record.body.get("references")):
        accessed = dates.read(reference.get("date_accessed"))
        if accessed is not None and accessed.is_placeholder:
            made.flag(Flag.PLACEHOLDER, field, "the first of a month: nobody's reading day")
        elif accessed is not None and record.recorded_on and accessed.first > record.recorded_on:
            made.flag(Flag.CONTRADICTORY, field, "after the record itself was made")
            accessed = None
        made.keep(field, reference.get("date_accessed"))
        taken = accessed.text if accessed is not None and not accessed.is_placeholder else None
        made.add_source(reference.get("source"), reference.get("url"), taken)
    if made.values.get("sources"):
        made.flag(Flag.MAPPED, "references", "now sources")


def _aside(made: Draft, record: Record) -> None:
    for key in ("id", "linkid", "type"):
        made.keep(f"head {key}", record.head.get(key))
    made.keep("type", record.body.get("type"))
    for key in _SCORES:
        if record.head.get(key):
            made.flag(Flag.LEFT_OUT, f"head {key}", "a vendor's scale without its method")
            made.keep(f"head {key}", record.head[key])
    for table, keys in _ASIDE.items():
        for key in keys:
            made.keep(f"{table}.{key}", _table(record.body.get(table)).get(key))
    for key in _NOTES:
        if plain_text.several(record.body.get(key)):
            made.flag(Flag.LEFT_OUT, key, "a vendor's notes; advice to people comes from the data")
            made.keep(key, record.body[key])


def _table(value: Any) -> dict[str, Any]:
    found = rankiteo_record.tables(value)
    return found[0] if found else {}
