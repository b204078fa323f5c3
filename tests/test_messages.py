"""The catalogues: every text in three languages, and a check that notices what is missing."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from html_page import LANGUAGES

from tools import messages

LOOKUP = Path(messages.__file__).parents[1] / "lookup"
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
LETTERS = re.compile(r"[^\W\d_]+")
LATIN = re.compile(r"[A-Za-z]+")
CYRILLIC = re.compile(r"[а-яёәғқңөұүһі]", re.IGNORECASE)
TRANSLATED = ("kk", "ru")
ADDED = '{{ _("A text that nobody has translated") }}'


def catalogue(language: str, root: Path = LOOKUP) -> Catalog:
    """The catalogue that people translate in."""
    path = root / "translations" / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        return read_po(file, language)


def texts(language: str, root: Path = LOOKUP) -> dict[str, str]:
    """The translations by the English text."""
    return {str(m.id): str(m.string) for m in catalogue(language, root) if m.id}


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the code and catalogues, which the command works on."""
    root = tmp_path / "lookup"
    ignored = shutil.ignore_patterns("__pycache__", "static")
    shutil.copytree(LOOKUP, root, ignore=ignored)
    monkeypatch.setattr(messages, "_LOOKUP", root)
    return root


def content(root: Path) -> dict[str, bytes]:
    """All files of the catalogues."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted((root / "translations").rglob("*.*"))
    }


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text("utf-8")
    after = change(before)
    assert before != after
    path.write_text(after, "utf-8")


def po(root: Path, language: str) -> Path:
    return root / "translations" / language / "LC_MESSAGES" / "messages.po"


def test_the_catalogues_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    """What is committed is what the code and templates say, translated and compiled."""
    assert 0 == messages.main(["--check"]), capsys.readouterr().out


def test_the_catalogues_have_the_same_texts() -> None:
    """The three have every text, and no text twice."""
    assert 3 == len(LANGUAGES)
    assert set(texts("en")) == set(texts("kk")) == set(texts("ru"))
    assert len(texts("en")) > 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    """None is empty, and none is a guess that somebody still has to look at."""
    assert [] == [text for text, translation in texts(language).items() if not translation.strip()]
    assert [] == [message.id for message in catalogue(language) if message.id and message.fuzzy]
    assert {} == catalogue(language).obsolete


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_was_translated(language: str) -> None:
    """The service reads the compiled catalogue."""
    with (LOOKUP / "translations" / language / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        compiled = read_mo(file)
    assert texts(language) == {str(m.id): str(m.string) for m in compiled if m.id}


def test_english_is_itself() -> None:
    """The texts in the code are the English ones."""
    assert [] == [text for text, shown in texts("en").items() if text != shown]
    assert [] == [text for text in texts("en") if CYRILLIC.search(text)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_the_same(language: str) -> None:
    """A translation has each value that the text has, as often, and no stray per cent sign."""
    for text, translation in texts(language).items():
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(translation)), text
        if PLACEHOLDER.search(text):
            assert "%" not in PLACEHOLDER.sub("", translation), text


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_is_one(language: str) -> None:
    """No text was left in English, wholly or in sentences, and none was copied from the other."""
    for text, translation in texts(language).items():
        assert text != translation
        assert CYRILLIC.search(translation), text
        for sentence in re.split(r"(?<=[.!?:;])\s", PLACEHOLDER.sub("", translation)):
            words = LETTERS.findall(sentence)
            latin = [word for word in words if LATIN.fullmatch(word)]
            assert len(words) <= 3 or len(latin) < len(words), sentence
    long = [text for text in texts("kk") if len(text.split()) > 3]
    assert [] == [text for text in long if texts("kk")[text] == texts("ru")[text]]


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_ends_as_its_text(language: str) -> None:
    """A sentence stays a sentence, and what goes on stays open."""
    for text, translation in texts(language).items():
        for mark in (".", "?", "…"):
            assert text.endswith(mark) is translation.endswith(mark), (text, translation)
        assert translation == translation.strip()
        assert "  " not in translation


def test_kazakh_has_letters_of_its_own() -> None:
    """Kazakh texts are Kazakh: most of the long ones have a letter that Russian lacks."""
    own = re.compile(r"[әғқңөұүһі]", re.IGNORECASE)
    long = [text for text in texts("kk").values() if len(text) > 40]
    assert [] == [text for text in long if not own.search(text)]
    assert [] == [text for text in texts("ru").values() if own.search(text)]


def test_the_command_changes_nothing_that_is_right(copied: Path) -> None:
    """Run again, it writes the same bytes: a difference in the history is a difference in texts."""
    before = content(copied)
    assert 0 == messages.main([])
    assert before == content(copied)
    assert 6 == len(before)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_missing_translation(
    copied: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    """It is named, with its language, and nothing is written with ``--check``."""
    translation = texts(language)["not stated"]
    edit(po(copied, language), lambda po: po.replace(f'msgstr "{translation}"', 'msgstr ""'))
    before = content(copied)
    assert 1 == messages.main(["--check"])
    assert before == content(copied)
    assert f"{language}: no translation of: not stated\n" in capsys.readouterr().out
    assert 1 == messages.main([])
    assert f"{language}: no translation of: not stated\n" in capsys.readouterr().out


@pytest.mark.parametrize("where", ["templates/check.html", "templates/leak.html", "page_data.py"])
def test_a_new_text(copied: Path, capsys: pytest.CaptureFixture[str], where: str) -> None:
    """It is noticed wherever it stands, added to each catalogue, and asked to be translated."""
    new = ADDED if where.endswith("html") else ADDED.strip("{} ") + "\n"
    edit(copied / where, lambda text: f"{text}{new}")
    before = content(copied)
    assert 1 == messages.main(["--check"])
    assert before == content(copied)
    assert "run: make messages" in capsys.readouterr().out
    assert 1 == messages.main([])
    told = capsys.readouterr().out
    text = "A text that nobody has translated"
    for language in TRANSLATED:
        assert f"{language}: no translation of: {text}\n" in told
        assert texts(language) | {text: ""} == texts(language, copied)
    assert "en: no translation" not in told
    assert text == texts("en", copied)[text]


def test_a_text_that_is_gone(copied: Path) -> None:
    """It is dropped from each catalogue; the others keep their translations."""
    edit(
        copied / "templates" / "base.html", lambda text: text.replace('_("For developers")', '"D"')
    )
    edit(copied / "templates" / "developers.html", lambda text: text.replace("For developers", "D"))
    assert 1 == messages.main(["--check"])
    messages.main([])
    for language in TRANSLATED:
        left = {k: v for k, v in texts(language).items() if k != "For developers"}
        assert left | {"D": ""} == texts(language, copied)
        assert b"For developers" not in content(copied)[f"{po(Path(), language)}"]


def test_a_changed_translation_must_be_compiled(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who edits a catalogue by hand is told that the service would not see it."""
    edit(po(copied, "ru"), lambda text: text.replace('msgstr "не указан"', 'msgstr "не назван"'))
    assert 1 == messages.main(["--check"])
    assert "ru: messages.mo is out of date; run: make messages\n" in capsys.readouterr().out
    assert 0 == messages.main([])
    assert 0 == messages.main(["--check"])
    assert "не назван" == texts("ru", copied)["not stated"]


def test_a_guess_is_no_translation(copied: Path) -> None:
    """A translation that somebody marked as fuzzy does not pass for a finished one."""
    edit(
        po(copied, "ru"),
        lambda text: text.replace('msgid "not stated"', '#, fuzzy\nmsgid "not stated"'),
    )
    assert 1 == messages.main(["--check"])
    messages.main([])
    entry = catalogue("ru", copied).get("not stated")
    assert entry is None or entry.fuzzy or not entry.string


def test_a_catalogue_that_is_not_there(copied: Path) -> None:
    """A deleted catalogue is noticed and made again, without translations."""
    shutil.rmtree(copied / "translations" / "kk")
    assert 1 == messages.main(["--check"])
    assert not (copied / "translations" / "kk").exists()
    assert 1 == messages.main([])
    assert set(texts("ru")) == set(texts("kk", copied))
    assert {""} == set(texts("kk", copied).values())
