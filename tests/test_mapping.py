"""Which columns stand for a dataset's data classes, and what a person's entry then says."""

from pathlib import Path

import pytest
from conftest import ROOT
from program import program
from small_index import SmallIndex, iins

from loaders.formats import open_source
from loaders.load import Loader, Request
from loaders.mapping import Mapping, map_columns
from loaders.progress import Progress
from lookup.errors import InputError
from lookup.index import ledger, register
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.protocol.suite import Kind, Lane

ANN, BOB, EVE = iins(3)
CLASSES = ("names", "government-issued-ids", "phone-numbers", "dates-of-birth", "passwords")
NAMES, IDS, PHONES, BIRTHS = 1, 2, 4, 8
DUMP = (
    "ИИН;Фамилия;Имя;моб. телефон;Туған күні;Пароль_изменён;Примечание\n"
    f"{ANN};Ахметова;-;87010000001;н/д;2020;x\n"
    f"{BOB};\\N;нет;жоқ;1995-05-15;;\n"
    f"{EVE};—;Ева;NULL;None;;\n"
)
BY_IIN = {Kind.IIN: "ИИН"}


@pytest.fixture
def index(store: Store) -> SmallIndex:
    """An index with one dataset."""
    made = SmallIndex.make(store)
    made.dataset("one", CLASSES, lane=Lane.PUBLIC)
    return made


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """Three people, of each of whom other things are known."""
    path = tmp_path / "dump.csv"
    path.write_text(DUMP, encoding="utf-8")
    return path


def mapped(index: SmallIndex, dump: Path, *given: tuple[str, str], by: dict[Kind, str]) -> Mapping:
    """The mapping of the dump into the dataset."""
    with open_source(dump) as source:
        return map_columns(source, register.get(index.store, "one")[1], by, given)


def test_each_persons_entry_says_what_his_rows_held(index: SmallIndex, dump: Path) -> None:
    """By the columns' names alone; a cell that stands for nothing sets no class."""
    mapping = mapped(index, dump, by=BY_IIN)
    guessed = (
        *(("Фамилия", "names"), ("Имя", "names")),
        *(("моб. телефон", "phone-numbers"), ("Туған күні", "dates-of-birth")),
    )
    assert Mapping(guessed, guessed, ("passwords",)) == mapping
    loader = Loader(index.store, index.definition, index.keys, 1, Progress())
    with open_source(dump) as source:
        loader.load(source, Request("one", BY_IIN, mapping.fields))
    index.publish("one")
    asked = {iin: index.ask(Lane.PUBLIC, iin)["one"] for iin in (ANN, BOB, EVE)}
    assert {ANN: IDS | NAMES | PHONES, BOB: IDS | BIRTHS, EVE: IDS | NAMES} == asked
    (load,) = ledger.loads_of(index.store, 1)
    named = {f"{slug}:{name.casefold()}" for name, slug in guessed}
    assert {"iin=иин", *named} == set(load.columns)


def test_what_the_operator_says_replaces_the_guess(index: SmallIndex, dump: Path) -> None:
    """For the class that is named, for the column that is named, and for a column that is none."""
    given = (("Имя", "names"), ("Примечание", "passwords"), ("туған күні", ""))
    mapping = mapped(index, dump, *given, by=BY_IIN)
    guessed = (("моб. телефон", "phone-numbers"),)
    assert Mapping((*given[:2], *guessed), guessed, ("dates-of-birth",)) == mapping


def test_a_column_of_identifiers_stands_for_its_class(index: SmallIndex, dump: Path) -> None:
    """It is not guessed at: its valid cells set the class, not whatever stands there."""
    mapping = mapped(index, dump, by={Kind.PHONE: "моб. телефон"})
    assert ("ИИН", "government-issued-ids") in mapping.guessed
    assert "phone-numbers" not in {slug for _, slug in mapping.fields}
    assert ("passwords",) == mapping.missing


def test_columns_of_one_name_are_not_guessed_at(index: SmallIndex, dump: Path) -> None:
    """They could not be told apart in the load's record."""
    dump.write_text(f"ИИН;Имя;имя;Отчество\n{ANN};a;b;c\n", encoding="utf-8")
    assert (("Отчество", "names"),) == mapped(index, dump, by=BY_IIN).guessed


def test_a_column_that_is_not_there_is_told(index: SmallIndex, dump: Path) -> None:
    """A mistyped name that says "none" would leave the guess in force."""
    with pytest.raises(InputError, match="no column has that name; did you mean Имя"):
        mapped(index, dump, ("Имв", ""), by=BY_IIN)


def test_load_tells_what_it_took(
    tmp_path: Path,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On standard error, before the load, without control characters."""
    del store
    qorgan = program(tmp_path, valkey, monkeypatch, capsys)
    qorgan("init", "--argon2", "test", "--prefix-bits", "10")
    entry = (ROOT / "README.md").read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    qorgan("dataset", "add", qorgan.write("entry.toml", entry))
    qorgan.write("people.csv", f"iin;full_name;phone 12 \x1b[1m\n{ANN};Ann;x\n")
    load = ("load", "people.csv", "--dataset", "kz-2025-example", "--iin", "iin")
    said = qorgan(*load)
    assert (
        "note: by their names, columns are taken: full_name for names, phone 12 [1m for "
        "phone-numbers; where that is wrong, give --field COLUMN=\n"
    ) == said.told
    said = qorgan(*load, "--field", "phone 12 \x1b[1m=", "--field", "full_name=names")
    assert (
        "note: no column is taken for phone-numbers; if there is one, give --field COLUMN=CLASS\n"
    ) == said.told
    refused = "write it as COLUMN=CLASS, or as COLUMN= for none; see: qorgan --help\n"
    assert f"qorgan: invalid value for '--field': {refused}" == qorgan(*load, "--field", "=x").err
