"""Synthetic people and dumps: well formed, different, repeatable, and as messy as promised."""

import csv
import hashlib
import io
import json
import re
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import phonenumbers
import pytest

from loaders import synth_names
from loaders.synth import BLANKS, HEADER, Person, people, write_dump
from loaders.synth_people import BLOCK, DECK, MOBILE, PEOPLE_MAX, block
from lookup.errors import InputError

SEED = 7
COUNT = 70_000  # a block and a little more

GOLDEN = """\
iin;full_name;birth_date;phone;email;address
790117399984;Әбдірахманов Ержан Қайратович;1979-01-17;7075548062;NULL;г. Усть-Каменогорск, пр. Мәңгілік Ел, д. 18
590328499961;Бөкенбаева Салтанат Ерлановна;1959-03-28;7013560245;saltanat.bokenbaeva579812@example.com;"г. Усть-Каменогорск; ул. Желтоқсан; д. 69"
940517399937;Смирнов Владимир Юрьевич;1994-05-17;7761572428;vladimir.smirnov147441@example.com;Туркестанская обл., с. Карабулак, ул. Ауэзова, д. 27
160926699847;Әлімжанова Алия Жомартовна;2016-09-26;87079584611;;г. Павлодар, ул. Әлия Молдағұлова, д. 99, кв. 54
570308399952;Егоров Олег Дмитриевич;1957-03-08;+77017596794;oleg.egorov282699@example.com;г. Актау, мкр. Самал-2, д. 73, кв. 20
960527499951;Өмірбекова Жұлдыз Нұрсұлтановна;1996-05-27;-;NULL;Павлодарская обл., с. Баянаул, ул. Жамбыла, д. 8
480115399994;Байжанов Марат Ақылбекұлы;1948-01-15;+77083621160;marat.bayzhanov417957@example.org;г. Павлодар, мкр. Нұрсат, д. 15, кв. 26
461107399995;Сулейменов Санжар Серікұлы;1946-11-07;87021633343;sanzhar.suleymenov985586@example.com;Жамбылская обл., с. Мерке, пр. Назарбаева, д. 42
191028699922;Тәжібаева Ұлбосын Айбековна;2019-10-28;7769645526;ulbosyn.tazhibaeva553215@example.org;г. Туркестан, ул. Момышұлы, д. 46, кв. 38
230918599832;Қуанышев Бақыт Асхатович;2023-09-18;7087657709;NULL;г. Туркестан, ул. Ауэзова, д. 18, кв. 108
000910699927;Жүсіпова Нұргүл Даниярқызы;2000-09-10;87025669892;nurgul.zhusipova688473@example.org;г. Петропавловск, мкр. Нұрсат, д. 51, кв. 16
110804699874;Фёдорова Дарья Владимировна;2011-08-04;8 (777) 368-20-75;darya.fedorova256102@example.net;г. Алматы, ул. Бөгенбай батыра, д. 52
"""  # noqa: E501
GOLDEN_SHA256 = "22088ff89f29c1ca115fc895ff57adeea7689927b9ea391360463d300c3dd320"


def dump(count: int, seed: int = SEED) -> str:
    """A dump as text."""
    out = io.StringIO()
    write_dump(out, count, seed)
    return out.getvalue()


def rows_of(text: str) -> list[list[str]]:
    """The rows of a dump, the header left out."""
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True))[1:]


def check_digit(first_eleven: str) -> int | None:
    """The twelfth digit by the rules, written anew; None for a dead serial."""
    digits = [int(d) for d in first_eleven]
    for weights in (range(1, 12), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)):
        rest = sum(w * d for w, d in zip(weights, digits, strict=True)) % 11
        if rest < 10:
            return rest
    return None


def is_valid(iin: str) -> bool:
    """Whether it is twelve digits with the right check digit."""
    return re.fullmatch("[0-9]{12}", iin) is not None and int(iin[11]) == check_digit(iin[:11])


@pytest.fixture(scope="module")
def crowd() -> list[Person]:
    """The first people of the seed."""
    return list(islice(people(SEED), COUNT))


@pytest.fixture(scope="module")
def text() -> str:
    """Their dump."""
    return dump(COUNT)


@pytest.fixture(scope="module")
def rows(text: str) -> list[list[str]]:
    """Its rows."""
    return rows_of(text)


# people


def test_check_digit_agrees_with_the_vectors() -> None:
    """The rule that the tests below use is the one of the shared IIN vectors."""
    vectors = json.loads((Path(__file__).parent / "vectors" / "iin.json").read_text("utf-8"))
    assert (len(vectors["valid"]), len(vectors["invalid"])) == (7, 9)
    assert all(is_valid(case["iin"]) for case in vectors["valid"])
    assert not any(is_valid(case["iin"]) for case in vectors["invalid"])


@pytest.mark.parametrize("start", [0, 3 * DECK - 1000, 64_000_000, PEOPLE_MAX - 2000])
def test_every_iin_is_valid_from_first_to_last(start: int) -> None:
    """Every IIN has its right check digit, near the beginning and at the far end."""
    iins = [person.iin for person in islice(people(SEED, start), 2000)]
    assert len(iins) == 2000
    assert [iin for iin in iins if not is_valid(iin)] == []


def test_iins_are_distinct(crowd: list[Person]) -> None:
    """No two people of a seed have the same IIN."""
    assert len({person.iin for person in crowd}) == COUNT


def test_iins_are_distinct_across_decks() -> None:
    """Nor do they after every birth date has come round again, nor at the far end."""
    per_deck = DECK // BLOCK
    last = PEOPLE_MAX // BLOCK
    numbers = [*range(2 * per_deck), *range(last - per_deck, last)]
    iins = np.sort(np.concatenate([block(SEED, number).iin for number in numbers]))
    assert iins.size == 3 * DECK
    assert np.all(iins[1:] > iins[:-1])


def test_serials_stay_at_the_high_end(crowd: list[Person]) -> None:
    """A small crowd has serials near 9999, and the largest possible none below 6400."""
    assert min(int(person.iin[7:11]) for person in crowd) > 9970
    last = block(SEED, PEOPLE_MAX // BLOCK - 1).iin // 10 % 10_000
    assert 6400 < last.min() < 6700


def test_iin_agrees_with_birth_date_and_name(crowd: list[Person]) -> None:
    """Date, century and sex in the IIN are those of the birth date, patronymic and surname."""
    for person in crowd:
        year, month, day = person.birth_date.split("-")
        woman = person.full_name.endswith(("қызы", "на"))
        assert woman is not person.full_name.endswith(("ұлы", "ич"))
        century = 3 if year < "2000" else 5
        assert f"{year[2:]}{month}{day}{century + woman}" == person.iin[:7]
        surname, given, _ = person.full_name.split(" ")
        assert surname.endswith(("ова", "ева", "ёва", "ина", "ая")) <= woman
        assert surname.endswith(("ов", "ев", "ёв", "ин", "ий")) <= (not woman)
        women = synth_names.KAZAKH_WOMEN + synth_names.RUSSIAN_WOMEN
        assert (given in women) is woman


def test_ages_and_sexes_look_like_a_population(crowd: list[Person]) -> None:
    """Half are women; births reach from 1935 to 2025, with many children and few very old."""
    women = sum(person.iin[6] in "46" for person in crowd) / COUNT
    assert 0.48 < women < 0.52
    decades = Counter(person.birth_date[:3] for person in crowd)
    assert sorted(decades) == ["193", "194", "195", "196", "197", "198", "199", "200", "201", "202"]
    assert 0.16 < decades["201"] / COUNT < 0.20
    assert 0.10 < decades["197"] / COUNT < 0.12
    assert 0.004 < decades["193"] / COUNT < 0.008
    assert min(person.birth_date for person in crowd)[:4] == "1935"
    assert max(person.birth_date for person in crowd)[:4] == "2025"


def test_names_have_all_kazakh_letters(crowd: list[Person]) -> None:
    """Every letter that Kazakh has beyond Russian occurs, so that loaders meet them all."""
    letters = set("".join(person.full_name.lower() for person in islice(crowd, 30_000)))
    assert set("әғқңөұүһі") <= letters


def test_every_phone_is_a_valid_mobile_number(crowd: list[Person]) -> None:
    """The reference library takes every clean phone for a valid mobile number of Kazakhstan."""
    for person in islice(crowd, 5000):
        number = phonenumbers.parse(person.phone)
        assert phonenumbers.is_valid_number_for_region(number, "KZ")
        assert phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
        assert person.phone == phonenumbers.format_number(
            number, phonenumbers.PhoneNumberFormat.E164
        )


@pytest.mark.parametrize("code", MOBILE)
def test_every_mobile_code_is_valid_to_both_ends(code: int) -> None:
    """The first and the last number of each code are valid too."""
    for rest in ("0000000", "9999999"):
        number = phonenumbers.parse(f"+7{code}{rest}")
        assert phonenumbers.is_valid_number_for_region(number, "KZ")


def test_phones_are_shared_in_families_only(crowd: list[Person]) -> None:
    """A few percent share a phone, and then surname and address; all the others differ."""
    homes: dict[str, set[tuple[str, str]]] = {}
    for person in crowd:
        surname = re.sub("(?<=[вн])а$|(ий|ая)$", "", person.full_name.split(" ")[0])
        homes.setdefault(person.phone, set()).add((surname, person.address))
    assert 0.96 < len(homes) / COUNT < 0.98
    assert all(len(home) == 1 for home in homes.values())


def test_emails_are_distinct_and_reserved(crowd: list[Person]) -> None:
    """Addresses are a Latin name and digits under a domain that nobody can own."""
    emails = [person.email for person in crowd]
    pattern = re.compile(r"[a-z]+\.[a-z]+[0-9]{6}@example\.(com|org|net)")
    assert [email for email in emails if not pattern.fullmatch(email)] == []
    assert len({email.partition("@")[0][-6:] for email in emails}) == COUNT


@pytest.mark.parametrize("start", [1, 4095, 4096, BLOCK - 1, BLOCK, BLOCK + 4000])
def test_people_do_not_depend_on_the_start(crowd: list[Person], start: int) -> None:
    """Person i is the same wherever one starts to count."""
    assert crowd[start : start + 50] == list(islice(people(SEED, start), 50))


def test_people_do_not_depend_on_order() -> None:
    """Nor on who was asked for before."""
    far = list(islice(people(SEED, 5 * DECK), 20))
    near = list(islice(people(SEED), 20))
    list(islice(people(SEED + 1, DECK), 20))
    assert far == list(islice(people(SEED, 5 * DECK), 20))
    assert near == list(islice(people(SEED), 20))


def test_people_end_with_the_space() -> None:
    """There are 64 million and more, but not more than phone numbers; the last ones are made."""
    assert 64_000_000 <= PEOPLE_MAX <= 10_000_000 * len(MOBILE)
    assert len(list(people(SEED, PEOPLE_MAX - 2))) == 2
    assert list(people(SEED, PEOPLE_MAX)) == []


# dumps


def test_dump_is_exactly_this() -> None:
    """The bytes for a seed are the same on every machine and in every version."""
    assert dump(12, 1) == GOLDEN


def test_larger_dump_is_exactly_this(text: str) -> None:
    """Likewise over the edge of a block."""
    assert hashlib.sha256(text.encode()).hexdigest() == GOLDEN_SHA256


def test_dump_is_repeatable_and_differs_by_seed() -> None:
    """One seed gives one dump, another seed another."""
    assert dump(500) == dump(500)
    assert dump(500) != dump(500, SEED + 1)


@pytest.mark.parametrize("count", [1, 2, 4096, 30_000, BLOCK, BLOCK + 1])
def test_smaller_dump_is_the_beginning_of_the_larger(
    crowd: list[Person], text: str, count: int
) -> None:
    """Asking for more people only adds rows at the end; the first people are all there."""
    smaller = dump(count)
    assert text.startswith(smaller)
    last, following = crowd[count - 1], crowd[count]
    assert f"\n{last.iin};" in smaller
    assert following.iin not in smaller


def test_number_of_rows_is_returned(rows: list[list[str]]) -> None:
    """The answer counts the rows after the header; nobody leaves the header alone."""
    out = io.StringIO()
    assert len(rows) == write_dump(out, COUNT, SEED)
    empty = io.StringIO()
    assert write_dump(empty, 0, SEED) == 0
    assert HEADER == empty.getvalue() == "iin;full_name;birth_date;phone;email;address\n"


def test_everybody_has_a_row_with_the_right_iin(crowd: list[Person], rows: list[list[str]]) -> None:
    """Nobody is lost: everybody's name and birth date stand beside the right IIN."""
    there = {(row[0], row[1].replace('"', ""), row[2]) for row in rows}
    assert {(p.iin, p.full_name, p.birth_date) for p in crowd} <= there


def test_cells_are_the_persons_own(crowd: list[Person], rows: list[list[str]]) -> None:
    """Whatever is written of phone, e-mail and address is that person's, whatever its style."""
    known = {person.iin: person for person in crowd}
    for row in islice(rows, 5000):
        person = known.get(row[0])
        if person is None:  # a broken IIN
            continue
        if row[3] not in BLANKS:
            number = phonenumbers.parse(row[3], "KZ")
            assert person.phone == f"+7{number.national_number}"
        assert row[4] in (*BLANKS, person.email)
        assert row[5] in BLANKS or person.address == row[5].replace("; ", ", ")


def test_extra_rows_come_in_their_shares(crowd: list[Person], rows: list[list[str]]) -> None:
    """About 3 % duplicates, some of them bare, each after the first row of that person."""
    known = {person.iin for person in crowd}
    seen: set[str] = set()
    again = []
    for row in rows:
        if row[0] in seen:
            again.append(row)
        elif row[0] in known:
            seen.add(row[0])
    assert 0.025 < len(again) / COUNT < 0.035
    bare = [row for row in again if set(row[3:]) <= set(BLANKS)]
    assert 0.2 < len(bare) / len(again) < 0.35


def test_broken_iins_are_extra_and_few(crowd: list[Person], rows: list[list[str]]) -> None:
    """About 0.3 % of the rows have an IIN with one digit wrong, one too few, or none."""
    known = {person.iin for person in crowd}
    broken = [row[0] for row in rows if row[0] not in known]
    assert 0.002 < len(broken) / len(rows) < 0.004
    assert [iin for iin in broken if is_valid(iin)] == []
    assert {0, 11, 12} == {len(iin) for iin in broken}
    good = {person.iin[:11] for person in crowd}
    assert all(iin[:11] in good for iin in broken if len(iin) == 12)


@pytest.mark.parametrize(
    ("column", "low", "high"), [(3, 0.075, 0.095), (4, 0.39, 0.42), (5, 0.095, 0.115)]
)
def test_empty_cells_come_in_their_shares(
    rows: list[list[str]], column: int, low: float, high: float
) -> None:
    """Phones, e-mails and addresses are missing as often as promised, in four spellings."""
    cells = Counter(row[column] for row in rows if row[column] in BLANKS)
    assert low < cells.total() / len(rows) < high
    assert {"", "-", "NULL", "н/д"} == set(cells)
    assert min(cells.values()) > 0.2 * cells.total()


def test_phones_come_in_four_styles(rows: list[list[str]]) -> None:
    """Phones are written in the four usual ways, each about as often."""
    styles = Counter(re.sub("[0-9]", "0", row[3]) for row in rows if row[3] not in BLANKS)
    assert {"+00000000000", "00000000000", "0 (000) 000-00-00", "0000000000"} == set(styles)
    assert min(styles.values()) > 0.23 * styles.total()


def test_dump_survives_the_csv_module(text: str, rows: list[list[str]]) -> None:
    """Read and written again by the csv module, the dump is the same, quotes and all."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(HEADER.rstrip("\n").split(";"))
    writer.writerows(rows)
    assert text == out.getvalue()
    assert {6} == {len(row) for row in rows}
    assert 0.03 < sum(";" in row[5] for row in rows) / len(rows) < 0.05
    assert 0.001 < sum('"' in row[1] for row in rows) / len(rows) < 0.005
    assert "\r" not in text
    assert "\ufeff" not in text
    assert "\0" not in text


def test_no_domain_but_the_reserved_ones(text: str) -> None:
    """Whatever follows an @ anywhere in a dump is a domain that nobody can own."""
    domains = Counter(re.findall("@([^;\n]*)", text))
    assert {"example.com", "example.org", "example.net"} == set(domains)
    assert text.count("@") == domains.total()


def test_dump_is_written_in_pieces() -> None:
    """Memory does not grow with the dump: no piece is more than a few thousand rows."""

    class Pieces(io.StringIO):
        largest = 0

        def write(self, text: str, /) -> int:
            self.largest = max(self.largest, len(text))
            return super().write(text)

    out = Pieces()
    write_dump(out, COUNT, SEED)
    assert 100_000 < out.largest < 1_000_000


@pytest.mark.parametrize(("count", "seed"), [(-1, 1), (1, -1), (PEOPLE_MAX + 1, 1)])
def test_impossible_wishes_are_refused(count: int, seed: int) -> None:
    """A negative number or more people than there are is refused before anything is written."""
    out = io.StringIO()
    with pytest.raises(InputError):
        write_dump(out, count, seed)
    assert out.getvalue() == ""


@pytest.mark.parametrize(("seed", "start"), [(-1, 0), (1, -1)])
def test_impossible_people_are_refused_at_once(seed: int, start: int) -> None:
    """The refusal comes from the call, not from the first person taken."""
    with pytest.raises(InputError):
        people(seed, start)


# words


@pytest.mark.parametrize(
    ("father", "forms"),
    [
        ("Нұрлан", ("Нұрланұлы", "Нұрланқызы", "Нұрланович", "Нұрлановна")),
        ("Абай", ("Абайұлы", "Абайқызы", "Абаевич", "Абаевна")),
        ("Ғани", ("Ғаниұлы", "Ғаниқызы", "Ғаниевич", "Ғаниевна")),
        ("Пётр", ("Петрович", "Петровна", "Петрович", "Петровна")),
        ("Юрий", ("Юрьевич", "Юрьевна", "Юрьевич", "Юрьевна")),
    ],
)
def test_patronymics_bend(father: str, forms: tuple[str, ...]) -> None:
    """Sons and daughters are named after the father in Kazakh and in Russian."""
    assert forms == synth_names.patronymic_forms(father)


def test_words_fit_the_csv_and_are_listed_once() -> None:
    """No word needs quoting by itself, and every word in a list is there once."""
    lists = (*synth_names.SURNAMES, *synth_names.GIVEN, synth_names.TOWNS, synth_names.STREETS)
    for group in lists:
        assert len(group) == len(set(group)) > 30
        assert not any(set(';"\n\r\0') & set(word) for word in group)


def test_latin_covers_every_name() -> None:
    """Every name has a Latin form of plain letters."""
    names = [name for group in (*synth_names.SURNAMES, *synth_names.GIVEN) for name in group]
    assert [name for name in names if not re.fullmatch("[a-z]+", synth_names.latin(name))] == []
    assert synth_names.latin("Гүлжан") == "gulzhan"
