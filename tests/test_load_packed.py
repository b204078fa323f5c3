"""Loading what operators get: packed dumps, standard input, and tables of SQL dumps."""

import gzip
import io
import json
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import QORGAN, ROOT, Installation
from pyarrow import parquet
from small_index import iins
from web_index import IINS
from workbooks import inline, xlsx

PLAIN = "iin;name\n" + "".join(f"{iin};somebody\n" for iin in IINS[:20])
SQL = (
    "CREATE TABLE `people` (`id` int, `iin` char(12), `name` text);\n"
    "INSERT INTO `people` VALUES "
    + ",".join(f"({n},'{iin}','O''Neil; {n}')" for n, iin in enumerate(IINS[:20]))
    + ",(20,'broken);\n"
    + f"INSERT INTO `people` (`iin`,`name`) VALUES ('{IINS[20]}','other columns');\n"
    "INSERT INTO `shops` VALUES (1,'a shop');\n"
)


@pytest.fixture
def index(installation: Installation) -> Installation:
    """An index with one dataset."""
    installation.dataset("one", classes=("government-issued-ids", "names"))
    return installation


def tarred(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("people.csv")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(**contents: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name.replace("_", "."), content)
    return out.getvalue()


def load(index: Installation, path: Path | str, *more: str, code: int = 0) -> dict[str, object]:
    """The certificate of a load; or what is told on standard error."""
    arguments = ("load", path, "--dataset", "one", "--iin", "iin", "--field", "name=names", *more)
    done = index.qorgan(*arguments, code=code)
    if code:
        return {"told": done.stderr}
    certificate: dict[str, object] = json.loads(done.stdout)
    return certificate


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(PLAIN.encode(), mtime=0), zipped(a_csv=PLAIN.encode()), tarred(PLAIN.encode())],
)
def test_a_packed_dump_loads(index: Installation, tmp_path: Path, packed: bytes) -> None:
    """The rows are those of the plain file; the certificate is about the file as given."""
    path = tmp_path / "dump"
    path.write_bytes(packed)
    certificate = load(index, path)
    assert {"read": 20, "accepted": 20, "duplicates": 0, "rejected": 0} == certificate["rows"]
    assert len(packed) == certificate["file"]["bytes"]  # type: ignore[index]


def test_two_files_of_one_archive_are_two_loads(index: Installation, tmp_path: Path) -> None:
    """Each is chosen by name, and adds to the dataset."""
    path = tmp_path / "dump.zip"
    halves = [f"iin;name\n{iin};x\n".encode() for iin in IINS[:2]]
    path.write_bytes(zipped(a_csv=halves[0], b_csv=halves[1]))
    told = str(load(index, path, code=2)["told"])
    assert told.endswith("choose one with --member, each is a load of its own: a.csv, b.csv\n")
    loads = [load(index, path, "--member", name)["load"] for name in ("a.csv", "b.csv", "a.csv")]
    assert [1, 2, 1] == loads


def test_a_part_called_by_somebodys_number(index: Installation, tmp_path: Path) -> None:
    """A file of an archive may be named after a person: no such name is kept, nor shown."""
    path = tmp_path / "dump.zip"
    name = f"{IINS[35]}.csv"
    path.write_bytes(zipped(**{name.replace(".", "_"): PLAIN.encode()}))
    done = index.qorgan("load", path, "--dataset", "one", "--iin", "iin", "--member", name)
    listed = index.qorgan("loads", "--json")
    kept = [found.read_bytes() for found in index.data.rglob("*") if found.is_file()]
    told = [text.encode() for text in (done.stdout, done.stderr, listed.stdout)]
    assert kept
    assert not any(IINS[35].encode() in text for text in (*kept, *told))


def test_standard_input(index: Installation, tmp_path: Path) -> None:
    """What a pipe brings, packed or not, is loaded like the file; run again it is the same load."""
    path = tmp_path / "dump.csv"
    path.write_text(PLAIN)
    arguments = ["load", "-", "--dataset", "one", "--iin", "iin", "--field", "name=names"]
    done = subprocess.run(
        [*QORGAN, *arguments],
        input=PLAIN.encode(),
        capture_output=True,
        env=index.env,
        cwd=ROOT,
        check=True,
    )
    piped = json.loads(done.stdout)
    assert (20, len(PLAIN)) == (piped["rows"]["accepted"], piped["file"]["bytes"])
    assert load(index, path) == piped


def test_a_table_of_a_sql_dump(index: Installation, tmp_path: Path) -> None:
    """Rows of the table are loaded; what is broken or has other columns is counted."""
    path = tmp_path / "dump.sql"
    path.write_text(SQL)
    told = str(load(index, path, code=2)["told"])
    assert told.endswith("choose one with --table: people, shops\n")
    certificate = load(index, path, "--table", "people")
    rows = certificate["rows"]
    assert 20 == rows["accepted"]  # type: ignore[index]
    rejected = certificate["rejected"]
    assert 1 == rejected["other_columns"]  # type: ignore[index]
    assert rows["rejected"] == sum(rejected.values()) >= 2  # type: ignore[index,attr-defined]
    assert "no such table" in str(load(index, path, "--table", "nobody", code=2)["told"])


def of_parquet(columns: dict[str, list[object]]) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out)
    return out.getvalue()


NUMBERS = [int(iin) for iin in iins(20, 50_000)]  # none begins with a zero
TABLES = {
    "json lines": "".join(f'{{"iin": {n}, "name": "x"}}\n' for n in NUMBERS).encode(),
    "json": b'{"people": [' + b", ".join(b'{"iin": %d.0, "name": ""}' % n for n in NUMBERS) + b"]}",
    "xlsx": xlsx(
        {
            "People": inline("iin", "name")
            + "".join(f"<row><c><v>{n}</v></c></row>" for n in NUMBERS)
        }
    ),
    "parquet": of_parquet({"iin": [float(n) for n in NUMBERS], "name": ["x"] * len(NUMBERS)}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_any_kind(index: Installation, tmp_path: Path, name: str) -> None:
    """Numbers are identifiers, whatever the format thinks of them."""
    path = tmp_path / "dump"
    path.write_bytes(TABLES[name])
    certificate = load(index, path)
    count = len(NUMBERS)
    assert {"read": count, "accepted": count, "duplicates": 0, "rejected": 0} == certificate["rows"]


def test_a_sql_dump_in_a_gzip(index: Installation, tmp_path: Path) -> None:
    """The usual .sql.gz."""
    path = tmp_path / "dump.sql.gz"
    path.write_bytes(gzip.compress(SQL.encode()))
    assert 20 == load(index, path, "--table", "`people`")["rows"]["accepted"]  # type: ignore[index]
