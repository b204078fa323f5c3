"""The texts of a dataset file, and files that are no dataset file at all."""

from pathlib import Path

import pytest
from test_dataset import LEAST, changed, read, refusal

from lookup.errors import Code, InputError
from lookup.index.dataset import read_file

TITLE = '{{kk = "a", ru = "b", en = "{}"}}'


@pytest.mark.parametrize("text", ["<b>16 млн</b>", "16\u00a0млн «да» — нет", "a" * 300, "👪 үй"])
def test_titles_are_plain_text(tmp_path: Path, text: str) -> None:
    """A title is shown as it is written; mark-up is letters like any other."""
    assert read(tmp_path, changed("title", TITLE.format(text))).title.en == text


@pytest.mark.parametrize(
    "text",
    [
        *("\\u0000", "a\\u0007", "a\\tb", "a\\u001b[31m", "a\\u007f", "a\\u0085b"),
        *("a\\nb", "a\\rb", "a\\u2028b", "a\\u202eb", "a\\u200bb", "a\\u2066b", "a\\uFEFFb"),
        *("", " ", "\\u00a0 ", "a" * 301),
    ],
)
def test_titles_hide_nothing(tmp_path: Path, text: str) -> None:
    """A letter that moves a cursor, turns the writing around or cannot be seen is refused."""
    assert refusal(tmp_path, changed("title", TITLE.format(text))).startswith("title.en: ")


def test_texts_may_have_lines(tmp_path: Path) -> None:
    """Longer texts have paragraphs, and are held to the rest of the rule."""
    assert read(tmp_path, changed("measures", '"a\\n\\nb"')).measures == "a\n\nb"
    assert read(tmp_path, changed("measures", '"""a\r\nb"""')).measures == "a\nb"
    assert refusal(tmp_path, changed("measures", '"a\\u001bb"')).startswith("measures: holds a")
    url = '[{title = "a", url = "https://example.org/\\u202e"}]'
    assert refusal(tmp_path, changed("sources", url)).startswith("sources.url: holds a")


@pytest.mark.parametrize(
    "raw",
    [
        b"hello",
        b"\xff\xfe",
        LEAST.encode("utf-16"),
        LEAST.encode("cp1251", "replace"),
        b"name = ",
        LEAST.encode() + b'name = "twice"\n',
        LEAST.encode() + b"detected_on = 2025-02-30\n",
        LEAST.encode() + b"people = " + b"9" * 5000 + b"\n",
        LEAST.encode() + b"x = " + b"[" * 3000 + b"]" * 3000,
        LEAST.encode() + b"x = " + b"{a=" * 3000 + b"1" + b"}" * 3000,
        LEAST.encode() + b"x" + b".x" * 3000 + b" = 1",
    ],
)
def test_what_is_no_toml(tmp_path: Path, raw: bytes) -> None:
    """Whatever the file is, one sentence says what it should be."""
    assert refusal(tmp_path, raw, Code.BAD_FILE) == "the dataset file is not TOML in UTF-8"


def test_a_number_without_end(tmp_path: Path) -> None:
    """A number of thousands of digits is refused like any wrong value."""
    assert refusal(tmp_path, f"{LEAST}people = 0x{'f' * 5000}\n") == (
        "the dataset file holds a value that no key of it can have"
    )


def test_nesting(tmp_path: Path) -> None:
    """Nesting that TOML can still read is refused in words of its own."""
    assert refusal(tmp_path, f"{LEAST}x = {'[' * 300}{']' * 300}\n") == (
        "the dataset file nests its values too deeply"
    )


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Windows editors begin files with one."""
    assert read(tmp_path, b"\xef\xbb\xbf" + LEAST.encode()) == read(tmp_path, LEAST)


def test_the_longest_file(tmp_path: Path) -> None:
    """256 KiB are read, one byte more is not."""
    room = 256 * 1024 - len(LEAST.encode())
    assert read(tmp_path, LEAST + "#" * room)
    assert refusal(tmp_path, LEAST + "#" * (room + 1), Code.BAD_FILE) == (
        "the dataset file is longer than 256 KiB"
    )


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """A wrong path and a folder are told alike."""
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(InputError) as caught:
            read_file(path)
        assert caught.value.code is Code.BAD_FILE
        assert caught.value.sentence == "the dataset file cannot be opened; check its path"
