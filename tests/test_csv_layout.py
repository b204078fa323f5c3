"""How a CSV file or a list is laid out: its delimiter, and whether a line names the columns."""

from pathlib import Path

import pytest

from loaders.csv_source import CsvSource
from loaders.formats import Reading, open_source
from lookup.errors import Code, InputError

IIN, OTHER = "950515390002", "000101590007"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test writes its dump."""
    return tmp_path / "dump.csv"


def delimiter_of(file: Path, *lines: str) -> str:
    """The delimiter that is found in a file of these lines."""
    file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    with open_source(file) as source:
        assert isinstance(source, CsvSource)
        return source.delimiter


def read(file: Path, reading: Reading) -> tuple[tuple[str, ...], list[list[str]], int]:
    """The header, all rows, and how many lines were rejected."""
    with open_source(file, reading) as source:
        blocks = list(source.blocks())
        rows = [row for block in blocks for row in block.rows]
        return source.header, rows, sum(sum(block.rejected.values()) for block in blocks)


@pytest.mark.parametrize("delimiter", ";,\t|^~:")
def test_each_delimiter_is_found(file: Path, delimiter: str) -> None:
    """The usual ones and the odd ones, where all lines have as many."""
    lines = [delimiter.join(cells) for cells in (("iin", "name", "sex"), (IIN, "Ann", "f"))]
    assert delimiter == delimiter_of(file, *lines, lines[1])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("iin;name, family, father", f"{IIN};Ann", f"{OTHER};Bob"), ";"),
        (("iin;address (town, street)", f"{IIN};Almaty, Abai", f"{OTHER};Astana, Abai"), ";"),
        (("iin,name;nick,sex", f"{IIN},Ann,f", f"{OTHER},Bob,m"), ","),
        (('iin|"a;b;c;d"|name', f"{IIN}|;;;|Ann", f"{OTHER}||Bob"), "|"),
        (("iin\tname of; person", f"{IIN}\tAnn", f"{OTHER}\tBob"), "\t"),
        (("time: iin;name", f"12:30 {IIN};Ann", f"12:40 {OTHER};Bob"), ";"),
        (("iin,name;sex;town",), ";"),
    ],
)
def test_the_lines_below_the_header_decide(
    file: Path, lines: tuple[str, ...], expected: str
) -> None:
    """Signs that are more frequent in the first line, or only in texts, do not."""
    assert expected == delimiter_of(file, *lines)


@pytest.mark.parametrize(
    "lines",
    [
        ("note: iin", f"a: {IIN}"),  # one row is no evidence
        ("note: iin", f"a: {IIN}", f"b {OTHER}", f"c: {IIN}"),
        ("iin", IIN, OTHER),
    ],
)
def test_an_odd_delimiter_needs_evidence(file: Path, lines: tuple[str, ...]) -> None:
    """Else the file has one column."""
    assert "" == delimiter_of(file, *lines)


@pytest.mark.parametrize("delimiter", ["#", "§", "a", " "])
def test_any_one_character_can_be_given(file: Path, delimiter: str) -> None:
    """Whatever the dump's program used."""
    file.write_text(f"iin{delimiter}sex\n{IIN}{delimiter}f\n", encoding="utf-8")
    expected = (("iin", "sex"), [[IIN, "f"]], 0)
    assert expected == read(file, Reading(delimiter=delimiter))


@pytest.mark.parametrize("mark", ["", "\ufeff", "\n\r\n", "\ufeff\n"])
@pytest.mark.parametrize("last", ["", "\n", "\r\n"])
def test_a_plain_list_is_one_column_called_1(file: Path, mark: str, last: str) -> None:
    """A list of IINs, one a line: the first one counts like the others."""
    file.write_bytes(f"{mark}{IIN}\n\n{OTHER}{last}".encode())
    assert (("1",), [[IIN], [OTHER]], 0) == read(file, Reading(header=False))


@pytest.mark.parametrize(
    "lines", [("87010000001", "+7 (701) 000-00-02"), ("ann@example.com", "b.c@example.com")]
)
def test_lists_of_other_identifiers(file: Path, lines: tuple[str, ...]) -> None:
    """Phones with their brackets, and addresses, hold no delimiter."""
    file.write_text("\n".join(lines), encoding="utf-8")
    assert (("1",), [[line] for line in lines], 0) == read(file, Reading(header=False))


def test_columns_without_names_are_numbered(file: Path) -> None:
    """A line of another width is counted as broken, as ever."""
    file.write_text(f"{IIN};Ann;\n{OTHER};Bob;x\nhalf a line\n", encoding="utf-8")
    expected = (("1", "2", "3"), [[IIN, "Ann", ""], [OTHER, "Bob", "x"]], 1)
    assert expected == read(file, Reading(header=False))


def test_a_first_record_of_two_lines_is_a_row(file: Path) -> None:
    """A line end in a quoted cell, and the hint that Excel writes."""
    file.write_text(f'sep=,\n{IIN},"a\nb"\n{OTHER},c\n', encoding="utf-8")
    expected = (("1", "2"), [[IIN, "a\nb"], [OTHER, "c"]], 0)
    assert expected == read(file, Reading(header=False))


def test_addresses_and_passwords_between_colons(file: Path) -> None:
    """The usual form of stolen passwords: the address is column 1."""
    file.write_text("a@b.kz:secret\nc@d.kz:x\ne@f.kz:\n", encoding="utf-8")
    header, rows, _ = read(file, Reading(header=False))
    assert (("1", "2"), ["a@b.kz", "c@d.kz", "e@f.kz"]) == (header, [row[0] for row in rows])


def test_the_refusal_of_data_tells_the_way(file: Path) -> None:
    """Who has a list learns how to load it."""
    file.write_text(f"{IIN}\n{OTHER}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        open_source(file)
    expected = (
        "the first line looks like data; if no line names the columns, give --no-header and call "
        "them by number: 1, 2, 3"
    )
    assert (Code.BAD_FILE, expected) == (caught.value.code, caught.value.sentence)


def test_a_list_without_lines_is_refused(file: Path) -> None:
    """Blank lines only: there is not even one column."""
    file.write_text("\n\n", encoding="utf-8")
    with pytest.raises(InputError, match="no lines"):
        open_source(file, Reading(header=False))


def test_sql_names_its_columns(file: Path) -> None:
    """There is no SQL dump without a header."""
    file.write_text(f"INSERT INTO people (iin) VALUES ('{IIN}');\n", encoding="utf-8")
    with pytest.raises(InputError, match="leave out --no-header"):
        open_source(file, Reading(header=False))


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "kz1048", "cp866", "koi8-r", "utf-16"])
def test_one_bad_byte_or_quote_costs_its_line_only(file: Path, encoding: str) -> None:
    """In the middle of a file of any encoding: its neighbours stay, and the encoding too."""
    good = [[f"{at:03d}", "Иванов Иван"] for at in range(40)]
    text = "\n".join(["номер;имя", *(";".join(row) for row in good)])
    raw = text.replace("020;И", '020;"И').encode(encoding)
    if encoding == "utf-8":
        raw = text.encode().replace("020;И".encode(), b"020;\xd0")
    file.write_bytes(raw)
    header, rows, rejected = read(file, Reading())
    assert (("номер", "имя"), 0) == (header, rejected)
    assert (good[:20], good[21:]) == (rows[:20], rows[21:])
    assert "020" == rows[20][0]
