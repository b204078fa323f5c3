"""The nginx of ``deploy/`` before a node that a test made up: what is kept, and for whom."""

import ssl
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import nginx
import pytest
from conftest import wait_until
from listening import listening

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

pytestmark = pytest.mark.skipif(
    nginx.PROGRAM is None, reason="nginx is not installed (Debian: apt-get install nginx-light)"
)
SIZE = 8 << 20  # bytes of a filter
FILTER = "/v1/filter/public/1-00000000"
VERIFIED = "/v1/filter/verified/1-00000000"


class Node:
    """One that answers everything with a filter, as a node would, and knows what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        self.asked.append(environ["PATH_INFO"])
        kept = "private, no-store" if "verified" in environ["PATH_INFO"] else "public, immutable"
        headers = [
            ("Content-Length", str(SIZE)),
            ("Vary", "Accept-Encoding"),
            ("Accept-Ranges", "bytes"),
        ]
        start("200 OK", [*headers, ("Cache-Control", f"{kept}, max-age=31536000")])
        return [bytes(SIZE)]


def opened(url: str, folder: Path, **headers: str) -> "urllib.request._UrlopenRet":
    """An answer of which nothing was read yet."""
    request = urllib.request.Request(url, headers=headers)
    context = ssl.create_default_context(cafile=str(folder / "cert.pem"))
    return urllib.request.urlopen(request, context=context, timeout=10)


def test_a_filter_is_kept_once(tmp_path: Path) -> None:
    """However many read it, in parts, and whatever they accept: the node is asked once."""
    node = Node()
    with listening(node) as upstream, nginx.deployed(tmp_path, upstream[7:]) as url:
        wait_until((tmp_path / "pid").exists)
        for accepted in ("identity", "gzip", "x-1", "x-2"):
            with opened(url + FILTER, tmp_path, **{"Accept-Encoding": accepted}) as answer:
                assert SIZE == len(answer.read())
        with opened(f"{url}{FILTER}?x", tmp_path, Range="bytes=3-6") as answer:
            assert (206, 4) == (answer.status, len(answer.read()))
    assert [FILTER] == node.asked


def test_who_reads_slowly_fills_nothing(tmp_path: Path) -> None:
    """A reader that stalls has no copy of its own in nginx's folder, which is memory."""
    with listening(Node()) as upstream, nginx.deployed(tmp_path, upstream[7:]) as url:
        wait_until((tmp_path / "pid").exists)
        with opened(url + VERIFIED, tmp_path):
            time.sleep(0.5)  # for what nginx would read ahead
            assert 0 == _set_aside(tmp_path)


def _set_aside(folder: Path) -> int:
    """Bytes of the files that nginx has open there and nobody else sees."""
    master = (folder / "pid").read_text().strip()
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    files = [file for worker in workers for file in Path(f"/proc/{worker}/fd").iterdir()]
    return sum(one.stat().st_size for one in files if str(one.readlink()).endswith("(deleted)"))
