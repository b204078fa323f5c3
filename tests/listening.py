"""A WSGI application of this process behind a plain HTTP server, for tests that reach into it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class _Quiet(WSGIRequestHandler):
    """wsgiref would print every address."""

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def listening(app: "WSGIApplication | None") -> Iterator[str]:
    """Where the application answers until the block ends."""
    assert app is not None
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
