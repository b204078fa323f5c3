"""The words that synthetic people are made of: names, streets, places, and how they bend.

Common names, widespread street names and large towns, written down by hand; none was taken from a
record of people. Each tuple starts with its most usual words, because `loaders.synth` draws the
first ones more often. No word holds a semicolon or a quotation mark.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.bytes_]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


KAZAKH_SURNAMES = _words(
    """
    Ахметов Омаров Оспанов Ибраев Сулейменов Алиев Искаков Абдрахманов Нұрғалиев Серіков Қасымов
    Мұқанов Жүнісов Төлегенов Сәрсенов Садыков Бекмұхамедов Ержанов Құдайбергенов Смағұлов
    Әбдірахманов Жұмабаев Байжанов Есенов Тұрсынов Қалиев Мұстафин Рахимов Ескендіров Сағындықов
    Қожахметов Дүйсенов Нұрмағамбетов Өмірбеков Сейітов Исаев Байболов Жақсылықов Ғабитов
    Сатыбалдин Әлімжанов Бейсенов Тоқтаров Мамытов Қуанышев Жандосов Өтегенов Ыбыраев Қайырбеков
    Байғазиев Теңізбаев Әбілов Досжанов Еркінов Жүсіпов Ізбасаров Кенжебаев Қонысбаев Мырзахметов
    Мыңжасаров Назарбеков Ораз Рүстемов Сейдахметов Тілеубердин Ұзақбаев Үсенов Шаймерденов
    Шәріпов Шынғысов Қанатов Айтбаев Балтабаев Бөкенбаев Дәулетов Жиһанов Ғалымжанов Көшербаев
    Қаратаев Момынов Нәбиев Сапарғали Тәжібаев Хасенов Алтынбек Бердіқұлов Қыдырбаев Есімханов
    Әмірғали Сейтқазы
    """
)
RUSSIAN_SURNAMES = _words(
    """
    Иванов Смирнов Кузнецов Попов Васильев Петров Соколов Михайлов Новиков Фёдоров Морозов Волков
    Алексеев Лебедев Семёнов Егоров Павлов Козлов Степанов Николаев Орлов Андреев Макаров Никитин
    Захаров Зайцев Соловьёв Борисов Яковлев Григорьев Романов Воробьёв Сергеев Кузьмин Фролов
    Александров Дмитриев Королёв Гусев Киселёв Ильин Максимов Поляков Сорокин Виноградов Ковалёв
    Белов Медведев Антонов Тарасов Жуков Баранов Филиппов Комаров Давыдов Беляев Герасимов
    Богданов Осипов Сидоров Матвеев Титов Марков Миронов Крылов Куликов Карпов Власов Мельников
    Денисов Бондаренко Шевченко Ткаченко Коваленко Заславский Верховский
    """
)
KAZAKH_MEN = _words(
    """
    Нұрлан Ерлан Серік Асхат Бауыржан Қайрат Данияр Алмас Руслан Азамат Ержан Марат Болат Нұржан
    Талғат Айдос Арман Бекзат Дәурен Ерболат Жандос Қуаныш Мақсат Олжас Рауан Санжар Тимур Әлихан
    Нұрсұлтан Айбек Абай Ақылбек Алдияр Аян Бақыт Бейбіт Ғалым Ғани Диас Дінмұхамед Елдос Есен
    Жанібек Жасұлан Жомарт Ілияс Кенжебек Қанат Қаһарман Медет Мейрам Мирас Мұрат Мұхтар Нұрбол
    Оразбек Өмірзақ Рамазан Сәкен Сұлтан Таңат Төлеген Тұрар Ұлан Үмбет Шыңғыс Ыбырай Әділет
    Әлібек Әсет
    """
)
KAZAKH_WOMEN = _words(
    """
    Айгүл Әйгерім Динара Гүлнар Сәуле Жанар Мадина Алия Айнұр Дана Ләззат Асель Гүлмира Салтанат
    Аружан Шолпан Камила Томирис Айша Нұргүл Бақытгүл Жұлдыз Ақмарал Сандуғаш Меруерт Ботагөз
    Маржан Зарина Индира Қарлығаш Назерке Перизат Рауза Сәния Толқын Ұлбосын Үміт Фатима Шынар
    Ырысты Әсем Әлия Балжан Гауһар Ғалия Дильназ Еңлік Жанерке Зере Інжу Кәмшат Қымбат Ләйла
    Мөлдір Нәзира Өрік Раушан Сымбат Тоғжан Ұлпан Хадиша Айгауһар Аяулым Бибігүл Гүлжан Дария
    Жібек Зәуре Іңкәр Ажар
    """
)
# given name: the stem that "ич" and "на" are added to
RUSSIAN_FATHERS = {
    "Александр": "Александров",
    "Сергей": "Сергеев",
    "Владимир": "Владимиров",
    "Андрей": "Андреев",
    "Алексей": "Алексеев",
    "Дмитрий": "Дмитриев",
    "Николай": "Николаев",
    "Виктор": "Викторов",
    "Евгений": "Евгеньев",
    "Юрий": "Юрьев",
    "Михаил": "Михайлов",
    "Иван": "Иванов",
    "Игорь": "Игорев",
    "Олег": "Олегов",
    "Василий": "Васильев",
    "Максим": "Максимов",
    "Анатолий": "Анатольев",
    "Павел": "Павлов",
    "Роман": "Романов",
    "Валерий": "Валерьев",
    "Артём": "Артёмов",
    "Константин": "Константинов",
    "Денис": "Денисов",
    "Антон": "Антонов",
    "Вячеслав": "Вячеславов",
    "Виталий": "Витальев",
    "Пётр": "Петров",
    "Геннадий": "Геннадьев",
    "Григорий": "Григорьев",
    "Станислав": "Станиславов",
    "Кирилл": "Кириллов",
    "Борис": "Борисов",
    "Вадим": "Вадимов",
    "Тимофей": "Тимофеев",
}
RUSSIAN_WOMEN = _words(
    """
    Елена Татьяна Ольга Наталья Анна Ирина Светлана Марина Екатерина Юлия Анастасия Людмила Мария
    Галина Валентина Оксана Надежда Виктория Любовь Евгения Дарья Алёна Ксения Вера Лариса Алина
    Полина Нина Кристина Софья Маргарита Елизавета Тамара Диана Инна Валерия Яна Лидия Зоя Раиса
    """
)
CITIES = (
    *("г. Алматы", "г. Астана", "г. Шымкент", "г. Караганда", "г. Актобе", "г. Тараз"),
    *("г. Павлодар", "г. Усть-Каменогорск", "г. Семей", "г. Атырау", "г. Қостанай"),
    *("г. Қызылорда", "г. Уральск", "г. Петропавловск", "г. Актау", "г. Туркестан"),
    *("г. Кокшетау", "г. Талдықорған", "г. Темиртау", "г. Экибастуз", "г. Рудный"),
    *("г. Жезказган", "г. Жаңаөзен", "г. Балхаш", "г. Сәтбаев", "г. Риддер", "г. Арқалық"),
)
VILLAGES = (
    *("Алматинская обл., с. Ұзынағаш", "Жамбылская обл., с. Мерке", "обл. Жетісу, с. Сарқан"),
    *("Туркестанская обл., с. Карабулак", "Акмолинская обл., с. Зеренда"),
    *("Павлодарская обл., с. Баянаул", "Костанайская обл., с. Ұзынкөл", "обл. Абай, с. Көкпекті"),
    *("Мангистауская обл., с. Шетпе", "Актюбинская обл., с. Мәртөк", "обл. Ұлытау, с. Ұлытау"),
)
STREETS = (
    *("ул. Абая", "ул. Сатпаева", "пр. Назарбаева", "ул. Жамбыла", "пр. Мәңгілік Ел"),
    *("ул. Пушкина", "ул. Қабанбай батыра", "ул. Бөгенбай батыра", "ул. Ауэзова", "ул. Гоголя"),
    *("пр. Тәуелсіздік", "ул. Төле би", "ул. Қазыбек би", "ул. Әйтеке би", "мкр. Самал-2"),
    *("мкр. Аксай-4", "мкр. Нұрсат", "ул. Желтоқсан", "ул. Момышұлы", "ул. Алтынсарина"),
    *("ул. Мира", "ул. Сейфуллина", "ул. Мұқанова", "ул. Құрманғазы", "ул. Лесная"),
    *("ул. Степная", "пр. Абылай хана", "ул. Әл-Фараби", "ул. Әлия Молдағұлова", "ул. Маметовой"),
    *("ул. Наурыз", "ул. Достық", "ул. Бейбітшілік", "ул. Шәкәрім", "ул. Қонаева", "ул. Тұран"),
    *("ул. Сарыарқа", "ул. Көктем", "ул. Жеңіс", "ул. Ленина"),
)

_LATIN: dict[str, str] = dict(
    zip("аәбвгғдеёзийкқлмнңоөпрстуұүфхһцыіэ", "aabvggdeeziykqlmnnooprstuuufhhcyie", strict=True)
) | {"ж": "zh", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ь": "", "ю": "yu", "я": "ya"}


def latin(name: str) -> str:
    """The name in lower-case Latin letters, as people write it in an e-mail address."""
    return "".join(_LATIN[letter] for letter in name.lower())


def surname_forms(surname: str) -> tuple[str, str]:
    """A man's and a woman's form of the surname."""
    if surname.endswith("ский"):
        return surname, surname.removesuffix("ий") + "ая"
    return surname, surname + "а" if surname.endswith(("ов", "ев", "ёв", "ин")) else surname


def patronymic_forms(father: str) -> tuple[str, str, str, str]:
    """Son and daughter of the father in Kazakh, then in Russian; both Russian for a Russian."""
    if father in RUSSIAN_FATHERS:
        stem = RUSSIAN_FATHERS[father]
        return stem + "ич", stem + "на", stem + "ич", stem + "на"
    soft = father[-1] in "аәеиіоөуұүыэюяй"
    stem = father.removesuffix("й") + "ев" if soft else father + "ов"
    return father + "ұлы", father + "қызы", stem + "ич", stem + "на"


# What may be drawn, by group: Kazakh, Russian; given names by group and sex.
SURNAMES = (KAZAKH_SURNAMES, RUSSIAN_SURNAMES)
GIVEN = (KAZAKH_MEN, KAZAKH_WOMEN, tuple(RUSSIAN_FATHERS), RUSSIAN_WOMEN)
FATHERS = (KAZAKH_MEN, tuple(RUSSIAN_FATHERS))
TOWNS = CITIES + VILLAGES


@dataclass(frozen=True)
class Tables:
    """The words as arrays of UTF-8, group after group.

    Attributes:
        surname, surname_latin: 2 * surname + sex.
        given, given_latin: by given name.
        patronymic: 4 * father + 2 * (1 for Russian) + sex.
        town, street: by town, by street.
    """

    surname: Bytes
    surname_latin: Bytes
    given: Bytes
    given_latin: Bytes
    patronymic: Bytes
    town: Bytes
    street: Bytes


@cache
def tables() -> Tables:
    """The arrays, made once."""
    surnames = [form for group in SURNAMES for name in group for form in surname_forms(name)]
    given = [name for group in GIVEN for name in group]
    patronymics = [form for group in FATHERS for name in group for form in patronymic_forms(name)]
    return Tables(
        surname=utf8(surnames),
        surname_latin=utf8(map(latin, surnames)),
        given=utf8(given),
        given_latin=utf8(map(latin, given)),
        patronymic=utf8(patronymics),
        town=utf8(TOWNS),
        street=utf8(STREETS),
    )


def utf8(texts: Iterable[str]) -> Bytes:
    """The texts as an array to take from by number, each padded with NUL to the longest."""
    return np.array([text.encode() for text in texts])
