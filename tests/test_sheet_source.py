"""The readers of Excel and OpenDocument workbooks: cells, sheets, damage and attacks."""

import gzip
import hashlib
import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from workbooks import ODS_BEGIN, inline, ods, spoken, xlsx, zipped

from loaders.formats import Reading, open_source
from loaders.ods import Ods
from loaders.xlsx import Xlsx
from lookup.errors import Code, InputError

MIB = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A path to write a test's file to."""
    return tmp_path / "people.xlsx"


def read(path: Path, content: bytes, table: str | None = None) -> list[list[str]]:
    """Header and rows of a workbook that nothing is wrong with."""
    path.write_bytes(content)
    with open_source(path, Reading(table=table)) as source:
        blocks = list(source.blocks())
        assert hashlib.sha256(content).hexdigest() == source.sha256
        assert len(content) == source.bytes_read == source.size
        assert all(not block.rejected for block in blocks)
        return [list(source.header), *(row for block in blocks for row in block.rows)]


def refusal(path: Path, content: bytes, table: str | None = None) -> InputError:
    """The error with which a workbook is refused, at once or while it is read."""
    with pytest.raises(InputError) as caught:
        read(path, content, table)
    assert caught.value.sentence == caught.value.sentence.strip(" .")
    assert "; " in caught.value.sentence
    return caught.value


# Cells


def test_cells_of_excel_are_text(file: Path) -> None:
    """Numbers are written out, dates are ISO, errors are nothing; a formula is its last value."""
    cells = {
        "<c><v>810313311869</v></c>": "810313311869",
        "<c><v>810313311869.0</v></c>": "810313311869",
        "<c><v>8.10313311869E+11</v></c>": "810313311869",
        "<c><v>0.25</v></c>": "0.25",
        "<c><v>1E+999999999</v></c>": "1E+999999999",
        '<c t="s"><v>0</v></c>': "000101300017",
        '<c t="s"><v>1</v></c>': "Аба й",
        '<c t="inlineStr"><is><r><t>a</t></r><r><t> b</t></r></is></c>': "a b",
        '<c t="str"><f>A1&amp;B1</f><v>x_x000D_y</v></c>': "x\ry",
        '<c t="b"><v>1</v></c>': "true",
        '<c t="e"><v>#REF!</v></c>': "",
        '<c s="1"><v>33000</v></c>': "1990-05-07",
        '<c s="1"><v>33000.5</v></c>': "1990-05-07T12:00:00",
        '<c s="1"><v>59</v></c>': "1900-02-28",
        '<c s="1"><v>61</v></c>': "1900-03-01",
        '<c s="2"><v>0.25</v></c>': "06:00:00",
        '<c s="1"><v>810313311869</v></c>': "810313311869",
        '<c s="3"><v>33000</v></c>': "33000",
        '<c t="d"><v>1990-05-07</v></c>': "1990-05-07",
        "<c/>": "",
    }
    rows = "".join(f'<row>{cell}<c t="inlineStr"><is><t>x</t></is></c></row>' for cell in cells)
    content = xlsx(
        {"S": inline("a", "b") + rows},
        texts="<si><t>000101300017</t></si><si><r><t>Аба</t></r><r><t> й</t></r>"
        "<rPh><t>no</t></rPh></si>",
        formats=("dd/mm/yyyy;@", "[h]:mm", "0.00&quot;days&quot;[Red]"),
    )
    assert [["a", "b"], *([text, "x"] for text in cells.values())] == read(file, content)


def test_days_since_1904(file: Path) -> None:
    """Old Macs counted from another day."""
    content = xlsx(
        {"S": inline("a") + '<row><c s="1"><v>33000</v></c></row>'},
        formats=("yyyy\\-mm\\-dd",),
        book='<workbookPr date1904="1"/>',
    )
    assert [["a"], ["1994-05-08"]] == read(file, content)


def test_cells_of_opendocument_are_text(file: Path) -> None:
    """What a cell holds counts, not how it is shown; comments and errors do not."""
    cells = {
        'office:value-type="float" office:value="810313311869.0"><text:p>8.1E+11</text:p>': (
            "810313311869"
        ),
        'office:value-type="date" office:date-value="1990-05-07"><text:p>7.5.</text:p>': (
            "1990-05-07"
        ),
        'office:value-type="boolean" office:boolean-value="true"><text:p>ДА</text:p>': "true",
        'office:value-type="string"><text:p>a<text:s text:c="2"/><text:span>b</text:span></text:p>'
        "<text:p>c</text:p>": "a  b\nc",
        'office:value-type="string"><office:annotation><text:p>note</text:p></office:annotation>'
        "<text:p>x</text:p>": "x",
        'office:value-type="string" calcext:value-type="error"><text:p>#REF!</text:p>': "",
        ">": "",
    }
    rows = "".join(
        f"<table:table-row><table:table-cell {cell}</table:table-cell>"
        "<table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>"
        for cell in cells
    )
    content = ods({"S": spoken("a", "b") + rows})
    assert [["a", "b"], *([text, "x"] for text in cells.values())] == read(file, content)


def test_repeated_cells_and_rows_of_opendocument(file: Path) -> None:
    """They stand as often as it says; blank ones to the sheet's edge cost nothing."""
    edge = 'table:number-columns-repeated="16380"'
    rows = (
        '<table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>x</text:p>'
        f"</table:table-cell><table:table-cell {edge}/></table:table-row>"
    )
    twice = rows.replace("table-row>", 'table-row table:number-rows-repeated="2">', 1)
    blank = f'<table:table-row table:number-rows-repeated="1048000"><table:table-cell {edge}/>'
    content = ods({"S": spoken("a", "b") + blank + "</table:table-row>" + rows + twice})
    assert [["a", "b"], *[["x", "x"]] * 3] == read(file, content)


# Sheets, headers, rows


@pytest.mark.parametrize(("make", "row"), [(xlsx, inline), (ods, spoken)])
def test_a_sheet_is_chosen(file: Path, make: type, row: type) -> None:
    """The only one with anything in it, or by name; the refusal hides long numbers."""
    content = make({"Empty": "", "Люди": row("iin") + row("1")})
    assert [["iin"], ["1"]] == read(file, content) == read(file, content, " люди")
    with open_source(file) as source:
        assert "Люди" == source.part
    assert "no such sheet with anything in it" in refusal(file, content, "Empty").sentence
    error = refusal(file, make({"950515390002": row("a"), "B": row("a")}))
    assert Code.BAD_USAGE == error.code
    assert error.sentence.endswith("several sheets; choose one with --table: ############, B")
    assert "no cells with anything in them" in refusal(file, make({"S": ""})).sentence


def test_the_header_is_the_first_row_that_holds_anything(file: Path) -> None:
    """Blank rows are none, cells keep their columns, those beyond the header have no name."""
    cells = '<row r="7"><c r="C7"><v>3</v></c><c r="A7"><v>1</v></c><c r="XFD7"><v>9</v></c></row>'
    rows = f"<row/>{inline('', ' ')}{inline('a', '', 'c')}<row><c/></row>{cells}{inline('x')}"
    assert [["a", "", "c"], ["1", "", "3"], ["x", "", ""]] == read(file, xlsx({"S": rows}))


def test_a_header_that_is_data_is_refused(file: Path) -> None:
    """The first person would be lost."""
    assert "looks like data" in refusal(file, xlsx({"S": inline("950515390002")})).sentence


def test_a_row_that_is_too_long_is_counted(file: Path) -> None:
    """Its neighbours are read."""
    rows = inline("a", *"x" * 40) + inline("1") + inline(*["x" * 32_000] * 40) + inline("2")
    file.write_bytes(xlsx({"S": rows}))
    with open_source(file) as source:
        blocks = list(source.blocks())
    assert {"long_line": 1} == blocks[0].rejected
    assert ["1", "2"] == [row[0] for row in blocks[0].rows]


# Another reader


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(
            st.one_of(
                st.integers(-(10**14), 10**14),
                st.text(st.characters(exclude_categories=["C", "Z"]), max_size=9),
            ),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=9,
    ),
    st.booleans(),
)
def test_another_reader_reads_the_same(cells: list[list[int | str]], is_ods: bool) -> None:
    """Calamine and we agree on whatever numbers and texts there are."""

    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace("_x", "_ x")

    def cell(value: int | str) -> str:
        if is_ods:
            kind = "float" if isinstance(value, int) else "string"
            shown = escaped(str(value))
            told = f'office:value="{value}"' if kind == "float" else ""
            return (
                f'<table:table-cell office:value-type="{kind}" {told}><text:p>{shown}</text:p>'
                "</table:table-cell>"
            )
        if isinstance(value, int):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{escaped(value)}</t></is></c>'

    tag = "table:table-row" if is_ods else "row"
    rows = "".join(f"<{tag}>{''.join(map(cell, row))}</{tag}>" for row in cells)
    head = (spoken if is_ods else inline)("a", "b", "c")
    content = (ods if is_ods else xlsx)({"S": head + rows})
    theirs = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    book = Ods(io.BytesIO(content)) if is_ods else Xlsx(io.BytesIO(content))
    ours = [(row or []) + [""] * (3 - len(row or [])) for row, _ in book.rows("S")]
    texts = [
        [str(int(one)) if isinstance(one, float) else str(one) for one in row] for row in theirs
    ]
    assert [row for row in texts if any(row)] == ours


# What is refused


def test_a_table_in_a_table(file: Path) -> None:
    """The rows below it would be lost without a word."""
    inner = '<table:table table:name="inner"></table:table>'
    content = ods({"S": spoken("iin") + inner + spoken("1")})
    assert "damaged" in refusal(file, content).sentence


def test_a_text_that_is_not_there(file: Path) -> None:
    """A row of such cells would be neither read nor counted."""
    row = '<row><c t="s"><v>99</v></c></row>'
    assert "damaged" in refusal(file, xlsx({"S": inline("a") + row})).sentence


def test_what_needs_a_file_of_its_own(file: Path) -> None:
    """Inside another packing it must be unpacked first: nothing of ours unpacks to disk."""
    book = xlsx({"S": inline("a") + inline("1")})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("people.xlsx", book)
    for content in (gzip.compress(book), packed.getvalue()):
        sentence = refusal(file, content).sentence
        assert "(an Excel or OpenDocument file is a zip, too); give the file itself" in sentence


REPEATED = spoken("1").replace("row>", 'row table:number-rows-repeated="1048576">', 1)
REFUSED = {
    "xlsb": (zipped({"xl/workbook.bin": "x"}), "(xlsb); save it as xlsx"),
    "xls or a password": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "Excel with a password"),
    "ods with a password": (ods({}, "<encryption-data/>"), "has a password; save it without"),
    "no xml": (xlsx({"S": "<row>"}), "is damaged"),
    "no sheet": (zipped({"xl/workbook.xml": "<workbook/>"}), "is damaged"),
    "a document type": (
        zipped({"mimetype": "", "content.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}),
        "is damaged",
    ),
    "nested": (ods({"S": "<a>" * 99 + "</a>" * 99}), "is damaged"),
    "too many names": (ods({"S": "".join(f"<a{n}/>" for n in range(20_000))}), "is damaged"),
    "a tag without end": (ods({"S": f'<a b="{"x" * (3 << 20)}"/>'}), "is damaged"),
    "a million repeated rows": (
        ods(
            {
                "S": spoken("a")
                + spoken("1").replace("row>", 'row table:number-rows-repeated="1048576">', 1) * 2
            }
        ),
        "more than 1048576 rows",
    ),
    "a bomb": (zipped({"mimetype": "", "content.xml": ODS_BEGIN + " " * (300 << 20)}), "bomb"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(file: Path, name: str) -> None:
    """Each by one sentence, soon and in little memory."""
    content, told = REFUSED[name]
    error = refusal(file, content)
    assert Code.BAD_FILE == error.code
    assert told in error.sentence


def test_a_sheet_whose_one_cell_is_at_its_end(file: Path) -> None:
    """Two cells are no reason to allocate all between them."""
    rows = (
        inline("a") + '<row r="1048576"><c r="A1048576"><v>1</v></c><c r="XFD1"><v>1</v></c></row>'
    )
    tracemalloc.start()
    assert [["a"], ["1"]] == read(file, xlsx({"S": rows}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * MIB
