"""Says ``ready: URL`` on standard error once a server that was just started answers."""

import http.client
import sys
import time
from collections.abc import Callable


def announce(host: str, port: int, url: str, is_alive: Callable[[], bool]) -> None:
    """Ask until there is an answer, then print ``url``; stop trying when the server stops."""
    while is_alive():
        if _answers(host, port):
            sys.stderr.write(f"ready: {url}\n")
            return
        time.sleep(0.1)


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Connection": "close"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
