"""The product's story through real HTTP: absent, loaded, still absent, published, present."""

import itertools
import json
import multiprocessing
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from conftest import Installation, Served, get, wait_until
from small_publication import CLEAN, LEAKED, OTHER

from loaders.synth import people, write_dump
from lookup.client import Client, Found, NotFound
from lookup.errors import CouldNotCheckError
from lookup.protocol.suite import Kind

CLASSES = ("government-issued-ids", "names", "phone-numbers", "physical-addresses")
PHONE = "+77012345678"
HEADER = "iin;name;phone;address\n"
# Of the leaked person there is no address; of the other one there is everything.
FIRST = HEADER + f"{OTHER};Айгерим;87771234567;Астана\n"
SECOND = HEADER + f"{LEAKED};Данияр;8 (701) 234-56-78;н/д\n{OTHER};Айгерим;-;Астана, 1\n"
SENSITIVE = HEADER + f"{CLEAN};Болат;;Алматы\n"
COLUMNS = ("--iin", "iin", "--field", "name=names", "--field", "phone=phone-numbers")


def load(installation: Installation, name: str, rows: str, *options: str) -> None:
    path = installation.data.parent / f"{name}.csv"
    path.write_text(rows, encoding="utf-8")
    fields = (*COLUMNS, "--field", "address=physical-addresses", *options)
    installation.qorgan("load", path, "--dataset", name, *fields)


def version(served: Served) -> str:
    """The version that a new connection is answered with."""
    status, body = get(f"{served.url}/v1/params/public")
    name: str = json.loads(body)["version"] if status == 200 else f"status {status}"
    return name


def is_served_everywhere(served: Served, counter: int) -> bool:
    """Whether so many connections, which go to all workers, are all answered with this version."""
    return all(version(served).startswith(f"{counter}-") for _ in range(12))


def publish(installation: Installation, served: Served, name: str, counter: int) -> None:
    """Publish a dataset; every worker serves the new version within 5 s of the switch."""
    (done,) = json.loads(installation.qorgan("publish", name, "--json").stdout)
    assert (True, counter) == (done["changed"], int(done["version"].partition("-")[0]))
    wait_until(lambda: is_served_everywhere(served, counter), seconds=5)


def leaks(client: Client, kind: Kind, text: str) -> dict[str, tuple[str, ...]]:
    """Names and data classes of a person's leaks."""
    answer = client.check(kind, text)
    return {leak.name: leak.data_classes for leak in answer.leaks if isinstance(answer, Found)}


def check(installation: Installation, served: Served, iin: str) -> tuple[int, str, str]:
    """Exit code and outputs of the command."""
    done = installation.qorgan("check", "--server", served.url, stdin=f"{iin}\n", code=None)
    return done.returncode, done.stdout, done.stderr


def post(url: str, document: object) -> int:
    """The status of a refused POST."""
    request = urllib.request.Request(
        url, json.dumps(document).encode(), {"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=10)
    with raised.value as error:
        return error.code


def test_story(installation: Installation) -> None:
    """A leaked person is found when the dataset is published, not before, with just their data."""
    for name in ("first", "second"):
        installation.dataset(name, classes=CLASSES)
    installation.dataset("clinic", classes=CLASSES, sensitive=True)
    with installation.served(QORGAN_WORKERS="2") as served:
        sentence = f"could not check: the service answered with status 404 (asked {served.url})"
        assert (3, "", f"qorgan: {sentence}\n") == check(installation, served, LEAKED)

        load(installation, "first", FIRST)
        publish(installation, served, "first", 1)
        client, oldest = Client(served.url), version(served)
        # The client's connection may be with the worker that has not heard of it yet.
        wait_until(lambda: answers(client), seconds=5)
        absent = client.check(Kind.IIN, LEAKED)
        assert NotFound is type(absent)
        assert oldest == absent.version
        code, told, noted = check(installation, served, LEAKED)
        day = absent.published_at[:10]
        assert (0, "") == (code, noted)
        assert (
            f"not found in version {oldest} of {day}\nSearched: first.\n"
            "This is no proof of safety: not every leak is known.\n"
            "Sensitive leaks are shown only in an app that has identified the person.\n" == told
        )

        load(installation, "second", SECOND, "--phone", "phone")
        assert absent == client.check(Kind.IIN, LEAKED)  # loaded is not published
        with pytest.raises(CouldNotCheckError, match="no leak here was loaded by such"):
            client.check(Kind.PHONE, PHONE)

        publish(installation, served, "second", 2)
        newer = version(served)
        # The client's connection is with one worker, which the other connections may have missed.
        wait_until(lambda: newer == client.check(Kind.IIN, CLEAN).version, seconds=5)
        theirs = ("government-issued-ids", "names", "phone-numbers")
        assert {"second": theirs} == leaks(client, Kind.IIN, LEAKED)
        assert {"second": theirs} == leaks(client, Kind.PHONE, PHONE)
        assert {"first": CLASSES, "second": (*CLASSES[:2], CLASSES[3])} == leaks(
            client, Kind.IIN, OTHER
        )
        assert NotFound is type(client.check(Kind.IIN, CLEAN))
        code, told, noted = check(installation, served, LEAKED)
        assert (10, "") == (code, noted)
        assert told.startswith(f"found in 1 leak (version {newer} of {day[:4]}")
        assert "\nsecond en (2025-06-16); your data in it:\n  - IIN\n  - Names\n" in told

        root = f"{served.url}/v1/range/public"
        assert 200 == get(f"{root}/{oldest}/000")[0]  # for who has just fetched its parameters
        assert 200 == get(f"{root}/{newer}/000")[0]
        for unknown in (f"3-{newer[2:]}", f"2-{oldest[2:]}", "1-00000000"):
            assert 410 == get(f"{root}/{unknown}/000")[0]

        load(installation, "clinic", SENSITIVE)
        installation.qorgan("publish", "clinic")
        wait_until(lambda: b"clinic" in get(f"{served.url}/v1/breaches")[1], seconds=5)
        assert NotFound is type(client.check(Kind.IIN, CLEAN))  # only verified clients may know
        assert newer == version(served)
        verified = f"{served.url}/v1/range/verified/1-00000000/000"
        assert 401 == get(f"{served.url}/v1/params/verified")[0]
        assert 401 == get(verified)[0]
        assert 401 == post(
            f"{served.url}/v1/evaluate", {"lane": "verified", "blinded": ["e2" * 32]}
        )
        assert b"clinic" not in get(f"{served.url}/v1/params/public")[1]


def answers(client: Client) -> bool:
    """Whether the client has an answer at all."""
    try:
        client.check(Kind.IIN, CLEAN)
    except CouldNotCheckError:
        return False
    return True


PEOPLE, ASKED, SEED = 200_000, 20_000, 7


def wrong_answers(url: str, present: Sequence[str], absent: Sequence[str]) -> list[int]:
    """How many of each are answered wrongly; runs in a process of its own."""
    client = Client(url)
    found = client.check_many(Kind.IIN, present)
    not_found = client.check_many(Kind.IIN, absent)
    right = {"dump": ("government-issued-ids", "names")}
    return [
        sum(
            type(answer) is not Found
            or {leak.name: leak.data_classes for leak in answer.leaks} != right
            for answer in found
        ),
        sum(type(answer) is not NotFound for answer in not_found),
    ]


def test_not_one_of_40000_answers_is_wrong(tmp_path: Path) -> None:
    """Of 200,000 people loaded, 20,000 are asked for and found; of all others 20,000 are not."""
    installation = Installation(tmp_path / "data", {"QORGAN_WORKERS": "2"})
    installation.qorgan("init", "--argon2", "test", "--prefix-bits", "12")
    installation.dataset("dump", classes=CLASSES[:2])
    dump = tmp_path / "dump.csv"
    with dump.open("w", encoding="utf-8", newline="") as out:
        write_dump(out, PEOPLE, SEED)
    arguments = ("--dataset", "dump", "--iin", "iin", "--field", "full_name=names")
    certificate = json.loads(installation.qorgan("load", dump, *arguments).stdout)
    assert PEOPLE == certificate["identifiers"]["iin"]
    installation.qorgan("publish", "dump")

    every = [person.iin for person in itertools.islice(people(SEED), PEOPLE + ASKED)]
    present, absent = every[: PEOPLE : PEOPLE // ASKED], every[PEOPLE:]
    assert (ASKED, ASKED) == (len(set(present)), len(set(absent) - set(every[:PEOPLE])))
    spawn = multiprocessing.get_context("spawn")
    with installation.served() as served, ProcessPoolExecutor(2, mp_context=spawn) as pool:
        halves = [
            pool.submit(wrong_answers, served.url, present[half::2], absent[half::2])
            for half in (0, 1)
        ]
        assert [[0, 0], [0, 0]] == [half.result() for half in halves]
