"""``qorgan doctor`` asks the service that runs, and what a proxy lets through."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import make_server

import pytest
from conftest import free_port, get
from doctor_world import WEB, Patient, patient, qorgan, server, wrong
from listening import _Quiet, listening
from tls_files import tls_files
from web_index import IINS

from loaders.doctor_web import Asking
from lookup import app as app_module
from lookup.app import create_app
from lookup.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]
Answer = tuple[str | None, Headers, bytes]  # with the status as it was where that is None
Change = Callable[[str, Headers, bytes], Answer | None]

__all__ = ["patient", "qorgan", "server"]


@pytest.fixture
def node(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> Iterator["WSGIApplication"]:
    """A node of all roles in this process, which a proxy stands before."""
    ends: list[Callable[[], None]] = []
    exits = type("Exits", (), {"register": staticmethod(ends.append)})
    monkeypatch.setattr(app_module, "atexit", exits)
    data = str(patient.program.folder / "data")
    env = {"QORGAN_DATA": data, "QORGAN_REDIS_URL": patient.store.url("web")}
    yield create_app(Settings.from_env(env | {"QORGAN_PROXY_HOPS": "1"}))
    for end in reversed(ends):
        end()


def bind(url: str) -> dict[str, str]:
    return {"QORGAN_BIND": url.removeprefix("http://")}


def test_a_service_that_runs(patient: Patient, node: "WSGIApplication") -> None:
    """It is ready, serves what is published, and its page is whole."""
    with listening(node) as url:
        code, found = patient.examined(**bind(url))
    assert (0, {}) == (code, wrong(found))
    assert [f"ok: it is ready at {url.removeprefix('http://')}"] == found["service"]
    assert "the one that is published" in found["served version"][0]
    assert ["ok: it is served with its security headers"] == found["page"]


def test_a_service_that_does_not_run(patient: Patient) -> None:
    """A web node should serve: that is a warning there, and none where one loads."""
    port = free_port()
    one = WEB | {"QORGAN_BIND": f"0.0.0.0:{port}"}
    told = f"nobody serves at 0.0.0.0:{port} here; for that run: qorgan serve"
    assert [f"warning: {told}"] == patient.examined(user="web", **one)[1]["service"]


def test_a_service_that_is_not_ready(patient: Patient, node: "WSGIApplication") -> None:
    """The reasons come from a closed list: whatever else is said there is not shown."""
    parts: dict[str, object] = {"range": "stale", "register": "\x1b[2J", "evil": "950515390002"}

    def unready(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/readyz":
            return node(environ, start)
        start("503 Service Unavailable", [("Content-Type", "application/json")])
        return [json.dumps({"ready": False, "parts": parts}).encode()]

    with listening(unready) as url:
        code, found = patient.examined(**bind(url))
        expected = ["problem: it is not ready (range: stale); look at its log"]
        assert (3, expected) == (code, found["service"])
        parts["range"] = ["stale"]
        expected = ["problem: it is not ready (it does not say why); look at its log"]
        assert expected == patient.examined(**bind(url))[1]["service"]


def test_a_service_that_lacks_a_lane(patient: Patient, node: "WSGIApplication") -> None:
    """It answers the other one: to be looked at, and not down."""
    parts = {"range": "ok", "verified range": "version not fetched", "store": "ok"}

    def lacking(path: str, headers: Headers, _: bytes) -> Answer | None:
        body = json.dumps({"ready": True, "parts": parts}).encode()
        kept = [header for header in headers if header[0] != "Content-Length"]
        return (None, kept, body) if path == "/readyz" else None

    with listening(proxied(node, lacking)) as url:
        code, found = patient.examined(**bind(url))
    (told,) = found["service"]
    assert (0, "warning: it answers the public lane only") == (code, told.split(",")[0])


def test_a_service_that_lags(patient: Patient, node: "WSGIApplication") -> None:
    """A newer version is published than the one it serves."""
    with listening(node) as url:
        before = get(f"{url}/v1/params/public")[1]
    patient.index.published("other", IINS[:3])

    def old(path: str, headers: Headers, _: bytes) -> Answer | None:
        kept = [header for header in headers if header[0] != "Content-Length"]
        return (None, kept, before) if path == "/v1/params/public" else None

    with listening(proxied(node, old)) as url:
        code, found = patient.examined(**bind(url))
    (told,) = found["served version"]
    assert (0, "warning: 1-") == (code, told[:11])
    assert "is published; if that stays so for 5 seconds look for" in told


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"])
def test_another_program_at_that_address(patient: Patient, answer: bytes) -> None:
    """What is not our service is told apart from one that does not run."""
    with socket.create_server(("127.0.0.1", 0)) as other:

        def talk() -> None:
            while True:
                try:
                    client, _ = other.accept()
                except OSError:
                    return
                with client:
                    client.recv(4096)
                    client.sendall(answer)

        threading.Thread(target=talk, daemon=True).start()
        where = f"127.0.0.1:{other.getsockname()[1]}"
        code, found = patient.examined(QORGAN_BIND=where)
        other.shutdown(socket.SHUT_RDWR)
    told = {
        True: f"another program answers at {where}; set QORGAN_BIND",
        False: f"something at {where} does not answer; look at its log",
    }[bool(answer)]
    assert (3, [f"problem: {told}"]) == (code, found["service"])


def proxied(node: "WSGIApplication", change: Change) -> "WSGIApplication":
    """A proxy before the node that answers what ``change`` makes of path, headers and body."""

    def proxy(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        heard: list[Any] = []
        body = b"".join(node(environ, lambda *answer: heard.extend(answer) or (lambda _: None)))
        changed = change(environ["PATH_INFO"], list(heard[1]), body)
        status, headers, body = changed or (heard[0], heard[1], body)
        start(status or heard[0], headers)
        return [body]

    return proxy


def html(path: str, headers: Headers, body: bytes) -> Answer | None:
    if path == "/v1/evaluate":
        return "400 Bad Request", [("Content-Type", "text/html")], b"<h1>400</h1>"
    return None


def other_range(path: str, headers: Headers, body: bytes) -> Answer | None:
    return (None, headers, bytes(len(body))) if path.startswith("/v1/range/") else None


def other_parameters(path: str, headers: Headers, body: bytes) -> Answer | None:
    return (None, headers, body.replace(b"leak", b"keal")) if "params" in path else None


def no_tag(path: str, headers: Headers, body: bytes) -> Answer | None:
    return None, [header for header in headers if header[0] != "ETag"], body


def timing(path: str, headers: Headers, body: bytes) -> Answer | None:
    return None, [*headers, ("Server-Timing", "db;dur=5")], body


def open_metrics(path: str, headers: Headers, body: bytes) -> Answer | None:
    return ("200 OK", [("Content-Type", "text/plain")], b"x 1") if path == "/metrics" else None


def moved_metrics(path: str, headers: Headers, body: bytes) -> Answer | None:
    return ("302 Found", [("Location", "/login")], b"") if path == "/metrics" else None


def untouched(path: str, headers: Headers, body: bytes) -> Answer | None:
    return None


TLS = "warning: --url is not https://; browsers ask nothing without it"


@pytest.mark.parametrize(
    ("change", "code", "expected"),
    [
        (untouched, 0, {}),
        (html, 3, {"problem documents": "problem: a refusal arrives with status 400 and not as"}),
        (other_range, 3, {"ranges": "problem: a range is not the one that was signed; empty the"}),
        (other_parameters, 3, {"parameters": "problem: what comes through the proxy is not what"}),
        (no_tag, 0, {"ranges": "warning: the proxy drops ETag or Cache-Control of ranges, so"}),
        (timing, 0, {"headers": "warning: the proxy adds Server-Timing; take that away: times"}),
        (moved_metrics, 0, {"metrics": "warning: not known: /metrics is answered with status 302"}),
        (open_metrics, 0, {"metrics": "warning: not known: this machine itself may read /metrics"}),
    ],
)
def test_what_a_proxy_lets_through(
    patient: Patient,
    node: "WSGIApplication",
    change: Change,
    code: int,
    expected: dict[str, str],
) -> None:
    """From outside: signed parameters and ranges, headers, no metrics, our refusals."""
    with listening(proxied(node, change)) as url:
        told_code, found = patient.examined("--url", url, QORGAN_BIND=f"127.0.0.1:{free_port()}")
    told = wrong(found)
    assert [TLS] == told.pop("TLS")
    assert (code, set(expected)) == (told_code, set(told))
    assert all(told[check][0].startswith(sentence) for check, sentence in expected.items())


def test_from_an_operators_own_machine(
    patient: Patient, node: "WSGIApplication", monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing of an index there, only the address is asked; pins of a check are nothing."""
    citizen = patient.program.folder / "citizen"
    citizen.mkdir()
    (citizen / "pins.json").write_text("{}")
    with listening(node) as url, monkeypatch.context() as patch:
        patch.delenv("QORGAN_REDIS_URL")
        said = patient.program("doctor", "--url", url, QORGAN_DATA=str(citizen))
    assert (0, 5) == (said.code, len(said.out.splitlines()))
    assert "signed by its publisher" in said.out
    assert "ok       metrics: /metrics is refused to whoever has no key" in said.out


def test_nobody_at_the_address(patient: Patient) -> None:
    """The address is not repeated: it may hold a password."""
    _, found = patient.examined("--url", f"http://me:correct-horse@127.0.0.1:{free_port()}")
    assert ["problem: nobody answers at --url; look at the proxy, and at the address"] == found[
        "proxy"
    ]


def test_a_certificate_that_is_not_trusted(
    patient: Patient, node: "WSGIApplication", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told; where its issuer is trusted all goes on."""
    tls_files(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with make_server("127.0.0.1", 0, node, handler_class=_Quiet) as https:
        https.socket = context.wrap_socket(https.socket, server_side=True)
        threading.Thread(target=https.serve_forever, args=(0.01,), daemon=True).start()
        url = f"https://localhost:{https.server_port}"
        code, found = patient.examined("--url", url)
        told = "the certificate is not one that this machine trusts; renew it, or look at its name "
        assert (3, [f"problem: {told}and chain"]) == (code, found["TLS"])
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        code, found = patient.examined("--url", url)
        assert (0, {}) == (code, wrong(found))
        assert ["ok: the certificate is trusted"] == found["TLS"]
        https.shutdown()


def test_no_more_is_read_than_a_document_may_have(node: "WSGIApplication") -> None:
    """Whatever answers there, the doctor's memory stays small."""

    def endless(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return (bytes(1 << 20) for _ in range(64))

    with listening(endless) as url:
        assert 4 << 20 == len(Asking(url).hear("/healthz").body)
