"""A notice taken apart into its fields, whether it is a letter with headings or JSON.

Order 481/НҚ says what a notice holds and not how it looks, so headings are known by their words,
in Russian, Kazakh and English. A field ends at a blank line or at the next heading.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from loaders.incidents import plain_text
from lookup.errors import Code, InputError


class Field(StrEnum):
    """What a notice can tell."""

    OPERATOR = "operator"
    DETECTED = "detected"
    OCCURRED = "occurred"
    CONTACT = "contact"
    MEASURES = "measures"
    NUMBER = "number of subjects"
    SUBJECTS = "subjects"


_LONGEST_HEADING = 200
_MOST_LINES, _LONGEST_LINE = 10_000, 10_000  # 10,000 people take 0.7 s
_NUMBERING = re.compile(r"^[\s•*–—-]*(?:\d{1,2}[.)]\s+)?")
# The first that matches decides.
_HEADINGS = {
    Field.NUMBER: r"(?:(?:общее )?(?:количество|число) .{0,40}(?:субъект|лиц|граждан|людей).*"
    r"|субъектілер(?:дің)? сан.*|number of .{0,20}(?:subjects|people).*|subjects affected)",
    Field.SUBJECTS: r"(?:(?:персональные данные|список|перечень|сведения о|данные)?\s?субъект.*"
    r"|пострадавшие.*|(?:дербес деректер )?субъектілер.*|(?:data )?subjects)",
    Field.DETECTED: r"(?:дата .{0,30}(?:обнаруж|выявл).*|обнаружено|выявлено|анықтал\S+ күн.*"
    r"|detected(?: on)?|date detected|discovered(?: on)?)",
    Field.OCCURRED: r"(?:дата .{0,30}(?:нарушени|инцидент|утечк).*|бұзыл\S+ күн.*"
    r"|occurred(?: on)?|breach date|date of (?:the )?breach)",
    Field.CONTACT: r"(?:контакт.*|(?:лицо, )?ответственн.*|байланыс.*|жауапты.*|contacts?"
    r"|contact (?:person|details).*|responsible.*)",
    Field.MEASURES: r"(?:(?:пред|при)нятые меры.*|меры(?:,| по| пред| при|$).*|(?:қабылданған )?"
    r"шаралар.*|жою .{0,40}шаралар.*|measures.*)",
    Field.OPERATOR: r"(?:(?:наименование )?(?:собственник|оператор)а?"
    r"(?: и ?/?\(?или\)? оператора?)?(?: базы.{0,80})?|(?:наименование )?организаци[яи]"
    r"|меншік иесі.{0,20}|ұйым(?:ның атауы)?"
    r"|operator|owner|organi[sz]ation|company)",
}
_KNOWN = re.compile("|".join(f"(?P<{known.name}>{form})" for known, form in _HEADINGS.items()))
# What stands over a column of people, or before one person's cell.
_COLUMN = re.compile(
    r"(?:фио|ф\. ?и\. ?о\.?|фамилия(?: имя отчество)?|имя|отчество(?: \(.{0,40}\))?|тегі"
    r"|аты(?:[ -]жөні)?|әкесінің аты|(?:full |first |last |sur)?name|иин|жсн|iin"
    r"|индивидуальный идентификационный номер|жеке сәйкестендіру нөмірі|№|n|no\.?|п/п|№ п/п"
    r"|(?:абонентский |мобильный |сотовый )?(?:номер|телефон)(?: телефона| сотовой связи)?"
    r"|абонентский номер сотовой связи|тел\.?|мобильный|сотовый|(?:ұялы )?телефон(?: нөмірі)?"
    r"|абоненттік нөмір(?:і)?|(?:mobile |phone )?(?:phone|number|mobile))"
)
_IIN = re.compile(r"(?<!\d)\d{12}(?!\d)")


def recognises(document: Any) -> bool:
    """Whether a text, or a JSON document, begins with two fields of a notice."""
    if isinstance(document, str):
        lines = document[:_LONGEST_LINE].splitlines()
        known = {_heading(plain_text.line(line))[0] for line in lines}
    elif isinstance(document, dict):
        known = {_known(key.replace("_", " ")) for key in list(document)[:100]}
    else:
        return False
    return len(known - {None}) >= 2


@dataclass(frozen=True)
class Notice:
    """A notice by its fields. The representation shows none of it."""

    texts: dict[Field, list[str]] = field(repr=False)
    """Each time a field is given, its text."""
    rows: tuple[str, ...] = field(repr=False)
    unread: int
    """Lines under no heading that we know."""

    def has(self, wanted: Field) -> bool:
        """Whether a field is there, be it empty."""
        return wanted in self.texts or (wanted is Field.SUBJECTS and bool(self.rows))

    def given(self, wanted: Field) -> list[str]:
        """The different texts of a field."""
        texts = [plain_text.lines(text) for text in self.texts.get(wanted, [])]
        return list(dict.fromkeys(text for text in texts if not plain_text.says_nothing(text)))


def from_text(text: str) -> Notice:
    """The notice in a letter.

    Raises:
        InputError: BAD_FILE, more or longer lines than a letter has.
    """
    lines = text.splitlines()
    is_long = len(lines) > 10 * _MOST_LINES or sum(map(bool, lines)) > _MOST_LINES
    if is_long or max(map(len, lines), default=0) > _LONGEST_LINE:
        raise _too_much()
    letter = _Letter()
    for line in lines:
        letter.read(plain_text.line(line) if line else "")
    given = {known: ["\n".join(parts) for parts in found] for known, found in letter.texts.items()}
    return Notice(given, tuple(_joined(letter.rows)), letter.unread)


class _Letter:
    """A letter, as far as it has been read."""

    def __init__(self) -> None:
        self.texts: dict[Field, list[list[str]]] = {}
        self.rows: list[str] = []
        self.unread = 0
        self._field: Field | None = None  # what the next line belongs to

    def read(self, line: str) -> None:
        """Read one more line."""
        known, value = _heading(line)
        if known is not None:
            self._field = known
            self.texts.setdefault(known, []).append([])
            line = value
        if not line:
            if known is None and (self._field is Field.SUBJECTS or self._has_text()):
                self._field = None
        elif _is_column_row(line):
            self._field = Field.SUBJECTS
        elif self._field is Field.SUBJECTS or (self._field is None and _is_row(line)):
            self.rows.append(line)
        elif self._field is None:
            self.unread += 1
        else:
            self.texts[self._field][-1].append(line)

    def _has_text(self) -> bool:
        return self._field is not None and bool(self.texts[self._field][-1])


def from_json(document: Any) -> Notice:
    """The notice in a JSON object.

    Raises:
        InputError: BAD_FILE, more or longer values than a notice has.
    """
    texts: dict[Field, list[str]] = {}
    rows: list[str] = []
    unread = 0
    for key, value in document.items() if isinstance(document, dict) else ():
        known = _known(key.replace("_", " "))
        if known is None:
            unread += 1
        elif known is Field.SUBJECTS:
            texts[known] = [""]
            people = value if isinstance(value, list) else [value]
            if len(people) > _MOST_LINES:
                raise _too_much()
            rows += ["; ".join(_flat(person)) for person in people]
        else:
            texts.setdefault(known, []).append("\n".join(_flat(value)))
    return Notice(texts, tuple(rows), unread)


def _heading(line: str) -> tuple[Field | None, str]:
    """The field that a line begins, and what of its text stands behind the colon."""
    head, colon, value = line.partition(":")
    if len(head) > _LONGEST_HEADING or (not colon and len(head) > 120):
        return None, ""
    known = _known(head)
    return known, value.strip()


def _known(heading: str) -> Field | None:
    bare = _NUMBERING.sub("", heading).strip(" .:").casefold()
    found = _KNOWN.fullmatch(bare)
    return Field[found.lastgroup] if found is not None and found.lastgroup else None


def _is_column_row(line: str) -> bool:
    """Whether a line is the head of a table of people."""
    cells = [cell.strip(" .:").casefold() for cell in re.split(r"[;,|\t]| и \(?или\)? ", line)]
    return all(_COLUMN.fullmatch(cell) for cell in cells if cell)


def _is_row(line: str) -> bool:
    """Whether a line stands for a person wherever it is."""
    head, colon, _ = line.partition(":")
    return bool(_IIN.search(line)) or bool(colon and _COLUMN.fullmatch(head.strip().casefold()))


def _joined(rows: list[str]) -> list[str]:
    """Rows, with those of one labelled cell each put together to one a person."""
    joined: list[str] = []
    labels: set[str] = set()
    for row in rows:
        head, colon, value = row.partition(":")
        label = head.strip().casefold()
        if not colon or not _COLUMN.fullmatch(label):
            joined.append(row)
            labels = set()
        elif labels and label not in labels:
            joined[-1] += f"; {value}"
            labels.add(label)
        else:
            joined.append(value)
            labels = {label}
    return joined


def _flat(value: Any) -> list[str]:
    """All texts in a value, however it is nested."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        if len(waiting) + len(found) > _MOST_LINES:
            raise _too_much()
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += reversed(one.values())
        elif isinstance(one, list):
            waiting += reversed(one)
        elif one is not None:
            found.append(plain_text.one(one))
            if len(found[-1]) > _LONGEST_LINE:
                raise _too_much()
    return [text for text in found if text]


def _too_much() -> InputError:
    return InputError(
        Code.BAD_FILE,
        f"the notice has more than {_MOST_LINES} lines, or one of more than {_LONGEST_LINE} "
        "letters; give its text without the people, and their number",
    )
