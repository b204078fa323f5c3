"""A marked person goes wherever a person can go, and afterwards is nowhere.

Through a load (good, rejected and broken rows), through questions, and raw into every part of a
request, to nodes of every role, with the store alive and killed; then outputs, logs, replies, the
store and every byte of the data folder are searched, also for hashes and other spellings.
"""

import base64
import hashlib
import json
import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import Installation, Served, wait_until
from marked_requests import (
    ADDRESS,
    BAD_EMAIL,
    BAD_PHONE,
    EMAIL,
    IIN,
    NAME,
    PHONE,
    REJECTED,
    SENT,
    marked_requests,
)
from plain_http import ask
from processes import lives
from traces import MARKS, Traces, dump_store, keep_files, needles, run, whose

from lookup import keys
from lookup.index.embedded import EmbeddedStore
from lookup.protocol import entries
from lookup.protocol.stretch import Argon2Parameters, stretch
from lookup.protocol.suite import Kind, Lane

DUMP = f"""iin;name;phone;email;address
{IIN};{NAME};8 (701) 909-09-09;{EMAIL};{ADDRESS}
{REJECTED};{NAME};;;{ADDRESS}
{IIN};{NAME};{BAD_PHONE};{BAD_EMAIL};{ADDRESS}
{SENT[:-1]};{NAME};{BAD_PHONE};{BAD_EMAIL};
{REJECTED};{NAME};too;many;cells;{IIN};{EMAIL}
;;;;
{REJECTED};"{NAME};{PHONE};{EMAIL};never closed
"""
COLUMNS = ("--iin", "iin", "--phone", "phone", "--email", "email", "--field", "name=names")
DEBUG = {"FLASK_DEBUG": "1", "FLASK_ENV": "development", "PYTHONASYNCIODEBUG": "1"}
ROLES = ("range,evaluate,site,api", "range", "evaluate", "site,api")


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """The whole journey; what it left."""
    folder = tmp_path_factory.mktemp("privacy")
    traces = Traces(Installation(folder / "data", DEBUG))
    run(traces, "init", "--argon2", "test", "--prefix-bits", "10")
    traces.installation.dataset("first", classes=("names", "phone-numbers", "email-addresses"))
    load(traces)
    with (
        ExitStack() as stack,
        EmbeddedStore.attach(traces.installation.data / "store") as embedded,
    ):
        limit = {"QORGAN_EVALUATE_LIMIT": "100000/hour", "QORGAN_WORKERS": "1"}
        nodes = [
            stack.enter_context(traces.installation.served(QORGAN_ROLES=roles, **limit))
            for roles in ROLES
        ]
        check(traces, nodes[0])
        key = traces.installation.qorgan("client", "add", "app").stdout.strip()
        wait_until(
            lambda: 200 == ask(nodes[0].url, "/v1/params/public", headers=bearer(key)).status
        )
        dump_store(traces, embedded)
        pester(traces, nodes, key)
        os.kill(embedded.pid, signal.SIGKILL)
        wait_until(lambda: not lives(embedded.pid))
        wait_until(lambda: b'"away"' in ask(nodes[0].url, "/readyz").body)
        pester(traces, nodes, key)
        run(traces, "check", "--server", nodes[0].url, stdin=IIN)
    for served in nodes:
        traces.keep("log", served.log.read_bytes())
    with EmbeddedStore.attach(traces.installation.data / "store") as embedded:
        dump_store(traces, embedded)
    keep_files(traces, traces.installation.data)
    return traces


def load(traces: Traces) -> None:
    """Load the marked rows, also with mistakes, and publish."""
    folder = traces.installation.data.parent
    dump = folder / "dump.csv"
    dump.write_text(DUMP, encoding="utf-8")
    run(traces, "load", dump, "--dataset", "first", *COLUMNS)
    certificate = json.loads(traces.found["1 qorgan load"].split(b"\n")[1])
    assert {"iin": 1, "phone": 1, "email": 1} == certificate["identifiers"]
    assert {"read": 7, "accepted": 1, "duplicates": 2, "rejected": 4} == certificate["rows"]
    bad_cells = {"email_invalid": 1, "iin_check_digit": 1, "phone_invalid": 1}
    assert bad_cells == certificate["cells"]
    run(traces, "load", dump, "--dataset", SENT, *COLUMNS)
    run(traces, "load", dump, "--dataset", "first", "--iin", IIN)
    run(traces, "load", folder / IIN, "--dataset", "first", *COLUMNS)
    dump.write_text(DUMP.split("\n", 1)[1], encoding="kz1048")
    run(traces, "load", dump, "--dataset", "first", "--iin", IIN)
    run(traces, "publish", "first")
    run(traces, "publish", IIN)


def check(traces: Traces, served: Served) -> None:
    """Ask with the command, in good ways and in bad ones."""
    ask_for = ("check", "--server", served.url)
    run(traces, *ask_for, stdin=IIN)
    run(traces, *ask_for, "--kind", "phone", "--json", stdin=PHONE)
    run(traces, *ask_for, "--kind", "email", "--json", stdin=f"{EMAIL}\n")
    run(traces, *ask_for, stdin=SENT)
    run(traces, *ask_for, stdin=REJECTED)
    run(traces, *ask_for, IIN)
    run(traces, "check", "--server", f"http://127.0.0.1:9/{IIN}", stdin=IIN)
    salt = ask(served.url, "/v1/params/public").json["argon2"]["salt"]
    key = keys.lane_key(traces.installation.data / "keys", Lane.PUBLIC)
    for kind, value in ((Kind.IIN, IIN), (Kind.PHONE, PHONE), (Kind.EMAIL, EMAIL)):
        stretched = stretch(kind, value, Argon2Parameters(bytes.fromhex(salt), 64, 1, 1))
        traces.tokens += [stretched, entries.token(key.evaluate(stretched))]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def pester(traces: Traces, nodes: list[Served], key: str) -> None:
    """Send the marks raw, wherever something can stand in a request, to every node."""
    version = ask(nodes[0].url, "/v1/params/public").json["version"]
    for served in nodes:
        for request in marked_requests(version, key):
            traces.keep("reply", ask(served.url, **request).raw)
        traces.keep("metrics", ask(served.url, "/metrics").raw)


def test_the_marks_can_be_found() -> None:
    """The search itself finds a mark in each of the forms that it knows."""
    known = needles()
    assert 300 < len(known)
    assert 8 <= min(map(len, known))
    for mark in MARKS:
        told = f"x {mark} y"
        for what in (told.encode(), told.encode("utf-16-le"), base64.b64encode(told.encode())):
            assert whose(what, known)
    assert whose(b"\0\0" + int(SENT).to_bytes(8, "little"), known)
    assert whose(hashlib.sha256(IIN.encode()).digest(), known)


def test_the_journey_was_made(traces: Traces) -> None:
    """All the places that are searched did get something to keep."""
    places = [where.split(" ", 1)[1] for where in traces.found]
    said = b"".join(what for where, what in traces.found.items() if "qorgan check" in where)
    assert (1, 1) == (said.count(b"found in 1 leak"), said.count(b"not found in version"))
    assert (2, 2) == (said.count(b'"answer": "found"'), said.count(b"could not check"))
    assert 1000 < places.count("reply")
    counted = [what for where, what in traces.found.items() if where.endswith(" metrics")]
    assert [b"200"] * 8 == [what[9:12] for what in counted]
    assert any(b'qorgan_checked_tokens_total{lane="public"} 1.0' in what for what in counted)
    assert {"store string", "store hash", "store set"} <= set(places)
    files = {Path(place).suffix for place in places if place.startswith("data/")}
    assert {".view", ".filter", ".json", ".aof", ".log", ".key"} <= files
    assert 4 == places.count("log")
    logs = b"".join(what for where, what in traces.found.items() if where.endswith(" log"))
    assert b"store cannot be reached" in logs
    statuses = {what[9:12] for where, what in traces.found.items() if where.endswith(" reply")}
    assert {b"200", b"400", b"401", b"404", b"405", b"410", b"415", b"503"} <= statuses
    assert 0 == len(statuses & {b"301", b"302", b"308", b"500"})


def test_no_mark_is_left_anywhere(traces: Traces) -> None:
    """No identifier, name, phone, e-mail or address is in any output, log, reply, key or file."""
    known = needles()
    left = {where: hits for where, what in traces.found.items() if (hits := whose(what, known))}
    assert {} == left


def test_no_token_is_left_anywhere(traces: Traces) -> None:
    """Nor is what stands for a person: stretched hash, token, and the first 8 bytes of it."""
    assert 6 == len(traces.tokens)
    needles = [form for token in traces.tokens for form in (token[:8], token.hex()[:12].encode())]
    left = {where: hits for where, what in traces.found.items() if (hits := whose(what, needles))}
    assert {} == left


def test_no_address_of_who_asked_is_left(traces: Traces) -> None:
    """The store counts evaluations for a pseudonym that does not show the address."""
    kept = [what for where, what in traces.found.items() if " store " in where]
    assert any(b"qorgan:{limits}" in what for what in kept)
    packed = bytes([127, 0, 0, 1])
    digests = [hashlib.new(name, b"127.0.0.1").hexdigest().encode() for name in ("md5", "sha256")]
    for what in kept:
        if b"qorgan:{limits}" in what:
            assert [] == whose(what, [b"127.0.0.1", packed, b"7f000001", *digests])
