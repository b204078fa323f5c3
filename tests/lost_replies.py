"""A store whose network loses replies: commands arrive and are carried out, answers do not."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lookup.index.store import Store


@contextmanager
def losing(server: Path, folder: Path, *commands: bytes) -> Iterator[tuple[Store, list[bytes]]]:
    """A store behind a line that hangs up instead of the first reply to each of these commands.

    The list holds the commands whose reply was lost.
    """
    lost: list[bytes] = []
    path = folder / "line.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threads = [threading.Thread(target=_accept, args=(listener, server, commands, lost))]
        threads[0].start()
        client = redis.Redis(unix_socket_path=str(path), retry=Retry(NoBackoff(), 2))
        try:
            yield Store(client, None), lost
        finally:
            client.close()
            listener.shutdown(socket.SHUT_RDWR)  # wakes up accept
            threads[0].join(10)


def _accept(
    listener: socket.socket, server: Path, commands: tuple[bytes, ...], lost: list[bytes]
) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client, socket.socket(socket.AF_UNIX) as line:  # one client, one connection at a time
            line.connect(str(server))
            _serve(client, line, commands, lost)


def _serve(
    client: socket.socket, line: socket.socket, commands: tuple[bytes, ...], lost: list[bytes]
) -> None:
    """Pass everything on until one side hangs up, or a reply is to be lost."""
    is_losing = False
    while True:
        readable, _, _ = select.select([client, line], [], [])
        for end, other in ((client, line), (line, client)):
            if end not in readable:
                continue
            heard = end.recv(1 << 20)
            if not heard or (is_losing and end is line):
                return
            while end is client and heard[:1] == b"*" and heard.count(b"\r\n") < 3:
                if not (more := end.recv(1 << 20)):
                    return
                heard += more  # the command's name was not there yet
            other.sendall(heard)
            command = heard.split(b"\r\n")[2] if heard[:1] == b"*" and end is client else b""
            if command in commands and command not in lost:
                lost.append(command)
                is_losing = True
