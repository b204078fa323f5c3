"""A marked dump is loaded in every form and by every command, and nothing of it is left behind.

Not in the store's files, outputs, the audit trail's export, temporary folders, shared memory, the
process table, nor in a core dump of a loader or worker that crashes.
"""

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import py7zr
import pytest
from conftest import ROOT, Installation, wait_until
from marked_requests import ADDRESS, EMAIL, IIN, NAME, PHONE, REJECTED, SENT
from processes import children, lives
from traces import Traces, dump_store, keep_files, needles, run, whose

from lookup.index.embedded import EmbeddedStore

CSV = f"""iin;name;phone;email;address
{IIN};{NAME};{PHONE};{EMAIL};{ADDRESS}
{REJECTED};{NAME};{PHONE[:-1]};;{ADDRESS}
{SENT};{NAME};;;{ADDRESS}
{IIN};{NAME};too;many;cells;{ADDRESS}
"""
SQL = f"""CREATE TABLE `people` (`iin` char(12), `name` text, `phone` text, `email` text);
INSERT INTO `people` VALUES ('{IIN}','{NAME}','{PHONE}','{EMAIL}'),('{IIN}','{NAME}','broken);
INSERT INTO `people` VALUES ('{SENT}','{NAME}','{PHONE}','{EMAIL}');
INSERT INTO `{SENT}` VALUES ('{SENT}','{NAME}');
"""
JSON_LINES = "".join(
    json.dumps({"iin": iin, "name": NAME, "phone": PHONE, "email": EMAIL}, ensure_ascii=False)
    + "\n"
    for iin in (IIN, SENT, REJECTED)
)
TEXT = f"{NAME}, ИИН {IIN}, тел. {PHONE}, {EMAIL}, {ADDRESS}\n{SENT}\n"
NOTICE = json.dumps(
    {
        "operator": "ТОО «Пример»",
        "detected_on": "2025-06-17",
        "contact": {"name": NAME, "phone": PHONE, "email": EMAIL},
        "measures": "Доступ закрыт.",
        "subjects": [{"name": NAME, "iin": IIN, "phone": PHONE}, {"iin": REJECTED}],
    },
    ensure_ascii=False,
)
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  it is only looked at
CORES_ALLOWED = ("sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh")
CLASSES = ("government-issued-ids", "names", "phone-numbers", "email-addresses")
COLUMNS = ("--iin", "iin", "--phone", "phone", "--email", "email", "--field", "name=names")


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, CSV)
    return out.getvalue()


def sevenzipped(name: str) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        archive.writestr(CSV.encode(), name)
    return out.getvalue()


# Each is a load of its own: the file's name and bytes, and how it is loaded.
DUMPS: tuple[tuple[str, bytes, tuple[str, ...]], ...] = (
    ("plain.csv", CSV.encode(), COLUMNS),
    ("kazakh.csv", CSV.encode("kz1048"), (*COLUMNS, "--encoding", "kz1048")),
    ("packed.csv.gz", gzip.compress(CSV.encode("utf-16")), COLUMNS),
    ("people.zip", zipped(f"{IIN}.csv", f"{PHONE}.csv"), (*COLUMNS, "--member", f"{IIN}.csv")),
    ("people.7z", sevenzipped(f"{PHONE}.csv"), COLUMNS),
    ("people.sql", SQL.encode(), (*COLUMNS, "--table", "people")),
    ("people.jsonl", JSON_LINES.encode(), COLUMNS),
    ("letters.txt", TEXT.encode(), ("--scan", "iin,phone,email")),
    ("-", CSV.replace("\n", "\r\n").encode(), COLUMNS),
)
ACCEPTED = [2, 2, 2, 2, 2, 2, 2, 4, 2]  # a scan counts what it finds


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands' temporary files would be."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def traces(
    initialised: Installation, tmp_path_factory: pytest.TempPathFactory, watched: Path
) -> Traces:
    """Loads, publishes, and all that operators do afterwards; what it left."""
    folder = tmp_path_factory.mktemp("loads")
    shared = set(SHARED_MEMORY.glob("*"))
    installation = initialised.copy(folder)
    installation.environ = {"TMPDIR": str(watched), "QORGAN_WORKERS": "1"}
    traces = Traces(installation)
    installation.dataset("first", classes=CLASSES)
    with EmbeddedStore.attach(installation.data / "store") as embedded:
        for name, content, how in DUMPS:
            path = folder / name
            if name != "-":
                path.write_bytes(content)
            stdin = content.decode() if name == "-" else ""
            given = path if path.exists() else name
            run(traces, "load", given, "--dataset", "first", *how, stdin=stdin)
        operate(traces, folder)
        dump_store(traces, embedded)
    keep_files(traces, installation.data)
    keep_files(traces, watched)
    for path in set(SHARED_MEMORY.glob("*")) - shared:
        if path.is_file():
            traces.keep(str(path), path.read_bytes())
    return traces


def operate(traces: Traces, folder: Path) -> None:
    """What operators do with what is loaded, also wrongly, with the marks where they can stand."""
    for name in ("plain.csv", "people.zip", "people.sql", "letters.txt", "people.jsonl"):
        run(traces, "inspect", folder / name)
    run(traces, "inspect", folder / "people.zip", "--member", f"{PHONE}.csv", "--json")
    run(traces, "inspect", folder / "people.sql", "--table", "people")
    run(traces, "publish", "first", "--yes")
    sample = ("--iin", "iin", "--dataset", "first", "--json")
    with traces.installation.served(QORGAN_WORKERS="1") as served:
        asked = ("verify", "--sample", folder / "plain.csv", "--server", served.url)
        run(traces, *asked, *sample)
        traces.keep("log", served.log.read_bytes())
    run(traces, "forget", "--publish", stdin=f"{IIN}\n")
    run(traces, "forget", "--kind", "phone", stdin=f"{NAME}\n")
    run(traces, "forget", IIN)
    plain = folder / "plain.csv"
    run(traces, "load", plain, "--dataset", "first", "--iin", IIN, "--field", f"{IIN}={PHONE}")
    run(traces, "load", folder / "people.zip", "--dataset", "first", *COLUMNS)
    run(traces, "load", folder / "people.sql", "--dataset", "first", "--iin", IIN)
    run(traces, "load", "-", "--dataset", "first", "--table", SENT, "--iin", "iin", stdin=SQL)
    for words in (
        *(("versions",), ("diff", "first"), ("verify",), ("loads", "--json"), ("stats", "--json")),
        *(("audit", "export"), ("audit", "verify"), ("dataset", "list")),
    ):
        run(traces, *words)
    record = folder / "notice.json"
    record.write_text(NOTICE, encoding="utf-8")
    run(traces, "dataset", "import", record)
    run(traces, "dataset", "import", record, "--form", "hibp", "--name", NAME)
    run(traces, "withdraw", "first", "--reason", f"asked by {PHONE}")
    run(traces, "withdraw", "first", "--reason", "asked by a court")
    run(traces, "purge", "first")


def test_the_journey_was_made(traces: Traces) -> None:
    """Every dump was loaded, and the commands did what they were to do."""
    said: dict[str, list[bytes]] = {}
    for where, what in traces.found.items():
        if " qorgan " in where:
            said.setdefault(where.rpartition(" ")[2], []).append(what)
    loaded = [json.loads(what.split(b"\n")[1]) for what in said["load"] if what[:1] == b"0"]
    assert ACCEPTED == [each["rows"]["accepted"] for each in loaded]
    done = {name: sum(what[:1] == b"0" for what in told) for name, told in said.items()}
    counts = {"inspect": 4, "publish": 1, "verify": 2, "forget": 1, "withdraw": 1, "audit": 2}
    assert counts == {name: done[name] for name in counts}, said
    assert {b"0", b"2"} == {what[:1] for told in said.values() for what in told}, said


def test_no_mark_is_left_anywhere(traces: Traces) -> None:
    """No identifier, name, phone, e-mail or address is in any output, log, store or file."""
    known = needles()
    left = {where: what for where, what in traces.found.items() if whose(what, known)}
    assert {} == left


def test_nothing_temporary_is_left(traces: Traces, watched: Path) -> None:
    """Dumps are streams: nothing is unpacked to a disk, not even for a while that a crash ends."""
    assert [] == [path for path in watched.rglob("*") if path.is_file()]


@pytest.fixture
def crashing(tmp_path: Path) -> Path:
    """A folder where a program that crashes leaves its memory, if it may."""
    program = (sys.executable, "-c", "import os; os.abort()")
    subprocess.run([*CORES_ALLOWED, *program], cwd=tmp_path, check=False)
    cores = list(tmp_path.glob("core*"))
    if not cores:
        pytest.skip("this machine writes no core dumps into the current folder")
    for path in cores:
        path.unlink()
    return tmp_path


@pytest.mark.parametrize(
    ("who", "how"),
    [("loader", signal.SIGSEGV), ("worker", signal.SIGABRT)],
    ids=("loader", "worker"),
)
def test_a_crash_leaves_no_core_dump_and_the_process_table_no_mark(
    initialised: Installation, crashing: Path, who: str, how: signal.Signals
) -> None:
    """Core dumps are off while loading, whatever the shell allows; titles hold no data."""
    installation = initialised.copy(crashing)
    installation.dataset("first", classes=("names",))
    dump = crashing / "dump.csv"
    people = installation.qorgan("synth", "--people", "20000").stdout
    dump.write_text(people + f"{IIN};{NAME};;{PHONE};{EMAIL};{ADDRESS}\n", encoding="utf-8")
    words = ("load", str(dump), "--dataset", "first", "--iin", "iin", "--phone", "phone")
    process = subprocess.Popen(
        [*CORES_ALLOWED, sys.executable, "-m", "loaders", *words],
        env=installation.env | {"PYTHONPATH": str(ROOT)},
        cwd=crashing,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    workers: Callable[[], list[int]] = lambda: children(process.pid, "spawn_main")  # noqa: E731
    try:
        wait_until(lambda: process.poll() is not None or len(workers()) > 1)
        family = [process.pid, *children(process.pid)]
        shown = [
            Path(f"/proc/{pid}/{name}").read_bytes()
            for pid in family
            for name in ("cmdline", "environ", "comm")
            if lives(pid)
        ]
        assert [] == [pid for pid in family if may_dump(pid)]
        os.kill(process.pid if who == "loader" else workers()[0], how)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
        with EmbeddedStore.attach(installation.data / "store"):
            pass  # a crashed loader leaves its store; whoever comes next ends it
    assert 9 <= len(shown)
    assert (3 if who == "worker" else -how, "") == (process.returncode, out)
    assert [] == [hit for what in (*shown, err.encode()) for hit in whose(what, needles())]
    assert [] == list(crashing.rglob("core*"))


def may_dump(pid: int) -> bool:
    """Whether a process could write its memory to a file."""
    limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    return re.search(r"core file size +0 +0 ", limits) is None
