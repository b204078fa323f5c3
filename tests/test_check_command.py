"""``qorgan check``: exit codes, whole outputs, and all that it does not show or repeat.

Most runs are in this process, for speed; test_story has the command against a real installation.
"""

import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import free_port
from hostile_service import HostileService, Reply, Step, served
from small_publication import (
    CLEAN,
    LEAKED,
    OTHER,
    OTHER_PUBLISHER,
    PUBLISHER,
    publish,
)
from two_lanes import KEY, two_lanes

from loaders import cli
from lookup import client, facts, keys
from lookup.protocol.suite import Lane

EMAIL = "aigerim@example.com"
UNASKED = "Sensitive leaks are shown only in an app that has identified the person.\n"
NO_PROOF = "This is no proof of safety: not every leak is known.\n"
TOO_MANY = "qorgan: give one identifier at a time, on one line\n"
NOTHING = "qorgan: nothing was given; give one identifier on standard input\n"
VERSION = publish().parameters.version


@dataclass(frozen=True)
class Done:
    """What a run of the command came to."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def service() -> Iterator[HostileService]:
    with served(publish()) as service:
        yield service


@pytest.fixture
def check(
    service: HostileService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Done]:
    """Run the command in this process; nothing that was given may be repeated."""
    monkeypatch.setenv("QORGAN_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(client, "_PAUSES", (0.01, 0.01))

    def run(*arguments: str, stdin: str = LEAKED + "\n", server: str = "") -> Done:
        argv = ["qorgan", "check", "--server", server or service.url, *arguments]
        monkeypatch.setattr(sys, "argv", argv)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = cli._run()
        said = capsys.readouterr()
        asked = f" (asked {server or service.url})\n"
        assert asked in said.err or code != 3
        done = Done(code, said.out, said.err.replace(asked, "\n"))
        for given in (*arguments, *stdin.split()):
            for part in re.findall(r"[0-9]{8,}|\S+@\S+", given):
                assert part not in done.stdout + done.stderr
        return done

    return run


Check = Callable[..., Done]


def test_not_found(check: Check) -> None:
    """Who is in no leak is told in which version, and that this proves nothing; exit code 0."""
    searched = "Searched: first-leak, second-leak.\n"
    said = f"not found in version {VERSION} of 2026-11-22\n{searched}{NO_PROOF}{UNASKED}"
    assert Done(0, said, "") == check(stdin=CLEAN + "\n")


def test_found(check: Check) -> None:
    """Who is in leaks is told which, which data, and what to do; exit code 10."""
    advice = facts.advice(["names", "email-addresses", "government-issued-ids"])
    assert 5 < len(advice)
    steps = "".join(f"  {n}. {a.text['en']}\n" for n, a in enumerate(advice, start=1))
    said = (
        f"found in 2 leaks (version {VERSION} of 2026-11-22)\n{UNASKED}\n"
        "The first-leak (2025-06-16); your data in it:\n  - Names\n  - Email addresses\n\n"
        "The second-leak (2025-06-16); your data in it:\n  - IIN\n\n"
        f"What to do today:\n{steps}"
    )
    assert Done(10, said, "") == check()


def test_json(check: Check) -> None:
    """A program gets one JSON document, found or not found."""
    done = check("--json")
    document = json.loads(done.stdout)
    assert (10, "") == (done.code, done.stderr)
    wanted = ["answer", "version", "published_at", "searched", "lanes", "leaks", "actions"]
    assert wanted == list(document)
    assert ("found", VERSION) == (document["answer"], document["version"])
    assert ["names", "email-addresses"] == document["leaks"][0]["data_classes"]
    assert "The second-leak" == document["leaks"][1]["entry"]["title"]["en"]
    assert {"id", "kk", "ru", "en"} == set(document["actions"][0])
    about = {
        "version": VERSION,
        "published_at": "2026-11-22T10:00:00Z",
        "searched": document["searched"],
    }
    said = {"answer": "not_found", **about, "lanes": [{"lane": "public", **about}]}
    assert ["first-leak", "second-leak"] == said["searched"]
    done = check("--json", stdin=CLEAN)
    assert (0, said, "") == (done.code, json.loads(done.stdout), done.stderr)


def refusal(sentence: str, code: int = 3) -> Done:
    return Done(code, "", f"qorgan: {sentence}\n")


def test_nobody_answers(check: Check) -> None:
    """A service that is not there is "could not check": exit code 3, nothing on standard output."""
    wanted = refusal("could not check: the service does not answer; try again later")
    assert wanted == check(server=f"http://127.0.0.1:{free_port()}")


def test_publisher_key(check: Check, service: HostileService) -> None:
    """With a publisher's key given only that publisher's index is believed."""
    right, other = (keys.publisher_key(seed).hex() for seed in (PUBLISHER, OTHER_PUBLISHER))
    assert 0 == check("--publisher-key", right, stdin=CLEAN).code
    wanted = refusal("could not check: the parameters are not signed by the pinned publisher")
    assert wanted == check("--publisher-key", other)
    service.seen.clear()
    for wrong in ("ab" * 31, "AB" * 32, "zz" * 32, LEAKED, ""):
        wanted = refusal("--publisher-key must be 64 lower-case hex digits", 2)
        assert wanted == check("--publisher-key", wrong)
    assert [] == service.seen


@pytest.mark.parametrize(
    "arguments", [(LEAKED,), (LEAKED, CLEAN), ("--", LEAKED), (EMAIL,), ("--kind", "phone", LEAKED)]
)
def test_identifier_as_argument(check: Check, arguments: tuple[str, ...]) -> None:
    """An identifier on the command line is refused, because shells keep those."""
    sentence = "an identifier is never an argument, shells keep those; give it on standard input"
    assert refusal(sentence, 2) == check(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (f"--{LEAKED}",),
        (f"-{LEAKED}",),
        (f"--iin={LEAKED}",),
        (f"--{EMAIL}",),
        ("--kind", LEAKED),
        (f"--kind={EMAIL}",),
        ("--server", LEAKED),
        (f"--json={LEAKED}",),
    ],
)
def test_identifier_as_option(check: Check, arguments: tuple[str, ...]) -> None:
    """Wherever else on the command line it stands, it is refused and not repeated."""
    done = check(*arguments)
    assert (2, "") == (done.code, done.stdout)
    assert done.stderr.startswith("qorgan: ")
    assert LEAKED[1:] not in done.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", NOTHING),
        ("\n", NOTHING),
        (" \t \r\n", NOTHING),
        (f"{LEAKED}\n{CLEAN}\n", TOO_MANY),
        (f"{CLEAN}\n\n{LEAKED}", TOO_MANY),
        (f"{CLEAN}\n" * 1000, TOO_MANY),
        (CLEAN + " " * 500 + LEAKED, TOO_MANY),
        ("9" * 100_000, TOO_MANY),
        (f"{CLEAN} {LEAKED}", "qorgan: an IIN has only the digits 0 to 9\n"),
        (f"{CLEAN}\0", "qorgan: an IIN has only the digits 0 to 9\n"),
        (f"{CLEAN}\r{LEAKED}\n", "qorgan: an IIN has only the digits 0 to 9\n"),
        (LEAKED[:-1], "qorgan: an IIN has 12 digits; check whether one is missing or too many\n"),
    ],
)
def test_refused_input(check: Check, service: HostileService, given: str, said: str) -> None:
    """What is not one identifier on one line is refused with what to do; nothing is asked."""
    assert Done(2, "", said) == check(stdin=given)
    assert [] == service.seen


@pytest.mark.parametrize("given", [f"\ufeff{CLEAN}\r\n", f" {CLEAN} \n", CLEAN, f"{CLEAN}\n\n"])
def test_ways_to_write_one_line(check: Check, given: str) -> None:
    """A byte order mark, blanks, Windows line ends and a missing line end do no harm."""
    done = check(stdin=given)
    assert (0, "") == (done.code, done.stderr)


def test_register_cannot_write_to_the_terminal(check: Check, service: HostileService) -> None:
    """Control characters in what a service says of a leak are shown, not obeyed."""
    entry = {
        "name": "first-leak",
        "title": dict.fromkeys(("kk", "ru", "en"), "\x1b]0;owned\x07\x1b[2J\u202e\r\nnot found"),
        "breach_date": "\x9b2J\b",
    }
    service.lies[Step.REGISTER] = lambda _: Reply(json.dumps([entry]).encode())
    done = check()
    assert 10 == done.code
    assert "owned" in done.stdout
    assert [] == [c for c in done.stdout if c != "\n" and not c.isprintable()]
    assert not any(line.startswith("not found") for line in done.stdout.splitlines())


def test_pins_are_kept_in_the_data_folder(
    check: Check, service: HostileService, tmp_path: Path
) -> None:
    """The next run knows what the first one saw, and nothing of whom it was about."""
    assert 10 == check().code
    pins = tmp_path / "data" / "pins.json"
    assert [service.url] == list(json.loads(pins.read_text()))
    service.publication = publish(counter=2)
    sentence = "could not check: the service shows another index than before, not a newer one"
    assert refusal(sentence) == check()
    assert LEAKED not in pins.read_text()
    pins.write_text("{")
    sentence = f"could not check: the pins file {pins} cannot be used; mend or remove it"
    assert refusal(sentence) == check()


def test_both_lanes_by_a_key_in_a_file(check: Check, tmp_path: Path) -> None:
    """With an API key both lanes are asked, and the answer names both versions."""
    verified = publish([(OTHER, {3: 1})], lane=Lane.VERIFIED)
    file = tmp_path / "key"
    file.touch(0o600)
    file.write_text(KEY + "\n")
    versions = (
        f"version {VERSION} of 2026-11-22 and {verified.parameters.version} of 2026-11-22 "
        "(verified lane)"
    )
    with two_lanes(publish(), verified) as both:
        asked = ("--api-key-file", str(file))
        done = check(*asked, stdin=CLEAN, server=both.url)
        searched = "Searched: first-leak, second-leak, clinic.\n"
        assert Done(0, f"not found in {versions}\n{searched}{NO_PROOF}", "") == done
        done = check(*asked, stdin=OTHER, server=both.url)
        assert (10, f"found in 1 leak ({versions})") == (done.code, done.stdout.split("\n")[0])
        assert UNASKED not in done.stdout
        document = json.loads(check(*asked, "--json", server=both.url).stdout)
        assert ["public", "verified"] == [lane["lane"] for lane in document["lanes"]]


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        (None, 0, "the API key's file cannot be read; check its path"),
        (KEY, 0o644, "others can read the API key's file; run: chmod go= FILE"),
        (KEY, 0o640, "others can read the API key's file; run: chmod go= FILE"),
        ("", 0o600, "the file holds no API key: one line, qk_... is expected"),
        (KEY[:-1], 0o600, "the file holds no API key: one line, qk_... is expected"),
        (f"{KEY}\n{KEY}", 0o600, "the file holds no API key: one line, qk_... is expected"),
        ("\xff" * 1000, 0o600, "the file holds no API key: one line, qk_... is expected"),
    ],
)
def test_files_without_a_key(
    check: Check,
    service: HostileService,
    tmp_path: Path,
    content: str | None,
    mode: int,
    sentence: str,
) -> None:
    """A key that others can read, or that is none, is refused before anything is asked."""
    file = tmp_path / "key"
    if content is not None:
        file.touch(mode)
        file.write_text(content)
        file.chmod(mode)
    assert refusal(sentence, 2) == check("--api-key-file", str(file))
    assert [] == service.seen
