"""Which encodings a dump may have, told by its letters."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders import encodings
from loaders.encodings import ENCODINGS, encoding_named, plausible
from lookup.errors import InputError

RUSSIAN = """Иванов Иван Петрович г. Алматы, ул. Абая, дом № 12 Смагулова Айгуль улица Толе би
квартира Нурланов Ержан адрес телефон дата рождения пол фамилия имя отчество"""
KAZAKH = """Қасымова Әсел Тілеубекқызы Ұлықбек Өтеген Үмбетов Ғабит Жаңа қала көшесі Шымкент
Түркістан облысы Назарбаев даңғылы тегі аты әкесінің жынысы тұратын жері"""
ONE_BYTE = [encoding for encoding in ENCODINGS if encoding != "utf-8"]
CASES = [str, str.upper, str.lower]


def text_of(words: str, count: int, seed: int) -> str:
    """So many of the words, in rows of five cells."""
    drawn = random.Random(seed).choices(words.split(), k=count)
    return "\r\n".join(";".join(drawn[at : at + 5]) for at in range(0, count, 5))


def encoded(text: str, encoding: str) -> bytes:
    """The text without letters that the encoding lacks."""
    return text.encode(encoding, "ignore")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("seed", range(5))
def test_russian_in_each_encoding(encoding: str, case: object, seed: int) -> None:
    """Twenty rows of names and addresses are read as they were written."""
    sample = encoded(case(text_of(RUSSIAN, 100, seed)), encoding)  # type: ignore[operator]
    assert sample.decode(encoding) == sample.decode(plausible(sample, whole=True)[0])


@pytest.mark.parametrize("encoding", ONE_BYTE)
def test_many_letters_leave_no_doubt(encoding: str) -> None:
    """One answer, though nothing of cp1251's tells it from kz1048 in Russian."""
    sample = encoded(text_of(RUSSIAN, 500, 1), encoding)
    expected = "kz1048" if encoding == "cp1251" else encoding
    assert (expected,) == plausible(sample, whole=True)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("words", [KAZAKH, KAZAKH + RUSSIAN * 20])
def test_kazakh_is_kz1048(words: str, case: object) -> None:
    """ә ғ қ ң ө ұ ү һ among Russian too: cp1251 would have letters of other languages there."""
    sample = encoded(case(text_of(words, 400, 1)), "kz1048")  # type: ignore[operator]
    assert ("kz1048",) == plausible(sample, whole=True)


def test_few_letters_leave_a_doubt() -> None:
    """One word in Ukrainian letters or Kazakh ones: both are named, the Kazakh first."""
    assert ("kz1048", "cp1251") == plausible("Євген Київ".encode("cp1251"), whole=True)


@pytest.mark.parametrize("sample", [b"", b"iin;name\n950515390002;Ann\n", "Ә".encode()])
def test_ascii_and_utf_8_leave_none(sample: bytes) -> None:
    """Whatever follows in the file."""
    assert ("utf-8",) == plausible(sample, whole=False)


@given(st.text(alphabet="әқАя;1\n", min_size=1), st.integers(1, 3))
def test_a_letter_cut_by_the_samples_end_is_no_damage(text: str, cut: int) -> None:
    """The sample ends after so many bytes, be that amid a letter."""
    sample = text.encode()
    assert "utf-8" == plausible(sample[: len(sample) - cut], whole=False)[0]


@pytest.mark.parametrize(
    ("damaged", "is_utf_8", "is_sure"),
    [(10, True, True), (11, True, False), (99, True, False), (100, False, False)],
)
def test_damage_makes_no_other_encoding(damaged: int, is_utf_8: bool, is_sure: bool) -> None:
    """While more letters are UTF-8 than bytes are not; beyond a tenth of them there is a doubt."""
    sample = "\n".join(["ы"] * 100).encode() + b"\n\xe0" * damaged
    found = plausible(sample, whole=True)
    assert (is_utf_8, is_sure) == (found[0] == "utf-8", found == ("utf-8",))


def test_a_sign_for_a_damaged_letter_is_no_damage() -> None:
    """Another program had read the dump wrongly; as it is now, it is UTF-8."""
    assert ("utf-8",) == plausible("��������;".encode(), whole=True)


@given(st.binary(max_size=64), st.booleans())
def test_any_bytes_have_an_encoding(sample: bytes, whole: bool) -> None:
    """Each of those named reads them, and none is named twice."""
    found = plausible(sample, whole=whole)
    assert found
    assert len(set(found)) == len(found)
    assert set(found) <= set(ENCODINGS)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("UTF8", "utf-8"), ("Windows-1251", "cp1251"), ("KZ_1048", "kz1048"), ("KOI8_R", "koi8-r")],
)
def test_usual_spellings(name: str, meant: str) -> None:
    """Case and hyphens are nothing."""
    assert meant == encoding_named(name)


def test_other_encodings_are_refused() -> None:
    """The sentence names those that are read."""
    with pytest.raises(InputError) as caught:
        encoding_named("latin-1")
    expected = "the encoding must be one of utf-8, cp1251, kz1048, cp866, koi8-r, mac-cyrillic"
    assert expected == caught.value.sentence


def test_all_encodings_hold_ascii_as_it_is() -> None:
    """So a wrong guess loses no IIN, no phone number and no delimiter."""
    ascii_only = bytes(range(128))
    assert {ascii_only.decode()} == {ascii_only.decode(encoding) for encoding in ENCODINGS}
    assert set(encodings._SINGLE) == set(ONE_BYTE)
