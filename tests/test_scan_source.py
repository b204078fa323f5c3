"""What a scan finds in any text, and what it leaves."""

import gzip
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.formats import Reading, open_source
from loaders.scan_source import ScanSource
from lookup.errors import Code, InputError
from lookup.protocol.identifiers import canonical
from lookup.protocol.suite import Kind

ALL = tuple(Kind)
IIN = "950515390002"
PHONE, EMAIL = "+77010000001", "ann.b@example.com"


class Chunked:
    """A dump whose chunks a test chooses."""

    format = ""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.member = ""

    def chunks(self) -> Iterator[bytes]:
        return iter(self._chunks)


def scanned(*chunks: bytes, kinds: tuple[Kind, ...] = ALL, encoding: str = "utf-8") -> list[str]:
    """What is found in these chunks, sorted."""
    source = ScanSource(Chunked(*chunks), kinds, encoding)  # type: ignore[arg-type]
    rows = [row for block in source.blocks() for row in block.rows]
    assert [1] * len(rows) == [sum(map(bool, row)) for row in rows]
    return sorted("".join(row) for row in rows)


def found(text: str) -> list[str]:
    """What is found in a text."""
    return scanned(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        IIN,
        f"ИИН:{IIN}.",
        f"iin{IIN}",
        f"('{IIN}',",
        f'"{IIN}"',
        f"<td>{IIN}</td>",
        f"{IIN};1",
        f"\\n{IIN}\\t",
        f"-{IIN}-",
    ],
)
def test_iins_found(text: str) -> None:
    """Whatever stands beside, but digits and hexadecimal ones."""
    assert [IIN] == found(text)


@pytest.mark.parametrize(
    "text",
    [
        f"1{IIN}",
        f"{IIN}0",
        f"a{IIN}",
        f"{IIN}f",
        "950515390003",
        "951315390005",
        IIN[:11],
        "990440000385",
        "000000000000",
        "٩٥٠٥١٥٣٩٠٠٠٢",
        f"{IIN[:6]} {IIN[6:]}",
    ],
)
def test_no_iins(text: str) -> None:
    """Parts of a longer number or a hash, wrong check digits and dates, BINs, other scripts."""
    assert [] == found(text)


@pytest.mark.parametrize(
    "text",
    [
        *("+77010000001", "77010000001", "87010000001", "8 701 000 00 01", "8-701-000-00-01"),
        *("+7 (701) 000-00-01", "8(701)0000001", "+7(701) 000 0001", "8 701 0000001"),
        *("8.701.000.00.01", "+7\u00a0701\u00a0000\u00a000\u00a001", "8 - 701 - 000 - 00 - 01"),
        *("8 7010 00 00 01", "8 (70100) 0-00-01", "8 701 00 00 001", "тел.87010000001,"),
        *("\\n87010000001\\n", "'87010000001'", "x=87010000001"),
    ],
)
def test_phones_found(text: str) -> None:
    """One number in the ways it is written."""
    assert [PHONE] == found(text)


@pytest.mark.parametrize(
    "text",
    [
        *("7010000001", "187010000001", "870100000012", "+87010000001", "a87010000001"),
        *("87010000001@example", "8 800 080 00 00", "89161234567", "8\n701\n000\n00\n01"),
        *("87340000001", "8  701  000 00 01", "8(701 000 00 01"),
    ],
)
def test_no_phones(text: str) -> None:
    """Without 7 or 8, in a longer number, of other countries, over lines, not allotted."""
    assert [] == found(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ann.b@example.com", EMAIL),
        ("Ann.B@Example.com.", EMAIL),
        ("<ann.b@example.com>,", EMAIL),
        ("'ann.b@example.com'", EMAIL),
        ("mailto:ann.b@example.com?x", EMAIL),
        ("\\nann.b@example.com\\n", EMAIL),
        ("-ann.b@example.com", EMAIL),
        ("ann.b@example.comИван", EMAIL),
        ("ann+1@пошта.қаз", "ann+1@xn--80a1acn3a.xn--80ao21a"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
    ],
)
def test_addresses_found(text: str, address: str) -> None:
    """Without the signs of sentences, mark-up and programs beside them, as the rule writes them."""
    assert [address] == found(text)
    assert address == canonical(Kind.EMAIL, address)


@pytest.mark.parametrize(
    "text",
    [
        *("ann@example", "@example.com", "ann@@example.com", "ann@example.1", "ann.@example.com"),
        *("ann@-example.com", f"{'a' * 65}@example.com", f"a@{'b' * 64}.com", "анна@example.com"),
    ],
)
def test_no_addresses(text: str) -> None:
    """What the rule refuses, and a name that is too long is not cut."""
    assert [] == found(text)


PIECES = st.sampled_from(
    (
        *(IIN, PHONE, "8 (701) 000-00-02", EMAIL, "c@d.kz", "7 777 777 77 77 777 77 77 77", "\\n"),
        *(
            " ",
            "\n",
            ";",
            "\\",
            "7",
            "8",
            "0",
            "a",
            "Ә",
            "@",
            "x" * 70,
            "12345678901234567890",
            ".",
        ),
        *("-", "+", "b@" + "c." * 9 + "kz"),
    )
)


@given(st.lists(PIECES, max_size=30), st.lists(st.integers(0, 3000), max_size=4), st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_borders_of_chunks_are_nothing(pieces: list[str], cuts: list[int], far: int) -> None:
    """However the bytes come, the same is found, and found once."""
    data = ("." * far * 700 + "".join(pieces) + " " * far * 900).encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in itertools.pairwise(places)]
    assert scanned(data) == scanned(*chunks)


def test_each_border_in_a_text() -> None:
    """Wherever a text is cut: one of each is found once, and what stands before is seen."""
    none = f"1{IIN};a{PHONE[1:]};x++++{'a' * 64}@example.com;"
    text = f"{' ' * 1100}{IIN};8 701 000 00 01;{EMAIL};Әсел;{none}{' ' * 1300}".encode()
    for cut in range(1000, len(text)):
        assert [PHONE, IIN, EMAIL] == scanned(text[:cut], text[cut:])


@pytest.mark.parametrize("encoding", ["kz1048", "cp866", "utf-16", "utf-32-le"])
def test_files_of_any_encoding(tmp_path: Path, encoding: str) -> None:
    """A chat, packed, with no-break spaces in a number."""
    text = f"Ержан, менің ИИН {IIN}, тел +7\u00a0701\u00a0000\u00a000\u00a001\r\n" * 3
    path = tmp_path / "chat.gz"
    path.write_bytes(gzip.compress(text.encode(encoding, "ignore")))
    with open_source(path, Reading(scan=(Kind.IIN, Kind.PHONE))) as source:
        (block,) = source.blocks()
        assert (("iin", "phone"), "scan") == (source.header, source.part)
        assert [[IIN, ""]] * 3 + [["", PHONE]] * 3 == block.rows
        assert ({}, len(path.read_bytes())) == (block.rejected, source.bytes_read)


def test_what_columns_refuse_is_scanned(tmp_path: Path) -> None:
    """JSON, XML and a first line of data are texts like any other."""
    for at, text in enumerate((f'{{"iin": "{IIN}"}}', f"<?xml version='1.0'?><a>{IIN}</a>", IIN)):
        path = tmp_path / str(at)
        path.write_text(text, encoding="utf-8")
        with open_source(path, Reading(scan=ALL)) as source:
            assert [[[IIN, "", ""]]] == [list(block.rows) for block in source.blocks()]


@pytest.mark.parametrize(("content", "told"), [(b"", "empty"), (b"a\x00\x01b\x00" * 9, "no text")])
def test_no_text_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    """Nothing found in what cannot be read would be taken for nothing in it."""
    path = tmp_path / "dump"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        open_source(path, Reading(scan=ALL))
    assert Code.BAD_FILE is caught.value.code


@pytest.mark.parametrize("unit", ["a", "1", "a.", "8 ", "+7", "(7", "a@", "@", "-", "\\", "a@b."])
def test_endless_lines_take_no_endless_time(unit: str) -> None:
    """A MiB of what makes patterns try again and again is read in seconds."""
    began = time.process_time()
    assert [] == scanned(*[(unit * (1 << 20))[: 1 << 20].encode()] * 2, b"\n")
    assert time.process_time() - began < 10


def test_kinds_that_are_not_asked_for_are_not_looked_for() -> None:
    """The dataset would be said to be searched by phones, and phones that are none be found."""
    text = f"{IIN} {PHONE} {EMAIL}".encode()
    assert [PHONE] == scanned(text, kinds=(Kind.PHONE,))
