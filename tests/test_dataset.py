"""The dataset file: every key of it, and every way to get one wrong."""

from pathlib import Path
from typing import Any

import pytest

from lookup.errors import Code, InputError
from lookup.index.dataset import AtLeast, Dataset, Title, parse, read_file
from lookup.protocol.suite import Lane

LEAST = """
name = "kz-2025-16m"
sensitive = false
title = {kk = "Дерек", ru = "Утечка", en = "A leak"}
breach_date = 2025-06-16
data_classes = ["government-issued-ids", "names"]
"""
WHOLE = """
name = "kz-2025-16m"
sensitive = true
title = {kk = "Қазақ", ru = "Русский — «да»", en = "English"}
breach_date = "2025-06"
data_classes = ["government-issued-ids", "names", "phone-numbers"]
status = "confirmed"
detected_on = 2025-06-17
public_on = "2025-06-18"
people = {at_least = 16_302_107}
rows = 16_302_107
breach_date_at_latest = true
measures = "First line.\\nSecond line."

[description]
kk = "к"
ru = "р"
en = "e"

[[organisations]]
name = "Nobody knows"
role = "none_established"

[[organisations]]
name = "A bank"
role = "suspected"
sector = "finance"

[[proceedings]]
what = "fine"
amount = 393200
currency = "KZT"
date = 2025-09-01

[[proceedings]]
what = "inquiry"
amount = 1.5

[[proceedings]]
what = {kk = "іс", ru = "дело", en = "case"}

[[conflicts]]
kk = "қ"
ru = "п"
en = "c"

[[sources]]
title = "A newspaper"
url = "https://example.org/a?b=c"
accessed_on = 2026-11-22

[severity]
dpc = 4
ei = 0.75
cb = 0.5
"""


def read(tmp_path: Path, text: str | bytes) -> Dataset:
    path = tmp_path / "dataset.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_file(path)


def refusal(tmp_path: Path, text: str | bytes, code: Code = Code.BAD_DATASET) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert caught.value.code is code
    return caught.value.sentence


def changed(key: str, value: str) -> str:
    """The least file with another value for one key."""
    lines = [line for line in LEAST.splitlines() if not line.startswith(key)]
    return "\n".join([*lines, f"{key} = {value}", ""])


def test_the_least_file(tmp_path: Path) -> None:
    """Five keys are enough."""
    found = read(tmp_path, LEAST)
    assert found.name == "kz-2025-16m"
    assert found.title.kk == "Дерек"
    assert found.breach_date == "2025-06-16"
    assert found.data_classes == ("government-issued-ids", "names")
    assert found.lane is Lane.PUBLIC


def test_every_key(tmp_path: Path) -> None:
    """A file with all keys is understood key by key, and none of them is lost in the store."""
    found = read(tmp_path, WHOLE)
    assert found.lane is Lane.VERIFIED
    assert (found.breach_date, found.detected_on, found.public_on) == (
        "2025-06",
        "2025-06-17",
        "2025-06-18",
    )
    assert found.people == AtLeast(at_least=16_302_107)
    assert found.rows == 16_302_107
    assert found.measures == "First line.\nSecond line."
    assert found.description is not None
    assert found.description.ru == "р"
    assert [(o.name, o.role, o.sector) for o in found.organisations] == [
        ("Nobody knows", "none_established", None),
        ("A bank", "suspected", "finance"),
    ]
    assert [(p.what, p.amount, p.currency, p.date) for p in found.proceedings] == [
        ("fine", 393200, "KZT", "2025-09-01"),
        ("inquiry", 1.5, None, None),
        (Title(kk="іс", ru="дело", en="case"), None, None, None),
    ]
    assert [conflict.kk for conflict in found.conflicts] == ["қ"]
    assert [(s.title, s.url, s.accessed_on) for s in found.sources] == [
        ("A newspaper", "https://example.org/a?b=c", "2026-11-22")
    ]
    assert found.severity is not None
    assert (found.severity.dpc, found.severity.ei, found.severity.cb) == (4, 0.75, 0.5)
    assert set(found.model_dump(exclude_defaults=True)) == set(Dataset.model_fields)
    assert Dataset.model_validate_json(found.model_dump_json(exclude_defaults=True)) == found


@pytest.mark.parametrize("key", ["name", "sensitive", "title", "breach_date", "data_classes"])
def test_a_missing_key(tmp_path: Path, key: str) -> None:
    """Each of the five keys is asked for by name."""
    text = "\n".join(line for line in LEAST.splitlines() if not line.startswith(key))
    assert refusal(tmp_path, text) == f"{key} is missing in the dataset file"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("titel = 1", "unknown key titel in the dataset file; did you mean title?"),
        ("statuss = 'claimed'", "unknown key statuss in the dataset file; did you mean status?"),
        (
            "title.de = 'x'",
            "unknown key title.de in the dataset file; known are kk, ru, en",
        ),
        (
            "description = {kk = 'a', ru = 'b', e = 'c'}",
            "unknown key description.e in the dataset file; did you mean en?",
        ),
        (
            "organisations = [{nmae = 'x', role = 'operator'}]",
            "unknown key organisations.nmae in the dataset file; did you mean name?",
        ),
        (
            "people = {at_lest = 1}",
            "unknown key people.at_lest in the dataset file; did you mean at_least?",
        ),
        (
            "rows = {at_least = 1, at_most = 2}",
            "unknown key rows.at_most in the dataset file; did you mean at_least?",
        ),
        (
            "proceedings = [{what = 'fine', ammount = 1}]",
            "unknown key proceedings.ammount in the dataset file; did you mean amount?",
        ),
        (
            "proceedings = [{what = {kk = 'a', ru = 'b', en = 'c', de = 'd'}}]",
            "unknown key proceedings.de in the dataset file; known are kk, ru, en",
        ),
        (
            "conflicts = [{kk = 'a', ru = 'b', eng = 'c'}]",
            "unknown key conflicts.eng in the dataset file; did you mean en?",
        ),
        (
            "sources = [{title = 'a', ulr = 'https://example.org'}]",
            "unknown key sources.ulr in the dataset file; did you mean url?",
        ),
        (
            "severity = {dpc = 1, ei = 1, cbb = 1}",
            "unknown key severity.cbb in the dataset file; did you mean cb?",
        ),
    ],
)
def test_unknown_keys(tmp_path: Path, text: str, sentence: str) -> None:
    """A misspelt key is refused at every level, never dropped, and the nearest one offered."""
    base = LEAST.replace('en = "A leak"}', 'en = "A leak", de = "x"}') if ".de" in text else LEAST
    text = "" if ".de" in text else text
    assert refusal(tmp_path, f"{base}{text}\n") == sentence


@pytest.mark.parametrize("key", ['"900101300017"', "900101300017", '"\\u001b[31mred"', '"a b"'])
def test_a_strange_key_is_not_repeated(tmp_path: Path, key: str) -> None:
    """A key that could be somebody's number, or would colour the terminal, is not shown."""
    sentence = refusal(tmp_path, f"{LEAST}{key} = 1\n")
    assert sentence.startswith("unknown key in the dataset file; known are name, sensitive, ")


@pytest.mark.parametrize("document", [None, [], 1, "name", {"a": 1}, {"name": object()}])
def test_parse_of_anything(document: Any) -> None:
    """Values that are no dataset are refused, whatever they are."""
    with pytest.raises(InputError) as caught:
        parse(document)
    assert caught.value.code is Code.BAD_DATASET
