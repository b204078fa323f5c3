"""TLS that fails: "could not check", and why where that can be mended."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tls_files import tls_files

from lookup.errors import Code, CouldNotCheckError
from lookup.transport import Transport

UNTRUSTED = (
    "could not check: the service's certificate is not trusted here; check the address and this "
    "machine's clock, or name your own authority's file in SSL_CERT_FILE"
)
SILENT = "could not check: the service does not answer; try again later"


class _Told(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A service whose certificate nobody vouches for."""
    tls_files(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Told) as https:
        https.socket = context.wrap_socket(https.socket, server_side=True)
        threading.Thread(target=https.serve_forever, args=(0.01,), daemon=True).start()
        yield https.server_port
        https.shutdown()


def refusal(url: str) -> str:
    with pytest.raises(CouldNotCheckError) as caught:
        Transport(url, 5).send("GET", "/v1/params/public", 100)
    assert (Code.SERVICE_UNREACHABLE, 3) == (caught.value.code, caught.value.exit_code)
    return caught.value.sentence


def test_a_certificate_that_is_not_trusted(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told apart from a silent service; with the authority named, the service answers."""
    assert UNTRUSTED == refusal(f"https://localhost:{port}")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    assert 200 == Transport(f"https://localhost:{port}", 5).send("GET", "/", 100).status


def test_a_certificate_for_another_name(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is one trusted that is another address's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    assert UNTRUSTED == refusal(f"https://127.0.0.1:{port}")


def test_tls_where_there_is_none() -> None:
    """TLS that fails otherwise says nothing of certificates."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Told) as plain:
        threading.Thread(target=plain.serve_forever, args=(0.01,), daemon=True).start()
        assert SILENT == refusal(f"https://localhost:{plain.server_port}")
        plain.shutdown()
