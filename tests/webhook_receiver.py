"""A webhook's other end on loopback: keeps what arrives, and answers as it is told."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What arrived, in order: headers and body; ``answer`` gives the status of each."""

    url: str = ""
    answer: Callable[[bytes], int] = lambda _: 204
    arrived: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def ids(self) -> list[str]:
        """The webhook-id of each that arrived."""
        return [headers["webhook-id"] for headers, _ in self.arrived]

    def persons(self) -> list[str]:
        """The persons of all notices, each batch counted once, as an app counts by webhook-id."""
        batches = {headers["webhook-id"]: body for headers, body in self.arrived}
        return [
            notice["person"]
            for body in batches.values()
            for notice in json.loads(body)["data"]["notices"]
        ]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for the length of a block."""
    made = Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            status = made.answer(body)
            with lock:
                made.arrived.append((named, body))
            self.send_response(status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a sender that was killed

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def slowly(seconds: float) -> Callable[[bytes], int]:
    """An answer that takes its time."""

    def answer(_: bytes) -> int:
        time.sleep(seconds)
        return 204

    return answer
