"""The soak's oracle notices what is wrong, and excuses nothing but what its time excuses."""

import dataclasses

import pytest

from bench.soak_oracle import (
    FOLLOWS,
    GRACE,
    Asked,
    Kind,
    Oracle,
    Switch,
    Timeline,
    Verdict,
    Window,
)

ALL = ("names", "phone-numbers")
MEMBER, FORMER, STRANGER = 0, 1, 2
LEAKS = [{"shop": ALL}, {"bank": ("names",)}, {}]
# The bank is withdrawn at 100, which takes 1 s; a clinic stays in the other lane.
SWITCHES = (
    Switch("public", "1-a", frozenset({"shop", "bank"}), 0, 1),
    Switch("verified", "1-v", frozenset({"clinic"}), 0, 1),
    Switch("public", "2-b", frozenset({"shop"}), 100, 101),
)
BOTH, SHOP, BANK, NOTHING = "1-a", {"shop": ALL}, {"bank": ("names",)}, {}
AFTER = 101 + FOLLOWS + 1


def timeline(store: tuple[Window, ...] = (), web: tuple[Window, ...] = ()) -> Timeline:
    made = Timeline(store_away=list(store), web_away=list(web))
    for switch in SWITCHES:
        made.add(switch)
    return made


def judged(asked: Asked, made: Timeline | None = None) -> Verdict:
    verdict, why = Oracle(made or timeline(), LEAKS).judge(asked)
    assert bool(why) == (verdict is not Verdict.RIGHT)
    return verdict


def told(
    who: int, leaks: dict[str, tuple[str, ...]], version: str, at: float, kind: Kind = Kind.CHECK
) -> Asked:
    return Asked(kind, at, at, at + 0.1, (who,), {"public": version}, (leaks,))


def failed(kind: Kind, error: str, at: float, version: str = "") -> Asked:
    versions = {"public": version} if version else {}
    return Asked(kind, at, at, at + 0.1, versions=versions, error=error)


@pytest.mark.parametrize("kind", [Kind.CHECK, Kind.BULK, Kind.RANGE])
@pytest.mark.parametrize(
    ("who", "leaks", "version", "at"),
    [
        (MEMBER, SHOP, "1-a", 50),
        (MEMBER, SHOP, "2-b", AFTER),
        (FORMER, BANK, "1-a", 50),
        (FORMER, BANK, "1-a", 101 + FOLLOWS - 1),
        (FORMER, NOTHING, "2-b", 100.5),
        (STRANGER, NOTHING, "2-b", AFTER),
    ],
)
def test_right_answers(
    kind: Kind, who: int, leaks: dict[str, tuple[str, ...]], version: str, at: float
) -> None:
    """What the served version has of a person is right, also while nodes follow a switch."""
    assert Verdict.RIGHT is judged(told(who, leaks, version, at, kind))


@pytest.mark.parametrize("kind", [Kind.CHECK, Kind.BULK, Kind.RANGE])
@pytest.mark.parametrize(
    ("who", "leaks", "version"),
    [
        (MEMBER, NOTHING, "2-b"),  # the worst: a member who reads "not found"
        (STRANGER, SHOP, "2-b"),
        (FORMER, BANK, "2-b"),  # withdrawn, and not in that version
        (MEMBER, {"shop": ("names",)}, "2-b"),
        (MEMBER, {"shop": (*ALL, "emails")}, "2-b"),
        (MEMBER, SHOP | BANK, "2-b"),
        (MEMBER, SHOP, "3-c"),  # nobody published it
    ],
)
def test_wrong_answers(
    kind: Kind, who: int, leaks: dict[str, tuple[str, ...]], version: str
) -> None:
    """One leak or class more or less than the person's is wrong, and so is an unknown version."""
    assert Verdict.WRONG is judged(told(who, leaks, version, AFTER, kind))


def test_an_old_version_is_wrong_once_nodes_have_followed() -> None:
    """A dataset may be named for as long as the documents say after its withdrawal, no longer."""
    late, in_time = told(FORMER, BANK, BOTH, AFTER), told(FORMER, BANK, BOTH, AFTER - 1.5)
    assert (Verdict.WRONG, Verdict.RIGHT) == (judged(late), judged(in_time))
    assert Verdict.WRONG is judged(told(FORMER, NOTHING, "2-b", 99))  # before it was there


def test_nodes_follow_later_where_the_store_went_away() -> None:
    """Nodes that had not heard of a switch may serve the old version until the store is back."""
    made = timeline(store=((102, 130),))
    assert Verdict.RIGHT is judged(told(FORMER, BANK, BOTH, 130 + FOLLOWS - 1), made)
    assert Verdict.WRONG is judged(told(FORMER, BANK, BOTH, 130 + FOLLOWS + 1), made)


def test_a_short_answer_in_bulk_is_wrong() -> None:
    """As many answers as persons, in their order."""
    asked = Asked(Kind.BULK, 50, 50, 51, (MEMBER, STRANGER), {"public": BOTH}, (SHOP, NOTHING))
    assert Verdict.RIGHT is judged(asked)
    assert Verdict.WRONG is judged(dataclasses.replace(asked, found=(NOTHING, SHOP)))
    assert Verdict.WRONG is judged(dataclasses.replace(asked, found=(SHOP,)))


def test_the_register_names_what_is_published() -> None:
    """Of both lanes; a withdrawn dataset for as long as nodes follow."""

    def shown(names: str, at: float) -> Verdict:
        return judged(Asked(Kind.REGISTER, at, at, at, found=(dict.fromkeys(names.split(), ()),)))

    assert Verdict.RIGHT is shown("shop bank clinic", 50)
    assert Verdict.RIGHT is shown("shop bank clinic", AFTER - 1.5)
    assert Verdict.RIGHT is shown("shop clinic", AFTER)
    assert Verdict.WRONG is shown("shop bank clinic", AFTER)
    assert Verdict.WRONG is shown("shop", AFTER)


@pytest.mark.parametrize(
    ("kind", "error", "at", "expected"),
    [
        (Kind.CHECK, "503 to the client", 25, Verdict.EXCUSED),
        (Kind.CHECK, "503 to the client", 30 + GRACE - 0.2, Verdict.EXCUSED),
        (Kind.CHECK, "503 to the client", 30 + GRACE + 0.2, Verdict.ERROR),
        (Kind.CHECK, "503 to the client", 19, Verdict.ERROR),
        (Kind.CHECK, "connection of the client", 25, Verdict.ERROR),
        (Kind.CHECK, "500 to the client", 25, Verdict.ERROR),
        (Kind.CHECK, "bad_range", 25, Verdict.ERROR),
        (Kind.RANGE, "503 store_unavailable", 25, Verdict.ERROR),  # files are mapped
        (Kind.BULK, "503 store_unavailable", 25, Verdict.ERROR),
        (Kind.RANGE, "connection ProtocolError", 45, Verdict.EXCUSED),
        (Kind.RANGE, "connection ProtocolError", 60, Verdict.ERROR),
        (Kind.RANGE, "503 store_unavailable", 45, Verdict.ERROR),
        (Kind.CHECK, "rate_limited", 45, Verdict.ERROR),
    ],
)
def test_an_error_needs_its_excuse(kind: Kind, error: str, at: float, expected: Verdict) -> None:
    """503 of what counts in the store while it is away; a broken connection while the node is."""
    made = timeline(store=((20, 30),), web=((44, 46),))
    assert expected is judged(failed(kind, error, at), made)


def test_who_began_without_the_store_knows_no_keys() -> None:
    """Only where a worker began while the store was away may a keyed request be refused."""
    made = timeline(store=((20, 30),), web=((22, 23),))
    assert Verdict.EXCUSED is judged(failed(Kind.BULK, "503 store_unavailable", 25), made)
    assert Verdict.ERROR is judged(failed(Kind.BULK, "503 store_unavailable", 21), made)
    assert Verdict.ERROR is judged(failed(Kind.RANGE, "503 store_unavailable", 25), made)


def test_a_version_is_gone_when_two_have_followed() -> None:
    """410 for one that some node has not yet, or not any more; never for the one before."""
    made = timeline()
    made.add(Switch("public", "3-c", frozenset({"shop"}), 200, 201))
    gone = {
        version: judged(failed(Kind.RANGE, "410 version_gone", 250, version), made)
        for version in ("1-a", "2-b", "3-c", "4-d", "")
    }
    expected = dict.fromkeys(("2-b", "3-c", "4-d", ""), Verdict.ERROR)
    assert {"1-a": Verdict.EXCUSED, **expected} == gone
    assert Verdict.EXCUSED is judged(failed(Kind.RANGE, "410 version_gone", 203, "3-c"), made)


def test_what_is_promised_of_files_is_counted_apart() -> None:
    """All that needs no store, asked wholly while it is away and the node is not."""
    oracle = Oracle(timeline(store=((20, 30),), web=((28, 29),)), LEAKS)
    counted = {
        (kind, at): oracle.is_outage_test(Asked(kind, at, at, at + 0.5))
        for kind in (Kind.RANGE, Kind.BULK, Kind.CHECK)
        for at in (19.9, 25, 29.9)
    }
    assert {(Kind.RANGE, 25), (Kind.BULK, 25)} == {key for key, is_in in counted.items() if is_in}


def test_a_lookup_survives_being_written_down() -> None:
    """Line by line, as the asker writes and the harness reads."""
    asked = Asked(Kind.BULK, 1.0, 2.0, 3.0, (1, 2), {"public": "1-a"}, ({"shop": ["names"]}, {}))
    assert asked == Asked.of_line(asked.line())
