"""The Python examples of ``docs/clients.md`` run as they stand, one after the other."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from documented_service import LEAKED, Documented, documented

from lookup.protocol.suite import Lane

CLEAN = "950515390002"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documented]:
    with documented(tmp_path_factory.mktemp("documented")) as running:
        yield running


def run(service: Documented, program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=service.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "" == done.stderr
    return done.stdout.splitlines()


def test_for_who_is_in_no_leak(service: Documented) -> None:
    """Each example says so in its own way."""
    blocks = service.blocks("python")
    assert 5 == len(blocks)
    assert [
        f"not found in version {service.versions[Lane.PUBLIC]}",
        "NotFound ['public', 'verified']",
        "NotFound",
        "NotFound",
        "NotFound",
        "2 watched",
    ] == run(service, "\n".join(blocks))


def test_for_who_is_in_one(service: Documented) -> None:
    """With another IIN in its place the same examples find it."""
    program = "\n".join(service.blocks("python")).replace(CLEAN, LEAKED)
    *said, watched = run(service, program)
    assert [
        "found: shop government-issued-ids",
        "Found ['public', 'verified']",
        "Found",
        "NotFound",
        "Possible",
    ] == said
    assert watched.endswith(" watched")


def test_for_who_mistyped_and_who_is_alone(service: Documented) -> None:
    """What is no IIN is not asked about, and a service that is not there is no answer."""
    first = service.blocks("python")[0]
    (said,) = run(service, first.replace(CLEAN, "950515390003"))
    assert said.startswith("not asked: the check digit")
    (said,) = run(service, first.replace(service.url, "http://127.0.0.1:9"))
    assert said.startswith("could not check: ")
