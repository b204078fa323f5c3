"""``qorgan serve`` refuses an address before it becomes gunicorn."""

import socket
from pathlib import Path

import pytest

from loaders import serve
from lookup.errors import UnavailableError
from lookup.settings import Settings

HINT = "give another address with --bind or QORGAN_BIND"


def settings(folder: Path, bind: str) -> Settings:
    return Settings.from_env({"QORGAN_DATA": str(folder), "QORGAN_BIND": bind})


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "[::1]")]
)
def test_a_taken_port_is_told_with_its_address(
    tmp_path: Path, family: socket.AddressFamily, host: str
) -> None:
    """At once, and only while somebody listens there."""
    with socket.socket(family) as other:
        try:
            other.bind((host.strip("[]"), 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        other.listen()
        bind = f"{host}:{other.getsockname()[1]}"
        with pytest.raises(UnavailableError) as caught:
            serve.refuse_taken(settings(tmp_path, bind))
    assert f"cannot listen on {bind}: another program does; {HINT}" == caught.value.sentence
    serve.refuse_taken(settings(tmp_path, bind))


def test_an_address_of_nobody_here_is_told(tmp_path: Path) -> None:
    """A mistyped address is told as such."""
    with pytest.raises(UnavailableError) as caught:
        serve.refuse_taken(settings(tmp_path, "192.0.2.1:8000"))
    why = "cannot assign requested address"
    assert f"cannot listen on 192.0.2.1:8000: {why}; {HINT}" == caught.value.sentence
