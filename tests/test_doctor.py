"""``qorgan doctor`` where one loads: nothing is wrong in order; each fault has its remedy."""

import shutil
import time
from pathlib import Path

import pytest
from doctor_world import Patient, patient, qorgan, server, wrong
from program import Program, Said
from web_index import IINS, WebIndex, a_load

from lookup.index import condition, ledger, register, versions
from lookup.index.node import Node
from lookup.index.watch import Watch
from lookup.protocol.suite import Lane

__all__ = ["patient", "qorgan", "server"]


def fetched(patient: Patient, cache: Path) -> None:
    """Have a web node keep the current versions here."""
    watch = Watch(*[lambda *_: None] * 6)
    Node(patient.index.store, cache, 86400, tuple(Lane), watch).refresh()


def test_a_loader_in_order(patient: Patient) -> None:
    """Nothing is wrong, the exit code is 0, and nothing was changed in store and folder."""
    before = patient.contents()
    code, found = patient.examined()
    assert (0, {}) == (code, wrong(found))
    assert before == patient.contents()
    assert {"data folder", "key files", "store", "durability", "clock", "permissions"} < set(found)
    assert {"index", "keys", "public lane", "public cache", "store memory", "loads"} < set(found)
    assert ["ok: nobody serves at 127.0.0.1:8000 here; for that run: qorgan serve"] == found[
        "service"
    ]
    assert "is signed by our publisher" in found["public lane"][0]
    assert "is not here; a node fetches" in found["public cache"][0]


def test_lines_and_the_count(patient: Patient) -> None:
    """For people a line a finding; the count is on standard error."""
    said = patient.program("doctor", QORGAN_REDIS_URL=patient.store.url("loader"))
    assert "ok       loads: none is interrupted" in said.out
    assert "warning  index: profile test, 10 prefix bits: this profile protects nobody" in said.out
    lines = said.out.splitlines()
    assert f"note: problems: 0, warnings: 1, in order: {len(lines) - 1}\n" == said.err


def test_nothing_is_configured(qorgan: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder it says how an index is made, and makes nothing."""
    monkeypatch.delenv("QORGAN_REDIS_URL")
    (qorgan.folder / "dump.csv").unlink()
    data = qorgan.folder / "data"
    expected = (
        f"problem  data folder: there is no folder {data}; run: qorgan init, or set QORGAN_DATA\n"
        "problem  index: this store has no index yet; run: qorgan init\n"
    )
    assert Said(3, expected, "note: problems: 2, warnings: 0, in order: 0\n") == qorgan("doctor")
    assert [] == list(qorgan.folder.iterdir())


def test_a_folder_that_cannot_be_looked_at(qorgan: Program) -> None:
    """Who runs it as another user than the service's is told so, and the rest goes on."""
    said = qorgan("doctor", QORGAN_DATA=f"/{'x' * 300}")
    why = "a file or folder cannot be used (file name too long); check the paths in qorgan settings"
    told = f"{why}, and run this as the service's user"
    lines = said.out.splitlines()
    assert (3, f"problem  data folder: {told}") == (said.code, lines[0])
    assert "ok       store: Valkey" in said.out
    assert f"problem  folders: {told}" == lines[-1]


def test_usage(qorgan: Program) -> None:
    """An address that is none, and a setting that is unknown, are refused before anything."""
    said = qorgan("doctor", "--url", "example.kz")
    assert (2, "qorgan: --url must be an http:// or https:// URL\n") == (said.code, said.err)
    assert 2 == qorgan("doctor", QORGAN_ROLE="range").code


def test_the_store_is_away(patient: Patient) -> None:
    """It is told, and so is what can be looked at without it."""
    code, found = patient.examined(QORGAN_REDIS_URL="unix://u:correct-horse@/nowhere/s")
    assert 3 == code
    told = (
        "problem: the store cannot be reached; check that it runs, then run the same command again"
        " (the store at /nowhere/s)"
    )
    assert {"store": [told]} == wrong(found)
    assert {"data folder", "key files", "disk", "service"} < set(found)


def test_a_store_that_evicts(patient: Patient) -> None:
    """It is a problem, and the rest is looked at all the same."""
    patient.store.configured(maxmemory_policy="allkeys-lru")
    code, found = patient.examined()
    told = "the store may evict keys; set maxmemory-policy to noeviction in its configuration"
    assert (3, f"problem: {told}") == (code, found["store"][0])
    assert "loads" in found


@pytest.mark.parametrize(
    ("option", "check", "sentence"),
    [
        (
            {"appendfsync": "everysec"},
            "durability",
            "warning: the store may lose writes when it crashes; set appendfsync always",
        ),
        (
            {"appendonly": "no"},
            "durability",
            (
                "warning: the store has no append-only file, a crash loses the index; set "
                "appendonly yes and appendfsync always"
            ),
        ),
        (
            {"set_max_listpack_entries": "64"},
            "store memory",
            (
                "warning: the ledger's sets take more than twice the memory; set "
                "set-max-listpack-entries 128 in the store's configuration, before you load"
            ),
        ),
    ],
)
def test_a_store_that_is_set_otherwise(
    patient: Patient, option: dict[str, str], check: str, sentence: str
) -> None:
    """It works, with a warning that says what to set."""
    patient.store.configured(**option)
    code, found = patient.examined()
    assert (0, {check: [sentence]}) == (code, wrong(found))


def test_a_store_that_gets_full(patient: Patient) -> None:
    """First a warning, then a problem."""
    patient.store.admin.setrange("ballast", 32 << 20, b"x")  # beside it buffers weigh nothing
    used = int(patient.store.admin.info("memory")["used_memory"])
    for factor, code, level in ((1.2, 0, "warning"), (0.9, 3, "problem")):
        patient.store.configured(maxmemory=str(int(used * factor)))
        told_code, found = patient.examined()
        (told,) = wrong(found)["store memory"]
        assert (code, True) == (told_code, told.startswith(f"{level}: "))
        assert "(maxmemory), or delete withdrawn loads: qorgan purge" in told


@pytest.mark.parametrize(("ahead", "level", "code"), [(-60, "problem", 3), (5, "warning", 0)])
def test_clocks_apart(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, ahead: int, level: str, code: int
) -> None:
    """Limits, locks and signatures go by the clock; ours is the one that jumps here."""
    clock = type("Clock", (), {"time": staticmethod(lambda: time.time() - ahead)})
    monkeypatch.setattr(condition, "time", clock)
    told_code, found = patient.examined()
    assert code == told_code
    (told,) = wrong(found)["clock"]
    assert told.startswith(f"{level}: the store's clock and ours are {abs(ahead)}.0 s apart")


def test_a_key_that_others_can_read(patient: Patient) -> None:
    """The sentence is the one that start-up says, and it is said once."""
    key = patient.index.folder / "ledger.key"
    key.chmod(0o644)
    code, found = patient.examined()
    assert 3 == code
    told = f"problem: others can read {key}; run: chmod go= {key}"
    assert {"key files": [told]} == wrong(found)


def test_a_key_of_another_index(patient: Patient) -> None:
    """Whatever key it is, it is named."""
    for name in ("public", "padding", "notices"):
        key = patient.index.folder / f"{name}.key"
        line = key.read_text()
        key.write_text(f"{'ab' * 32}\n")
        code, found = patient.examined()
        assert (3, ["keys"]) == (code, list(wrong(found)))
        assert f"problem: the key file {name}.key " in wrong(found)["keys"][0]
        key.write_text(line)


def test_keys_that_are_not_there(patient: Patient) -> None:
    """One that is missing is to be restored; with none at all the folder is the first suspect."""
    (patient.index.folder / "padding.key").unlink()
    told = f"the key file {patient.index.folder}/padding.key is missing; restore it from backup"
    assert f"problem: {told}" in patient.examined()[1]["key files"]
    shutil.rmtree(patient.index.folder)
    code, found = patient.examined()
    expected = (
        f"problem: there are no keys in {patient.index.folder}; restore them from backup, or set "
        "QORGAN_KEYS; a new index gets its own by: qorgan init"
    )
    assert (3, [expected]) == (code, found["key files"])


def test_loads_that_are_not_done(patient: Patient) -> None:
    """One that was interrupted, and one that nobody published."""
    patient.index.load("other", IINS[:3])
    dataset_id, _ = register.get(patient.index.store, "leak")
    ledger.begin(patient.index.store, a_load(dataset_id, Lane.PUBLIC, 5, file="half"))
    code, found = patient.examined()
    expected = [
        (
            "warning: 1 interrupted; qorgan loads tells which: run the same qorgan load again, or "
            "qorgan purge NAME --interrupted"
        ),
        (
            "warning: 1 finished and not published; qorgan loads tells which: run qorgan publish "
            "NAME, or qorgan withdraw NAME"
        ),
    ]
    assert (0, {"loads": expected}) == (code, wrong(found))


def test_an_index_without_a_version(patient: Patient) -> None:
    """Nothing is published: a warning; no index: the sentence of every command."""
    patient.store.admin.flushall()
    index = "problem: this store has no index yet; run: qorgan init"
    assert [index] == patient.examined()[1]["index"]
    shutil.rmtree(patient.index.folder)
    made = WebIndex.create(patient.index.store, patient.index.folder)
    assert made.folder == patient.index.folder
    code, found = patient.examined()
    expected = ["warning: nothing is published; run: qorgan publish NAME"]
    assert (0, {"public lane": expected}) == (code, wrong(found))


def test_a_version_that_our_publisher_did_not_sign(patient: Patient) -> None:
    """Whoever changed the store is found out."""
    key = "qorgan:versions:public"
    name = versions.current_name(patient.index.store, Lane.PUBLIC)
    record = patient.store.admin.hget(key, f"record:{name}")
    assert record is not None
    changed = record.replace(b"leak", b"keal")
    patient.store.admin.hset(key, f"record:{name}", changed)
    code, found = patient.examined()
    told = "our publisher did not sign its parameters; restore the store's backup"
    expected = f"problem: the public lane's version is not whole: {told}"
    assert (3, [expected]) == (code, found["public lane"])


def test_what_a_node_keeps(patient: Patient) -> None:
    """Files that are as signed are told of; one that is spoilt is a problem, and is left there."""
    cache = patient.program.folder / "data" / "cache"
    fetched(patient, cache)
    assert "every byte as signed" in patient.examined()[1]["public cache"][0]
    (kept,) = cache.glob("*.view")
    content = bytearray(kept.read_bytes())
    content[100] ^= 1
    kept.write_bytes(content)
    before = patient.contents()
    code, found = patient.examined()
    assert 3 == code
    (told,) = found["public cache"]
    assert told.startswith("problem: a version cannot be served: the view is not the one that was")
    assert f"delete {kept.with_suffix('')}.*, then start it" in told
    assert before == patient.contents()
    cache.chmod(0o777)
    code, found = patient.examined()
    assert f"others can write to the folder {cache}" in found["data folder"][-1]


def test_an_embedded_store_that_others_can_enter(
    qorgan: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening it would close the folder: it is left as it is, and told."""
    monkeypatch.delenv("QORGAN_REDIS_URL")
    folder = qorgan.folder / "data" / "store"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    assert f"store: others can look into {folder}; run: chmod go= {folder}" in qorgan("doctor").out
    assert 0o755 == folder.stat().st_mode & 0o777
