"""The operator: his key, whom the trail takes records from, four eyes, and a dataset's lane."""

import hashlib
import io
import os
import re
import stat
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from loaders import operator
from loaders.operator import Operator
from lookup.errors import Code, InputError, UnavailableError
from lookup.index import audit, dataset
from lookup.index.audit_record import Details, Event
from lookup.index.dataset import Dataset
from lookup.index.store import Store

ANN, BEN = Operator(bytes([1]) * 32, "Ann"), Operator(bytes([2]) * 32)


class Terminal(io.StringIO):
    """A person who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def a_dataset(*, sensitive: bool) -> Dataset:
    return dataset.parse(
        {
            "name": "one",
            "sensitive": sensitive,
            "title": {"kk": "k", "ru": "r", "en": "e"},
            "breach_date": "2025-06-16",
            "data_classes": ["names"],
        }
    )


def loaded(store: Store, by: Operator, load: int) -> None:
    audit.append(store, by, Event.LOADED, Details(dataset="one", load=load))


def four_eyes(store: Store) -> None:
    """Ann and Ben, who must not both load and publish."""
    audit.append(store, ANN, Event.OPERATOR_ADDED, audit.introduction(BEN))
    audit.append(store, ANN, Event.FOUR_EYES_SET, Details(on=True))


def test_the_key_is_private_whatever_the_umask(folder: Path) -> None:
    """One line of hex in a folder of the owner's, and a name beside it, readable by him alone."""
    before = os.umask(0)
    try:
        made = operator.create(folder, "Әлия")
    finally:
        os.umask(before)
    assert ["operator.key", "operator.name"] == sorted(path.name for path in folder.iterdir())
    assert re.fullmatch(r"[0-9a-f]{64}\n", (folder / "operator.key").read_text())
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    for path in folder.iterdir():
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert made == operator.read(folder) == Operator(made.seed, "Әлия")


def test_made_again_the_operator_is_the_same(folder: Path) -> None:
    """A second init keeps the key; a name that is given replaces the one before."""
    first = operator.create(folder)
    assert first == operator.create(folder)
    assert Operator(first.seed, "Ann") == operator.create(folder, "Ann")
    assert Operator(first.seed, "Ann") == operator.create(folder)


def test_the_id_is_half_a_line_of_the_public_keys_hash(folder: Path) -> None:
    """The short id follows from the public key, which checks the signatures."""
    made = operator.create(folder)
    assert hashlib.sha256(made.public_key).hexdigest()[:16] == made.id
    Ed25519PublicKey.from_public_bytes(made.public_key).verify(made.sign(b"x"), b"x")


def test_an_operator_shows_no_key() -> None:
    """A representation that gets into a trace tells the name and nothing else."""
    assert "Operator(name='Ann')" == repr(ANN)


def test_a_bad_name_makes_nothing(folder: Path) -> None:
    """A name that could hold an identifier is refused before a key is made."""
    with pytest.raises(InputError, match="a name or reason must hold no identifier"):
        operator.create(folder, "870214300012")
    assert not folder.exists()


@pytest.mark.parametrize("content", [b"\xff", b"", b"a\nb\n", b"+77021430012\n"])
def test_a_damaged_name_is_not_signed(folder: Path, content: bytes) -> None:
    """What stands in the name's file would go into the trail: it is held against the same rules."""
    operator.create(folder, "Ann")
    (folder / "operator.name").write_bytes(content)
    with pytest.raises(UnavailableError) as caught:
        operator.read(folder)
    assert Code.BAD_KEY_FILE is caught.value.code
    expected = "operator.name is no plain name; run: qorgan operator init --name NAME"
    assert expected == caught.value.sentence


def test_a_key_that_others_can_read_is_refused(folder: Path) -> None:
    """Somebody else could have signed: the operator is told how to close the file."""
    operator.create(folder)
    (folder / "operator.key").chmod(0o640)
    with pytest.raises(UnavailableError, match=r"others can read .*operator\.key; run: chmod go="):
        operator.read(folder)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The reason comes from the system, in a sentence."""
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(UnavailableError, match="the key folder cannot be written"):
        operator.create(tmp_path / "keys")


def test_the_first_operator_needs_no_preparation(store: Store, folder: Path) -> None:
    """Where nobody has recorded anything, the key is made on first need and then stays."""
    first = operator.ready(store, folder)
    loaded(store, first, 1)
    assert first == operator.ready(store, folder)
    assert [first.id] == list(audit.read(store).operators)


def test_a_lost_key_is_not_replaced_in_silence(store: Store, folder: Path) -> None:
    """Where there is a trail, a machine without a key gets none by itself."""
    loaded(store, ANN, 1)
    with pytest.raises(UnavailableError) as caught:
        operator.ready(store, folder)
    expected = "this machine has no operator key; restore it, or run: qorgan operator init"
    assert expected == caught.value.sentence
    assert not folder.exists()


def test_an_unknown_operator_is_refused_before_the_work(store: Store, folder: Path) -> None:
    """Nobody loads for hours and is told only then that he cannot record it."""
    loaded(store, ANN, 1)
    mine = operator.create(folder)
    with pytest.raises(InputError, match=f"qorgan operator add {mine.public_key.hex()}"):
        operator.ready(store, folder)
    audit.append(store, ANN, Event.OPERATOR_ADDED, audit.introduction(mine))
    assert mine == operator.ready(store, folder)


def test_without_four_eyes_anybody_publishes(store: Store) -> None:
    """It is off until it is set, also for loads that no record tells of."""
    operator.refuse_same_hands(store, ANN, [1])
    loaded(store, ANN, 1)
    operator.refuse_same_hands(store, ANN, [1, 2])
    four_eyes(store)
    audit.append(store, BEN, Event.FOUR_EYES_SET, Details(on=False))
    operator.refuse_same_hands(store, ANN, [1, 2])


def test_with_four_eyes_another_operator_publishes(store: Store) -> None:
    """Who loaded any of the loads is refused and told what to do; the other is not."""
    four_eyes(store)
    loaded(store, ANN, 1)
    loaded(store, BEN, 2)
    operator.refuse_same_hands(store, BEN, [1])
    operator.refuse_same_hands(store, ANN, [2])
    operator.refuse_same_hands(store, ANN, [])
    with pytest.raises(InputError) as caught:
        operator.refuse_same_hands(store, ANN, [2, 1])
    assert (
        "load 1 was loaded by this operator and four eyes are asked for; "
        "have another operator publish it"
    ) == caught.value.sentence


def test_running_a_load_again_does_not_take_it_over(store: Store) -> None:
    """Ben asks for the certificate of Ann's load: the load stays hers."""
    four_eyes(store)
    loaded(store, ANN, 1)
    loaded(store, BEN, 1)
    operator.refuse_same_hands(store, BEN, [1])
    with pytest.raises(InputError, match="load 1 was loaded by this operator"):
        operator.refuse_same_hands(store, ANN, [1])


def test_everybody_who_ever_loaded_it_has_had_it_in_hand(store: Store) -> None:
    """Purged and loaded again by the other, a load was in both operators' hands."""
    four_eyes(store)
    loaded(store, ANN, 1)
    audit.append(store, ANN, Event.PURGED, Details(load=1))
    loaded(store, BEN, 1)
    for by in (ANN, BEN):
        with pytest.raises(InputError, match="load 1 was loaded by this operator"):
            operator.refuse_same_hands(store, by, [1])


def test_with_four_eyes_a_load_of_unknown_hands_waits(store: Store) -> None:
    """A load that no record tells of may be anybody's, so this operator's too."""
    four_eyes(store)
    with pytest.raises(InputError) as caught:
        operator.refuse_same_hands(store, ANN, [1])
    assert (
        "no record tells who loaded load 1 and four eyes are asked for; "
        "have another operator run its load command again, then publish"
    ) == caught.value.sentence


def test_four_eyes_are_not_switched_off_by_forging(store: Store) -> None:
    """A trail that was tampered with lets nobody publish, whatever it says."""
    four_eyes(store)
    loaded(store, ANN, 1)
    lines = audit.read_lines(store)
    store.redis.delete(audit.TRAIL)
    for number, line in enumerate(lines, 1):
        forged = line.replace(b'"on":true', b'"on":false')
        store.redis.xadd(audit.TRAIL, {"line": forged}, id=f"{number}-0")
    with pytest.raises(UnavailableError, match="record 3 of the audit trail was changed"):
        operator.refuse_same_hands(store, ANN, [1])


@pytest.mark.parametrize("sensitive", [False, True])
def test_a_program_is_not_asked(monkeypatch: pytest.MonkeyPatch, *, sensitive: bool) -> None:
    """Without a terminal there is nobody to ask: scripts publish as they always did."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    operator.confirm_lane(a_dataset(sensitive=sensitive), assume_yes=False)


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_a_person_confirms_a_lane(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    """On a terminal the lane is told and asked for; anything but yes publishes nothing."""
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    operator.confirm_lane(a_dataset(sensitive=True), assume_yes=False)
    asked = capsys.readouterr()
    assert "the verified lane: only API clients may ask who is in it. Once" in asked.err
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    with pytest.raises(InputError, match="nothing was published; for the other lane, enter"):
        operator.confirm_lane(a_dataset(sensitive=True), assume_yes=False)
