"""gunicorn's threaded worker, made to keep quiet and to keep accepting.

gunicorn answers what it cannot parse with a page that repeats the request, and logs the request
line, headers and the client's address beside it. This worker answers every error with a constant
problem document (RFC 9457) and logs a static event with the class of the exception. What the
application writes to ``wsgi.errors`` is dropped, and an exception that ends the worker is not
printed.

A range is answered in the loop that waits for requests, for it keeps nobody waiting; between
threads it would be handed over twice, and each system call would hand over the interpreter's lock.

It also takes three levers from a client that stalls: one that has not begun its request holds no
thread, one that falls silent in it frees its thread after some seconds, and one that does not hang
up after its answer is waited for in a thread, not in the loop that accepts. A client that sends a
byte now and then still holds a thread; against those there is a proxy in front.
"""

import errno
import io
import select
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.http.body import LengthReader
from gunicorn.workers.gthread import TConn, ThreadWorker

from lookup import gunicorn_socket
from lookup.errors import QorganError
from lookup.gunicorn_problem import problem_of
from lookup.gunicorn_response import Outbox, Response
from lookup.logs import ERROR, Event, event, unexpected
from lookup.protocol.wire import RANGE_ROOT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

EAGER = 1  # milliseconds a thread waits for a client's next request; then the poller does
LAST_CALL = 1.0  # seconds for a client that has just connected when the worker stops
AGAIN = 1.0  # seconds before a worker that failed is started again

# Exit codes of a worker: for each the arbiter stops the service and exits with it
# (gunicorn_conf.on_starting). Any other code makes it start the worker again.
REFUSED, UNAVAILABLE = 2, 3

# Another worker took the connection, or the client has gone.
_NONE_CAME = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)


class QuietWorker(ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """The ``worker_class`` of gunicorn."""

    def init_process(self) -> None:
        """Run the worker; where it fails, exit with a code instead of printing the exception."""
        self.cfg: Any = _Settled(self.cfg)
        try:
            super().init_process()
        except QorganError as error:
            event(Event.CANNOT_START, ERROR, code=error.code)
            if self.age == 1:  # its siblings would say the same
                sys.stderr.write(f"qorgan: {error.sentence}\n")
            self._give_up(REFUSED if error.exit_code == REFUSED else UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 # the arbiter would print its text
            unexpected(error)
            self._give_up(UNAVAILABLE)

    def _give_up(self, code: int) -> NoReturn:
        """Exit: if the very first worker cannot start, so that the service stops with ``code``.

        A later one is started again after a while: what went on before goes on, and of two
        such codes at once gunicorn's arbiter would take the first and trip over the second.
        """
        if self.age == 1 and not self.booted:
            sys.exit(code)
        deadline = time.monotonic() + AGAIN
        while self.alive and time.monotonic() < deadline:  # a signal ends it
            time.sleep(0.05)
        sys.exit(1)

    def load_wsgi(self) -> None:
        """Load the application and take the error stream from it."""
        super().load_wsgi()
        self.wsgi: WSGIApplication = _without_errors(self.wsgi)

    def accept(self, listener: socket.socket) -> None:
        """Take a connection; until its first byte comes it holds no thread."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in _NONE_CAME:
                raise
            return
        gunicorn_socket.bound_waits(client)
        conn = TConn(self.cfg, client, address, listener.getsockname())
        conn.asks_ranges = conn.renewed = False
        conn.timeout = time.monotonic() + gunicorn_socket.SILENCE
        self.nr_conns += 1
        self.pending_conns.append(conn)
        ready = partial(self.on_pending_socket_readable, conn)
        self.poller.register(client, selectors.EVENT_READ, ready)

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """A first request comes: from now on it is a connection like those that go on."""
        self.pending_conns.remove(conn)
        conn.init()
        client.setblocking(False)
        conn.set_timeout()
        self.keepalived_conns.append(conn)
        ready = partial(self.on_client_socket_readable, conn)
        self.poller.modify(client, selectors.EVENT_READ, ready)
        self.on_client_socket_readable(conn, client)

    def handle(self, conn: Any) -> object:
        """Serve a connection, in a thread of the pool: see ThreadWorker."""
        try:
            result: object = super().handle(conn)
            while result is True and not conn.asks_ranges and self._goes_on(conn):
                result = super().handle(conn)
        except SystemExit as error:  # would end the worker, which would print its text
            self.handle_error(None, conn.sock, conn.client, error)
            result = False
        if result is False:
            gunicorn_socket.part(conn.sock)
        return result

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Answer a range here and now; every other request is for a thread of the pool."""
        if not gunicorn_socket.asks_range(client):
            super().on_client_socket_readable(conn, client)
            return
        outbox = Outbox()
        goes_on = self._answer_to(outbox, conn)
        try:
            rest = outbox.send_to(client)
        except OSError:  # the client has gone
            rest, goes_on = b"", False
        # More may have come since it was looked at; the poller would not tell of what was read.
        has_read_on = bool(conn.parser.unreader.buf.getvalue())
        if goes_on and not rest and not has_read_on:
            conn.set_timeout()
            conn.renewed = True
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._submit(conn, partial(gunicorn_socket.send_rest, client, rest, goes_on))

    def _answer_to(self, outbox: Outbox, conn: Any) -> bool:
        """Put the answer to a request that has come whole; whether the connection goes on."""
        request = None
        try:
            request = next(conn.parser)
            return self._respond(request, conn, outbox)
        except StopIteration:
            return False
        except (Exception, SystemExit) as error:  # as handle does it
            if isinstance(error, SystemExit) and not self.alive:  # a signal's
                raise
            problem = problem_of(request, error)
            if outbox.is_empty():  # else it would be read as more of the answer
                outbox.sendall(problem)
            return False

    def _submit(self, conn: Any, task: Callable[[], object]) -> None:
        """Have a thread do it; what becomes of the connection is said by its result."""
        future = self.tpool.submit(task)
        future.add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer one request; whether the connection may serve another."""
        conn.asks_ranges = req.path.startswith(RANGE_ROOT)
        return self._respond(req, conn, conn.sock)

    def _respond(self, req: Any, conn: Any, sock: Any) -> bool:
        """As ThreadWorker.handle_request, without hooks, access log, a bound on requests."""
        response, environ = wsgi.create(
            req, sock, conn.client, conn.server, self.cfg, response_class=Response
        )
        environ["wsgi.multithread"] = True
        self.nr += 1
        is_full = len(self.keepalived_conns) >= self.max_keepalived
        if not (self.alive and self.cfg.keepalive) or is_full:
            response.force_close()
        try:
            body = self.wsgi(environ, response.start_response)
            try:
                if isinstance(body, wsgi.FileWrapper):
                    response.write_file(body)
                else:
                    for part in body:
                        response.write(part)
                response.close()
            finally:
                if hasattr(body, "close"):
                    body.close()
        except OSError:  # the client has gone
            raise
        except (Exception, SystemExit) as error:
            if response.headers_sent:  # an error page would be read as more of the answer
                unexpected(error)
                raise StopIteration from None
            raise
        return not response.should_close()

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        """Whether what is left of the request's body could be read, where it had one."""
        body = conn.parser.mesg.body
        if isinstance(body.reader, LengthReader) and not (body.reader.length or body.failed):
            return bool(keepalive)
        return bool(super()._keepalive_after(conn, keepalive))

    def _goes_on(self, conn: Any) -> bool:
        """Whether a client's next request is there, or will be at once, and nobody else waits."""
        if not self.alive or self.tpool._work_queue.qsize():  # noqa: SLF001
            return False
        if conn.parser.unreader.buf.getvalue():
            return True
        if not hasattr(conn, "poll"):
            conn.poll = select.poll()
            conn.poll.register(conn.sock, select.POLLIN)
        return bool(conn.poll.poll(EAGER))

    def murder_keepalived(self, force: bool = False) -> None:
        """Close connections that asked nothing in time; an answer from the loop renews it.

        One that was renewed waits behind those that came meanwhile, so up to twice as long.
        """
        while self.keepalived_conns and self.keepalived_conns[0].renewed:
            self.keepalived_conns[0].renewed = False
            self.keepalived_conns.rotate(-1)
        super().murder_keepalived(force)

    def _cap_keepalive(self, deadline: float) -> None:
        """When stopping: a client that has just connected may still be about to ask."""
        super()._cap_keepalive(deadline)
        last = time.monotonic() + LAST_CALL
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, last)

    def handle_error(self, req: Any, client: Any, addr: object, exc: BaseException) -> None:
        """Answer with a constant and log the class of what went wrong."""
        del addr
        with suppress(OSError):  # the client has gone
            util.write_nonblock(client, problem_of(req, exc))


class _Settled:
    """gunicorn's configuration, each value looked up once: a worker's does not change any more.

    gunicorn asks it some thirty times a request, and each time it looks through its settings.
    """

    def __init__(self, cfg: Any) -> None:
        self._cfg = cfg

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._cfg, name)
        setattr(self, name, value)
        return value


class _Nowhere(io.TextIOBase):
    """A text stream that forgets."""

    def write(self, text: str) -> int:
        return len(text)


def _without_errors(app: "WSGIApplication") -> "WSGIApplication":
    nowhere = _Nowhere()

    def quiet(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["wsgi.errors"] = nowhere
        return app(environ, start_response)

    return quiet
