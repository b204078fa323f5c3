"""The opened Bloom filter: it asks bloom-filter2, and never lets it make or change a file."""

import fcntl
import gc
import hashlib
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from bloom_filter2 import BloomFilter

from lookup.errors import Code, UnavailableError
from lookup.filter import ReadOnlyFilter
from lookup.protocol import bloom
from lookup.protocol.parameters import FilterDocument

EDGES = (0, 1, 255, 1 << 63, (1 << 64) - 1)
INSIDE = np.concatenate(
    [np.array(EDGES, np.uint64), np.random.default_rng(1).integers(0, 1 << 63, 995, np.uint64)]
)
OUTSIDE = np.random.default_rng(2).integers(0, 1 << 63, 20_000, np.uint64)


def made(folder: Path, bits: int = 9_000, probes: int = 5) -> tuple[Path, FilterDocument]:
    """A filter on the disk, rather too small so that it has false hits, and its description."""
    content = bloom.build(INSIDE, bits, probes)
    path = folder / "a.filter"
    path.write_bytes(content)
    return path, described(content, bits, probes)


def described(content: bytes, bits: int, probes: int) -> FilterDocument:
    return FilterDocument(bits, probes, len(content), hashlib.sha256(content).hexdigest())


def person(number: int) -> bytes:
    return int(number).to_bytes(8, "big")


def refusal(path: Path, published: FilterDocument) -> str:
    with pytest.raises(UnavailableError) as caught:
        ReadOnlyFilter.open(path, published)
    assert caught.value.code is Code.BAD_RANGE
    return caught.value.sentence


@pytest.mark.parametrize(("bits", "probes"), [(9_000, 5), (9_001, 1), (9_007, 14), (19_171, 64)])
def test_nobody_inside_is_missed(tmp_path: Path, bits: int, probes: int) -> None:
    """Everybody who was put in is in, the smallest and the largest numbers too."""
    opened = ReadOnlyFilter.open(*made(tmp_path, bits, probes))
    assert all(person(number) in opened for number in INSIDE)
    opened.close()


def test_answers_as_the_bulk_check(tmp_path: Path) -> None:
    """One by one, bloom-filter2 says of everybody what the arrays say, false hits included."""
    path, published = made(tmp_path)
    content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    expected = bloom.contains(content, OUTSIDE, published.bits, published.probes)
    opened = ReadOnlyFilter.open(path, published)
    assert expected.tolist() == [person(number) in opened for number in OUTSIDE]
    assert 0 < expected.sum() < len(OUTSIDE)
    opened.close()


@pytest.mark.parametrize("count", [0, 1, 2, 47, 48, 49, 1000])
def test_many_at_once(tmp_path: Path, count: int) -> None:
    """Few tokens or many, each is answered as its person alone, whatever follows in the token."""
    opened = ReadOnlyFilter.open(*made(tmp_path))
    numbers = np.concatenate([INSIDE[:count:2], OUTSIDE])[:count].tolist()
    tokens = b"".join(person(number) + bytes([n % 256]) * 24 for n, number in enumerate(numbers))
    expected = [person(number) in opened for number in numbers]
    assert expected == opened.may_have(tokens).tolist()
    assert count < 2 or 0 < sum(expected) < count
    opened.close()


@pytest.mark.parametrize("length", [1, 8, 31, 33, 40 * 32 + 8, 3199])
def test_a_token_is_32_bytes(tmp_path: Path, length: int) -> None:
    """Half a token is an error, and no question about somebody else."""
    opened = ReadOnlyFilter.open(*made(tmp_path))
    with pytest.raises(ValueError, match="32 bytes"):
        opened.may_have(bytes(length))
    opened.close()


def test_it_is_read_in_parts(tmp_path: Path) -> None:
    """Any part of the file, none beyond its end."""
    path, published = made(tmp_path)
    content = path.read_bytes()
    opened = ReadOnlyFilter.open(path, published)
    assert content == opened.read(0, published.bytes)
    assert content[7:19] == opened.read(7, 12)
    assert content[-5:] == opened.read(published.bytes - 5, 100)
    assert b"" == opened.read(published.bytes, 1)
    opened.close()


def test_it_is_bloom_filter2_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question goes through the library's own membership test."""
    asked: list[int] = []
    genuine = BloomFilter.__contains__

    def noted(self: BloomFilter, key: int) -> bool:
        asked.append(key)
        return bool(genuine(self, key))

    monkeypatch.setattr(BloomFilter, "__contains__", noted)
    opened = ReadOnlyFilter.open(*made(tmp_path))
    assert person(1) in opened
    assert opened.may_have(person(1) + bytes(24)).all()
    assert asked == [1, 1]
    opened.may_have(bytes(32 * 49))  # many: an array is faster
    assert asked == [1, 1]
    opened.close()


def test_numbers_come_from_the_parameters(tmp_path: Path) -> None:
    """Bits and probes are the signed ones: with others the same file gives other answers."""
    path, published = made(tmp_path)
    other = FilterDocument(published.bits - 1, published.probes, published.bytes, published.sha256)
    opened = ReadOnlyFilter.open(path, other)
    assert not all(person(number) in opened for number in INSIDE)
    opened.close()


@pytest.mark.parametrize("length", [0, 1, 7, 9, 16, 32])
def test_a_person_is_eight_bytes(tmp_path: Path, length: int) -> None:
    """Anything else is an error: no answer is better than "not there" for the wrong question."""
    opened = ReadOnlyFilter.open(*made(tmp_path))
    with pytest.raises(ValueError, match="8 bytes"):
        bytes(length) in opened  # noqa: B015  asking is what fails
    opened.close()


@pytest.mark.parametrize("wrong", [5, -1, "12345678", None])
def test_a_person_is_bytes(tmp_path: Path, wrong: object) -> None:
    """A number (a negative one never ends in bloom-filter2) or a text is an error at once."""
    opened = ReadOnlyFilter.open(*made(tmp_path))
    with pytest.raises(TypeError):
        wrong in opened  # type: ignore[operator]  # noqa: B015
    opened.close()


def test_a_missing_file_stays_missing(tmp_path: Path) -> None:
    """Where bloom-filter2 would make an empty filter, in which nobody is, we refuse."""
    path, published = made(tmp_path)
    path.unlink()
    assert refusal(path, published) == "a version cannot be served: the filter cannot be opened"
    assert not path.exists()


@pytest.mark.parametrize("change", [-1, 1, 2, -1125])
def test_another_length_is_refused(tmp_path: Path, change: int) -> None:
    """A byte more or less is another file, and it keeps its length."""
    path, published = made(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) + change] + bytes(max(change, 0)))
    before = path.read_bytes()
    assert refusal(path, published).endswith("the filter has not the length that was signed")
    assert path.read_bytes() == before


def test_a_length_that_does_not_fit_the_bits(tmp_path: Path) -> None:
    """Bits beyond the file's end are never asked for: the length follows from the bits."""
    path, published = made(tmp_path)
    longer = FilterDocument(published.bits + 8, published.probes, published.bytes, published.sha256)
    assert refusal(path, longer).endswith("the filter has not the length that was signed")


@pytest.mark.parametrize("at", [0, 600, 1124])
def test_one_bit_of_the_file(tmp_path: Path, at: int) -> None:
    """A single changed bit, wherever, is refused: it could turn somebody's answer."""
    path, published = made(tmp_path)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert refusal(path, published).endswith("the filter is not the one that was signed")


def test_nothing_is_written(tmp_path: Path) -> None:
    """Opened and asked, the file is as it was; the folder and the file may be read only."""
    path, published = made(tmp_path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        opened = ReadOnlyFilter.open(path, published)
        assert person(1) in opened
        opened.close()
    finally:
        tmp_path.chmod(0o700)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [path.name] == [entry.name for entry in tmp_path.iterdir()]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="asks Linux what is open")
def test_it_is_opened_for_reading_only(tmp_path: Path) -> None:
    """The kernel holds no way to write to the file, whatever a library might try."""
    path, published = made(tmp_path)
    opened = ReadOnlyFilter.open(path, published)
    modes = [
        fcntl.fcntl(int(link.name), fcntl.F_GETFL) & os.O_ACCMODE
        for link in Path("/proc/self/fd").iterdir()
        if link.is_symlink() and link.readlink() == path
    ]
    assert modes == [os.O_RDONLY]
    with pytest.raises(TypeError, match="readonly"):
        opened._content[0] = 0
    opened.close()


def test_it_cannot_be_filled(tmp_path: Path) -> None:
    """The library's own ways to change bits end in an error."""
    path, published = made(tmp_path)
    opened = ReadOnlyFilter.open(path, published)
    with pytest.raises(TypeError, match="read only"):
        opened._bloom.add(12345)
    with pytest.raises(TypeError, match="read only"):
        opened._bloom.backend.clear(1)
    with pytest.raises(TypeError):
        opened._bloom.union(opened._bloom)
    opened.close()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == published.sha256


def test_it_lets_go_of_the_file(tmp_path: Path) -> None:
    """Closed or forgotten, nothing stays open and nothing is warned of; refused, neither."""
    path, published = made(tmp_path)
    wrong = FilterDocument(published.bits, published.probes, published.bytes, "0" * 64)
    gc.collect()
    before = open_files()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = ReadOnlyFilter.open(path, published)
        assert len(open_files()) == len(before) + 1
        opened.close()
        opened.close()
        forgotten = ReadOnlyFilter.open(path, published)
        del opened, forgotten
        refusal(path, wrong)
        gc.collect()
    assert open_files() == before


def test_closed_it_does_not_answer(tmp_path: Path) -> None:
    """After closing, a question is an error and no "not there"."""
    opened = ReadOnlyFilter.open(*made(tmp_path))
    opened.close()
    with pytest.raises(ValueError, match="closed"):
        person(1) in opened  # noqa: B015
    for count in (1, 100):
        with pytest.raises(ValueError, match="closed"):
            opened.may_have(bytes(32 * count))


def open_files() -> list[str]:
    return sorted(path.name for path in Path("/dev/fd").iterdir())
