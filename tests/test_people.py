"""The first pass against a naive dict: distinct identifiers, masks, and the certificate's counts.

Few identifiers and tiny buffers, so that rows collide and the sorted arrays are merged again and
again.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders import distinct, people
from loaders.cells import parse
from loaders.csv_lines import PlainReader, RecordReader
from loaders.distinct import Distinct
from loaders.encodings import ENCODINGS
from loaders.people import Columns, Counts, People
from lookup.errors import InputError
from lookup.protocol.identifiers import canonical, iin_check_digit
from lookup.protocol.suite import Kind

NAME, ADDRESS = 3, 4
COLUMNS = Columns(
    identifiers={Kind.IIN: 0, Kind.PHONE: 1, Kind.EMAIL: 2},
    bits=((NAME, 1), (ADDRESS, 2), (ADDRESS, 9)),
    own_bits={Kind.IIN: 0, Kind.EMAIL: 15},
)
NOTHING = ("", "-", " н/д ", "NULL")

IINS = ("000101590007", "000101590017", " 000101590007", "000101590018", "00010159001", "x")
PHONES = ("87010000001", "+7 701 000 00 01", "87010000002", "8 (701) 000-00-03", "8701", "x")
EMAILS = ("a@example.com", "A@Example.com", "b@example.com", "c@example.com", "@", "a b@c.kz")
ROWS = st.tuples(
    st.sampled_from(NOTHING + IINS),
    st.sampled_from(NOTHING + PHONES),
    st.sampled_from(NOTHING + EMAILS),
    st.sampled_from((*NOTHING, "name")),
    st.sampled_from((*NOTHING, "address")),
)
BLOCKS = st.lists(st.lists(ROWS, max_size=6), max_size=12)


@contextmanager
def small_buffers(size: int) -> Iterator[None]:
    """Merge after so many identifiers instead of a million."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "_BUFFER", size)
        patch.setattr(distinct, "_EMAIL_BUFFER", size)
        yield


@dataclass
class Naive:
    """The same with dicts, one row at a time."""

    masks: dict[tuple[Kind, str], int] = field(default_factory=dict)
    accepted: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    bad_cells: dict[str, int] = field(default_factory=dict)

    def add(self, row: tuple[str, ...]) -> None:
        found, bad = [], []
        for kind, column in COLUMNS.identifiers.items():
            if self.is_nothing(row[column]):
                continue
            try:
                found.append((kind, canonical(kind, row[column])))
            except InputError as error:
                bad.append(error.code.value)
        if not found:
            reason = bad[0] if bad else "empty"
            self.rejected[reason] = self.rejected.get(reason, 0) + 1
            return
        mask = sum(1 << bit for column, bit in COLUMNS.bits if not self.is_nothing(row[column]))
        mask |= sum(1 << COLUMNS.own_bits[kind] for kind, _ in found if kind in COLUMNS.own_bits)
        if all(one in self.masks for one in found):
            self.duplicates += 1
        else:
            self.accepted += 1
        for one in found:
            self.masks[one] = self.masks.get(one, 0) | mask
        for code in bad:
            self.bad_cells[code] = self.bad_cells.get(code, 0) + 1

    @staticmethod
    def is_nothing(cell: str) -> bool:
        return cell.strip().lower() in ("", "-", "null", "н/д")


def passed(blocks: list[list[tuple[str, ...]]]) -> tuple[People, Counts]:
    """The first pass over these blocks."""
    result = People(COLUMNS)
    for block in blocks:
        result.add(block, {})
    return result, result.finish()


def in_order(found: People, first: int = 0, size: int = 7) -> list[tuple[Kind, str, int]]:
    """What the second pass goes through: kind, canonical text, mask."""
    return [
        (distinct.kind, text, mask)
        for distinct, start, end in found.slices(first, size)
        for text, mask in zip(
            distinct.texts(start, end), distinct.masks[start:end].tolist(), strict=True
        )
    ]


@settings(deadline=None, max_examples=200)
@given(BLOCKS, st.integers(1, 9))
def test_first_pass_is_what_a_dict_would_say(
    blocks: list[list[tuple[str, ...]]], buffer: int
) -> None:
    """Identifiers, ORed masks and every count of the certificate, however often arrays merge."""
    naive = Naive()
    for block in blocks:
        for row in block:
            naive.add(row)
    with small_buffers(buffer):
        found, counts = passed(blocks)
    masks = {(kind, text): mask for kind, text, mask in in_order(found)}
    assert naive.masks == masks
    assert len(naive.masks) == len(found)
    expected = Counts(
        read=sum(map(len, blocks)),
        accepted=naive.accepted,
        duplicates=naive.duplicates,
        rejected=naive.rejected,
        bad_cells=naive.bad_cells,
    )
    assert expected == counts
    assert counts.read == counts.accepted + counts.duplicates + sum(counts.rejected.values())


@settings(deadline=None, max_examples=60)
@given(BLOCKS, st.randoms(use_true_random=False), st.integers(1, 9))
def test_second_pass_has_the_same_order_whatever_the_order_of_rows(
    blocks: list[list[tuple[str, ...]]], dice: random.Random, buffer: int
) -> None:
    """A checkpoint counts the same identifiers in every run, and the digest says so."""
    rows = [row for block in blocks for row in block]
    shuffled = dice.sample(rows, len(rows))
    one, _ = passed([rows])
    with small_buffers(buffer):
        other, _ = passed([shuffled[:3], shuffled[3:]])
    assert in_order(one) == in_order(other)
    assert one.digest() == other.digest()


@settings(deadline=None, max_examples=60)
@given(BLOCKS, st.integers(1, 5))
def test_slices_from_any_checkpoint_cover_exactly_the_rest(
    blocks: list[list[tuple[str, ...]]], size: int
) -> None:
    """What a killed load had not written is written by the next run, nothing else, in order."""
    found, _ = passed(blocks)
    everything = in_order(found)
    for first in range(len(found) + 1):
        assert everything[first:] == in_order(found, first, size)
        assert all(0 < end - start <= size for _, start, end in found.slices(first, size))


def test_digest_tells_other_identifiers_and_other_masks() -> None:
    """A checkpoint is good only for the very identifiers and masks that it counted."""
    rows = [
        ("000101590007", "", "", "", ""),
        ("000101590017", "", "", "", ""),
        ("000101590007", "", "", "name", ""),
        ("", "87010000001", "", "", ""),
        ("", "", "a@example.com", "", ""),
        ("", "", "b@example.com", "", ""),
    ]
    digests = {passed([[row]])[0].digest() for row in rows}
    assert len(rows) == len(digests)


def test_a_row_of_old_identifiers_is_a_duplicate_whose_fields_count() -> None:
    """The contract's example: known identifiers, from different rows, with a new field."""
    rows = [
        ("000101590007", "", "", "", ""),
        ("", "87010000001", "", "", ""),
        ("000101590007", "87010000001", "", "name", ""),
    ]
    found, counts = passed([rows])
    assert (3, 2, 1, {}) == (counts.read, counts.accepted, counts.duplicates, counts.rejected)
    expected = [(Kind.IIN, "000101590007", 0b11), (Kind.PHONE, "+77010000001", 0b11)]
    assert expected == in_order(found)


def test_unreadable_rows_are_read_and_rejected_by_their_reason() -> None:
    """Records that the source could not read are in the counts; none is lost in silence."""
    found = People(COLUMNS)
    found.add([], {"broken_line": 2})
    found.add([("000101590007", "x", "", "", "")], {"broken_line": 1, "long_line": 1})
    counts = found.finish()
    assert Counts(5, 1, 0, {"broken_line": 3, "long_line": 1}, {"phone_invalid": 1}) == counts


def test_more_rows_than_can_be_numbered_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row numbers have 32 bits: the last row that fits is taken, the next one refused."""
    monkeypatch.setattr(people, "_MAX_ROWS", 2)
    found = People(COLUMNS)
    found.add([("000101590007", "", "", "", "")] * 2, {})
    with pytest.raises(InputError, match="split it"):
        found.add([("000101590007", "", "", "", "")], {})


def test_numbers_take_14_bytes_each() -> None:
    """Memory grows with the distinct identifiers by 8 bytes of key, 2 of mask and 4 of row."""
    dice = random.Random(5)
    wanted = set()
    while len(wanted) < 5000:
        first = f"{dice.randrange(10**7):07d}9{dice.randrange(1000):03d}"
        check = iin_check_digit(first)
        if check is not None:
            wanted.add(f"{first}{check}")
    rows = np.arange(4 * len(wanted), dtype=np.uint32)
    column = dice.sample(4 * sorted(wanted), len(rows))
    distinct = Distinct(Kind.IIN)
    with small_buffers(100):
        distinct.add(parse(Kind.IIN, column), np.ones(len(rows), dtype=np.uint16), rows)
        distinct.merge()
    arrays = [value for value in vars(distinct).values() if isinstance(value, np.ndarray)]
    assert sorted(wanted) == distinct.texts(0, len(distinct))
    assert 14 * len(wanted) == sum(array.nbytes for array in arrays)
    assert ([], 0) == (distinct._buffer, len(distinct._texts))


def test_email_texts_survive_many_merges() -> None:
    """After hundreds of merges each address still has its own text and mask."""
    dice = random.Random(3)
    addresses = [f"{'x' * dice.randrange(1, 30)}.{i}@example.com" for i in range(1000)]
    column = dice.sample(addresses * 3, 3000)
    masks = np.array([1 << (addresses.index(text) % 16) for text in column], dtype=np.uint16)
    distinct = Distinct(Kind.EMAIL)
    with small_buffers(10):
        for at in range(0, len(column), 7):
            block = parse(Kind.EMAIL, column[at : at + 7])
            rows = np.arange(at, at + len(block.valid), dtype=np.uint32)
            distinct.add(block, masks[at : at + 7], rows)
        distinct.merge()
    found = dict(zip(distinct.texts(0, len(distinct)), distinct.masks.tolist(), strict=True))
    assert {text: 1 << (i % 16) for i, text in enumerate(addresses)} == found
    assert {column.index(text) for text in addresses} == set(distinct.rows.tolist())


LETTERS = st.lists(
    st.sampled_from(("", "a", "7", " ", "ж", "-", "\x00", "\ufffd", '"', '"a"', '"a;b"', "x\u2028"))
).map("".join)
LINES = st.lists(
    st.tuples(st.lists(LETTERS, max_size=4).map(";".join), st.sampled_from(("\n", "\r\n"))),
    max_size=10,
).map(lambda lines: "".join(text + end for text, end in lines))
HEADERS = st.sampled_from((("a",), ("a", "b"), ("a", "b", "c"), ("a", "b", ""), ("a", "", "")))


@settings(deadline=None, max_examples=400)
@given(LINES | LINES.map(lambda text: text[:-1]), HEADERS, st.sampled_from((";", ",", "\ud800")))
def test_lines_cut_in_bulk_are_the_lines_read_one_by_one(
    text: str, header: tuple[str, ...], delimiter: str
) -> None:
    """Rows, their order and the broken lines are those of the careful reader, or left to it."""
    reader = RecordReader(header, delimiter, "\n")
    for encoding in ENCODINGS:
        data = text.encode(encoding, "replace")
        found = PlainReader(reader, encoding, delimiter, "\n").read(data)
        careful = reader.read(data.decode(encoding, "replace"), more=False)
        if found is None:
            assert not data or '"' in text or text.endswith("\r")
            continue
        assert (careful.rows, careful.broken, "") == (
            list(found.rows),
            found.broken,
            careful.rest,
        )
        assert [[row[i] for row in careful.rows] for i in range(len(header))] == [
            found.rows.column(i).texts() for i in range(len(header))
        ]
        assert found.rows == careful.rows


def test_bytes_that_are_no_letters_stay_in_their_cell() -> None:
    """A character cut by a delimiter or a line's end spoils neither."""
    data = b"\xd0;\xe2\x80\n\xff;1\n2\n\xf0\x9f;\xd0"
    reader = RecordReader(("a", "b"), ";", "\n")
    found = PlainReader(reader, "utf-8", ";", "\n").read(data)
    assert found is not None
    assert [["\ufffd", "\ufffd"], ["\ufffd", "1"], ["\ufffd", "\ufffd"]] == list(found.rows)
    assert reader.read(data.decode("utf-8", "replace"), more=False).rows == found.rows
    assert 1 == found.broken


def test_lines_of_other_kinds_are_left_to_the_careful_reader() -> None:
    """Where a line ends otherwise, a quote stays open, or there is nothing: no guess."""
    reader = RecordReader(("a", "b"), ";", "\n")
    plain = PlainReader(reader, "utf-8", ";", "\n")
    for data in (b"", b"1;2\r3\n", b"1;2\r\r\n", b'1;"2\n', b'1;"2\n3";4\n'):
        assert None is plain.read(data)
    assert None is PlainReader(reader, "utf-8", ";", "\r").read(b"1;2\n")
    assert None is PlainReader(reader, "utf-8", "\u00a6", "\n").read(b"1;2\n")


@settings(deadline=None, max_examples=200)
@given(st.lists(ROWS, max_size=12), st.integers(0, 2))
def test_first_pass_over_a_file_is_that_over_its_rows(
    rows: list[tuple[str, ...]], cut: int
) -> None:
    """Read from bytes, with quotes here and there, or given as texts: the same certificate."""
    reader = RecordReader(("iin", "phone", "email", "name", "address"), ";", "\n")
    quote = [f'"{cell}"' if (i + cut) % 7 == 0 else cell for i, cell in enumerate(sum(rows, ()))]
    lines = [";".join(quote[at : at + 5]) + "\r\n"[cut % 2 :] for at in range(0, len(quote), 5)]
    plain = PlainReader(reader, "utf-8", ";", "\n").read("".join(lines).encode())
    assert (plain is None) == (not rows)
    by_file, by_rows = People(COLUMNS), People(COLUMNS)
    by_file.add(plain.rows if plain else [], {})
    by_rows.add(rows, {})
    assert by_rows.finish() == by_file.finish()
    assert in_order(by_rows) == in_order(by_file)


def test_the_first_of_equal_identifiers_counts() -> None:
    """Of many rows with one identifier the first is accepted, however the sort moves them."""
    found = Distinct(Kind.IIN)
    rows = np.arange(5000, dtype=np.uint32)
    column = [IINS[i % 2] for i in range(5000)]
    found.add(parse(Kind.IIN, column), np.ones(5000, dtype=np.uint16), rows)
    found.merge()
    assert [0, 1] == found.rows.tolist()
