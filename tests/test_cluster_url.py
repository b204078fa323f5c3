"""A cluster's URL: some of its nodes, and what redis-py is told."""

import pytest

from lookup.errors import Code, InputError
from lookup.index import store
from lookup.index.cluster_url import start_nodes
from lookup.settings import Settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis+cluster://a", ("redis://a", [])),
        ("redis+cluster://u:p@a:1,b/", ("redis://u:p@a:1/", [("b", 6379)])),
        (
            "rediss+cluster://u:p@[::1]:1,b:2/0?socket_timeout=3",
            ("rediss://u:p@[::1]:1/0?socket_timeout=3", [("b", 2)]),
        ),
    ],
)
def test_its_nodes(url: str, expected: tuple[str, list[tuple[str, int]]]) -> None:
    """The first as redis-py reads it, with user and options; of the others host and port."""
    assert expected == start_nodes(url)


@pytest.mark.parametrize(
    "places",
    [
        "localhost:secret",
        "localhost:1,b:secret/",
        "secret@:1/",
        "localhost/2",
        "[::1/0",
        "localhost/?socket_timeout=secret",
    ],
)
def test_an_unusable_url(places: str) -> None:
    """It is refused at once and without being shown: it may hold a password."""
    with pytest.raises(InputError) as caught:
        store.connect(Settings.from_env({"QORGAN_REDIS_URL": f"redis+cluster://{places}"}))
    assert Code.BAD_SETTING is caught.value.code
    assert "secret" not in caught.value.sentence
