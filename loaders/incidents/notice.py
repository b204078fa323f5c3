"""The notice of a breach that an operator sends to the authority (order 481/НҚ of 2024-08-09).

It lists people, so nothing of it is taken over but dates, counts, the operator's name and the
measures, and the last two only where no person can be in them. What it lists people by is what
the authority needs to reach them, and may be less than what leaked.
"""

from datetime import date
from typing import Any

from loaders.incidents import counts, dates, notice_fields, subjects
from loaders.incidents.dates import Claimed
from loaders.incidents.entry import Draft
from loaders.incidents.finding import Flag
from loaders.incidents.notice_fields import Field, Notice
from loaders.incidents.subjects import Subjects
from lookup.errors import Code, InputError

_SIGNS = (Field.CONTACT, Field.MEASURES, Field.SUBJECTS, Field.DETECTED, Field.OPERATOR)


def recognises(document: Any) -> bool:
    """Whether a text, or a JSON document, begins with two fields of a notice."""
    return notice_fields.recognises(_first(document))


def draft(document: Any, today: date) -> Draft:
    """The draft that a notice makes, of its text or of it as JSON.

    Raises:
        InputError: BAD_FILE, it is no notice; BAD_DATASET, it is more than one.
    """
    told = _taken_apart(_first(document))
    if not any(told.has(sign) for sign in _SIGNS):
        raise InputError(
            Code.BAD_FILE, "the record has no heading of a notice: contact, measures or subjects"
        )
    if _are_two(told) or (isinstance(document, list) and len(document) > 1):
        raise InputError(
            Code.BAD_DATASET,
            "the record holds more than one notice; give each in a file of its own",
        )
    listed = subjects.gather(told.rows, "\n".join(told.given(Field.CONTACT))[:5000])
    made = Draft("notice of order 481/НҚ")
    made.values["status"] = "claimed"
    made.flag(Flag.CLAIMED, "status", "the operator's word, until the authority confirms it")
    _dates(made, told, today)
    _operator(made, told, listed)
    _people(made, told, listed)
    _measures(made, told, listed)
    if told.has(Field.CONTACT):
        made.flag(Flag.LEFT_OUT, Field.CONTACT, "a person's data: it stays in the notice")
    else:
        made.flag(Flag.MISSING, Field.CONTACT, "the order asks for the responsible person's")
    if told.unread:
        made.flag(Flag.LEFT_OUT, "text", f"lines or keys under no known heading: {told.unread}")
    return made


def _first(document: Any) -> Any:
    return next(iter(document), None) if isinstance(document, list) else document


def _taken_apart(document: Any) -> Notice:
    if isinstance(document, str):
        return notice_fields.from_text(document)
    return notice_fields.from_json(document)


def _are_two(told: Notice) -> bool:
    """Whether it has two operators, days or counts, or measures and contact twice."""
    once = (Field.OPERATOR, Field.DETECTED, Field.OCCURRED, Field.NUMBER)
    repeated = [len(told.texts.get(key, [])) > 1 for key in (Field.CONTACT, Field.MEASURES)]
    return all(repeated) or any(len(told.given(key)) > 1 for key in once)


def _dates(made: Draft, told: Notice, today: date) -> None:
    detected = _date(made, told, Field.DETECTED, today)
    happened = _date(made, told, Field.OCCURRED, today)
    if detected is not None:
        made.put("detected_on", detected.text, Field.DETECTED)
    if happened is not None and detected is not None and detected.last < happened.first:
        made.flag(Flag.CONTRADICTORY, Field.OCCURRED, "after it was detected")
        happened = None
    if happened is not None:
        made.put("breach_date", happened.text, Field.OCCURRED)
    elif detected is not None:
        made.put("breach_date", detected.text, Field.DETECTED)
        made.put("breach_date_at_latest", value=True, field=Field.DETECTED)


def _date(made: Draft, told: Notice, field: Field, today: date) -> Claimed | None:
    given = told.given(field)
    if not given:
        return None
    found = dates.read(given[0], trust_first=True)
    if found is None:
        made.flag(Flag.PLACEHOLDER, field, "no month or day that can be")
    elif found.first > today:
        made.flag(Flag.CONTRADICTORY, field, "after today")
        return None
    return found


def _operator(made: Draft, told: Notice, listed: Subjects) -> None:
    names = told.given(Field.OPERATOR)
    if not names:
        made.flag(Flag.MISSING, Field.OPERATOR, "the notice does not say whose it is")
    elif len(names[0]) > 300 or listed.may_be_named_in(names[0], anybody=False):
        made.flag(Flag.LEFT_OUT, Field.OPERATOR, "a person may be named in it; write it by hand")
    elif made.add_organisation(names[0], "operator"):
        made.flag(Flag.MAPPED, Field.OPERATOR, "now organisations")
    else:
        made.flag(Flag.LEFT_OUT, Field.OPERATOR, "no name that the register can show")


def _people(made: Draft, told: Notice, listed: Subjects) -> None:
    stated = [counts.read(text) for text in told.given(Field.NUMBER)]
    count = stated[0] if stated else None
    if stated and count is None:
        made.flag(Flag.PLACEHOLDER, Field.NUMBER, "no count")
    if listed.number:
        text = f"people in its list: {listed.number}; nothing else of the list is taken over"
        made.flag(Flag.CLAIMED, Field.SUBJECTS, text)
        made.put("people", listed.number, Field.SUBJECTS)
        made.put("data_classes", listed.classes, Field.SUBJECTS)
        text = "what the list shows; ask the operator what else leaked"
        made.flag(Flag.CLAIMED, "data_classes", text)
    else:
        made.flag(Flag.MISSING, Field.SUBJECTS, "no list of people that can be read")
    if count is not None and count.number != listed.number and listed.number:
        made.flag(Flag.CONTRADICTORY, Field.NUMBER, "not the number of people in the list")
        made.values["people"] = {"at_least": listed.number}
    elif count is not None and not listed.number:
        made.put("people", count.value, Field.NUMBER)
    invalid = listed.invalid_iins
    if invalid:
        text = f"IINs that are placeholders or mistyped: {invalid}"
        made.flag(Flag.PLACEHOLDER, Field.SUBJECTS, text)


def _measures(made: Draft, told: Notice, listed: Subjects) -> None:
    measures = "\n".join(told.given(Field.MEASURES))
    if not measures:
        made.flag(Flag.MISSING, Field.MEASURES, "the order asks for them")
    elif len(measures) > 5000:
        made.flag(Flag.LEFT_OUT, Field.MEASURES, "longer than the register's texts may be")
    elif listed.may_be_named_in(measures):
        made.flag(Flag.LEFT_OUT, Field.MEASURES, "a person may be named in it; write it by hand")
    else:
        made.put_text("measures", measures, Field.MEASURES)
