"""The CSV reader: its dialects, what damage costs, and what it refuses."""

import csv
import gc
import hashlib
import io
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.csv_lines import MAX_RECORD, RecordReader
from loaders.csv_source import CsvSource
from loaders.formats import Reading, open_source
from loaders.sources import Block
from lookup.errors import Code, InputError

MIB = 1 << 20


def read(path: Path, encoding: str | None = None, delimiter: str | None = None) -> Block:
    """The whole file as if it were one block."""
    rows: list[list[str]] = []
    rejected: dict[str, int] = {}
    with open_source(path, Reading(encoding, delimiter)) as source:
        for block in source.blocks():
            rows += block.rows
            for reason, count in block.rejected.items():
                rejected[reason] = rejected.get(reason, 0) + count
    return Block(rows, rejected)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A path to write a test's file to."""
    return tmp_path / "dump.csv"


def write(path: Path, content: str | bytes) -> Path:
    """Write the file as it is, text as UTF-8."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def opened(path: Path) -> CsvSource:
    """The source of a file, closed again: enough to see what was found out about it."""
    with open_source(path) as source:
        assert isinstance(source, CsvSource)
        return source


def refusal(path: Path, **given: str) -> InputError:
    """The error with which the file is refused."""
    with pytest.raises(InputError) as caught:
        open_source(path, Reading(**given))
    assert caught.value.sentence == caught.value.sentence.strip(" .")
    return caught.value


# Rows and cells


def test_cells_stay_text(file: Path) -> None:
    """Leading zeros, blanks, NUL bytes and odd line separators inside cells survive."""
    write(file, "iin;name\n000101300017; a \x00\u2028b\x0b\x1c\x85\n")
    assert read(file) == Block([["000101300017", " a \x00\u2028b\x0b\x1c\x85"]], {})


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_of_three_kinds(file: Path, end: str, quote: str, last: bool) -> None:
    """Unix, Windows and old Mac files read alike, with or without an end after the last line."""
    lines = ["a;b", f"1;{quote}2{quote}", "", f"3;{quote}4{quote}"]
    write(file, end.join(lines) + end * last)
    assert read(file) == Block([["1", "2"], ["3", "4"]], {})


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_carriage_return_in_a_line_is_a_character(file: Path, quote: str) -> None:
    """In a file with line feeds a lone CR ends no line; one more before the feed is dropped."""
    write(file, f"a;b;c\n1;x\ry;{quote}2{quote}\n3;4;5\r\r\n")
    cell = f"{quote}2{quote}"  # csv cannot read such a line: its quotes stay, its neighbour too
    assert read(file) == Block([["1", "x\ry", cell], ["3", "4", "5"]], {})


@pytest.mark.parametrize("quote", ["", '"'])
def test_blank_lines_are_no_records(file: Path, quote: str) -> None:
    """Empty lines count nowhere, on any path, and lines of blanks only where they are no cell."""
    write(file, f"\n\na;b\n\n1;{quote}2{quote}\n   \n\n")
    assert read(file) == Block([["1", "2"]], {})
    write(file, f"a\n\n{quote}1{quote}\n\r\r\n \n")
    assert read(file) == Block([["1"], [" "]], {})
    write(file, f"a;b\r\n\r\n1;{quote}2{quote}\r\n\r\n\nx;y\r\n")
    assert read(file) == Block([["1", "2"], ["x", "y"]], {})
    write(file, f'a;\n\n1;{quote}2{quote}\n"3;4\n\n')
    assert read(file) == Block([["1", "2"], ['"3', "4"]], {})


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_delimiter_too_many_at_the_end_of_every_row(file: Path, quote: str) -> None:
    """An extra cell is dropped if it is empty; if it holds something the line is broken."""
    write(file, f"a;b\n1;{quote}2{quote};\n3;{quote}4{quote};5\n6;7;;\n")
    assert read(file) == Block([["1", "2"]], {"broken_line": 2})


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_short_row_is_broken_unless_the_missing_columns_have_no_name(
    file: Path, quote: str
) -> None:
    """We do not guess which column is missing, but nobody misses one without a name."""
    write(file, f"a;b;c\n1;{quote}2{quote}\n3;4;5\n")
    assert read(file) == Block([["3", "4", "5"]], {"broken_line": 1})
    write(file, f"a;b;\n1;{quote}2{quote}\n3;4;5\n6\n")
    assert read(file) == Block([["1", "2", ""], ["3", "4", "5"]], {"broken_line": 1})


# Delimiters, headers, columns


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_guessed_from_the_header(file: Path, delimiter: str) -> None:
    """The most frequent one outside quotes is taken."""
    write(file, delimiter.join(["a", '"b;;;;,,,,\t\t\t\t||||\n;"', "c"]) + "\n" + delimiter * 2)
    assert opened(file).delimiter == delimiter
    assert opened(file).header == ("a", "b;;;;,,,,\t\t\t\t||||\n;", "c")
    assert read(file).rows == [["", "", ""]]


def test_a_header_without_a_delimiter_is_one_column(file: Path) -> None:
    """A list of addresses keeps its commas and semicolons."""
    write(file, 'address\nul. Abaya 1, Almaty; 3\n"quoted, too"\n')
    assert read(file) == Block([["ul. Abaya 1, Almaty; 3"], ["quoted, too"]], {})
    assert opened(file).delimiter == ""


@pytest.mark.parametrize(("given", "meant"), [("tab", "\t"), ("\\t", "\t"), ("#", "#"), ("§", "§")])
def test_a_given_delimiter_wins(file: Path, given: str, meant: str) -> None:
    """Any one character can be given, or the word tab."""
    write(file, f"a;b{meant}c\n1;2{meant}3\n")
    with open_source(file, Reading(delimiter=given)) as source:
        assert (source.header, source.delimiter) == (("a;b", "c"), meant)
        assert next(source.blocks()).rows == [["1;2", "3"]]


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n", "\r"])
def test_a_delimiter_that_is_none_is_refused(file: Path, delimiter: str) -> None:
    """More or less than a character, a quote and a line end delimit nothing."""
    error = refusal(write(file, "a\n"), delimiter=delimiter)
    assert error.code == Code.BAD_USAGE


def test_the_line_that_tells_excel_the_delimiter_is_no_header(file: Path) -> None:
    """``sep=`` is obeyed and skipped."""
    write(file, "sep=|\r\na;b|c\r\n1;2|3\r\n")
    assert opened(file).header == ("a;b", "c")
    assert read(file) == Block([["1;2", "3"]], {})


def test_a_stray_quote_in_the_header_costs_a_name_only(file: Path) -> None:
    """The rows below are read."""
    write(file, 'a;"b;c\n1;2;3\n4;"5";6\n')
    assert opened(file).header == ("a", '"b', "c")
    assert read(file) == Block([["1", "2", "3"], ["4", "5", "6"]], {})


def test_a_column_is_found_by_its_name(file: Path) -> None:
    """The exact name wins; else case and blanks around it do not matter."""
    source = opened(write(file, " ИИН ;Phone;phone;\n"))
    found = [source.column(name) for name in ("ИИН", "иин ", "Phone", "phone")]
    assert found == [0, 0, 1, 2]


def test_a_wrong_column_name_gets_the_nearest_and_all_others(file: Path) -> None:
    """The error is enough to correct the command, and shows no control characters."""
    source = opened(write(file, "iin;full_name;tele\x1bphone;\n"))
    with pytest.raises(InputError) as caught:
        source.column("fulname")
    assert caught.value.code == Code.BAD_USAGE
    assert caught.value.sentence == (
        "no column has that name; did you mean full_name? the file has iin, full_name, telephone"
    )


@pytest.mark.parametrize(("line", "columns"), [("Клиенты", "1 column"), ("a;b", "2 columns")])
def test_a_first_line_that_may_be_no_header(file: Path, line: str, columns: str) -> None:
    """A title, or somebody's row: what is in it is not shown, but what to do is told."""
    with pytest.raises(InputError) as caught:
        opened(write(file, f"{line}\n")).column("iin")
    assert caught.value.sentence == (
        f"no column has that name; the file's first line has {columns}: see whether it names them, "
        "and if another line does, remove what stands above it"
    )


@pytest.mark.parametrize("name", ["PHONE", "id"])
def test_an_ambiguous_column_name_is_refused(file: Path, name: str) -> None:
    """Columns of one name may be there, but they cannot be asked for."""
    source = opened(write(file, "Phone;phone;id;id\n"))
    with pytest.raises(InputError, match="more than one column") as caught:
        source.column(name)
    assert caught.value.code == Code.BAD_USAGE


@pytest.mark.parametrize("name", ["", " "])
def test_a_column_without_a_name_cannot_be_asked_for(file: Path, name: str) -> None:
    """An empty name matches no column, not even the only unnamed one."""
    with pytest.raises(InputError, match="no column has that name"):
        opened(write(file, "iin;;x\n")).column(name)


def test_an_error_shows_at_most_forty_names(file: Path) -> None:
    """A header of thousands of names, or of one endless name, does not fill the screen."""
    names = ";".join(f"name{i}" + "x" * 99 for i in range(1000))
    source = opened(write(file, f"{names};phone\n"))
    with pytest.raises(InputError) as caught:
        source.column("iin")
    assert "name39x" in caught.value.sentence
    assert "name40x" not in caught.value.sentence
    assert len(caught.value.sentence) < 2000


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "kz1048"])
def test_the_encoding_is_guessed(file: Path, encoding: str) -> None:
    """UTF-8 with or without a mark, else KZ-1048."""
    write(file, "аты;ИИН\nӘсел;Қ\n".encode(encoding))
    assert opened(file).header == ("аты", "ИИН")
    assert opened(file).encoding == encoding.removesuffix("-sig")
    assert read(file).rows == [["Әсел", "Қ"]]


@pytest.mark.parametrize(
    ("given", "meant", "cell"),
    [
        ("cp1251", "cp1251", "ќ"),
        ("Windows-1251", "cp1251", "ќ"),
        ("kz1048", "kz1048", "қ"),
        ("utf-8-sig", "utf-8", "\ufffd"),
        ("UTF-8", "utf-8", "\ufffd"),
    ],
)
def test_a_given_encoding_wins(file: Path, given: str, meant: str, cell: str) -> None:
    """The same byte is another letter in another encoding."""
    write(file, b"a;b\n1;\x9d\n")
    with open_source(file, Reading(given)) as source:
        assert source.encoding == meant
        assert [["1", cell]] == next(source.blocks()).rows


def test_an_unknown_encoding_is_refused(file: Path) -> None:
    """The sentence names those that there are."""
    error = refusal(write(file, "a\n"), encoding="latin-1")
    assert error.code == Code.BAD_USAGE
    assert "utf-8, cp1251, kz1048" in error.sentence


def test_a_letter_across_the_end_of_the_sample_is_still_utf_8(file: Path) -> None:
    """The guess looks at the first MiB, which may end amid a character; a bad byte there counts."""
    head = b"a\n" + b"x" * (MIB - 1003) + b"\n"
    write(file, head + "ә".encode() * 1000)
    assert (len(head) % 2, "utf-8") == (0, opened(file).encoding)
    write(file, head + b"x" + "ә".encode() * 1000)
    assert opened(file).encoding == "utf-8"
    write(file, head + b"x" + "ә".encode()[:1])
    assert opened(file).encoding == "kz1048"


@pytest.mark.parametrize("bad", [b"\xff", b"\xd0", b"\xf0\x9f\x92"])
@pytest.mark.parametrize("quote", [b"", b'"'])
def test_undecodable_bytes_cost_their_cell(file: Path, bad: bytes, quote: bytes) -> None:
    """Bytes that are no UTF-8 are replaced; neither the next cell nor the next line changes."""
    cell = quote + b"x" + bad + quote
    write(file, b"\xef\xbb\xbfa;b\n" + cell + b";1\n2;" + cell + b"\n3;4\n")
    assert read(file) == Block([["x\ufffd", "1"], ["2", "x\ufffd"], ["3", "4"]], {})


# Quotes


def test_quoted_cells(file: Path) -> None:
    """Delimiters, doubled quotes and line ends of all kinds inside quotes belong to the cell."""
    write(file, 'a;b\r\n"1;2";"say ""x"""\r\n"one\r\ntwo\nthree\rfour\n\nfive";6\r\n7;8\r\n')
    rows = [["1;2", 'say "x"'], ["one\r\ntwo\nthree\rfour\n\nfive", "6"], ["7", "8"]]
    assert read(file) == Block(rows, {})


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ('1;"OOO Roga;3', ["1", '"OOO Roga', "3"]),
        ('1;2;"', ["1", "2", '"']),
        ('"1;2;3', ['"1', "2", "3"]),
        ('1;OOO "Roga";3', ["1", 'OOO "Roga"', "3"]),
        ('1;"OOO" Roga;3', ["1", "OOO Roga", "3"]),
        ('1;5" pipe;3', ["1", '5" pipe', "3"]),
        ('"a;b";c;d;"e', None),
        ('"a;b', None),
        ("a;b", None),
    ],
)
def test_a_stray_quote_costs_its_own_line(file: Path, line: str, row: list[str] | None) -> None:
    """Whatever the quotes of a line do, the lines above and below, with or without quotes, stay."""
    clean = [["x", 'y"', "z"], ["4", "5", "6"]]
    write(file, f'a;b;c\nx;"y""";z\n4;5;6\n{line}\n4;5;6\nx;"y""";z\n')
    middle = [] if row is None else [row]
    assert read(file).rows == clean + middle + clean[::-1]
    assert read(file).rejected == ({} if row else {"broken_line": 1})


def test_two_stray_quotes_do_not_swallow_the_rows_between(file: Path) -> None:
    """A merge that has the right number of cells loses against lines that each have it."""
    write(file, 'a;b;c\n1;"x;2\n3;y;4\n5;z;6\n7;w";8\n')
    rows = [["1", '"x', "2"], ["3", "y", "4"], ["5", "z", "6"], ["7", 'w"', "8"]]
    assert read(file) == Block(rows, {})
    write(file, 'a;b\n1;"x\n2;y"\n')
    assert read(file) == Block([["1", '"x'], ["2", 'y"']], {})


def test_two_stray_quotes_of_which_one_is_in_a_broken_line(file: Path) -> None:
    """The rows between them are still worth more than the merge."""
    write(file, 'a;b;c\n1;"x;2;2\n3;y;4\n5;z;6\n7;w";8\n')
    rows = [["3", "y", "4"], ["5", "z", "6"], ["7", 'w"', "8"]]
    assert read(file) == Block(rows, {"broken_line": 1})


def test_two_stray_quotes_in_lines_below_each_other(file: Path) -> None:
    """Where both readings are worth as much, lines that each have the right width win."""
    write(file, 'a;b\n1;"x\n2;"\n3;4\n')
    assert read(file) == Block([["1", '"x'], ["2", '"'], ["3", "4"]], {})


@pytest.mark.parametrize(
    ("record", "row"),
    [
        ('1;2;"x\n3;4;5\ny"\n', ["1", "2", "x\n3;4;5\ny"]),
        ('"x;y";"x\ny";"x;y"\n', ["x;y", "x\ny", "x;y"]),
    ],
)
def test_a_record_of_several_lines_that_look_like_rows(
    file: Path, record: str, row: list[str]
) -> None:
    """A line or two that could be rows do not break up what is else a legal record."""
    write(file, f"a;b;c\n{record}4;5;6\n")
    assert read(file) == Block([row, ["4", "5", "6"]], {})


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize(("lines", "kept"), [(2, True), (16, True), (17, False)])
def test_a_record_may_span_sixteen_lines(file: Path, column: int, lines: int, kept: bool) -> None:
    """Wherever the long cell is; one of more lines is broken and its neighbours are not."""
    long = ["x", "y", "z"]
    long[column] = '"' + "\n".join("abcdefghijklmnopq"[:lines]) + '"'
    write(file, "a;b;c\n1;2;3\n" + ";".join(long) + '\n4;"5";6\n')
    block = read(file)
    assert [block.rows[0], block.rows[-1]] == [["1", "2", "3"], ["4", "5", "6"]]
    assert (block.rejected == {}) == kept
    assert not kept or [*long[:column], long[column].strip('"'), *long[column + 1 :]] in block.rows


def test_a_record_across_two_blocks(file: Path) -> None:
    """Where a block ends makes no difference to a record of several lines."""
    for shift in range(0, 44, 4):
        line = "x" * 60 + ";y\n"
        head = "a;b\n" + line * ((MIB - 100) // len(line))
        fill = "z" * (MIB - 24 - shift - len(head)) + ";1\n"
        write(file, head + fill + '2;"one\ntwo\nthree"\n"four\nfive";6\n' + line)
        expected = [["2", "one\ntwo\nthree"], ["four\nfive", "6"], ["x" * 60, "y"]]
        block = read(file)
        assert (block.rows[-3:], block.rejected) == (expected, {})


WORD = st.sampled_from(["x", "ӘЖ", "0"])


def cells(joints: list[str]) -> st.SearchStrategy[str]:
    """Empty cells, and words with at most two of the joints between them."""
    more = st.lists(st.tuples(st.sampled_from(joints), WORD), max_size=2)
    return st.just("") | st.tuples(WORD, more).map(lambda t: t[0] + "".join(map("".join, t[1])))


# Delimiters and line ends in one cell could be rows, and then nobody can tell (csv_lines).
CELLS = cells([" ", '"', '""', ";", ",", "\t", "|", ';"']) | cells(['"', "\n", '"\n"', "\r\n"])
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(
        st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=5
    ).filter(lambda rows: all(sum(map(len, row)) < 40 for row in rows))
)


def records_of(rows: list[list[str]], **dialect: str) -> list[str]:
    """Each row as csv.writer writes it."""
    records = []
    for row in rows:
        out = io.StringIO(newline="")
        csv.writer(out, **dialect).writerow(row)  # type: ignore[arg-type]
        records.append(out.getvalue())
    return records


@settings(deadline=None, max_examples=150)
@given(rows=TABLES, delimiter=st.sampled_from(";,\t|"))
def test_what_csv_writes_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str
) -> None:
    """Any table of text, with delimiters, quotes and line ends in its cells."""
    header = ["a", "b", "c", "d"][: len(rows[0])]
    path = tmp_path_factory.getbasetemp() / "round-trip.csv"
    write(path, "".join(records_of([header, *rows], delimiter=delimiter)))
    assert read(path) == Block(rows, {})


@settings(deadline=None, max_examples=250)
@given(rows=TABLES, data=st.data())
def test_a_quote_put_anywhere_costs_at_most_its_record(
    rows: list[list[str]], data: st.DataObject
) -> None:
    """All other rows of a clean file are read as they were, in their order."""
    records = records_of(rows, delimiter=";")
    i = data.draw(st.integers(0, len(rows) - 1))
    at = data.draw(st.integers(0, len(records[i])))
    records[i] = records[i][:at] + '"' + records[i][at:]
    if at == len(records[i]) - 1 and i + 1 < len(rows):  # it stands in the next record's line
        i += 1
    reader = RecordReader(("a",) * len(rows[0]), ";", "\n")
    got = iter(reader.read("".join(records), more=False).rows)
    assert all(row in got for row in rows[:i] + rows[i + 1 :])


DAMAGED = st.lists(
    st.sampled_from(["1;2\n", '1;"\n', '";2\n', '"a;b";c\n', '"\n', "1\n", '1;"x""y\r\n', "\n"]),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=200)
@given(lines=DAMAGED, data=st.data())
def test_where_a_block_ends_makes_no_difference(lines: list[str], data: st.DataObject) -> None:
    """Damaged text read in two pieces gives the rows and the count of one piece."""
    reader = RecordReader(("a", "b"), ";", "\n")
    cut = data.draw(st.integers(0, len(lines)))
    first = reader.read("".join(lines[:cut]), more=True)
    second = reader.read(first.rest + "".join(lines[cut:]), more=False)
    whole = reader.read("".join(lines), more=False)
    assert (whole.rows, whole.broken) == (first.rows + second.rows, first.broken + second.broken)


# Long lines, progress, hash


@pytest.mark.parametrize(
    ("length", "read_"), [(MAX_RECORD, True), (MAX_RECORD + 1, False), (5 * MIB, False)]
)
@pytest.mark.parametrize("before", [1, 20000])
def test_an_endless_line_is_skipped(file: Path, length: int, read_: bool, before: int) -> None:
    """A line of a MiB is read, a longer one counted, wherever it stands; its neighbours stay."""
    long = "x" * (length - 2) + ";1"
    write(file, "a;b\n" + "1;22\n" * before + long + '\n3;"4"\n')
    block = read(file)
    rows = [["1", "22"]] * before + [long.split(";")] * read_ + [["3", "4"]]
    assert block.rejected == ({} if read_ else {"long_line": 1})
    assert block.rows == rows


def test_no_record_spans_an_endless_line(file: Path) -> None:
    """A quote open before it stays a stray quote."""
    write(file, 'a;b\n1;"x\n' + "y" * 2 * MIB + '\nz"\n3;4\n')
    assert read(file) == Block([["1", '"x'], ["3", "4"]], {"long_line": 1, "broken_line": 1})


@pytest.mark.parametrize("length", [200_000, 900_000])
def test_a_long_quoted_cell_is_read(file: Path, length: int) -> None:
    """The csv module's own limit of 128 KiB does not apply, in the header neither."""
    long = "x;" * (length // 2)
    write(file, f'a;"{long}"\n1;"{long}"\n2;"3\n')
    assert opened(file).header == ("a", long)
    assert read(file) == Block([["1", long], ["2", '"3']], {})


def test_stray_quotes_carry_no_endless_rest_along() -> None:
    """What is left for the next block is at most a MiB, however the lines hang together."""
    text = ("x" * 30000 + ';"\n') * 100  # each line opens a record that the next one may close
    reader = RecordReader(("a", "b"), ";", "\n")
    assert reader.read(text[: MAX_RECORD // 2], more=True).rest == text[: MAX_RECORD // 2]
    assert len(reader.read(text, more=True).rest) <= MAX_RECORD


def test_blocks_are_small_and_progress_reaches_the_size(file: Path) -> None:
    """A file of three MiB comes in blocks of one, with progress, and its hash at the end."""
    content = b"\xef\xbb\xbf\nsep=;\na;b\n" + b'123456;"7"\n123456;7\n' * (3 * MIB // 20)
    write(file, content)
    with open_source(file) as source:
        assert (source.size, source.bytes_read) == (len(content), 0)
        seen = []
        for block in source.blocks():
            assert len(block.rows) <= MIB // 9
            seen.append(source.bytes_read)
        assert seen == sorted(seen)
        assert (len(seen), seen[0], seen[-1]) == (4, MIB, len(content))
        assert source.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(enabled: bool) -> None:
    """It pauses while a block is read, and not for the rest of the program."""
    reader = RecordReader(("a", "b"), ";", "\n")
    try:
        (gc.enable if enabled else gc.disable)()
        reader.read('1;"2"\n', more=False)
        reader.read("1;2\n", more=False)
        assert gc.isenabled() == enabled
    finally:
        gc.enable()


def test_the_hash_is_known_only_at_the_end(file: Path) -> None:
    """Asking early is a mistake of ours, and a second reading starts over."""
    write(file, "a;b\n" + f"1;{'2' * 97}\n" * 30_000)
    with open_source(file) as source:
        with pytest.raises(RuntimeError):
            _ = source.sha256
        first = next(source.blocks())
        with pytest.raises(RuntimeError):
            _ = source.sha256
        rows = [len(block.rows) for block in source.blocks()]
    assert (sum(rows), rows[0]) == (30_000, len(first.rows))
    assert source.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("change", ["grows", "shrinks"])
def test_a_file_that_changes_while_it_is_read_is_refused(file: Path, change: str) -> None:
    """A dump still being copied would give a certificate for half of it."""
    write(file, "a;b\n1;2\n3;4\n")
    with open_source(file) as source:
        write(file, "a;b\n1;2\n3;4\n5;6\n" if change == "grows" else "a;b\n1;2\n")
        with pytest.raises(InputError, match="changed while it was read"):
            list(source.blocks())


# Refusals


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf", "no header"),
        (b"\n\r\n\n", "no header"),
        (b" ; ;\n1;2;3\n", "no header"),
        (bytes(100), "no text"),
        (b"x" * (MIB + 1), "longer than 1 MiB"),
        (b"\x1f\x8b\x08\x00", "the gzip file is damaged"),
        (b"PK\x03\x04\x14\x00", "the zip is damaged"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"\x28\xb5\x2f\xfd\x04", "zstandard"),
        (b"BZh91AY&SY\x00", "bzip2"),
        (b"\xfd7zXZ\x00\x00", "xz"),
        (b"7z\xbc\xaf\x27\x1c\x00", "the 7z is damaged"),
        (b"Rar!\x1a\x07\x01", "RAR"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        (b"<?xml version", "XML"),
        (b"%PDF-1.7", "--scan"),
        (b"PGDMP\x01\x0e", "pg_restore"),
        (b"SQLite format 3\x00", "sqlite3"),
        (b'{"iin": [', "JSON"),
    ],
)
def test_what_is_not_csv_is_refused(file: Path, content: bytes, told: str) -> None:
    """Each gets one sentence that says what was found, and what to do."""
    error = refusal(write(file, content))
    assert error.code == Code.BAD_FILE
    assert told in error.sentence
    assert re.search("; .", error.sentence)


@pytest.mark.parametrize(
    "row", ["000101300017", "x@example.kz;1", "1990-01-31;x", "+7 701 123 45 67"]
)
def test_a_first_line_that_is_a_row_is_refused(file: Path, row: str) -> None:
    """Without a header the first person would be lost, and shown in the next error."""
    error = refusal(write(file, f"{row}\n"))
    assert (error.code, "looks like data" in error.sentence) == (Code.BAD_FILE, True)
    assert row[:4] not in error.sentence


@pytest.mark.parametrize("name", ["phone_2", "2025-06", "@timestamp", "n12345678", "PAR1", "7z"])
def test_column_names_that_look_a_little_like_data_are_accepted(file: Path, name: str) -> None:
    """Digits, signs and the marks of other formats occur in real headers."""
    assert opened(write(file, f"{name};x\n")).header == (name, "x")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder and an impossible path get one sentence each."""
    assert "no such file" in refusal(tmp_path / "none.csv").sentence
    assert "a folder" in refusal(tmp_path).sentence
    assert "cannot be opened" in refusal(Path("a\x00b")).sentence
    assert "cannot be opened" in refusal(tmp_path / ("x" * 300)).sentence
