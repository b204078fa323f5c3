"""``qorgan load`` of text in any mess: lists, scans, numbers of a spreadsheet, other encodings."""

import json
from pathlib import Path

import pytest
from program import DATASET, Program, program
from small_index import iins

from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.protocol.identifiers import iin_check_digit

PEOPLE = iins(60)  # those born from 2000 on begin with 0
LOAD = ("load", "mess", "--dataset", "one")


@pytest.fixture
def qorgan(
    tmp_path: Path,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command with an index and one dataset."""
    del store  # its being empty is what matters
    made = program(tmp_path, valkey, monkeypatch, capsys)
    assert 0 == made("init", "--argon2", "test", "--prefix-bits", "10").code
    classes = '"government-issued-ids", "phone-numbers", "email-addresses"'
    told = DATASET.replace('"government-issued-ids"', classes)
    assert 0 == made("dataset", "add", made.write("one.toml", told)).code
    return made


def counts(text: str) -> dict[str, object]:
    """What a certificate says of rows and identifiers."""
    told = json.loads(text)
    names = ("rows", "rejected", "cells", "restored", "identifiers")
    return {name: told[name] for name in names if name in told}


def test_a_list_is_loaded_by_its_column_1(qorgan: Program) -> None:
    """The refusal of the first try tells how."""
    qorgan.write("mess", "".join(f"{iin}\n" for iin in PEOPLE[:9]) + "half\n")
    refused = qorgan(*LOAD, "--iin", "iin")
    assert (2, True) == (refused.code, "give --no-header" in refused.err)
    expected = (
        "qorgan: no column has that name; without a header they are called by number, from 1 to 1\n"
    )
    assert expected == qorgan(*LOAD, "--no-header", "--iin", "iin").err
    done = qorgan(*LOAD, "--no-header", "--iin", "1")
    assert (0, True) == (done.code, done.told.startswith("note: no column is taken for names, "))
    assert {
        "rows": {"read": 10, "accepted": 9, "duplicates": 0, "rejected": 1},
        "rejected": {"iin_characters": 1},
        "cells": {},
        "identifiers": {"iin": 9, "phone": 0, "email": 0},
    } == counts(done.out)


def test_a_scan_counts_what_it_finds(qorgan: Program) -> None:
    """Rows read are identifiers found; by columns the same file is another load."""
    rows = "".join(f"{iin};8 (701) 000-00-{n:02d};a@b.kz\n" for n, iin in enumerate(PEOPLE[:9]))
    qorgan.write("mess", f"iin;phone;mail\n{rows}")
    done = qorgan(*LOAD, "--scan", "email, IIN,phone")
    assert (0, "") == (done.code, done.told)
    assert {
        "rows": {"read": 27, "accepted": 19, "duplicates": 8, "rejected": 0},
        "rejected": {},
        "cells": {},
        "identifiers": {"iin": 9, "phone": 9, "email": 1},
    } == counts(done.out)
    ways = (("--scan", "iin"), ("--iin", "iin"), ("--scan", "iin,phone,email"))
    numbers = [json.loads(qorgan(*LOAD, *way).out)["load"] for way in ways]
    assert (1, [2, 3, 1]) == (json.loads(done.out)["load"], numbers)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--scan", "all"), "write iin, phone, email, or several with commas between"),
        (("--scan", ""), "write iin, phone, email, or several with commas between"),
        (("--scan", "iin", "--iin", "iin"), "a scan knows no columns"),
        (("--scan", "iin", "--field", "a=names"), "a scan knows no columns"),
        (("--scan", "iin", "--no-header"), "a scan knows no columns"),
        (("--scan", "phone"), "no valid identifier was found"),
    ],
)
def test_scans_refused(qorgan: Program, arguments: tuple[str, ...], told: str) -> None:
    """One sentence, and nothing is loaded."""
    qorgan.write("mess", f"iin\n{PEOPLE[0]}\n")
    done = qorgan(*LOAD, *arguments)
    assert (2, "", True) == (done.code, done.out, told in done.err)


def test_lost_zeros_are_restored_and_told(qorgan: Program) -> None:
    """The certificate counts them, loading again finds the same load, and they are people."""
    numbers = [str(int(iin)) for iin in PEOPLE]
    lost = sum(len(number) < 12 for number in numbers)
    qorgan.write("mess", "iin;name\n" + "".join(f"{number};x\n" for number in numbers))
    done = qorgan(*LOAD, "--iin", "iin")
    assert {
        "rows": {"read": 60, "accepted": 60, "duplicates": 0, "rejected": 0},
        "rejected": {},
        "cells": {},
        "restored": {"iin_zeros": lost},
        "identifiers": {"iin": 60, "phone": 0, "email": 0},
    } == counts(done.out)
    assert done.out == qorgan(*LOAD, "--iin", "iin").out
    assert 0 < lost


def test_a_column_of_bins_is_told_and_loaded(qorgan: Program) -> None:
    """They are valid by the rule; the operator is told before the hashing."""
    first = "99044000038"
    qorgan.write("mess", f"bin;name\n{first}{iin_check_digit(first)};a\n")
    done = qorgan(*LOAD, "--iin", "bin")
    expected = (
        "note: this looks like a column of BINs, numbers of organisations; "
        "if it is the wrong one, stop and name another\n"
    )
    assert (0, True) == (done.code, done.told.endswith(expected))


@pytest.mark.parametrize("encoding", ["cp866", "kz1048"])
def test_a_guessed_encoding_is_told(qorgan: Program, encoding: str) -> None:
    """Which one, and how to say another."""
    text = "ИИН;Фамилия и имя\n" + "".join(f"{iin};Иванова Мария\n" for iin in PEOPLE)
    (qorgan.folder / "mess").write_bytes(text.encode(encoding))
    done = qorgan(*LOAD, "--iin", "иин")
    told = f"the file is not UTF-8 and is read as {encoding}; if that is wrong, give --encoding"
    assert (0, True) == (done.code, done.told.startswith(f"note: {told}\n"))
