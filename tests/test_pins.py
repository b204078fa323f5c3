"""Pins: what a service showed first it must show for ever, also to the next program."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from hostile_service import HostileService, refused, served
from small_publication import (
    ARGON2,
    LEAKED,
    OTHER_OPRF,
    OTHER_PUBLISHER,
    lane_key,
    publish,
    token_of,
)

from lookup import client, keys
from lookup.client import Client, Found
from lookup.errors import Code, CouldNotCheckError
from lookup.pins import Pins
from lookup.protocol.parameters import Parameters
from lookup.protocol.suite import Kind

SEEN: Parameters = publish().parameters
URL = "https://leaks.example"

PINNED = {
    "publisher_key": SEEN.publisher_key,
    "public_key": SEEN.public_key,
    "argon2": {"salt": "0f" * 16, "memory_kib": 64, "time_cost": 1, "parallelism": 1},
    "prefix_bits": 10,
    "counter": 3,
    "root": SEEN.root,
}


def version(counter: int) -> Parameters:
    return replace(SEEN, version=f"{counter}-{SEEN.root[:8]}")


def code_of(action: Callable[[], object]) -> Code | None:
    """The code with which it could not be checked; None where it went well."""
    try:
        action()
    except CouldNotCheckError as error:
        return error.code
    return None


def test_first_use_is_kept_in_the_file(tmp_path: Path) -> None:
    """The first use writes what is pinned, and only that, where the next program reads it."""
    path = tmp_path / "new" / "folder" / "pins.json"
    assert Pins(path).publisher_key(URL) is None
    Pins(path).check(URL, SEEN)
    assert {URL: PINNED} == json.loads(path.read_text())
    assert bytes.fromhex(SEEN.publisher_key) == Pins(path).publisher_key(URL)


CHANGES: dict[str, tuple[dict[str, Any], Code]] = {
    "publisher key": ({"publisher_key": "ab" * 32}, Code.PIN_MISMATCH),
    "public key": ({"public_key": lane_key(OTHER_OPRF).public_key.hex()}, Code.PIN_MISMATCH),
    "salt": ({"argon2": replace(ARGON2, salt="0e" * 16)}, Code.PIN_MISMATCH),
    "memory": ({"argon2": replace(ARGON2, memory_kib=128)}, Code.PIN_MISMATCH),
    "passes": ({"argon2": replace(ARGON2, time_cost=2)}, Code.PIN_MISMATCH),
    "lanes": ({"argon2": replace(ARGON2, parallelism=2)}, Code.PIN_MISMATCH),
    "longer prefix": ({"prefix_bits": 11}, Code.PIN_MISMATCH),
    "another root": ({"root": "ab" * 32}, Code.ROLLED_BACK),
    "older version": ({"version": f"2-{SEEN.root[:8]}"}, Code.ROLLED_BACK),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("in_file", [True, False])
def test_later_change_is_refused(tmp_path: Path, name: str, in_file: bool) -> None:
    """Whatever is pinned cannot change, and the refusal leaves the pin as it was."""
    changes, code = CHANGES[name]
    path = tmp_path / "pins.json" if in_file else None
    pins = Pins(path)
    pins.check(URL, SEEN)
    for holder in (pins, Pins(path)) if in_file else (pins,):
        assert code is code_of(lambda h=holder: h.check(URL, replace(SEEN, **changes)))
        assert code_of(lambda h=holder: h.check(URL, SEEN)) is None
    if path is not None:
        assert {URL: PINNED} == json.loads(path.read_text())


def test_mismatch_says_what_and_where(tmp_path: Path) -> None:
    """A person is told what changed, which file holds the pin, and when to remove it."""
    path = tmp_path / "pins.json"
    Pins(path).check(URL, SEEN)
    with pytest.raises(CouldNotCheckError) as raised:
        Pins(path).check(URL, replace(SEEN, prefix_bits=20))
    assert (
        f"could not check: the service's prefix length is not the one pinned in {path}; only if "
        "its operator has announced a new index, remove that pin" == raised.value.sentence
    )


def test_highest_counter_is_kept(tmp_path: Path) -> None:
    """Going forward is kept; going back is refused, also by a program that started before."""
    path = tmp_path / "pins.json"
    early = Pins(path)
    early.check(URL, version(3))
    Pins(path).check(URL, version(7))
    assert Code.ROLLED_BACK is code_of(lambda: early.check(URL, version(6)))
    assert 7 == json.loads(path.read_text())[URL]["counter"]
    early.check(URL, version(7))


def test_shorter_prefix_does_not_move_the_pin(tmp_path: Path) -> None:
    """A service may hide people better for a while, and return to what was pinned."""
    pins = Pins(tmp_path / "pins.json")
    pins.check(URL, replace(SEEN, prefix_bits=12))
    pins.check(URL, replace(SEEN, prefix_bits=10))
    pins.check(URL, replace(SEEN, prefix_bits=12))
    assert Code.PIN_MISMATCH is code_of(lambda: pins.check(URL, replace(SEEN, prefix_bits=13)))


def test_services_have_pins_of_their_own(tmp_path: Path) -> None:
    """What one service shows says nothing about another one."""
    path = tmp_path / "pins.json"
    pins, later = Pins(path), Pins(path)
    pins.check(URL, SEEN)
    later.check("https://other.example", replace(SEEN, public_key="ab" * 32))
    assert [URL, "https://other.example"] == list(json.loads(path.read_text()))
    pins.check(URL, version(4))
    assert [URL, "https://other.example"] == list(json.loads(path.read_text()))


BROKEN: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"pins",
    "cut": json.dumps({URL: PINNED}).encode()[:-5],
    "no UTF-8": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "no pin": json.dumps({URL: None}).encode(),
    "a pin that is a list": json.dumps({URL: []}).encode(),
    "an empty pin": json.dumps({URL: {}}).encode(),
    "a key too many": json.dumps({URL: PINNED | {"x": 1}}).encode(),
    "no argon2": json.dumps({URL: PINNED | {"argon2": None}}).encode(),
    "an empty argon2": json.dumps({URL: PINNED | {"argon2": {}}}).encode(),
    "publisher key: number": json.dumps({URL: PINNED | {"publisher_key": 5}}).encode(),
    "publisher key: no hex": json.dumps({URL: PINNED | {"publisher_key": "zz" * 32}}).encode(),
    "publisher key: short": json.dumps({URL: PINNED | {"publisher_key": "ab"}}).encode(),
    "counter: text": json.dumps({URL: PINNED | {"counter": "3"}}).encode(),
    "counter: null": json.dumps({URL: PINNED | {"counter": None}}).encode(),
    "prefix: text": json.dumps({URL: PINNED | {"prefix_bits": "10"}}).encode(),
    "prefix: true": json.dumps({URL: PINNED | {"prefix_bits": True}}).encode(),
}


@pytest.fixture(scope="module")
def service() -> Any:
    with served(publish()) as service:
        yield service


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file(tmp_path: Path, service: HostileService, name: str) -> None:
    """A pins file that cannot be read is "could not check", and is left for a person to see."""
    path = tmp_path / "pins.json"
    path.write_bytes(BROKEN[name].replace(URL.encode(), service.url.encode()))
    before = path.read_bytes()
    asked = code_of(lambda: Client(service.url, pins=path).check(Kind.IIN, LEAKED))
    assert Code.BAD_FILE is asked
    assert before == path.read_bytes()
    path.unlink()
    assert isinstance(Client(service.url, pins=path).check(Kind.IIN, LEAKED), Found)


def _folder(path: Path) -> None:
    path.mkdir()


def _below_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


def _loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("spoil", [_folder, _below_a_file, _loop])
def test_unusable_place(
    tmp_path: Path, service: HostileService, spoil: Callable[[Path], None]
) -> None:
    """Without a place to keep pins there is no answer, rather than one without pins."""
    path = tmp_path / "place" / "pins.json"
    path.parent.mkdir()
    spoil(path)
    assert Code.BAD_FILE is code_of(lambda: Client(service.url, pins=path).check(Kind.IIN, LEAKED))


def test_pins_outlive_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second program refuses what the first one has not seen, before it sends anything."""
    monkeypatch.setattr(client, "_PAUSES", ())
    path = tmp_path / "pins.json"
    with served(publish()) as service:
        assert isinstance(Client(service.url, pins=path).check(Kind.IIN, LEAKED), Found)
        honest = service.publication
        for change, code in CHANGES.values():
            if not {"publisher_key", "version", "root"} & set(change):
                service.publication = honest.signed_anew(**change)
                assert code is refused(service, Client(service.url, pins=path))
        service.publication = publish(counter=2)
        assert Code.ROLLED_BACK is refused(service, Client(service.url, pins=path))
        service.publication = publish(publisher=OTHER_PUBLISHER)
        assert Code.BAD_SIGNATURE is refused(service, Client(service.url, pins=path))
        assert 1 == len(service.seen)


def test_given_key_is_pinned_beside_the_first_one(tmp_path: Path) -> None:
    """A publisher key that was given has pins of its own: it is no way around the others."""
    path = tmp_path / "pins.json"
    key = keys.publisher_key(OTHER_PUBLISHER).hex()
    with served(publish()) as service:
        Client(service.url, pins=path).check(Kind.IIN, LEAKED)
        service.publication = publish(publisher=OTHER_PUBLISHER)
        given = Client(service.url, pins=path, publisher_key=key)
        assert isinstance(given.check(Kind.IIN, LEAKED), Found)
        assert Code.BAD_SIGNATURE is refused(service, Client(service.url, pins=path))
        assert [service.url, f"{service.url}#{key}"] == list(json.loads(path.read_text()))


def test_file_holds_nothing_personal(tmp_path: Path, service: HostileService) -> None:
    """After questions the file holds the service's public values, nothing of who was asked for."""
    path = tmp_path / "pins.json"
    Client(service.url, pins=path).check(Kind.IIN, LEAKED)
    assert {service.url: PINNED} == json.loads(path.read_text())
    token = token_of(Kind.IIN, LEAKED)
    for file in tmp_path.iterdir():
        text = file.read_text()
        assert LEAKED not in text
        assert token.hex()[:6] not in text


def test_programs_at_once_lose_no_pin(tmp_path: Path) -> None:
    """Programs that write at the same moment keep each other's pins and the highest counter."""
    path = tmp_path / "pins.json"
    document = tmp_path / "document"
    document.write_bytes(publish().document)
    programs = []
    for first in (1, 21, 41):
        with document.open("rb") as stdin:
            command = [sys.executable, "-m", "tests.pinning", str(path), URL, str(first)]
            programs.append(subprocess.Popen(command, stdin=stdin, cwd=ROOT))
    while any(program.poll() is None for program in programs):
        assert code_of(lambda: Pins(path)) is None  # whole at every moment
        time.sleep(0.002)
    assert [0, 0, 0] == [program.wait() for program in programs]
    kept = json.loads(path.read_text())
    assert {URL, *(f"https://{n}.example" for n in range(1, 61))} == set(kept)
    assert 60 == kept[URL]["counter"]


def test_threads_at_once_lose_no_pin(tmp_path: Path) -> None:
    """Nor do the clients of one program get in each other's way."""
    path = tmp_path / "pins.json"
    failed: list[BaseException] = []

    def work(first: int) -> None:
        try:
            pins = Pins(path)
            for number in range(first, first + 10):
                pins.check(f"https://{number}.example", SEEN)
        except BaseException as error:  # noqa: BLE001  a thread's error would be lost
            failed.append(error)

    threads = [threading.Thread(target=work, args=(1 + 10 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failed
    assert 60 == len(json.loads(path.read_text()))
    assert {"pins.json", ".pins.json.lock"} == {file.name for file in tmp_path.iterdir()}
