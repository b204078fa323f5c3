"""What a column's name says, in three languages and in Latin letters."""

import pytest

from loaders.column_meaning import UNKNOWN, Meaning, is_header, of_name
from lookup.facts import column_words, data_classes
from lookup.protocol.suite import Kind

IIN = Meaning("government-issued-ids", Kind.IIN)
PHONE = Meaning("phone-numbers", Kind.PHONE)
EMAIL = Meaning("email-addresses", Kind.EMAIL)
RELATIVE = Meaning("family-members")
KNOWN = (
    *((name, IIN) for name in ("iin", "ИИН", " жсн ", "ZHSN", "ИИН клиента", "client_iin", "inn")),
    *((name, IIN) for name in ("iinClient", "ЖЕКЕ СӘЙКЕСТЕНДІРУ НӨМІРІ", "иин_2", '"ИИН"')),
    *((name, PHONE) for name in ("telefon", "мобильный телефон", "Ұялы телефон", "phone1", "tel")),
    *((name, PHONE) for name in ("Телефон №2", "моб.тел", "дом. телефон", "PhoneNumber", "msisdn")),
    *((name, EMAIL) for name in ("E-mail", "Эл. почта", "Адрес электронной почты", "user_email")),
    *((name, Meaning("names")) for name in ("fio", "Ф.И.О.", "Аты-жөні", "client_name", "NAME")),
    *((name, Meaning("names")) for name in ("lastName", "отчество", "имя")),
    *(
        (name, Meaning("dates-of-birth"))
        for name in ("data_rozhdeniya", "dob", "Д.Р.", "birthDate")
    ),
    *((name, Meaning("dates-of-birth")) for name in ("ТУҒАН КҮНІ", "дата р.")),
    *((name, Meaning("physical-addresses")) for name in ("Мекен-жайы", "address2", "прописка")),
    *((name, Meaning("ip-addresses")) for name in ("IP-адрес", "ip", "last_ip")),
    *((name, Meaning("bank-account-numbers")) for name in ("Счёт", "СЧЕТ", "IBAN", "account")),
    *((name, Meaning("credit-cards")) for name in ("номер карты", "card_number")),
    *((name, Meaning("passwords")) for name in ("password_hash", "құпиясөз")),
    *((name, Meaning("usernames")) for name in ("user_name", "login", "Имя пользователя", "user")),
    *((name, Meaning("employers")) for name in ("company name", "Место работы", "жұмыс орны")),
    *((name, RELATIVE) for name in ("ФИО матери", "ИИН супруга", "дата рождения ребёнка")),
    ("marital_status", Meaning("marital-statuses")),
    ("РНН", Meaning("government-issued-ids")),
    *((name, Meaning(is_bin=True)) for name in ("БИН", "bin", "БСН компании", "bsn")),
    ("ИИН/БИН", Meaning("government-issued-ids", Kind.IIN, is_bin=True)),
)
NOTHING_KNOWN = (
    *(
        "",
        "id",
        "№",
        "comment",
        "user_id",
        "phone_type",
        "email_verified",
        "is_phone",
        "last_login",
    ),
    *(
        "file_name",
        "Имя файла",
        "address_id",
        "photo_url",
        "state_code",
        "card_id",
        "поле1",
        "x" * 999,
    ),
    *("bank_name", "телефония", "pinned", "город_код", "user_agent", "password_changed_at"),
)


@pytest.mark.parametrize(("name", "meaning"), KNOWN)
def test_names_that_say_what_the_column_holds(name: str, meaning: Meaning) -> None:
    """Case, punctuation, underscores, camelCase, digits and ё make no difference."""
    assert meaning == of_name(name)


@pytest.mark.parametrize("name", NOTHING_KNOWN)
def test_names_that_say_nothing(name: str) -> None:
    """A wrong guess would tell people of data that did not leak, so there is none."""
    assert UNKNOWN == of_name(name)


def test_every_heading_of_the_vocabulary_means_its_class() -> None:
    """None is shadowed by another; relatives go before what is told of them."""
    wrong = {
        heading: found
        for heading, slug in column_words().items()
        if (found := of_name(heading).data_class) != slug and found != "family-members"
    }
    assert {} == wrong
    assert len(column_words()) > 600
    assert set(data_classes()) == set(column_words().values())


def test_a_header_is_one_that_is_known_by_a_name() -> None:
    """The first line of a file without a header is somebody's row, and is not to be shown."""
    assert is_header(("a", "b", "ИИН"))
    assert not is_header(("Иванов Иван", "Алматы", ""))
