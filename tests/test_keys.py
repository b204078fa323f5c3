"""The key files: who may read them, what they look like, how they come to be."""

import hashlib
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from rbcl import crypto_core_ristretto255_scalar_reduce, crypto_scalarmult_ristretto255_base

from lookup import keys
from lookup.errors import Code, UnavailableError
from lookup.protocol.suite import Lane

LOADERS = ("ledger", "padding", "public", "publisher", "verified")
NAMES = tuple(sorted((*LOADERS, "notices", "webhook")))
WAITS = """
import sys
from pathlib import Path
from lookup import keys
print("ready", flush=True)
sys.stdin.readline()
keys.create(Path(sys.argv[1]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all keys."""
    keys.create(tmp_path / "keys")
    return tmp_path / "keys"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refusal(folder: Path, name: str = "public") -> str:
    """The sentence with which a key file is refused."""
    with pytest.raises(UnavailableError) as caught:
        keys.read(folder, name)
    assert caught.value.code is Code.BAD_KEY_FILE
    return caught.value.sentence


def test_create_makes_seven_private_files(folder: Path) -> None:
    """Each key is one line of hex that only its owner can read, and no two are alike."""
    made = contents(folder)
    assert sorted(made) == [f"{name}.key" for name in NAMES]
    assert len(set(made.values())) == 7
    for name, line in made.items():
        assert re.fullmatch(rb"[0-9a-f]{64}\n", line)
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_create_is_private_whatever_the_umask(tmp_path: Path) -> None:
    """A careless umask does not open the keys to others."""
    before = os.umask(0)
    try:
        keys.create(tmp_path / "new" / "keys")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "keys").stat().st_mode) == 0o700
    assert keys.read(tmp_path / "new" / "keys", "ledger")


def test_create_again_changes_nothing(folder: Path) -> None:
    """A second init leaves every key as it is: a new one would orphan the whole index."""
    before = contents(folder)
    keys.create(folder)
    assert contents(folder) == before


def test_create_completes_what_was_interrupted(folder: Path) -> None:
    """A killed init is continued: kept keys stay, missing ones are made."""
    before = contents(folder)
    (folder / "verified.key").unlink()
    (folder / "publisher.key").unlink()
    keys.create(folder)
    after = contents(folder)
    assert sorted(after) == sorted(before)
    assert {name for name in after if after[name] != before[name]} == {
        "verified.key",
        "publisher.key",
    }


def test_create_at_the_same_moment(tmp_path: Path) -> None:
    """Several inits at once agree on one key each, and leave nothing else behind."""
    folder = tmp_path / "keys"
    inits = [
        subprocess.Popen(
            [sys.executable, "-c", WAITS, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for each in inits:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in inits:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in inits:
        each.communicate(timeout=60)
        assert each.returncode == 0
    made = contents(folder)
    assert sorted(made) == [f"{name}.key" for name in NAMES]
    keys.create(folder)
    assert contents(folder) == made


def test_the_loser_of_a_race_keeps_the_winners_key(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An init that finds a key only when it puts its own in place takes the other's."""
    before = contents(folder)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    keys.create(folder)
    assert contents(folder) == before


def test_create_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A folder that cannot be made is told in a sentence with the reason."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="key folder cannot be written") as caught:
        keys.create(tmp_path / "file" / "keys")
    assert caught.value.code is Code.BAD_KEY_FILE


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o601, 0o620, 0o644, 0o666])
def test_a_file_that_others_reach_is_refused(folder: Path, mode: int) -> None:
    """Any permission for others is refused, and the sentence has the command that mends it."""
    path = folder / "public.key"
    path.chmod(mode)
    assert refusal(folder) == f"others can read {path}; run: chmod go= {path}"
    subprocess.run(["chmod", "go=", str(path)], check=True)
    assert len(keys.read(folder, "public")) == 32


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o711, 0o755])
def test_a_folder_that_others_reach_is_refused(folder: Path, mode: int) -> None:
    """The folder is held to the same rule."""
    folder.chmod(mode)
    assert refusal(folder) == f"others can read {folder}; run: chmod go= {folder}"
    folder.chmod(0o700)
    assert len(keys.read(folder, "public")) == 32


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_is_read(folder: Path, mode: int) -> None:
    """The owner's own permissions are the owner's business."""
    (folder / "public.key").chmod(mode)
    line = (folder / "public.key").read_text()
    assert keys.read(folder, "public").hex() == line.strip()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"0" * 63,
        b"0" * 65,
        b"0" * 64 + b"\n\n",
        b"0" * 64 + b"\r\n",
        b" " + b"0" * 64,
        b"A" * 64,
        b"g" * 64,
        "٠".encode() * 64,
        bytes(32),
        b"0" * 64 + b"\n" + b"0" * 64,
    ],
)
def test_another_form_is_refused(folder: Path, line: bytes) -> None:
    """Only one line of 64 lower-case hex digits is a key; the sentence shows none of what is."""
    (folder / "public.key").write_bytes(line)
    sentence = refusal(folder)
    assert sentence.endswith("is not a key file: one line of 64 hex digits is expected")
    assert len(line.strip()) < 32 or line.decode("latin-1").strip() not in sentence


def test_the_last_line_end_may_be_missing(folder: Path) -> None:
    """A key restored without its line end is the same key."""
    path = folder / "public.key"
    before = keys.read(folder, "public")
    path.write_bytes(path.read_bytes().strip())
    assert keys.read(folder, "public") == before


@pytest.mark.parametrize("name", LOADERS)
def test_a_missing_key_is_named(folder: Path, name: str) -> None:
    """A loader that lacks any key is told which one, and that a backup is the first thing."""
    (folder / f"{name}.key").unlink()
    with pytest.raises(UnavailableError) as caught:
        keys.loader_keys(folder)
    assert caught.value.code is Code.BAD_KEY_FILE
    assert caught.value.sentence == (
        f"the key file {folder / name}.key is missing; restore it from backup"
    )


def test_a_missing_folder_is_a_missing_key(tmp_path: Path) -> None:
    """Without a key folder the sentence is the same."""
    assert "is missing" in refusal(tmp_path / "none")


def test_what_is_no_file_is_refused(folder: Path) -> None:
    """A folder in a key's place is refused with the system's reason."""
    (folder / "public.key").unlink()
    (folder / "public.key").mkdir(mode=0o700)
    assert refusal(folder).endswith(
        "cannot be read (is a directory); it must belong to the user who runs this"
    )


def test_a_node_needs_only_the_keys_of_its_role(folder: Path) -> None:
    """A web node that evaluates the public lane works with public.key alone."""
    for name in ("verified", "ledger", "padding", "publisher"):
        (folder / f"{name}.key").unlink()
    assert keys.lane_key(folder, Lane.PUBLIC).public_key


def test_nothing_shows_a_key(folder: Path) -> None:
    """Whatever prints keys by mistake prints none of their bytes."""
    loaded = keys.loader_keys(folder)
    shown = repr(loaded) + str(loaded) + repr(keys.lane_key(folder, Lane.PUBLIC))
    for line in contents(folder).values():
        seed = bytes.fromhex(line.decode())
        assert seed.hex() not in shown
        assert repr(seed) not in shown
    assert repr(loaded) == "LoaderKeys()"


@pytest.mark.parametrize("lane", list(Lane))
def test_rfc9497_derive_key_pair(lane: Lane) -> None:
    """A lane's key is DeriveKeyPair(seed, "qorgan v1 " lane), RFC 9497 section 3.2.1."""
    seed = bytes(range(32))
    info = b"qorgan v1 " + lane.value.encode()
    suffix = b"DeriveKeyPairOPRFV1-\x01-ristretto255-SHA512"
    suffix += bytes([len(suffix)])  # DST_prime, RFC 9380 section 5.3.1
    message = seed + len(info).to_bytes(2, "big") + info + b"\0"
    first = hashlib.sha512(bytes(128) + message + b"\0\x40\0" + suffix).digest()
    uniform = hashlib.sha512(first + b"\x01" + suffix).digest()
    secret = crypto_core_ristretto255_scalar_reduce(uniform)
    expected = crypto_scalarmult_ristretto255_base(secret)
    assert keys.derive_lane_key(seed, lane).public_key == expected


def test_lanes_have_keys_of_their_own() -> None:
    """The same seed in both files would still give two keys: a lane's noise stays noise."""
    seed = bytes(32)
    public, verified = (keys.derive_lane_key(seed, lane) for lane in Lane)
    assert public.public_key != verified.public_key


def test_limits_key_changes_every_day_and_with_the_seed() -> None:
    """Yesterday's pseudonyms cannot be made again from today's key, nor by another node's."""
    one = keys.limits_key(bytes(32), "2026-11-22")
    assert one == keys.limits_key(bytes(32), "2026-11-22")
    assert one != keys.limits_key(bytes(32), "2026-11-23")
    assert one != keys.limits_key(bytes([1] * 32), "2026-11-22")
    assert len(one) == 32


def test_check_values_tell_keys_and_purposes_apart() -> None:
    """An index knows its ledger and padding keys again by 16 hex digits, one for each purpose."""
    one = keys.check_value(bytes(32), "ledger")
    assert re.fullmatch(r"[0-9a-f]{16}", one)
    assert one != keys.check_value(bytes(32), "padding")
    assert one != keys.check_value(bytes([1] * 32), "ledger")
