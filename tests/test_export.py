"""An exported version, served by a real nginx beside a node that only evaluates."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nginx
import pytest
from click.testing import CliRunner
from conftest import ROOT, Installation, Served, get
from plain_http import ask
from site_world import CLEAN, IN_ONE, LEAKED, SENSITIVE

from loaders.export_cli import export

pytestmark = pytest.mark.skipif(
    nginx.PROGRAM is None, reason="nginx is not installed (Debian: apt-get install nginx-light)"
)


@dataclass(frozen=True)
class World:
    """The files, who serves them, and who evaluates for them."""

    installation: Installation
    folder: Path
    files: nginx.Nginx
    evaluator: Served

    def check(self, iin: str, code: int) -> str:
        done = self.installation.qorgan("check", "--server", self.files.url, stdin=iin, code=code)
        return done.stdout + done.stderr

    def export(self) -> dict[str, object]:
        told = self.installation.qorgan("export", self.folder, "--json").stdout
        (row,) = json.loads(told)
        assert isinstance(row, dict)
        return row

    def version(self) -> str:
        name: str = json.loads(get(f"{self.files.url}/v1/params/public")[1])["version"]
        return name


@contextmanager
def exported(published_site: Installation, folder: Path) -> Iterator[World]:
    installation = published_site.copy(folder)
    out = folder / "exported"
    installation.qorgan("export", out)
    with installation.served(QORGAN_WORKERS="1", QORGAN_ROLES="evaluate") as evaluator:
        server = f"include {out}/nginx.conf;\n"
        server += f"location = /v1/evaluate {{ proxy_pass {evaluator.url}; access_log off; }}"
        with nginx.running(folder / "nginx", server) as files:
            yield World(installation, out, files, evaluator)


@pytest.fixture(scope="module")
def kept(published_site: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For tests that change nothing."""
    with exported(published_site, tmp_path_factory.mktemp("kept")) as made:
        yield made


@pytest.fixture
def world(published_site: Installation, tmp_path: Path) -> Iterator[World]:
    with exported(published_site, tmp_path) as made:
        yield made


def test_people_are_found_through_the_files(kept: World) -> None:
    """The unchanged client; what is not there is gone or missing, as the service says it."""
    assert "shop" in kept.check(LEAKED, 10)
    kept.check(CLEAN, 0)
    kept.check(SENSITIVE, 0)  # the verified lane is not exported
    for path, status, code in (
        ("/v1/range/public/999-00000000/000", 410, "version_gone"),
        ("/v1/filter/public/999-00000000", 410, "version_gone"),
        ("/v1/breaches/nosuchleak", 404, "not_found"),
    ):
        heard = ask(kept.files.url, path)
        assert (status, code) == (heard.status, heard.code)
    assert "verified" not in {path.name for path in kept.folder.rglob("*")}


def test_the_files_are_what_a_node_serves(kept: World) -> None:
    """Byte for byte: parameters with their signature, ranges, filter, register."""
    with kept.installation.served(QORGAN_WORKERS="1") as node:
        name = kept.version()
        paths = ["/v1/params/public", f"/v1/filter/public/{name}", "/v1/breaches"]
        paths += ["/v1/breaches/shop", "/v1/breaches/kz-2025-16m"]
        paths += [f"/v1/range/public/{name}/{prefix}" for prefix in ("000", "7ff", "fff")]
        for path in paths:
            ours, theirs = ask(kept.files.url, path), ask(node.url, path)
            assert (200, 200) == (ours.status, theirs.status)
            assert theirs.body == ours.body
            for header in ("content-type", "cache-control", "access-control-allow-origin"):
                assert theirs.headers[header] == ours.headers[header], (path, header)
        signed = [ask(url, paths[0]).headers for url in (kept.files.url, node.url)]
        assert signed[0]["qorgan-signature"] == signed[1]["qorgan-signature"]
    part = ask(kept.files.url, paths[1], headers={"Range": "bytes=2-5"})
    assert (206, 4) == (part.status, len(part.body))


def test_a_new_version_is_one_switch(world: World) -> None:
    """Until nginx reads the new file everything is as before; then all of it is new."""
    before = world.version()
    assert not world.export()["changed"]
    world.installation.qorgan("withdraw", "citizens", "--reason", "a mistake")
    done = world.export()
    assert done["changed"]
    assert before == world.version()
    assert "citizens" in world.check(LEAKED, 10)
    world.files.reload()
    assert done["version"] == world.version() != before
    assert "citizens" not in world.check(LEAKED, 10)
    # Whoever was in the middle of a question can end it; after one more version he starts over.
    assert 200 == ask(world.files.url, f"/v1/range/public/{before}/000").status
    world.installation.qorgan("withdraw", "shop", "--reason", "a mistake")
    world.export()
    world.files.reload()
    assert 410 == ask(world.files.url, f"/v1/range/public/{before}/000").status
    world.check(IN_ONE, 0)


def test_what_a_killed_export_left_is_no_harm(world: World) -> None:
    """Half a folder of ranges is not taken for a whole one, and goes."""
    name = world.version()
    ranges = world.folder / "v1" / "range" / "public"
    draft = ranges / f"{name}.draft"
    (ranges / name).rename(draft)
    (draft / "000").unlink()
    (world.folder / "nginx.conf").unlink()
    assert 4096 == world.export()["ranges"]
    assert 4096 == len(list((ranges / name).iterdir()))
    assert not draft.exists()


def test_whoever_serves_the_files_cannot_lie(world: World) -> None:
    """Ranges that are not the signed ones are "could not check"."""
    ranges = world.folder / "v1" / "range" / "public" / world.version()
    for path in ranges.iterdir():
        path.write_bytes(bytes(len(path.read_bytes())))
    assert "could not check" in world.check(LEAKED, 3)
    world.check(CLEAN, 3)


def test_nothing_of_a_question_is_logged(kept: World) -> None:
    """Neither the path of a range nor of what is missing."""
    kept.check(LEAKED, 10)
    ask(kept.files.url, "/v1/range/public/999-00000000/0ab")
    mistakes = ("/v1/range/public/7-ed0447ca/870101300123", "/v1/range/public/1/0ab.json")
    for path in (*mistakes, "/v1/breaches/870101300123/", "/v1/filter/public/870101300123"):
        assert 404 == ask(kept.files.url, path).status
    assert "870101300123" not in kept.files.written()
    assert "range" not in kept.files.written()
    assert "0ab" not in kept.files.written()


def test_what_cannot_be_exported(installation: Installation, tmp_path: Path) -> None:
    """One sentence each, and nothing half made."""
    done = installation.qorgan("export", tmp_path / "out", code=3)
    assert "qorgan: nothing is published in the public lane; run: qorgan publish NAME\n" == (
        done.stderr
    )
    done = installation.qorgan("export", tmp_path / "a b;c", code=2)
    assert done.stderr.startswith("qorgan: the folder's path must be of Latin letters")
    assert not (tmp_path / "out").exists()
    assert os.listdir(tmp_path) == ["data"]  # noqa: PTH208


def test_where_the_files_must_lie(kept: World) -> None:
    """The configuration holds whole paths, and whoever gives the files away is told so."""
    assert f"alias {kept.folder.absolute()}/v1/params/" in (kept.folder / "nginx.conf").read_text()
    helped = CliRunner().invoke(export, ["--help"]).output
    handbook = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for text in (helped, handbook):
        assert "same path" in " ".join(text.split())
