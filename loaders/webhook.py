"""One delivery: a signed POST (Standard Webhooks) to an address that an operator entered.

The app's operator rules the name's addresses, and the app what it answers: so an address must be
public (a private one only where the operator of this service allows it), it is the checked address
that is connected to, redirects are not followed, nothing of the answer but its status is looked at,
and each delivery runs in a daemon thread that is given up at the deadline.
"""

import ipaddress
import logging
import queue
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import urllib3
from standardwebhooks import Webhook

DEADLINE = 10.0  # seconds for one delivery, name lookup and all
_CONNECT, _READ = 3.0, 8.0  # seconds
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ADDRESSES = 4  # of one name that are tried

# Why a delivery failed: what `qorgan notices dead` shows.
NO_ADDRESS = "the name has no address"
REFUSED = "the name's address is not a public one"
UNREACHABLE = "nobody answers at the address"
BAD_CERTIFICATE = "the certificate is not good for the name"
NO_ANSWER = f"no answer within {DEADLINE:.0f} s"
BROKEN = "the answer is no HTTP"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Message:
    """What is delivered; a repetition has the same id."""

    id: str
    body: str


class _Lines:
    """The lines of one delivery: whoever drips would keep a thread and a file of ours for ever."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []
        self._is_over = False

    def hold(self, line: socket.socket) -> None:
        """Remember a second handle of it; cut it at once if the delivery was given up."""
        self._held.append(line.dup())
        if self._is_over:  # the other thread may have looked through them before this one was there
            self.cut()

    def cut(self) -> None:
        """End all of them, and all that come."""
        self._is_over = True
        for line in self._held:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()


@dataclass(frozen=True)
class Hook:
    """Where a client wants its notices, and the secret that both know."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    allow_private: bool = False

    def deliver(self, message: Message) -> str:
        """Deliver a message; why that failed, or nothing if it was accepted."""
        results: queue.SimpleQueue[str] = queue.SimpleQueue()
        lines = _Lines()
        threading.Thread(
            target=lambda: results.put(self._outcome(message, lines)), name="deliver", daemon=True
        ).start()
        try:
            return results.get(timeout=DEADLINE)
        except queue.Empty:
            return NO_ANSWER
        finally:
            lines.cut()

    def _outcome(self, message: Message, lines: _Lines) -> str:
        try:
            return self._send(message, lines)
        except Exception:  # noqa: BLE001  whatever it is, its text may hold the address
            return BROKEN

    def _send(self, message: Message, lines: _Lines) -> str:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            return NO_ADDRESS
        addresses = [str(entry[4][0]) for entry in found]
        is_named_loopback = host in _LOOPBACK
        is_safe = parts.scheme == "https" or is_named_loopback
        allowed = [a for a in addresses if is_safe and self._is_allowed(a, is_named_loopback)]
        if not allowed:
            return REFUSED
        for address in dict.fromkeys(allowed[:_ADDRESSES]):
            outcome = self._post(address, port, message, lines)
            if outcome != UNREACHABLE:
                return outcome
        return UNREACHABLE

    def _is_allowed(self, text: str, is_named_loopback: bool) -> bool:
        address = _reached(ipaddress.ip_address(text.partition("%")[0]))
        if is_named_loopback:
            return address.is_loopback
        is_told_of = address.version == 4 or address in _GLOBAL
        if is_told_of and address.is_global and not address.is_multicast:
            return True
        return self.allow_private and _is_local_network(address)

    def _post(self, address: str, port: int, message: Message, lines: _Lines) -> str:
        parts = urlsplit(self.url)
        timeout = urllib3.Timeout(connect=_CONNECT, read=_READ)
        pool: urllib3.HTTPConnectionPool
        if parts.scheme == "https":
            name = parts.hostname
            pool = urllib3.HTTPSConnectionPool(
                address, port, timeout=timeout, server_hostname=name, assert_hostname=name
            )
        else:
            pool = urllib3.HTTPConnectionPool(address, port, timeout=timeout)
        pool.ConnectionCls = _watched(pool.ConnectionCls, lines)
        with pool:
            try:
                response = pool.urlopen(
                    "POST",
                    parts.path or "/",
                    body=message.body.encode(),
                    headers=self._headers(message) | {"Host": parts.netloc},
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
            except urllib3.exceptions.SSLError:
                return BAD_CERTIFICATE
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
                return UNREACHABLE
            except urllib3.exceptions.ReadTimeoutError:
                return NO_ANSWER
            status = response.status
            response.close()
        return "" if 200 <= status < 300 else f"status {status}"

    def _headers(self, message: Message) -> dict[str, str]:
        now = datetime.now(UTC)
        return {
            "Content-Type": "application/json",
            "User-Agent": "qorgan-notices/1",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(message.id, now, message.body),
        }


def _watched(kind: type[Any], lines: _Lines) -> type[Any]:
    """Connections of this kind whose sockets are held."""

    def connected(connection: Any) -> socket.socket:
        line: socket.socket = kind._new_conn(connection)  # noqa: SLF001  urllib3 has no other place
        lines.hold(line)
        return line

    return type("Watched", (kind,), {"_new_conn": connected})


def silence() -> None:
    """urllib3 logs addresses and paths."""
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def _reached(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to (mapped, 6to4, NAT64), else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def _is_local_network(address: Address) -> bool:
    """Whether it is one of those that companies use inside: RFC 1918, RFC 4193, RFC 6598."""
    return any(address in network for network in _NETWORKS if network.version == address.version)


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL = ipaddress.ip_network("2000::/3")  # what else is "global" leads inside, or nowhere
_NETWORKS = [
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]
