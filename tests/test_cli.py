"""The command as an operator meets it: the whole output and the exit code of each."""

import json
import re
from pathlib import Path

import pytest
from program import DATASET, Program, Said, program, recorded, refused

from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store


@pytest.fixture
def bare(
    tmp_path: Path,
    store: Store,
    valkey: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Program:
    """The command with an empty store, before ``init``."""
    del store  # its being empty is what matters
    return program(tmp_path, valkey, monkeypatch, capsys)


@pytest.fixture
def qorgan(bare: Program) -> Program:
    """The command with an index and one dataset."""
    assert 0 == bare("init", "--argon2", "test", "--prefix-bits", "10").code
    assert 0 == bare("dataset", "add", bare.write("one.toml", DATASET)).code
    return bare


def test_init_makes_an_index_once(bare: Program, store: Store) -> None:
    """The first time it says what to back up; the second time it changes nothing."""
    said = bare("init", "--argon2", "test", "--prefix-bits", "10")
    keys = bare.folder / "data" / "keys"
    expected_notes = (
        f"{recorded(store)}"
        "note: THIS INDEX IS FOR TESTS ONLY: its Argon2 profile protects nobody\n"
        f"note: back up the key files in {keys}: without them the index is noise\n"
    )
    assert (0, expected_notes) == (said.code, said.err)
    assert re.fullmatch("index made; publisher key [0-9a-f]{64}\n", said.out)
    before = {path.name: path.read_bytes() for path in keys.iterdir()}
    exists = "this store already has an index; use it, or set QORGAN_DATA or QORGAN_REDIS_URL"
    assert refused(exists) == bare("init")
    assert refused(exists) == bare("init", QORGAN_KEYS=str(bare.folder / "other"))
    assert not (bare.folder / "other").exists()
    assert before == {path.name: path.read_bytes() for path in keys.iterdir()}
    assert 8 == len(before)


@pytest.mark.parametrize("bits", ["9", "21", "x"])
def test_init_refuses_other_prefix_lengths(bare: Program, bits: str) -> None:
    """Lengths that hide nobody, or cost too much, make no index and no keys."""
    said = bare("init", "--prefix-bits", bits)
    assert (2, "") == (said.code, said.out)
    assert said.err.startswith("qorgan: invalid value for '--prefix-bits': ")
    assert not (bare.folder / "data" / "keys").exists()


def test_dataset_is_entered_and_listed(qorgan: Program, store: Store) -> None:
    """Entering it again keeps its id; a sensitive one is in the other lane."""
    again = qorgan("dataset", "add", qorgan.folder / "one.toml")
    assert Said(0, "one: dataset 1, public lane\n", recorded(store)) == again
    clinic = DATASET.replace('"one"', '"clinic"').replace("false", "true")
    said = qorgan("dataset", "add", qorgan.write("clinic.toml", clinic))
    assert Said(0, "clinic: dataset 2, verified lane\n", recorded(store)) == said
    classes = ["names", "government-issued-ids"]
    assert [
        {"id": 1, "name": "one", "lane": "public", "data_classes": classes},
        {"id": 2, "name": "clinic", "lane": "verified", "data_classes": classes},
    ] == json.loads(qorgan("dataset", "list", "--json").out)
    table = qorgan("dataset", "list").out.splitlines()
    assert ["id", "name", "lane", "data_classes"] == table[0].split()
    assert ["2", "clinic", "verified", "names,", "government-issued-ids"] == table[2].split()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("sensitive = false", "sensitive = true"),
            "a dataset's lane cannot change; enter it under another name",
        ),
        (
            ('["names", "gov', '["health", "names", "gov'),
            "data_classes may only grow at the end: loaded field masks mean its order",
        ),
        (('"names"', '"nmaes"'), "data_classes has an unknown class; did you mean names?"),
        (
            ("sensitive", 'desciption = "x"\nsensitive'),
            "unknown key desciption in the dataset file; did you mean description?",
        ),
        (("= {kk", "= [kk"), "the dataset file is not TOML in UTF-8"),
    ],
)
def test_bad_dataset_files_are_refused(
    qorgan: Program, change: tuple[str, str], sentence: str
) -> None:
    """Each with one sentence that says what is wrong; the register stays as it was."""
    before = qorgan("dataset", "list", "--json")
    assert refused(sentence) == qorgan(
        "dataset", "add", qorgan.write("bad.toml", DATASET.replace(*change))
    )
    assert before == qorgan("dataset", "list", "--json")


LOAD = ("load", "dump.csv", "--dataset", "one")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (LOAD, "say which column holds identifiers: --iin, --phone or --email COLUMN"),
        (
            (*LOAD, "--iin", "inn"),
            "no column has that name; did you mean iin? the file has iin, full name",
        ),
        (
            (*LOAD[:3], "noe", "--iin", "iin"),
            "there is no such dataset; did you mean one?",
        ),
        (
            ("load", "dmup.csv", *LOAD[2:], "--iin", "iin"),
            "there is no such file; check the path",
        ),
        (
            (*LOAD, "--iin", "iin", "--field", "full name=health"),
            "the dataset does not list that data class; it has: names, government-issued-ids",
        ),
        (
            (*LOAD, "--iin", "iin", "--field", "fullname=names"),
            "no column has that name; did you mean full name? the file has iin, full name",
        ),
        (
            (*LOAD, "--iin", "iin", "--field", "names"),
            (
                "invalid value for '--field': write it as COLUMN=CLASS, or as COLUMN= for none; "
                "see: qorgan --help"
            ),
        ),
        (
            (*LOAD, "--iin", "full name", "--field", "iin=names"),
            "no valid identifier was found; to see what the file holds, run: qorgan inspect FILE",
        ),
        (
            (*LOAD, "--iin", "iin", "--encoding", "latin-1"),
            "the encoding must be one of utf-8, cp1251, kz1048, cp866, koi8-r, mac-cyrillic",
        ),
        (
            (*LOAD, "--iin", "iin", "--delimiter", ";;"),
            "the delimiter must be one character, such as ; or , or the word tab, no quote",
        ),
        (("load", "--iin", "iin", "dump.csv"), "missing option '--dataset'; see: qorgan --help"),
        (("publish", "noe"), "there is no such dataset; did you mean one?"),
        (("publish",), "missing argument 'NAME...'; see: qorgan --help"),
        (
            ("publish", "one", "--jsn"),
            "no such option '--jsn'; try: '--json', '--yes'; see: qorgan --help",
        ),
        (("pubish",), "no such command 'pubish'; did you mean 'publish'?; see: qorgan --help"),
        (("dataset", "add", "no.toml"), "the dataset file cannot be opened; check its path"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    qorgan: Program, arguments: tuple[str, ...], sentence: str
) -> None:
    """What was wrong and what to do instead; nothing is loaded or published."""
    assert refused(sentence) == qorgan(*arguments)
    said = qorgan("publish", "one")
    assert refused("one has no finished load; run: qorgan load FILE --dataset one") == said


def test_first_steps_name_the_next_step(bare: Program) -> None:
    """Without an index, and without datasets, the sentence is the command to run."""
    load = ("load", "dump.csv", "--dataset", "one", "--iin", "iin")
    assert refused("this store has no index yet; run: qorgan init", 3) == bare(*load)
    assert 0 == bare("init", "--argon2", "test").code
    sentence = "there are no datasets yet; run: qorgan dataset add FILE.toml"
    assert refused(sentence) == bare(*load)


def test_load_and_publish_speak_on_standard_output(qorgan: Program, store: Store) -> None:
    """The certificate and the result alone, so that scripts can read them; notes go elsewhere."""
    load = ("load", "dump.csv", "--dataset", "one", "--iin", "iin", "--field", "full name=names")
    first = qorgan(*load)
    assert (0, recorded(store), 1) == (first.code, first.err, first.out.count("\n"))
    rows = {"read": 1, "accepted": 1, "duplicates": 0, "rejected": 0}
    assert rows == json.loads(first.out)["rows"]
    note = "note: this file was loaded into this dataset before; here is that load's certificate\n"
    assert Said(0, first.out, recorded(store) + note) == qorgan(*load)
    published = qorgan("publish", "one", "--json")
    (row,) = json.loads(published.out)
    assert re.fullmatch("1-[0-9a-f]{8}", name := row.pop("version"))
    expected = {"lane": "public", "datasets": ["one"], "identifiers": 1, "changed": True}
    assert (0, recorded(store), expected) == (published.code, published.err, row)
    table = [line.split() for line in qorgan("publish", "one").out.splitlines()]
    header = ["lane", "version", "datasets", "identifiers", "changed"]
    assert [header, ["public", name, "one", "no"]] == table


def test_settings_are_shown(bare: Program) -> None:
    """As they were understood, as lines or as JSON, a password masked."""
    url = "redis://user:sesame@127.0.0.1:1/0"
    said = bare("settings", QORGAN_REDIS_URL=url, QORGAN_MAX_STALE="90m", QORGAN_ROLES="api,range")
    data = bare.folder / "data"
    expected = {
        "QORGAN_DATA": str(data),
        "QORGAN_REDIS_URL": "redis://user:***@127.0.0.1:1/0",
        "QORGAN_KEYS": str(data / "keys"),
        "QORGAN_CACHE": str(data / "cache"),
        "QORGAN_BIND": "127.0.0.1:8000",
        "QORGAN_WORKERS": "1",
        "QORGAN_ROLES": "range,api",
        "QORGAN_EVALUATE_LIMIT": "60/hour;200/day",
        "QORGAN_EVALUATE_BUDGET": "1000000",
        "QORGAN_MAX_STALE": "5400s",
        "QORGAN_PROXY_HOPS": "0",
        "QORGAN_LOG": "json",
    }
    assert Said(0, "".join(f"{k}={v}\n" for k, v in expected.items()), "") == said
    said = bare("settings", "--json", QORGAN_REDIS_URL=url, QORGAN_MAX_STALE="90m")
    assert expected | {"QORGAN_ROLES": "range,evaluate,site,api"} == json.loads(said.out)
    assert refused("unknown setting QORGAN_DATAS; did you mean QORGAN_DATA?") == bare(
        "settings", QORGAN_DATAS="x"
    )
    assert not data.exists()
