import json
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import gunicorn
import pytest
from gunicorn_server import Server

from lookup.gunicorn_logger import KNOWN, SAID_ELSEWHERE, QuietLogger
from lookup.logs import Event, Fields

IIN = "950515390002"  # synthetic; it goes wherever a client can put it
M = IIN.encode()
HEAD = b"Host: %b\r\nX-%b: %b\r\n" % (M, M, M)

BAD_REQUEST = {
    "type": "about:blank",
    "title": "The request could not be understood",
    "status": 400,
    "code": "bad_request",
}
PROBLEMS = {
    400: BAD_REQUEST,
    414: BAD_REQUEST | {"title": "The address is too long", "status": 414, "code": "too_large"},
    417: BAD_REQUEST | {"title": "The expectation cannot be met", "status": 417},
    431: BAD_REQUEST | {"title": "The headers are too large", "status": 431, "code": "too_large"},
    501: BAD_REQUEST | {"title": "The transfer coding is not supported", "status": 501},
    500: BAD_REQUEST
    | {"title": "Something went wrong on our side", "status": 500, "code": "internal"},
}


def _request(
    line: bytes = b"GET /%b?%b HTTP/1.1" % (M, M), headers: bytes = b"", body: bytes = M
) -> bytes:
    return line + b"\r\n" + HEAD + headers + b"\r\n" + body


def _chunked(body: bytes) -> bytes:
    return _request(b"POST /%b HTTP/1.1" % M, b"Transfer-Encoding: chunked\r\n", body)


def _client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname=f"{IIN}.example"
    )
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


# What gunicorn can refuse: the bytes, and the status of the answer (None: it just hangs up).
REFUSED: dict[str, tuple[bytes, int | None]] = {
    "lower-case method": (_request(b"iin%b / HTTP/1.1" % M), 400),
    "long method": (_request(b"IIN-%b-%b / HTTP/1.1" % (M, M)), 400),
    "method with a control character": (_request(b"GET\x01%b / HTTP/1.1" % M), 400),
    "unknown version": (_request(b"GET / HTTP/%b" % M), 400),
    "version 2": (_request(b"GET /%b HTTP/2.0" % M), 400),
    "no version": (_request(b"GET /%b" % M), 400),
    "one word": (_request(M), 400),
    "no target": (_request(b"GET  HTTP/1.1"), 400),
    "target not ASCII": (_request(b"GET /\xd0\x98%b HTTP/1.1" % M), 400),
    "target is an authority": (_request(b"GET %b:80 HTTP/1.1" % M), 400),
    "target is a broken URL": (_request(b"GET http://[%b HTTP/1.1" % M), 400),
    "asterisk": (_request(b"GET * HTTP/1.1"), 400),
    "bare line feed": (b"GET /%b HTTP/1.1\nX: %b\n\n" % (M, M), 400),
    "bare line feed in a header": (_request(headers=b"X: %b\n" % M), 400),
    "oversized request line": (_request(b"GET /%b HTTP/1.1" % (M * 200)), 414),
    "header without colon": (_request(headers=M + b"\r\n"), 400),
    "header without name": (_request(headers=b": %b\r\n" % M), 400),
    "header name with a space": (_request(headers=b"X %b: %b\r\n" % (M, M)), 400),
    "header with NUL": (_request(headers=b"X-%b: %b\0\r\n" % (M, M)), 400),
    "header with a carriage return": (_request(headers=b"X-%b: %b\rx\r\n" % (M, M)), 400),
    "folded header": (_request(headers=b"X-%b: %b\r\n %b\r\n" % (M, M, M)), 400),
    "oversized header": (_request(headers=b"X: %b\r\n" % (M * 700)), 431),
    "too many headers": (_request(headers=b"X-%b: %b\r\n" % (M, M) * 65), 431),
    "two hosts": (_request(headers=b"Host: %b\r\n" % M), 400),
    "content length not a number": (_request(headers=b"Content-Length: %bx\r\n" % M), 400),
    "content length negative": (_request(headers=b"Content-Length: -%b\r\n" % M), 400),
    "content length not decimal": (_request(headers=b"Content-Length: %b\xb2\r\n" % M), 400),
    "content length twice": (_request(headers=b"Content-Length: %b\r\n" % M * 2), 400),
    "length and coding": (
        _request(headers=b"Content-Length: 12\r\nTransfer-Encoding: chunked\r\n"),
        400,
    ),
    "coding twice": (_request(headers=b"Transfer-Encoding: chunked, chunked\r\n"), 400),
    "coding not chunked": (_request(headers=b"Transfer-Encoding: gzip\r\n"), 400),
    "coding unknown": (_request(headers=b"Transfer-Encoding: %b\r\n" % M), 501),
    "coding in version 1.0": (
        _request(b"GET /%b HTTP/1.0" % M, b"Transfer-Encoding: chunked\r\n"),
        400,
    ),
    "chunk size not a number": (_chunked(b"%bx\r\n%b\r\n0\r\n\r\n" % (M, M)), 400),
    "chunk size missing": (_chunked(b"\r\n%b\r\n0\r\n\r\n" % M), 400),
    "chunk extension": (_chunked(b"c;%b=\x01\r\n%b\r\n0\r\n\r\n" % (M, M)), 400),
    "chunk too long": (_chunked(b"4\r\n%b\r\n0\r\n\r\n" % M), 400),
    "chunk line endless": (_chunked(b"0" * 8200 + M), 400),
    "trailer forbidden": (_chunked(b"c\r\n%b\r\n0\r\nHost: %b\r\n\r\n" % (M, M)), 400),
    "trailer without colon": (_chunked(b"c\r\n%b\r\n0\r\n%b\r\n\r\n" % (M, M)), 400),
    "trailers cut off": (_chunked(b"c\r\n%b\r\n0\r\nX: %b" % (M, M)), 400),
    "chunk cut off": (_chunked(b"c\r\n%b" % M[:9]), None),
    "expectation": (_request(headers=b"Expect: %b\r\n" % M), 417),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + M, 400),
    "TLS": (_client_hello(), 400),
    "PROXY line": (b"PROXY TCP4 %b 127.0.0.1 1 2\r\n" % M + _request(), 400),
    "PROXY version 2": (b"\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c" + M + _request(), 400),
    "nothing but newlines": (b"\r\n\r\n", 400),
    "a line feed": (b"\n", 400),
    "half a line": (b"GET /%b" % M, None),
    "half a request": (_request()[: -len(M) - 4], None),
    "nothing": (b"", None),
}

# What the application gets wrong.
FAILING: dict[str, tuple[bytes, int | None]] = {
    "it raises": (_request(b"GET /raise?%b HTTP/1.1" % M), 500),
    "it exits": (_request(b"GET /exit?%b HTTP/1.1" % M), 500),
    "it sets a bad header": (_request(b"GET /header?%b HTTP/1.1" % M), 500),
}


@dataclass
class Session:
    """What one server answered to everything, and what it wrote and left."""

    answers: dict[str, bytes]
    out: list[str]
    err: list[str]
    log: list[dict[str, object]]
    home: list[Path]


TALKATIVE = "--log-level debug --access-logfile - --error-logfile -"


@pytest.fixture(scope="module", params=["", TALKATIVE], ids=["default", "talkative"])
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Everything above sent to a server with gunicorn's defaults, and to a talkative one."""
    server = Server.start(tmp_path_factory.mktemp("session"), GUNICORN_CMD_ARGS=request.param)
    try:
        answers = {name: server.ask(data) for name, (data, _) in (REFUSED | FAILING).items()}
        for path in ("/late", "/errors-stream", "/thread", "/healthz"):
            answers[path] = server.ask(_request(b"GET %b?%b HTTP/1.0" % (path.encode(), M)))
        answers["HEAD"] = server.ask(_request(b"HEAD /raise?%b HTTP/1.0" % M))
        home = list((server.folder / "home").rglob("*"))
    finally:
        server.stop()
    return Session(answers, server.written("out"), server.written(), server.log(), home)


def _parts(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    return int(line.split()[1]), dict(h.lower().split(": ", 1) for h in headers), body


@pytest.mark.parametrize("name", REFUSED | FAILING)
def test_constant_answer(session: Session, name: str) -> None:
    """Whatever is wrong with a request, the answer is a constant problem document or nothing."""
    status = (REFUSED | FAILING)[name][1]
    if status is None:
        assert session.answers[name] == b""
        return
    got, headers, body = _parts(session.answers[name])
    assert (got, json.loads(body)) == (status, PROBLEMS[status])
    assert headers == {
        "connection": "close",
        "cache-control": "no-store",
        "content-type": "application/problem+json",
        "content-length": str(len(body)),
    }


def test_head(session: Session) -> None:
    """An error answers HEAD without a body."""
    status, headers, body = _parts(session.answers["HEAD"])
    assert (status, headers["content-type"], body) == (500, "application/problem+json", b"")


def test_good_answers(session: Session) -> None:
    """The server goes on answering after everything that went wrong."""
    assert _parts(session.answers["/healthz"])[0] == 200


def test_marker_nowhere(session: Session) -> None:
    """What a client sends, and its address, is in no answer and in nothing that is written."""
    assert [name for name, answer in session.answers.items() if M in answer] == []
    ready = [line for line in session.err if line.startswith("ready: ")]
    assert [line for line in session.err if "127.0.0.1" in line] == ready
    assert [line for line in session.out + session.err if IIN in line] == []


def test_only_events(session: Session) -> None:
    """Every line but the one ready line is an event with allow-listed fields."""
    assert session.out == []
    (ready,) = (line for line in session.err if not line.startswith("{"))
    assert re.fullmatch(r"ready: http://127\.0\.0\.1:\d+", ready)
    allowed = {"at", "level", "event", *Fields.__annotations__}
    assert {name for line in session.log for name in line} <= allowed
    assert {line["event"] for line in session.log} == {
        Event.SERVICE_STARTING,
        Event.SERVICE_LISTENING,
        Event.WORKER_STARTED,
        Event.REQUEST_UNREADABLE,
        Event.UNEXPECTED_ERROR,
        Event.SIGNAL_RECEIVED,
        Event.WORKER_STOPPED,
        Event.SERVICE_STOPPING,
    }


def test_each_refusal_is_counted(session: Session) -> None:
    """Each refused request and each failure of the application leaves one line with its class."""
    refused = [line for line in session.log if line["event"] == Event.REQUEST_UNREADABLE]
    assert len(refused) == sum(status is not None for _, status in REFUSED.values())
    assert {str(line["error"]).rpartition(".")[0] for line in refused} == {"gunicorn.http.errors"}
    failed = [line for line in session.log if line["event"] == Event.UNEXPECTED_ERROR]
    # raise, exit, header, late, thread and HEAD
    assert sorted(str(line["error"]) for line in failed) == sorted(
        ["RuntimeError"] * 4 + ["SystemExit", "gunicorn.http.errors.InvalidResponseHeader"]
    )


def test_no_control_socket(session: Session) -> None:
    """Nothing is made in the home folder or the runtime folder, such as a control socket."""
    assert session.home == []


@pytest.mark.parametrize(
    ("template", "args", "said"),
    [
        ("Invalid request from ip=%s", (IIN,), ["gunicorn: message withheld"]),
        (f"Invalid request from {IIN}", (), ["gunicorn: message withheld"]),
        ("WORKER TIMEOUT (pid:%s)", (7,), ["worker gave no sign of life pid=7"]),
        ("WORKER TIMEOUT (pid:%s)", (IIN,), ["worker gave no sign of life withheld=1"]),
        ("Worker (pid:%s) was sent %s!", (7, IIN), ["gunicorn: message withheld"]),
        (f"connection to {IIN} failed", (), []),
        ("Reason: %s", (IIN,), []),
    ],
)
def test_gunicorn_message(
    caplog: pytest.LogCaptureFixture, template: str, args: tuple[object, ...], said: list[str]
) -> None:
    """Of a message whose template or arguments we do not know, only that there was one is said."""
    QuietLogger(None).error(template, *args)
    assert caplog.messages == said


def test_known_templates() -> None:
    """Each message that we pass on or leave out is still one of gunicorn's."""
    folder = Path(gunicorn.__file__).parent
    names = ("arbiter.py", "sock.py", "workers/gthread.py")
    source = "".join((folder / name).read_text("utf-8") for name in names)
    templates = {*KNOWN, *SAID_ELSEWHERE} - {"Worker (pid:%s) was sent %s! Perhaps out of memory?"}
    assert len(templates) == 20
    assert {text for text in templates if f'"{text}"' not in source} == set()
    assert '" Perhaps out of memory?"' in source
