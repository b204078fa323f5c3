"""The register lists what was published and what is only known, and says which is which."""

from web_index import a_dataset

from lookup.index.listing import known_leaks, listing
from lookup.protocol.suite import Lane


def test_the_leaks_that_it_ships_with() -> None:
    """Five leaks are told of, each with its sources; what is only rumoured is not among them."""
    assert {leak.name: (leak.status, leak.sensitive) for leak in known_leaks()} == {
        "kz-2025-16m": ("confirmed", False),
        "zaimer-2024": ("confirmed", True),
        "isoon-2024": ("confirmed", False),
        "kaznu-2024": ("confirmed", True),
        "kundelik-2025": ("claimed", False),
    }
    assert all(leak.sources and leak.description for leak in known_leaks())


def test_what_nobody_loaded_is_said_to_be_in_no_lane() -> None:
    """ "Not found" says nothing about a leak whose data are not in the index."""
    assert [listed.document()["lane"] for listed in listing({})] == [None] * 5


def test_published_datasets_come_first() -> None:
    """In the order of their ids, each with the lane where its people can be asked for."""
    published = {3: a_dataset("clinic", sensitive=True), 1: a_dataset("shop")}
    assert [(e.dataset.name, e.lane) for e in listing(published)][:3] == [
        ("shop", Lane.PUBLIC),
        ("clinic", Lane.VERIFIED),
        ("kz-2025-16m", None),
    ]


def test_whoever_loads_a_known_leak_tells_of_it() -> None:
    """A published dataset stands in the place of the shipped entry of its name."""
    ours = a_dataset("kz-2025-16m")
    listed = [entry for entry in listing({1: ours}) if entry.dataset.name == "kz-2025-16m"]
    assert [(entry.dataset, entry.lane) for entry in listed] == [(ours, Lane.PUBLIC)]
