"""``qorgan doctor`` on web nodes: what each role needs, and what it should not have."""

import shutil

from doctor_world import WEB, Patient, patient, qorgan, server, wrong

__all__ = ["patient", "qorgan", "server"]


def test_a_range_node(patient: Patient) -> None:
    """With the user for ranges it has all that it needs; what it should not have is told."""
    keys = patient.index.folder
    web = WEB | {"QORGAN_KEYS": str(keys.parent / "web")}
    (keys.parent / "web").mkdir(mode=0o700)
    shutil.copy2(keys / "notices.key", keys.parent / "web")
    code, found = patient.examined(user="range", **web)
    assert (0, ["service"]) == (code, list(wrong(found)))
    lifts = (
        "warning: this node evaluates nothing, but its user of the store may delete what limits "
    )
    assert patient.examined(user="web", **web)[1]["permissions"][0].startswith(lifts)
    assert ["ok: roles range, site, api; keys here: notices"] == found["key files"]
    code, found = patient.examined(user="loader", **WEB)
    assert 0 == code
    needless = "public, verified, ledger, padding, publisher, webhook"
    assert found["key files"][1].startswith(f"warning: a node of these roles needs no {needless} ")
    assert found["permissions"][0].startswith("warning: this web node's user of the store may ")
    (keys.parent / "web" / "notices.key").unlink()
    assert "role api has no notices key" in patient.examined(user="web", **web)[1]["key files"][1]


def test_an_evaluator(patient: Patient) -> None:
    """A user who may not count limits would refuse everybody; callers must be told apart."""
    one = {"QORGAN_ROLES": "evaluate", "QORGAN_BIND": "0.0.0.0:1"}
    key = patient.index.folder / "verified.key"
    line = key.read_text()
    key.write_text(f"{'ab' * 32}\n")
    told = "does not fit this index; restore the index's own key from backup"
    expected = [f"problem: the key file verified.key {told}"]
    assert expected == patient.examined(user="web", **one)[1]["keys"]
    key.write_text(line)
    code, found = patient.examined(user="few", **one)
    may_not = "problem: our user of the store may not count limits and use; give it what "
    assert (3, True) == (code, found["permissions"][0].startswith(may_not))
    assert found["limits"][0].startswith("warning: QORGAN_PROXY_HOPS is 0 while we listen on 0.0.")
    assert "public cache" not in found
    one["QORGAN_PROXY_HOPS"] = "1"
    code, found = patient.examined(user="web", **one)
    assert 0 == code
    assert ["ok: 60/hour;200/day a network; QORGAN_PROXY_HOPS is 1"] == found["limits"]
    assert found["metrics"][0].startswith("warning: behind a proxy nobody may read /metrics with")
    limit = patient.examined(user="web", QORGAN_EVALUATE_LIMIT="off", **one)[1]["limits"]
    assert [
        "warning: QORGAN_EVALUATE_LIMIT is off: anybody may try all identifiers; set it"
    ] == limit


def test_a_deliverer(patient: Patient) -> None:
    """It has two keys and shall have no other: it is not told to fetch the evaluator's."""
    keys = patient.index.folder
    own = keys.parent / "deliverer"
    own.mkdir(mode=0o700)
    for name in ("notices.key", "webhook.key"):
        shutil.copy2(keys / name, own)
    alone = {"QORGAN_KEYS": str(own)}
    code, found = patient.examined(**alone)
    assert (0, {}) == (code, wrong(found))
    assert ["ok: a deliverer; keys here: notices, webhook"] == found["key files"]
    assert not {"public cache", "disk", "limits"} & set(found)
    assert "public cache" in patient.examined(**alone, **WEB)[1]
    code, found = patient.examined(user="web", **alone)
    may_not = "problem: our user of the store may not note what was delivered; give it what "
    assert (3, True) == (code, found["permissions"][0].startswith(may_not))
    (own / "notices.key").unlink()
    assert "notices.key is missing" in patient.examined(**alone)[1]["key files"][0]
