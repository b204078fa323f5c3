"""``qorgan inspect``: whole outputs for small dumps, nothing of anybody in them, nothing left."""

import gzip
import io
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import Program, Said, program
from small_index import iins

from loaders import inspection
from loaders.inspection_text import duration
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store

PEOPLE = iins(400)
MARKED_IIN, MARKED_NAME, MARKED_PHONE = PEOPLE[7], "Маркербекова Маркер", "87010000777"
HEADER = "ЖСН;Аты-жөні;Туған күні;телефон;БСН;x"
ENTRY = """name = "{name}"
sensitive = {sensitive}
title = {{kk = "k", ru = "r", en = "e"}}
breach_date = 2025-06-16
data_classes = ["names", "government-issued-ids"]
"""
LOST = """\
format     CSV in gzip
encoding   kz1048
delimiter  ;
rows       100

   column      holds  data class             known by  filled  valid
1  ЖСН         iin    government-issued-ids  header    100.0%  1.0%    98.0% lost their zeros, \
1.0% rounded, lost for good
2  Аты-жөні           names                  header    100.0%
3  Туған күні         dates-of-birth         header    100.0%
4  телефон     phone  phone-numbers          header    50.0%   100.0%
5  БСН         bin                           header    100.0%  10.0%
6  x                                                   100.0%

people        about 99 (distinct: 99 by iin, 50 by phone)
a load        100 accepted, 0 duplicates, 0 rejected
bad cells     iin_rounded 1
restored      iin_zeros 98
birth dates   100.0% plausible, 0.0% of more than 105 years ago, at most 0 people on a day \
(1 January left out)
serials       at most 99 of the 10,000 of a birth date and 7th digit; 98.0% of the rows have the \
next IIN below them
index         there is no index here; run: qorgan init
data classes  dates-of-birth, government-issued-ids, names, phone-numbers

command  qorgan load lost.csv.gz --dataset NAME --iin 'ЖСН' --phone 'телефон'
"""


@pytest.fixture
def qorgan(
    tmp_path: Path,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command with an empty store."""
    del store
    return program(tmp_path, valkey, monkeypatch, capsys)


def rows() -> Iterator[str]:
    """A hundred people whose IINs went through a spreadsheet, among them the marked one."""
    for at, iin in enumerate(PEOPLE[:100]):
        cell = {0: f"{PEOPLE[0]}", 1: "9.50515E+11"}.get(at, iin.lstrip("0"))
        name = MARKED_NAME if iin == MARKED_IIN else "Әлиев Қайрат"
        phone = MARKED_PHONE if at == 7 else f"+7701000{at:04d}" if at % 2 else "жоқ"
        yield f"{cell};{name};{1960 + at % 40}-05-15;{phone};9{at:011d};1"


def dump(qorgan: Program, name: str, text: str, encoding: str = "utf-8") -> None:
    """A file in the folder."""
    (qorgan.folder / name).write_bytes(text.encode(encoding))


def lost(qorgan: Program) -> None:
    """The hundred people in kz1048, packed."""
    text = "\r\n".join((HEADER, *rows()))
    (qorgan.folder / "lost.csv.gz").write_bytes(gzip.compress(text.encode("kz1048")))


def test_a_dump_that_excel_spoiled(qorgan: Program) -> None:
    """All there is to know before it is loaded, and the command; no index is made."""
    lost(qorgan)
    assert Said(0, LOST, "") == qorgan("inspect", "lost.csv.gz", QORGAN_REDIS_URL="")
    assert ["dump.csv", "lost.csv.gz"] == sorted(path.name for path in qorgan.folder.iterdir())


@pytest.mark.parametrize("more", [(), ("--json",), ("--rows", "20"), ("--encoding", "cp1251")])
def test_nobody_is_in_the_output(qorgan: Program, more: tuple[str, ...]) -> None:
    """Not an identifier, a name or a part of one, in any form of the output."""
    lost(qorgan)
    said = qorgan("inspect", "lost.csv.gz", *more)
    assert 0 == said.code
    for secret in (MARKED_IIN.lstrip("0"), "Марк", "аркер", MARKED_PHONE[1:], "Қайрат", "Әлиев"):
        assert secret not in said.out + said.err


def test_a_first_line_that_may_be_somebodys_row(qorgan: Program) -> None:
    """Names of columns that nobody knows are not shown; numbers stand for them in the command."""
    dump(qorgan, "rows.csv", f"Маркер,Ақтау\n{MARKED_NAME},{MARKED_IIN}\n")
    said = qorgan("inspect", "rows.csv")
    assert "Маркер" not in said.out + said.err
    assert "1  (masked)         names                  content   100.0%\n" in said.out
    assert "--dataset NAME --iin COLUMN_2 --field COLUMN_1=names\n" in said.out
    assert said.err == (
        "note: no column has a name that is known here, so the first line may be somebody's row "
        "and is not shown; if it is, put a line with the column names above it\n"
    )


def test_a_file_without_a_header(qorgan: Program) -> None:
    """Its columns are numbers, known by what is in them; the command says so."""
    dump(qorgan, "plain.csv", "".join(f"{iin};{MARKED_NAME};x\n" for iin in PEOPLE[:9:3]))
    assert "give --no-header" in qorgan("inspect", "plain.csv").err
    said = qorgan("inspect", "plain.csv", "--no-header")
    assert (0, "") == (said.code, said.err)
    assert said.out.endswith(
        "\ncommand  qorgan load plain.csv --dataset NAME --no-header --iin 1 --field 2=names\n"
    )


def test_a_list_of_all_iins(qorgan: Program) -> None:
    """Loaded, it would make everyone "found": whoever looks is told."""
    dump(qorgan, "all.csv", "\n".join(("iin", *iins(1500))))
    said = qorgan("inspect", "all.csv")
    told = (
        "note: 100% of the rows have the next IIN below them, as in a list that a program made, or "
        "a whole register in order\n"
        "note: this may be a list of possible IINs and no leak; published, it would make everyone "
        'in it "found": ask where it comes from before you load it\n'
    )
    assert (0, told) == (said.code, said.err)


def test_encodings_that_are_not_certain_are_shown_side_by_side(qorgan: Program) -> None:
    """Names, a masked cell and the letters nobody uses let a person choose."""
    begin = f"ИИН;ФИО;Қала\n{PEOPLE[0]};{MARKED_NAME};Ақтау\n".encode()
    (qorgan.folder / "mix.csv").write_bytes(
        begin + f"{PEOPLE[1]};Ахметова Ақмарал;x\n".encode("kz1048")
    )
    said = qorgan("inspect", "mix.csv", "--json")
    told = json.loads(said.out)
    first, *others = told["file"]["encodings"]
    assert ("utf-8", "utf-8", "ИИН, ФИО, Қала") == (
        told["file"]["encoding"],
        first["encoding"],
        first["names"],
    )
    assert others
    assert all(other["names"] != first["names"] for other in others)
    assert "Жжжжжжжжж Жжжжж" == first["example"]
    assert {"Қ": 1, "қ": 1} == {k: v for k, v in first["letters"].items() if k in "Ққ"}
    assert (
        "qorgan load mix.csv --dataset NAME --encoding utf-8 --iin ИИН".replace("ИИН", "'ИИН'")
        == told["command"]
    )
    assert "the encoding is not certain" in told["warnings"][0]


def test_what_is_loaded_already(qorgan: Program) -> None:
    """By dataset, of those who were looked for; in both lanes, and withdrawn loads do not count."""
    qorgan("init", "--argon2", "test", "--prefix-bits", "10")
    dump(qorgan, "new.csv", "\n".join(("iin", *PEOPLE[:100])))
    told = json.loads(qorgan("inspect", "new.csv", "--json").out)["index"]
    assert ("", "test", [], 1) == (
        told["unknown"],
        told["profile"],
        told["overlaps"],
        told["workers"],
    )
    assert 0 < told["seconds"] < 1
    for name, sensitive, start in (
        ("shop", "false", 40),
        ("clinic", "true", 75),
        ("gone", "false", 0),
    ):
        entry = ENTRY.format(name=name, sensitive=sensitive)
        qorgan("dataset", "add", qorgan.write(f"{name}.toml", entry))
        dump(qorgan, f"{name}.csv", "\n".join(("iin", *PEOPLE[start:200])))
        assert 0 == qorgan("load", f"{name}.csv", "--dataset", name, "--iin", "iin").code
    qorgan("withdraw", "gone", "--reason", "a mistake")
    told = json.loads(qorgan("inspect", "new.csv", "--json").out)["index"]
    assert [
        {"dataset": "shop", "looked_for": 100, "found": 60},
        {"dataset": "clinic", "looked_for": 100, "found": 25},
    ] == told["overlaps"]
    assert (
        "in shop       60.0% already (60 of 100 looked for)\n" in qorgan("inspect", "new.csv").out
    )


def test_an_index_that_cannot_be_looked_at_is_told(qorgan: Program) -> None:
    """The dump is told of all the same."""
    said = qorgan("inspect", "dump.csv", QORGAN_REDIS_URL="unix:///nowhere/store")
    assert (0, "") == (said.code, said.err)
    sentence = "the store cannot be reached; check that it runs, then run the same command again"
    assert f"index         {sentence}\n" in said.out


def test_the_first_rows_of_a_big_file(qorgan: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are those of the rows read; how much of the file they are is told if known."""
    monkeypatch.setattr(inspection, "_LOOKED_AT", 100)
    dump(qorgan, "big.csv", "iin;x\n" + f"{PEOPLE[0]};{'y' * 87}\n" * 25_000)
    told = json.loads(qorgan("inspect", "big.csv", "--rows", "5000", "--json").out)
    assert (5000, False, 1, 4999) == (
        told["rows"]["read"],
        told["rows"]["whole"],
        told["rows"]["accepted"],
        told["rows"]["duplicates"],
    )
    assert 0.19 < told["rows"]["share"] < 0.21
    assert (
        "looked at  100 rows, for the shares below"
        in qorgan("inspect", "big.csv", "--rows", "5000").out
    )
    whole = json.loads(qorgan("inspect", "big.csv", "--json").out)
    assert (25_000, True, 1.0) == tuple(whole["rows"][k] for k in ("read", "whole", "share"))
    assert 100 < whole["looked_at"] < 400


def test_what_has_no_identifiers_has_no_command(qorgan: Program) -> None:
    """Nothing to load by is said, and no people are told of."""
    dump(qorgan, "notes.csv", "ФИО;Город\nИванов Иван;Ақтау\n")
    said = qorgan("inspect", "notes.csv")
    assert (
        "note: no column holds IINs, phone numbers or e-mail addresses: nothing to load by\n"
        == said.err
    )
    assert "command" not in said.out
    assert "people" not in said.out


def test_numbers_of_organisations_are_no_people(qorgan: Program) -> None:
    """A column of BINs is told apart, whatever its name, and nothing is loaded by it."""
    bins = ("990140000007", "990140000017", "990140000027")
    dump(qorgan, "firms.csv", "иин;Название организации\n" + "".join(f"{b};x\n" for b in bins))
    told = json.loads(qorgan("inspect", "firms.csv", "--json").out)
    column = told["columns"][0]
    assert ("bin", None, "content") == (column["holds"], column["data_class"], column["known_by"])
    assert (column["valid"], "") == (column["bins"], told["command"])


def test_what_may_not_be_shown_is_not_in_the_command(qorgan: Program) -> None:
    """A file called by an IIN, quotes and blanks: the line can be pasted, and tells of nobody."""
    dump(qorgan, f"{MARKED_IIN}.csv", f"it's iin;e-mail\n{PEOPLE[0]};a@example.com\n")
    said = qorgan("inspect", f"{MARKED_IIN}.csv", "--delimiter", ";", "--encoding", "utf8")
    assert said.out.endswith(
        "\ncommand  qorgan load FILE --dataset NAME --encoding utf8 --delimiter ';' "
        "--iin 'it'\"'\"'s iin' --email e-mail\n"
    )
    assert MARKED_IIN not in said.out + said.err


def test_the_command_works_as_written(qorgan: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """From standard input, too: what is suggested is accepted, and counts what was foretold."""
    qorgan("init", "--argon2", "test", "--prefix-bits", "10")
    qorgan(
        "dataset",
        "add",
        qorgan.write("one.toml", ENTRY.format(name="one", sensitive="false")),
    )
    content = "\n".join((HEADER, *rows())).encode("kz1048")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    told = json.loads(qorgan("inspect", "-", "--json").out)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    words = shlex.split(told["command"].replace("NAME", "one"))
    certificate = json.loads(qorgan(*words[1:]).out)
    assert {k: told["rows"][k] for k in certificate["rows"]} == certificate["rows"]
    assert {"email": 0} | told["identifiers"] == certificate["identifiers"]
    assert told["restored"] == certificate["restored"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.4, "under a second"),
        (119, "about 119 s"),
        (120, "about 2 min"),
        (3599, "about 60 min"),
        (7800, "about 2 h 10 min"),
        (200_000, "about 2 days"),
    ],
)
def test_durations(seconds: float, told: str) -> None:
    """As a person would say it."""
    assert told == duration(seconds)
