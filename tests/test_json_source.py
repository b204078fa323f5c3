"""The JSON reader: its shapes, what damage costs, and what it refuses."""

import gzip
import hashlib
import io
import json
import sys
from pathlib import Path

import pytest

from loaders.formats import Reading, open_source
from loaders.json_text import BROKEN, LONG, MAX_RECORD
from loaders.sources import Block, Source
from lookup.errors import Code, InputError

MIB = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A path to write a test's file to."""
    return tmp_path / "dump.json"


def write(path: Path, content: str | bytes) -> Path:
    """Write the file as it is, text as UTF-8."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def whole(source: Source) -> Block:
    """The whole dump as if it were one block."""
    rows: list[list[str]] = []
    rejected: dict[str, int] = {}
    for block in source.blocks():
        assert all(len(row) == len(source.header) for row in block.rows)
        rows += block.rows
        for reason, count in block.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
    return Block(rows, rejected)


def read(path: Path, table: str | None = None) -> tuple[tuple[str, ...], Block]:
    """Header and rows."""
    with open_source(path, Reading(table=table)) as source:
        return source.header, whole(source)


def refusal(path: Path, table: str | None = None) -> InputError:
    """The error with which the file is refused."""
    with pytest.raises(InputError) as caught:
        read(path, table)
    assert caught.value.sentence == caught.value.sentence.strip(" .")
    assert "; " in caught.value.sentence
    return caught.value


# Cells


def test_cells_are_text_as_written(file: Path) -> None:
    """Zeros stay, no number goes through a float, nothing is empty; of 4.0 the zero is notation."""
    cells = {
        '"000101300017"': "000101300017",
        "810313311869": "810313311869",
        "810313311869.0": "810313311869",
        "9.50515E+11": "9.50515E+11",
        "0.10": "0.10",
        "123456789012345678901234567890": "123456789012345678901234567890",
        "null": "",
        "NaN": "",
        "true": "true",
        "false": "false",
        '"\\u04d8\\ud800"': "Ә\ud800",
    }
    write(file, "".join(f'{{"a": {cell}}}\n' for cell in cells))
    assert (("a",), Block([[cell] for cell in cells.values()], {})) == read(file)


def test_objects_within_objects_are_dotted_columns(file: Path) -> None:
    """At any depth; a name with a dot in it is not another column's."""
    write(file, '{"a": {"b": 1, "c": {"d": "x"}}, "a.e": 2, "a.b": 3}')
    header, block = read(file)
    assert ("a.b", "a.c.d", "a.e") == header
    assert [["1", "x", "2"], ["3", "", ""]] == block.rows


def test_no_element_of_a_list_is_lost(file: Path) -> None:
    """Each gets a row; lists stand side by side, the shorter one repeats its last element."""
    write(
        file,
        '{"iin": "1", "phones": ["p", "q"], "people": [{"n": "x"}, {"n": "y", "m": "z"}, {}],'
        ' "none": []}',
    )
    write(file, f"{file.read_text()}\n" + '{"iin": "2"}')
    header, block = read(file)
    assert ("iin", "phones", "people.n", "none", "people.m") == header
    assert [
        ["1", "p", "x", "", ""],
        ["1", "q", "y", "", "z"],
        ["1", "q", "", "", ""],
        ["2", "", "", "", ""],
    ] == block.rows


def test_a_name_that_occurs_twice(file: Path) -> None:
    """Both values are rows: a decoder that keeps the last would lose an identifier."""
    write(file, '{"iin": "1", "iin": "2", "n": "x"}\n{}')
    assert (("iin", "n"), Block([["1", "x"], ["2", "x"], ["", ""]], {})) == read(file)


def test_a_column_that_comes_late(file: Path) -> None:
    """The whole file is looked through for names."""
    lines = ['{"a": "1", "fill": "' + "x" * 1000 + '"}'] * 3000
    write(file, "\n".join([*lines, '{"a": "2", "IIN": "3"}']))
    with open_source(file) as source:
        assert 2 == source.column("iin")
        last = list(source.blocks())[-1]
        assert ["2", "", "3"] == last.rows[-1]


# Shapes


RECORDS = [{"iin": str(n), "n": "x" * (n % 50)} for n in range(5000)]
DOCUMENTS = {
    "lines": "\n".join(map(json.dumps, RECORDS)),
    "lines with carriage returns": "\r\n".join(map(json.dumps, RECORDS)) + "\r\n\r\n",
    "pretty, one after the other": "\n".join(json.dumps(one, indent=1) for one in RECORDS),
    "list": json.dumps(RECORDS),
    "pretty list": "\ufeff" + json.dumps(RECORDS, indent=2),
    "a list a page": json.dumps(RECORDS[:2000]) + "\n" + json.dumps(RECORDS[2000:]),
    "object": json.dumps({"meta": {"pages": [1, 2], "n": 1.5}, "data": RECORDS, "end": None}),
    "deeper": json.dumps({"a": {"b": {"data": RECORDS}}, "tags": ["x"]}, indent=1),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_same_records_however_they_stand(file: Path, name: str) -> None:
    """On lines, in a list, or in an object; twice, and with the hash of the file."""
    content = DOCUMENTS[name].encode()
    with open_source(write(file, content)) as source:
        assert ("iin", "n") == source.header
        for _ in range(2):
            assert Block([list(one.values()) for one in RECORDS], {}) == whole(source)
            assert hashlib.sha256(content).hexdigest() == source.sha256
            assert len(content) == source.bytes_read == source.size
        assert {"object": "data", "deeper": "a.b.data"}.get(name, "") == source.part


def test_one_list_of_several_is_chosen(file: Path) -> None:
    """By its name, with dots where it is deeper; the refusal lists them, long numbers hidden."""
    lists = {"a": [{"x": 1}], "b": {"c": [{"y": 2}]}, "950515390002": [{"x": 1}]}
    write(file, json.dumps(lists, indent=1))
    error = refusal(file)
    assert Code.BAD_USAGE == error.code
    assert error.sentence.endswith(
        "has several lists; choose one with --table: a, b.c, ############"
    )
    assert (("y",), Block([["2"]], {})) == read(file, "B.c")
    assert "no such list" in refusal(file, "c").sentence
    assert "leave out --table" in refusal(write(file, '[{"a": 1}]'), "a").sentence


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["lines", "list", "object"])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, name: str, packed: bool) -> None:
    """What is one list is read from a pipe; in an object the list must be named."""
    content = DOCUMENTS[name].encode()
    given = gzip.compress(content) if packed else content
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    if name == "object":
        with pytest.raises(InputError, match="name the list inside the JSON object with --table"):
            open_source(Path("-"))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    with open_source(Path("-"), Reading(table="data" if name == "object" else None)) as source:
        with pytest.raises(InputError, match="if it comes later, give the file"):
            source.column("phone")
        assert 5000 == len(whole(source).rows)
        assert hashlib.sha256(given).hexdigest() == source.sha256


# Damage


BROKEN_LINES = (
    '{"iin": "9"',
    '{"iin": "9',
    '{"iin":',
    'iin": "9"}',
    '{"iin": "9"} x',
    "null",
    '["9"]',
    '{"iin": 01}',
    "{" * 2000,
    '{"a":' * 2000,
    '{"a":' * 40 + "9" + "}" * 40,
)


@pytest.mark.parametrize("line", BROKEN_LINES, ids=range(len(BROKEN_LINES)))
def test_a_broken_line_costs_itself(file: Path, line: str) -> None:
    """Never its neighbours, wherever it stands."""
    good = [f'{{"iin": "{n}"}}' for n in range(4)]
    for at in range(1, 5):
        write(file, "\n".join([*good[:at], line, *good[at:]]) + "\n")
        header, block = read(file)
        kept = [row[header.index("iin")] for row in block.rows]
        assert ["0", "1", "2", "3"] == [cell for cell in kept if cell != "9"]
        assert 1 == sum(block.rejected.values())


def test_a_first_line_that_was_cut(file: Path) -> None:
    """A file that was split by size begins in the middle of a line."""
    lines = ['n": "1"}', *(f'{{"iin": "{n}"}}' for n in range(4))]
    assert (
        Block([[str(n)] for n in range(4)], {BROKEN: 1}) == read(write(file, "\n".join(lines)))[1]
    )


@pytest.mark.parametrize("end", [",", ",\n", ", "])
def test_a_broken_element_costs_itself(file: Path, end: str) -> None:
    """In a list, and in one inside an object."""
    elements = ['{"iin": "0"}', '{"iin": "1}', '{"iin": "2"}', '{"iin" "3"}', '{"iin": "4"}']
    for begin, close in (("[", "]"), ('{"x": 1, "data": [', "]}")):
        _, block = read(write(file, begin + end.join(elements) + close))
        assert [["0"], ["2"], ["4"]] == block.rows
        assert {BROKEN} == set(block.rejected)


def test_a_list_that_was_cut(file: Path) -> None:
    """A file that ends too soon is told from a shorter one, even between two records."""
    for begin in ('[{"a": "1"}, {"a": "2"}', '{"data": [{"a": "1"}, {"a": "2"}'):
        for cut in ("", ",", ', {"a": "3'):
            assert Block([["1"], ["2"]], {BROKEN: 1}) == read(write(file, begin + cut))[1]


def test_both_sides_of_the_longest_record(file: Path) -> None:
    """A record of 1 MiB is read, one of a character more is counted, and only that."""
    for more, kept in ((0, 3), (1, 2), (2 * MIB, 2)):
        long = '{"a": "' + "x" * (MAX_RECORD - 9 + more) + '"}'
        for begin, between, end in (("", "\n", "\n"), ("[", ",", "]")):
            write(file, begin + between.join(['{"a": "1"}', long, '{"a": "2"}']) + end)
            _, block = read(file)
            assert (kept, 3 - kept) == (len(block.rows), block.rejected.get(LONG, 0))


def test_bytes_that_are_no_text_cost_a_cell(file: Path) -> None:
    """The neighbours are read; a file in another encoding is known as that."""
    write(file, '{"a": "ә", "b": "1"}\n'.encode() * 60_000 + b'{"a": "\xff", "b": "2"}\n')
    assert ["\ufffd", "2"] == read(file)[1].rows[-1]
    with open_source(write(file, '{"a": "Ғ"}'.encode("kz1048"))) as source:
        assert ("kz1048", [["Ғ"]]) == (source.encoding, whole(source).rows)


REFUSED = {
    '{"a": 1, "b": [1, 2]': "broken outside its records or cut short",
    '{"a": 1 b: [{"c": 1}]}': "broken outside its records or cut short",
    '["950515390002"]': "no objects in a list",
    "[]": "no objects in a list",
    json.dumps([{f"{n}": 1 for n in range(2001)}]): "as if these were data",
    json.dumps({f"{n}": [{"a": 1}] for n in range(101)}): "more than 100 lists",
}


@pytest.mark.parametrize("content", REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(file: Path, content: str) -> None:
    """Each by one sentence that holds no cell and no name that could be a number."""
    error = refusal(write(file, content))
    assert Code.BAD_FILE == error.code
    assert REFUSED[content] in error.sentence
    assert "9505" not in error.sentence
