"""One published index and two real nodes that serve it, for the tests of the HTTP API."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import Installation, Served
from plain_http import Heard, ask
from small_publication import LEAKED, OTHER

from lookup.protocol import parameters
from lookup.protocol.oprf import Blinding
from lookup.protocol.parameters import Parameters

VARYING = {"date", "server", "connection", "content-length"}
LIMIT = 12


# What no prefix of 10 bits is, as it stands in a path; the last is 3ff.
WRONG_PREFIXES: dict[str, bytes] = {
    "too short": b"0f",
    "too long": b"0fff",
    "empty": b"",
    "beyond the last": b"400",
    "upper case": b"0FF",
    "no hex": b"0fg",
    "signed": b"+ff",
    "with 0x": b"0x1",
    "blank": b"0f%20",
    "an IIN": LEAKED.encode(),
    "an escaped IIN": b"".join(b"%%%02x" % byte for byte in LEAKED.encode()),
    "a phone": b"+77012345678",
    "an e-mail": b"aigerim@example.com",
    "Arabic digits": "٠٠٠".encode(),
    "escaped Arabic digits": b"%d9%a0%d9%a0%d9%a0",
    "escaped full-width digits": b"%ef%bc%90%ef%bc%90%ef%bc%90",
    "escaped NUL": b"0ff%00",
    "escaped newline": b"0ff%0a",
    "bad escape": b"0f%zz",
    "bad UTF-8": b"0ff%ff",
    "two suffixes": b"0ff.json.json",
    "only a suffix": b".json",
    "another suffix": b"0ff.xml",
    "semicolon": b"0ff;x",
    "very long": b"0" * 1500,
}


@dataclass
class Nodes:
    """One published index, and two nodes that serve it."""

    open: Served  # without a limit
    limited: Served
    published: Parameters

    @property
    def url(self) -> str:
        return self.open.url

    @property
    def root(self) -> str:
        return f"/v1/range/public/{self.published.version}"


@contextmanager
def served_nodes(folder: Path) -> Iterator[Nodes]:
    """Load two people, publish, and serve until the block ends."""
    installation = Installation(folder / "data")
    installation.qorgan("init", "--argon2", "test", "--prefix-bits", "10")
    installation.dataset("first", classes=("names", "phone-numbers"))
    dump = folder / "dump.csv"
    dump.write_text(f"iin;name\n{LEAKED};Айгерим\n{OTHER};Данияр\n", encoding="utf-8")
    installation.qorgan("load", dump, "--dataset", "first", "--iin", "iin", "--field", "name=names")
    installation.qorgan("publish", "first")
    limit = {"QORGAN_EVALUATE_LIMIT": f"{LIMIT}/hour;100/day", "QORGAN_WORKERS": "2"}
    with (
        installation.served(QORGAN_WORKERS="1") as first,
        installation.served(**limit) as limited,
    ):
        document = ask(first.url, "/v1/params/public").body
        yield Nodes(first, limited, parameters.parse(document))


def fixed(heard: Heard) -> dict[str, str]:
    """The headers that we choose."""
    return {name: value for name, value in heard.headers.items() if name not in VARYING}


def blinded(count: int) -> list[str]:
    return [element.hex() for element in Blinding([b"x"] * count).blinded]
