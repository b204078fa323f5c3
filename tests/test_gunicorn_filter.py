"""The filter from a real gunicorn: fetched after a cut, and clients that do not read."""

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import redis
from gunicorn_server import Server
from plain_http import ask, parse
from web_index import IINS, WebIndex, a_dataset, a_load

from loaders.progress import Progress
from loaders.publish import Publisher
from lookup.client import Client, Found, NotFound
from lookup.index import ledger, ledger_rows, register, seal, versions
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store
from lookup.index.versions import Version
from lookup.offline import OfflineClient, Possible
from lookup.protocol import parameters
from lookup.protocol.parameters import FilterDocument
from lookup.protocol.suite import Kind, Lane

STRANGERS = 60_000


@dataclass
class Service:
    """A gunicorn that serves a large filter."""

    server: Server
    url: str
    version: Version

    @property
    def path(self) -> str:
        return f"/v1/filter/public/{self.version.name}"

    @property
    def filter(self) -> FilterDocument:
        return parameters.parse(self.version.document.encode()).filter


@pytest.fixture(scope="module")
def service(valkey: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """30 people whom we know and 60,000 whom nobody does, at one false hit in 10^9: 324 KB."""
    folder = tmp_path_factory.mktemp("gunicorn-filter")
    connection = redis.Redis(unix_socket_path=str(valkey.socket))
    connection.flushall()
    store = Store(connection, None)
    index = WebIndex.with_a_leak(store, folder / "keys")
    dataset_id = register.add(store, a_dataset("crowd"))
    load = ledger.begin(store, a_load(dataset_id, Lane.PUBLIC, STRANGERS))
    masks = np.ones(STRANGERS, dtype=np.uint16)
    rows = seal.seal(index.keys.ledger, os.urandom(16 * STRANGERS), masks)
    ledger_rows.write(store, load, rows, STRANGERS)
    ledger.finish(store, load, "{}")
    Publisher(store, index.definition, index.keys, Progress(), 1e-9).publish(["crowd"])
    current = versions.read(store, Lane.PUBLIC).current
    assert current is not None
    server = Server.start(
        folder,
        app="wsgi:app",
        QORGAN_DATA=str(folder),
        QORGAN_REDIS_URL=f"unix://{valkey.socket}",
        QORGAN_EVALUATE_LIMIT="off",
    )
    port = server.wait_for("ready: ").rpartition(":")[2]
    yield Service(server, f"http://127.0.0.1:{port}", current)
    server.stop()
    store.close()


def test_it_goes_on_after_a_cut(service: Service) -> None:
    """What came before the cut and the rest after it are the file that was signed."""
    head = f"GET {service.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with service.server.connect(head) as client:
        got = b""
        while len(got) < 200_000:
            got += client.recv(65536)
    first = parse(got)
    assert str(service.filter.bytes) == first.headers["content-length"]
    assert len(first.body) < service.filter.bytes
    wanted = {"Range": f"bytes={len(first.body)}-", "If-Range": first.headers["etag"]}
    rest = ask(service.url, service.path, headers=wanted)
    assert 206 == rest.status
    last = service.filter.bytes - 1
    expected = f"bytes {len(first.body)}-{last}/{service.filter.bytes}"
    assert expected == rest.headers["content-range"]
    assert service.filter.sha256 == hashlib.sha256(first.body + rest.body).hexdigest()


def test_the_python_client_offline(service: Service, tmp_path: Path) -> None:
    """Over real HTTP, in parts: members are possible and confirmed, strangers are not found."""
    client = OfflineClient(Client(service.url), tmp_path / "held")
    answers = client.check_many(Kind.IIN, [IINS[0], IINS[35]])
    assert [Possible, NotFound] == [type(answer) for answer in answers]
    found = client.check(Kind.IIN, IINS[0], confirm=True)
    assert isinstance(found, Found)
    assert ["leak"] == [leak.name for leak in found.leaks]
    (held,) = (tmp_path / "held").glob("*.filter")
    assert service.filter.sha256 == hashlib.sha256(held.read_bytes()).hexdigest()


def test_clients_that_do_not_read(service: Service) -> None:
    """Twelve of them, of sixteen threads, and whoever reads is served meanwhile."""
    head = f"GET {service.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(12):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", int(service.url.rpartition(":")[2])))
            client.sendall(head)
            client.recv(10)  # its answer has begun
        assert service.filter.bytes == len(ask(service.url, service.path).body)
